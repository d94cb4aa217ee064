"""The contract on clients that nobody here wrote: what fails is what was looked at by hand, and nothing else.

They are many packages, pinned in ``.ci/clients.txt`` because a new version may judge otherwise; CI runs this file in an
environment of its own.
"""

from __future__ import annotations

import gc
import os
import re
import shutil
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import clients
from benchmarks.client_process import ROOT, install_node_clients
from benchmarks.clients import fails, judge
from benchmarks.judged import records
from benchmarks.judged.catalogue import CLIENTS, Judged
from benchmarks.judged.confirm import confirmed
from benchmarks.judged.page import page
from benchmarks.judged.records import UNASKED, UNEXPLAINED, Fail, Record, notes
from benchmarks.judged.unconfirmed import why_unconfirmed
from orharness.contract import run
from orharness.contract.catalogue import cases_in
from orharness.contract.driving.drivers import DriverSubject
from orharness.dialects import DIALECTS
from orharness.report.words import in_words
from orharness.server.thread import ServerThread
from orharness.verdict import Evidence, Result, Verdict

PAGE = ROOT / "docs" / "clients.md"
JUDGED = [client for client in CLIENTS if Record.read(client.name) is not None]

COST = "cost/many-events"

REQUIRED = "ORHARNESS_REAL_CLIENTS"  # set where they have to be there


@pytest.fixture
def node() -> str:
    found = shutil.which("node")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("node is missing")
        pytest.skip("node is needed to run the second runner")
    return found


def _absent(client: Judged) -> str | None:
    if os.environ.get(REQUIRED) is None:
        return f"real clients are judged where {REQUIRED} is set: pip install -r .ci/clients.txt"
    if client.missing:
        pytest.fail(f"{', '.join(client.missing)} is not here: pip install -r .ci/clients.txt")
    return install_node_clients() if client.node else None


@pytest.mark.filterwarnings("ignore")  # what a foreign client leaves open is its own business
@pytest.mark.parametrize("client", [one for one in CLIENTS if one.by_ci], ids=lambda client: client.name)
def test_what_fails_is_what_was_looked_at(client: Judged) -> None:
    if (absent := _absent(client)) is not None:
        pytest.skip(absent)
    cases = clients.of_profile(client)  # what an answer costs takes too long here
    verdicts = judge(client, cases)
    gc.collect()  # the warnings about it come here, and not in a later test
    expected = set(notes()[client.name]) & set(cases)
    surprising = [in_words(one) for one in verdicts if one.case in set(fails(verdicts)) ^ expected]
    assert surprising == []


def test_every_fail_has_its_note() -> None:
    for client in JUDGED:
        known = {case.id for case in cases_in(None, client.dialect)}
        for case, note in notes()[client.name].items():
            assert case in known
            assert note != UNEXPLAINED
            assert len(note) > 20


def test_what_was_measured_is_what_has_a_note() -> None:
    for client in JUDGED:
        record = Record.read(client.name)
        assert record is not None
        assert set(record.fails) <= set(notes()[client.name])
        assert client.by_ci or set(record.fails) == set(notes()[client.name])
        assert {name: judged - held for name, (held, judged) in record.families.items() if judged > held} == Counter(
            case.partition("/")[0] for case in record.fails
        )


def test_every_fail_that_is_not_confirmed_says_why() -> None:
    for client in JUDGED:
        record = Record.read(client.name)
        assert record is not None
        for case, fail in record.fails.items():
            assert fail.confirmed or why_unconfirmed(fail) != UNEXPLAINED, (client.name, case, fail.bare)


def test_the_page_is_what_its_command_makes() -> None:
    """``python -m benchmarks.clients --page docs/clients.md``"""
    assert PAGE.read_text("utf-8") == page()


def test_the_page_has_enough_clients_of_every_api_and_language() -> None:
    assert len(JUDGED) >= 40
    assert 3 * sum(client.by_ci for client in CLIENTS) >= len(CLIENTS)
    assert {client.dialect for client in JUDGED if client.by_ci} == set(DIALECTS)
    assert {client.language for client in JUDGED} >= {"Python", "Node", "Go", "Java", "a shell"}


def test_the_page_says_who_is_judged_by_parts() -> None:
    by_parts = {
        record.client
        for record in map(Record.read, [client.name for client in JUDGED])
        if record and "parts" in record.families
    }
    rows = [line.split(" | ") for line in page().splitlines() if line.startswith("| [")]
    assert {row[0].partition("]")[0].removeprefix("| [") for row in rows if row[3] == "text, parts"} == by_parts
    assert by_parts >= {"openai", "openai-async", "openai-node", "litellm", "langchain-openai", "ai-sdk"}
    assert {row[3] for row in rows} == {"text", "text, parts"}


