"""The chat-completions dialect, from meaning to events, as OneRouter, OpenRouter and OpenAI send them.

Sources: https://platform.openai.com/docs/api-reference/chat-streaming,
https://openrouter.ai/docs/api-reference/streaming, https://api-docs.deepseek.com/guides/reasoning_model
(``reasoning_content``), and recorded streams of each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from orharness.dialects.chat.fold import END
from orharness.dialects.completion import MODEL, Completion, Failure, Piece, PieceKind, ToolCall, Usage
from orharness.dialects.dialect import Asked, Written
from orharness.dialects.values import Json, dumps, template
from orharness.gateways import ErrorShape, Gateway, UsageRule
from orharness.sse import Event

_PLAIN = Asked(stream=False)
_SAFE = {name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")}
_PROMPT_FILTERS: Json = {
    "choices": [],
    "created": 0,
    "id": "",
    "model": "",
    "object": "",
    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": _SAFE}],
}


def write(completion: Completion, gateway: Gateway, asked: Asked) -> Written:
    """Return the answer as the gateway streams it: role, pieces, finish, usage by its rule, ``[DONE]``."""
    usage = asked.wants_usage or gateway.usage is UsageRule.ALWAYS
    writer = _Writer(completion, gateway, usage)
    events = tuple(writer.events())
    # The index of the first token's event, after those of the roles.
    first = gateway.prompt_filters + 1 + len(completion.others)
    made = len(completion.made)
    # An error ends the answer as well: a client that leaves after it has not cancelled.
    end = first + made if completion.error else len(events) - 1
    return Written(events, end, tuple(range(first, first + made)))


@dataclass(frozen=True)
class _Writer:
    """A completion as one gateway writes it; ``usage``: whether the counts are sent."""

    completion: Completion
    gateway: Gateway
    usage: bool

    def events(self) -> Iterator[Event]:
        choices = range(1 + len(self.completion.others))
        if self.gateway.prompt_filters:
            yield Event(data=dumps(_PROMPT_FILTERS))
        yield from (self.chunk([self.choice(index, {"role": "assistant", "content": ""})]) for index in choices)
        yield from self.piece_events()
        if self.completion.error:
            yield from self.error_events(self.completion.error)
            return
        with_finish = self.usage and self.gateway.usage_with_finish
        for index in choices:
            last = with_finish and index == choices[-1]
            usage = {"usage": usage_document(self.completion.counted, self.gateway)} if last else {}
            yield self.chunk([self.choice(index, {}, self.finish(index))], **usage)
        if self.usage and not with_finish:
            yield self.usage_chunk()
        yield Event(data=END)

    def piece_events(self) -> Iterator[Event]:
        """One event a piece. All of a kind are the same but for the piece's text, so each kind is encoded once."""
        kinds: dict[tuple[PieceKind, int, int], Callable[[str], str]] = {}
        for piece in self.completion.made:
            kind = (piece.kind, piece.choice, piece.call)
            encoded = kinds.get(kind)
            if encoded is None:
                encoded = kinds[kind] = template(partial(self.piece_chunk, piece))
            yield Event("message", encoded(piece.value))

    def piece_chunk(self, piece: Piece, value: str) -> Json:
        return self.chunk_document([self.choice(piece.choice, self.delta(piece, value))])

    def error_events(self, failure: Failure) -> Iterator[Event]:
        match failure.shape or self.gateway.stream_error:
            case ErrorShape.DOCUMENTED:
                yield self.chunk([self.choice(0, {"content": ""}, "error")], error=_code_and_message(failure))
            case ErrorShape.RECORDED:
                usage = usage_document(self.completion.counted, self.gateway)
                yield self.chunk([self.choice(0, {"content": ""})], error=_code_and_message(failure), usage=usage)
                yield Event(data=END)
            case ErrorShape.NAMED_EVENT:
                status = {"status_code": failure.code} if isinstance(failure.code, int) else {}
                yield Event("error", dumps({"error": {**_typed(failure), **status}}))
            case ErrorShape.BARE:
                yield Event(data=dumps({"error": {**_typed(failure), "param": None}}))
            case ErrorShape.BARE_DONE:
                yield Event(data=dumps({"error": {**_typed(failure), "param": None}}))
                yield Event(data=END)

    def chunk(self, choices: list[Json], **more: Any) -> Event:
        return Event(data=dumps(self.chunk_document(choices, **more)))

    def chunk_document(self, choices: list[Json], **more: Any) -> Json:
        head = envelope(self.completion, self.gateway, "chat.completion.chunk")
        null = {"usage": None} if self.usage and self.gateway.usage_null else {}
        return {**head, "choices": choices, **null, **more}

    def choice(self, index: int, delta: Json, finish: str | None = None) -> Json:
        if self.gateway.full_deltas:
            delta = {"role": "assistant", "content": "", **delta}
        return {"index": index, "delta": delta, "logprobs": None, **self.finish_fields(finish)}

    def delta(self, piece: Piece, value: str) -> Json:
        """What is new in a piece of this kind with that text."""
        match piece.kind:
            case PieceKind.TEXT:
                return {"content": value}
            case PieceKind.REASONING:
                return reasoning_fields(value, self.gateway)
            case PieceKind.REFUSAL:
                return {"refusal": value}
            case PieceKind.CALL:
                call = self.completion.tool_calls[piece.call]
                return {"tool_calls": [{"index": piece.call, **_call(piece.call, call, arguments="")}]}
            case PieceKind.ARGUMENTS:
                return {"tool_calls": [{"index": piece.call, "function": {"arguments": value}}]}

    def usage_chunk(self) -> Event:
        choices = [self.choice(0, {}, self.finish(0))] if self.gateway.usage_in_choice else []
        return self.chunk(choices, usage=usage_document(self.completion.counted, self.gateway))

    def finish(self, index: int) -> str:
        return self.completion.finish if index == 0 else "stop"

    def finish_fields(self, finish: str | None) -> Json:
        if not self.gateway.native_finish_reason:
            return {"finish_reason": finish}
        given = self.completion.native_finish_reason
        native = given if given and finish == self.completion.finish else finish
        return {"finish_reason": finish, "native_finish_reason": native}


