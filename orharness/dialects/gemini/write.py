"""The Gemini API's generateContent, from meaning to events.

All gateways send them as Google does. Sources: https://ai.google.dev/api/generate-content, and recorded streams of
Google: the usage so far is in each chunk, and the last chunk has an empty text and the finish reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from orharness.dialects.completion import MODEL, Completion, Piece, PieceKind, ToolCall, digest
from orharness.dialects.dialect import Asked, Written
from orharness.dialects.gemini.errors import document_of
from orharness.dialects.gemini.words import SAFETY, finish_reason
from orharness.dialects.values import Json, dumps, parsed
from orharness.gateways import Gateway
from orharness.sse import Event

_ANSWERS = ("STOP", "MAX_TOKENS")  # with any other reason the last chunk may have no content


def write(completion: Completion, gateway: Gateway, asked: Asked) -> Written:
    """Return the answer as it is streamed: a chunk for each token and tool call, and one with the finish reason."""
    script = _Script(completion)
    script.write()
    return Written(tuple(script.events), len(script.events) - 1, tuple(script.tokens))


@dataclass
class _Script:
    """The events of one answer, and the indexes of those that carry a token."""

    completion: Completion
    events: list[Event] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    thoughts: int = 0  # the tokens of reasoning so far

    def write(self) -> None:
        for pieces in _chunks(self.completion.made):
            self.tokens += [len(self.events)] * len(pieces)
            self.thoughts += pieces[0].kind is PieceKind.REASONING
            content = {"parts": [_part(pieces[0], self.completion)], "role": "model"}
            self._add(_chunk(self.completion, {"content": content, "index": 0}, self._so_far()))
        if self.completion.error is not None:
            self._add(document_of(self.completion.error.code, self.completion.error.message))
            return
        # The tokens of a refusal have no chunks of their own: its explanation is sent as one.
        self.tokens += [len(self.events)] * (len(self.completion.made) - len(self.tokens))
        last: Json = {"text": ""}
        if self.completion.reasoning:
            last["thoughtSignature"] = _signature(self.completion.reasoning)
        self._add(_chunk(self.completion, _ended(self.completion, [last]), _usage_of(self.completion)))

    def _so_far(self) -> Json:
        whole = self.completion.counted
        made, thoughts = min(len(self.tokens), whole.completion_tokens), min(self.thoughts, whole.reasoning_tokens)
        return _usage(whole.prompt_tokens, made, min(made, thoughts))

    def _add(self, chunk: Json) -> None:
        self.events.append(Event(data=dumps(chunk)))


def _chunks(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Yield the pieces of each chunk: a token, or a whole tool call; those of a refusal have no chunk."""
    said = ((number, piece) for number, piece in enumerate(pieces) if piece.kind is not PieceKind.REFUSAL)
    for _, group in groupby(said, key=lambda each: _chunk_of(*each)):
        yield [piece for _, piece in group]


def _chunk_of(number: int, piece: Piece) -> tuple[str, int]:
    is_call = piece.kind in (PieceKind.CALL, PieceKind.ARGUMENTS)
    return ("call", piece.call) if is_call else ("token", number)


def _part(first: Piece, completion: Completion) -> Json:
    match first.kind:
        case PieceKind.REASONING:
            return {"text": first.value, "thought": True}
        case PieceKind.CALL:
            return _called(completion.tool_calls[first.call], first.call)
        case _:
            return {"text": first.value}


def _called(call: ToolCall, index: int) -> Json:
    return {"functionCall": {"id": call.id_at(index), "name": call.name, "args": parsed(call.arguments)}}


def document(completion: Completion, gateway: Gateway, asked: Asked) -> Json:
    """Return the answer to ``generateContent``; for a completion with an error, the error's document."""
    if completion.error:
        return document_of(completion.error.code, completion.error.message)
    parts: list[Json] = []
    if completion.reasoning:
        parts.append({"text": completion.reasoning, "thought": True})
    if completion.text:
        parts.append({"text": completion.text})
    parts += [_called(call, index) for index, call in enumerate(completion.tool_calls)]
    if completion.reasoning and len(parts) > 1:  # the signature is that of the first part after the thoughts
        parts[1]["thoughtSignature"] = _signature(completion.reasoning)
    return _chunk(completion, _ended(completion, parts), _usage_of(completion))


def _ended(completion: Completion, parts: list[Json]) -> Json:
    reason = finish_reason(completion)
    says = reason in _ANSWERS or any(part.get("text") or "functionCall" in part for part in parts)
    content = {"content": {"parts": parts, "role": "model"}} if says else {}
    explained = {"finishMessage": completion.refusal} if completion.refusal and reason == SAFETY else {}
    return {**content, "finishReason": reason, **explained, "index": 0}


def _chunk(completion: Completion, candidate: Json, usage: Json) -> Json:
    named = {"modelVersion": completion.model_sent, "responseId": completion.id_with("")}
    return {"candidates": [candidate], "usageMetadata": usage, **named}


def _usage_of(completion: Completion) -> Json:
    """Return the usage of the whole answer."""
    counted = completion.counted
    return _usage(counted.prompt_tokens, counted.completion_tokens, counted.reasoning_tokens)


def _usage(prompt: int, made: int, thoughts: int) -> Json:
    """Return the tokens so far; unlike in other APIs, thoughts are not counted among the candidates' tokens."""
    counted: dict[str, Any] = {"promptTokenCount": prompt, "candidatesTokenCount": made - thoughts}
    thought = {"thoughtsTokenCount": thoughts} if thoughts else {}
    details = [{"modality": "TEXT", "tokenCount": prompt}]
    return {**counted, "totalTokenCount": prompt + made, "promptTokensDetails": details, **thought}


def _signature(reasoning: str) -> str:
    """Return the proof that the API made the thoughts: base64, opaque to a client, which sends it back."""
    return f"{digest('signature', reasoning)}{digest(reasoning)}"


def models_document(models: Iterable[str] = (MODEL,)) -> Json:
    """Return the answer to ``GET …/models`` (https://ai.google.dev/api/models#method:-models.list)."""
    methods = ["generateContent", "streamGenerateContent"]
    return {
        "models": [
            {"name": f"models/{model}", "displayName": model, "supportedGenerationMethods": methods} for model in models
        ]
    }