def test_each_cell_with_a_fail_leads_to_it() -> None:
    written = page()
    leads = set(re.findall(r"\(#([a-z0-9-]+)\)", written))
    headings = set(re.findall(r"^### (.+)$", written, re.MULTILINE))
    assert leads == headings | set(re.findall(r'<a id="([a-z0-9-]+)">', written))
    assert headings == {client.name for client in JUDGED}


# --- what is kept ---------------------------------------------------------------------------------------------------


def test_a_record_keeps_what_was_not_judged_again(tmp_path: Path) -> None:
    failed = Fail("MUST", "half a character: \ud83d", (3, 5), "fail", "its text is wrong")
    before = replace(BY_HAND, held=("a/1", "b/1"), fails={"a/2": failed, "b/2": failed, "a/gone": failed})
    now = replace(BY_HAND, held=("a/2",), fails={"a/1": failed})
    merged = now.after(before, ["a/1", "a/2", "b/1", "b/2"])
    assert (merged.held, list(merged.fails)) == (("a/2", "b/1"), ["a/1", "b/2"])
    assert merged.families == {"a": (1, 2), "b": (1, 2)}
    merged.write(tmp_path)
    assert Record.read(merged.client, tmp_path) == merged
    assert Record.read("another", tmp_path) is None


def test_only_what_has_no_verdict_is_new() -> None:
    client = CLIENTS[0]
    every = clients.of_profile(client)
    known = replace(BY_HAND, held=tuple(every[:-2]), fails={every[-2]: Fail("MUST", "")})
    assert clients.unknown_to(known, every) == every[-1:]
    assert clients.unknown_to(None, every) == every
    assert judge(client, []) == []


def test_what_an_answer_costs_is_judged_beside_the_profile() -> None:
    for client in CLIENTS:
        profile = clients.of_profile(client)
        asked = clients.asked_of(client, "gateway")
        assert asked[: len(profile)] == profile
        assert asked[len(profile) :] == [case.id for case in cases_in(None, client.dialect) if case.grows] != []
        assert clients.asked_of(client, "gateway", [asked[-1], "no/such"]) == asked[-1:]


@pytest.mark.slow
def test_a_case_by_name_leaves_what_is_stored_of_the_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of the client's own process, in which the server has no part."""
    monkeypatch.setattr(records, "MEASURED", tmp_path)
    monkeypatch.setattr(records, "NOTES", tmp_path / "verdicts.json")
    [client] = [one for one in CLIENTS if one.name == "http-client-loop"]
    replace(BY_HAND, client=client.name, held=("framing/lf",)).write()
    monkeypatch.setattr(clients, "run", lambda subject, **kinds: [told(case, subject) for case in kinds["only"]])
    clients.main([client.name, "--cases", COST, "--store"])
    record = Record.read(client.name)
    assert record is not None
    assert (record.held, list(record.fails)) == (("framing/lf",), [COST])
    assert list(notes()[client.name]) == [COST]


def told(case: str, subject: object) -> Verdict:
    assert isinstance(subject, DriverSubject)
    return Verdict(case, "", Result.FAIL, Evidence("", "", "its time grows faster than the answer"))


def test_a_case_that_does_not_exist_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        clients.main(["--cases", "cost/many-event"])
    assert "no such case: cost/many-event (did you mean 'cost/many-events'?)" in capsys.readouterr().err


# --- a server that shares no code with ours -------------------------------------------------------------------------

BY_HAND = Record("by hand", "Python 3", "Python", "chat", "2026-01-01")
DRIVER = [sys.executable, "-m", "benchmarks.judged.driver"]
TRUE, FALSE = "framing/no-space-after-colon", "chat/escapes"  # of a loop that wants the space
ALSO_TRUE = "framing/fields-without-space"


@pytest.mark.slow
@pytest.mark.parametrize("client", ["http_client", "aiohttp_lines"])
def test_a_fail_is_confirmed_by_the_bare_server_alone(node: str, client: str) -> None:
    claimed = replace(BY_HAND, fails={case: Fail("MUST", "", ()) for case in (TRUE, FALSE)})
    found = confirmed(claimed, [*DRIVER, f"by_hand:{client}"]).fails
    assert {case: fail.confirmed for case, fail in found.items()} == {TRUE: True, FALSE: False}
    assert found[FALSE].bare == "pass"


