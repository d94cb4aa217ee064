"""A reply as data: how requests are answered, in a form that can be stored, sent, compared and shown.

``Reply.answer`` makes a ``Response`` from the reply, the request and the gateway, and from nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from orharness.cassette.interaction import Interaction
from orharness.dialects import DIALECTS, Asked, Dialect, Refused
from orharness.dialects.completion import Completion
from orharness.dialects.dialect import Progress
from orharness.errors import ScenarioError
from orharness.frames import SSE
from orharness.gateways import ONEROUTER, Gateway
from orharness.gateways import lookup as gateway_named
from orharness.journal import Pacing, Request
from orharness.lazy import Deferred
from orharness.options import checked_call
from orharness.providers import DEFAULT, Provider, asked_for
from orharness.providers import lookup as provider_named
from orharness.scenario.background import InBackground
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
    with_defaults,
)
from orharness.scenario.difference import short
from orharness.scenario.draft import Draft
from orharness.scenario.encoding import CODINGS, accepts, gzipped
from orharness.scenario.given import completion_of
from orharness.scenario.model import recorded_generation
from orharness.scenario.options import (
    CompletionFields,
    CompletionOptions,
    ModelOptions,
    Piece,
    Through,
)
from orharness.scenario.paths import api_path
from orharness.scenario.response import Response, compact, error_response, json_response
from orharness.sse import Comment, Event, Retry
from orharness.stream import Chunk, Ending, Framing, Stream, Transform
from orharness.transforms import Family, Step, compose, cut_at
from orharness.upstream import PRICE, Generation

if TYPE_CHECKING:
    import orharness.latency as latencies
else:
    latencies = Deferred("orharness.latency")  # few models have times that are drawn

T = TypeVar("T")
PROVIDER_NAME = "X-Provider-Name"
_MOST_KEPT = 32  # streams of one reply, for requests that ask for different things
# Headers that belonged to the recorded connection and are not replayed.
_NOT_REPLAYED = {"date", "server", "connection", "keep-alive", "alt-svc"}


@dataclass(frozen=True)
class Reply:
    """How a request is answered.

    ``body``: the answer. ``dialect``: the API whose form a completion takes, ``None`` for that of the request.
    ``gateway``: the gateway whose errors and usage it has, ``None`` for the server's. ``provider``: whose model makes
    it, ``None`` for the default or, of a stream, the one that it names. ``pace``: seconds that the model takes for a
    token, ``None`` for as fast as the stream is written. ``latency``: the times of its tokens, drawn for each request,
    as in ``prefill=200ms±50ms,itl=20ms``. ``price``: dollars a token. ``status``, ``headers``: those of the response.
    ``delay``: seconds before each event that has no delay of its own. ``head``: seconds before the response head.
    ``through``: transforms. ``ending``, ``framing``, ``pacing``: ``None`` for the body's own, or the server's.
    ``encoding``: the content coding of a stream, for clients that accept it. ``default_headers``: add a content type if
    ``headers`` has none.
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
    # Keyed by what requests ask for: the completion, and its stream before and after the transforms.
    _said: dict[Any, Completion] = field(default_factory=dict, init=False, repr=False, compare=False)
    _drafts: dict[Any, Draft] = field(default_factory=dict, init=False, repr=False, compare=False)
    _made: dict[Any, Stream] = field(default_factory=dict, init=False, repr=False, compare=False)
    _replies: dict[Any, Response] = field(default_factory=dict, init=False, repr=False, compare=False)
    _uncut: Reply | None = field(default=None, init=False, repr=False, compare=False)  # of ``with_cuts``
    _last_cut: tuple[Response, Response] | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the scenario: an impossible one fails where it is written, and not at the first request."""
        compose(self.through)
        self._check_latency()
        if isinstance(self.body, Completion):
            dialect = DIALECTS.default if self.dialect is None else DIALECTS.named(self.dialect)
            self._stream_of(dialect, self.body, self.gateway or ONEROUTER, Asked())
        elif not isinstance(self.body, Plain | Forward) and (self.through or not isinstance(self.body, Interaction)):
            self._replies[False] = self._replay(coded=False)
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

        ``text``: the answer, or its pieces, a token each; ``tokens=500`` makes one of that length. ``provider``: whose
        model makes it, unless the request's routing preferences select one. ``completion`` takes the fields of
        ``Completion``: ``reasoning=``, ``tool_calls=``, ``usage=``, ``model=`` (by default the one that the request
        names), ``error=``, … The other options are the fields of ``Reply``. Raises ``ScenarioError`` for unknown or
        impossible values.
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
        """Return a plain response (a JSON document, a text or bytes); its head comes ``head`` seconds later."""
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
        vars(changed).update(vars(self), through=through, _made={}, _replies={}, _uncut=uncut, _last_cut=None)
        return changed

    @property
    def name(self) -> str:
        """The reply's name in reports."""
        match self.body:
            case Completion():
                return f"{self.dialect or 'answer'} {short(self.body.text)!r}"
            case Events() | Whole():
                return f"stream of {len(self._recorded().chunks)} chunks"
            case Plain():
                return f"status {self.status}"
            case Forward(to):
                return f"forward to {to}"
            case Interaction():
                return f"recorded {self.body.request.method} {api_path(self.body.request.path)}"

    # --- what it makes of a request -------------------------------------------------------------------------------

    def answer(self, request: Request, gateway: Gateway = ONEROUTER) -> Response:
        """Return the response to a request; ``gateway`` is for a reply that names none."""
        match self.body:
            case Completion():
                return self._completed(request, self.body, self.gateway or gateway)
            case Plain():
                data, kind = self.body.content()
                sent = with_defaults([("Content-Type", kind)], self.headers)
                stream = replace(Stream.of(data), framing=Framing.LENGTH)
                return Response(self.status, sent, stream, self.head, Pacing.INSTANT)
            case Forward():
                raise ScenarioError("a reply that forwards has no response of its own: it is the server that asks")
            case _:
                return self._replayed(request)

    def _completed(self, request: Request, made: Completion, gateway: Gateway) -> Response:
        dialect = (DIALECTS.at(request.path) or DIALECTS.default) if self.dialect is None else DIALECTS[self.dialect]
        try:
            asked = dialect.asked(request, gateway)
        except Refused as refused:
            # At its own path the API refuses such a request before a reply is chosen; elsewhere nothing checks it.
            asked = refused.asked or Asked(stream=False)
        try:
            by = asked_for(asked.provider) or self.provider or DEFAULT
        except ScenarioError as error:  # the client asks for something that does not exist
            return error_response(gateway, 404, str(error), dialect)
        named = made.model or asked.model
        said = _kept(self._said, (named, by.name), lambda: made.made_by(named, by.name))
        if asked.background and dialect.background is not None:
            return self._in_background(dialect, said, gateway, asked, by)
        if not asked.stream:
            return self._whole(dialect, said, gateway, asked, by)
        return self._shared(dialect, said, gateway, asked, by)

    def _shared(self, dialect: Dialect, said: Completion, gateway: Gateway, asked: Asked, by: Provider) -> Response:
        """Return one response, with one model behind it, for all requests that ask for the same: a journal keeps it."""
        if self._uncut is not None:
            return self._cut(self._uncut._shared(dialect, said, gateway, asked, by))
        key = (dialect.name, gateway, said.model, by, _form_of(asked), asked.prompt_tokens)
        return _kept(self._replies, key, lambda: self._streamed(dialect, said, gateway, asked, by))

    def _streamed(self, dialect: Dialect, said: Completion, gateway: Gateway, asked: Asked, by: Provider) -> Response:
        stream = self._stream_of(dialect, said, gateway, asked)
        model, marks = self._model_and_marks(dialect, said, gateway, asked, by, stream)
        sent = with_defaults((("Content-Type", stream.frame.content_type), *marks), self.headers)
        return Response(self.status, sent, stream, self.head, self.pacing, model, latency=self.latency)

    def _in_background(
        self, dialect: Dialect, said: Completion, gateway: Gateway, asked: Asked, by: Provider
    ) -> Response:
        """Return the answer to a request for one that is made whether or not its client stays."""
        stream = self._stream_of(dialect, said, gateway, asked)
        model, marks = self._model_and_marks(dialect, said, gateway, asked, by, stream)
        made = InBackground(dialect, said, gateway, asked, stream, self.pace)
        if asked.stream:
            sent = with_defaults((("Content-Type", stream.frame.content_type), *marks), self.headers)
            return Response(self.status, sent, stream, self.head, self.pacing, model, made, self.latency)
        document = made.document(Progress.QUEUED)
        whole = json_response(document, 200, marks, generation=model, head=self.head, pacing=self.pacing)
        sent = with_defaults(whole.headers, self.headers)
        return replace(whole, headers=sent, background=made, latency=self.latency)

    def _whole(self, dialect: Dialect, said: Completion, gateway: Gateway, asked: Asked, by: Provider) -> Response:
        """Return the answer to a request that does not ask for a stream."""
        model, marks = self._model_and_marks(dialect, said, gateway, asked, by, Stream())
        status = said.error.status if said.error and dialect.fails_with_status else 200
        document = dialect.document(said, gateway, asked)
        whole = json_response(document, status, marks, generation=model, head=self.head, pacing=self.pacing)
        latency = None if said.error and dialect.fails_with_status else self.latency
        return replace(whole, headers=with_defaults(whole.headers, self.headers), latency=latency)

    def _model_and_marks(
        self, dialect: Dialect, said: Completion, gateway: Gateway, asked: Asked, by: Provider, stream: Stream
    ) -> tuple[Generation, tuple[tuple[str, str], ...]]:
        """Return the model behind an answer, and the headers by which the gateway names it."""
        identifier = _value_of(self.headers, gateway.generation_header) or said.id_with(dialect.id_prefix(gateway))
        model = Generation(
            id=identifier,
            model=said.model_sent,
            total=said.counted.completion_tokens,
            provider=by,
            prompt=asked.prompt_tokens if said.usage is None else said.usage.prompt_tokens,
            streamed=asked.stream,
            finish_reason=said.finish,
            pace=self.pace,
            price=self.price,
            offsets=stream.tokens,
            events=self._events_of(dialect, said, gateway, asked) if stream.faults else None,
            seconds=stream.duration,
        )
        return model, _marks(gateway, identifier, by)

    def _stream_of(self, dialect: Dialect, said: Completion, gateway: Gateway, asked: Asked) -> Stream:
        """Return the stream of a completion with its transforms, made once for all requests that ask for the same."""
        key = _key_of(dialect, said, gateway, asked)
        made = self._made.get(key)
        if made is None:
            draft = self._draft_of(dialect, said, gateway, asked)
            made = _kept(self._made, key, lambda: self._shaped(draft, dialect))
        return made

    def _draft_of(self, dialect: Dialect, said: Completion, gateway: Gateway, asked: Asked) -> Draft:
        key = _key_of(dialect, said, gateway, asked)
        return _kept(self._drafts, key, lambda: self._draft(dialect.stream(said, gateway, asked, self.delay)))

    def _events_of(self, dialect: Dialect, said: Completion, gateway: Gateway, asked: Asked) -> int:
        """Return the number of events that carry a part of the answer, before any fault."""
        return len(self._draft_of(dialect, said, gateway, asked).stream.tokens)

    def _replayed(self, request: Request) -> Response:
        """Return the response of an existing stream, which is read once and not again for each request."""
        coded = self.encoding is not None and accepts(request, self.encoding)
        if self._uncut is not None and not coded:  # a coded body is cut before it is coded
            return self._cut(self._uncut._replayed(request))
        if coded not in self._replies:
            self._replies[coded] = self._replay(coded=coded)
        return self._replies[coded]

    def _cut(self, whole: Response) -> Response:
        """Return the response of the uncut reply, cut: its bytes, what they mean, and their model are the same."""
        kept = self._last_cut
        if kept is None or kept[0] is not whole:
            last = self.through[-1]
            kept = whole, replace(whole, stream=last(whole.stream))
            object.__setattr__(self, "_last_cut", kept)
        return kept[1]

    def _replay(self, *, coded: bool) -> Response:
        stream = self._recorded()
        match self.body:
            case Interaction():
                kept = [(name, value) for name, value in self.body.headers if name.lower() not in _NOT_REPLAYED]
                status, sent, head = self.body.status, tuple(kept), self.body.head
            case _:
                kind = (("Content-Type", stream.frame.content_type), ("Cache-Control", "no-cache"))
                sent = with_defaults(kind if self.default_headers else (), self.headers)
                status, head = self.status, self.head
        model = recorded_generation(stream, sent, self.provider, pace=self.pace, price=self.price)
        if coded and self.encoding is not None:
            stream, sent = gzipped(stream), (*sent, ("Content-Encoding", self.encoding))
            model = None if model is None else replace(model, offsets=stream.tokens)
        return Response(status, sent, stream, head, self.pacing, model)

    def _recorded(self) -> Stream:
        """Return the existing stream, transforms applied."""
        if None not in self._made:
            draft = _kept(self._drafts, None, lambda: self._draft(self._given()))
            _kept(self._made, None, lambda: self._shaped(draft, None))
        return self._made[None]

    def _given(self) -> Stream:
        match self.body:
            case Events(pieces):
                frame = SSE if self.dialect is None else DIALECTS[self.dialect].frame
                # Each after the one before: in a JSON array the first and the last piece differ from the others.
                encoded = iter(frame.pieces(*(one.item for one in pieces if not isinstance(one.item, bytes))))
                data = (one.item if isinstance(one.item, bytes) else next(encoded) for one in pieces)
                return Stream(tuple(map(Chunk, data, map(self._delay_of, pieces))), frame=frame)
            case Whole(stream):  # as a document says it, it has no frame of its own
                known = None if self.dialect is None else DIALECTS[self.dialect]
                return stream if known is None or stream.frame in known.frames else replace(stream, frame=known.frame)
            case Interaction():
                return self.body.stream
        raise AssertionError(self.body)

    def _delay_of(self, piece: Timed) -> float:
        return self.delay if piece.delay is None else piece.delay

    def _draft(self, stream: Stream) -> Draft:
        changes: dict[str, Any] = {}
        if self.ending is not None:
            changes["ending"] = self.ending
        if self.framing is not None:
            changes["framing"] = self.framing
        return Draft(replace(stream, **changes) if changes else stream)

    def _shaped(self, draft: Draft, dialect: Dialect | None) -> Stream:
        """Return the stream transformed, with its end marker and tokens at their new offsets."""
        shaped = draft.through(compose(self.through).steps)
        if dialect is not None and all(_keeps_events(one) for one in self.through):
            return shaped  # the writer's own offsets, moved by the transforms
        return _marked(shaped, dialect)


