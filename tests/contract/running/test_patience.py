"""Patience is spent only while nothing keeps a client from running: a busy machine fails nobody, and hides nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from time import sleep

import pytest

from benchmarks.steady import compared, differing, words_of
from orharness.contract import run
from orharness.contract.driving.functions import FunctionSubject
from orharness.contract.driving.usage import starved
from orharness.contract.running.patience import NOT_KNOWN, Patience, Starvation, Watch
from orharness.server.thread import ServerThread
from orharness.verdict import Result
from tests.support.correct_clients import correct
from tests.support.raw import eventually
from tests.support.starvation import counted_as_starved

BRIEF = 0.04  # seconds of patience


class Machine:
    """A clock, and a machine on which a thread is starved for a part of the time. It is looked at every 50 ms."""

    def __init__(self, starving: float = 0.0, *, every: float = 0.05) -> None:
        self.now = 0.0
        self._starving = starving
        self._every = every
        self._asked = 0.0

    def starved(self) -> float:
        elapsed, self._asked = self.now - self._asked, self.now
        return elapsed * self._starving

    def until_over(self, patience: Patience) -> float:
        """The seconds that pass until all patience is spent."""
        while not patience.over:
            self.now += self._every
        return self.now


def patience_of(machine: Machine, seconds: float) -> tuple[Patience, Watch]:
    watch = Watch(FunctionSubject(correct))
    return Patience(seconds, watch, machine.starved, lambda: machine.now), watch


@pytest.mark.parametrize(("starving", "passes"), [(0.0, 2.0), (0.5, 4.0), (0.75, 8.0)])
def test_only_the_time_is_spent_in_which_nothing_was_starved(starving: float, passes: float) -> None:
    machine = Machine(starving)
    patience, watch = patience_of(machine, 2.0)
    assert machine.until_over(patience) == pytest.approx(passes, abs=0.2)
    assert not watch.unsure
    assert watch.starved == pytest.approx(passes - 2.0, abs=0.2)


def test_a_machine_that_never_lets_the_client_run_ends_the_wait_and_nothing_is_known() -> None:
    machine = Machine(1.0)
    patience, watch = patience_of(machine, 2.0)
    assert machine.until_over(patience) == pytest.approx(20.0, abs=0.2)
    assert watch.unsure


def test_who_looks_late_spends_no_more_than_the_time_between_two_looks() -> None:
    machine = Machine(every=1.0)  # nobody is starved that Linux knows of; but the thread that waits itself is late
    patience, _ = patience_of(machine, 1.0)
    assert machine.until_over(patience) >= 6.0


def test_what_happens_renews_the_patience() -> None:
    machine = Machine()
    patience, _ = patience_of(machine, 1.0)
    machine.now = 0.9
    assert not patience.over
    patience.renew(2.0)
    assert machine.until_over(patience) == pytest.approx(2.9, abs=0.2)


def test_no_patience_at_all_is_over_at_once() -> None:
    patience, watch = patience_of(Machine(), 0.0)
    assert patience.over
    assert not watch.unsure


# -- what Linux counts -----------------------------------------------------------------------------------------------

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux counts for how long a thread has no core")


@contextmanager
def loops(number: int) -> Iterator[list[int]]:
    """So many busy loops on one core, each started by a shell: their numbers are those of the shells."""
    core = min(os.sched_getaffinity(0))
    loop = f"import os; os.sched_setaffinity(0, [{core}])\nwhile True: pass"
    started = [subprocess.Popen([sys.executable, "-c", loop]) for _ in range(number)]
    try:
        yield [one.pid for one in started]
    finally:
        for one in started:
            one.kill()
            one.wait()


@linux
def test_a_thread_that_has_no_core_is_seen_and_one_that_sleeps_is_not() -> None:
    sleeps = "import sys; print('started', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", sleeps]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as sleeper,
        loops(2) as (first, second),
    ):
        while not all(sum(starved(one).values()) > 0.1 for one in (first, second)):
            sleep(0.02)
        assert sleeper.stdin is not None
        assert sleeper.stdout is not None
        sleeper.stdout.readline()
        eventually(lambda: _stays_as_it_is(sleeper.pid))  # it may still be on its way from its line to its sleep
        sleeper.stdin.close()


def _stays_as_it_is(process: int) -> bool:
    before = starved(process)
    sleep(0.1)
    return starved(process) == before


@linux
def test_processes_that_a_client_has_started_count() -> None:
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import sys; sys.stdin.read()'])"
    with subprocess.Popen([sys.executable, "-c", child], stdin=subprocess.PIPE) as client:
        while len(starved(client.pid)) < 2:
            sleep(0.01)
        assert len(starved(client.pid, children=False)) == 1
        assert client.stdin is not None
        client.stdin.close()


@linux
def test_a_client_in_a_process_of_its_own_is_looked_at_there() -> None:
    class Client(FunctionSubject):
        process: int | None = None

    client = Client(correct)
    with loops(2) as (first, _):
        client.process = first
        starvation = Starvation(client)
        assert starvation.since() == 0.0
        seen = 0.0
        while seen < 0.1:
            sleep(0.02)
            seen += starvation.since()


@pytest.fixture(scope="module")
def thread() -> Iterator[ServerThread]:
    started = ServerThread().start()
    yield started
    started.stop()


# -- verdicts --------------------------------------------------------------------------------------------------------


def slow(base_url: str) -> Iterator[str]:
    """Has all of the answer, and needs long for what it does then."""
    yield from correct(base_url)
    sleep(8 * BRIEF)


def hangs(base_url: str) -> Iterator[str]:
    yield from correct(base_url)
    sleep(60.0)


def late(base_url: str) -> Iterator[str]:
    """Closes its connection long after it was told to."""
    pieces = iter(correct(base_url))
    try:
        for piece in pieces:  # noqa: UP028 - ``yield from`` would close it first
            yield piece
    finally:
        sleep(8 * BRIEF)


@pytest.mark.slow
@pytest.mark.parametrize(("client", "case"), [(slow, "framing/lf"), (late, "cancellation/between-events")])
def test_a_client_that_the_machine_kept_from_running_holds(
    client: Callable[[str], Iterator[str]], case: str, monkeypatch: pytest.MonkeyPatch, thread: ServerThread
) -> None:
    counted_as_starved(monkeypatch, lambda: False)
    [verdict] = run(client, only=case, patience=BRIEF, thread=thread)
    assert verdict.result is Result.FAIL
    counted_as_starved(monkeypatch)
    [verdict] = run(client, only=case, patience=BRIEF, thread=thread)
    assert verdict.result is Result.PASS


@pytest.mark.slow
def test_one_that_hangs_where_the_machine_may_be_the_cause_is_not_known(
    monkeypatch: pytest.MonkeyPatch, thread: ServerThread
) -> None:
    counted_as_starved(monkeypatch)
    [verdict] = run(hangs, only="framing/lf", patience=BRIEF, thread=thread)
    assert (verdict.result, verdict.note) == (Result.NOT_APPLICABLE, NOT_KNOWN)


@pytest.mark.slow
def test_one_that_hangs_on_a_machine_that_is_busy_now_and_then_fails(
    monkeypatch: pytest.MonkeyPatch, thread: ServerThread
) -> None:
    turns = count()
    counted_as_starved(monkeypatch, lambda: next(turns) % 2 == 0)
    [verdict] = run(hangs, only="framing/lf", patience=BRIEF, thread=thread)
    assert verdict.result is Result.FAIL
    assert verdict.evidence is not None
    assert verdict.evidence.reason == "it fails on a plain answer: it still waits when the response is over"


@pytest.mark.slow
def test_a_client_that_gave_up_after_a_silence_of_the_machine_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, thread: ServerThread
) -> None:
    runs = count()

    def client(base_url: str) -> Iterator[str]:
        yield from correct(base_url)
        if next(runs) < 2:
            sleep(0.8)
            raise TimeoutError("timed out")

    counted_as_starved(monkeypatch)
    [verdict] = run(client, only="framing/lf", patience=5.0, thread=thread)
    assert verdict.result is Result.PASS


# -- the benchmark that compares whole runs ----------------------------------------------------------------------------


def found(reason: str, *cuts: int, verdict: str = "fail") -> dict[str, tuple[object, ...]]:
    evidence = {"reason": reason, "cuts": list(cuts)}
    return {"a/b": compared({"verdict": verdict, "evidence": evidence, "note": None})}


def test_runs_differ_by_verdict_reason_or_cuts_and_not_by_the_seconds_that_were_measured() -> None:
    one = found("it gave up 1.5 s after its request", 7)
    assert differing([one, found("it gave up 20 s after its request", 7)]) == {}
    for other in (
        found("it gave up 1.5 s after its request", 8),
        found("it hangs", 7),
        found("it", verdict="pass"),
        {},
    ):
        assert list(differing([one, one, other])) == ["a/b"]


def test_a_client_of_the_benchmark_is_named_as_on_the_command_line() -> None:
    assert words_of("driver: node a.mjs") == ["--driver", "node a.mjs"]
    assert words_of("a.py:stream") == ["a.py:stream"]