def error_events(failure: Failure, completion: Completion, gateway: Gateway) -> list[Event]:
    """Return the error and what follows it, to be sent after a part of that completion (its id, model and usage)."""
    return list(_Writer(completion, gateway, False).error_events(failure))


def document(completion: Completion, gateway: Gateway, asked: Asked = _PLAIN) -> Json:
    """Return the answer to a request without ``stream``; for a completion with an error, the error's document."""
    if completion.error:
        error = completion.error
        code = None if error.status == error.code else error.code
        return error_document(gateway, error.status, error.message, code=code)
    writer = _Writer(completion, gateway, True)
    messages = [_message(completion, gateway), *map(_text_message, completion.others)]
    choices = [
        {"index": index, "message": message, "logprobs": None, **writer.finish_fields(writer.finish(index))}
        for index, message in enumerate(messages)
    ]
    head = envelope(completion, gateway, "chat.completion")
    return {**head, "choices": choices, "usage": usage_document(completion.counted, gateway)}


def _message(completion: Completion, gateway: Gateway) -> Json:
    message = {**_text_message(completion.tokens), "refusal": completion.refusal or None}
    if not completion.text and (completion.tool_calls or completion.refusal):
        message["content"] = None
    if completion.reasoning:
        message |= reasoning_fields(completion.reasoning, gateway)
    if completion.tool_calls:
        message["tool_calls"] = [_call(i, call, call.arguments) for i, call in enumerate(completion.tool_calls)]
    return message


def _text_message(tokens: Iterable[str]) -> Json:
    return {"role": "assistant", "content": "".join(tokens)}


def envelope(completion: Completion, gateway: Gateway, object_: str) -> Json:
    """Return the fields that every chunk and every document begins with."""
    head: Json = {"id": completion.id_at(gateway), "object": object_, "created": completion.created}
    head["model"] = completion.model_sent
    if gateway.names_provider and completion.provider:
        head["provider"] = completion.provider
    return head


def reasoning_fields(text: str, gateway: Gateway) -> Json:
    """Return the reasoning in each of the gateway's fields: plain, and as ``reasoning_details``."""
    details = [{"type": "reasoning.text", "text": text, "format": None, "index": 0}]
    return {name: details if name == "reasoning_details" else text for name in gateway.reasoning_fields}


def usage_document(usage: Usage, gateway: Gateway) -> Json:
    """Return the token counts as JSON, with the cost if the gateway sends it."""
    counts = {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}
    cost = {"cost": usage.cost} if gateway.usage_cost else {}
    details = {"completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens}}
    return {**counts, "total_tokens": sum(counts.values()), **cost, **details}


_ERROR_TYPES = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    429: "rate_limit_error",
}


def error_document(
    gateway: Gateway,
    status: int,
    message: str,
    *,
    type_: str | None = None,
    param: str | None = None,
    code: int | str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Json:
    """Return the body of an answer with an HTTP error ``status``, in the gateway's format.

    ``code`` is the status if the gateway repeats it there, else null; ``type_`` is derived from the status.
    """
    values = {
        "code": status if code is None and gateway.error_code_is_status else code,
        "message": message,
        "type": type_ or _ERROR_TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error"),
        "param": param,
        "metadata": dict(metadata or {}),
    }
    return {"error": {name: values[name] for name in gateway.error_fields if name != "metadata" or metadata}}


def _code_and_message(failure: Failure) -> Json:
    return {"code": failure.code, "message": failure.message}


def _typed(failure: Failure) -> Json:
    return {"message": failure.message, "type": "server_error", "code": failure.code}


def models_document(models: Iterable[str] = (MODEL,), created: int = Completion.created) -> Json:
    """Return the answer to ``GET …/models``; a model's owner is the part of its name before the slash."""
    data = [
        {"id": model, "object": "model", "created": created, "owned_by": model.rpartition("/")[0] or "orharness"}
        for model in models
    ]
    return {"object": "list", "data": data}


def _call(index: int, call: ToolCall, arguments: str) -> Json:
    return {"id": call.id_at(index), "type": "function", "function": {"name": call.name, "arguments": arguments}}
