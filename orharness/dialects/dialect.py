"""A dialect as a value: how one API frames its events, and what they mean.

No other room names an API: it is given a ``Dialect``, or looks one up in ``DIALECTS`` (``known``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from orharness.dialects.answer import Answer, ReportedError
from orharness.dialects.completion import MODEL, Completion, Usage
from orharness.dialects.conversation import NEW, Conversation
from orharness.dialects.paths import ends_like, filled, fits
from orharness.dialects.values import Json, dumps
from orharness.errors import Inexpressible
from orharness.frames import Frame
from orharness.gateways import ONEROUTER, Gateway
from orharness.journal import Request
from orharness.sse import Event, Item
from orharness.stream import Chunk, Stream

if TYPE_CHECKING:
    from orharness.dialects.grammar import Grammar


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for, in terms that all dialects share.

    ``provider``: the routing preferences as sent, ``None`` if there are none. ``prompt_tokens``: an estimate.
    ``wants_usage``: whether the stream is to end with its token counts. ``turn``: the number of user messages;
    ``last_user``: the text of the last one. ``tools``: the names of the tools that the model may call.
    ``conversation``: the model's turns and the results of tools. ``endpoint``: the one of the dialect's paths that was
    asked, where their answers have different forms, else ``None``. ``frame``: how the answer's events are to be framed,
    ``None`` where the API leaves no choice. ``background``: whether the answer is to be made whether or not its client
    stays.
    """

    stream: bool = True
    model: str | None = None
    provider: object = None
    prompt_tokens: int = 0
    wants_usage: bool = False
    turn: int = 0
    last_user: str | None = None
    tools: tuple[str, ...] = ()
    conversation: Conversation = NEW
    endpoint: str | None = None
    frame: Frame | None = None
    background: bool = False


