"""Times of the loop's polls: a FIN that is seen now cannot have come before the poll before the last."""

from __future__ import annotations

import asyncio
import selectors
from time import monotonic


class Polls(selectors.DefaultSelector):
    """A selector that notes when it returned, for the loop of the server's thread."""

    def __init__(self) -> None:
        super().__init__()
        self.returned_at = self.returned_before = monotonic()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Select, and note the time."""
        ready = super().select(timeout)
        self.returned_before, self.returned_at = self.returned_at, monotonic()
        return ready

    @staticmethod
    def last() -> float:
        """Return the monotonic time at which the last poll returned, 0 if the loop does not note it."""
        selector = getattr(asyncio.get_running_loop(), "_selector", None)
        return selector.returned_at if isinstance(selector, Polls) else 0.0

    @staticmethod
    def last_but_one() -> float:
        """Return the monotonic time at which the poll before the last returned, 0 if the loop does not note it."""
        selector = getattr(asyncio.get_running_loop(), "_selector", None)
        return selector.returned_before if isinstance(selector, Polls) else 0.0
