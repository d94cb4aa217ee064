"""The OpenAI chat-completions dialect, as OneRouter, OpenRouter and OpenAI send it: an answer to events, and back.

``Completion`` says what is answered; ``events``, ``stream`` and ``document`` say it as a gateway would. The way back,
``fold``, stands in ``answer`` and is to be had here too. JSON is compact and not escaped to ASCII, as the services
send it.

Sources: https://platform.openai.com/docs/api-reference/chat-streaming,
https://openrouter.ai/docs/api-reference/streaming,
https://api-docs.deepseek.com/guides/reasoning_model (``reasoning_content``), and recorded streams of each.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count, islice, zip_longest
from typing import Any

from orharness.dialects.answer import (
    END,
    Answer,
    Choice,
    Json,
    ReportedError,
    ToolCall,
    at,
    error_of,
    fold,
    is_end,
    is_terminal,
    list_at,
    mark_end,
    token_offsets,
)
from orharness.errors import ScenarioError
from orharness.gateways import ONEROUTER, ErrorShape, Gateway, UsageRule
from orharness.sse import Event, encode
from orharness.stream import Stream

__all__ = [
    "END",
    "Answer",
    "Choice",
    "Completion",
    "Failure",
    "ReportedError",
    "ToolCall",
    "Usage",
    "document",
    "dumps",
    "error_document",
    "error_events",
    "error_of",
    "events",
    "fold",
    "is_end",
    "is_terminal",
    "mark_end",
    "models_document",
    "prompt_tokens_of",
    "sample_tokens",
    "stream",
    "token_offsets",
    "tokens_of",
    "wants_stream",
    "wants_usage",
]

# Line ends; a word, or a part of one, with the space before it; one sign of a script without spaces; other signs.
_TOKEN = re.compile("\n+| ?[^\\W\u2e80-\U0003ffff]{1,7}| ?\\w| ?[^\\w\\s]{1,3}|\\s")
_SAMPLE = (
    "Grüße aus Zürich: 世界 says “hello” 🙂, and the café's naïve parser nods.",
    'A quoted "word", a back\\slash, data: [DONE] in prose, and 3.14 for π.',
    "Ελληνικά, русский, हिन्दी, عربي, 日本語 — each takes more bytes than signs.",
    "Family 👨‍👩‍👧‍👦, flag 🇨🇭, a\ttab, then one more line.",
)


def tokens_of(text: str) -> list[str]:
    """The text cut into pieces that look like tokens, always the same ones; joined they are the text again."""
    return _TOKEN.findall(text)


def sample_tokens(n: int) -> list[str]:
    """``n`` tokens of numbered sentences in several scripts, always the same ones; no stretch of them repeats.

    Raises ``ScenarioError`` for a negative number.
    """
    if n < 0:
        raise ScenarioError(f"a number of tokens is 0 or more, not {n}")
    sentences = (f"{number}. {_SAMPLE[(number - 1) % len(_SAMPLE)]}\n" for number in count(1))
    return list(islice(chain.from_iterable(map(tokens_of, sentences)), n))


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts; ``reasoning_tokens`` are among the ``completion_tokens``. ``cost`` is in credits (US dollars)."""

    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int = 0
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Failure:
    """An error in the middle of a stream: behind ``after`` pieces of the answer (``None``: behind all of them).

    ``code`` is an HTTP status or the service's own word. ``shape`` ``None`` is the gateway's own shape.
    """

    message: str = "Provider disconnected"
    code: int | str = 502
    after: int | None = None
    shape: ErrorShape | None = None


@dataclass(frozen=True)
class _Piece:
    """What one chunk of the answer carries: ``value`` is a text, or one entry of ``tool_calls``."""

    choice: int
    kind: str
    value: Any


