"""The benchmarks run, and what they say about bytes and boundaries holds. How fast it was is nobody's business here."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from benchmarks import client_process, clients, judging, limit, matrix, mutants, serving, soak
from benchmarks.all import misses
from benchmarks.all import page as page_of_costs
from benchmarks.cancellation import Seen, StoppedBy, main, repeated, verdict, written_after
from benchmarks.client_process import command_for, install_node_clients
from benchmarks.readers import Target
from benchmarks.rows import Row, against
from benchmarks.rows.row import QUICK
from benchmarks.tables import Table, percentile
from benchmarks.ways.catalogue import CLIENTS as CATALOGUE
from benchmarks.ways.catalogue import Client, Runtime
from orharness.contract import cases_of
from orharness.dialects import DIALECTS
from orharness.journal import Exchange, Request
from tests.support.mutants import MUTANTS
from tests.support.places import ROOT

CLIENTS = ["raw socket", "httpx", "requests", "aiohttp"]
PACINGS = ["recorded", "lockstep", "instant"]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """One quick run: what it printed, and what it wrote."""
    file = tmp_path_factory.mktemp("benchmarks") / "fidelity.json"
    command = [sys.executable, "-W", "error", "-m", "benchmarks.fidelity", "--quick", "--json", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout, json.loads(file.read_text(encoding="utf-8"))


def rows(measured: tuple[str, dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return next(table["rows"] for table in measured[1]["tables"] if table["name"] == name)


@pytest.mark.slow
def test_it_prints_versions_and_every_table(measured: tuple[str, dict[str, Any]]) -> None:
    printed, written = measured
    assert written["about"]["versions"] in printed
    for title in ("1. Boundaries", "1b. Two claims", "2. Timing error", "3. From the client's close()"):
        assert title in printed
    assert written["wrong"] == []
    assert "Nothing wrong" in printed


@pytest.mark.slow
def test_every_pacing_meets_every_client(measured: tuple[str, dict[str, Any]]) -> None:
    met = [(row["pacing"], row["client"]) for row in rows(measured, "1")]
    assert met == [(pacing, client) for pacing in PACINGS for client in CLIENTS]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere boundaries can only be assumed")
def test_lockstep_proves_every_boundary_and_every_client_saw_it(measured: tuple[str, dict[str, Any]]) -> None:
    for row in rows(measured, "1"):
        if row["pacing"] == "lockstep":
            assert row["asked"] == row["proven"] == row["seen"], row["client"]
    for row in rows(measured, "1b"):
        assert row["chunks"] == row["proven"] == row["reads"] == row["seen"], row["client"]


@pytest.mark.slow
def test_one_and_a_hundred_streams_are_timed(measured: tuple[str, dict[str, Any]]) -> None:
    assert [row["streams"] for row in rows(measured, "2")] == [1, 100]


@pytest.mark.slow
def test_every_close_was_noticed(measured: tuple[str, dict[str, Any]]) -> None:
    found = rows(measured, "3")
    assert [(row["stream"].split(",")[0], row["sends"]) for row in found] == [
        *product(("idle", "writing", "idle"), ("FIN", "RST"))
    ]
    for row in found:
        seen = {part.split()[1]: int(part.split()[0]) for part in row["seen as"].split(", ")}
        assert sum(seen.values()) == row["closes"]
        if row["sends"] == "RST" or row["stream"] != "writing":  # a close over bytes that just came sends RST, too
            assert list(seen) == [row["sends"].lower()]


def test_a_percentile_is_one_of_the_values() -> None:
    assert [percentile([3.0, 1.0, 2.0, 4.0], part) for part in (0.0, 0.5, 0.51, 0.99, 1.0)] == [1.0, 2.0, 3.0, 4.0, 4.0]


def test_a_table_shows_units_of_every_size() -> None:
    table = Table("9", "A title", ("name", "many", "few"), ("a note",), [("one", 1234, 0.5), ("other", None, 43.21)])
    assert str(table).splitlines() == [
        "9. A title",
        "   a note",
        "",
        "name    many    few",
        "-----  -----  -----",
        "one    1,234  0.500",
        "other      -   43.2",
    ]


# --- recording --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_tables_of_recording(tmp_path: Path) -> None:
    file = tmp_path / "recording.json"
    command = [sys.executable, "-W", "error", "-m", "benchmarks.recording", "--quick", "--json", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout

    delays, heads, memory = json.loads(file.read_text(encoding="utf-8"))["tables"]
    assert [(row["streams"], row["by way of"]) for row in delays["rows"]] == [
        (streams, way)
        for streams in ("1", "5", "5, while 300 chunks are saved")
        for way in ("direct", "a bare proxy", "orharness", *(["socat"] if shutil.which("socat") else []))
    ]
    assert all(row["p99"] >= row["p50"] > 0 for row in delays["rows"])
    assert [row["what"] for row in heads["rows"]][-1] == "small events a second"
    assert [row["MB"] > 10 for row in memory["rows"]] == [True] * 3


# --- serving ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_tables_of_serving(tmp_path: Path) -> None:
    file = tmp_path / "serving.json"
    command = [sys.executable, "-W", "error", "-m", "benchmarks.serving", "--quick", "--json", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    late, fast = json.loads(file.read_text(encoding="utf-8"))["tables"]
    assert [(row["server"], row["samples"]) for row in late["rows"]] == [("orharness serve", 100), ("bare", 100)]
    assert all(row["p50"] > 0 for row in late["rows"])  # nothing comes before its time
    assert [row["server"] for row in fast["rows"]] == ["orharness serve", "bare"]


# --- cancellation -----------------------------------------------------------------------------------------------------

STOPPED = Seen(StoppedBy.STOP, 0.0006, 0, 7)


@pytest.mark.slow
def test_the_table_of_cancellation(tmp_path: Path) -> None:
    file = tmp_path / "cancellation.json"
    command = [sys.executable, "-W", "error", "-m", "benchmarks.cancellation", "requests"]
    command += ["--times", "1", "--watch", "0.3", "--json", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    written = json.loads(file.read_text(encoding="utf-8"))
    (versions,) = written["about"]["versions"]
    assert versions.startswith("requests: Python 3.")
    assert versions in done.stdout
    (table,) = written["tables"]
    found = {row["way"]: row for row in table["rows"]}
    assert list(found) == ["break", "with, break", "close() from a thread", "an Event, then close()"]
    # An event wakes the documented thread; while it is silent, nothing does.
    assert found["an Event, then close()"]["while silent"].startswith("no")
    assert all(row["way"] in done.stdout for row in table["rows"])


@pytest.mark.slow
def test_the_table_of_judging(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert judging.main(["--quick", "--rounds", "1"]) == 0
    printed = capsys.readouterr().out
    assert "Nothing failed." in printed
    sweeps = [
        line.split() for line in printed.splitlines() if line.startswith("tests/support/correct_clients.py:correct")
    ]
    assert len(sweeps) == 4
    for _, rounds, tried, proven, *_ in sweeps[:2]:
        assert rounds == "1"
        assert int(tried) > 500
        assert tried == proven or sys.platform != "linux"
    [never_closes] = [
        line.split() for line in printed.splitlines() if line.startswith("tests/support/mutants.py:never")
    ]
    for _, cases, failed, *seconds in (*sweeps[2:], never_closes):
        assert (int(cases) > 10, failed) == (True, "0")
        took, cpu, _, waits = map(float, seconds)
        assert 0 <= waits <= took
        assert cpu > 0


@pytest.mark.slow
def test_judging_tells_what_failed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", sys.path.copy())
    monkeypatch.setattr(sys, "modules", sys.modules.copy())  # what is imported here is forgotten
    client = tmp_path / "client.py"
    code = f"""
