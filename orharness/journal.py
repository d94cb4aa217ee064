"""What happened: requests, exchanges, and the one pure function that names an outcome.

The server only observes. ``decide`` turns an observation into an ``Outcome``; it is called after each thing seen, and
its first answer stands. All moments are seconds since the request had been read, all positions are body offsets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from orharness.redaction import is_secret


class Outcome(StrEnum):
    """How an exchange ended."""

    COMPLETED = "completed"  # all was played and read
    LEFT_AT_END = "left_at_end"  # the client left after the end marker, before the last byte: correct, not a cancel
    CANCELLED = "cancelled"  # the client left before the end marker
    FAULTED = "faulted"  # a scripted fault that ends or hangs the response was reached
    ABANDONED = "abandoned"  # the test ended while bytes lay unread
    STILL_OPEN = "still_open"  # the test ended while the response was open and all was read
    UNMATCHED = "unmatched"  # no route answers the request

    @property
    def finished(self) -> bool:
        """Whether the client took the whole answer."""
        return self in (Outcome.COMPLETED, Outcome.LEFT_AT_END)


class How(StrEnum):
    """The way in which a client left, as the transport saw it."""

    FIN = "fin"
    RST = "rst"
    HALF_CLOSE = "half_close"  # it shut down its sending side only


class Pacing(StrEnum):
    """When the next chunk is written."""

    RECORDED = "recorded"  # at its own deadline on an absolute clock
    LOCKSTEP = "lockstep"  # when its delay has passed and the client has read the chunk before it
    INSTANT = "instant"  # at once, in one write with what can go out beside it: as chunks arrive behind a busy proxy


@dataclass(frozen=True)
class Request:
    """One request as it was read: the path without its query, header names as sent, the whole body."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    query: str = ""

    def header(self, name: str) -> str | None:
        """The first header of that name, without regard to case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The query's parameters; of a repeated one, the last."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @cached_property
    def json(self) -> Any:
        """The body read as JSON, ``None`` where it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):  # the latter from brackets that are nested too deeply to be read
            return None

    @property
    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 are shown as U+FFFD."""
        return self.body.decode("utf-8", "replace")

    def to_json(self) -> dict[str, Any]:
        """For the journal, without what authenticates."""
        hidden = ((name, "[hidden]" if is_secret(name) else value) for name, value in self.headers)
        return {"method": self.method, "path": self.path, "headers": dict(hidden), "body": self.text}


@dataclass(frozen=True, slots=True)
class Disconnect:
    """The moment at which a client left, in seconds since the request was read, and how it left."""

    at: float
    how: How


class Counted(StrEnum):
    """What the numbers of a bill count."""

    TOKENS = "tokens"
    EVENTS = "events"  # the stream's tokens cannot be counted, so each event of it stands for one


@dataclass(frozen=True, slots=True)
class Bill:
    """What the simulated model made, and what is charged for it (in the gateway's currency).

    ``counted``: whether its numbers, and so its cost, are of tokens or of events that stand for tokens.
    """

    tokens_prompt: int
    tokens_made: int
    tokens_written: int
    tokens_read: int | None
    tokens_billed: int
    cancelled: bool
    cost: float
    counted: Counted = Counted.TOKENS

    @property
    def noun(self) -> str:
        """The singular of what is counted: ``token`` or ``event``."""
        return "token" if self.counted is Counted.TOKENS else "event"


@dataclass(frozen=True, slots=True)
class Boundaries:
    """Chunk boundaries that the client's process was seen to observe, and those that only a pause stands for."""

    proven: int = 0
    assumed: int = 0


@dataclass(frozen=True, slots=True)
class Observation:
    """All that an outcome depends on.

    ``end``: leaving at or behind this body offset is not a cancel (the end marker, or the body's end where there is
    none). ``read``: bytes of the body that the client's process has taken, ``None`` where that cannot be known.
    ``all_read``: whether every byte on the wire was taken, ``None`` where that cannot be known.
    ``ended_at``: when the last byte was written; ``fault_at``: when the scripted fault was reached. ``begun``: whether
    the response head was written; before that, leaving is always a cancel.
    """

    end: int
    matched: bool = True
    written: int = 0
    read: int | None = None
    all_read: bool | None = None
    ended_at: float | None = None
    fault_at: float | None = None
    disconnect: Disconnect | None = None
    test_ended: bool = False
    begun: bool = True


def decide(seen: Observation) -> Outcome | None:
    """The outcome, or ``None`` while it is open; the first terminal event wins."""
    if not seen.matched:
        return Outcome.UNMATCHED
    left = seen.disconnect
    if seen.fault_at is not None and (left is None or seen.fault_at <= left.at):
        return Outcome.FAULTED
    if seen.ended_at is not None and seen.all_read is not False:
        return Outcome.COMPLETED
    if left is not None:
        taken = seen.written if seen.read is None else seen.read
        return Outcome.LEFT_AT_END if seen.begun and taken >= seen.end else Outcome.CANCELLED
    if seen.test_ended:
        return Outcome.ABANDONED if seen.all_read is False else Outcome.STILL_OPEN
    return None


@dataclass(frozen=True)
class Exchange:
    """A snapshot of one request and what became of its answer.

    ``ended_after``: seconds until the outcome was decided, for a client that left the moment of its leaving.
    ``stream_size``, ``chunks``: what the answer would have been in full, in bytes and chunks, ``None`` before it began.
    ``provider`` made the tokens, of ``tokens_total`` that the whole answer has; ``provider_stops``: does it when the
    client leaves? ``None`` where that is not known. ``streamed``: was the answer asked for as a stream? All four are
    ``None`` where there is no model.
    ``body`` and ``boundaries_at``: that answer, and the offset behind each of its chunks. ``written_at``: the moment of
    each write. ``held_at``: the offset of the gate at which it stands.
    """

    id: str
    started_at: str
    request: Request
    route: str | None = None
    status: int | None = None
    outcome: Outcome | None = None
    how: How | None = None
    left_after: float | None = None
    ended_after: float | None = None
    chunks_written: int = 0
    bytes_written: int = 0
    bytes_read: int | None = None
    pacing: Pacing | None = None
    boundaries: Boundaries = Boundaries()
    faults: tuple[str, ...] = ()
    difference: str | None = None
    bill: Bill | None = None
    provider: str | None = None
    provider_stops: bool | None = None
    tokens_total: int | None = None
    streamed: bool | None = None
    end: int | None = None
    stream_size: int | None = None
    chunks: int | None = None
    body: bytes = field(default=b"", repr=False)
    boundaries_at: tuple[int, ...] = field(default=(), repr=False)
    written_at: tuple[float, ...] = field(default=(), repr=False)
    held_at: int | None = None

    @property
    def unsent(self) -> bytes:
        """The bytes of the answer that were never written."""
        return self.body[self.bytes_written :]

    def to_json(self) -> dict[str, Any]:
        """The journal's form: names in lower case, unknown or undecided null, seconds from the request's reading."""
        return {
            "id": self.id,
            "started_at": self.started_at,
            "request": self.request.to_json(),
            "route": self.route,
            "status": self.status,
            "outcome": self.outcome,
            "how": self.how,
            "ended_after": None if self.ended_after is None else round(self.ended_after, 6),
            "chunks_written": self.chunks_written,
            "bytes_written": self.bytes_written,
            "bytes_read": self.bytes_read,
            "pacing": self.pacing,
            "boundaries": asdict(self.boundaries),
            "faults": list(self.faults),
            "difference": self.difference,
            "bill": None if self.bill is None else asdict(self.bill),
        }


def journal_document(exchanges: list[Exchange]) -> Mapping[str, Any]:
    """What ``GET /_orharness/journal`` answers."""
    return {"format": 1, "exchanges": [exchange.to_json() for exchange in exchanges]}
