"""Typed options of the ways to make a reply: type checkers report a wrong name or value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypedDict

from orharness.dialects import Dialect
from orharness.dialects.completion import Failure, ToolCall, Usage
from orharness.gateways import Gateway
from orharness.journal import Pacing
from orharness.providers import Provider
from orharness.scenario.checked import Headers
from orharness.sse import Comment, Event, Retry
from orharness.stream import Chunk, Ending, Framing, Transform

Through = Iterable[Transform]
Piece = Event | Comment | Retry | str | bytes | Chunk


class ModelOptions(TypedDict, total=False):
    """The model behind an existing stream; see ``Reply.stream``."""

    provider: str | Provider | None
    pace: float | None
    price: float


class SendingOptions(TypedDict, total=False):
    """How a reply is sent; see the fields of ``Reply``."""

    through: Through
    ending: Ending | str | None
    framing: Framing | str | None
    pacing: Pacing | str | None
    headers: Headers
    head: float
    delay: float


class PlainOptions(TypedDict, total=False):
    """The options of ``Reply.respond``."""

    json: Any
    text: str | None
    body: bytes | None
    headers: Headers
    head: float


class StreamOptions(SendingOptions, ModelOptions, total=False):
    """The options of ``Reply.stream``."""

    dialect: str | Dialect | None
    status: int
    default_headers: bool
    encoding: str | None


class CompletionFields(TypedDict, total=False):
    """What an answer contains besides its text; see the fields of ``Completion``."""

    reasoning: str
    tool_calls: Iterable[ToolCall]
    refusal: str
    finish_reason: str | None
    native_finish_reason: str | None
    usage: Usage | None
    model: str | None
    id: str | None
    created: int
    others: Iterable[Iterable[str]]
    error: Failure | None


class CompletionOptions(SendingOptions, CompletionFields, total=False):
    """The options of ``Reply.completion``: how it is sent, the model behind it, and what the answer contains."""

    tokens: int | None
    gateway: str | Gateway | None
    provider: str | Provider
    pace: float | None
    latency: str | None
    price: float
