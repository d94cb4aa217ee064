"""Exchange events: what the transport and the player see, one small value each. They feed ``ExchangeMachine``.

``at`` is a moment in seconds since the request was read. A position on the wire counts the bytes that the server has
given to the connection since it began, heads and framing included.
"""

from __future__ import annotations

from dataclasses import dataclass

from orharness.journal.bill import Meter
from orharness.journal.certainty import Certainty
from orharness.journal.outcome import How, Pacing
from orharness.journal.request import Request
from orharness.stream import Chunk, Framing, Stream


@dataclass(frozen=True, slots=True)
class RequestRead:
    """The request is whole: all moments count from here. ``started_at`` is that moment in Unix time, in seconds."""

    request: Request
    started_at: float
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Unmatched:
    """No route answers the request; ``difference`` says why, a line for each thing that does not fit."""

    difference: str
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Begun:
    """The answer is chosen.

    ``difference``: how the request differs from the recorded one that it gets the answer of. ``meter``: the model
    behind the answer, ``None`` where there is none.
    """

    status: int
    stream: Stream
    pacing: Pacing
    route: str | None = None
    difference: str | None = None
    meter: Meter | None = None
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Grew:
    """The answer of a live service has grown by a chunk, which is still to be written."""

    chunk: Chunk
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Settled:
    """No more of an answer that grew will come: all of it, and the model behind it.

    Where its end was not seen, its end marker is past its body.
    """

    stream: Stream
    meter: Meter | None = None
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class HeadWritten:
    """The response head was written. The body begins at ``wire`` and is framed by ``framing``."""

    wire: int
    framing: Framing
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Wrote:
    """The next ``chunks`` chunks were given to the transport, at a moment before a client can have read them."""

    at: float
    chunks: int = 1


@dataclass(frozen=True, slots=True)
class Boundary:
    """The next ``count`` chunk boundaries were observed by the client's process, or are only assumed to have been.

    One that was observed just now says as well that all that was written has been read.
    """

    proven: bool
    count: int = 1
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Read:
    """What the client's process has taken by ``at``.

    ``wire``: a position on the wire, ``None`` where that cannot be known. ``all_read``: whether it has taken every byte
    that was written, ``None`` where that cannot be known. ``known``: how ``wire`` is known.
    """

    wire: int | None
    all_read: bool | None
    at: float = 0.0
    known: Certainty = Certainty.SEEN


@dataclass(frozen=True, slots=True)
class Held:
    """The stream stops at a gate (``held``), or goes on."""

    held: bool
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Ended:
    """The last byte was written; ``all_read`` as for ``Read``."""

    all_read: bool | None
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class FaultReached:
    """The scripted fault that ends or hangs the response begins."""

    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Left:
    """The client left.

    ``known``: how the way is known. ``most``: the position on the wire beyond which it cannot have read, ``None`` for
    everything that was written. ``reset``: whether an RST came, be it after a FIN.
    """

    how: How
    at: float = 0.0
    known: Certainty = Certainty.SEEN
    most: int | None = None
    reset: bool = False


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """The client sent its next request on the connection after its kernel had acknowledged the whole answer."""

    at: float = 0.0


@dataclass(frozen=True, slots=True)
class ConnectionEnded:
    """Nothing more will be seen of the exchange."""

    at: float = 0.0


@dataclass(frozen=True, slots=True)
class TestEnded:
    """The test is over, so nothing more is waited for."""

    __test__ = False  # the name is not a test class's

    at: float = 0.0


ExchangeEvent = (
    RequestRead
    | Unmatched
    | Begun
    | Grew
    | Settled
    | HeadWritten
    | Wrote
    | Boundary
    | Read
    | Held
    | Ended
    | FaultReached
    | Left
    | AskedAgain
    | ConnectionEnded
    | TestEnded
)
