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
    """How many chunk boundaries the client's process has observed, as far as that is known."""

    proven: int = 0
    """Those that it was seen to observe."""
    assumed: int = 0
    """Those that it may have observed: nobody asked the kernel, or only a pause was made."""


@dataclass(frozen=True)
class Exchange:
    """A snapshot of one request and of what became of its answer.

    Times are in seconds since the request was read; offsets are in bytes of the answer's body, without the framing.
    ``None`` means unknown or undecided. ``provider``, ``provider_stops``, ``tokens_total`` and ``streamed`` are
    ``None`` if there is no model.
    """

    id: str
    """The id by which the journal and the control verbs name the exchange."""
    started_at: str
    """The moment when the whole request had been read: ISO 8601, in UTC."""
    request: Request
    """The request as it was read."""
    route: str | None = None
    """The route's name, ``None`` if no route answers the request."""
    status: int | None = None
    """``None`` before the answer was chosen, and where the client left, or the test ended, before the head was sent."""
    outcome: Outcome | None = None
    """How the exchange ended."""
    how: How | None = None
    """The way in which the client left, ``None`` if it has not."""
    left_after: float | None = None
    """When the client left."""
    ended_after: float | None = None
    """When the outcome was decided; if the client left, when it left."""
    chunks_written: int = 0
    """The number of chunks written."""
    bytes_written: int = 0
    """The bytes of the body written."""
    bytes_read: int | None = None
    """The bytes of the body that the client's process has read."""
    pacing: Pacing | None = None
    """When each next chunk is written, ``None`` before the answer was chosen."""
    boundaries: Boundaries = Boundaries()
    """How many chunk boundaries were proven and how many assumed."""
    faults: tuple[str, ...] = ()
    """The names of the scripted faults of the answer, also of an ending that is not ``eof``."""
    difference: str | None = None
    """How an unmatched request differs from the nearest routes, or a replayed one from the recorded request."""
    bill: Bill | None = None
    """What the model has made and what it charges, ``None`` if there is no model."""
    provider: str | None = None
    """The name of the provider that makes the tokens."""
    provider_stops: bool | None = None
    """Whether the provider stops when the client leaves."""
    tokens_total: int | None = None
    """The number of tokens in the whole answer."""
    streamed: bool | None = None
    """Whether the request asked for a stream."""
    end: int | None = None
    """The offset from which on leaving is not a cancel: after the end marker, or at the body's end if it has none."""
    stream_size: int | None = None
    """The bytes of the whole answer, ``None`` before it began and where its end has not been seen."""
    chunks: int | None = None
    """The number of chunks of the whole answer, ``None`` as ``stream_size`` is."""
    body: bytes = field(default=b"", repr=False)
    """The whole answer, also what was not written."""
    boundaries_at: tuple[int, ...] = field(default=(), repr=False)
    """The offset after each chunk of the answer."""
    written_at: tuple[float, ...] = field(default=(), repr=False)
    """The time of each write."""
    frame: Frame = field(default=SSE, repr=False)
    """How the answer is divided into events."""
    held_at: int | None = None
    """The offset of the gate at which the answer is held, ``None`` if it is not held."""
    certainty: Certainties = field(default_factory=Certainties)
    """How these values are known."""
    work: Work | None = None
    """What the model has made, if it works whether or not its client stays, else ``None``."""

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
