"""Anthropic Messages, from meaning to events.

All gateways send them as Anthropic does. Sources: https://docs.claude.com/en/api/messages,
https://docs.claude.com/en/api/messages-streaming, and recorded streams of Anthropic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from orharness.dialects.completion import MODEL, Completion, Piece, PieceKind, ToolCall, digest
from orharness.dialects.dialect import Asked, Written
from orharness.dialects.messages.errors import document_of, word_of
from orharness.dialects.messages.words import REFUSAL, stop_reason
from orharness.dialects.values import Json, dumps, parsed
from orharness.errors import ScenarioError
from orharness.gateways import Gateway
from orharness.sse import Event

ID_PREFIX = "msg_"
PLACEHOLDER = 1  # the output tokens of message_start: a number without meaning


def write(completion: Completion, gateway: Gateway, asked: Asked) -> Written:
    """Return the answer as it is streamed: the message's start, its blocks, its stop reason and usage, its stop."""
    script = _Script(completion)
    script.write()
    return Written(tuple(script.events), len(script.events) - 1, tuple(script.tokens))


@dataclass
class _Script:
    """The events of one answer, and the indexes of those that carry a token."""

    completion: Completion
    events: list[Event] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)

    def write(self) -> None:
        self._add("message_start", message=_message(self.completion, [], _usage(self.completion, PLACEHOLDER)))
        blocks = list(_blocks(self.completion.made))
        for index, pieces in enumerate(blocks):
            # The error cuts the last block off: no stop event follows.
            self._block(index, pieces, cut=self.completion.error is not None and index == len(blocks) - 1)
        if self.completion.error is None:
            self._end()
        else:
            error = self.completion.error
            self._add(**document_of(word_of(error.code), error.message))

    def _block(self, index: int, pieces: list[Piece], *, cut: bool) -> None:
        kind = pieces[0].kind
        if kind is PieceKind.CALL:
            self.tokens.append(len(self.events))
        self._add("content_block_start", index=index, content_block=self._opened(pieces[0]))
        if index == 0:
            self._add("ping")  # as recorded: one after the start of the first block
        if kind is PieceKind.CALL:  # as recorded: the first fragment is always an empty one
            self._delta(index, type="input_json_delta", partial_json="")
        for piece in pieces:
            if piece.kind is not PieceKind.CALL:
                self.tokens.append(len(self.events))
                self._delta(index, **_delta(piece))
        if cut:
            return
        if kind is PieceKind.REASONING:
            self._delta(index, type="signature_delta", signature=_signature(self.completion.reasoning))
        self._add("content_block_stop", index=index)

    def _opened(self, first: Piece) -> Json:
        match first.kind:
            case PieceKind.REASONING:
                return {"type": "thinking", "thinking": "", "signature": ""}
            case PieceKind.CALL:
                return _tool_use(self.completion.tool_calls[first.call], first.call, {})
            case _:
                return {"type": "text", "text": ""}

    def _end(self) -> None:
        # The tokens of a refusal have no events of their own: its explanation is sent as one.
        self.tokens += [len(self.events)] * sum(piece.kind is PieceKind.REFUSAL for piece in self.completion.made)
        self._add("message_delta", delta=_ended(self.completion), usage=_counted(self.completion))
        self._add("message_stop")

    def _delta(self, index: int, **delta: Any) -> None:
        self._add("content_block_delta", index=index, delta=delta)

    def _add(self, type: str, **fields: Any) -> None:  # noqa: A002 - the API's own word
        self.events.append(Event(type, dumps({"type": type, **fields})))


