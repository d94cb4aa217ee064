"""The chat dialect in few words, for tests: what a completion looks like on the wire, and back."""

from __future__ import annotations

import json

from orharness.dialects import CHAT, Asked, Refused
from orharness.dialects.chat.asked import asked, prompt_tokens_of
from orharness.dialects.chat.fold import error_of, fold, is_end
from orharness.dialects.chat.write import error_document, models_document
from orharness.dialects.chat.write import error_events as _error_events
from orharness.dialects.completion import Completion, Failure, digest
from orharness.dialects.tokens import sample_tokens, tokens_of
from orharness.dialects.values import Json, dumps
from orharness.gateways import ONEROUTER, Gateway
from orharness.journal import Request
from orharness.sse import Event
from orharness.stream import Stream

__all__ = [
    "digest",
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

is_terminal = CHAT.is_terminal


def events(completion: Completion, gateway: Gateway = ONEROUTER, include_usage: bool = False) -> list[Event]:
    return list(CHAT.write(completion, gateway, Asked(wants_usage=include_usage)).events)


def stream(
    completion: Completion, gateway: Gateway = ONEROUTER, include_usage: bool = False, delay: float = 0.0
) -> Stream:
    return CHAT.stream(completion, gateway, Asked(wants_usage=include_usage), delay)


def document(completion: Completion, gateway: Gateway = ONEROUTER) -> Json:
    return CHAT.document(completion, gateway, Asked(stream=False))


def error_events(failure: Failure, gateway: Gateway = ONEROUTER, completion: Completion | None = None) -> list[Event]:
    return _error_events(failure, completion or Completion(), gateway)


def token_offsets(body: bytes) -> tuple[int, ...]:
    return CHAT.marked(Stream.of(body)).tokens


def mark_end(stream: Stream) -> Stream:
    return CHAT.marked(stream)


def _asked(body: object, gateway: Gateway) -> Asked:
    """What is asked for, also by a request that would be refused."""
    try:
        return asked(Request("POST", "/v1/chat/completions", body=json.dumps(body).encode()), gateway)
    except Refused as refused:
        return refused.asked or Asked(stream=False)


def wants_stream(body: object) -> bool:
    return _asked(body, ONEROUTER).stream


def wants_usage(body: object, gateway: Gateway = ONEROUTER) -> bool:
    return _asked(body, gateway).wants_usage
