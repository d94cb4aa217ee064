"""What was seen on both sides of a relay in one run of a case, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from orharness.dialects import DIALECTS, Dialect
from orharness.frames import FRAMES, SSE, Frame
from orharness.journal import Exchange
from orharness.relay.reasons import RelayKind
from orharness.relay.response import ResponseEnd
from orharness.relay.views import AnswerForm, events_of, form_of
from orharness.sse import Event, Item
from orharness.verdict import Evidence, quote

NO_API = "the relay does not send the events of an API"
TAIL = 160  # bytes of the answer that evidence shows


@dataclass(frozen=True)
class Buffering:
    """The first event that did not come out while the next one was held back, and how many more it took.

    ``freed_by``: gates that had to be opened until it came, ``None`` if it came only at the end, or never. ``came``:
    what had come out by then.
    """

    event: int
    text: str
    freed_by: int | None = None
    came: bytes = b""


@dataclass(frozen=True)
class Leaving:
    """A browser that left: after ``after`` seconds the upstream saw it, ``None`` if not within the time it had.

    ``woken_by``: how many further events the upstream had to send until then, ``None`` if it never saw it. ``written``:
    tokens that had been written to the relay when the browser left. ``asked``: requests that had come by then.
    """

    after: float | None
    written: int = 0
    woken_by: int | None = None
    asked: int = 1


@dataclass(frozen=True)
class Seen:
    """One run: what the upstream saw (an exchange for each request) and what came out at the browser.

    ``headers``: of the response, by lower-case name; ``kind``: what the relay is, as far as they say. ``unmatched``:
    requests of the relay that no reply was for. ``patience``: seconds that the relay had. ``problem``: why the browser
    could not read on. ``several``: what came out at each browser, where there were several at once; ``together``:
    requests that had come before any answer ended. ``waits``: the seconds that events needed to come out, ``None`` if
    one did not; ``direct``: those without the relay.
    """

    base_url: str
    exchanges: tuple[Exchange, ...] = ()
    unmatched: tuple[Exchange, ...] = ()
    status: int | None = None
    content_type: str = ""
    kind: RelayKind | None = None
    content: bytes = b""
    ended: ResponseEnd | None = None
    patience: float = 2.0
    problem: str = ""
    buffering: Buffering | None = None
    leaving: Leaving | None = None
    several: tuple[bytes, ...] = ()
    together: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    waits: tuple[float, ...] | None = None
    direct: tuple[float, ...] | None = None

    @property
    def form(self) -> AnswerForm:
        """The form into which the relay puts the model's stream."""
        return form_of(self.content, self._media_type)

    @property
    def dialect(self) -> Dialect | None:
        """The API whose events come out at the browser, ``None`` for a form of the relay's own.

        An event that carries a part of the answer decides: keep-alive events of one API may be put into another's.
        """
        items = self.items
        parts = [item for item in items if isinstance(item, Event)]
        carried = (one for item in parts for one in DIALECTS.values() if one.is_token(item))
        return next(carried, None) or DIALECTS.of(items)

    @property
    def frame(self) -> Frame:
        """The frame of what came out: an event stream if it has events of one, else that of its content type."""
        if events_of(self.content):
            return SSE
        return next((one for one in FRAMES.values() if one.content_type == self._media_type), SSE)

    @property
    def is_event_stream(self) -> bool:
        """Whether the content type is that of an event stream."""
        return self._media_type == SSE.content_type

    @property
    def _media_type(self) -> str:
        return self.content_type.partition(";")[0].strip().lower()

    @property
    def items(self) -> list[Item]:
        """What came out, as the items of its frame."""
        return self.frame.decode(self.content)

    def outcome(self) -> str:
        """What came out, in words."""
        if self.problem:
            return self.problem
        if self.status is None:
            return f"no response within {self.patience:g} s" if self.ended is None else "no response: it was cut off"
        end = "it does not end" if self.ended is None else f"a {self.ended} end"
        tail = quote(self.content[-TAIL:])
        return f"status {self.status}, {len(self.content):,} bytes, {end}: {'…' * (len(self.content) > TAIL)}{tail}"


Found = Evidence | str | None
"""What a judge returns: evidence (the relay fails), the reason why the case is not applicable, or ``None``."""

Judge = Callable[[Seen], Found]


def other_form(seen: Seen) -> str:
    """Return why a case about chat completion chunks does not judge an answer that has none."""
    if seen.dialect is not None and seen.dialect is not DIALECTS.default:
        return f"the relay sends events of {seen.dialect.name}: this case is about chat completion chunks"
    return "the relay does not send chat completion chunks" if seen.content else "nothing came out"
