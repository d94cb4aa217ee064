"""What the server is to answer: replies, the routes that lead to them, and why a request does not fit a route.

Matching *is* an empty difference: ``Route.difference`` returns one sentence for each thing that does not fit, and a
route matches when there is none. The same sentences stand in the journal and in a failed test.
"""

from __future__ import annotations

import difflib
import json as jsonlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any, TypedDict, TypeVar

from orharness.dialects import chat
from orharness.dialects.markers import end_of
from orharness.errors import ScenarioError
from orharness.gateways import Gateway
from orharness.gateways import lookup as gateway_named
from orharness.journal import Counted, Pacing, Request
from orharness.providers import DEFAULT, Provider, asked_for
from orharness.providers import lookup as provider_named
from orharness.sse import Comment, Event, Retry, decode, decode_with_offsets, encode
from orharness.stream import Chunk, Ending, Framing, Stream
from orharness.transforms import compose
from orharness.upstream import PRICE, Generation

API_PREFIXES = ("/api/v1", "/v1")
EVENT_STREAM = "text/event-stream"
GENERATION_ID = "X-Generation-Id"
PROVIDER_NAME = "X-Provider-Name"
Headers = Mapping[str, str] | Iterable[tuple[str, str]]
When = Mapping[str, Any] | Callable[[Request], bool]
Through = Iterable[Callable[[Stream], Stream]]
E = TypeVar("E", bound=StrEnum)
Piece = Event | Comment | Retry | str | bytes | Chunk


class ModelOptions(TypedDict, total=False):
    """The model behind a stream that is there already; see ``Reply.stream``."""

    provider: str | Provider | None
    pace: float | None
    price: float


def api_path(path: str) -> str:
    """The path behind the API prefix: hosts and gateways differ in the prefix, not in what comes behind it."""
    for prefix in API_PREFIXES:
        if path == prefix or path.startswith(prefix + "/"):
            return path.removeprefix(prefix) or "/"
    return path


@dataclass(frozen=True)
class Response:
    """A whole answer: status, headers as they are sent (without the framing's own), the body, seconds to the head."""

    status: int
    headers: tuple[tuple[str, str], ...]
    stream: Stream
    head: float = 0.0
    pacing: Pacing | None = None  # None: the server's own
    generation: Generation | None = None  # the model behind it, where there is one


