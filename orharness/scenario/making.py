"""What a reply makes of a request: a ``Response``, of the reply, the request and the gateway, and of nothing else.

What has been made is cached in the reply, for requests that ask for the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from orharness.cassette.interaction import Interaction
from orharness.dialects import DIALECTS, Asked, Dialect, Refused
from orharness.dialects.completion import Completion
from orharness.dialects.dialect import Progress
from orharness.errors import ScenarioError
from orharness.frames import SSE
from orharness.gateways import Gateway
from orharness.journal import Pacing, Request
from orharness.providers import DEFAULT, Provider, asked_for
from orharness.scenario.background import InBackground
from orharness.scenario.body import Events, Forward, Plain, Whole
from orharness.scenario.checked import with_defaults
from orharness.scenario.draft import Draft
from orharness.scenario.encoding import accepts, gzipped
from orharness.scenario.model import recorded_generation
from orharness.scenario.response import Response, error_response, json_response
from orharness.sse import Event
from orharness.stream import Chunk, Framing, Stream, Transform
from orharness.transforms import Family, Step, compose
from orharness.upstream import Generation

if TYPE_CHECKING:
    from orharness.scenario.reply import Reply

T = TypeVar("T")
PROVIDER_NAME = "X-Provider-Name"
_MOST_KEPT = 32  # streams of one reply, for requests that ask for different things
# Headers that belonged to the recorded connection and are not replayed.
_NOT_REPLAYED = {"date", "server", "connection", "keep-alive", "alt-svc"}


@dataclass(slots=True)
class ReplyCache:
    """What was made of a reply, by what requests ask for: completions, and streams before and after the transforms.

    ``uncut``: the reply of which this one is a copy with cuts; ``last_cut``: its last response, and that one cut.
    """

    said: dict[Any, Completion] = field(default_factory=dict)
    drafts: dict[Any, Draft] = field(default_factory=dict)
    made: dict[Any, Stream] = field(default_factory=dict)
    replies: dict[Any, Response] = field(default_factory=dict)
    uncut: Reply | None = None
    last_cut: tuple[Response, Response] | None = None


def answer(reply: Reply, request: Request, gateway: Gateway) -> Response:
    """Return the response to a request; ``gateway`` is for a reply that names none."""
    match reply.body:
        case Completion():
            return _completed(reply, request, reply.body, reply.gateway or gateway)
        case Plain():
            data, kind = reply.body.content()
            sent = with_defaults([("Content-Type", kind)], reply.headers)
            stream = replace(Stream.of(data), framing=Framing.LENGTH)
            return Response(reply.status, sent, stream, reply.head, Pacing.INSTANT)
        case Forward():
            raise ScenarioError("a reply that forwards has no response of its own: it is the server that asks")
        case _:
            return _replayed(reply, request)


def _completed(reply: Reply, request: Request, made: Completion, gateway: Gateway) -> Response:
    dialect = (DIALECTS.at(request.path) or DIALECTS.default) if reply.dialect is None else DIALECTS[reply.dialect]
    try:
        asked = dialect.asked(request, gateway)
    except Refused as refused:
        # At its own path the API refuses such a request before a reply is chosen; elsewhere nothing checks it.
        asked = refused.asked or Asked(stream=False)
    try:
        by = asked_for(asked.provider) or reply.provider or DEFAULT
    except ScenarioError as error:  # the client asks for something that does not exist
        return error_response(gateway, 404, str(error), dialect)
    named = made.model or asked.model
    said = _cached(reply.cache.said, (named, by.name), lambda: made.made_by(named, by.name))
    if asked.background and dialect.background is not None:
        return _in_background(reply, dialect, said, gateway, asked, by)
    if not asked.stream:
        return _whole(reply, dialect, said, gateway, asked, by)
    return _shared(reply, dialect, said, gateway, asked, by)


def _shared(reply: Reply, dialect: Dialect, said: Completion, gateway: Gateway, asked: Asked, by: Provider) -> Response:
    """Return one response, with one model behind it, for all requests that ask for the same: a journal keeps it."""
    if reply.cache.uncut is not None:
        return _cut(reply, _shared(reply.cache.uncut, dialect, said, gateway, asked, by))
    key = (dialect.name, gateway, said.model, by, _form_of(asked), asked.prompt_tokens)
    return _cached(reply.cache.replies, key, lambda: _streamed(reply, dialect, said, gateway, asked, by))


def _streamed(
    reply: Reply, dialect: Dialect, said: Completion, gateway: Gateway, asked: Asked, by: Provider
) -> Response:
    stream = stream_of(reply, dialect, said, gateway, asked)
    model, marks = _model_and_marks(reply, dialect, said, gateway, asked, by, stream)
    sent = with_defaults((("Content-Type", stream.frame.content_type), *marks), reply.headers)
    return Response(reply.status, sent, stream, reply.head, reply.pacing, model, latency=reply.latency)


def _in_background(
    reply: Reply, dialect: Dialect, said: Completion, gateway: Gateway, asked: Asked, by: Provider
) -> Response:
    """Return the answer to a request for one that is made whether or not its client stays."""
    stream = stream_of(reply, dialect, said, gateway, asked)
    model, marks = _model_and_marks(reply, dialect, said, gateway, asked, by, stream)
    made = InBackground(dialect, said, gateway, asked, stream, reply.pace)
    if asked.stream:
        sent = with_defaults((("Content-Type", stream.frame.content_type), *marks), reply.headers)
        return Response(reply.status, sent, stream, reply.head, reply.pacing, model, made, reply.latency)
    document = made.document(Progress.QUEUED)
    whole = json_response(document, 200, marks, generation=model, head=reply.head, pacing=reply.pacing)
    sent = with_defaults(whole.headers, reply.headers)
    return replace(whole, headers=sent, background=made, latency=reply.latency)


def _whole(reply: Reply, dialect: Dialect, said: Completion, gateway: Gateway, asked: Asked, by: Provider) -> Response:
    """Return the answer to a request that does not ask for a stream."""
    model, marks = _model_and_marks(reply, dialect, said, gateway, asked, by, Stream())
    status = said.error.status if said.error and dialect.fails_with_status else 200
    document = dialect.document(said, gateway, asked)
    whole = json_response(document, status, marks, generation=model, head=reply.head, pacing=reply.pacing)
    latency = None if said.error and dialect.fails_with_status else reply.latency
    return replace(whole, headers=with_defaults(whole.headers, reply.headers), latency=latency)


def _model_and_marks(
    reply: Reply, dialect: Dialect, said: Completion, gateway: Gateway, asked: Asked, by: Provider, stream: Stream
) -> tuple[Generation, tuple[tuple[str, str], ...]]:
    """Return the model behind an answer, and the headers by which the gateway names it."""
    identifier = _value_of(reply.headers, gateway.generation_header) or said.id_with(dialect.id_prefix(gateway))
    model = Generation(
        id=identifier,
        model=said.model_sent,
        total=said.counted.completion_tokens,
        provider=by,
        prompt=asked.prompt_tokens if said.usage is None else said.usage.prompt_tokens,
        streamed=asked.stream,
        finish_reason=said.finish,
        pace=reply.pace,
        price=reply.price,
        offsets=stream.tokens,
        events=_events_of(reply, dialect, said, gateway, asked) if stream.faults else None,
        seconds=stream.duration,
    )
    return model, _marks(gateway, identifier, by)


def stream_of(reply: Reply, dialect: Dialect, said: Completion, gateway: Gateway, asked: Asked) -> Stream:
    """Return the stream of a completion with its transforms, made once for all requests that ask for the same."""
    key = _key_of(dialect, said, gateway, asked)
    made = reply.cache.made.get(key)
    if made is None:
        draft = _draft_of(reply, dialect, said, gateway, asked)
        made = _cached(reply.cache.made, key, lambda: _shaped(reply, draft, dialect))
    return made


def _draft_of(reply: Reply, dialect: Dialect, said: Completion, gateway: Gateway, asked: Asked) -> Draft:
    key = _key_of(dialect, said, gateway, asked)
    return _cached(reply.cache.drafts, key, lambda: _draft(reply, dialect.stream(said, gateway, asked, reply.delay)))


def _events_of(reply: Reply, dialect: Dialect, said: Completion, gateway: Gateway, asked: Asked) -> int:
    """Return the number of events that carry a part of the answer, before any fault."""
    return len(_draft_of(reply, dialect, said, gateway, asked).stream.tokens)


def _replayed(reply: Reply, request: Request) -> Response:
    """Return the response of an existing stream, which is read once and not again for each request."""
    coded = reply.encoding is not None and accepts(request, reply.encoding)
    if reply.cache.uncut is not None and not coded:  # a coded body is cut before it is coded
        return _cut(reply, _replayed(reply.cache.uncut, request))
    if coded not in reply.cache.replies:
        reply.cache.replies[coded] = replay(reply, coded=coded)
    return reply.cache.replies[coded]


def _cut(reply: Reply, whole: Response) -> Response:
    """Return the response of the uncut reply, cut: its bytes, what they mean, and their model are the same."""
    kept = reply.cache.last_cut
    if kept is None or kept[0] is not whole:
        last = reply.through[-1]
        kept = whole, replace(whole, stream=last(whole.stream))
        reply.cache.last_cut = kept
    return kept[1]


def replay(reply: Reply, *, coded: bool) -> Response:
    stream = recorded(reply)
    match reply.body:
        case Interaction():
            kept = [(name, value) for name, value in reply.body.headers if name.lower() not in _NOT_REPLAYED]
            status, sent, head = reply.body.status, tuple(kept), reply.body.head
        case _:
            kind = (("Content-Type", stream.frame.content_type), ("Cache-Control", "no-cache"))
            sent = with_defaults(kind if reply.default_headers else (), reply.headers)
            status, head = reply.status, reply.head
    model = recorded_generation(stream, sent, reply.provider, pace=reply.pace, price=reply.price)
    if coded and reply.encoding is not None:
        stream, sent = gzipped(stream), (*sent, ("Content-Encoding", reply.encoding))
        model = None if model is None else replace(model, offsets=stream.tokens)
    return Response(status, sent, stream, head, reply.pacing, model)


def recorded(reply: Reply) -> Stream:
    """Return the existing stream, transforms applied."""
    if None not in reply.cache.made:
        draft = _cached(reply.cache.drafts, None, lambda: _draft(reply, _given(reply)))
        _cached(reply.cache.made, None, lambda: _shaped(reply, draft, None))
    return reply.cache.made[None]


def _given(reply: Reply) -> Stream:
    match reply.body:
        case Events(pieces):
            frame = SSE if reply.dialect is None else DIALECTS[reply.dialect].frame
            # Each after the one before: in a JSON array the first and the last piece differ from the others.
            encoded = iter(frame.pieces(*(one.item for one in pieces if not isinstance(one.item, bytes))))
            data = (one.item if isinstance(one.item, bytes) else next(encoded) for one in pieces)
            delays = (reply.delay if one.delay is None else one.delay for one in pieces)
            return Stream(tuple(map(Chunk, data, delays)), frame=frame)
        case Whole(stream):  # as a document says it, it has no frame of its own
            known = None if reply.dialect is None else DIALECTS[reply.dialect]
            return stream if known is None or stream.frame in known.frames else replace(stream, frame=known.frame)
        case Interaction():
            return reply.body.stream
    raise AssertionError(reply.body)


def _draft(reply: Reply, stream: Stream) -> Draft:
    changes: dict[str, Any] = {}
    if reply.ending is not None:
        changes["ending"] = reply.ending
    if reply.framing is not None:
        changes["framing"] = reply.framing
    return Draft(replace(stream, **changes) if changes else stream)


def _shaped(reply: Reply, draft: Draft, dialect: Dialect | None) -> Stream:
    """Return the stream transformed, with its end marker and tokens at their new offsets."""
    shaped = draft.through(compose(reply.through).steps)
    if dialect is not None and all(_keeps_events(one) for one in reply.through):
        return shaped  # the writer's own offsets, moved by the transforms
    return _marked(shaped, dialect)


def _cached(store: dict[Any, T], key: Any, make: Callable[[], T]) -> T:
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
