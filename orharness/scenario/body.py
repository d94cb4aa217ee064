"""What a reply answers, as data: events, a whole stream, a plain body, or the answer of another service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orharness.cassette.interaction import Interaction
from orharness.dialects.completion import Completion
from orharness.scenario.response import compact
from orharness.sse import Item
from orharness.stream import Stream


@dataclass(frozen=True, slots=True)
class Timed:
    """One piece of an event stream, sent as one chunk; ``delay`` in seconds, ``None`` for that of the reply."""

    item: Item | bytes
    delay: float | None = None


@dataclass(frozen=True, slots=True)
class Events:
    """An event stream, piece by piece."""

    pieces: tuple[Timed, ...]


@dataclass(frozen=True)
class Whole:
    """An existing stream, with its chunks, gates and faults."""

    stream: Stream


@dataclass(frozen=True)
class Plain:
    """A body that is not a stream: at most one of a JSON value, a text or bytes; empty if none is given."""

    json: Any = None
    text: str | None = None
    data: bytes | None = None

    def content(self) -> tuple[bytes, str]:
        """Return the bytes and their content type."""
        if self.text is not None:
            return self.text.encode(), "text/plain; charset=utf-8"
        if self.data is not None:
            return self.data, "application/octet-stream"
        return b"" if self.json is None else compact(self.json), "application/json"


@dataclass(frozen=True)
class Forward:
    """A live service whose answer is passed on; ``to`` is its base URL and replaces ``…/v1``."""

    to: str


Body = Completion | Events | Whole | Plain | Interaction | Forward