def _kept(store: dict[Any, T], key: Any, make: Callable[[], T]) -> T:
    found = store.get(key)
    if found is None:
        if len(store) >= _MOST_KEPT:
            store.clear()
        found = store[key] = make()
    return found


def _key_of(dialect: Dialect, said: Completion, gateway: Gateway, asked: Asked) -> tuple[object, ...]:
    """Return what the events of an answer depend on, beside the reply."""
    return dialect.name, gateway, said.model, said.provider, *_form_of(asked)


def _form_of(asked: Asked) -> tuple[object, ...]:
    """Return what of a request changes the events of its answer."""
    return asked.wants_usage, asked.endpoint, asked.frame, asked.background


def _keeps_events(one: Transform) -> bool:
    return isinstance(one, Step) and one.family is not Family.FAULT


def _marked(stream: Stream, dialect: Dialect | None) -> Stream:
    """Return the stream with its end marker, searched last: a transform may have dropped, repeated or moved it.

    An error ends a stream as well: a client that leaves after it has not cancelled.
    """
    items = stream.frame.decode(stream.body)
    known = dialect or DIALECTS.of(items)
    if known is not None and stream.frame in known.frames:
        return known.marked(stream)
    found = stream.frame.decode_with_offsets(stream.body)
    ends = (offset for offset, item in found if isinstance(item, Event) and DIALECTS.is_terminal(item))
    return replace(stream, end_marker=next(ends, None), tokens=())


def _marks(gateway: Gateway, identifier: str, provider: Provider) -> tuple[tuple[str, str], ...]:
    generation = ((gateway.generation_header, identifier),) if gateway.generation_header else ()
    return (*generation, *(((PROVIDER_NAME, provider.name),) if gateway.names_provider else ()))


def _value_of(headers: tuple[tuple[str, str], ...], name: str | None) -> str | None:
    return next((value for given, value in headers if name and given.lower() == name.lower()), None)


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
