"""What answers, on a wire of lists: no socket, no thread, no kernel."""

from __future__ import annotations

import asyncio

import pytest

from orharness.journal import How, Outcome, Pacing
from orharness.journal.events import (
    Begun,
    Boundary,
    ConnectionEnded,
    ExchangeEvent,
    HeadWritten,
    Held,
    RequestRead,
    Wrote,
)
from orharness.journal.machine import ExchangeMachine
from orharness.scenario import Reply, Route
from orharness.scenario.body import Forward
from orharness.server.exchange import LiveExchange
from orharness.server.mounts import Mounted
from orharness.stream import Ending
from orharness.transforms import hold, per_byte
from tests.support.list_service import ListService
from tests.support.list_wire import Asking, ListWire, answering, document

STREAMED = b'{"stream": true}'
pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("pacing", [Pacing.LOCKSTEP, Pacing.RECORDED])
async def test_each_chunk_is_a_write_of_its_own(pacing: Pacing) -> None:
    server, wire = answering(Reply.chat("Grüße"), pacing=pacing), ListWire()
    assert await server.answer(Asking(STREAMED), wire)
    [exchange] = server.journal()
    head, *chunks, last = wire.writes
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"".join(one.partition(b"\r\n")[2].removesuffix(b"\r\n") for one in chunks) == exchange.body
    assert len(chunks) == exchange.chunks
    assert last == b"0\r\n\r\n"
    assert (exchange.outcome, exchange.bytes_read) == (Outcome.COMPLETED, len(exchange.body))
    if pacing is Pacing.LOCKSTEP:
        assert exchange.boundaries.proven == len(chunks)


async def test_instant_joins_what_can_go_out_together() -> None:
    server, wire = answering(Reply.chat(tokens=50), pacing=Pacing.INSTANT), ListWire()
    await server.answer(Asking(STREAMED), wire)
    assert len(wire.writes) == 3  # the head, all chunks, the end
    assert server.journal()[0].boundaries.proven == 0


@pytest.mark.parametrize("how", How)
async def test_a_client_that_leaves_at_a_gate_has_cancelled(how: How) -> None:
    server, wire = answering(Reply.chat(tokens=50, through=[hold(after=3)])), ListWire()
    held = asyncio.Event()
    server.listeners.append(lambda live, event: held.set() if isinstance(event, Held) else None)
    task = asyncio.ensure_future(server.answer(Asking(STREAMED), wire))
    await held.wait()
    wire.leave(how)
    assert await task is False
    [exchange] = server.journal()
    assert (exchange.outcome, exchange.how, exchange.chunks_written) == (Outcome.CANCELLED, how, 3)
    assert exchange.bill is not None
    assert exchange.bill.tokens_billed == 2  # the first event is the role
    assert wire.closed == "abort"


async def test_a_blind_peer_is_not_waited_for_and_nothing_is_proven() -> None:
    server, wire = answering(Reply.chat("x")), ListWire(visible=False)
    await server.answer(Asking(STREAMED), wire)
    exchange = server.journal()[0]
    assert (exchange.bytes_read, exchange.boundaries.proven, exchange.boundaries.assumed) == (None, 0, exchange.chunks)


@pytest.mark.parametrize(
    ("asking", "status", "said"),
    [
        (Asking(path="/v1/elsewhere"), 404, "no route answers POST /v1/elsewhere"),
        (Asking(b"[1]"), 400, "a chat completion is asked for with a JSON object"),
        (Asking(None), 400, "malformed request body: it ends early"),
        (Asking(path="/v1/models"), 405, "no route answers POST /v1/models"),
        (Asking(b"", "/v1/generation", "GET", "id=none"), 404, "there is no generation 'none'"),
    ],
)
async def test_what_cannot_be_answered_is_said_in_the_gateways_shape(asking: Asking, status: int, said: str) -> None:
    server, wire = answering(Reply.chat("x")), ListWire()
    await server.answer(asking, wire)
    assert wire.sent.startswith(b"HTTP/1.1 %d " % status)
    error = document(wire)["error"]
    assert error["code"] == status
    assert said in error["message"]