import sys
sys.path.append({str(ROOT)!r})
from tests.support.correct_clients import correct

def strips(base_url):
    return (text.strip().replace("ü", "u") for text in correct(base_url))
"""
    client.write_text(code, encoding="utf-8")
    assert judging.main(["--quick", "--rounds", "1", f"{client}:strips"]) == 1
    assert "FAILED: boundaries/every-offset, done/" in capsys.readouterr().out


def test_a_way_that_stops_is_shown_by_its_median() -> None:
    seen = [Seen(StoppedBy.STOP, seconds, 0, 7) for seconds in (0.003, 0.001, 0.0016)]
    assert verdict(seen) == "1.6 ms"


@pytest.mark.parametrize(
    ("by", "shown"),
    [
        (StoppedBy.NEXT_EVENT, "no: at the next event"),
        (StoppedBy.COLLECTION, "no: by the GC"),
        (StoppedBy.NOTHING, "no"),
    ],
)
def test_a_way_that_does_not_stop_says_what_did(by: StoppedBy, shown: str) -> None:
    assert verdict([Seen(by, None, 150, 157)]) == shown
    assert verdict([STOPPED, Seen(by, None, 150, 157)]) == f"{shown}, 1 of 2 did"


def test_what_does_not_stop_is_watched_once() -> None:
    turns = iter([STOPPED, Seen(StoppedBy.NOTHING, None, 150, 157), STOPPED])
    assert len(repeated(lambda: next(turns), 3)) == 2
    assert len(repeated(lambda: STOPPED, 3)) == 3


def test_only_events_behind_the_stop_have_leaked() -> None:
    exchange = Exchange("1", "", Request("POST", "/"), written_at=(0.1, 0.2, 0.3, 0.4))
    assert [written_after(exchange, moment) for moment in (0.0, 0.2, 0.35, 0.4)] == [4, 2, 1, 0]


def test_a_client_that_is_not_installed_is_left_out() -> None:
    assert command_for(Client("none", ("no-such-distribution",), ())) is None


def test_without_node_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert "there is no node here" in (install_node_clients() or "")
    assert [command_for(client) for client in CATALOGUE if client.runtime is Runtime.NODE] == [None, None, None]


def test_every_way_for_node_stands_in_its_file() -> None:
    for client in CATALOGUE:
        for way in client.ways if client.runtime is Runtime.NODE else ():
            file, _, function = way.call.partition(":")
            source = (client_process.NODE / f"{file}.mjs").read_text(encoding="utf-8")
            assert f"export async function {function}(app)" in source


def test_an_unknown_client_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["no-such-client"])
    assert "no such client: no-such-client" in capsys.readouterr().err


def test_an_unknown_name_beside_a_known_one_is_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        clients.main(["openai-async", "openai-asinc"])
    assert ended.value.code == 2
    assert "no such client: openai-asinc (did you mean 'openai-async'?)" in capsys.readouterr().err
    [one, *_] = MUTANTS
    assert mutants.main([one.name, f"{one.name}s"]) == 2
    assert f"no such mutant: {one.name}s (did you mean '{one.name}'?)" in capsys.readouterr().err


@pytest.mark.slow
def test_no_packet_contradicts_the_journal() -> None:
    command = [sys.executable, "-W", "error", "-m", "benchmarks.certainty", "--leavings", "60"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode == 2:
        pytest.skip(done.stderr.strip())
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "0 contradictions in 60 leavings" in done.stdout


@pytest.mark.long
@pytest.mark.slow
def test_all_costs_are_measured_beside_their_goals(tmp_path: Path) -> None:
    """A quick run has too few samples for a goal; that each row is there, and is written down, is what is tested."""
    data, page = tmp_path / "all.json", tmp_path / "performance.md"
    command = [sys.executable, "-m", "benchmarks.all", "--quick", "--json", str(data), "--to", str(page)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    found = json.loads(data.read_text(encoding="utf-8"))
    written = page.read_text(encoding="utf-8")
    assert len(found["rows"]) >= 20
    for row in found["rows"]:
        assert row["what"] in done.stdout
        assert row["what"] in written
    assert found["about"]["date"] in written


def test_a_row_that_misses_its_goal_says_what_is_in_the_way() -> None:
    rows = [
        Row("fast", "9 ms", "bare: 3 ms", 3.0, 2, why="the wire"),
        Row("often", "5", "", 0.5, 0.4, most=False),
        Row("late", "5 ms", "bare: 4 ms", 1.25, 1.2, noisy=True),
    ]
    assert [row.met for row in rows] == [False, True, False]
    assert misses(rows) == [
        "fast: 3, the goal is ≤ 2. In the way: the wire",
        "late: 1.25, the goal is ≤ 1.2",
    ]
    written = page_of_costs(rows, {"system": "Linux"})
    assert "| often | 5 |  | 0.5 | ≥ 0.4 | yes |" in written
    assert "| late * | 5 ms | bare: 4 ms | 1.25 | ≤ 1.2 | no |" in written
    assert "- system: Linux" in written


def test_a_row_that_was_not_run_is_neither_met_nor_missed() -> None:
    row = Row("beside it", "not run", "it", None, 1.5, most=False, why="it is not installed")
    assert row.met is None
    assert misses([row]) == ["beside it: not run, the goal is ≥ 1.5. In the way: it is not installed"]
    assert "| beside it | not run | it | not run | ≥ 1.5 | not run |" in page_of_costs([row], {})


def test_without_aimock_its_rows_say_so(tmp_path: Path) -> None:
    rows = list(against.aimock(QUICK, tmp_path))
    assert len(rows) == len(QUICK.streams)
    for row in rows:
        assert (row.measured, row.met) == ("not run", None)
        assert "npm ci" in row.why or "no node" in row.why


def test_a_lockstep_chunk_is_measured_beside_a_byte_to_and_fro() -> None:
    [row] = against.lockstep(QUICK)
    assert row.value is not None
    assert row.value > 0.1
    assert "a byte to and fro" in row.baseline


# --- limit ------------------------------------------------------------------------------------------------------------


class Carries:
    """A server that is in time up to a number of streams, and a bare one up to another."""

    def __init__(self, ours: int, theirs: int) -> None:
        self.serve = serving.Server("serve", Target(1, "/"), 1, dict)
        self.bare = serving.Server("bare", Target(2, "/"), 2, dict)
        self.most = {"serve": ours, "bare": theirs}
        self.asked: list[int] = []

    def measure(self, server: serving.Server, streams: int) -> limit.Measured:
        self.asked.append(streams)
        return limit.Measured(streams, 1.0, 10.0 if streams <= self.most[server.name] else 30.0, 0.5)


@pytest.mark.parametrize(
    ("ours", "theirs", "found", "is_ours"),
    [(700, 5000, 700, True), (700, 100, 700, False), (60, 5000, 50, True), (9000, 9000, 1000, True)],
)
def test_the_limit_is_between_what_was_carried_and_what_was_not(
    ours: int, theirs: int, found: int, is_ours: bool
) -> None:
    best, said = limit.carried(Carries(ours, theirs), 20.0, 1000)
    assert best is not None
    assert (best.streams, said) == (found, is_ours)


@pytest.mark.parametrize(("theirs", "found", "bad"), [(700, 700, 750), (9000, 1000, 1001)])
def test_the_limit_of_the_bare_server_is_looked_for_in_the_same_way(theirs: int, found: int, bad: int) -> None:
    carries = Carries(100, theirs)
    best, least = limit.most_carried(carries, carries.bare, 20.0, 1000)
    assert best is not None
    assert (best.streams, least) == (found, bad)


def test_where_nothing_is_in_time_nothing_is_carried() -> None:
    carries = Carries(0, 5000)
    assert limit.carried(carries, 20.0, 1000) == (None, True)
    assert len(carries.asked) < 10


@pytest.mark.slow
def test_the_limit_of_two_workers_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert limit.main(["--quick", "--most", "60", "--late", "60000", "--workers", "2"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"\n60 streams at once, 600 events a second: 99 % of the events at most", said)
    assert re.search(r"\n60 took \d+% of a core: by CPU time alone a core carries ", said)


# --- soak -------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_short_soak_finds_nothing_wrong() -> None:
    said: list[str] = []
    assert soak.run(seconds=4.0, clients=10, seed=1, say=said.append) == []
    assert {line.split("  ")[-1] for line in said[:-1]} >= {act.name for act in soak.ACTS}


def test_a_soak_finds_a_wrong_entry_and_memory_that_grows() -> None:
    act = next(one for one in soak.ACTS if one.name == "reads a stream")
    flat, grows = [(float(at), 50_000) for at in range(9)], [(float(at), 50_000 + 10_000 * at) for at in range(9)]
    entry = {"request": {"headers": {"X-Number": "0"}}, "outcome": "cancelled"}
    [wrong] = soak.judge(soak.Found({0: act}, memory=flat), [entry])
    assert "request 0 (reads a stream): outcome cancelled" in wrong
    [wrong] = soak.judge(soak.Found({0: act}, memory=grows), [entry | {"outcome": "completed"}])
    assert "memory goes on growing" in wrong
    assert soak.judge(soak.Found({0: act}, memory=flat), [entry | {"outcome": "completed"}]) == []


@pytest.mark.slow
def test_the_page_of_apis_is_what_its_command_makes() -> None:
    """``python -m benchmarks.matrix`` writes it, and each cell is written only after what it says was seen."""
    rows = matrix.table().rows
    assert matrix.PAGE.read_text("utf-8") == matrix.page(rows)
    assert [row[0] for row in rows] == list(DIALECTS)
    assert [row for row in rows if not all(row)] == []


@pytest.mark.slow
def test_a_cell_that_does_not_hold_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(matrix.COLUMNS, "contract", lambda dialect: matrix.contract(replace(dialect, cases=tuple)))
    with pytest.raises(AssertionError):
        matrix.table()


def test_each_case_that_the_page_of_apis_names_is_one() -> None:
    known = {case.id for dialect in DIALECTS.values() for case in cases_of(dialect)}
    clauses = {name for dialect in DIALECTS.values() if dialect.grammar for name in dialect.grammar.clauses}
    assert len(_named()) > 100
    assert _named() - known - clauses == {"fidelity/grammar"}  # that one is of relay-check


def test_the_page_of_apis_names_each_clause_and_each_case_about_the_json_of_an_api() -> None:
    """Those of chat, which are a hundred, have pages of their own."""
    chat = DIALECTS.default
    clauses = {name for dialect in DIALECTS.values() if dialect.grammar for name in dialect.grammar.clauses}
    own = {case["id"] for dialect in DIALECTS.values() if dialect is not chat for case in dialect.cases()}
    assert (clauses | own) - _named() == set()


def _named() -> set[str]:
    """The cases and clauses that the page names below its matrix."""
    return set(
        re.findall(r"`([a-z]+/[a-z0-9-]+)`", matrix.PAGE.read_text("utf-8").partition("## What official SDKs")[2])
    )
