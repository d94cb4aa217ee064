"""The event loop of async clients: one for all of their runs, and another where a client holds or closes that one."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from time import monotonic, sleep

import pytest

from orharness.contract.driving.loops import ClientLoop, client_loop, replace_if_held

ENOUGH = 30.0  # seconds for what happens at once, on a busy machine


async def nothing() -> None:
    """What is run in a loop that is looked at."""


@contextmanager
def held(loop: ClientLoop) -> Iterator[None]:
    """As a client holds it that calls what blocks."""
    holding, let_go = threading.Event(), threading.Event()

    async def hold() -> None:
        holding.set()
        let_go.wait(60)

    holder = threading.Thread(target=loop.run, args=[hold()], daemon=True)
    holder.start()
    assert holding.wait(ENOUGH)
    yield
    let_go.set()
    holder.join(ENOUGH)
    assert not holder.is_alive()


def test_all_runs_are_in_one_loop_those_at_the_same_time_too() -> None:
    first, second = threading.Event(), threading.Event()

    async def meet(mine: threading.Event, other: threading.Event) -> None:
        mine.set()
        while not other.is_set():  # noqa: ASYNC110 - a threading.Event
            await asyncio.sleep(0.001)

    loop = client_loop()
    beside = threading.Thread(target=loop.run, args=[meet(first, second)])
    beside.start()
    client_loop().run(meet(second, first))
    beside.join(ENOUGH)
    assert not beside.is_alive()
    assert client_loop() is loop


def test_one_that_is_held_is_replaced_and_ends_when_it_is_let_go() -> None:
    loop = client_loop()
    with held(loop):
        assert not loop.answers(0.01)
        replace_if_held(0.01)
        assert client_loop() is not loop
        client_loop().run(nothing())
    deadline = monotonic() + ENOUGH
    while loop.usable and monotonic() < deadline:
        sleep(0.001)
    assert not loop.usable


def test_one_that_answers_is_not_replaced() -> None:
    loop = client_loop()
    replace_if_held(ENOUGH)
    assert client_loop() is loop


def test_one_that_has_ended_is_replaced() -> None:
    loop = client_loop()
    loop.stop(ENOUGH)
    assert client_loop() is not loop
    client_loop().run(nothing())


def test_what_was_begun_in_it_goes_on_when_its_run_is_over() -> None:
    over = threading.Event()

    async def begins() -> None:
        asyncio.get_running_loop().call_later(0.01, over.set)

    client_loop().run(begins())
    assert over.wait(ENOUGH)


def test_a_task_that_wants_to_exit_ends_no_loop() -> None:
    async def exits() -> None:
        raise SystemExit(3)

    async def begins() -> None:
        asyncio.get_running_loop().create_task(exits())
        await asyncio.sleep(0)
        went_on.set()

    went_on = threading.Event()
    loop = ClientLoop()
    loop.run(begins())
    loop.stop(ENOUGH)
    assert went_on.is_set()
    assert not loop.usable


@pytest.mark.filterwarnings("error")
def test_what_is_still_under_way_is_cancelled_at_its_end() -> None:
    begun, cancelled = threading.Event(), threading.Event()

    async def waits() -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            cancelled.set()

    loop = ClientLoop()
    runner = threading.Thread(target=loop.run, args=[waits()])
    runner.start()
    assert begun.wait(ENOUGH)
    loop.stop(ENOUGH)
    runner.join(ENOUGH)
    assert cancelled.is_set()
    assert not runner.is_alive()
    with pytest.raises(RuntimeError, match="closed"):
        loop.run(nothing())
    assert not loop.answers(0.01)


@pytest.mark.slow
def test_generators_that_the_collector_finds_in_another_thread_are_closed_after_it_is_done() -> None:
    """Inside one another, as a dropped response of an SDK: closing the outer one closes the inner one."""
    closed = threading.Event()

    class Slow:
        """Found between the two; meanwhile the loop may run."""

        def __del__(self) -> None:
            sleep(0.2)

    async def inner(it: list[object]) -> AsyncGenerator[int, None]:
        try:
            yield len(it)
        finally:
            sleep(0.4)  # noqa: ASYNC251 - it is executing, not waiting
            closed.set()

    async def outer(it: list[object]) -> AsyncGenerator[int, None]:
        it.append(Slow())
        async with aclosing(inner(it)) as numbers:
            async for number in numbers:
                yield number

    async def drop() -> None:
        cycle: list[object] = []
        cycle.append(generator := outer(cycle))
        await anext(generator)

    gc.collect()
    gc.disable()
    try:
        client_loop().run(drop())
        gc.collect()
    finally:
        gc.enable()
    assert closed.wait(ENOUGH)
