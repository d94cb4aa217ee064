"""What a client was seen to do says how long it is waited for: for its request, and for its leaving at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from time import sleep
from types import SimpleNamespace
from typing import cast

import pytest

from orharness.contract import CASES
from orharness.contract.driving.functions import FunctionSubject
from orharness.contract.driving.habits import Habits
from orharness.contract.running.rows import at_their_ends, run_row
from orharness.errors import ClientFailure
from orharness.server.facade import SseServer
from orharness.server.handles import Call
from orharness.server.thread import ServerThread
from tests.support.correct_clients import Answer, asked, text_of

SHORT = 0.05  # seconds


class Undecided:
    """A call whose client neither reads on nor leaves."""

    exchange = SimpleNamespace(outcome=None)

    def __init__(self, asked: list[float]) -> None:
        self._asked = asked

    def wait_ended(self, timeout: float) -> None:
        self._asked.append(timeout)
        sleep(timeout)
        raise ClientFailure("it is still open")


class Noted(Habits):
    """Habits that give a client little time, and keep what they are told."""

    settle = SHORT

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[bool] = []

    def ended(self, *, kept: bool) -> None:
        self.kept.append(kept)


def test_the_limit_is_far_above_what_was_seen_until_a_client_hangs() -> None:
    habits = Habits()
    assert habits.limit(30.0, 1.0) == 30.0
    assert habits.limit(0.0, 1.0) == 10.0
    habits.sent_after(3.0)
    habits.sent_after(0.1)
    assert habits.limit(0.0, 1.0) == 30.0
    habits.hung()
    habits.hung()
    assert habits.limit(0.0, 1.0) == 30.0
    habits.hung()
    assert habits.limit(30.0, 1.0) == 6.0
    habits.sent_after(0.1)
    assert habits.limit(0.0, 1.0) == 30.0


def test_the_runs_of_a_row_settle_together() -> None:
    asked: list[float] = []
    found = at_their_ends([cast(Call, Undecided(asked)) for _ in range(100)], Noted())
    assert len(found) == len(asked) == 100
    assert 0 < asked[0] <= SHORT
    assert not any(asked[1:])


def test_a_client_that_keeps_its_connections_is_given_less_time() -> None:
    habits = Habits()
    first = habits.settle
    habits.ended(kept=True)
    habits.ended(kept=False)
    habits.ended(kept=True)
    assert habits.settle == first
    habits.ended(kept=True)
    assert habits.settle < first / 10


@pytest.mark.slow
@pytest.mark.parametrize("keeps", [True, False])
def test_it_is_told_whether_a_run_kept_its_connection(sse_thread: ServerThread, *, keeps: bool) -> None:
    [case] = [one for one in CASES if one.id == "done/clean-end"]
    left: list[ExitStack] = []

    def stream(base_url: str) -> Iterator[str]:
        with ExitStack() as stack:
            response = stack.enter_context(asked(base_url))
            yield from text_of(response, Answer())
            if keeps:
                left.append(stack.pop_all())

    habits = Noted()
    with SseServer(sse_thread, strict=False) as server:
        assert run_row(server, FunctionSubject(stream), case, [()] * 2, 1.0, habits) is not None
    assert habits.kept == [keeps]
