"""What the catalogue's files are made with: texts, events and replies.

Sources are named in full in each case, or by a word: ``WHATWG`` is the event-stream format of the HTML standard,
``CHAT`` the streamed chat completions of OpenAI's reference, ``GATEWAY`` what OneRouter and services like it document
and were recorded to send.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from orharness.scenario import Piece, Reply, Through
from orharness.sse import Event
from orharness.stream import Stream
from orharness.transforms import after_text
from orharness.transforms.layout import Position
from orharness.verdict import Expected

WHATWG = "https://html.spec.whatwg.org/multipage/server-sent-events.html"
PARSING_RULES = f"{WHATWG}#event-stream-interpretation"
CHAT = "https://platform.openai.com/docs/api-reference/chat-streaming"
GATEWAY = "https://docs.onerouter.pro"

TEXT = "Grüße, 世界 🙂!"
PLAIN = "Hello, world!"  # where the reading of bytes is not the claim, a client that only reads badly must not fail
KEEP_ALIVE = ": ONEROUTER PROCESSING"
MODEL = "m"  # named, so that the bytes do not depend on what the client asks for
HEAD = {"id": "1", "created": 1, "model": MODEL}  # the API's reference requires them, and typed clients check that


def chat(text: str | Iterable[str] = TEXT, *through: object, **options: Any) -> Callable[[], Reply]:
    """A chat completion as a gateway sends it."""
    options.setdefault("model", MODEL)
    return cache(lambda: Reply.chat(text, through=through, **options))  # type: ignore[arg-type]


def stream(*pieces: Piece | Stream, through: Through = (), **options: Any) -> Callable[[], Reply]:
    """Events and bytes as they are given."""
    return cache(lambda: Reply.stream(*pieces, through=through, **options))


def chunk(delta: dict[str, Any] | None, finish: str | None = None, **fields: Any) -> str:
    """The JSON of one chunk with one choice, or with none for a delta of ``None``; ``fields`` are added or replaced."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    document = {**HEAD, "object": "chat.completion.chunk", "choices": choices, **fields}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def delta(content: str | None, **fields: Any) -> Event:
    """An event that adds this content."""
    return Event(data=chunk({"content": content}, **fields))


def finish(reason: str = "stop") -> Event:
    """The event that says why the model stopped."""
    return Event(data=chunk({}, reason))


PLAIN_ANSWER: tuple[Event, ...] = (
    *(Event(data=chunk({"role": "assistant", "content": text})) for text in ("Hello", ", world", "!")),
    Event(data=chunk({"role": "assistant", "content": ""}, "stop")),
    Event(data="[DONE]"),
)
"""``PLAIN`` with nothing to stumble over: ASCII, a role and a content in each delta, no blank at an end of a token."""


def yields(text: str) -> Expected:
    """The client yields this text, and shows no error."""
    return Expected(text)


def fails(text: str | None) -> Expected:
    """The client yields this text, and shows an error."""
    return Expected(text, error=True)


def either(text: str) -> Expected:
    """The client yields this text, and may show an error."""
    return Expected(text, error=None)


def inside(text: str, bytes_behind: int) -> Position:
    """So many bytes behind the first place where the text stands."""
    place = after_text(text)
    return lambda stream: place(stream) + bytes_behind
