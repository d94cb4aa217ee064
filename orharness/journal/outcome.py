"""The outcomes of an exchange, the ways in which a client can leave, and the pacings."""

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
    """The test ended while bytes were unread."""
    STILL_OPEN = "still_open"
    """The test ended while the response was open and all was read."""
    UNMATCHED = "unmatched"
    """No route answers the request."""
    LEFT = "left"
    """The client left; whether that was before the end marker cannot be known."""

    @property
    def finished(self) -> bool | None:
        """Whether the client took the whole answer; ``None`` if the outcome leaves that open.

        ``Exchange.finished`` also considers the certainty of the outcome.
        """
        return None if self is Outcome.LEFT else self in (Outcome.COMPLETED, Outcome.LEFT_AT_END)


class How(StrEnum):
    """The way in which a client left, as the transport saw it."""

    FIN = "fin"
    """It closed the connection, or, if its socket is not visible, perhaps its sending side only: a TCP FIN."""
    RST = "rst"
    """It reset the connection: a TCP RST."""
    HALF_CLOSE = "half_close"
    """It shut down its sending side only."""


class Pacing(StrEnum):
    """When the next chunk is written."""

    RECORDED = "recorded"
    """At its own deadline on an absolute clock."""
    LOCKSTEP = "lockstep"
    """When its delay has passed and the client has read the chunk before it."""
    INSTANT = "instant"
    """At once, in one write with everything that can go out with it, as chunks arrive from a busy proxy."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """The moment at which a client left, in seconds since the request was read, and how it left."""

    at: float
    how: How
