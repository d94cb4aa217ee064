"""A reply as data: how requests are answered, in a form that can be stored, sent, compared and shown.

``making`` has what it makes of a request.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Unpack

from orharness.cassette.interaction import Interaction
from orharness.dialects import DIALECTS, Asked, Dialect
from orharness.dialects.completion import Completion
from orharness.errors import ScenarioError
from orharness.gateways import ONEROUTER, Gateway
from orharness.gateways import lookup as gateway_named
from orharness.journal import Pacing, Request
from orharness.lazy import Deferred
from orharness.options import checked_call
from orharness.providers import DEFAULT, Provider
from orharness.providers import lookup as provider_named
from orharness.scenario import making
from orharness.scenario.body import Body, Events, Forward, Plain, Timed, Whole
from orharness.scenario.checked import (
    Headers,
    flag_of,
    headers_of,
    number_of,
    one_of,
    optional,
    seconds_of,
    status_of,
    text_of,
)
from orharness.scenario.difference import short
from orharness.scenario.encoding import CODINGS
from orharness.scenario.given import completion_of
from orharness.scenario.making import ReplyCache
from orharness.scenario.options import (
    CompletionFields,
    CompletionOptions,
    ModelOptions,
    Piece,
    Through,
)
from orharness.scenario.paths import api_path
from orharness.scenario.response import Response, compact
from orharness.sse import Comment, Event, Retry
from orharness.stream import Chunk, Ending, Framing, Stream, Transform
from orharness.transforms import compose, cut_at
from orharness.upstream import PRICE

if TYPE_CHECKING:
    import orharness.latency as latencies
else:
    latencies = Deferred("orharness.latency")  # few models have times that are drawn


@dataclass(frozen=True)
class Reply:
    """How a request is answered.

    ``body``: the answer. ``dialect``: the API whose form a completion takes, ``None`` for that of the request.
    ``gateway``: the gateway whose errors and usage it has, ``None`` for the server's. ``provider``: whose model makes
    it, ``None`` for the default or, of a stream, the one that it names. ``pace``: seconds that the model takes for a
    token, ``None`` for as fast as the stream is written. ``latency``: the times of its tokens, drawn for each request,
    as in ``prefill=200ms±50ms,itl=20ms``. ``price``: dollars a token. ``status``: the response's status. ``headers``:
    the response's headers. ``delay``: seconds before each event that has no delay of its own. ``head``: seconds before
    the response head. ``through``: the transforms of its stream. ``ending``: how it ends, ``None`` for the body's own.
    ``framing``: how it marks the end of its body, ``None`` for the body's own. ``pacing``: when the next chunk is
    written, ``None`` for the server's. ``encoding``: the content coding of a stream, for clients that accept it.
    ``default_headers``: add a content type if ``headers`` has none. ``cache``: no part of the reply, but what was made
    of it so far.
    """

    body: Body
    dialect: str | None = None
    gateway: Gateway | None = None
    provider: Provider | None = None
    pace: float | None = None
    price: float = PRICE
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    default_headers: bool = True
    head: float = 0.0
    delay: float = 0.0
    through: tuple[Transform, ...] = ()
    ending: Ending | None = None
    framing: Framing | None = None
    pacing: Pacing | None = None
    encoding: str | None = None
    latency: latencies.Latency | None = None
    cache: ReplyCache = field(default_factory=ReplyCache, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the scenario: an impossible one fails where it is written, and not at the first request."""
        compose(self.through)
        self._check_latency()
        if isinstance(self.body, Completion):
            dialect = DIALECTS.default if self.dialect is None else DIALECTS.named(self.dialect)
            making.stream_of(self, dialect, self.body, self.gateway or ONEROUTER, Asked())
        elif not isinstance(self.body, Plain | Forward) and (self.through or not isinstance(self.body, Interaction)):
            self.cache.replies[False] = making.replay(self, coded=False)
        # What was recorded, and is played as it was, cannot fail: a cassette of thousands is not read through for one.

    def _check_latency(self) -> None:
        if self.latency is None:
            return
        if not isinstance(self.body, Completion):
            raise ScenarioError("latency= is of a completion: anything else has its own times")
        if self.pace is not None or self.delay:
            other = "delay" if self.delay else "pace"
            raise ScenarioError(f"latency= says when each token is made, and so does {other}=: leave one of them out")
        if self.pacing is Pacing.INSTANT:
            raise ScenarioError("latency= has no effect with pacing instant, which ignores all times")

    # --- ways to make one -----------------------------------------------------------------------------------------

    @classmethod
    @checked_call(CompletionFields)
    def completion(
        cls,
        dialect: str | Dialect | None,
        text: str | Iterable[str] | None = None,
        *,
        tokens: int | None = None,
        gateway: str | Gateway | None = None,
        provider: str | Provider = DEFAULT,
        pace: float | None = None,
        latency: str | None = None,
        price: float = PRICE,
        delay: float = 0.0,
        head: float = 0.0,
        headers: Headers = (),
        through: Through = (),
        ending: Ending | str | None = None,
        framing: Framing | str | None = None,
        pacing: Pacing | str | None = None,
        **completion: Unpack[CompletionFields],
    ) -> Reply:
        """Return a completion in a dialect (``None``: that of the request), streamed if the request asks for a stream.

        ``text``: the answer, or its pieces, a token each. ``tokens``: the number of tokens of a sample answer in its
        place. ``provider``: whose model makes it, unless the request's routing preferences select one. ``completion``
        takes the fields of ``Completion``: ``reasoning=``, ``tool_calls=``, ``usage=``, ``model=`` (by default the one
        that the request names), ``error=``, … The other options are the fields of ``Reply``. Raises ``ScenarioError``
        for unknown or impossible values.
        """
        named = None if dialect is None else DIALECTS.named(dialect).name
        maker = provider_named(provider)
        made = completion_of(named or "answer", text, tokens, {**completion, "provider": maker.name})
        return cls(
            made,
            named,
            gateway if gateway is None or isinstance(gateway, Gateway) else gateway_named(gateway),
            maker,
            optional(seconds_of, pace, "pace"),
            number_of(price, "price"),
            headers=headers_of(headers),
            head=seconds_of(head, "head"),
            delay=seconds_of(delay, "delay"),
            through=_transforms(through),
            latency=None if latency is None else latencies.Latency(text_of(latency, "latency")),
            **_sending(ending, framing, pacing),
        )

    @classmethod
    @checked_call(CompletionOptions)
    def chat(cls, text: str | Iterable[str] | None = None, **options: Unpack[CompletionOptions]) -> Reply:
        """Return a chat completion; the options are those of ``Reply.completion``."""
        return cls.completion("chat", text, **options)

    @classmethod
    @checked_call(CompletionOptions)
    def gemini(cls, text: str | Iterable[str] | None = None, **options: Unpack[CompletionOptions]) -> Reply:
        """Return an answer of the Gemini API; the options are those of ``Reply.completion``."""
        return cls.completion("gemini", text, **options)

    @classmethod
    @checked_call(CompletionOptions)
    def messages(cls, text: str | Iterable[str] | None = None, **options: Unpack[CompletionOptions]) -> Reply:
        """Return an answer of Anthropic Messages; the options are those of ``Reply.completion``."""
        return cls.completion("messages", text, **options)

    @classmethod
    @checked_call(CompletionOptions)
    def responses(cls, text: str | Iterable[str] | None = None, **options: Unpack[CompletionOptions]) -> Reply:
        """Return an answer of OpenAI Responses; the options are those of ``Reply.completion``."""
        return cls.completion("responses", text, **options)

    @classmethod
    @checked_call(CompletionOptions)
    def ollama(cls, text: str | Iterable[str] | None = None, **options: Unpack[CompletionOptions]) -> Reply:
        """Return an answer of Ollama; the options are those of ``Reply.completion``."""
        return cls.completion("ollama", text, **options)

    @classmethod
    @checked_call(ModelOptions)
    def stream(
        cls,
        *pieces: Piece | Stream,
        dialect: str | Dialect | None = None,
        through: Through = (),
        ending: Ending | str | None = None,
        framing: Framing | str | None = None,
        pacing: Pacing | str | None = None,
        status: int = 200,
        headers: Headers = (),
        head: float = 0.0,
        delay: float = 0.0,
        default_headers: bool = True,
        encoding: str | None = None,
        **model: Unpack[ModelOptions],
    ) -> Reply:
        """Return a stream, one chunk for each piece.

        A piece is an ``Event``, ``Comment`` or ``Retry``, a ``str`` (an event's data), or ``bytes`` or a ``Chunk``
        (sent as they are); a single ``Stream`` is sent whole. ``dialect``: whose frame the events take, by default that
        of an event stream. ``default_headers``: send the frame's content type if ``headers`` has none.
        ``encoding="gzip"``: compress it for clients that accept that. ``provider``: whose model makes the stream, by
        default the one that its events name, else OpenAI. If the tokens of the stream cannot be counted, each of its
        events counts as one.
        """
        return cls(
            _events(pieces),
            None if dialect is None else DIALECTS.named(dialect).name,
            status=status_of(status),
            headers=headers_of(headers),
            default_headers=flag_of(default_headers, "default_headers"),
            encoding=_coding(encoding),
            head=seconds_of(head, "head"),
            delay=seconds_of(delay, "delay"),
            through=_transforms(through),
            **_sending(ending, framing, pacing),
            **_modelled(**model),
        )

    @classmethod
    @checked_call()
    def respond(
        cls,
        status: int = 200,
        *,
        json: Any = None,
        text: str | None = None,
        body: bytes | None = None,
        headers: Headers = (),
        head: float = 0.0,
    ) -> Reply:
        """Return a plain response, which is not a stream.

        ``json``: its body as a document. ``text``: its body as a text, in place of ``json``. ``body``: its body as
        bytes, in place of both.
        """
        if sum(given is not None for given in (json, text, body)) > 1:
            raise ScenarioError("respond takes one of json=, text= and body=")
        given: object = text if body is None else body
        if given is not None and not isinstance(given, str if body is None else bytes):
            raise ScenarioError(f"respond takes a str as text= and bytes as body=, not {given!r}")
        try:
            compact(json)
        except (TypeError, ValueError) as error:
            raise ScenarioError(f"respond(json=) takes what JSON can hold: {error}") from None
        plain = Plain(json, text, body)
        return cls(plain, status=status_of(status), headers=headers_of(headers), head=seconds_of(head, "head"))

    @classmethod
    @checked_call(ModelOptions)
    def recorded(
        cls,
        interaction: Interaction,
        *,
        through: Through = (),
        pacing: Pacing | str | None = None,
        **model: Unpack[ModelOptions],
    ) -> Reply:
        """Return a recorded response as it was sent, without the headers that belonged to the recorded connection."""
        return cls(interaction, through=_transforms(through), **_sending(None, None, pacing), **_modelled(**model))

    def with_transforms(self, *, before: Through = (), after: Through = ()) -> Reply:
        """Return the reply with more transforms; a plain response, which takes none, is returned unchanged."""
        if isinstance(self.body, Plain):
            return self
        changed = self._with_steps((*before, *self.through, *after))
        changed.__post_init__()
        return changed

    def with_cuts(self, offsets: Iterable[int]) -> Reply:
        """Return the reply with its body cut at these offsets and nowhere else.

        The offsets are not checked here, since there may be thousands of such replies: one outside the body is an error
        at the first request. A plain response, which takes no transforms, is returned unchanged.
        """
        if isinstance(self.body, Plain):
            return self
        return self._with_steps((*self.through, cut_at(*offsets)), uncut=self)

    def _with_steps(self, through: tuple[Transform, ...], uncut: Reply | None = None) -> Reply:
        """Return a copy with other transforms. It shares what is already written, because the body is the same."""
        changed = object.__new__(type(self))
        cache = ReplyCache(self.cache.said, self.cache.drafts, uncut=uncut)
        vars(changed).update(vars(self), through=through, cache=cache)
        return changed

    def answer(self, request: Request, gateway: Gateway = ONEROUTER) -> Response:
        """Return the response to a request; ``gateway`` is for a reply that names none."""
        return making.answer(self, request, gateway)

    @property
    def name(self) -> str:
        """The reply's name in reports."""
        match self.body:
            case Completion():
                return f"{self.dialect or 'answer'} {short(self.body.text)!r}"
            case Events() | Whole():
                return f"stream of {len(making.recorded(self).chunks)} chunks"
            case Plain():
                return f"status {self.status}"
            case Forward(to):
                return f"forward to {to}"
            case Interaction():
                return f"recorded {self.body.request.method} {api_path(self.body.request.path)}"


