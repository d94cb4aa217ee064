"""Coroutines that are resumed by the loop's ``Pace``, and go on in their tasks."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from time import monotonic
from typing import Any

import pytest

from orharness.server.facade import SseServer
from orharness.server.pace import IN_TASK, NOW, TURN, Pace, ResumeAt
from orharness.server.thread import ServerThread
from tests.support.raw import Raw

Test = Callable[[], Coroutine[Any, Any, None]]


def in_loop(test: Test) -> Callable[[], None]:
    """Run an async test, in a loop of its own."""

    def run() -> None:
        asyncio.run(test())

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run


def driven(coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    async def awaited() -> Any:
        return await Pace.of_loop().drive(coroutine)

    return asyncio.get_running_loop().create_task(awaited())


@in_loop
async def test_each_is_resumed_at_its_moment_whatever_the_order_of_their_beginnings() -> None:
    seen: list[str] = []
    began = monotonic()

    async def wait(name: str, *moments: float) -> str:
        for moment in moments:
            await ResumeAt(began + moment)
            assert monotonic() >= began + moment
            seen.append(name)
        return name.upper()

    names = await asyncio.gather(driven(wait("a", 0.03, 0.05)), driven(wait("b", 0.01, 0.04, 0.06)))
    assert list(names) == ["A", "B"]
    assert seen == ["b", "a", "b", "a", "b"]


@in_loop
async def test_one_timer_serves_all() -> None:
    loop = asyncio.get_running_loop()
    before = len(loop._scheduled)  # type: ignore[attr-defined]

    async def wait(moment: float) -> None:
        await ResumeAt(moment)

    tasks = [driven(wait(monotonic() + 0.02 + number / 10_000)) for number in range(100)]
    await asyncio.sleep(0)
    assert sum(not one.cancelled() for one in loop._scheduled) - before == 1  # type: ignore[attr-defined]
    await asyncio.gather(*tasks)


@in_loop
async def test_what_is_due_is_resumed_within_a_turn_of_the_loop() -> None:
    seen: list[str] = []

    async def wait() -> None:
        await ResumeAt(monotonic() + 0.001)
        seen.append("resumed")

    task = driven(wait())
    await asyncio.sleep(0)
    pace = Pace.of_loop()
    pace.catch_up()
    seen.append("too early")
    time.sleep(0.005)  # noqa: ASYNC251 - a turn that takes long
    pace.catch_up()
    seen.append("in the same turn")
    await task
    assert seen == ["too early", "resumed", "in the same turn"]


@in_loop
async def test_what_is_due_does_not_wait_for_all_who_look_again() -> None:
    seen: list[str] = []

    async def wait() -> None:
        await ResumeAt(monotonic() + 0.001)
        seen.append("due")

    async def look() -> None:
        await TURN
        time.sleep(0.005)  # noqa: ASYNC251 - many of them take long
        seen.append("looked")

    await asyncio.gather(driven(wait()), driven(look()), driven(look()))
    assert seen == ["looked", "due", "looked"]


@in_loop
async def test_all_who_wait_for_a_turn_are_resumed_in_the_next_one() -> None:
    turns: list[list[int]] = []

    async def wait(number: int) -> None:
        for turn in range(3):
            await TURN
            turns.extend([] for _ in range(turn + 1 - len(turns)))
            turns[turn].append(number)

    await asyncio.gather(*(driven(wait(number)) for number in range(3)))
    assert turns == [[0, 1, 2]] * 3


@in_loop
async def test_it_goes_on_in_its_task_where_it_says_so_and_for_any_future() -> None:
    async def wait() -> list[bool]:
        tasks = [asyncio.current_task() is task]
        await ResumeAt(monotonic())
        tasks.append(asyncio.current_task() is task)
        await IN_TASK
        tasks.append(asyncio.current_task() is task)
        await ResumeAt(monotonic())
        await NOW
        await asyncio.sleep(0.001)
        tasks.append(asyncio.current_task() is task)
        return tasks

    task = driven(wait())
    assert await task == [True, False, True, True]


@pytest.mark.parametrize("moment", [0.0, 3600.0])
def test_a_cancelled_one_ends_where_it_waits_and_is_never_resumed(moment: float) -> None:
    seen: list[str] = []

    async def wait() -> None:
        try:
            await ResumeAt(monotonic() + moment)
            seen.append("resumed")
        finally:
            seen.append("ended")

    async def test() -> None:
        task = driven(wait())
        await asyncio.sleep(0)
        task.cancel()
        Pace.of_loop().catch_up()  # its task has not run yet
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.005)

    asyncio.run(test())
    assert seen == ["ended"]


@in_loop
async def test_many_that_were_cancelled_are_not_kept() -> None:
    async def wait() -> None:
        await ResumeAt(monotonic() + 3600)

    tasks = [driven(wait()) for _ in range(1000)]
    await asyncio.sleep(0)
    for task in tasks[1:]:
        task.cancel()
    await asyncio.wait(tasks[1:])
    assert len(Pace.of_loop()._due) < 200
    tasks[0].cancel()


@pytest.mark.parametrize("waits", [lambda: ResumeAt(monotonic()), lambda: TURN, lambda: asyncio.sleep(0.001)])
def test_its_errors_reach_whoever_awaits_it(waits: Callable[[], Awaitable[None]]) -> None:
    async def fail() -> None:
        await waits()
        raise ZeroDivisionError

    async def test() -> None:
        with pytest.raises(ZeroDivisionError):
            await driven(fail())

    asyncio.run(test())


@in_loop
async def test_the_error_of_a_future_is_raised_where_it_is_awaited() -> None:
    failing = asyncio.get_running_loop().create_future()

    async def wait() -> str:
        await ResumeAt(monotonic())
        try:
            await failing
        except ZeroDivisionError:
            return "raised here"
        return ""

    task = driven(wait())
    await asyncio.sleep(0.002)
    failing.set_exception(ZeroDivisionError())
    assert await task == "raised here"


def test_each_request_is_a_moment_to_catch_up(sse_thread: ServerThread, monkeypatch: pytest.MonkeyPatch) -> None:
    caught: list[Pace] = []
    monkeypatch.setattr(Pace, "catch_up", lambda self: caught.append(self))
    with SseServer(sse_thread) as server, Raw(server) as raw:
        server.post("/s").respond(json={})
        raw.request("POST", "/s")
        raw.read()
    assert len(caught) >= 2  # when its bytes come, and when its task begins


@pytest.mark.parametrize("cancelled", [False, True])
def test_what_a_failed_one_held_is_let_go_at_once(cancelled: bool) -> None:
    class Held:
        pass

    kept: list[weakref.ref[Held]] = []

    async def fail(tasks: list[asyncio.Task[Any]]) -> None:
        held = Held()
        kept.append(weakref.ref(held))
        await TURN
        if cancelled:
            tasks[0].cancel()
        raise ConnectionResetError("the client has left")

    async def test() -> None:
        tasks: list[asyncio.Task[Any]] = []
        tasks.append(driven(fail(tasks)))
        await asyncio.wait(tasks)
        assert tasks[0].cancelled() if cancelled else isinstance(tasks[0].exception(), ConnectionResetError)
        tasks.clear()

    gc.disable()
    try:
        asyncio.run(test())
        assert [one() for one in kept] == [None]
    finally:
        gc.enable()
