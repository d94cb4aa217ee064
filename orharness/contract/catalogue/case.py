"""What a case is: the stream that is sent, and what a client must make of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from orharness.contract.catalogue.chunkings import AS_SENT, Chunking
from orharness.dialects import Dialect
from orharness.dialects.dialect import Part
from orharness.errors import Inexpressible, ScenarioError
from orharness.frames import Frame
from orharness.journal import Request
from orharness.parts import Part as Said
from orharness.scenario import Reply
from orharness.verdict import Expected, Level

LIVENESS = "liveness"  # the family of the cases that are judged by the client's own clock


class Profile(StrEnum):
    """Which cases are run.

    ``gateway``: what OneRouter and services like it really send. ``whatwg``: the whole event-stream rule set as well.
    """

    GATEWAY = "gateway"
    WHATWG = "whatwg"

    @classmethod
    def of(cls, name: Profile | str) -> Profile:
        """Return the profile of that name. Raises ``ScenarioError`` for one that does not exist."""
        try:
            return cls(name)
        except ValueError:
            raise ScenarioError(f"profile is one of {', '.join(cls)}; not {name!r}") from None

    def includes(self, other: Profile) -> bool:
        """Whether a case of the other profile is run in this one."""
        return self is Profile.WHATWG or other is Profile.GATEWAY


@dataclass(frozen=True)
class Cancel:
    """How a client is cancelled: after a number of pieces of text, with nothing more under way, or inside a read.

    ``after``: 0 is before the first token. ``silent``: all before a gate has been read, so that no byte wakes the
    client. ``inside_read``: inside the read that waits for more, which a synchronous iterator does not know.
    ``stops``: the provider stops on cancel; if not, the whole answer is billed all the same.
    """

    after: int = 2
    silent: bool = False
    inside_read: bool = False
    stops: bool = True


@dataclass(frozen=True)
class Pauses:
    """The seconds, at least, from one request of a run to the next.

    ``each``: of every pause; ``longest``: of the longest one, where a client asks four times or more.
    """

    each: float = 0.0
    longest: float = 0.0


@dataclass(frozen=True)
class Further:
    """One more answer of a case, beside the first, after a cancel or as a control, and what must come of it.

    ``side_by_side``: of two at once, neither may wait for the other. ``cancels``: how many come before it. ``cause``:
    what a client does wrong that fails the case and holds here.
    """

    reply: Callable[[], Reply]
    expected: Expected
    side_by_side: bool = False
    cancels: int = 1
    cause: str = ""


@dataclass(frozen=True)
class Case:
    """One thing that a client of a dialect must do.

    ``reply`` makes what is sent; ``expected`` is what the client must make of it, ``also`` what is acceptable too.
    ``chunkings``: each is tried, and all must hold. ``requests``: how many requests a client may send, ``None`` for any
    number; ``runs``: how often it is run, one run after the other. ``patience``: times the runner's own.
    ``wrong_request``: what is wrong with the request, if anything is. ``cause``: what a client does wrong that fails;
    ``broken_json``: where its JSON parser raised, ``raises``: where it raised anything else. ``source``: where the rule
    is written down. ``plain``: an answer with nothing to stumble over, so that a client which fails it would fail any
    other answer, too. ``frame``: the only frame that it is about, if it is about one. ``end_event``: it is about an
    event that obliges a client to end. ``again``: what is sent to each further request, ``None``: the same again.
    ``due``: for each gate the text that has to be handed over while the stream is held there. ``beside``: an answer at
    the same time; ``then``: one after the cancel; ``control``: one without what
    the case is about, which shows a cause. ``pauses``: between its requests.
    ``grows``: answers of more and more events, by their number; what they cost is to grow no faster.
    ``mistaken``: what a client says besides text that makes the mistake of ``cause``; without it, any wrong parts.
    ``in_limits``: its times are multiples of the longest silence that the client allows, so that it is judged by the
    client's own clock. ``document``: the case as it was written.
    """

    id: str
    title: str
    source: str
    dialect: Dialect
    reply: Callable[[], Reply]
    expected: Expected
    also: tuple[Expected, ...] = ()
    level: Level = Level.MUST
    profile: Profile = Profile.GATEWAY
    chunkings: tuple[Chunking, ...] = (AS_SENT,)
    cancel: Cancel | None = None
    requests: int | None = 1
    runs: int = 1
    patience: float = 1.0
    wrong_request: Callable[[Request], str | None] | None = None
    cause: str | None = None
    broken_json: str | None = None
    raises: str | None = None
    plain: bool = False
    frame: Frame | None = None
    end_event: bool = False
    again: Callable[[], Reply] | None = None
    in_limits: bool = False
    due: tuple[str, ...] = ()
    beside: Further | None = None
    then: Further | None = None
    control: Further | None = None
    pauses: Pauses | None = None
    grows: tuple[tuple[int, Further], ...] = ()
    mistaken: tuple[tuple[Said, ...], ...] = ()
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def family(self) -> str:
        """The part of the id before the slash."""
        return self.id.partition("/")[0]

    @property
    def path(self) -> str:
        """Where the client is to send its request, after the API prefix."""
        return self.dialect.paths[0]

    @property
    def end(self) -> str:
        """What ends an answer, for sentences: the data of that event, or what is shown of them."""
        return end_of(self.dialect)

    def has_end(self, text: str) -> bool:
        """Return whether the data of the event that ends an answer are in the text."""
        event = self.dialect.event_of(Part(end=True))
        return event is not None and event.data in text

    @cached_property
    def inapplicable(self) -> str | None:
        """Why the dialect cannot send it; ``None`` where it can."""
        if self.frame is not None and self.frame is not self.dialect.frame:
            return f"it is about {self.frame.title}, and {self.dialect.name} sends {self.dialect.frame.title}"
        if "key" in self.document.get("request", ()) and not self.dialect.keyed:
            return f"a request of {self.dialect.name} carries no API key"
        if self.end_event and self.dialect.ends_with_body:
            return f"in {self.dialect.name} no event obliges a client to end: the stream is over when the body is"
        try:
            self.reply()
        except Inexpressible as error:
            return str(error)
        return None


def end_of(dialect: Dialect) -> str:
    """Return what a sentence shows of the data of the event that ends an answer: all of them, unless they are long."""
    return dialect.end_shown or end_data(dialect)


def end_data(dialect: Dialect) -> str:
    """Return the data of the event that ends an answer, or what to call the end where the API has no such event."""
    event = dialect.event_of(Part(end=True))
    return "the end" if event is None else event.data
