"""The bodies that a reply in a document may have: one ``BodyKind`` each, with its reader, writer and schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from orharness.cassette.interaction import Interaction
from orharness.dialects import DIALECTS
from orharness.dialects.completion import Completion, Failure, ToolCall, Usage
from orharness.dialects.tokens import sample_tokens, tokens_of
from orharness.dialects.values import dumps
from orharness.errors import ScenarioError
from orharness.gateways import ErrorShape
from orharness.providers import DEFAULT
from orharness.scenario import forms
from orharness.scenario.body import Events, Forward, Plain, Timed, Whole
from orharness.scenario.forms import SECONDS, TEXT, Form, Schema, either, listed, object_schema, record, refused, whole
from orharness.scenario.node import Node, brief
from orharness.scenario.reply import Reply
from orharness.sse import Event
from orharness.stream import Chunk, Ending, Framing, Stream
from orharness.transforms import item_from_json, item_to_json

_LONG = 16  # tokens: a longer answer that equals the sample text is written as a number of tokens


class Cassettes:
    """The cassettes that a document names, relative to its folder; each is loaded once."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path()
        self._loaded: dict[str, list[Interaction]] = {}

    def __getitem__(self, file: str) -> list[Interaction]:
        """Return the interactions of a cassette. Raises ``CassetteError``."""
        if file not in self._loaded:
            from orharness.cassette import load  # imports vcrpy, which imports every HTTP library that is installed

            self._loaded[file] = load(self._folder / file)
        return self._loaded[file]


@dataclass(frozen=True)
class Taped(Interaction):
    """An interaction of a cassette in a document: ``number`` (from 1) of the ``of`` that ``file`` contains."""

    file: str = ""
    number: int = 1
    of: int = 1

    @classmethod
    def all_of(cls, file: str, interactions: Sequence[Interaction]) -> list[Taped]:
        """Return the interactions of a cassette in recorded order."""
        of = len(interactions)
        return [cls(**_values(one), file=file, number=number, of=of) for number, one in enumerate(interactions, 1)]


def _values(interaction: Interaction) -> dict[str, Any]:
    return {one.name: getattr(interaction, one.name) for one in fields(Interaction)}


@dataclass(frozen=True)
class BodyKind:
    """One kind of body.

    ``called``: the reply's name in errors. ``keyed``: the keys that define the body, one of which selects the kind.
    ``takes``: the options of a reply that have an effect on it. ``read`` takes the node of the reply, the key that
    selected the kind, and the cassettes; it returns one body or, for a cassette, several. ``write`` returns the keys.
    """

    called: str
    keyed: Callable[[], dict[str, Schema]]
    takes: tuple[str, ...]
    read: Callable[[Node, str, Cassettes], list[Any]]
    write: Callable[[Reply], dict[str, Any]]
    required: bool = True  # whether one of the keys must be present


# --- completions --------------------------------------------------------------------------------------------------


def _read_arguments(node: Node) -> str:
    """Return the arguments of a tool call: the text as the model wrote it, or the JSON of a mapping."""
    return dumps(node.value) if isinstance(node.value, dict) else node.text()


def _read_code(node: Node) -> int | str:
    if isinstance(node.value, bool) or not isinstance(node.value, int | str):
        node.fail(f"a code is a number or a word, not {brief(node.value)}")
    return node.value


_ARGUMENTS = Form(_read_arguments, forms.same, either(TEXT.schema, {"type": "object"}))
_CODE = Form(_read_code, forms.same, {"type": ["integer", "string"]})
_PIECES = listed(TEXT, "the pieces of an answer")


def _read_choice(node: Node) -> tuple[str, ...]:
    return tuple(tokens_of(node.value)) if isinstance(node.value, str) else _PIECES.read(node)


def _write_choice(pieces: tuple[str, ...]) -> Any:
    text = "".join(pieces)
    return text if tuple(tokens_of(text)) == pieces else list(pieces)


_CHOICE = Form(_read_choice, _write_choice, either(TEXT.schema, _PIECES.schema))
_CONTENT = {
    "text": Form(lambda node: tuple(tokens_of(node.text())), forms.same, TEXT.schema),
    "tokens": Form(lambda node: tuple(sample_tokens(node.whole(0))), forms.same, whole(0).schema),
    "pieces": _PIECES,
}
_SAID = {
    "reasoning": TEXT,
    "tool_calls": listed(record(ToolCall, {"name": TEXT, "arguments": _ARGUMENTS, "id": TEXT}, "a tool call"), "calls"),
    "refusal": TEXT,
    "finish_reason": TEXT,
    "native_finish_reason": TEXT,
    "usage": record(
        Usage,
        {
            "prompt_tokens": whole(0),
            "completion_tokens": whole(0),
            "reasoning_tokens": whole(0),
            "cost": SECONDS,
        },
        "usage",
    ),
    "model": TEXT,
    "id": TEXT,
    "created": whole(0),
    "others": listed(_CHOICE, "the other choices"),
    "error": record(
        Failure,
        {"message": TEXT, "code": _CODE, "after": whole(0), "shape": forms.one_of(ErrorShape)},
        "an error",
    ),
}
_NEUTRAL = "answer"  # in the dialect of the request
_DEFAULTS = Completion()