@dataclass(frozen=True)
class Reply:
    """How a request is answered, computed from the request alone. ``name`` is what a report calls it."""

    answer: Callable[[Request], Response]
    name: str

    @classmethod
    def chat(
        cls,
        text: str | Iterable[str] | None = None,
        *,
        tokens: int | None = None,
        gateway: str | Gateway = "onerouter",
        provider: str | Provider = DEFAULT,
        pace: float | None = None,
        price: float = PRICE,
        delay: float = 0.0,
        head: float = 0.0,
        through: Through = (),
        ending: Ending | str | None = None,
        framing: Framing | str = Framing.CHUNKED,
        pacing: Pacing | str | None = None,
        headers: Headers = (),
        **completion: Any,
    ) -> Reply:
        """A chat completion, streamed if the request says ``stream: true``, else one JSON document.

        ``text``: the answer, or its pieces, a token each; ``tokens=500`` makes one of that length. ``delay``: seconds
        between events; ``head``: seconds before the response head. ``provider``: whose model makes it, unless the
        request's ``provider`` field chooses one; ``pace``: seconds in which it makes a token, by default as fast as is
        written; ``price``: dollars a token. ``headers``: sent beside those of the gateway, which they replace where the
        names are equal, streamed or not. ``completion`` takes the fields of ``orharness.dialects.chat.Completion``:
        ``reasoning=``, ``tool_calls=``, ``usage=``, ``model=`` (by default the one that the request names), ``error=``,
        … Raises ``ScenarioError`` for what does not exist or cannot be.
        """
        if (text is None) == (tokens is None):
            raise ScenarioError("chat takes a text or tokens=, one of them")
        maker = provider_named(provider)
        made = _completion(tokens if text is None else text, {**completion, "provider": maker.name})
        named = "model" in completion
        sender = gateway if isinstance(gateway, Gateway) else gateway_named(gateway)
        shape = _shape(through, ending, framing)
        options: dict[str, Any] = {"head": _seconds(head, "head"), "pacing": _pacing(pacing)}
        own = _checked(headers)
        speed = None if pace is None else _seconds(pace, "pace")

        @cache  # a scenario answers the same request again and again
        def body(said: chat.Completion, include_usage: bool) -> tuple[Stream, tuple[int, ...]]:
            stream = shape(chat.stream(said, sender, include_usage, _seconds(delay, "delay")))
            return stream, chat.token_offsets(stream.body)

        body(made, False)  # an impossible scenario fails here, where it is written, and not at the first request

        @lru_cache(maxsize=4)  # ... and what it answers depends on nothing else
        def answer(request: Request) -> Response:
            try:
                by = asked_for(_field_of(request, "provider")) or maker
            except ScenarioError as error:  # it is the client that asks for what does not exist
                return error_response(sender, 404, str(error))
            asked = _field_of(request, "model")
            said = replace(made, model=asked if isinstance(asked, str) and not named else made.model, provider=by.name)
            identifier = _value_of(own, sender.generation_header) or said.id_at(sender)
            marks = _marks(sender, identifier, by)
            model = Generation(
                id=identifier,
                model=said.model,
                total=said.counted.completion_tokens,
                provider=by,
                prompt=chat.prompt_tokens_of(request.json) if said.usage is None else said.usage.prompt_tokens,
                streamed=chat.wants_stream(request.json),
                finish_reason=said.finish,
                pace=speed,
                price=price,
            )
            if not model.streamed:
                whole = _json_response(200, chat.document(said, sender), marks, generation=model, **options)
                return replace(whole, headers=_beside(own, whole.headers))
            stream, offsets = body(said, chat.wants_usage(request.json, sender))
            model = replace(model, offsets=offsets, seconds=stream.duration)
            sent = _beside(own, (("Content-Type", EVENT_STREAM), *marks))
            return Response(200, sent, stream, generation=model, **options)

        return cls(answer, f"chat {_short(made.text)!r}")

    @classmethod
    def stream(
        cls,
        *pieces: Piece | Stream,
        through: Through = (),
        ending: Ending | str | None = None,
        framing: Framing | str | None = None,
        pacing: Pacing | str | None = None,
        status: int = 200,
        headers: Headers = (),
        head: float = 0.0,
        delay: float = 0.0,
        default_headers: bool = True,
        provider: str | Provider | None = None,
        pace: float | None = None,
        price: float = PRICE,
    ) -> Reply:
        """An event stream, one chunk a piece.

        A piece is an ``Event``, ``Comment`` or ``Retry``, a ``str`` (an event's data), ``bytes`` or a ``Chunk`` (sent
        as they are); or one whole ``Stream``. ``delay``: seconds before each piece that brings none of its own.
        ``default_headers``: send the content type of an event stream where ``headers`` names none.

        ``provider``: whose model makes the stream, by default the one that its chunks name, else OpenAI; ``pace``:
        seconds in which it makes a token, by default as fast as is written; ``price``: dollars a token. Where the
        tokens of the stream cannot be counted, each event of it stands for one; see ``recorded_generation``.
        """
        shape = _shape(through, ending, framing)
        body = shape(_stream_of(pieces, _seconds(delay, "delay")))
        default = {"Content-Type": EVENT_STREAM, "Cache-Control": "no-cache"} if default_headers else {}
        sent = _headers(headers, default)
        speed = None if pace is None else _seconds(pace, "pace")
        model = recorded_generation(body, sent, provider, pace=speed, price=price)
        response = Response(_status(status), sent, body, _seconds(head, "head"), _pacing(pacing), model)
        return cls(lambda _: response, f"stream of {len(body.chunks)} chunks")

    @classmethod
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
        """A plain response: a JSON document, a text, or bytes; ``head`` seconds after the request."""
        if sum(given is not None for given in (json, text, body)) > 1:
            raise ScenarioError("respond takes one of json=, text= and body=")
        if not isinstance(text, str | None) or not isinstance(body, bytes | None):
            raise ScenarioError(
                f"respond takes a str as text= and bytes as body=, not {text if body is None else body!r}"
            )
        if text is not None:
            data, kind = text.encode(), "text/plain; charset=utf-8"
        elif body is not None:
            data, kind = body, "application/octet-stream"
        else:
            data, kind = b"" if json is None else _compact(json), "application/json"
        sent = _headers(headers, {"Content-Type": kind})
        response = Response(_status(status), sent, Stream.of(data), _seconds(head, "head"), Pacing.INSTANT)
        framed = replace(response, stream=replace(response.stream, framing=Framing.LENGTH))
        return cls(lambda _: framed, f"status {status}")


