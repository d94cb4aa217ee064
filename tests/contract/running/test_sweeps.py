"""The many runs of one sweep, in other processes or in one thread of this one: the verdicts of runs one by one."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orharness.contract import run
from orharness.contract.catalogue.case import Case
from orharness.contract.catalogue.chunkings import Cuts
from orharness.contract.driving.functions import FunctionSubject
from orharness.contract.running.replies import representative
from orharness.contract.running.rows import Proof, Row
from orharness.contract.running.run import chosen
from orharness.contract.running.worker import Handout, NamedFunction, cores_of_workers
from orharness.server.thread import ServerThread
from orharness.verdict import Got, Result, Verdict
from tests.support.correct_clients import correct, correct_async
from tests.support.places import SUPPORT

SWEEP = "boundaries/every-offset"
CLIENTS = SUPPORT / "correct_clients.py"
CUTS = len(representative(chosen(only=SWEEP)[0]).body) - 1
TOLD = "told.txt"  # where a client of another process says what it did


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory; what is imported there is forgotten after each test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(CLIENTS.parent)])
    monkeypatch.setattr(sys, "modules", sys.modules.copy())
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "correct_clients.py").write_bytes(CLIENTS.read_bytes())
    return tmp_path


@pytest.fixture
def judged(folder: Path, sse_thread: ServerThread) -> Iterator[Callable[..., Verdict]]:
    """The verdict on a client of that code, in other processes; ``told`` by it are the processes that it ran in."""
    named: list[NamedFunction] = []

    def judge(code: str, only: str = SWEEP, patience: float = 1.0, **limits: Any) -> Verdict:
        source = f"import os, re, time\nfrom correct_clients import correct, correct_async\nTOLD = {TOLD!r}\n{code}"
        (folder / "client.py").write_text(source, encoding="utf-8")
        with NamedFunction("client.py:client", **limits) as client:
            named.append(client)
            [verdict] = run(client, only=only, thread=sse_thread, patience=patience)
        return verdict

    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    yield judge
    assert not any(client._workers for client in named)
    assert cores is None or os.sched_getaffinity(0) == cores


NOTED = """
def client(base_url):
    with open(TOLD, "a") as file:
        cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
        file.write(f"{os.getpid()}/{len(cores)}\\n")
    print("not for the protocol")
    return %s(base_url)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["correct", "correct_async"])
def test_a_client_that_is_right_is_read_in_other_processes(
    name: str, judged: Callable[..., Verdict], capfd: pytest.CaptureFixture[str]
) -> None:
    verdict = judged(NOTED % name, share=150)
    assert verdict.result is Result.PASS
    assert verdict.boundaries_proven == verdict.boundaries_tried > CUTS
    noted = Path(TOLD).read_text("utf-8").split()
    processes = [one.partition("/")[0] for one in noted]
    assert len(processes) == CUTS
    assert processes.count(str(os.getpid())) == 1  # the first run
    assert len(set(processes)) == 1 + len(cores_of_workers())
    if hasattr(os, "sched_getaffinity"):
        assert {one.partition("/")[2] for one in noted} == {"1"}
    assert capfd.readouterr() == ("not for the protocol\n", "")  # of the first run, which is here


@pytest.mark.slow
@pytest.mark.parametrize("client", [correct, correct_async])
def test_a_function_is_read_in_one_thread_many_times(client: Callable[[str], object], sse_thread: ServerThread) -> None:
    threads: list[int] = []

    def noting(base_url: str) -> object:
        threads.append(threading.get_ident())
        return client(base_url)

    [verdict] = run(noting, only=SWEEP, thread=sse_thread)
    assert verdict.result is Result.PASS
    assert verdict.boundaries_proven == verdict.boundaries_tried > CUTS
    assert len(threads) == CUTS
    assert len(set(threads)) < 4  # that of the first run, and one of all others; the system may give one's number again


WRONG = """
def client(base_url):
    import http.client, json
    from urllib.parse import urlsplit
    at = urlsplit(base_url)
    connection = http.client.HTTPConnection(at.hostname, at.port)
    body = json.dumps({"stream": True, "messages": []})
    connection.request("POST", at.path + "/chat/completions", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    try:
        for data in iter(response.read1, b""):
            for line in data.split(b"\\n"):
                if line.startswith(b"data: {") and line.endswith(b"}"):
                    for choice in json.loads(line[6:])["choices"]:
                        yield choice["delta"].get("content") or ""
    finally:
        connection.close()
"""


def test_a_client_that_is_wrong_is_told_as_if_it_had_run_here(
    judged: Callable[..., Verdict], folder: Path, sse_thread: ServerThread
) -> None:
    verdict = judged(WRONG)
    assert verdict.result is Result.FAIL
    assert verdict.evidence is not None
    here: dict[str, Callable[[str], object]] = {}
    exec(WRONG, here)
    [same] = run(here["client"], only=SWEEP, thread=sse_thread)
    assert same.evidence == verdict.evidence


@pytest.mark.slow
@pytest.mark.parametrize(
    "spoiled",
    [
        "os._exit(3)",  # it dies
        "raise SystemExit",
        "return []",  # it says something else
        "time.sleep(600)",  # it hangs
        "re.match('(a|a)*b', 'a' * 60)",  # it hangs, and lets nothing else run in its process
        "return correct(base_url) if list(correct(base_url)) else []",  # it asks twice
        "while True: list(correct(base_url))",  # it asks again without an end
    ],
)
def test_what_goes_wrong_only_in_another_process_is_not_told_of_the_client(
    spoiled: str, judged: Callable[..., Verdict]
) -> None:
    """Everything is looked at in this process before it is told."""
    code = f"""
def client(base_url):
    if os.getpid() == {os.getpid()}:
        return correct(base_url)
    {spoiled}
"""
    verdict = judged(code, patience=0.5, starting=3.0, slack=1.0)
    assert verdict.result is Result.PASS
    assert verdict.boundaries_proven == verdict.boundaries_tried > CUTS


