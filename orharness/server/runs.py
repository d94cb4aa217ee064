"""The runs of a client, told apart by the base URL that each run is given.

Without it, a request that comes after its run was given up would be taken for one of the next run. The API key cannot
be used for this: some clients refuse keys of an unusual form, and some send none.
"""

from __future__ import annotations

from itertools import count
from typing import NamedTuple

from orharness.server import addresses

_IDS = count(1)  # of all servers of this process: a port may be used again by the next server


class RunAddress(NamedTuple):
    """One run of a client: its id and the base URL that it is given."""

    id: int
    base_url: str


class Runs:
    """The runs that are under way in one session. Until the first one begins, no path names a run."""

    def __init__(self) -> None:
        self._open: frozenset[int] | None = None

    def begin(self, number: int) -> list[int]:
        """Return the ids of that many new runs. Every earlier run is over."""
        ids = [next(_IDS) for _ in range(number)]
        self._open = frozenset(ids)
        return ids

    def end(self) -> None:
        """End every run."""
        if self._open is not None:
            self._open = frozenset()

    def is_over(self, run: int | None) -> bool:
        """Return whether that run is over. A request that names no run belongs to the current run."""
        return run is not None and (self._open is None or run not in self._open)

    def split(self, path: str) -> tuple[int | None, str]:
        """Return the run that a path names, ``None`` where it names none, and the path without it."""
        name, rest = (None, path) if self._open is None else addresses.split(path)
        return (None, path) if name is None or not name.isdigit() else (int(name), rest)
