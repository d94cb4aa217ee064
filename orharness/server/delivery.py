"""Delivery of one response on one connection: framing, pacing with proof, and the four endings."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from math import inf
from time import monotonic
from typing import Protocol

from orharness.journal import Pacing
from orharness.journal.events import Boundary, Ended, FaultReached, HeadWritten, Read, Wrote
from orharness.player import play
from orharness.scenario.response import Response
from orharness.server.exchange import LiveExchange
from orharness.server.head import head
from orharness.server.looks import Looks, Watched
from orharness.server.pace import IN_TASK, NOW, Pace, ResumeAt
from orharness.server.wire import Wire
from orharness.stream import Chunk, Ending, Framing, Stream

Gate = Callable[[int], Awaitable[None]]
_A_WRITE = 65536  # bytes: a write of this size goes out, though more could be added to it


async def _awaited(waiting: Awaitable[None]) -> None:
    await waiting


def in_task(gate: Gate) -> Gate:
    """Wrap the gate so that it is awaited in the task: it may use timeouts."""

    async def waited(number: int) -> None:
        await IN_TASK
        await gate(number)

    return waited


class LoopClock:
    """The event loop's clock, ``time.monotonic``."""

    now = staticmethod(monotonic)

    def sleep_until(self, deadline: float) -> Awaitable[None]:
        """Return what is done at the deadline, at once if it has passed. To be awaited where ``Pace`` drives."""
        return ResumeAt(deadline) if deadline > monotonic() else NOW


class Source(Protocol):
    """The source of a body that is made piece by piece."""

    async def reaches(self, offset: int) -> bool:
        """Wait until the body is there up to an offset; return whether it is, false if it ends before."""

    def took(self, offset: int | None) -> None:
        """Record that the body was written up to an offset, ``None``: nothing more will be."""


