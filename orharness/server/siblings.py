"""The other processes of ``serve --workers``: their parts of the journal, over a Unix socket each.

The processes share the port, and nothing else. Whichever is asked for the journal asks the others for their parts.
"""

from __future__ import annotations

import asyncio
import json
from asyncio import StreamReader, StreamWriter
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from orharness.journal.exchange import journal_document
from orharness.server.answering import Answering
from orharness.server.control.journal import exchange_documents

_PATIENCE = 10.0  # seconds for the part of a worker that is alive
_FAR = 2**30  # bytes: one exchange is a line


@dataclass(frozen=True)
class WorkerPlace:
    """Which of the workers a process is: ``number`` (from 1) of ``of``. ``folder``: where their sockets are."""

    number: int
    of: int
    folder: Path

    def ids(self) -> count[int]:
        """Return the numbers of its exchanges: those of no two workers are equal."""
        return count(self.number, self.of)

    def socket_of(self, number: int) -> str:
        """Return the path of a worker's socket."""
        return str(self.folder / f"{number}.sock")


@dataclass(frozen=True)
class _Part:
    """What one worker has of the journal. ``exchanges``: the time of each, and its document."""

    worker: int
    dropped: int = 0
    exchanges: tuple[tuple[float, bytes], ...] = ()
    state: str = "serves"

    @property
    def line(self) -> dict[str, Any]:
        """The worker's line in the document."""
        return {"worker": self.worker, "state": self.state, "exchanges": len(self.exchanges)}


class Siblings:
    """This worker's socket, and those of the others. Runs in the server's loop."""

    def __init__(self, place: WorkerPlace, answering: Answering) -> None:
        self.place = place
        self._answering = answering
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        """Answer the others from now on."""
        path = self.place.socket_of(self.place.number)
        self._server = await asyncio.start_unix_server(self._answer, path)

    def close(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.close()

    async def journal(self) -> bytes:
        """Return the journal of all workers, in the order of the requests.

        A worker that has ended, or that does not answer, is named with its state.
        """
        others = [number for number in range(1, self.place.of + 1) if number != self.place.number]
        parts = [await self._own(), *await asyncio.gather(*map(self._part_of, others))]
        parts.sort(key=lambda part: part.worker)
        exchanges = sorted(one for part in parts for one in part.exchanges)
        document = {
            **journal_document([], sum(part.dropped for part in parts)),
            "workers": [part.line for part in parts],
            "exchanges": [],
        }
        before, _, after = json.dumps(document).encode().rpartition(b"[]")
        return b"".join([before, b"[", b", ".join(text for _, text in exchanges), b"]", after])

    async def _own(self) -> _Part:
        entries = self._answering.look_at_open()
        documents = await exchange_documents(entries)
        times = (live.machine.started_at for live in entries)
        dropped = self._answering.exchanges.dropped.total()
        return _Part(self.place.number, dropped, tuple(zip(times, documents, strict=True)))

    async def _answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(ConnectionError):
            part = await self._own()
            writer.write(b"%d\n" % part.dropped)
            for at, document in part.exchanges:
                writer.write(b"%b %b\n" % (repr(at).encode(), document))
                await writer.drain()
            writer.write(b"\n")  # the whole of it
            await writer.drain()
        writer.close()

    async def _part_of(self, number: int) -> _Part:
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._asked(number)
        except TimeoutError:
            return _Part(number, state="does not answer")
        except (OSError, ValueError, asyncio.IncompleteReadError):
            return _Part(number, state="has ended")

    async def _asked(self, number: int) -> _Part:
        reader, writer = await asyncio.open_unix_connection(self.place.socket_of(number), limit=_FAR)
        try:
            dropped = int(await reader.readuntil(b"\n"))
            exchanges = []
            while (line := await reader.readuntil(b"\n")) != b"\n":
                at, _, document = line.rstrip(b"\n").partition(b" ")
                exchanges.append((float(at), document))
            return _Part(number, dropped, tuple(exchanges))
        finally:
            writer.close()
