"""Client runs, told apart by the base URL that each is given: ``http://host:port/s/ID/v1``.

Without it, a request that comes after its run was given up would be taken for one of the next run. The API key cannot
be used for this: some clients refuse keys of an unusual form, and some send none.
"""

from __future__ import annotations

import re
from itertools import count
from typing import NamedTuple

_PREFIX = re.compile(r"/s/(\d+)(?=/|$)")
_IDS = count(1)  # of all servers of this process: a later server may use the same port


class RunAddress(NamedTuple):
    """One run of a client: its id and the base URL that it is given."""

    id: int
    base_url: str


class Runs:
    """The current runs of one server. Until the first one begins, no path names a run."""

    def __init__(self) -> None:
        self._open: frozenset[int] | None = None

    def begin(self, number: int) -> list[int]:
        """Return the ids of so many new runs. Every earlier run is over."""
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
        """Return the run that a path names, ``None`` if it names none, and the path without it."""
        found = None if self._open is None else _PREFIX.match(path)
        return (None, path) if found is None else (int(found[1]), path[found.end() :] or "/")