class Delivery:
    """One response on a wire. ``exchange`` receives everything that happens as exchange events.

    ``run`` sends a whole response. A response whose body is not there yet is sent with ``begin``, ``pass_on`` for each
    chunk, and ``finish``; ``announced`` is its length in bytes if that is known beforehand.
    """

    __slots__ = (
        "_announced",
        "_closes",
        "_end_marker",
        "_exchange",
        "_frames",
        "_framing",
        "_gathered",
        "_gathered_size",
        "_pace",
        "_pacing",
        "_position",
        "_response",
        "_seen_to_be_read",
        "_stream",
        "_watched",
        "_wire",
    )

    def __init__(
        self,
        wire: Wire,
        exchange: LiveExchange,
        response: Response,
        pacing: Pacing,
        *,
        http_1_0: bool,
        looks: Looks,
        announced: int | None = None,
    ) -> None:
        self._wire = wire
        self._exchange = exchange
        self._response = response
        self._stream = response.stream
        self._pacing = pacing
        # HTTP/1.0 has no chunked framing (RFC 9112, section 6.1).
        chunked = self._stream.framing is Framing.CHUNKED
        self._framing = Framing.CLOSE if http_1_0 and chunked else self._stream.framing
        self._seen_to_be_read = False  # everything that has been written so far
        self._position = 0  # bytes of the body written so far
        self._end_marker = inf if self._stream.end_marker is None else self._stream.end_marker  # inf once passed
        self._gathered: list[bytes] = []  # framed chunks that go out in one write
        self._gathered_size = 0
        self._frames: Iterator[bytes] | None = None  # the stream's chunks, framed, where it is known beforehand
        self._announced = announced
        self._pace = Pace.of_loop()
        self._closes = True  # the connection closes after this response
        # Lockstep asks by itself until everything is read; what a peer on another host reads cannot be seen.
        seen_otherwise = pacing is Pacing.LOCKSTEP or not wire.visible
        self._watched = None if seen_otherwise else Watched(looks, self._look)

    def _look(self) -> bool:
        """Ask what was read; return whether asking again can yield more."""
        return self._exchange.open and self._exchange.look() is False

    def end(self) -> None:
        """Stop looking, however the response ended."""
        if self._watched is not None:
            self._watched.end()

    def _put(self, data: bytes) -> None:
        self._wire.write(data)
        if self._watched is not None:
            self._watched.wrote()

    def run(self, gate: Gate, *, keep_alive: bool, body: bool = True) -> Awaitable[bool]:
        """Send the whole response; return whether the connection may serve another request."""
        return self._pace.drive(self._run(in_task(gate), keep_alive=keep_alive, body=body))

    async def _run(self, gate: Gate, *, keep_alive: bool, body: bool) -> bool:
        try:
            clock = LoopClock()
            await clock.sleep_until(self._exchange.started + self._response.head)
            if self._response.status is None:
                self._exchange.feed(FaultReached(self._exchange.elapsed()))
                await self._break_off()
                return False
            await self._begin(keep_alive=keep_alive)
            if body and self._has_body:
                self._frames = iter(self._stream.framed(self._framing))
                if self._pacing is Pacing.INSTANT:
                    await play(self._stream, self._gather, clock, pacing=self._pacing, gate=self._after_all(gate))
                    await self._flush()
                else:
                    brake = self._exchange.braked
                    await play(self._stream, self._write, clock, pacing=self._pacing, gate=gate, brake=brake)
            return await self._finish(body=body)
        finally:
            self.end()

    async def follow(self, source: Source, *, keep_alive: bool, body: bool = True) -> bool:
        """Send each chunk once its source has it, and end in order if the source does; otherwise as ``run``."""
        try:
            due = LoopClock().sleep_until(self._exchange.started + self._response.head)
            await self._pace.drive(_awaited(due))
            await self.begin(keep_alive=keep_alive)
            return await self.finish(await self._follow(source) if body else self._stream, body=body)
        finally:
            source.took(None)
            self.end()

    async def _follow(self, source: Source) -> Stream:
        """Write what the source has; return the stream as it ends."""
        for chunk, end in zip(self._stream.chunks, self._stream.boundaries, strict=True):
            if not await source.reaches(end):
                return replace(self._stream, ending=Ending.EOF)
            await self.pass_on(chunk)
            source.took(end)
        return self._stream

    async def begin(self, *, keep_alive: bool) -> None:
        """Send the head."""
        await self._pace.drive(self._begin(keep_alive=keep_alive))

    async def _begin(self, *, keep_alive: bool) -> None:
        # Announce no fault: with `Connection: close`, Node's fetch takes a truncated body for complete (undici 6.24).
        self._closes = not keep_alive or self._framing is Framing.CLOSE
        await self._send_head(close=self._closes)
        if self._pacing is Pacing.LOCKSTEP and not self._wire.has_just_read_all():
            await self._wire.wait_read()

    async def pass_on(self, chunk: Chunk) -> None:
        """Send a chunk that has just arrived."""
        if (held := self._exchange.braked()) is not None:
            await held
        if self._has_body and (waiting := self._write(chunk)) is not None:
            await self._pace.drive(_awaited(waiting))

    async def finish(self, stream: Stream, *, body: bool = True) -> bool:
        """End the response as the stream ends; return whether the connection may serve another request."""
        self._stream = stream
        return await self._pace.drive(self._finish(body=body))

    async def _finish(self, *, body: bool) -> bool:
        await self._end(body=body and self._has_body)
        return not self._closes and self._stream.ending is Ending.EOF

    async def _send_head(self, *, close: bool) -> None:
        framing = self._framing if self._has_body else None
        response = self._response
        assert response.status is not None, "there is no head to send"
        self._put(head(response.status, response.headers, framing, self._length, close=close))
        self._exchange.feed(HeadWritten(self._wire.written, self._framing, self._exchange.elapsed()))
        await self._wire.drain()

    @property
    def _length(self) -> int:
        """Return what Content-Length announces: more than is sent if the response does not end cleanly."""
        if self._announced is not None:
            return self._announced
        if self._stream.ending is Ending.EOF:
            return len(self._stream.body) or self._stream.announced or 0  # a recorded HEAD has a length and no body
        return max(self._stream.announced or 0, len(self._stream.body) + 1)

    @property
    def _has_body(self) -> bool:
        return self._response.status is not None and self._response.has_body

    def _framed(self, chunk: Chunk) -> bytes:
        if self._frames is not None:
            return next(self._frames)
        if self._framing is not Framing.CHUNKED:
            return chunk.data
        return b"%x\r\n%b\r\n" % (len(chunk.data), chunk.data)

    def _gather(self, chunk: Chunk) -> Awaitable[None] | None:
        """Join as many chunks in one write as possible, as a busy proxy does: they arrive in one segment."""
        framed = self._framed(chunk)
        self._gathered.append(framed)
        self._gathered_size += len(framed)
        return self._flush() if self._gathered_size >= _A_WRITE else None

    async def _flush(self) -> None:
        gathered, self._gathered, self._gathered_size = self._gathered, [], 0
        if not gathered:
            return
        at = self._exchange.elapsed()
        self._put(b"".join(gathered))
        self._exchange.feed(Wrote(at, len(gathered)))
        self._exchange.feed(Boundary(False, len(gathered), at))
        await self._wire.drain()

    def _after_all(self, gate: Gate) -> Gate:
        """Wrap the gate so that everything before it is written before it is awaited."""

        async def flushed(number: int) -> None:
            await self._flush()
            await gate(number)

        return flushed

    def _write(self, chunk: Chunk) -> Awaitable[None] | None:
        """Write a chunk; return what to wait for before the next one. A coroutine for each would double its cost."""
        if self._pacing is Pacing.RECORDED and self._position:
            self._pass_boundary()
        at = self._exchange.elapsed()
        self._put(self._framed(chunk))
        self._exchange.wrote(at)
        self._position += len(chunk.data)
        if self._pacing is Pacing.LOCKSTEP:
            self._seen_to_be_read = self._wire.has_just_read_all()
            if not self._seen_to_be_read:
                return self._wait_read()
            self._exchange.passed(proven=True)
            return None
        return self._wire.drain() if self._wire.is_full() else None

    async def _wait_read(self) -> None:
        if self._wire.is_full():
            await self._wire.drain()
        self._seen_to_be_read = await self._wire.wait_read()
        self._note_boundary(all_read=self._seen_to_be_read or None)

    def _pass_boundary(self) -> None:
        """Report the boundary after the last chunk; ``recorded`` assumes it unless a look has shown that all was read.

        A question to the kernel costs more than an event, so it is asked only before something is written after the end
        marker: a client that leaves there with unread bytes sends an RST, which does not say what was read.
        """
        if self._position >= self._end_marker and not self._exchange.machine.all_read:
            self._note_boundary(all_read=self._wire.has_read_all())
            if self._watched is not None:
                self._watched.looked()
        else:
            self._exchange.passed(proven=bool(self._exchange.machine.all_read))
        if self._position >= self._end_marker:
            self._end_marker = inf

    def _note_boundary(self, *, all_read: bool | None) -> None:
        """Report the boundary after the last chunk: proven if the client was seen to have read all, else assumed."""
        self._exchange.passed(proven=bool(all_read))
        if not all_read:
            self._note_read(all_read=all_read)

    async def _end(self, *, body: bool) -> None:
        """End the response. The end marker must be seen to be read before anything is written after the last chunk.

        Otherwise a client that leaves at ``[DONE]``, as it should, could be taken for one that left earlier.
        """
        if not self._seen_to_be_read:
            self._seen_to_be_read = await self._settle()
        if self._pacing is Pacing.RECORDED and self._position:
            self._note_boundary(all_read=self._seen_to_be_read or None)
        if self._stream.ends_in_fault:
            self._exchange.feed(FaultReached(self._exchange.elapsed()))
        if self._stream.ending is Ending.EOF:
            await self._end_cleanly(body=body)
        else:
            await self._break_off()

    async def _break_off(self) -> None:
        """End the connection in any way but a clean one."""
        match self._stream.ending:
            case Ending.HANG:
                await asyncio.wait({self._wire.gone})  # never awaited directly: a cancel would cancel it
            case Ending.RESET:
                self._wire.reset()
            case _:
                self._wire.finish()

    async def _end_cleanly(self, *, body: bool) -> None:
        if self._framing is Framing.CHUNKED and body:
            self._wire.write(b"0\r\n\r\n")
            await self._wire.drain()
        # Reading decides later, else delivery; for a client that left after it had read everything, leaving decides.
        self._exchange.feed(Ended(False, self._exchange.elapsed()))
        if self._exchange.open:
            if not self._wire.visible:
                await self._wire.wait_delivered()
            await self._settle()
        if self._framing is Framing.CLOSE:
            self._wire.finish()

    async def _settle(self) -> bool:
        """Wait until the client has read everything; return whether that was seen."""
        seen = self._wire.visible and (self._wire.has_just_read_all() or await self._wire.wait_read())
        self._note_read(all_read=seen or None)
        return seen

    def _note_read(self, *, all_read: bool | None) -> None:
        if all_read is None and self._wire.visible:
            return  # it is leaving now, and the transport reports that
        self._exchange.feed(Read(self._wire.read_so_far(), all_read, self._exchange.elapsed()))
