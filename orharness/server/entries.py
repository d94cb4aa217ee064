"""The retained exchanges of a server, and counts of the dropped ones."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress

from orharness.journal import Outcome
from orharness.server.exchange import LiveExchange


class Entries:
    """Exchanges in the order of their requests. Only the server's loop changes them; any thread may read.

    ``limit``: how many are kept, ``None`` for all. Beyond it, those that ended first are dropped; an open one is always
    kept. ``dropped``: the number of dropped exchanges by outcome.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.dropped: Counter[Outcome | None] = Counter()
        self._limit = limit
        self._kept: dict[str, LiveExchange] = {}  # by id: a dropped one may be in the middle
        self._over: deque[LiveExchange] = deque()  # in the order of their ends

    def __iter__(self) -> Iterator[LiveExchange]:
        return iter(list(self._kept.values()))

    def __len__(self) -> int:
        return len(self._kept)

    def from_number(self, number: int) -> list[LiveExchange]:
        """Return the exchanges from that number on, counted from 0 and including dropped ones."""
        return list(self._kept.values())[max(0, number - self.dropped.total()) :]

    def add(self, exchange: LiveExchange) -> None:
        """Add an exchange."""
        self._kept[exchange.id] = exchange
        self._drop()

    def discard(self, exchange: LiveExchange) -> None:
        """Remove an exchange without counting it as dropped."""
        self._kept.pop(exchange.id, None)

    def over(self, exchange: LiveExchange) -> None:
        """Record that an exchange is final."""
        if self._limit is not None:
            self._over.append(exchange)
            self._drop()

    def clear(self) -> None:
        """Remove all exchanges, and forget the dropped ones."""
        self.dropped.clear()
        self._kept.clear()
        self._over.clear()

    def _drop(self) -> None:
        while self._limit is not None and len(self._kept) > self._limit and self._over:
            oldest = self._over.popleft()
            if self._kept.pop(oldest.id, None) is None:
                continue  # it was discarded
            self.dropped[oldest.outcome] += 1
            if oldest.also_in is not None:
                with suppress(ValueError):
                    oldest.also_in.remove(oldest)
