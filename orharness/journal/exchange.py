"""An exchange as it is at one moment: what every report reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from orharness.journal.bill import Bill
from orharness.journal.certainty import Certainties
from orharness.journal.outcome import How, Outcome, Pacing
from orharness.journal.request import Request


@dataclass(frozen=True, slots=True)
class Boundaries:
    """Chunk boundaries that the client's process was seen to observe, and those that only a pause stands for."""

    proven: int = 0
    assumed: int = 0


@dataclass(frozen=True)
class Exchange:
    """A snapshot of one request and what became of its answer.

    ``ended_after``: seconds until the outcome was decided, for a client that left the moment of its leaving.
    ``stream_size``, ``chunks``: what the answer would have been in full, in bytes and chunks, ``None`` before it began.
    ``provider`` made the tokens, of ``tokens_total`` that the whole answer has; ``provider_stops``: does it when the
    client leaves? ``None`` where that is not known. ``streamed``: was the answer asked for as a stream? All four are
    ``None`` where there is no model.
    ``body`` and ``boundaries_at``: that answer, and the offset after each of its chunks. ``written_at``: the moment of
    each write. ``held_at``: the offset of the gate at which it stands. ``certainty``: how what is said here is known.
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
    certainty: Certainties = field(default_factory=Certainties)

    @property
    def finished(self) -> bool | None:
        """Whether the client took the whole answer; ``None`` while that is undecided, or where it cannot be known."""
        return None if self.outcome is None or not self.certainty.outcome.sure else self.outcome.finished

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
            "certainty": asdict(self.certainty),
        }


def journal_document(exchanges: list[Exchange]) -> Mapping[str, Any]:
    """What ``GET /_orharness/journal`` answers."""
    return {"format": 1, "exchanges": [exchange.to_json() for exchange in exchanges]}