@dataclass(frozen=True)
class Completion:
    """One answer. ``tokens`` are the pieces of its text, one chunk each; ``others`` those of further choices.

    Reasoning, refusal and arguments are cut by ``tokens_of``. What is ``None`` is made from the rest, always the same:
    ``finish_reason`` (``tool_calls`` where there are calls, else ``stop``), ``native_finish_reason`` (equal to it),
    ``usage`` (each piece is a token), ``id``. ``created`` is in seconds since 1970.

    Raises ``ScenarioError`` where the error stands behind more pieces than there are.
    """

    tokens: tuple[str, ...] = ()
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str = ""
    finish_reason: str | None = None
    native_finish_reason: str | None = None
    usage: Usage | None = None
    model: str = "openai/gpt-4o-mini"
    provider: str | None = "OpenAI"
    id: str | None = None
    created: int = 1_767_225_600
    others: tuple[tuple[str, ...], ...] = ()
    error: Failure | None = None

    def __post_init__(self) -> None:
        if self.error and not 0 <= self._made <= len(self._pieces):
            raise ScenarioError(f"an error after {self.error.after} pieces of an answer that has {len(self._pieces)}")

    @classmethod
    def of(cls, content: str | int | Iterable[str] = "", **fields: Any) -> Completion:
        """An answer of a text (cut by ``tokens_of``), of so many ``sample_tokens``, or of these very pieces."""
        match content:
            case str():
                tokens: Iterable[str] = tokens_of(content)
            case int():
                tokens = sample_tokens(content)
            case _:
                tokens = content
        return cls(tuple(tokens), **fields)

    @property
    def text(self) -> str:
        """The whole text of the first choice, also of what an error cuts off."""
        return "".join(self.tokens)

    @property
    def finish(self) -> str:
        """The finish reason that is sent."""
        return self.finish_reason or ("tool_calls" if self.tool_calls else "stop")

    def id_at(self, gateway: Gateway) -> str:
        """The id that is sent: the given one, or one in the gateway's form, made from the answer."""
        return gateway.id_prefix + self._made_id if self.id is None else self.id

    @cached_property
    def _made_id(self) -> str:
        """Once an answer, and not once a chunk: it is made from all of it."""
        return _digest(self.created, self.model, self.tokens, self.reasoning, self.tool_calls)

    @property
    def counted(self) -> Usage:
        """The usage that is sent; of an answer that an error cuts off, what was made until then."""
        if self.usage:
            return self.usage
        made = self._pieces[: self._made]
        return Usage(_PROMPT_TOKENS, len(made), sum(piece.kind == "reasoning" for piece in made))

    @property
    def _made(self) -> int:
        if self.error is None or self.error.after is None:
            return len(self._pieces)
        return self.error.after

    @cached_property
    def _pieces(self) -> list[_Piece]:
        """Everything between the role and the finish, in the order in which models say it."""
        reasoning = [_Piece(0, "reasoning", token) for token in tokens_of(self.reasoning)]
        refusal = [_Piece(0, "refusal", token) for token in tokens_of(self.refusal)]
        return [*reasoning, *_contents(self.tokens, *self.others), *refusal, *_calls(self.tool_calls)]


_PROMPT_TOKENS = 8


def _contents(*choices: tuple[str, ...]) -> Iterator[_Piece]:
    """The choices side by side, as a model that samples them at once sends them."""
    for tokens in zip_longest(*choices):
        yield from (_Piece(index, "content", token) for index, token in enumerate(tokens) if token is not None)


def _calls(calls: Iterable[ToolCall]) -> Iterator[_Piece]:
    for index, call in enumerate(calls):
        yield _Piece(0, "tool_calls", {"index": index, **_call(index, call, arguments="")})
        for fragment in tokens_of(call.arguments):
            yield _Piece(0, "tool_calls", {"index": index, "function": {"arguments": fragment}})


def _call(index: int, call: ToolCall, arguments: str) -> Json:
    made = "call_" + _digest(index, call.name, call.arguments)
    function = {"name": call.name, "arguments": arguments}
    return {"id": made if call.id is None else call.id, "type": "function", "function": function}


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]


@dataclass(frozen=True)
class _Writer:
    """A completion as one gateway writes it; ``usage``: whether the counts are sent."""

    completion: Completion
    gateway: Gateway
    usage: bool

    def events(self) -> Iterator[Event]:
        choices = range(1 + len(self.completion.others))
        yield from (self.chunk([self.choice(index, {"role": "assistant", "content": ""})]) for index in choices)
        for piece in self.completion._pieces[: self.completion._made]:
            yield self.chunk([self.choice(piece.choice, self.delta(piece))])
        if self.completion.error:
            yield from self.error_events(self.completion.error)
            return
        yield from (self.chunk([self.choice(index, {}, self.finish(index))]) for index in choices)
        if self.usage:
            yield self.usage_chunk()
        yield Event(data=END)

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

    def chunk(self, choices: list[Json], **more: Any) -> Event:
        head = envelope(self.completion, self.gateway, "chat.completion.chunk")
        null = {"usage": None} if self.usage and self.gateway.usage_null else {}
        return Event(data=dumps({**head, "choices": choices, **null, **more}))

    def choice(self, index: int, delta: Json, finish: str | None = None) -> Json:
        if self.gateway.full_deltas:
            delta = {"role": "assistant", "content": "", **delta}
        return {"index": index, "delta": delta, "logprobs": None, **self.finish_fields(finish)}

    def delta(self, piece: _Piece) -> Json:
        match piece.kind:
            case "reasoning":
                return reasoning_fields(piece.value, self.gateway)
            case "tool_calls":
                return {"tool_calls": [piece.value]}
            case _:
                return {piece.kind: piece.value}

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


