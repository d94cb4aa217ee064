"""When the server's loop asked for what is ready: a FIN that is seen now cannot have come before the poll before."""

from __future__ import annotations

import asyncio
import selectors
from time import monotonic


class Polls(selectors.DefaultSelector):
    """A selector that notes when it returned, for the loop of the server's thread."""

    def __init__(self) -> None:
        super().__init__()
        self._returned = self._before = monotonic()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """As every selector."""
        ready = super().select(timeout)
        self._before, self._returned = self._returned, monotonic()
        return ready

    @staticmethod
    def last() -> float:
        """Return the monotonic moment at which the last poll returned, 0 where the loop does not note it."""
        selector = getattr(asyncio.get_running_loop(), "_selector", None)
        return selector._returned if isinstance(selector, Polls) else 0.0

    @staticmethod
    def last_but_one() -> float:
        """Return the monotonic moment at which the poll before the last returned, 0 where the loop does not note it."""
        selector = getattr(asyncio.get_running_loop(), "_selector", None)
        return selector._before if isinstance(selector, Polls) else 0.0
