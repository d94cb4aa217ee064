"""How much a journal keeps: little for each exchange, a number of them at most, and reading it holds nobody up."""

from __future__ import annotations

import asyncio
import gc
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

import orharness
from orharness.errors import ScenarioError
from orharness.gateways import ONEROUTER
from orharness.journal import Outcome, Pacing
from orharness.scenario import Reply, Route
from orharness.server.answering import Answering
from orharness.server.builtin import builtin_routes
from orharness.server.control.journal import journal_bytes
from orharness.server.facade import SseServer
from orharness.server.mounts import Mounted
from orharness.transforms import hold
from tests.support.list_service import ListService
from tests.support.list_wire import Asking, ListWire

BODY = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi " * 50}]}).encode()


def answering(reply: Reply, journal: int | None = None) -> Answering:
    made = Answering(gateway=ONEROUTER, pacing=Pacing.INSTANT, service=ListService(), journal=journal)
    made.builtin = builtin_routes(made, ["a/model"])
    made.mounted.append(Mounted(Route("POST", "/chat/completions", (reply,))))
    return made


async def ask(server: Answering, times: int) -> None:
    for _ in range(times):
        assert await server.answer(Asking(bytes(bytearray(BODY))), ListWire())


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_finished_exchange_is_little_beside_its_request() -> None:
    server = answering(Reply.chat("hi"))
    await ask(server, 100)  # what is made once
    gc.collect()
    tracemalloc.start()
    try:
        await ask(server, 3000)
        gc.collect()
        # Other threads of this process allocate meanwhile, and the request's body was made here: neither counts.
        ours = tracemalloc.take_snapshot().filter_traces(
            [tracemalloc.Filter(True, f"{Path(orharness.__file__).parent}/*")]
        )
    finally:
        tracemalloc.stop()
    kept = sum(each.size for each in ours.statistics("filename")) / 3000
    assert 512 < kept < 1024


@pytest.mark.asyncio
async def test_a_snapshot_of_a_finished_exchange_has_all_its_writes() -> None:
    server = answering(Reply.chat(tokens=5, pacing="lockstep"))
    await ask(server, 1)
    [live] = server.exchanges
    seen = live.snapshot()
    assert live.machine.over
    assert len(seen.written_at) == seen.chunks_written == seen.chunks
    assert list(seen.written_at) == sorted(seen.written_at)


@pytest.mark.asyncio
async def test_of_more_than_the_journal_keeps_the_oldest_are_dropped_and_counted() -> None:
    server = answering(Reply.chat("hi"), journal=3)
    await ask(server, 5)
    assert [exchange.id for exchange in server.journal()] == ["000003", "000004", "000005"]
    assert server.exchanges.dropped == {Outcome.COMPLETED: 2}
    [mounted] = server.mounted
    assert ([live.id for live in mounted.exchanges], mounted.calls) == (["000003", "000004", "000005"], 5)
    assert [live.id for live in server.exchanges.from_number(3)] == ["000004", "000005"]
    document = await the_journal(server)
    assert (document["dropped"], len(document["exchanges"])) == (2, 3)
    server.reset()
    assert not server.exchanges.dropped


@pytest.mark.asyncio
async def test_one_that_goes_on_is_never_dropped() -> None:
    server = answering(Reply.chat("hi", through=[hold(after=1)]), journal=1)
    going_on = asyncio.create_task(server.answer(Asking(BODY), ListWire()))
    await asyncio.sleep(0)
    server.mounted.clear()
    server.mounted.append(Mounted(Route("POST", "/chat/completions", (Reply.chat("hi"),))))
    await ask(server, 3)
    assert [exchange.id for exchange in server.journal()] == ["000001"]
    assert server.exchanges.dropped.total() == 3
    going_on.cancel()


async def the_journal(server: Answering, at_once: float = 0.002) -> Any:
    return json.loads(await journal_bytes(server, at_once))


@pytest.mark.asyncio
async def test_others_go_on_while_the_journal_is_read() -> None:
    server = answering(Reply.chat("hi"))
    await ask(server, 20)
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    document = await the_journal(server, at_once=0.0)
    beside.cancel()
    assert len(document["exchanges"]) == 20
    assert turns >= 20


@pytest.mark.parametrize("journal", [0, -1, "5", True, 1.5])
def test_a_journal_keeps_a_whole_number(journal: Any) -> None:
    with pytest.raises(ScenarioError, match="journal is a whole number, 1 or more"):
        SseServer(journal=journal)
