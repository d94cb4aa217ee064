"""The event loop of async clients: one for all of their runs, and another where that one is taken."""

from __future__ import annotations

import asyncio
import threading

import pytest

from orharness.contract.loops import ClientLoop, client_loop


async def nothing() -> None:
    """What is run in a loop that is looked at."""


def test_one_run_behind_the_other_has_the_same_loop() -> None:
    with client_loop() as first:
        first.run(nothing())
    with client_loop() as second:
        second.run(nothing())
    assert first is second


def test_two_runs_at_once_have_two_and_one_of_them_stays() -> None:
    with client_loop():
        pass  # so that there is one to be taken
    with client_loop() as first:
        with client_loop() as second:
            assert first is not second
            second.run(nothing())
        first.run(nothing())
    assert second.usable
    assert not first.usable
    with client_loop() as third:
        assert third is second


def test_what_was_begun_in_it_goes_on_when_its_run_is_over() -> None:
    over = threading.Event()

    async def begins() -> None:
        asyncio.get_running_loop().call_later(0.01, over.set)

    with client_loop() as loop:
        loop.run(begins())
    assert over.wait(30)


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
    loop.stop()
    assert went_on.is_set()


def test_a_loop_that_is_held_is_left_alone() -> None:
    let_go, held = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        let_go.wait(60)

    loop = ClientLoop()
    loop.loop.call_soon_threadsafe(hold)
    assert held.wait(30)
    loop.stop(within=0.01)
    assert loop.usable
    let_go.set()
    loop.stop(within=30)
    assert not loop.usable


@pytest.mark.filterwarnings("error")
def test_what_is_still_under_way_is_cancelled_at_its_end() -> None:
    cancelled = threading.Event()

    async def waits() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            cancelled.set()

    loop = ClientLoop()
    runner = threading.Thread(target=loop.run, args=[waits()])
    runner.start()
    loop.run(nothing())
    loop.stop()
    runner.join(30)
    assert cancelled.is_set()
    assert not runner.is_alive()
