"""A snapshot of an exchange: what every report reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orharness.frames import SSE, Frame
from orharness.journal.bill import Bill, Counted, Work
from orharness.journal.certainty import Certainties, Certainty
from orharness.journal.outcome import How, Outcome, Pacing
from orharness.journal.request import Request

FORMAT = 1  # of the journal's document


@dataclass(frozen=True, slots=True)
class Boundaries:
    """Chunk boundaries that the client's process was seen to observe, and those assumed after a pause."""

    proven: int = 0
    assumed: int = 0


@dataclass(frozen=True)
class Exchange:
    """A snapshot of one request and of what became of its answer.

    ``status``: ``None`` before the answer was chosen, and where the client left, or the test ended, before its head.
    ``ended_after``: seconds until the outcome was decided; if the client left, until it left. ``stream_size``,
    ``chunks``: bytes and chunks of the whole answer, ``None`` before it began and where its end has not been seen.
    ``provider`` makes the tokens, ``tokens_total`` in the whole answer; ``provider_stops``: whether it stops when the
    client leaves, ``None`` if unknown; ``streamed``: whether the request asked for a stream. These four are ``None`` if
    there is no model.
    ``body`` and ``boundaries_at``: the whole answer, and the offset after each of its chunks. ``frame``: how the answer
    is divided into events. ``written_at``: the time of each write. ``held_at``: the offset of the gate at which it is
    held. ``certainty``: how these values are known. ``work``: what the model has made, if it works whether or not its
    client stays, else ``None``.
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
    frame: Frame = field(default=SSE, repr=False)
    held_at: int | None = None
    certainty: Certainties = field(default_factory=Certainties)
    work: Work | None = None

    @property
    def finished(self) -> bool | None:
        """Whether the client took the whole answer; ``None`` while undecided, or if it cannot be known."""
        return None if self.outcome is None or not self.certainty.outcome.sure else self.outcome.finished

    @property
    def unsent(self) -> bytes:
        """The bytes of the answer that were not written."""
        return self.body[self.bytes_written :]

    def to_json(self) -> dict[str, Any]:
        """Return the journal's form: lower-case names, null for unknown or undecided, seconds since the request."""
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
            "boundaries": _fields(self.boundaries),
            "faults": list(self.faults),
            "difference": self.difference,
            "bill": None if self.bill is None else _fields(self.bill),
            "certainty": _fields(self.certainty),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Exchange:
        """Return the exchange of a journal's entry, or of a call of the control verbs: without the answer's bytes."""
        asked = document["request"]
        request = Request(asked["method"], asked["path"], tuple(asked["headers"].items()), asked["body"].encode())
        bill, known = document["bill"], document["certainty"]
        return cls(
            **{name: document[name] for name in _AS_THEY_ARE},
            request=request,
            outcome=None if document["outcome"] is None else Outcome(document["outcome"]),
            how=None if document["how"] is None else How(document["how"]),
            pacing=None if document["pacing"] is None else Pacing(document["pacing"]),
            boundaries=Boundaries(**document["boundaries"]),
            faults=tuple(document["faults"]),
            bill=None if bill is None else Bill(**{**bill, "counted": Counted(bill["counted"])}),
            held_at=document.get("held_at"),
            chunks=document.get("chunks"),
            stream_size=document.get("stream_size"),
            certainty=Certainties(**{name: Certainty(value) for name, value in known.items()}),
        )


def _fields(value: Boundaries | Bill | Certainties) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


_AS_THEY_ARE = (
    "id",
    "started_at",
    "route",
    "status",
    "ended_after",
    "chunks_written",
    "bytes_written",
    "bytes_read",
    "difference",
)


def journal_document(exchanges: Iterable[Exchange], dropped: int = 0) -> Mapping[str, Any]:
    """Return the document that ``GET /_orharness/journal`` answers with.

    ``dropped``: the number of older exchanges that the journal has dropped.
    """
    return {"format": FORMAT, "dropped": dropped, "exchanges": [exchange.to_json() for exchange in exchanges]}
