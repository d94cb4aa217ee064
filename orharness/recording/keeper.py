"""The process that keeps what passes, as the recorder sees it.

The search for secrets and the YAML take the interpreter for longer than an event may wait. So they have a process of
their own (``keeping``), except on Windows. The recorder hands over each chunk before it passes it on: what a client has
received is in that process, or in the kernel on its way there. A recorder that is killed loses nothing, since the
process reads on to the end of what was handed over, and ends then.
"""

from __future__ import annotations

import asyncio
import logging
import subprocess
from pathlib import Path
from typing import Any, Protocol, cast

from orharness.cassette.interaction import Interaction
from orharness.errors import CassetteError, ScenarioError
from orharness.recording.apart import ApartProcess
from orharness.recording.messages import Unpacker, packed
from orharness.recording.session import LARGE, RecordedExchange, SavedExchange

_BEHIND = 2**23  # bytes that may wait in the process while a large answer passes
_PATIENCE = 1.0  # seconds for which a process is waited for whose end of the socket is closed
_ERRORS = {error.__name__: error for error in (CassetteError, ScenarioError)}
BEGUN = ("order", "request", "recorded_at", "sent_at", "status", "reason", "headers", "head", "framing", "announced")
"""What the process is told of a session that begins, beside its secrets and the time of its head."""

log = logging.getLogger("orharness.recording")


class Keeper(Protocol):
    """What keeps the sessions: a ``Store`` in this process, or a ``KeeperProcess``.

    ``searches_here``: the search for secrets is done in this process, so a session is to be prepared before it begins.
    """

    searches_here: bool
    saved: list[SavedExchange]

    @property
    def interactions(self) -> list[Interaction]:
        """What is in the cassette by now, in the order of the requests."""

    def begin(self, session: RecordedExchange) -> None:
        """Keep a session whose response head has come or will not come."""

    def hand_over(self, session: RecordedExchange, chunks: bytes, now: float) -> bool:
        """Take chunks in their framing, which came together at ``now``; return whether they may be passed on now."""

    async def until_free(self, session: RecordedExchange) -> None:
        """Wait until what was handed over may be passed on."""

    async def before_passing(self, session: RecordedExchange, data: bytes, now: float) -> None:
        """Do what is to be done before a chunk, which came at ``now``, is passed on."""

    def after_passing(self, session: RecordedExchange, data: bytes, now: float) -> None:
        """Do what is to be done after that."""

    def end(self, session: RecordedExchange, ending: str, note: str | None = None) -> None:
        """Keep how the response ended, and save the session. Only the first ending of a session counts."""

    async def close(self) -> None:
        """Save what has ended, and release everything. Raises ``CassetteError`` where something was not saved."""