async def test_a_scenario_that_breaks_is_said_to_the_client_and_kept() -> None:
    def broken(_: object) -> bool:
        raise ZeroDivisionError("oops")

    server, wire = answering(), ListWire()
    server.mounted.append(Mounted(Route("POST", "/chat/completions", (Reply.chat("x"),), broken)))
    await server.answer(Asking(STREAMED), wire)
    assert document(wire)["error"]["message"] == "the scenario failed: ZeroDivisionError('oops')"
    assert [type(error) for error in server.broken] == [ZeroDivisionError]


async def test_those_who_listen_hear_every_event_and_can_replay_it() -> None:
    heard: list[ExchangeEvent] = []
    server, wire = answering(Reply.chat("Grüße, 世界")), ListWire()

    def listener(live: LiveExchange, event: ExchangeEvent) -> None:
        heard.append(event)

    few: list[type] = []
    server.listeners.append(listener)
    server.listeners.of_turns.append(lambda live, event: few.append(type(event)))
    await server.answer(Asking(STREAMED), wire)
    assert few == [type(event) for event in heard if not isinstance(event, Wrote | Boundary)]
    assert [type(event) for event in heard[:3]] == [RequestRead, Begun, HeadWritten]
    assert sum(isinstance(event, Wrote) for event in heard) == server.journal()[0].chunks
    assert isinstance(heard[-1], ConnectionEnded)
    [live] = server.exchanges
    again = ExchangeMachine(live.id, live.request)
    for event in heard:
        again.apply(event)
    assert again.snapshot(0.0) == live.machine.snapshot(0.0)


# --- forwarding ---------------------------------------------------------------------------------------------------

EVENTS = [b"data: 1\n\n", b"data: 2\n\n", b"data: [DONE]\n\n"]
FORWARD = Reply(Forward("http://host/v1"))


@pytest.mark.parametrize("pacing", Pacing)
async def test_what_a_live_service_sends_is_written_as_it_comes(pacing: Pacing) -> None:
    service, wire = ListService(*EVENTS), ListWire()
    server = answering(FORWARD, pacing=pacing, service=service)
    assert await server.answer(Asking(STREAMED), wire)
    assert [one.partition(b"\r\n")[2].removesuffix(b"\r\n") for one in wire.writes[1:-1]] == EVENTS
    [exchange] = server.journal()
    assert (exchange.outcome, exchange.body, exchange.end) == (
        Outcome.COMPLETED,
        b"".join(EVENTS),
        exchange.stream_size,
    )
    assert (service.dropped, [to for to, _ in service.asked]) == (1, ["http://host/v1"])


@pytest.mark.parametrize(("chunks", "outcome"), [(2, Outcome.CANCELLED), (3, Outcome.LEFT_AT_END)])
async def test_a_client_that_leaves_makes_the_server_leave_the_service(chunks: int, outcome: Outcome) -> None:
    service, wire = ListService(*EVENTS[:chunks], ending=Ending.HANG), ListWire()
    server = answering(FORWARD, service=service)
    task = asyncio.ensure_future(server.answer(Asking(STREAMED), wire))
    await service.waits.wait()
    assert server.journal()[0].bytes_written == len(b"".join(EVENTS[:chunks]))
    wire.leave()
    assert await task is False
    assert (server.journal()[0].outcome, service.dropped) == (outcome, 1)


@pytest.mark.parametrize("reply", [FORWARD, Reply(Forward("http://host/v1"), through=(per_byte(),))])
async def test_a_service_that_breaks_off(reply: Reply) -> None:
    service, wire = ListService(*EVENTS[:2], ending=Ending.RESET), ListWire()
    server = answering(reply, service=service)
    assert not await server.answer(Asking(STREAMED), wire)
    assert (server.journal()[0].outcome, wire.closed, service.dropped) == (Outcome.FAULTED, "reset", 1)


async def test_a_service_that_does_not_answer() -> None:
    server, wire = answering(FORWARD, service=ListService(ending=None)), ListWire()
    assert await server.answer(Asking(STREAMED), wire)
    assert document(wire)["error"]["message"] == "nobody is there"
    assert (server.journal()[0].status, server.journal()[0].difference) == (502, "nobody is there")
