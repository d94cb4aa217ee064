"""Streams that are long enough for a client's own read blocks, with something at the end of a block.

``blocks: {size, times, inside, away}`` in the place of ``events``: a whole answer in ASCII, in which ``times`` ends of
blocks (the first, the third, the fifth, … of ``size`` bytes of the body each) fall inside a ``character`` of three
bytes, a ``crlf``, the name of a ``field``, or, as the controls of those, inside plain ``text`` or between two
``events``. It is padded with text. ``away``: a ``character`` or ``crlf`` is in the answer as often, away from the ends
of the blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from orharness.contract.catalogue.roles import ROLE
from orharness.dialects import Dialect, Part
from orharness.errors import Inexpressible, ScenarioError
from orharness.sse import Event

# Each has a number: some clients take a text that comes a hundred times for a model that loops.
_WORDS = "Each block ends inside this text, which has the number {}, or elsewhere. "
_NUMBER = "{:05}"
_LENGTH = len(_WORDS.format(_NUMBER.format(0)))
_MARK = "@@"
_CHARACTER = "世"
_AWAY = f"{_CHARACTER} is whole in each block."  # its full stop is where a block ends
_ROOM = 1_500  # bytes before the end of a block that its last event may take
_PLACES = ("character", "crlf", "field", "text", "events")
_AWAYS = (None, "character", "crlf")


@dataclass(frozen=True)
class Blocks:
    """Where blocks end, and in what."""

    size: int
    times: int
    inside: str
    away: str | None = None

    def __post_init__(self) -> None:
        if self.away not in _AWAYS:
            raise ScenarioError(f"away from the ends of blocks is {' or '.join(_AWAYS[1:])}; not {self.away!r}")
        if self.inside not in _PLACES:
            raise ScenarioError(f"blocks end inside one of {', '.join(_PLACES)}; not {self.inside!r}")
        if self.size < 2 * _ROOM:
            raise ScenarioError(f"blocks have a size of {2 * _ROOM} bytes or more; not {self.size}")


def written(given: Mapping[str, Any], dialect: Dialect) -> tuple[bytes, str]:
    """Return the body of such an answer, and its text.

    Raises ``ScenarioError`` for a mistake, ``Inexpressible`` for what the API has no form for.
    """
    return _written(Blocks(**given), dialect)


@lru_cache(maxsize=32)  # the text is asked for as well as the body
def _written(blocks: Blocks, dialect: Dialect) -> tuple[bytes, str]:
    writer = _Writer(dialect, "\r\n" if "crlf" in (blocks.inside, blocks.away) else dialect.newline)
    text = _AWAY if blocks.away == "character" else _CHARACTER if blocks.inside == "character" else "."
    for number in range(blocks.times):
        writer.end_block(blocks.size * (2 * number + 1), blocks.inside, text, number)
    return writer.end()


class _Writer:
    """The events of one answer, joined."""

    def __init__(self, dialect: Dialect, newline: str) -> None:
        self._dialect = dialect
        self._newline = newline
        self._said: list[str] = []
        self._number = 0
        self._around = self._encoded(_WORDS.format(_MARK)).split(_MARK.encode())  # many events, encoded once
        self._pad = sum(map(len, self._around)) + len(_NUMBER.format(0))
        self._parts = [self._data(event) for event in dialect.opening]
        self._size = sum(map(len, self._parts))
        first = _WORDS.format(_NUMBER.format(self._next()))
        self._add(first, self._encoded(first, ROLE))

    def _data(self, event: Event) -> bytes:
        return self._dialect.frame.encode(event, newline=self._newline)

    def _encoded(self, text: str, role: str | None = None) -> bytes:
        event = self._dialect.event_of(Part(text=text, role=role))
        if event is None:
            raise Inexpressible(f"the dialect {self._dialect.name} has no event that adds a text")
        return self._data(event)

    def _add(self, text: str, data: bytes) -> None:
        self._said.append(text)
        self._parts.append(data)
        self._size += len(data)

    def _next(self) -> int:
        self._number += 1
        return self._number

    def end_block(self, end: int, inside: str, text: str, number: int) -> None:
        """Write events up to the end of a block, which is to fall inside something, the last of them with a text."""
        for _ in range(max(0, end - self._size - _ROOM) // self._pad):
            nth = _NUMBER.format(self._next())
            self._add(_WORDS.format(nth), nth.encode().join(self._around))
        missing = end - self._size - self._place(self._encoded(text), inside, number)
        words = (_WORDS.format(_NUMBER.format(self._next())) for _ in range(missing // _LENGTH + 1))
        padded = "".join(words)[:missing] + text
        self._add(padded, self._encoded(padded))

    def _place(self, data: bytes, inside: str, number: int) -> int:
        """Return where in an event the end of the block is to be: that of a line, and of the event, in turn."""
        match inside:
            case "character":
                return data.index(_CHARACTER.encode()) + 1 + number % 2
            case "crlf":
                return len(data) - (1 if number % 2 else 3)
            case "field":
                return len(data) + 2  # in the name of the next event's first field
            case "events":
                return len(data)
        return data.index(b".")

    def end(self) -> tuple[bytes, str]:
        """Write the end of the answer; return all of it, and its text."""
        text = "".join(self._said)
        parts = (Part(finish="stop"), Part(end=True))
        ending = [event for part in parts if (event := self._dialect.event_of(part)) is not None]
        closing = [self._data(event) for event in (*self._dialect.closing(text), *ending)]
        return b"".join((*self._parts, *closing)), text