class KeeperProcess(asyncio.Protocol):
    """Keeps sessions in a process of its own, which writes the cassette ``path``.

    The process gets ``options`` beside the path: ``overwrite``, ``personal``, ``keep_headers`` and ``filters`` (as
    ``--filters`` has them).
    """

    searches_here = False

    def __init__(self, apart: ApartProcess, path: Path, **options: object) -> None:
        self.saved: list[SavedExchange] = []
        self._apart = apart
        self._path = path
        self._options = options
        self._unpacker = Unpacker()
        self._there = 0  # interactions that were in the cassette before
        self._sent = self._taken = 0  # bytes of chunks: handed over, and taken out of the queue there
        self._is_full = False  # something is not handed over yet
        self._moved = asyncio.Event()  # more was taken
        self._closing = False
        self._lost: str | None = None  # why nothing is recorded any more

    async def start(self) -> None:
        """Start the process. Raises ``CassetteError`` and ``ScenarioError`` as ``Store`` does."""
        loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[tuple[Any, ...]] = loop.create_future()
        self._wire, _ = await loop.create_connection(lambda: self, sock=self._apart.socket)
        self._wire.set_write_buffer_limits(high=0)
        self._send("open", str(self._path), self._options)
        answer = await self._answer
        self._answer = loop.create_future()
        if answer[0] == "refused":
            self._closing = True
            await self._end()
            raise _ERRORS.get(answer[1], CassetteError)(answer[2])
        self._there = answer[1]

    @property
    def interactions(self) -> list[Interaction]:
        """What is in the cassette by now, in the order of the requests."""
        from orharness.cassette.files import load

        return load(self._path) if self.saved or self._there else []

    def begin(self, session: RecordedExchange) -> None:
        """Hand over a session whose response head has come or will not come."""
        fields = {name: getattr(session, name) for name in BEGUN}
        self._send("begin", fields, session.redaction.secrets, session.last_at)

    def hand_over(self, session: RecordedExchange, chunks: bytes, now: float) -> bool:
        """Hand over chunks. A large answer is to wait while the process is far behind."""
        self._hand_over("chunks", session, chunks, now)
        return self._may_go_on(session)

    async def before_passing(self, session: RecordedExchange, data: bytes, now: float) -> None:
        """Hand over one more chunk, and wait until it may be passed on."""
        self._hand_over("add", session, data, now)
        await self.until_free(session)

    def _hand_over(self, kind: str, session: RecordedExchange, data: bytes, now: float) -> None:
        session.size += len(data)
        self._sent += len(data)
        self._send(kind, session.order, data, now)

    def _may_go_on(self, session: RecordedExchange) -> bool:
        if self._is_full:
            return False
        return session.size <= LARGE or self._sent - self._taken <= _BEHIND or self._lost is not None

    async def until_free(self, session: RecordedExchange) -> None:
        """Wait until the process has room."""
        while not self._may_go_on(session):
            self._moved.clear()
            await self._moved.wait()

    def after_passing(self, session: RecordedExchange, data: bytes, now: float) -> None:
        """Do nothing: it was handed over."""

    def end(self, session: RecordedExchange, ending: str, note: str | None = None) -> None:
        """Hand over how the response ended. Only the first ending of a session counts."""
        if session.ending is None:
            session.finish(ending, note)
            self._send("end", session.order, session.ending, session.note)

    async def close(self) -> None:
        """Wait until all is saved, and the process has ended. Raises ``CassetteError`` where something was not."""
        if self._lost is None:
            self._closing = True
            self._send("close")
            answer = await self._answer
            self._lost = answer[1]
        await self._end()
        if self._lost is not None:
            raise CassetteError(self._lost)

    async def _end(self) -> None:
        self._wire.close()
        await asyncio.to_thread(self._apart.process.wait)

    def _send(self, *message: object) -> None:
        if self._lost is None:
            self._wire.write(packed(*message))

    # asyncio's protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._wire = cast("asyncio.Transport", transport)

    def pause_writing(self) -> None:
        """Note that something is not handed over yet."""
        self._is_full = True

    def resume_writing(self) -> None:
        """Note that all is handed over."""
        self._is_full = False
        self._moved.set()

    def data_received(self, data: bytes) -> None:
        """Take what the process says."""
        for kind, *rest in self._unpacker.feed(data):
            if kind == "taken":
                self._taken = rest[0]
                self._moved.set()
            elif kind == "saved":
                self.saved.append(rest[0])
            elif kind == "log":
                log.log(rest[0], "%s", rest[1])
            elif not self._answer.done():  # opened, refused, closed
                self._answer.set_result((kind, *rest))

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the process has ended; say so where it was not asked to."""
        if not self._answer.done():
            why = f"{self._path}: {self._how_it_ended()}; the next recording recovers what it had written"
            self._answer.set_result(("closed", why) if self._closing else ("refused", "", why))
            if not self._closing:
                self._lost = why
                log.error("%s; what passes from now on is not recorded", why)
        self._is_full = False
        self._moved.set()

    def _how_it_ended(self) -> str:
        try:
            code = self._apart.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            return "the process that writes it does not answer"
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        return f"the process that writes it has ended ({how})"