def _marks(gateway: Gateway, identifier: str, provider: Provider) -> tuple[tuple[str, str], ...]:
    generation = ((gateway.generation_header, identifier),) if gateway.generation_header else ()
    return (*generation, *(((PROVIDER_NAME, provider.name),) if gateway.names_provider else ()))


def recorded_generation(
    stream: Stream,
    headers: tuple[tuple[str, str], ...] = (),
    provider: str | Provider | None = None,
    *,
    pace: float | None = None,
    price: float = PRICE,
) -> Generation | None:
    """The model behind a stream that is there already, whatever its dialect; ``None`` where no event has data.

    Its tokens are those of a chat completion's usage. Without one they cannot be counted, and events stand for them: of
    a chat completion those that carry a part of the answer, of any other stream all that have data and come before the
    end marker. ``provider`` goes before the one that the stream names; raises ``ScenarioError`` if it is unknown.
    """
    chosen = None if provider is None else provider_named(provider)
    offsets = chat.token_offsets(stream.body) or _event_offsets(stream)
    if not offsets:
        return None
    said = chat.fold(decode(stream.body))
    usage = said.usage or {}
    counts = [value if isinstance(value := usage.get(name), int) else None for name in _COUNTS]
    sent = next((value for name, value in headers if name.lower() == GENERATION_ID.lower()), None)
    maker = chosen or _named_in_stream(said.provider)
    return Generation(
        id=sent or said.id or "gen-recorded",
        model=said.model,
        total=len(offsets) if counts[1] is None else counts[1],
        offsets=offsets,
        provider=maker or Provider(str(said.provider), stops_on_cancel=True),
        prompt=counts[0] or 0,
        finish_reason=said.finish_reason,
        pace=pace,
        seconds=stream.duration,
        price=price,
        counted=Counted.EVENTS if counts[1] is None else Counted.TOKENS,
        provider_known=maker is not None,
    )


_COUNTS = ("prompt_tokens", "completion_tokens")


def _event_offsets(stream: Stream) -> tuple[int, ...]:
    """The body offset after each event that has data and comes before the end marker."""
    end = len(stream.body) + 1 if stream.end_marker is None else stream.end_marker
    found = decode_with_offsets(stream.body)
    return tuple(offset for offset, item in found if isinstance(item, Event) and item.data and offset < end)


def _named_in_stream(name: str | None) -> Provider | None:
    """The provider that a stream names, the default one if it names none; ``None`` for a name that is not known."""
    try:
        return DEFAULT if name is None else provider_named(name)
    except ScenarioError:
        return None


def error_response(gateway: Gateway, status: int, message: str) -> Response:
    """An error before the stream, in the gateway's own shape."""
    return _json_response(status, chat.error_document(gateway, status, message))


