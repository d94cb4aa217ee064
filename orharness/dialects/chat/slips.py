"""The chat-completions dialect: what in its chunks careless readers stumble over, and the same chunk without it.

Source: https://platform.openai.com/docs/api-reference/chat-streaming, and what services were recorded to send.
"""

from __future__ import annotations

from collections.abc import Callable

from orharness.dialects.dialect import Slip
from orharness.dialects.values import Json

_REASONING = ("reasoning", "reasoning_content", "reasoning_details")
_OF_A_CHUNK = frozenset(
    ("id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier", "error", "provider")
)
_NAMES = {"id": "1", "object": "chat.completion.chunk", "model": "m"}
_OF_A_CHOICE = frozenset(("index", "delta", "finish_reason", "logprobs", "error", "native_finish_reason"))
_OF_A_DELTA = frozenset(("role", "content", "tool_calls", "function_call", "refusal", *_REASONING))


def _no_other_event(chunk: Json) -> Json | None:
    return chunk if "choices" in chunk or "error" in chunk else None


def _no_empty_names(chunk: Json) -> Json:
    empty = [name for name in _NAMES if chunk.get(name) == ""]
    return {**chunk, **{name: _NAMES[name] for name in empty}} if empty else chunk


def _no_empty_choices(chunk: Json) -> Json | None:
    return None if chunk.get("choices") == [] and "error" not in chunk else chunk


def _only_first_choice(chunk: Json) -> Json | None:
    choices = chunk.get("choices")
    if not isinstance(choices, list) or not choices:
        return chunk
    kept = [one for one in choices if not isinstance(one, dict) or one.get("index", 0) == 0]
    return {**chunk, "choices": kept} if kept else None


def _each_choice(change: Callable[[Json], Json]) -> Callable[[Json], Json]:
    """Return a change of chunks that changes each choice in them."""

    def changed(chunk: Json) -> Json:
        choices = chunk.get("choices")
        if not isinstance(choices, list):
            return chunk
        return {**chunk, "choices": [change(one) if isinstance(one, dict) else one for one in choices]}

    return changed


def _each_delta(change: Callable[[Json], Json]) -> Callable[[Json], Json]:
    """Return a change of chunks that changes each delta in them."""

    def of_choice(choice: Json) -> Json:
        delta = choice.get("delta")
        return {**choice, "delta": change(delta)} if isinstance(delta, dict) else choice

    return _each_choice(of_choice)


def _with_delta(choice: Json) -> Json:
    return choice if isinstance(choice.get("delta"), dict) else {**choice, "delta": {"content": ""}}


def _joined_parts(delta: Json) -> Json:
    content = delta.get("content")
    if not isinstance(content, list):
        return delta
    texts = [one["text"] for one in content if isinstance(one, dict) and isinstance(one.get("text"), str)]
    return {**delta, "content": "".join(texts)}


def _without(*names: str) -> Callable[[Json], Json]:
    return lambda given: {name: value for name, value in given.items() if name not in names}


def _only(names: frozenset[str]) -> Callable[[Json], Json]:
    return lambda given: {name: value for name, value in given.items() if name in names}


def _known_fields(chunk: Json) -> Json:
    return _each_choice(_only(_OF_A_CHOICE))(_each_delta(_only(_OF_A_DELTA))(_only(_OF_A_CHUNK)(chunk)))


def _without_nulls(given: Json) -> Json:
    return {name: value for name, value in given.items() if value is not None or name == "finish_reason"}


def _no_null_fields(chunk: Json) -> Json:
    return _each_choice(_without_nulls)(_each_delta(_without_nulls)(_without_nulls(chunk)))


def _no_finish_beside_text(choice: Json) -> Json:
    delta = choice.get("delta")
    said = isinstance(delta, dict) and any(delta.get(name) for name in ("content", *_REASONING))
    return {**choice, "finish_reason": None} if said and choice.get("finish_reason") else choice