@pytest.mark.slow
def test_what_fails_everything_there_confirms_nothing(node: str) -> None:
    claimed = replace(BY_HAND, fails={TRUE: Fail("MUST", "", ())})
    with pytest.raises(RuntimeError, match="fails a plain answer on the bare server"):
        confirmed(claimed, [sys.executable, "-c", GREETS_AND_FAILS])


@pytest.mark.slow
def test_a_run_that_sent_no_request_confirms_nothing(
    node: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A busy machine, or a client that is still at an earlier run: the case is played once more."""
    monkeypatch.setenv("PATIENCE", "1500")
    late = IS_LATE_FOR_ONE_RUN.replace("LATE", str(tmp_path / "late"))
    claimed = replace(BY_HAND, fails={case: Fail("MUST", "", ()) for case in (TRUE, ALSO_TRUE)})
    found = confirmed(claimed, [sys.executable, "-c", late, "by_hand:http_client"]).fails
    assert {case: (fail.confirmed, fail.why == UNASKED) for case, fail in found.items()} == {
        TRUE: (True, False),
        ALSO_TRUE: (True, False),
    }
    assert not Fail("MUST", "its text is wrong", (), "fail", UNASKED).confirmed
    assert Fail("MUST", "the client sent no request within 5 s", (), "fail", UNASKED).confirmed


IS_LATE_FOR_ONE_RUN = """
import sys
from pathlib import Path
from benchmarks.judged import driver
from benchmarks.judged.sdks import by_hand

streams = by_hand.http_client
late = Path("LATE")

def client(base_url):
    if not late.exists():
        late.touch()
        import time
        time.sleep(60)
    return streams(base_url)

def later(base_url):
    yield from client(base_url)

by_hand.http_client = later
driver.main(sys.argv[1])
"""

SAYS_PARTS = """
import sys
from benchmarks.judged import driver
from benchmarks.judged.sdks import by_hand
from tests.support.correct_clients import Parts, correct_parts

class LeavesAtTheFinish(Parts):
    def finish(self, reason):
        super().finish(reason)
        self.done |= bool(reason)

by_hand.http_client = lambda base_url: correct_parts(base_url, ANSWER)
driver.main(sys.argv[1])
"""


@pytest.mark.slow
def test_the_driver_tells_all_parts(sse_thread: ServerThread) -> None:
    driver = [sys.executable, "-c", SAYS_PARTS.replace("ANSWER", "Parts"), "by_hand:http_client"]
    with DriverSubject(driver) as subject:
        verdicts = run(subject, only=["parts"], thread=sse_thread)
    assert {one.result for one in verdicts} == {Result.PASS}


@pytest.mark.slow
def test_a_fail_of_parts_is_confirmed_beside_a_case_that_holds_of_that_kind(node: str) -> None:
    """The bare server judges by usage only who says some, and a client may say none in the case that it fails."""
    driver = [sys.executable, "-c", SAYS_PARTS.replace("ANSWER", "LeavesAtTheFinish"), "by_hand:http_client"]
    cases = ("parts/usage", "parts/tool-call")
    claimed = replace(
        BY_HAND, held=("parts/usage-with-the-finish",), fails={case: Fail("MUST", "", None) for case in cases}
    )
    found = confirmed(claimed, driver).fails
    assert {case: fail.bare for case, fail in found.items()} == {"parts/usage": "fail", "parts/tool-call": "pass"}


GREETS_AND_FAILS = """
import json, sys
print(json.dumps({"event": "hello", "capabilities": []}), flush=True)
for line in sys.stdin:
    order = json.loads(line)
    if order["op"] == "stream":
        print(json.dumps({"id": order["id"], "event": "error", "message": "no", "status": None}), flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("client", ["http_client", "aiohttp_lines"])
def test_the_driver_runs_functions_of_both_kinds(client: str, sse_thread: ServerThread) -> None:
    """One that is blocked in a read cannot be told to stop: only that of an async function is cancelled in silence."""
    cases = ["framing/lf", "errors/http-429-onerouter"]
    if client == "aiohttp_lines":
        cases.append("cancellation/while-silent")
    with DriverSubject([*DRIVER, f"by_hand:{client}"]) as subject:
        verdicts = run(subject, only=cases, thread=sse_thread)
    assert [one.result for one in verdicts] == [Result.PASS] * len(cases), verdicts
