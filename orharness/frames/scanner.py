"""Finding the elements of a JSON array in bytes that come in pieces."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from orharness.frames.values import is_json


class Element(NamedTuple):
    """An element: the offsets of its first byte and after its last, and its JSON text."""

    start: int
    end: int
    text: bytes


_Scan = Callable[[bytes, int, list[Element]], int]
_SKIPPED = re.compile(rb"[ \t\r\n]*")
_STRUCTURE = re.compile(rb'[\[\]{}]|"(?:[^"\\]|\\.)*+"|"', re.DOTALL)  # a lone quote: the string is unfinished
_DEPTH = {b"{": 1, b"[": 1, b"}": -1, b"]": -1}
_IN_STRING = re.compile(rb'["\\]')
_SCALAR_END = re.compile(rb"[ \t\r\n,\]]")


class ElementScanner:
    """Finds the elements of one array, incrementally. Each byte is read once, or twice in an unfinished string.

    The state is the method that reads the next bytes: it takes the bytes and a position, and returns the position up to
    which it has read.
    """

    def __init__(self) -> None:
        self.begun: int | None = None  # the offset at which the unfinished element begins
        self.closing: int | None = None  # the offset of the closing bracket
        self._scan: _Scan = self._opening
        self._fed = 0
        self._text = bytearray()  # the unfinished element
        self._depth = 0

    def feed(self, data: bytes) -> list[Element]:
        """Return the elements that the next bytes complete."""
        found: list[Element] = []
        position = 0
        while position < len(data):
            position = self._scan(data, position, found)
        self._fed += len(data)
        return found

    def finish(self) -> list[Element]:
        """Return the element that the end of the body completes, if any."""
        found: list[Element] = []
        # Only a scalar can be complete before its end was seen.
        if self._scan == self._scalar and is_json(bytes(self._text)):
            self._complete(0, found)
        self._scan = self._rest
        return found

    def _opening(self, data: bytes, at: int, found: list[Element]) -> int:
        at = _skipped(data, at)
        if at < len(data):
            self._scan = self._first if data[at] == 0x5B else self._rest
        return at + 1

    def _first(self, data: bytes, at: int, found: list[Element]) -> int:
        at = _skipped(data, at)
        if data[at : at + 1] == b"]":
            return self._close(at)
        return self._value(data, at, found)

    def _value(self, data: bytes, at: int, found: list[Element]) -> int:
        at = _skipped(data, at)
        if at == len(data):
            return at
        byte = data[at : at + 1]
        if byte in b",]}:":
            self._scan = self._rest
            return at
        self.begun = self._fed + at
        if byte == b'"':
            self._text += byte
            self._scan = self._string
            return at + 1
        self._scan = self._nested if byte in b"{[" else self._scalar
        return at

    def _nested(self, data: bytes, at: int, found: list[Element]) -> int:
        match = _STRUCTURE.search(data, at)
        end = match.end() if match else len(data)
        self._text += data[at:end]
        byte = match.group() if match else b""
        if byte == b'"':
            self._scan = self._string
        elif byte in _DEPTH:
            self._depth += _DEPTH[byte]
            if not self._depth:
                self._complete(end, found)
        return end

    def _string(self, data: bytes, at: int, found: list[Element]) -> int:
        match = _IN_STRING.search(data, at)
        end = match.end() if match else len(data)
        self._text += data[at:end]
        if match and match.group() == b"\\":
            self._scan = self._escaped
        elif match and self._depth:
            self._scan = self._nested
        elif match:
            self._complete(end, found)
        return end

    def _escaped(self, data: bytes, at: int, found: list[Element]) -> int:
        self._text += data[at : at + 1]
        self._scan = self._string
        return at + 1

    def _scalar(self, data: bytes, at: int, found: list[Element]) -> int:
        match = _SCALAR_END.search(data, at)
        end = match.start() if match else len(data)
        self._text += data[at:end]
        if match and is_json(bytes(self._text)):
            self._complete(end, found)
        elif match:
            self._scan = self._rest
        return end

    def _after(self, data: bytes, at: int, found: list[Element]) -> int:
        at = _skipped(data, at)
        byte = data[at : at + 1]
        if byte == b"]":
            return self._close(at)
        if byte:
            self._scan = self._value if byte == b"," else self._rest
        return at + 1

    def _rest(self, data: bytes, at: int, found: list[Element]) -> int:
        return len(data)

    def _complete(self, end: int, found: list[Element]) -> None:
        assert self.begun is not None
        found.append(Element(self.begun, self._fed + end, bytes(self._text)))
        self.begun = None
        self._text.clear()
        self._scan = self._after

    def _close(self, at: int) -> int:
        self.closing = self._fed + at
        self._scan = self._rest
        return at + 1


def _skipped(data: bytes, at: int) -> int:
    match = _SKIPPED.match(data, at)
    return match.end() if match else at
