"""Times of the loop's polls: a FIN that is seen now cannot have come before the poll before the last."""

from __future__ import annotations

import asyncio
import selectors
from dataclasses import dataclass
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


@dataclass
class NoPolls:
    """For a loop that does not note its polls: none has returned yet."""

    returned_at: float = 0.0
    returned_before: float = 0.0


def polls_of_loop() -> Polls | NoPolls:
    """Return the polls of the running loop. ``returned_at`` is the monotonic time of the last, ``returned_before`` of
    the one before it.
    """
    selector = getattr(asyncio.get_running_loop(), "_selector", None)
    return selector if isinstance(selector, Polls) else _NONE


_NONE = NoPolls()
