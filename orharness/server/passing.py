"""Forwarding: a request goes to a live service; its answer is passed on as it comes, or whole through transforms."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Protocol

from orharness.cassette.interaction import Interaction, RecordedRequest, header
from orharness.dialects import DIALECTS
from orharness.frames import frame_of
from orharness.gateways import Gateway
from orharness.journal import Pacing, Request
from orharness.journal.events import Begun, Grew, Settled
from orharness.scenario.body import Forward
from orharness.scenario.reply import Reply
from orharness.scenario.response import Response
from orharness.server.delivery import Delivery, Gate
from orharness.server.exchange import LiveExchange
from orharness.server.looks import Looks
from orharness.server.wire import Incoming, Wire
from orharness.stream import Chunk, Ending, Framing, Stream


class CutShort(Exception):  # noqa: N818 - an ending, not an error
    """The body ended early, as ``ending`` says."""

    def __init__(self, ending: Ending) -> None:
        self.ending = ending


class LiveAnswer(Protocol):
    """The answer of a live service: its head has come, its body not yet.

    ``headers``: without those of the connection. ``length``: the value of Content-Length in bytes, else ``None``.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    length: int | None

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes. Raises ``CutShort`` if its end is missing."""

    def drop(self) -> None:
        """End the connection to the service at once."""


class LiveService(Protocol):
    """A sender of requests to live services."""

    async def ask(self, to: str, request: Request) -> LiveAnswer:
        """Send a request to the service with that base URL. Raises ``UpstreamError`` if no response comes."""

    async def close(self) -> None:
        """End every connection to a service."""


@dataclass
class Passing:
    """One forwarded request. The body of ``reply`` is a ``Forward``; ``route`` is the name of its route."""

    reply: Reply
    route: str
    request: Request
    exchange: LiveExchange
    pacing: Pacing
    gateway: Gateway
    looks: Looks
    shown: Callable[[Response], Response]  # the response as its client may read it
    _chunks: list[Chunk] = field(default_factory=list)
    _head: float = 0.0
    _last: float = 0.0

    async def run(self, service: LiveService, wire: Wire, incoming: Incoming, gate: Gate) -> bool:
        """Ask the service and deliver its answer; return whether the connection may serve another request.

        Raises ``UpstreamError`` if no response comes. In any case the connection to the service is ended at once.
        """
        assert isinstance(self.reply.body, Forward)
        answer = await service.ask(self.reply.body.to, self.request)
        self._last = monotonic()
        self._head = self._last - self.exchange.started
        try:
            if self._is_live:
                return await self._pass_live(answer, wire, incoming)
            return await self._pass_whole(answer, wire, incoming, gate)
        finally:
            answer.drop()

    @property
    def _is_live(self) -> bool:
        """Whether the answer is not transformed, so that it need not be whole."""
        return not self.reply.through and self.reply.ending is None and self.reply.framing is None

    async def _pass_whole(self, answer: LiveAnswer, wire: Wire, incoming: Incoming, gate: Gate) -> bool:
        ending = Ending.EOF
        try:
            async for _ in self._coming(answer):
                pass
        except CutShort as cut:
            ending = cut.ending
        response = self._recorded(answer, ending)
        pacing = response.pacing or self.pacing
        self.exchange.feed(Begun(response.status, response.stream, pacing, self.route, None, response.generation))
        delivery = Delivery(wire, self.exchange, response, pacing, http_1_0=incoming.http_1_0, looks=self.looks)
        return await delivery.run(gate, keep_alive=incoming.keep_alive, body=self.request.method != "HEAD")

    async def _pass_live(self, answer: LiveAnswer, wire: Wire, incoming: Incoming) -> bool:
        pacing = self.reply.pacing or self.pacing
        # Each chunk goes out when it comes: there is no next chunk to join it with.
        pacing = Pacing.RECORDED if pacing is Pacing.INSTANT else pacing
        empty = self._stream(answer, Ending.EOF)
        response = self.shown(Response(answer.status, answer.headers, empty))
        self.exchange.feed(Begun(answer.status, empty, pacing, self.route))
        delivery = Delivery(
            wire,
            self.exchange,
            response,
            pacing,
            http_1_0=incoming.http_1_0,
            looks=self.looks,
            announced=answer.length,
        )
        try:
            return await self._deliver(delivery, answer, keep_alive=incoming.keep_alive)
        finally:
            delivery.end()

    async def _deliver(self, delivery: Delivery, answer: LiveAnswer, *, keep_alive: bool) -> bool:
        await delivery.begin(keep_alive=keep_alive)
        ending: Ending | None = None
        try:
            async for chunk in self._coming(answer):
                self.exchange.feed(Grew(chunk))
                await delivery.pass_on(chunk)
            ending = Ending.EOF
        except CutShort as cut:
            ending = cut.ending
        finally:  # also if the client has left: what came until then decides whether it left before the end
            settled = self._settled(answer, ending)
        return await delivery.finish(settled, body=self.request.method != "HEAD")

    async def _coming(self, answer: LiveAnswer) -> AsyncIterator[Chunk]:
        """Yield the chunks as they come, each with the seconds since the one before, and keep them."""
        async with aclosing(answer.chunks()) as coming:  # type: ignore[type-var]
            async for data in coming:
                now = monotonic()
                self._chunks.append(Chunk(data, now - self._last))
                self._last = now
                yield self._chunks[-1]

    def _settled(self, answer: LiveAnswer, ending: Ending | None) -> Stream:
        """Record what the answer was and return its stream; ``ending`` is ``None`` if its end was not awaited."""
        response = self._recorded(answer, ending or Ending.EOF)
        stream = response.stream
        if ending is None and stream.end_marker is None:  # the end is past everything that came
            stream = replace(stream, end_marker=len(stream.body) + 1)
        self.exchange.feed(Settled(stream, response.generation))
        return stream

    def _recorded(self, answer: LiveAnswer, ending: Ending) -> Response:
        """Return the answer as if it had been recorded: marked, transformed, and with the model behind it."""
        asked = RecordedRequest(self.request.method, self.request.path, self.request.headers, self.request.body)
        stream = self._stream(answer, ending)
        whole = Interaction(
            asked, answer.status, "", answer.headers, stream, head=self._head, ending_recorded=ending.value
        )
        return self.shown(replace(self.reply, body=whole).answer(self.request, self.gateway))

    def _stream(self, answer: LiveAnswer, ending: Ending) -> Stream:
        framing = Framing.CHUNKED if answer.length is None else Framing.LENGTH
        announced = None if ending is Ending.EOF else answer.length
        frame = frame_of(header(answer.headers, "Content-Type"), (dialect.frame for dialect in DIALECTS.values()))
        return Stream(tuple(self._chunks), ending, framing, announced=announced, frame=frame)