def _is_another_end(choice: Json) -> bool:
    return choice.get("finish_reason") in ("length", "content_filter")


SLIPS: tuple[Slip, ...] = (
    Slip(
        "other-event",
        "an event that is not a chunk (it has no `choices`) is stumbled over: it is to be passed over",
        _no_other_event,
    ),
    Slip(
        "empty-names",
        "an empty `id`, `object` or `model` is refused, which Azure's first chunk has: it says nothing of the text",
        _no_empty_names,
    ),
    Slip(
        "empty-choices",
        "it takes the first of an empty list: a usage chunk has no choices",
        _no_empty_choices,
    ),
    Slip(
        "further-choices",
        "the choices are mixed: each has an index, and a text is that of one of them",
        _only_first_choice,
        as_error="a further choice is stumbled over: each has an index, and may come in any chunk",
    ),
    Slip(
        "no-delta",
        "a choice without a delta is stumbled over: it says nothing of the text, and is to be passed over",
        _each_choice(_with_delta),
    ),
    Slip(
        "content-parts",
        "content that is a list of parts is not read: the text is that of its parts of the type text",
        _each_delta(_joined_parts),
        as_error="content that is a list of parts is stumbled over: the text is that of its parts of the type text",
    ),
    Slip(
        "reasoning",
        "reasoning is taken for text, or text for reasoning: the text is what stands in `content`",
        _each_delta(_without(*_REASONING)),
        as_error="a chunk with reasoning is stumbled over: it may come before the text and beside it",
    ),
    Slip(
        "tool-calls",
        "tool calls are taken for text: the text is what stands in `content`",
        _each_delta(_without("tool_calls", "function_call")),
        as_error="a chunk with tool calls is stumbled over: their fragments have an index, and not each has an id",
    ),
    Slip(
        "null-content",
        "null as content is taken for text",
        _each_delta(lambda delta: {**delta, "content": ""} if delta.get("content", "") is None else delta),
        as_error="null as content is stumbled over: the delta says nothing then",
    ),
    Slip(
        "empty-finish",
        "an empty finish_reason is taken for the end: only one that names a reason says why the model stopped",
        _each_choice(lambda choice: {**choice, "finish_reason": None} if choice.get("finish_reason") == "" else choice),
        as_error="an empty finish_reason is refused: it names no reason, and says no more than null",
    ),
    Slip(
        "finish-beside-text",
        "it stops at the finish_reason before it has taken all of the text",
        _each_choice(_no_finish_beside_text),
    ),
    Slip(
        "message",
        "the `message` beside a delta is taken for text: it says again what the deltas say",
        _each_choice(_without("message")),
        as_error="a `message` beside a delta is stumbled over: it says again what the deltas say",
    ),
    Slip(
        "other-finish",
        "a finish_reason other than `stop` is taken for a fault: it says why the model stopped, and the text stays",
        _each_choice(lambda choice: {**choice, "finish_reason": "stop"} if _is_another_end(choice) else choice),
    ),
    Slip("usage", "a chunk with usage is stumbled over: its text is read all the same", _without("usage")),
    Slip(
        "null-fields", "a field that is null is stumbled over: it says no more than one that is absent", _no_null_fields
    ),
    Slip(
        "annotations",
        "annotations are stumbled over: they name sources of the text, and are not a part of it",
        _each_delta(_without("annotations")),
        as_text="annotations are taken for text: they name sources of the text, and are not a part of it",
    ),
    Slip(
        "unknown-fields",
        "a field that it does not know is stumbled over: it is to be passed over",
        _known_fields,
        as_text="a field that it does not know is taken for text: the text is what stands in `content`",
    ),
    Slip(
        "no-content",
        "a delta may have no content: a role, a finish_reason, tool calls or reasoning come alone",
        _each_delta(lambda delta: {"content": "", **delta}),
    ),
)
"""All of them, the most special first."""