def json_response(document: Any) -> Response:
    """A plain JSON answer."""
    return _json_response(200, document)


def _json_response(status: int, document: Any, headers: tuple[tuple[str, str], ...] = (), **options: Any) -> Response:
    stream = replace(Stream.of(_compact(document)), framing=Framing.LENGTH)
    return Response(status, (("Content-Type", "application/json"), *headers), stream, **options)


def _compact(document: Any) -> bytes:
    return jsonlib.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


_CHAT_OPTIONS = (
    *("through", "when", "gateway", "provider", "pace", "price"),
    *("delay", "head", "ending", "framing", "pacing", "headers"),
)


def _completion(content: str | int | Iterable[str] | None, fields: dict[str, Any]) -> chat.Completion:
    known = chat.Completion.__dataclass_fields__
    if unknown := sorted(set(fields) - set(known)):
        names = list(dict.fromkeys([*_CHAT_OPTIONS, *known]))  # provider= is both
        near = difflib.get_close_matches(unknown[0], names, n=1)
        hint = f" (did you mean {near[0]}=?)" if near else ""
        raise ScenarioError(f"chat knows no {unknown[0]}={hint}; it takes {', '.join(f'{name}=' for name in names)}")
    return chat.Completion.of(content or "", **fields)


def _shape(through: Through, ending: Ending | str | None, framing: Framing | str | None) -> Callable[[Stream], Stream]:
    transform = compose(through)
    changes: dict[str, Any] = {}
    if ending is not None:
        changes["ending"] = one_of(Ending, ending, "ending")
    if framing is not None:
        changes["framing"] = one_of(Framing, framing, "framing")

    def shape(stream: Stream) -> Stream:
        return _marked(transform(replace(stream, **changes)))

    return shape


def _marked(stream: Stream) -> Stream:
    """With its end marker, looked for last: a transform may have dropped it, repeated it or moved it.

    An error ends a stream as well: whoever leaves behind it has not cancelled.
    """
    is_end = end_of(decode(stream.body))
    return chat.mark_end(stream, lambda event: is_end(event) or chat.error_of(event) is not None)


def _stream_of(pieces: Sequence[Piece | Stream], delay: float) -> Stream:
    if len(pieces) == 1 and isinstance(pieces[0], Stream):
        return pieces[0]
    return Stream(tuple(_chunk(piece, delay) for piece in pieces))


def _chunk(piece: Piece | Stream, delay: float) -> Chunk:
    match piece:
        case Chunk():
            return piece
        case bytes():
            return Chunk(piece, delay)
        case str() | Event() | Comment() | Retry():
            return Chunk(encode(piece), delay)
    raise ScenarioError(
        f"a stream is made of events, comments, text, bytes and chunks, or is one Stream; not of {piece!r}"
    )