def _completion_keys() -> dict[str, Schema]:
    return {key: {"$ref": "#/$defs/completion"} for key in (_NEUTRAL, *DIALECTS)}


COMPLETION_SCHEMA = either(
    TEXT.schema,
    object_schema({name: form.schema for name, form in (_CONTENT | _SAID).items()})
    | {"not": either(*({"required": list(pair)} for pair in combinations(_CONTENT, 2)))},
)


def _read_completion(reply: Node, key: str, cassettes: Cassettes) -> list[Completion]:
    node = reply[key]
    if isinstance(node.value, str):
        return [Completion.of(node.value)]
    if not isinstance(node.value, Mapping):
        node.fail(f"an answer is a text or a mapping, not {brief(node.value)}")
    node.mapping((*_CONTENT, *_SAID), "an answer")
    contents = [name for name in _CONTENT if name in node]
    if len(contents) > 1:
        node.fail(f"an answer has {contents[0]} or {contents[1]}, not both")
    said = {name: _SAID[name].read(node[name]) for name in node.value if name in _SAID}
    tokens = next((_CONTENT[name].read(node[name]) for name in contents), ())
    with node.blamed():
        return [Completion(tokens, **said)]


def _write_completion(reply: Reply) -> dict[str, Any]:
    body = reply.body
    assert isinstance(body, Completion)
    maker = (reply.provider or DEFAULT).name
    if body.provider != maker:
        refused("the provider of a completion", f"it names {body.provider!r}, and the reply's own is {maker!r}")
    key = reply.dialect or _NEUTRAL
    said = {
        name: form.write(getattr(body, name))
        for name, form in _SAID.items()
        if getattr(body, name) != getattr(_DEFAULTS, name)
    }
    content = _content_written(body.tokens)
    if "text" in content and not said:
        return {key: content["text"]}
    return {key: {**({} if content == {"text": ""} else content), **said}}


def _content_written(tokens: tuple[str, ...]) -> dict[str, Any]:
    if len(tokens) > _LONG and list(tokens) == sample_tokens(len(tokens)):
        return {"tokens": len(tokens)}
    content = _write_choice(tokens)
    return {"text" if isinstance(content, str) else "pieces": content}


# --- event streams ------------------------------------------------------------------------------------------------

_EVENT_KEYS = {
    "data": TEXT.schema,
    "event": TEXT.schema,
    "id": TEXT.schema,
    "comment": TEXT.schema,
    "retry": SECONDS.schema,
    **forms.BYTES_KEYS,
}
_EVENT_SCHEMA = either(
    TEXT.schema,
    *(
        object_schema({**{key: _EVENT_KEYS[key] for key in keys}, "delay": SECONDS.schema}, keys[:1])
        for keys in (("data", "event", "id"), ("comment",), ("retry",), ("text",), ("base64",))
    ),
)


def _read_event(node: Node) -> Timed:
    if isinstance(node.value, str):
        return Timed(Event(data=node.value))
    node.mapping((*_EVENT_KEYS, "delay"), "an event")
    delay = SECONDS.read(node["delay"]) if "delay" in node else None
    rest = {key: value for key, value in node.value.items() if key != "delay"}
    if len(rest) == 1 and set(rest) <= set(forms.BYTES_KEYS):
        return Timed(forms.read_bytes(node), delay)
    with node.blamed():
        return Timed(item_from_json(rest), delay)


def _write_event(piece: Timed) -> dict[str, Any]:
    item = piece.item
    written = forms.write_bytes(item) if isinstance(item, bytes) else item_to_json(item)
    return {**written, **({} if piece.delay is None else {"delay": forms.seconds_written(piece.delay)})}


_EVENTS = listed(Form(_read_event, _write_event, {"$ref": "#/$defs/event"}), "events")


def _read_chunk(node: Node) -> Chunk:
    node.mapping((*forms.BYTES_KEYS, "delay"), "a chunk")
    return Chunk(forms.read_bytes(node), SECONDS.read(node["delay"]) if "delay" in node else 0.0)


def _write_chunk(chunk: Chunk) -> dict[str, Any]:
    delay = {"delay": forms.seconds_written(chunk.delay)} if chunk.delay else {}
    return {**forms.write_bytes(chunk.data), **delay}


_CHUNK_SCHEMA = either(
    *(object_schema({key: one, "delay": SECONDS.schema}, [key]) for key, one in forms.BYTES_KEYS.items())
)
_STREAM_FORMS = {
    "chunks": listed(Form(_read_chunk, _write_chunk, _CHUNK_SCHEMA), "the chunks of a stream"),
    "ending": forms.one_of(Ending),
    "framing": forms.one_of(Framing),
    "announced": whole(0),
}
_STREAM = record(Stream, _STREAM_FORMS, "a stream")


