"""The process that keeps what passes, as the recorder sees it.

The search for secrets and the YAML take the interpreter for longer than an event may wait. So they have a process of
their own (``keeping``), except on Windows. The recorder hands over each chunk before it passes it on: what a client has
received is in that process, or in the kernel on its way there. A recorder that is killed loses nothing, since the
process reads on to the end of what was handed over, and ends then. Where that process is killed, the recorder still
holds what is not in the cassette (``unconfirmed``), and hands it over to another one.
"""

from __future__ import annotations

import asyncio
import logging
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, cast

from orharness.cassette.interaction import Interaction
from orharness.errors import CassetteError, ScenarioError
from orharness.recording.apart import ApartProcess
from orharness.recording.bell import Bell
from orharness.recording.exchange import MemoryLimits, RecordedExchange, SavedExchange
from orharness.recording.messages import Unpacker, packed, packed_data
from orharness.recording.unconfirmed import Message, SoFar, Unconfirmed
from orharness.verdict import count

_PIECE = 2**16  # bytes that are read at once
_TRIES, _CRASH = 100, 25
_PATIENCE = 1.0  # seconds: the wait for a process that has closed its end of the socket
_ERRORS = {error.__name__: error for error in (CassetteError, ScenarioError)}
BEGUN = ("order", "request", "recorded_at", "sent_at", "status", "reason", "headers", "head", "framing", "announced")
"""The fields of an exchange that the process gets when it begins, besides its secrets and the time of its head."""

log = logging.getLogger("orharness.recording")


class Keeper(Protocol):
    """What keeps the exchanges: a ``Store`` in this process, or a ``KeeperProcess``.

    ``searches_here``: the search for secrets is done in this process, so an exchange is to be prepared before it
    begins.
    """

    searches_here: bool
    saved: list[SavedExchange]

    @property
    def interactions(self) -> list[Interaction]:
        """What is in the cassette by now, in the order of the requests."""

    def begin(self, exchange: RecordedExchange) -> None:
        """Keep an exchange whose response head has come or will not come."""

    def hand_over(self, exchange: RecordedExchange, chunks: bytes, now: float) -> bool:
        """Take chunks in their framing, which came together at ``now``; return whether they may be passed on now."""

    def after_handing_over(self, exchange: RecordedExchange, chunks: bytes, now: float) -> None:
        """Do what is to be done in the same turn of the loop, but can wait for the write to the client."""

    async def until_free(self, exchange: RecordedExchange) -> None:
        """Wait until what was handed over may be passed on."""

    async def before_passing(self, exchange: RecordedExchange, data: bytes, now: float) -> None:
        """Do what is to be done before a chunk, which came at ``now``, is passed on."""

    def after_passing(self, exchange: RecordedExchange, data: bytes, now: float) -> None:
        """Do what is to be done after that."""

    def end(self, exchange: RecordedExchange, ending: str, note: str | None = None) -> None:
        """Keep how the response ended, and save the exchange. Only the first ending of an exchange counts."""

    async def close(self) -> None:
        """Save what has ended, and release everything. Raises ``CassetteError`` where something was not saved."""


