"""A cassette during recording."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import SpooledTemporaryFile
from weakref import finalize

from vcr.record_mode import RecordMode  # type: ignore[import-untyped]

from orharness.cassette.at import named
from orharness.cassette.codec import for_vcrpy
from orharness.cassette.damage import ORDER, SEAL, TOTAL, VERSION, order_of
from orharness.cassette.files import clean_data, load, write
from orharness.cassette.interaction import Interaction
from orharness.cassette.large import LargeBody, large_yaml
from orharness.cassette.secrets import scrub_uri
from orharness.cassette.serializer import Serializer
from orharness.errors import CassetteError, ScenarioError

_HEAD, _TAIL = b"interactions:\n", b"version: %d\n" % VERSION
_SEALED = re.compile(rb"%b: '?([0-9a-f]{64})'?\n\Z" % SEAL.encode())
_SEAL_LINE = 80  # bytes: as many as hold the checksum and its name
_IN_MEMORY = 2**22  # bytes
_PIECE = 2**18  # bytes that are copied at once, if that many may be in memory


class Tape:
    """A cassette during recording: each ``add`` saves the file at once.

    The record modes are vcrpy's: ``none`` adds nothing, ``once`` only if there was no file, ``new_episodes`` appends,
    ``all`` replaces interactions with the same method and address. ``rewrite`` is pytest-recording's: the first
    interaction replaces the file. ``in_memory``: bytes of YAML that are held in memory; more goes to a temporary file
    beside the cassette. Raises ``ScenarioError`` for any other mode, ``CassetteError`` for a damaged file.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        mode: RecordMode | str = RecordMode.ONCE,
        *,
        in_memory: int = _IN_MEMORY,
    ) -> None:
        self.path = Path(path)
        self.existed = self.path.exists() and mode != "rewrite"
        try:
            self.mode = RecordMode("new_episodes" if mode == "rewrite" else mode)
        except ValueError:
            known = "all, new_episodes, none, once, rewrite"
            raise ScenarioError(f"record mode {mode!r} is not one of {known}") from None
        self._kept = _Kept(self.path, in_memory)
        self._entries = [self._small(one, -1) for one in (load(path) if self.existed else [])]

    @property
    def interactions(self) -> list[Interaction]:
        """The interactions that the file contains now. They are read from the file."""
        return load(self.path) if self._entries else []

    @property
    def records(self) -> bool:
        """Whether ``add`` adds."""
        return self.mode is not RecordMode.NONE and not (self.mode is RecordMode.ONCE and self.existed)

    def add(self, interaction: Interaction, order: int | None = None) -> None:
        """Save the file with one more interaction.

        Added interactions are sorted by ``order`` (such as the number of the request: concurrent ones may end in
        another order than they began); without ``order`` one comes last. Raises ``CassetteError`` if the record mode
        adds nothing, or the file cannot be written: then its contents stay.
        """
        self.add_all([self.entry(interaction, order)])

    def entry(self, interaction: Interaction, order: int | None = None) -> Entry:
        """Return the interaction for ``add_all``. Raises ``CassetteError`` for one that no cassette can hold."""
        with named(self.path):
            return self._small(interaction, self._last + 1 if order is None else order)

    def large_entry(self, interaction: Interaction, body: LargeBody, order: int) -> Entry:
        """Return an interaction, whose stream has no chunks, with this body. Raises as ``entry`` does."""
        with named(self.path):
            return self._entry(interaction, order, large_yaml(interaction, body))

    def add_all(self, new: Iterable[Entry]) -> None:
        """Save the file once with several more interactions. Raises ``CassetteError`` as ``add`` does."""
        if not self.records:
            why = "adds nothing to a file that exists" if self.mode is RecordMode.ONCE else "adds nothing"
            raise CassetteError(f"{self.path}: record mode {self.mode.value} {why}")
        with named(self.path):
            entries = list(self._entries)
            for one in new:
                entries = [*(entry for entry in entries if not self._goes(entry, one)), one]
            entries.sort(key=lambda entry: entry.order)
            write(self.path, _joined(entries))
        self._entries = entries

    def renumber(self, before: int, orders: Sequence[int]) -> bool:
        """Give the interactions of the file, but for the first ``before``, these orders, which are sorted.

        Does nothing and returns false where it has another number of them.
        """
        if len(self._entries) != before + len(orders):
            return False
        numbers = (*[-1] * before, *orders)
        self._entries = [replace(entry, order=order) for entry, order in zip(self._entries, numbers, strict=True)]
        return True

    def close(self) -> None:
        """Release what was kept for further saves."""
        self._kept.close()

    def _small(self, interaction: Interaction, order: int) -> Entry:
        return self._entry(interaction, order, [clean_data(for_vcrpy([interaction]), Serializer())])

    def _entry(self, interaction: Interaction, order: int, yaml: Iterable[bytes]) -> Entry:
        kept, seal = self._kept.add(yaml)
        return Entry(order, (interaction.request.method, scrub_uri(interaction.request.uri)), kept, seal)

    @property
    def _last(self) -> int:
        return max((entry.order for entry in self._entries), default=-1)

    def _goes(self, old: Entry, new: Entry) -> bool:
        return self.mode is RecordMode.ALL and old.order < 0 and new.endpoint == old.endpoint