def _headers(given: Headers, default: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return _beside(_checked(given), default.items())


def _beside(own: tuple[tuple[str, str], ...], default: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The default headers whose names the scenario does not give itself, and then its own."""
    named = {name.lower() for name, _ in own}
    return (*((name, value) for name, value in default if name.lower() not in named), *own)


def _value_of(headers: tuple[tuple[str, str], ...], name: str | None) -> str | None:
    return next((value for given, value in headers if name and given.lower() == name.lower()), None)


def _checked(given: object) -> tuple[tuple[str, str], ...]:
    """The headers as pairs. Raises ``ScenarioError`` for what is no header, or none that a scenario can give."""
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise ScenarioError(
            f"headers= takes a mapping of names to values, or pairs of a name and a value, not {given!r}"
        )
    pairs = tuple(given.items() if isinstance(given, Mapping) else given)
    for pair in pairs:
        if not (isinstance(pair, tuple | list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)):
            raise ScenarioError(f"a header is a name and a value, both text, not {pair!r}")
    for name, value in pairs:
        if any(character in f"{name}{value}" for character in "\r\n\0"):
            raise ScenarioError(f"the header {name!r} has a line end or NUL in it: it cannot be sent")
    if computed := {name.lower() for name, _ in pairs} & {"content-length", "transfer-encoding"}:
        raise ScenarioError(f"{computed.pop()} is computed from the body and framing=: it cannot be given as a header")
    return tuple((name, value) for name, value in pairs)


def _status(value: int) -> int:
    if not isinstance(value, int) or not 100 <= value <= 999:
        raise ScenarioError(f"status is a number of three digits such as 200 or 429, not {value!r}")
    return value


def _seconds(value: float, what: str) -> float:
    if not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise ScenarioError(f"{what} is a number of seconds from 0 up, not {value!r}")
    return float(value)


def _pacing(pacing: Pacing | str | None) -> Pacing | None:
    return None if pacing is None else one_of(Pacing, pacing, "pacing")


def one_of(kind: type[E], value: str, what: str) -> E:
    """The member of an enumeration with that value; otherwise a ``ScenarioError`` that names them all."""
    try:
        return kind(value)
    except ValueError:
        raise ScenarioError(f"{what} is one of {', '.join(kind)}; not {value!r}") from None


def _short(text: str, length: int = 24) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


@dataclass(frozen=True)
class Route:
    """Requests of one method and path, with a condition, and the replies they get in turn; the last one repeats.

    ``times``: how many requests it answers, ``None`` for any number.
    """

    method: str
    path: str
    replies: tuple[Reply, ...]
    when: When | None = None
    times: int | None = None
    choose: Callable[[Request, int], tuple[Reply, str | None]] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ScenarioError(f"a path begins with a slash: {self.path!r}")
        if not (self.when is None or callable(self.when) or isinstance(self.when, Mapping)):
            raise ScenarioError(
                f"when= is a mapping of {', '.join(_CONDITIONS)}, or a function of the request; not {self.when!r}"
            )
        if isinstance(self.when, Mapping) and (unknown := set(self.when) - set(_CONDITIONS)):
            raise ScenarioError(
                f"when= knows {', '.join(_CONDITIONS)}, not {', '.join(sorted(map(repr, unknown)))};"
                " for anything else pass a function of the request"
            )

    @property
    def name(self) -> str:
        """What a report calls it."""
        condition = "" if self.when is None else f" when {_described(self.when)}"
        return f"{self.method} {self.path}{condition}"

    def reply_to(self, request: Request, turn: int) -> tuple[Reply, str | None]:
        """The reply to its request number ``turn`` (from 0), and how the request differs from what was recorded."""
        if self.choose is not None:
            return self.choose(request, turn)
        return self.replies[min(turn, len(self.replies) - 1)], None

    def stands_at(self, path: str) -> bool:
        """Whether that is its path, with or without the API prefix."""
        return api_path(path) == api_path(self.path)

    def difference(self, request: Request) -> list[str]:
        """One sentence for each thing that does not fit; none means that it matches.

        Whatever a predicate raises is raised here: a broken predicate is not a request that does not match.
        """
        found = []
        if request.method != self.method:
            found.append(f"method: expected {self.method}, got {request.method}")
        if not self.stands_at(request.path):
            prefix = request.path.removesuffix(api_path(request.path)) if self.path == api_path(self.path) else ""
            found.append(f"path: expected {prefix}{self.path}, got {request.path}")
        if found or self.when is None:  # a condition on another endpoint's body says nothing
            return found
        if callable(self.when):
            if self.when(request):
                return []
            explain = getattr(self.when, "difference", None)  # a condition that can say more than no
            return explain(request) if explain else [f"the condition {_described(self.when)} said no"]
        return [line for key, expected in self.when.items() for line in _CONDITIONS[key](request, expected)]


def _described(when: When) -> str:
    if callable(when):
        return str(getattr(when, "__name__", when))
    return ", ".join(f"{key}={value!r}" for key, value in when.items())


def _field_of(request: Request, name: str) -> Any:
    return request.json.get(name) if isinstance(request.json, dict) else None


def _unequal(what: str, expected: Any, got: Any) -> list[str]:
    return [] if expected == got else [f"{what}: expected {expected!r}, got {got!r}"]


def _messages(request: Request) -> list[dict[str, Any]]:
    messages = _field_of(request, "messages")
    return [one for one in messages if isinstance(one, dict)] if isinstance(messages, list) else []


def _turn(request: Request, expected: int) -> list[str]:
    return _unequal("turn", expected, sum(one.get("role") == "user" for one in _messages(request)))


def _last_user(request: Request, expected: str) -> list[str]:
    said = [_text_of(one.get("content")) for one in _messages(request) if one.get("role") == "user"]
    return _unequal("last_user", expected, said[-1] if said else None)


def _text_of(content: Any) -> Any:
    """A message's text, also where the content is a list of parts."""
    if not isinstance(content, list):
        return content
    return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))


