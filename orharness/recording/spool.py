"""The recorder's write-ahead file: the exchanges that are not in the cassette yet."""

from __future__ import annotations

import base64
import errno
import json
import logging
import os
import sys
from array import array
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from io import FileIO
from itertools import count
from pathlib import Path
from time import monotonic, sleep

from orharness.cassette.interaction import Interaction
from orharness.errors import CassetteError
from orharness.recording.exchange import RecordedExchange
from orharness.recording.recovery import left_by_keeper, recovered
from orharness.recording.secrets import decoder_for, joined_notes, note_about, uncoded
from orharness.stream import Chunk

_PATIENCE = 3.0  # seconds in which the process of a recorder that was killed notices that
_SAVING = 60.0  # seconds that the process of a recorder that was killed may save what it has
_LOOK = 0.02  # seconds between two looks whether it has ended
_has_inodes = sys.platform != "win32"

log = logging.getLogger("orharness.recording")


class Spool:
    """A file beside the cassette: JSON, one line for each thing that happens in an exchange.

    Each line is one ``write`` to the kernel, so that a killed process has lost none (a machine without power may).
    Secrets are not written.
    """

    def __init__(self, path: Path, patience: float = _PATIENCE) -> None:
        """Open the file for this process alone.

        Raises ``CassetteError`` where another recorder has it for ``patience`` seconds: its process may have been
        killed just now, and is waited for then.
        """
        self.path = path
        self.left_over = path.exists()
        """Whether a recorder that was killed has left the file, even an empty one."""
        self._file = _locked(path, patience)
        self._failed: str | None = None  # why something could not be written
        self._torn = False  # whether the last line is not whole
        self._size = self.path.stat().st_size  # bytes
        self._places: dict[int, array[int]] = {}  # by order: of each line with a part of the body, offset and size
        self._holed: set[object] = set()  # exchanges of which a line is missing: what would follow is not written
        self.damage: str | None = None  # why something could not be recovered

    def recover(self) -> list[Interaction]:
        """What a recorder that was killed has left, in the order of the requests. The file stays until ``clear``.

        ``damage`` says afterwards which lines could not be read, and what was lost with them.
        """
        self._file.seek(0)
        found, self.damage = recovered(self._file.read())
        return found

    def left_by_keeper(self, others: Collection[int]) -> dict[int, tuple[Interaction, bool]]:
        """The unfinished exchanges of a process that was killed, without the ``others``; the file goes on.

        By the order of their requests, each with whether it had ended.
        """
        self._file.seek(0)
        data = self._file.read()
        self._torn = bool(data) and not data.endswith(b"\n")
        return left_by_keeper(data, others)

    def set_aside(self) -> Path:
        """Copy the file under a name that is free. Returns the copy; raises ``OSError`` where it cannot be made."""
        names = (f"{self.path.name}.unsaved{'' if number == 1 else f'-{number}'}" for number in count(1))
        copy = next(path for name in names if not (path := self.path.with_name(name)).exists())
        self._file.seek(0)
        with copy.open("xb") as file:
            file.write(self._file.read())
        return copy

    def begin(self, exchange: RecordedExchange) -> None:
        """Write that a response head has come, or that none will come."""
        assert exchange.kept_request is not None, "it is not to be recorded"
        self._places[exchange.order] = array("q")
        request = exchange.kept_request.request
        coded = not decoder_for(exchange.headers).identity  # the spool has the body decoded
        headers = exchange.redaction.headers(uncoded(exchange.headers) if coded else exchange.headers)
        self._write(
            order=exchange.order,
            request={
                "method": request.method,
                "uri": request.uri,
                "headers": request.headers,
                "body": _packed(request.body),
            },
            response={
                "status": exchange.status,
                "reason": exchange.redaction.text(exchange.reason),
                "headers": headers,
                "head": exchange.head,
                "framing": exchange.framing.value,
                "announced": None if coded else exchange.announced,
                "recorded_at": exchange.recorded_at,
            },
        )

    def chunk(self, exchange: RecordedExchange, chunk: Chunk) -> None:
        """Write one more chunk. The part of its end that may be the beginning of a secret waits for the next one.

        Where a user's filter is to see the whole response, the chunk is written without its bytes.
        """
        if exchange.redaction.needs_the_whole_body:
            self._write(order=exchange.order, delay=chunk.delay, data="")
            return
        *before, data = exchange.searched.add(chunk.data)
        self._continue(exchange, before)
        self._write(order=exchange.order, delay=chunk.delay, data=_packed(data[1]))

    def pieces(self, exchange: RecordedExchange) -> Iterator[tuple[int, bytes]]:
        """The body that was written, in order, each piece with the number of its chunk. May run in another thread.

        Raises ``CassetteError`` where some of it could not be written.
        """
        if exchange.order in self._holed:
            raise CassetteError(
                f"{self.path}: {self._failed}; the rest of an answer of {exchange.size:,} bytes is lost"
            )
        places = iter(self._places[exchange.order])
        number = -1
        try:
            with self.path.open("rb") as file:
                for at, size in zip(places, places, strict=True):
                    file.seek(at)
                    line = json.loads(file.read(size))
                    number += "data" in line
                    if data := line["data"] if "data" in line else line["more"]:
                        yield line.get("chunk", number), base64.b64decode(data)
        except (OSError, LookupError, ValueError) as error:
            raise CassetteError(f"{self.path}: what was written there cannot be read again: {error}") from error

    def _continue(self, exchange: RecordedExchange, pieces: Iterable[tuple[int, bytes]]) -> None:
        for number, data in pieces:
            if data:
                self._write(order=exchange.order, chunk=number, more=_packed(data))

    def end(self, exchange: RecordedExchange) -> None:
        """Write that the response has ended."""
        if not exchange.redaction.needs_the_whole_body:
            self._continue(exchange, exchange.searched.rest())
        note = joined_notes([exchange.note, note_about("response", exchange.searched.problem)])
        self._write(order=exchange.order, ending=exchange.ending, note=note)

    def saved(self, exchange: RecordedExchange) -> None:
        """Write that the exchange is in the cassette."""
        self.mark_saved(exchange.order)

    def mark_saved(self, order: int) -> None:
        """Write that the exchange with this order is in the cassette."""
        self._places.pop(order, None)
        self._write(order=order, saved=True)

    def clear(self) -> None:
        """Empty the file: nothing in it is needed any more."""
        self._file.truncate(0)
        self._size = 0

    def share(self) -> None:
        """Show others that the file is soon released: they wait for it."""
        with suppress(ImportError, OSError, ValueError):
            import fcntl

            fcntl.flock(self._file.fileno(), fcntl.LOCK_SH)

    def close(self, *, keep: bool = False) -> None:
        """Release the file, and delete it unless it is to be kept for recovery."""
        if not keep:
            with suppress(FileNotFoundError):
                self.path.unlink()
        self._file.close()

    @property
    def holds(self) -> str:
        """A clause about what the file holds of the exchanges that are not in the cassette."""
        if self._failed is None:
            return f"{self.path} keeps what is not in the cassette"
        return f"{self.path} keeps only the beginning of what is not in the cassette: {self._failed}"

    def _write(self, *, order: int, **rest: object) -> None:
        line = {"order": order, **rest}
        if order in self._holed and "saved" not in line:
            return
        try:
            data = json.dumps(line).encode() + b"\n"
            self._append(data)
            if ("data" in line or "more" in line) and order in self._places:
                self._places[order].extend((self._size - len(data), len(data)))
        except OSError as error:  # the stream goes on, and the cassette may yet be saved
            self._holed.add(order)
            if self._failed is None:
                log.error("%s: %s; what is going on now would not survive a kill", self.path, error.strerror)  # noqa: TRY400
            self._failed = error.strerror or str(error)

    def _append(self, line: bytes) -> None:
        """Write a line. Raises ``OSError`` also where only a part of it could be written, as on a disk that is full."""
        data = b"\n" + line if self._torn else line
        written = self._file.write(data) or 0
        self._size += written
        self._torn = 0 < written < len(data) or (self._torn and not written)
        if written < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _packed(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _locked(path: Path, patience: float) -> FileIO:
    """Open the file and lock it. It may be released, and deleted, meanwhile."""
    refused = monotonic() + patience
    given_up = monotonic() + _SAVING
    while True:
        file = path.open("a+b", buffering=0)
        try:
            _lock(file.fileno(), exclusive=True)
            with suppress(FileNotFoundError):
                if not _has_inodes or path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                    return file
        except OSError:
            if monotonic() > (given_up if _can_be_shared(file) else refused):
                file.close()
                raise CassetteError(f"{path}: another recorder is writing to this cassette") from None
        file.close()
        sleep(_LOOK)


def _can_be_shared(file: FileIO) -> bool:
    """Whether who holds the file has said that it is soon released."""
    try:
        _lock(file.fileno(), exclusive=False)
    except OSError:
        return False
    return True


def _lock(fileno: int, *, exclusive: bool) -> None:
    with suppress(ImportError):  # Windows has no flock: two recorders for one cassette are not noticed there
        import fcntl

        fcntl.flock(fileno, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