class Refused(Exception):  # noqa: N818 - an answer to the client, not an error of the harness
    """A request that the real API would refuse: the HTTP ``status`` (4xx), and the reason in one sentence.

    ``asked``: what can still be read of it, for a reply that does not check requests; ``None`` for nothing.
    """

    def __init__(self, status: int, reason: str, asked: Asked | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.asked = asked


@dataclass(frozen=True, slots=True)
class Written:
    """The events of an answer, and what their writer knows of them: which one ends it, and which carry a token."""

    events: tuple[Event, ...]
    end: int | None
    tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slip:
    """Something in an API's JSON that careless readers stumble over.

    ``cause``: what such a reader does wrong, in a sentence; ``as_error``: the same where it raises an error, if the
    cause is about the text alone, ``as_text``: where it yields text that was not sent. ``without``: the JSON of one
    event with that taken away, such that the text of the answer stays; the same JSON where it is not there, ``None``
    for an event to leave out.
    """

    name: str
    cause: str
    without: Callable[[Json], Json | None]
    as_error: str = ""
    as_text: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """The content of one event of an answer, in terms that all dialects share.

    ``text`` is added to the answer. ``finish``: why the model stopped. ``role``: who speaks. ``usage``: the token
    counts. ``end``: nothing follows.
    """

    text: str | None = None
    finish: str | None = None
    role: str | None = None
    usage: Usage | None = None
    end: bool = False


class Carried(StrEnum):
    """The fields of a completion that a dialect can express."""

    REASONING = "reasoning"
    TOOL_CALLS = "tool_calls"
    REFUSAL = "refusal"
    USAGE = "usage"
    OTHERS = "others"
    ERROR = "error"


class ErrorDocument(Protocol):
    """A function that makes the body of an answer with an HTTP error status, in the gateway's format."""

    def __call__(self, gateway: Gateway, status: int, message: str) -> Json: ...


class Progress(StrEnum):
    """How far an answer has come that is made whether or not its client stays."""

    QUEUED = "queued"
    WORKING = "working"
    ENDED = "ended"
    CANCELLED = "cancelled"
    """A call of its own stopped it before its end."""


class ProgressDocument(Protocol):
    """A function that makes the body by which an API shows how far such an answer has come."""

    def __call__(self, completion: Completion, gateway: Gateway, asked: Asked, progress: Progress) -> Json: ...


@dataclass(frozen=True, slots=True)
class Background:
    """An API's calls for an answer that is made whether or not its client stays.

    ``retrieve``, ``cancel``: the paths of a GET that shows it and of a POST that stops it, with ``{id}`` in them.
    ``document``: what both answer with. ``resumes``: whether a GET with this query asks for the events; ``after``: the
    parameter with the number of the last event that the client has. ``number_of``: the number of an event.
    """

    retrieve: str
    cancel: str
    document: ProgressDocument
    resumes: Callable[[Mapping[str, str]], bool]
    after: str
    number_of: Callable[[Event], int | None]


def _nothing(value: Event | Completion) -> None:
    return None


def _no_events(text: str) -> tuple[Event, ...]:
    return ()


def _no_other(event: Event) -> bool:
    return False


def _stream_alone() -> Json:
    return {"stream": True}


def _chat_prefix(gateway: Gateway) -> str:
    return gateway.id_prefix


def _no_cases() -> tuple[Mapping[str, Any], ...]:
    return ()


@dataclass(frozen=True)
class Dialect:
    """One API's stream, as data and pure functions.

    ``paths``: its endpoints, without the API prefix; the default one first. They are templates (``dialects.paths``): a
    part may be the request's own. ``bases``: what a service may write between the API prefix and an endpoint, such as
    the name of a deployment, as templates. ``elsewhere``: the default endpoint as another service has it.
    ``models_path``: where its list of models is; ``prefix``: the API prefix that its clients use. ``asked``: what a
    request asks for; raises ``Refused`` for one that the API would refuse. ``carries``: what ``write`` can express
    besides text. ``write``: the events of a streamed answer; ``document``: the body of one that is not streamed.
    ``fold``: the inverse of ``write``. ``is_end``: whether an event ends the answer; ``error_of``: the error that an
    event reports; ``is_token``: whether an event carries a part of the answer. ``error_document``: the body of an HTTP
    error; ``models``: that of the list of models. ``brief``: for an event without text, what distinguishes it from
    others, for a time line. ``event_of``: the shortest event for a part of an answer, ``None`` if the API has none.
    ``opening``: the events that an answer begins with, as short, before one that adds a text; ``closing``: those
    between that and its end, for the whole text. ``grammar``: which event may follow which, ``None`` if it is not
    specified. ``limits``: in words, what of a completion the API cannot express, beyond ``carries``. ``is_own``:
    whether an event that carries no part of an answer is still this API's. ``id_prefix``: the beginning of an answer's
    id. ``fails_with_status``: a failed answer without a stream has the HTTP status of its error, otherwise 200.
    ``example``: the body of a short request for a stream, ``example_query`` its query. ``further_frames``: those that a
    request may choose instead of ``frame``; ``newline``: the line end that is written. ``ends_with_body``: no event
    obliges a client to end; the answer is whole with the one that ``is_end`` finds, and the stream is over when the
    body is. ``cases``: its own contract cases, as documents. ``slips``: what in its JSON careless readers stumble over,
    the most special first. ``background``: its calls for answers that are made whether or not their client stays,
    ``None`` if it has no such answers. ``keyed``: its requests carry an API key. ``end_shown``: what a sentence shows
    of the data of the event that ends an answer, where they are too long to be shown whole. ``unstreamed``: in words,
    how a request looks that does not ask for a stream.

    The law: ``fold(write(completion, gateway, asked).events)`` equals ``Answer.of(completion)``.
    """

    name: str
    frame: Frame
    paths: tuple[str, ...]
    asked: Callable[[Request, Gateway], Asked]
    carries: frozenset[Carried]
    write: Callable[[Completion, Gateway, Asked], Written]
    document: Callable[[Completion, Gateway, Asked], Json]
    fold: Callable[[Iterable[Item]], Answer]
    is_end: Callable[[Event], bool]
    error_of: Callable[[Event], ReportedError | None]
    is_token: Callable[[Event], bool]
    error_document: ErrorDocument
    models: Callable[[Iterable[str]], Json]
    event_of: Callable[[Part], Event | None]
    opening: tuple[Event, ...] = ()
    closing: Callable[[str], tuple[Event, ...]] = _no_events
    brief: Callable[[Event], str | None] = _nothing
    grammar: Grammar | None = None
    limits: Callable[[Completion], str | None] = _nothing
    is_own: Callable[[Event], bool] = _no_other
    id_prefix: Callable[[Gateway], str] = _chat_prefix
    fails_with_status: bool = False
    example: Callable[[], Json] = _stream_alone
    example_query: str = ""
    further_frames: tuple[Frame, ...] = ()
    newline: str = "\n"
    ends_with_body: bool = False
    keyed: bool = True
    cases: Callable[[], Sequence[Mapping[str, Any]]] = _no_cases
    slips: tuple[Slip, ...] = ()
    background: Background | None = None
    bases: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    models_path: str = "/models"
    prefix: str = "/v1"
    end_shown: str = ""
    unstreamed: str = "`stream: true` is missing"

    def __repr__(self) -> str:
        return f"<Dialect {self.name}>"

    @property
    def example_path(self) -> str:
        """The path of the example request, without the API prefix and the query."""
        return filled(self.paths[0], model=MODEL)

    @property
    def example_request(self) -> Request:
        """Return a short request for a stream, as a client sends it."""
        body = dumps(self.example()).encode()
        return Request("POST", f"{self.prefix}{self.example_path}", body=body, query=self.example_query)

    @cached_property
    def lead(self) -> int:
        """The number of events of an answer before its first token."""
        return self.write(Completion.of(["token"], model=MODEL), ONEROUTER, Asked()).tokens[0]

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The possible framings of its events, the usual one first."""
        return (self.frame, *self.further_frames)

    def ends(self, path: str) -> bool:
        """Return whether a path ends in one of its endpoints, whatever is before it."""
        return any(ends_like(template, path) for template in (*self.paths, *self.elsewhere))

    def is_at(self, path: str) -> bool:
        """Return whether a path (without the API prefix) is one of its endpoints."""
        return path in self._templates or any(fits(template, path) for template in self._templates)

    @cached_property
    def _templates(self) -> tuple[str, ...]:
        """The templates of all of its endpoints."""
        return tuple(template for endpoint in self.paths for template in self.spellings(endpoint))

    def is_below(self, endpoint: str, path: str) -> bool:
        """Return whether a path (without the API prefix) is the endpoint, as it is or below one of its bases."""
        return any(fits(template, path) for template in self.spellings(endpoint))

    def spellings(self, endpoint: str) -> tuple[str, ...]:
        """Return the templates of an endpoint, or of any other path: as it is, below each of its bases, elsewhere."""
        others = self.elsewhere if endpoint == self.paths[0] else ()
        return (endpoint, *(f"{base}{endpoint}" for base in self.bases), *others)

    def is_terminal(self, event: Event) -> bool:
        """Return whether a client may leave after the event: the end marker, or an error."""
        return self.is_end(event) or self.error_of(event) is not None

    def check(self, completion: Completion) -> None:
        """Raise ``Inexpressible`` for a completion that this API cannot express; it names the field."""
        for field in Carried:
            if field not in self.carries and getattr(completion, field):
                raise Inexpressible(f"the dialect {self.name} cannot express {field}=; it has no form for it")
        if (why := self.limits(completion)) is not None:
            raise Inexpressible(f"the dialect {self.name} cannot express {why}")

    def stream(self, completion: Completion, gateway: Gateway, asked: Asked, delay: float = 0.0) -> Stream:
        """Return the answer as a stream with one chunk for each event, each ``delay`` seconds after the one before.

        The end marker and the token offsets are the writer's own.
        """
        self.check(completion)
        written = self.write(completion, gateway, asked)
        frame = asked.frame or self.frame
        pieces = frame.pieces(*written.events, newline=self.newline)
        ends = frame.ends_of(pieces)
        return Stream(
            tuple([Chunk(piece, delay) for piece in pieces]),
            frame=frame,
            end_marker=None if written.end is None else ends[written.end],
            tokens=tuple([ends[number] for number in written.tokens]),
        )

    def marked(self, stream: Stream) -> Stream:
        """Return the stream with its end marker and token offsets, found in its bytes.

        For a stream that was recorded or that a fault has changed: the marker is the first event that ends it or
        reports an error, ``None`` if there is none.
        """
        found = [(offset, item) for offset, item in stream.frame.decode_with_offsets(stream.body)]
        events = [(offset, item) for offset, item in found if isinstance(item, Event)]
        marker = next((offset for offset, event in events if self.is_terminal(event)), None)
        tokens = tuple(offset for offset, event in events if self.is_token(event))
        return replace(stream, end_marker=marker, tokens=tokens)
