"""The strings of successive JSON documents (events, lines, elements), each with the text that it continues."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    rb'"(?P<string>[^"\\]*+(?:\\.[^"\\]*+)*+)"(?P<key>\s*:\s*(?P<number>\d+)?)?'
    rb'|(?P<open>[{\[])|(?P<close>[}\]])|"(?P<unended>.*)',
    re.S,
)
_BOM = b"\xef\xbb\xbf"
_IDS = {b"index", b"output_index", b"content_index", b"summary_index", b"item_id"}  # which of several texts goes on


@dataclass(slots=True, eq=False)
class _Frame:
    """An object or array that is open: its place, the key that came last, and what tells it from others like it."""

    place: tuple[bytes, ...] = ()
    parent: _Frame | None = None
    key: bytes = b""
    ids: list[bytes] = field(default_factory=list)

    def all_ids(self) -> tuple[bytes, ...]:
        return (*(self.parent.all_ids() if self.parent else ()), *self.ids)


class Lexer:
    """Finds the strings of successive JSON documents, line by line. It takes what is not JSON as it comes.

    A string belongs to up to two texts, one by its keys and one by its keys and ids: an ``index`` may tell two choices
    apart, or be in one event of a text and missing in the next.
    """

    def __init__(self) -> None:
        self._frame = _Frame()
        self._events = False

    def strings(self, line: bytes) -> list[tuple[tuple[object, ...], int, int]]:
        """Return the places that each string of the line has, and its offsets, quotes not counted."""
        start, end = 3 if line.startswith(_BOM) else 0, len(line.rstrip(b"\r\n"))
        if line.startswith(b"data:", start):
            self._events = True
            start += 6 if line[start + 5 : start + 6] == b" " else 5
        elif self._events:
            if not end:  # the end of an event, and so of a document
                self._frame = _Frame()
            return []
        if start >= end:
            return []
        if self._frame.parent is None and line[start:end].lstrip()[:1] not in (b"{", b"[", b'"'):
            return [(("text",), start, end)]
        values = self._values(line, start, end)
        found: list[tuple[tuple[object, ...], int, int]] = []
        ids_of = {frame: frame.all_ids() for frame, *_ in values}  # all ids in the line
        for frame, key, begin, stop in values:
            place, ids = (*frame.place, key), ids_of[frame]
            found.append(((place, (place, ids)) if ids else (place,), begin, stop))
        return found

    def _values(self, line: bytes, start: int, end: int) -> list[tuple[_Frame, bytes, int, int]]:
        """Each string that is a value: where it is, its key, and its offsets."""
        found, frame = [], self._frame
        for token in _TOKEN.finditer(line, start, end):
            kind = token.lastgroup
            if kind == "key":
                frame.key = token["string"]
                if token["number"]:
                    _note(frame, token["number"])
            elif kind == "open":
                frame = _Frame((*frame.place, frame.key), frame)
            elif kind == "close":
                frame = frame.parent or _Frame()
            else:
                assert kind is not None
                _note(frame, token[kind])
                found.append((frame, frame.key, *token.span(kind)))
        self._frame = frame
        return found


def _note(frame: _Frame, value: bytes) -> None:
    at_the_root = frame.parent is not None and frame.parent.parent is None
    if frame.key in _IDS or (at_the_root and frame.key == b"type"):
        frame.ids.append(value)
