"""Ollama, from meaning to lines.

Each line has the fields of Ollama's types, in their order; characters are escaped as its JSON encoder does. Sources:
https://docs.ollama.com/api/chat, https://docs.ollama.com/api/streaming, https://docs.ollama.com/api/errors;
``api/types.go`` and ``streamResponse`` in ``server/routes.go``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from orharness.dialects import values
from orharness.dialects.completion import MODEL, Completion, Piece, PieceKind, ToolCall, digest
from orharness.dialects.dialect import Asked, Written
from orharness.dialects.ollama.words import GENERATE, done_reason
from orharness.dialects.values import Json, parsed
from orharness.errors import Inexpressible
from orharness.gateways import Gateway
from orharness.sse import Event

_ESCAPED = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}  # what Go escapes besides JSON's own
_A_TOKEN = 20_000_000  # nanoseconds that the model takes for a token, as in its durations
_LOADING = 1_000_000


def dumps(value: object) -> str:
    """Return JSON as Go's encoder writes it. Line separators in texts are always escaped."""
    return values.dumps(value).translate(_ESCAPED)


def write(completion: Completion, gateway: Gateway, asked: Asked) -> Written:
    """Return the answer as it is streamed: a line for each piece of text and each tool call, and the last one."""
    _check_endpoint(completion, asked)
    events: list[Event] = []
    tokens: list[int] = []
    for said, pieces in _said(completion):
        tokens += [len(events)] * pieces
        events.append(_line(_head(completion) | _in(said, asked) | {"done": False}))
    if completion.error is None:
        events.append(_line(_head(completion) | _in({}, asked) | _last(completion)))
    else:
        events.append(_line({"error": completion.error.message}))
    return Written(tuple(events), len(events) - 1, tuple(tokens))


def document(completion: Completion, gateway: Gateway, asked: Asked) -> Json:
    """Return the answer to a request with ``stream: false``; for a completion with an error, the error's document."""
    _check_endpoint(completion, asked)
    if completion.error is not None:
        return {"error": completion.error.message}
    said: Json = {"content": completion.text}
    if completion.reasoning:
        said["thinking"] = completion.reasoning
    if completion.tool_calls:
        said["tool_calls"] = [_call(call, index) for index, call in enumerate(completion.tool_calls)]
    return _head(completion) | _in(said, asked) | _last(completion)


def _check_endpoint(completion: Completion, asked: Asked) -> None:
    if asked.endpoint == GENERATE and completion.tool_calls:
        raise Inexpressible(f"{GENERATE} of the dialect ollama cannot express tool_calls=: only /api/chat has tools")


def _said(completion: Completion) -> Iterator[tuple[Json, int]]:
    """Yield the fields of each line's message, and the number of pieces of the answer in it."""
    calls: dict[int, int] = {}
    for piece in completion.made:
        if piece.kind in (PieceKind.CALL, PieceKind.ARGUMENTS):
            calls[piece.call] = calls.get(piece.call, 0) + 1
        else:
            yield _text(piece), 1
    for index, pieces in calls.items():
        yield {"content": "", "tool_calls": [_call(completion.tool_calls[index], index)]}, pieces


def _text(piece: Piece) -> Json:
    return {"content": "", "thinking": piece.value} if piece.kind is PieceKind.REASONING else {"content": piece.value}


def _call(call: ToolCall, index: int) -> Json:
    return {
        "id": call.id_at(index),
        "function": {"index": index, "name": call.name, "arguments": parsed(call.arguments)},
    }


def _head(completion: Completion) -> Json:
    return {"model": completion.model_sent, "created_at": _moment(completion.created)}


def _in(said: Json, asked: Asked) -> Json:
    """Return these fields in the form of the endpoint."""
    if asked.endpoint != GENERATE:
        return {"message": {"role": "assistant", "content": "", **said}}
    thinking = {"thinking": said["thinking"]} if "thinking" in said else {}
    return {"response": said.get("content", ""), **thinking}


def _last(completion: Completion) -> Json:
    counted = completion.counted
    prompt, made = counted.prompt_tokens * _A_TOKEN, counted.completion_tokens * _A_TOKEN
    return {
        "done": True,
        "done_reason": done_reason(completion),
        "total_duration": _LOADING + prompt + made,
        "load_duration": _LOADING,
        "prompt_eval_count": counted.prompt_tokens,
        "prompt_eval_duration": prompt,
        "eval_count": counted.completion_tokens,
        "eval_duration": made,
    }


def _line(value: Json) -> Event:
    return Event(data=dumps(value))


def _moment(created: int) -> str:
    return datetime.fromtimestamp(created, UTC).isoformat().replace("+00:00", "Z")


def error_document(gateway: Gateway, status: int, message: str) -> Json:
    """Return the body of an answer with an HTTP error status: only the message."""
    return {"error": message}


def models_document(models: Iterable[str] = (MODEL,), created: int = Completion.created) -> Json:
    """Return the answer to ``GET /api/tags`` (https://docs.ollama.com/api/tags)."""
    details = {
        "parent_model": "",
        "format": "gguf",
        "family": "llama",
        "families": ["llama"],
        "parameter_size": "8.0B",
        "quantization_level": "Q4_K_M",
    }
    return {
        "models": [
            {
                "name": model,
                "model": model,
                "modified_at": _moment(created),
                "size": 4_661_224_676,
                "digest": digest(model),
                "details": details,
            }
            for model in models
        ]
    }