class KeeperProcess(asyncio.Protocol):
    """Keeps exchanges in a process of its own, which writes the cassette ``path``.

    The process gets ``options`` beside the path: ``overwrite``, ``personal``, ``keep_headers`` and ``filters`` (as
    ``--filters`` has them). Where it is killed, another one gets what is not in the cassette yet. Of an answer that is
    large (``memory``) that is only what was written; this is logged, and ``close`` raises an error.
    """

    searches_here = False

    def __init__(self, apart: ApartProcess, path: Path, memory: MemoryLimits, **options: object) -> None:
        self.saved: list[SavedExchange] = []
        self._memory = memory
        self._apart = apart
        self._path = path
        self._options = options
        self._unpacker = Unpacker()
        self._there = 0  # interactions that were in the cassette before
        self._goes_on = False  # whether they stay in it
        self._sent = self._taken = 0  # bytes of chunks: handed over, and taken out of the queue there
        self._is_full = False  # something is not handed over yet
        self._moved = asyncio.Event()  # more was taken
        self._lost: str | None = None  # why nothing is recorded any more
        self._unconfirmed = Unconfirmed(memory.large)
        self._in_cassette: set[int] = set()  # orders
        self._saving: set[int] = set()  # orders of what is being put into it
        self._cut: set[int] = set()  # orders of large exchanges that another process took over from the spool
        self._incomplete: set[int] = set()  # those of which the rest is lost
        self._answer: asyncio.Future[tuple[Any, ...]]
        self._has_started = False
        self._up = False  # whether there is a process that takes messages
        self._starting: asyncio.Task[None] | None = None  # another process
        self._failures = 0  # how often that failed since something was saved; a crash counts more than a kill

    async def start(self) -> None:
        """Start the process. Raises ``CassetteError`` and ``ScenarioError`` as ``Store`` does."""
        kind, *answer = await self._opened(None)
        if kind != "opened":
            await self._end()
            if kind == "refused":
                raise _ERRORS.get(answer[0], CassetteError)(answer[1])
            raise CassetteError(f"{self._path}: {self._how_it_ended()}")
        self._there, self._goes_on, _ = answer
        self._has_started = True
        if not self._up:
            self._start_soon()

    async def _opened(self, so_far: Callable[[], SoFar] | None) -> tuple[Any, ...]:
        """Connect to the process, and return what it answers."""
        loop = asyncio.get_running_loop()
        self._answer = loop.create_future()
        self._unpacker = Unpacker()
        self._bell = Bell(self._apart.bell)
        await loop.create_connection(lambda: self, sock=self._apart.socket)
        self._wire.set_write_buffer_limits(high=0)
        self._up = True
        self._taken, self._sent = 0, self._unconfirmed.size
        self._send("open", str(self._path), self._options, so_far and so_far())
        return await self._answer

    @property
    def interactions(self) -> list[Interaction]:
        """What is in the cassette by now, in the order of the requests."""
        from orharness.cassette.files import load

        return load(self._path) if self.saved or self._there else []

    def begin(self, exchange: RecordedExchange) -> None:
        """Hand over an exchange whose response head has come or will not come."""
        fields = {name: getattr(exchange, name) for name in BEGUN}
        self._hold(exchange.order, ("begin", fields, exchange.redaction.secrets, exchange.last_at))

    def hand_over(self, exchange: RecordedExchange, chunks: bytes, now: float) -> bool:
        """Hand over chunks. A large answer is to wait while the process is far behind."""
        self._hand_over("chunks", exchange.order, chunks, now)
        return self._may_go_on(exchange)

    def after_handing_over(self, exchange: RecordedExchange, chunks: bytes, now: float) -> None:
        """Hold the chunks, in case that the process is killed, and have it read them."""
        self._hold_data("chunks", exchange, chunks, now)

    async def before_passing(self, exchange: RecordedExchange, data: bytes, now: float) -> None:
        """Hand over one more chunk, and wait until it may be passed on."""
        self._hand_over("add", exchange.order, data, now)
        self._hold_data("add", exchange, data, now)
        await self.until_free(exchange)

    def _hand_over(self, kind: str, order: int, data: bytes, now: float) -> None:
        """Write to the socket ourselves: a transport takes longer for that, and each event waits for it."""
        if not self._up or order in self._cut:
            return
        message = packed_data(kind, order, data, now)
        try:
            sent = 0 if self._is_full else self._apart.socket.send(message)
        except BlockingIOError:
            sent = 0
        except OSError:  # the process has ended, as the transport is about to say
            return
        if sent < len(message):
            self._wire.write(message[sent:])

    def _hold_data(self, kind: str, exchange: RecordedExchange, data: bytes, now: float) -> None:
        exchange.size += len(data)
        self._sent += len(data)
        if self._is_kept(exchange.order):
            self._unconfirmed.add(exchange.order, (kind, exchange.order, data, now), len(data), delivered=self._up)
            self._bell.ring_soon(len(data))

    def _may_go_on(self, exchange: RecordedExchange) -> bool:
        if self._up and not self._is_full and exchange.size <= self._memory.large:
            return True
        if self._lost is not None or exchange.order in self._cut:
            return True
        if not self._up:  # all is held here, and that is enough if it is not much
            return exchange.size <= self._memory.large
        return not self._is_full and self._sent - self._taken <= self._memory.behind

    async def until_free(self, exchange: RecordedExchange) -> None:
        """Wait until the process has room."""
        while not self._may_go_on(exchange):
            self._moved.clear()
            await self._moved.wait()

    def after_passing(self, exchange: RecordedExchange, data: bytes, now: float) -> None:
        """Do nothing: it was handed over."""

    def end(self, exchange: RecordedExchange, ending: str, note: str | None = None) -> None:
        """Hand over how the response ended. Only the first ending of an exchange counts."""
        if exchange.ending is None:
            exchange.finish(ending, note)
            self._hold(exchange.order, ("end", exchange.order, exchange.ending, exchange.note))

    async def close(self) -> None:
        """Wait until all is saved, and the process has ended. Raises ``CassetteError`` where something was not."""
        problem = None
        while self._lost is None:
            if self._starting is not None:
                await self._starting
                self._starting = None
                continue
            self._answer = asyncio.get_running_loop().create_future()
            self._send("close")
            kind, *rest = await self._answer
            if kind == "closed":
                (problem,) = rest
                break
        await self._end()
        if (problem := self._lost or problem or self._what_was_cut()) is not None:
            raise CassetteError(problem)

    def _what_was_cut(self) -> str | None:
        if not self._incomplete:
            return None
        what = f"the rest of {count(len(self._incomplete), 'answer')} of more than {self._memory.large:,} bytes"
        return f"{self._path}: {what} is lost: the process that writes was killed"

    async def _end(self) -> None:
        self._up = False
        self._wire.close()
        self._bell.close()
        await asyncio.to_thread(self._apart.process.wait)

    def _is_kept(self, order: int) -> bool:
        """Whether what comes of an exchange is still recorded."""
        return self._lost is None and order not in self._cut

    def _hold(self, order: int, message: Message) -> None:
        """Hand over a message about an exchange, and hold it until the exchange is in the cassette."""
        if self._is_kept(order):
            self._unconfirmed.add(order, message, 0, delivered=self._up)
            self._send(*message)

    @property
    def _is_heard(self) -> bool:
        """Whether there is a process that takes messages, as far as is known: it may have ended just now."""
        return self._up and not self._wire.is_closing()

    def _send(self, *message: object) -> None:
        if self._is_heard:
            self._wire.write(packed(*message))
            self._bell.ring()

    # another process

    def _start_soon(self) -> None:
        self._starting = asyncio.get_running_loop().create_task(self._start_again())

    async def _start_again(self) -> None:
        """Start processes until one has taken what is not in the cassette, or it is clear that none will."""
        while not self._up:
            how = await asyncio.to_thread(self._how_it_ended)
            self._failures += 1 if self._apart.process.returncode < 0 else _CRASH
            if self._failures > _TRIES:
                self._give_up(how)
                return
            log.warning("%s: %s; another one goes on", self._path, how)
            self._bell.close()
            try:
                self._apart = await asyncio.to_thread(ApartProcess)
            except OSError as error:
                self._give_up(f"{how}, and another one cannot be started: {error.strerror}")
                return
            kind, *answer = await self._opened(self._so_far)
            if kind == "refused":
                self._give_up(answer[1])
                return
            if kind == "opened":  # what it has found in the spool is in the cassette
                *_, unfinished = answer
                self._incomplete |= {*unfinished} | (self._cut - self._in_cassette)
        self._moved.set()

    def _so_far(self) -> SoFar:
        self._cut |= self._unconfirmed.large
        saved, saving = sorted(self._in_cassette), sorted(self._saving - self._in_cassette)
        return SoFar(self._goes_on, self._there, (*saved,), (*saving,), self._unconfirmed.messages)

    def _give_up(self, why: str) -> None:
        self._up = False
        self._lost = f"{self._path}: {why}; what it had not written yet is lost"
        log.error("%s; what passes from now on is not recorded", self._lost)
        self._moved.set()

    def _how_it_ended(self) -> str:
        process = self._apart.process
        try:
            code = process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return "the process that writes it does not answer"
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        return f"the process that writes it has ended ({how})"

    # asyncio's protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._wire = cast("asyncio.Transport", transport)

    def pause_writing(self) -> None:
        """Note that something is not handed over yet, and ring until it is.

        What the transport holds goes to the socket when there is room, and that nobody rings for.
        """
        self._is_full = True
        self._bell.ring_while(lambda: self._is_full)

    def resume_writing(self) -> None:
        """Note that all is handed over."""
        self._is_full = False
        self._bell.ring()
        self._moved.set()

    def data_received(self, data: bytes) -> None:
        """Take what the process says."""
        for kind, *rest in self._unpacker.feed(data):
            if kind == "taken":
                self._taken = rest[0]
                self._moved.set()
            elif kind == "saving":
                self._saving = {*rest[0]}
            elif kind == "saved":
                self._note_saved(*rest)
            elif kind == "log":
                log.log(rest[0], "%s", rest[1])
            elif not self._answer.done():  # opened, refused, closed
                self._answer.set_result((kind, *rest))

    def _note_saved(self, order: int, said: SavedExchange | None) -> None:
        self._unconfirmed.confirm(order)
        if said is not None:
            self._failures = 0
            self._in_cassette.add(order)
            self.saved.append(said)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the process has ended; where it was not asked to, start another one."""
        with suppress(OSError):  # what it said before it ended, where it was a write of ours that failed
            while data := self._apart.socket.recv(_PIECE):
                self.data_received(data)
        was_asked = not self._up or (self._answer.done() and self._answer.result()[0] in ("closed", "refused"))
        self._up = self._is_full = False
        self._moved.set()
        if not self._answer.done():
            self._answer.set_result(("ended",))
        is_starting = self._starting is not None and not self._starting.done()
        if self._has_started and not was_asked and not is_starting:
            self._start_soon()