@dataclass(frozen=True)
class Entry:
    """One interaction of a tape with its YAML, so that adding one does not serialize all others again.

    ``order``: -1 if it was already in the file. ``yaml``: returns it as it is inside of a cassette, without the totals.
    ``seal``: its checksum.
    """

    order: int
    endpoint: tuple[str, str]
    yaml: Callable[[], Iterator[bytes]]
    seal: str


class _Kept:
    """The YAML of all entries, for the next saves: beyond ``in_memory`` bytes in a file without a name."""

    def __init__(self, path: Path, in_memory: int) -> None:
        self._path = path
        self._in_memory = in_memory
        self._file: SpooledTemporaryFile[bytes] | None = None

    def add(self, pieces: Iterable[bytes]) -> tuple[Callable[[], Iterator[bytes]], str]:
        """Keep a cassette of one interaction; return a function that returns the inner part of it, and its checksum.

        Raises ``CassetteError`` if there is no room for it.
        """
        try:
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = SpooledTemporaryFile(self._in_memory, dir=str(self._path.parent))  # noqa: SIM115 - until close
                finalize(self, self._file.close)  # a tape need not be closed
            start = self._file.seek(0, os.SEEK_END)
            for one in pieces:  # writelines() would look at the size only after the last one
                self._file.write(one)
            # As ``Serializer`` lays it out, with the totals as the last lines of the interaction.
            end = self._file.tell() - len(_totals([""]) + _TAIL)
            self._file.seek(end - _SEAL_LINE)
            seal = _SEALED.search(self._file.read(_SEAL_LINE))
            assert seal is not None, "the serializer wrote the line"
        except OSError as error:
            raise CassetteError(f"the file cannot be written: {error.strerror}") from error
        file = self._file
        piece = min(_PIECE, self._in_memory)
        return (lambda: _range(file, start + len(_HEAD), end, piece)), seal[1].decode()

    def close(self) -> None:
        """Release the file."""
        if self._file is not None:
            self._file.close()


def _range(file: SpooledTemporaryFile[bytes], start: int, end: int, piece: int) -> Iterator[bytes]:
    """Yield the bytes of a file from ``start`` to ``end``, at most ``piece`` at once."""
    for at in range(start, end, piece):
        file.seek(at)
        yield file.read(min(piece, end - at))


def _joined(entries: list[Entry]) -> Iterator[bytes]:
    """Yield the file with these entries (at least one), as ``save`` writes it."""
    yield _HEAD
    for number, entry in enumerate(entries):
        yield from entry.yaml()
        if not number:
            yield _totals([entry.seal for entry in entries])
    yield _TAIL


def _totals(seals: Sequence[str]) -> bytes:
    return f"      {TOTAL}: {len(seals)}\n      {ORDER}: {order_of(seals)}\n".encode()