def _read_whole(reply: Node, key: str, cassettes: Cassettes) -> list[Whole]:
    return [Whole(_STREAM.read(reply[key]))]


def _write_whole(reply: Reply) -> dict[str, Any]:
    body = reply.body
    assert isinstance(body, Whole)
    plain = Stream(**{name: getattr(body.stream, name) for name in _STREAM_FORMS})
    for one in fields(Stream):
        if getattr(body.stream, one.name) != getattr(plain, one.name):
            refused(f"a Stream with {one.name}", "make it with events and transforms")
    return {"stream": _STREAM.write(body.stream)}


# --- plain responses, cassettes, forwarding -----------------------------------------------------------------------

_PLAIN = {"json": forms.ANY, "text": TEXT, "body": forms.BYTES}


def _read_plain(reply: Node, key: str, cassettes: Cassettes) -> list[Plain]:
    if key not in _PLAIN:
        return [Plain()]
    value = _PLAIN[key].read(reply[key])
    return [Plain(**{"data" if key == "body" else key: value})]


def _write_plain(reply: Reply) -> dict[str, Any]:
    body = reply.body
    assert isinstance(body, Plain)
    if body.text is not None:
        return {"text": body.text}
    if body.data is not None:
        return {"body": forms.write_bytes(body.data)}
    return {} if body.json is None else {"json": forms.json_written("the JSON of a response", body.json)}


def _read_cassette(reply: Node, key: str, cassettes: Cassettes) -> list[Taped]:
    file = reply[key].text()
    with reply[key].blamed():
        taped = Taped.all_of(file, cassettes[file])
    if "interaction" not in reply:
        return taped or reply[key].fail("the cassette holds no interaction")
    number = reply["interaction"].whole(1)
    if number > len(taped):
        reply["interaction"].fail(f"there is no interaction {number}: {file} holds {len(taped)}")
    return [taped[number - 1]]


def _write_cassette(reply: Reply) -> dict[str, Any]:
    body = reply.body
    if not isinstance(body, Taped):
        refused("a recorded interaction", "save it to a cassette, and name that with `cassette:`")
    return {"cassette": body.file, **({} if body.of == 1 else {"interaction": body.number})}


def _read_forward(reply: Node, key: str, cassettes: Cassettes) -> list[Forward]:
    node = reply[key].mapping(("to",), "forward")
    node.require(("to",), "forward")
    to = node["to"].text()
    with node["to"].blamed():
        return [Forward(checked_base_url(to))]


def checked_base_url(to: str) -> str:
    """Return the base URL of a live service. Raises ``ScenarioError`` for anything else."""
    try:
        parts = urlsplit(to)
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is not a number, or an unmatched bracket in the host
        known = False
    if not known or parts.query or parts.fragment:
        raise ScenarioError(f"a service is named by its base URL, such as https://host/v1, not {to!r}")
    return to


def _write_forward(reply: Reply) -> dict[str, Any]:
    assert isinstance(reply.body, Forward)
    return {"forward": {"to": reply.body.to}}


_SENT = ("head", "delay", "through", "ending", "framing", "pacing")
_MODEL = ("provider", "pace", "price")
_STREAMED = ("dialect", *_MODEL, "status", "headers", "default_headers", "encoding", *_SENT)

KINDS: dict[type[Any], BodyKind] = {
    Completion: BodyKind(
        "a completion",
        _completion_keys,
        ("gateway", *_MODEL, "latency", "headers", *_SENT),
        _read_completion,
        _write_completion,
    ),
    Events: BodyKind(
        "an event stream",
        lambda: {"events": _EVENTS.schema},
        _STREAMED,
        lambda reply, key, cassettes: [Events(_EVENTS.read(reply[key]))],
        lambda reply: {"events": _EVENTS.write(reply.body.pieces)},  # type: ignore[union-attr]
    ),
    Whole: BodyKind("a stream", lambda: {"stream": _STREAM.schema}, _STREAMED, _read_whole, _write_whole),
    Plain: BodyKind(
        "a plain response",
        lambda: {key: form.schema for key, form in _PLAIN.items()},
        ("status", "headers", "head"),
        _read_plain,
        _write_plain,
        required=False,
    ),
    Interaction: BodyKind(
        "a recorded response",
        lambda: {"cassette": TEXT.schema, "interaction": whole(1).schema},
        (*_MODEL, "encoding", "through", "ending", "framing", "pacing"),
        _read_cassette,
        _write_cassette,
    ),
    Forward: BodyKind(
        "a reply that forwards",
        lambda: {"forward": object_schema({"to": {"type": "string", "pattern": "^https?://"}}, ["to"])},
        (*_MODEL, "through", "ending", "framing", "pacing"),
        _read_forward,
        _write_forward,
    ),
}
EVENT_SCHEMA = _EVENT_SCHEMA