@pytest.mark.long
@pytest.mark.slow
def test_a_client_that_hangs_in_the_middle_of_a_sweep_leaves_no_process(
    judged: Callable[..., Verdict], folder: Path
) -> None:
    verdict = judged(
        """
RUNS = []
def client(base_url):
    RUNS.append(1)
    with open(TOLD, "a") as file:
        file.write(f"{os.getpid()}\\n")
    if len(RUNS) > 10:
        time.sleep(20)
    return correct(base_url)
""",
        patience=0.5,
    )
    assert verdict.result is Result.FAIL
    processes = {int(one) for one in (folder / TOLD).read_text("utf-8").split()}
    assert len(processes) >= 2  # this one, and those that were asked first
    for process in processes - {os.getpid()}:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


@pytest.mark.slow
def test_where_no_process_can_be_started_it_is_read_here(
    judged: Callable[..., Verdict], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert judged(NOTED % "correct").result is Result.PASS
    assert {one.partition("/")[0] for one in Path(TOLD).read_text("utf-8").split()} == {str(os.getpid())}


class Elsewhere(FunctionSubject):
    """Says of every row what it is told to; ``asked`` is what it was asked."""

    longest_row = 100

    def __init__(self, answer: Row | None) -> None:
        super().__init__(correct)
        self.answer = answer
        self.asked: list[Cuts] = []
        self.prepared = False

    def prepare(self) -> None:
        self.prepared = True

    def takes(self, trials: int) -> int:
        return min(trials, self.longest_row)

    def row(self, case: Case, cuttings: Sequence[Cuts], patience: float) -> Row | None:
        assert len(cuttings) <= self.longest_row
        assert self.prepared
        self.asked += cuttings
        return self.answer


def test_what_was_seen_elsewhere_is_what_is_told(sse_thread: ServerThread) -> None:
    subject = Elsewhere(Row("ü世🙂!", Proof(1000, 0)))
    [verdict] = run(subject, only=SWEEP, thread=sse_thread)
    rows = -(-(CUTS - 1) // subject.longest_row)
    assert verdict.result is Result.PASS
    assert verdict.got == Got("ü世🙂!", None)
    assert verdict.boundaries_tried == verdict.boundaries_proven > rows * 1000
    assert subject.asked == [(offset,) for offset in range(2, CUTS + 1)]  # the first was cut here


def test_a_boundary_that_was_only_assumed_elsewhere_is_no_pass(sse_thread: ServerThread) -> None:
    [verdict] = run(Elsewhere(Row("ü世🙂!", Proof(1, 999))), only=SWEEP, thread=sse_thread)
    assert verdict.result is Result.NOT_APPLICABLE
    assert verdict.boundaries_tried - verdict.boundaries_proven >= 999
    assert "only be assumed" in verdict.note


@pytest.mark.slow
def test_a_row_that_is_not_right_elsewhere_is_run_here(sse_thread: ServerThread) -> None:
    subject = Elsewhere(None)
    [verdict] = run(subject, only=SWEEP, thread=sse_thread)
    assert verdict.result is Result.PASS
    assert verdict.boundaries_proven == verdict.boundaries_tried > CUTS
    assert len(subject.asked) == CUTS - 1


@given(st.integers(1, 3000), st.integers(1, 4))
def test_parts_are_all_of_a_row_and_the_last_ones_are_short(trials: int, workers: int) -> None:
    cuttings = [(offset,) for offset in range(trials)]
    parts, taken = Handout(cuttings, workers), list[Cuts]()
    while (part := parts.take()) is not None:
        at, cuts = part
        assert parts.result is None
        assert at == len(taken)
        assert len(cuts) <= max(64, min(256, (trials - at) // workers))  # a slow process holds up the others for a part
        taken += cuts
        assert workers == 1 or trials == 1 or len(cuts) < trials  # a short row is shared, too
        parts.done(at, len(cuts), Row(f"to {at}", Proof(len(cuts), 0)))
    assert taken == cuttings
    assert parts.result == Row(f"to {at}", Proof(trials, 0))


def test_a_row_of_which_one_part_does_not_hold_has_no_result() -> None:
    parts = Handout([(offset,) for offset in range(200)], 2)
    first, second = parts.take(), parts.take()
    assert first is not None
    assert second is not None
    parts.done(second[0], len(second[1]), Row("", Proof()))
    parts.stop()
    parts.done(first[0], len(first[1]), Row("", Proof()))
    assert parts.take() is None
    assert parts.result is None


def test_a_short_row_is_not_worth_a_process(folder: Path) -> None:
    (folder / "client.py").write_text("from correct_clients import correct as client", encoding="utf-8")
    with NamedFunction("client.py:client", share=150) as client:
        assert client.takes(20) == 0
        assert client.takes(200) == min(200, 150 * len(client.cores))


def test_a_subject_says_how_long_its_first_run_may_take() -> None:
    subject = FunctionSubject(correct)
    first, second = (subject.start_runs(["http://127.0.0.1:1/v1"]) for _ in range(2))
    for batch in (first, second):
        assert batch.ended.wait(20)
        batch.close()
        assert batch.texts is None  # nobody listens there
    assert first.starting > second.starting == 0