def _blocks(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Yield the pieces of each block; those of a refusal have no block."""
    said = (piece for piece in pieces if piece.kind is not PieceKind.REFUSAL)
    for _, group in groupby(said, key=_block_of):
        yield list(group)


def _block_of(piece: Piece) -> tuple[bool, bool, int]:
    calls = piece.kind in (PieceKind.CALL, PieceKind.ARGUMENTS)
    return calls, piece.kind is PieceKind.REASONING, piece.call


def _delta(piece: Piece) -> Json:
    match piece.kind:
        case PieceKind.REASONING:
            return {"type": "thinking_delta", "thinking": piece.value}
        case PieceKind.ARGUMENTS:
            return {"type": "input_json_delta", "partial_json": piece.value}
        case _:
            return {"type": "text_delta", "text": piece.value}


def document(completion: Completion, gateway: Gateway, asked: Asked) -> Json:
    """Return the answer to a request without ``stream``; for a completion with an error, the error's document.

    Raises ``ScenarioError`` for tool arguments that are not a JSON object: only a stream can contain them.
    """
    if completion.error:
        return document_of(word_of(completion.error.code), completion.error.message)
    content: list[Json] = []
    if completion.reasoning:
        signature = _signature(completion.reasoning)
        content.append({"type": "thinking", "thinking": completion.reasoning, "signature": signature})
    if completion.text:
        # The API's schema demands the field, and allows null; the AI SDK's provider takes a list alone.
        content.append({"type": "text", "text": completion.text, "citations": []})
    calls = (_tool_use(call, index, _input(call)) for index, call in enumerate(completion.tool_calls))
    content += [{**call, "caller": {"type": "direct"}} for call in calls]
    usage = {**_counted(completion), **_OF_A_WHOLE_MESSAGE}
    return {**_message(completion, content, usage), **_ended(completion), "container": None}


_OF_A_WHOLE_MESSAGE: Json = {
    "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0},
    "inference_geo": None,
    "server_tool_use": None,
    "service_tier": "standard",
}


def _input(call: ToolCall) -> Json:
    value = parsed(call.arguments)
    if not isinstance(value, dict):
        raise ScenarioError(
            f"a message that is not streamed holds tool arguments as a JSON object, but {call.name!r} has"
            f" {call.arguments!r}"
        )
    return value


def _tool_use(call: ToolCall, index: int, value: Json) -> Json:
    return {"type": "tool_use", "id": call.id_at(index), "name": call.name, "input": value}


def _message(completion: Completion, content: list[Json], usage: Json) -> Json:
    head = {"id": completion.id_with(ID_PREFIX), "type": "message", "role": "assistant"}
    ends = {"stop_reason": None, "stop_sequence": None, "stop_details": None}
    return {"model": completion.model_sent, **head, "content": content, **ends, "usage": usage}


def _ended(completion: Completion) -> Json:
    reason = stop_reason(completion)
    explained = {"type": REFUSAL, "category": None, "explanation": completion.refusal or None}
    return {"stop_reason": reason, "stop_sequence": None, "stop_details": explained if reason == REFUSAL else None}


def _usage(completion: Completion, output_tokens: int) -> Json:
    cached = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    return {"input_tokens": completion.counted.prompt_tokens, **cached, "output_tokens": output_tokens}


def _counted(completion: Completion) -> Json:
    """Return the usage of a whole message."""
    thinking = {"output_tokens_details": {"thinking_tokens": completion.counted.reasoning_tokens}}
    return {**_usage(completion, completion.counted.completion_tokens), **thinking}


def _signature(reasoning: str) -> str:
    """Return the proof that the API made the reasoning: opaque to a client, which sends it back unchanged."""
    return f"{digest('signature', reasoning)}{digest(reasoning)}=="


def models_document(models: Iterable[str] = (MODEL,), created: int = Completion.created) -> Json:
    """Return the answer to ``GET …/models`` (https://docs.claude.com/en/api/models-list)."""
    at = datetime.fromtimestamp(created, UTC).isoformat().replace("+00:00", "Z")
    data = [{"type": "model", "id": model, "display_name": model, "created_at": at} for model in models]
    ends = {"first_id": data[0]["id"] if data else None, "last_id": data[-1]["id"] if data else None}
    return {"data": data, "has_more": False, **ends}
