"""A cassette during recording."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from vcr.record_mode import RecordMode  # type: ignore[import-untyped]

from orharness.cassette.at import named
from orharness.cassette.codec import for_vcrpy
from orharness.cassette.damage import TOTAL, VERSION
from orharness.cassette.files import clean_data, load, write
from orharness.cassette.interaction import Interaction
from orharness.cassette.secrets import scrub_uri
from orharness.cassette.serializer import Serializer
from orharness.errors import CassetteError, ScenarioError

_HEAD, _TAIL = b"interactions:\n", b"version: %d\n" % VERSION


class Tape:
    """A cassette during recording: each ``add`` saves the file at once.

    The record modes are vcrpy's: ``none`` adds nothing, ``once`` only if there was no file, ``new_episodes`` appends,
    ``all`` replaces interactions with the same method and address. ``rewrite`` is pytest-recording's: the first
    interaction replaces the file. Raises ``ScenarioError`` for any other mode, ``CassetteError`` for a damaged file.
    """

    def __init__(self, path: str | os.PathLike[str], mode: RecordMode | str = RecordMode.ONCE) -> None:
        self.path = Path(path)
        self.existed = self.path.exists() and mode != "rewrite"
        try:
            self.mode = RecordMode("new_episodes" if mode == "rewrite" else mode)
        except ValueError:
            known = "all, new_episodes, none, once, rewrite"
            raise ScenarioError(f"record mode {mode!r} is not one of {known}") from None
        self._entries = [Entry(one) for one in (load(path) if self.existed else [])]

    @property
    def interactions(self) -> list[Interaction]:
        """The interactions that the file contains now."""
        return [entry.interaction for entry in self._entries]

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
            return Entry(interaction, self._last + 1 if order is None else order)

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

    @property
    def _last(self) -> int:
        return max((entry.order for entry in self._entries), default=-1)

    def _goes(self, old: Entry, new: Entry) -> bool:
        return self.mode is RecordMode.ALL and old.order < 0 and new.endpoint == old.endpoint


class Entry:
    """One interaction of a tape with its YAML, so that adding one does not serialize all others again."""

    def __init__(self, interaction: Interaction, order: int = -1) -> None:
        self.interaction = interaction
        self.order = order  # -1 if it was already in the file
        alone = clean_data(for_vcrpy([interaction]), Serializer())
        self.data = alone.removeprefix(_HEAD).removesuffix(_total_line(1) + _TAIL)
        self.endpoint = interaction.request.method, scrub_uri(interaction.request.uri)


def _joined(entries: list[Entry]) -> bytes:
    """Return the file with these entries (at least one), as ``save`` writes it."""
    first, *others = (entry.data for entry in entries)
    return b"".join([_HEAD, first, _total_line(len(entries)), *others, _TAIL])


def _total_line(total: int) -> bytes:
    return b"      %b: %d\n" % (TOTAL.encode(), total)