# --- what is given ------------------------------------------------------------------------------------------------


def _sending(ending: Ending | str | None, framing: Framing | str | None, pacing: Pacing | str | None) -> dict[str, Any]:
    return {
        "ending": None if ending is None else one_of(Ending, ending, "ending"),
        "framing": None if framing is None else one_of(Framing, framing, "framing"),
        "pacing": None if pacing is None else one_of(Pacing, pacing, "pacing"),
    }


def _coding(encoding: str | None) -> str | None:
    if encoding is not None and encoding not in CODINGS:
        raise ScenarioError(f"encoding is one of {', '.join(CODINGS)}; not {encoding!r}")
    return encoding


def _modelled(
    provider: str | Provider | None = None, pace: float | None = None, price: float = PRICE
) -> dict[str, Any]:
    return {
        "provider": None if provider is None else provider_named(provider),
        "pace": optional(seconds_of, pace, "pace"),
        "price": number_of(price, "price"),
    }


def _transforms(through: Through) -> tuple[Transform, ...]:
    steps = through if callable(through) or not isinstance(through, Iterable) else tuple(through)
    compose(steps)  # raises for anything but a list of transforms
    return tuple(steps)


def _events(pieces: Iterable[Piece | Stream]) -> Events | Whole:
    given = list(pieces)
    if len(given) == 1 and isinstance(given[0], Stream):
        return Whole(given[0])
    return Events(tuple(map(_timed, given)))


def _timed(piece: Piece | Stream) -> Timed:
    match piece:
        case Chunk(data, delay):
            return Timed(data, delay)
        case str():
            return Timed(Event(data=piece))
        case bytes() | Event() | Comment() | Retry():
            return Timed(piece)
    raise ScenarioError(
        f"a stream is made of events, comments, text, bytes and chunks, or is one Stream; not of {piece!r}"
    )
