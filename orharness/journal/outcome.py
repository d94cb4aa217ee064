"""How an exchange can end, how a client can leave, and when chunks are written: the words of the journal."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How an exchange ended."""

    COMPLETED = "completed"
    """All was played and read."""
    LEFT_AT_END = "left_at_end"
    """The client left after the end marker, before the last byte: correct, not a cancel."""
    CANCELLED = "cancelled"
    """The client left before the end marker."""
    FAULTED = "faulted"
    """A scripted fault that ends or hangs the response was reached."""
    ABANDONED = "abandoned"
    """The test ended while bytes lay unread."""
    STILL_OPEN = "still_open"
    """The test ended while the response was open and all was read."""
    UNMATCHED = "unmatched"
    """No route answers the request."""
    LEFT = "left"
    """The client left, and whether that was before the end marker cannot be known."""

    @property
    def finished(self) -> bool | None:
        """Whether the client took the whole answer; ``None`` where the outcome leaves that open.

        ``Exchange.finished`` also looks at how sure the outcome is.
        """
        return None if self is Outcome.LEFT else self in (Outcome.COMPLETED, Outcome.LEFT_AT_END)


class How(StrEnum):
    """The way in which a client left, as the transport saw it."""

    FIN = "fin"
    RST = "rst"
    HALF_CLOSE = "half_close"
    """It shut down its sending side only."""


class Pacing(StrEnum):
    """When the next chunk is written."""

    RECORDED = "recorded"
    """At its own deadline on an absolute clock."""
    LOCKSTEP = "lockstep"
    """When its delay has passed and the client has read the chunk before it."""
    INSTANT = "instant"
    """At once, in one write with what can go out beside it: as chunks arrive behind a busy proxy."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """The moment at which a client left, in seconds since the request was read, and how it left."""

    at: float
    how: How
