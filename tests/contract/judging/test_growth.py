"""What an answer costs its client: CPU time and memory in proportion to its events, or it is told what was measured."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from orharness.contract import run
from orharness.contract.catalogue import cases_of
from orharness.contract.driving.commands import CommandSubject
from orharness.contract.driving.drivers import DriverSubject
from orharness.contract.judging.growth import Cost, grows, limit_of
from orharness.contract.running.replies import representative
from orharness.dialects import DIALECTS
from orharness.server.thread import ServerThread
from orharness.verdict import Result, Verdict
from tests.support.correct_clients import Answer, correct
from tests.support.places import ROOT

MIB = 1024 * 1024
STARTER = ROOT / "orharness" / "contract" / "starters" / "driver.py"


def case_of(*sizes: int) -> dict[str, Any]:
    return {
        "id": "mine/many",
        "title": "Many.",
        "reply": {"many": {"events": sizes[0]}},
        "expect": {"sent": True},
        "grows": list(sizes),
    }


def judged(client: Any, *sizes: int, thread: ServerThread) -> Verdict:
    return run(client, [case_of(*sizes)], thread=thread, patience=5.0)[-1]


# -- the verdict, by numbers -----------------------------------------------------------------------------------------


def costs(*cpu_and_memory: tuple[float, int]) -> list[Cost]:
    return [Cost(1000 * 10**number, cpu, memory * MIB) for number, (cpu, memory) in enumerate(cpu_and_memory)]


@pytest.mark.parametrize(
    "measured",
    [
        costs((0.02, 1), (0.2, 6), (2.0, 60)),
        costs((0.02, 1), (0.2, 6), (5.0, 60)),  # a machine that is slower by then
        costs((0.0, 0), (0.9, 60)),  # what is little does not matter
        costs((1.0, 500), (10.0, 5000), (100.0, 50000)),  # dear, but in proportion
    ],
)
def test_what_grows_as_the_answer_does_is_right(measured: list[Cost]) -> None:
    assert grows(measured) is None


def test_time_that_grows_faster_is_told_with_its_factor() -> None:
    reason = grows(costs((0.02, 1), (0.2, 6), (20.0, 60)))
    assert reason == "its time grows faster than the answer: 10 times the events take more than 100 times the CPU time"


def test_memory_that_grows_faster_is_told_with_its_size() -> None:
    reason = grows(costs((0.02, 3), (0.2, 260)))
    assert reason == "its memory grows faster than the answer: 273 MB for 10,000 events"


def test_a_client_is_stopped_where_it_is_known_to_cost_too_much() -> None:
    assert limit_of(Cost(10_000, 0.5, 0), 100_000) == pytest.approx(15.0)
    assert limit_of(Cost(1_000, 0.0, 0), 10_000) == pytest.approx(1.0)


# -- clients ---------------------------------------------------------------------------------------------------------


def test_a_client_that_keeps_all_of_its_text_holds(thread: ServerThread) -> None:
    def client(base_url: str) -> Iterator[str]:
        yield from list(correct(base_url))

    assert judged(client, 200, 2_000, thread=thread).result is Result.PASS


@pytest.mark.slow
def test_a_client_that_copies_all_that_has_come_with_each_event_is_told(thread: ServerThread) -> None:
    class Copies(Answer):
        so_far: tuple[str, ...] = ()

        def field(self, line: str) -> None:
            self.so_far = (*self.so_far, line)  # each time all of them
            super().field(line)

    def client(base_url: str) -> Iterator[str]:
        return correct(base_url, Copies)

    verdict = judged(client, 1_000, 40_000, thread=thread)
    assert verdict.evidence is not None
    assert verdict.evidence.reason.startswith("its time grows faster than the answer: 40 times the events take more")
    assert verdict.evidence.got.startswith("1,000 events: 0.")


def test_a_wrong_text_is_told_as_that(thread: ServerThread) -> None:
    def client(base_url: str) -> Iterator[str]:
        yield from (piece.replace("more", "") for piece in correct(base_url))

    verdict = judged(client, 200, 2_000, thread=thread)
    assert verdict.evidence is not None
    assert verdict.evidence.reason.startswith("its text is 'word ")


@pytest.mark.slow
def test_the_process_of_a_driver_is_measured_and_a_command_is_not(thread: ServerThread) -> None:
    with DriverSubject(f"python {STARTER}") as subject:
        before = subject.cpu(), subject.memory()
        assert judged(subject, 1_000, 4_000, thread=thread).result is Result.PASS
        after = subject.cpu(), subject.memory()
    assert before[0] is not None
    assert after[0] is not None
    assert after[0] > before[0]
    assert (after[1] or 0) >= (before[1] or 0) > MIB
    assert judged(CommandSubject("true"), 1_000, thread=thread).result is Result.NOT_APPLICABLE


@pytest.mark.parametrize("times", [1, 2])
def test_what_is_wrong_is_told_if_it_is_so_again(thread: ServerThread, times: int) -> None:
    """A connection that is lost once, as between two answers of a client that keeps it, is not the client's fault."""
    left = [times]

    def loses_its_connection(base_url: str) -> Iterator[str]:
        if left[0] > 0:
            left[0] -= 1
            raise ConnectionResetError
        yield from correct(base_url)

    verdict = judged(loses_its_connection, 10, 20, thread=thread)
    assert verdict.result is (Result.PASS if times == 1 else Result.FAIL)


def test_a_driver_without_a_hello_is_told_as_that(thread: ServerThread) -> None:
    with DriverSubject([sys.executable, "-c", "import time; time.sleep(60)"], greeting=0.2) as subject:
        verdict = judged(subject, 10, thread=thread)
    assert verdict.evidence is not None
    assert verdict.evidence.reason == "the driver says no hello within 0.2 s"


@pytest.fixture(scope="module")
def thread() -> Iterator[ServerThread]:
    started = ServerThread().start()
    yield started
    started.stop()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_api_sends_as_many_texts_as_it_says(dialect: str) -> None:
    [case] = [one for one in cases_of(DIALECTS.named(dialect)) if one.id == "cost/many-events"]
    body = representative(case).body
    answer = case.dialect.fold(case.dialect.frame.decode(body))
    assert answer.text == case.expected.text == "word more " * 500
    assert [number for number, _ in case.grows] == [1_000, 10_000, 100_000]