def events(completion: Completion, gateway: Gateway = ONEROUTER, include_usage: bool = False) -> list[Event]:
    """The answer as the gateway streams it: the role, the pieces, the finish, the usage by its rule, ``[DONE]``.

    ``include_usage``: the request asked for it in the gateway's way (``wants_usage``).
    """
    usage = include_usage or gateway.usage is UsageRule.ALWAYS
    return list(_Writer(completion, gateway, usage).events())


def error_events(failure: Failure, gateway: Gateway = ONEROUTER, completion: Completion | None = None) -> list[Event]:
    """The error and what follows it, to stand behind a part of a stream of that ``completion`` (id, model, usage)."""
    return list(_Writer(completion or Completion(), gateway, False).error_events(failure))


def stream(
    completion: Completion, gateway: Gateway = ONEROUTER, include_usage: bool = False, delay: float = 0.0
) -> Stream:
    """The answer as a stream of one chunk an event, each ``delay`` seconds after the one before."""
    return mark_end(Stream.of(*map(encode, events(completion, gateway, include_usage)), delay=delay))


def document(completion: Completion, gateway: Gateway = ONEROUTER) -> Json:
    """The answer to a request without ``stream``; with an error, the error's document (under status 200)."""
    if completion.error:
        error = completion.error
        status = error.code if isinstance(error.code, int) else 502
        return error_document(gateway, status, error.message, code=None if status == error.code else error.code)
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
    """What every chunk and every document begins with."""
    head: Json = {"id": completion.id_at(gateway), "object": object_, "created": completion.created}
    head["model"] = completion.model
    if gateway.names_provider and completion.provider:
        head["provider"] = completion.provider
    return head


def reasoning_fields(text: str, gateway: Gateway) -> Json:
    """The reasoning in each field where the gateway has it: plain, and as ``reasoning_details``."""
    details = [{"type": "reasoning.text", "text": text, "format": None, "index": 0}]
    return {name: details if name == "reasoning_details" else text for name in gateway.reasoning_fields}


def usage_document(usage: Usage, gateway: Gateway) -> Json:
    """The token counts as JSON; with the cost where the gateway tells it."""
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
    """The body of an answer with an HTTP error ``status``, in the gateway's shape.

    ``code`` is the status where the gateway repeats it there, else null; ``type_`` is guessed from the status.
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


def models_document(models: Iterable[str] = (Completion.model,), created: int = Completion.created) -> Json:
    """The answer to ``GET …/models``; a model's owner is what stands before the slash of its name."""
    data = [
        {"id": model, "object": "model", "created": created, "owned_by": model.rpartition("/")[0] or "orharness"}
        for model in models
    ]
    return {"object": "list", "data": data}


def dumps(value: object) -> str:
    """JSON as the services send it: compact, and not escaped to ASCII."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def wants_stream(body: object) -> bool:
    """Whether a request's JSON asks for a stream: ``"stream": true``, and nothing that only looks like it."""
    return at(body, "stream") is True


def wants_usage(body: object, gateway: Gateway = ONEROUTER) -> bool:
    """Whether a request's JSON makes the gateway send the usage at the end of the stream."""
    return gateway.usage is UsageRule.ALWAYS or at(body, *gateway.usage.split(".")) is True


def prompt_tokens_of(body: object) -> int:
    """How many tokens the texts of a request's messages have, by ``tokens_of``; what is no text counts nothing."""
    contents = [at(message, "content") for message in list_at(body, "messages")]
    parts = chain.from_iterable(each if isinstance(each, list) else [each] for each in contents)
    texts = (each if isinstance(each, str) else at(each, "text") for each in parts)
    return sum(len(tokens_of(text)) for text in texts if isinstance(text, str))