def _sent_headers(request: Request, expected: Mapping[str, str]) -> list[str]:
    return [
        line for name, value in expected.items() for line in _unequal(f"header {name}", value, request.header(name))
    ]


def _json(request: Request, expected: Any) -> list[str]:
    return json_difference(expected, request.json, partial=True)


_CONDITIONS: dict[str, Callable[[Request, Any], list[str]]] = {
    "model": lambda request, expected: _unequal("model", expected, _field_of(request, "model")),
    "turn": _turn,
    "last_user": _last_user,
    "headers": _sent_headers,
    "json": _json,
}


def json_difference(expected: Any, got: Any, *, partial: bool = False, at: str = "body") -> list[str]:
    """Where two JSON values differ, a sentence each. ``partial``: more in ``got`` is passed over."""
    if isinstance(expected, Mapping) and isinstance(got, Mapping):
        found = [f"{at}.{key} is missing" for key in expected if key not in got]
        if not partial:
            found += [
                f"{at}.{key} was not expected: {_short(repr(got[key]), 60)}" for key in got if key not in expected
            ]
        both = [key for key in expected if key in got]
        return found + [
            line for key in both for line in json_difference(expected[key], got[key], partial=partial, at=f"{at}.{key}")
        ]
    if isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        pairs = enumerate(zip(expected, got, strict=True))
        return [line for i, (a, b) in pairs for line in json_difference(a, b, partial=partial, at=f"{at}[{i}]")]
    if expected == got and isinstance(expected, bool) == isinstance(got, bool):
        return []
    return [f"{at}: expected {_short(repr(expected), 60)}, got {_short(repr(got), 60)}"]


def select(routes: Sequence[tuple[Route, int]], request: Request) -> tuple[int | None, str | None]:
    """Which of the routes (each with the number of its calls so far) answers, and otherwise why none does.

    A route with a condition goes before one without; among the rest the first that has not been asked yet, else the
    last: so that two replies to the same request are given in the order in which they were written down.
    """
    fitting: list[int] = []
    reasons: list[tuple[int, str]] = []
    for index, (route, calls) in enumerate(routes):
        difference = route.difference(request)
        if not difference and route.times is not None and calls >= route.times:
            difference = [f"it has answered {calls} of {route.times} requests already"]
        if difference:
            reasons.append((len(difference), f"  {route.name}\n" + "\n".join(f"    {line}" for line in difference)))
        else:
            fitting.append(index)
    if fitting:
        conditional = [index for index in fitting if routes[index][0].when is not None] or fitting
        return next((index for index in conditional if not routes[index][1]), conditional[-1]), None
    nearest = [text for _, text in sorted(reasons, key=lambda reason: reason[0])[:3]]
    heading = f"no route answers {request.method} {request.path}"
    return None, "\n".join([f"{heading}; the nearest:", *nearest]) if nearest else f"{heading}: no reply is set up"
