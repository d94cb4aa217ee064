"""Exchange events: what the transport and the player see, one small value each. ``ExchangeMachine`` applies them.

``at`` is in seconds since the request was read. A position on the wire counts the bytes that the server has given to
the connection since it began, heads and framing included.
"""

from __future__ import annotations

from dataclasses import dataclass

from orharness.journal.bill import Meter, Work
from orharness.journal.certainty import Certainty
from orharness.journal.outcome import How, Pacing
from orharness.journal.request import Request
from orharness.stream import Chunk, Ending, Framing, Stream


@dataclass(frozen=True, slots=True)
class RequestRead:
    """The whole request was read: all times count from here. ``started_at`` is that moment in Unix time, in seconds."""

    request: Request
    started_at: float
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Unmatched:
    """No route answers the request; ``difference`` gives the reasons, one a line."""

    difference: str
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Begun:
    """The answer was chosen.

    ``difference``: how the request differs from the recorded one whose answer it gets. ``meter``: the model behind the
    answer, ``None`` if there is none. ``status``: ``None`` if the connection ends without a response head.
    """

    status: int | None
    stream: Stream
    pacing: Pacing
    route: str | None = None
    difference: str | None = None
    meter: Meter | None = None
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Grew:
    """The answer of a live service has grown by a chunk that is still to be written."""

    chunk: Chunk
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Settled:
    """An answer that grew is complete: all of it, and the model behind it.

    If its end was not seen, its end marker is past its body.
    """

    stream: Stream
    meter: Meter | None = None
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Worked:
    """A model that works whether or not its client stays has come further, or was stopped."""

    work: Work
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class HeadWritten:
    """The response head was written. The body begins at ``wire`` and has the framing ``framing``."""

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
    """The next ``count`` chunk boundaries were observed by the client's process, or are assumed to have been.

    A boundary that was just observed also proves that everything written has been read.
    """

    proven: bool
    count: int = 1
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Read:
    """What the client's process has read by ``at``.

    ``wire``: a position on the wire, ``None`` if it cannot be known. ``all_read``: whether it has read every byte that
    was written, ``None`` if that cannot be known. ``known``: how certain ``wire`` is.
    """

    wire: int | None
    all_read: bool | None
    at: float = 0.0
    known: Certainty = Certainty.SEEN


@dataclass(frozen=True, slots=True)
class Held:
    """The stream stops at a gate (``held``), or continues."""

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
class Cut:
    """Somebody at the controls ends the response here, as ``ending`` says; no scenario asked for it."""

    ending: Ending
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Left:
    """The client left.

    ``known``: how certain the way of leaving is. ``most``: the upper bound of what it read, a position on the wire;
    ``None`` for everything that was written. ``reset``: whether an RST came, possibly after a FIN.
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
    """The test is over: nothing more is awaited."""

    __test__ = False  # keeps pytest from collecting it

    at: float = 0.0


ExchangeEvent = (
    RequestRead
    | Unmatched
    | Begun
    | Grew
    | Settled
    | Worked
    | HeadWritten
    | Wrote
    | Boundary
    | Read
    | Held
    | Ended
    | FaultReached
    | Cut
    | Left
    | AskedAgain
    | ConnectionEnded
    | TestEnded
)
