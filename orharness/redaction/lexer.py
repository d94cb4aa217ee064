"""The strings of successive JSON documents (events, lines, elements), each with the text that it continues."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from orharness.redaction.fields import is_secret_field, is_secret_inside
from orharness.redaction.names import is_secret_parameter
from orharness.redaction.pairs import NAMING, VALUE

_TOKEN = re.compile(
    rb'"(?P<string>[^"\\]*+(?:\\.[^"\\]*+)*+)"(?P<key>\s*:\s*(?P<number>\d+)?)?'
    rb'|(?P<open>[{\[])|(?P<close>[}\]])|"(?P<unended>.*)',
    re.S,
)
_PART = re.compile(
    rb"content-disposition:\s*form-data\s*;.*?\bname=(?:\"(?P<quoted>[^\"]*)\"|(?P<name>[^\s;\"]+))", re.I | re.S
)
_NUMBER = re.compile(rb"\d+")
_BOM = b"\xef\xbb\xbf"
_DEEP = 64  # levels of nesting: those below have one place, or 50,000 brackets would take gigabytes
_IDS = {b"index", b"output_index", b"content_index", b"summary_index", b"item_id"}  # which of several texts goes on


@dataclass(slots=True, eq=False)
class _Frame:
    """An object or array that is open: its place, the key that came last, and what tells it from others like it."""

    place: tuple[bytes, ...] = ()
    parent: _Frame | None = None
    secret: bytes = b""  # the secret name whose value it belongs to
    numbers: bool = False  # whether it is a list of the bytes of a token
    in_list: bool = False  # whether it is an element of a list, and a list itself
    is_list: bool = False
    elements: int = 0  # of a list: how many texts, or alternatives to a token, there were so far
    key: bytes = b""
    names: bytes = b""  # the secret name that a field of it, or its first element, is
    ids: list[bytes] = field(default_factory=list)

    def all_ids(self) -> tuple[bytes, ...]:
        """The ids of this and those around it, from the outermost of the nearest ``_DEEP`` on."""
        found: list[list[bytes]] = []
        frame: _Frame | None = self
        while frame is not None and len(found) < _DEEP:
            found.append(frame.ids)
            frame = frame.parent
        return tuple(one for ids in reversed(found) for one in ids)


class _Part:
    """Follows the lines of multipart forms: which of them are the value of a field with a secret name."""

    def __init__(self) -> None:
        self._name = b""
        self._in_head = False

    def secret(self, line: bytes) -> bytes | None:
        """The secret name whose value the next line is; nothing for one of its head; ``None`` for any other line."""
        if (match := _PART.match(line)) is not None:
            name = match["quoted"] or match["name"] or b""
            secret = is_secret_parameter(name.decode("ascii", "replace")) and b"filename" not in line.lower()
            self._name, self._in_head = name if secret else b"", True
            return None
        if not self._name:
            return None
        if self._in_head:
            self._in_head = bool(line)
            return b""
        if line.startswith(b"--"):
            self._name = b""
            return None
        return self._name


class JsonText(NamedTuple):
    """A string of a line: its places, and its offsets, quotes not counted.

    ``secret``: the name whose value it is or belongs to, where only the structure of the document tells that.
    ``numbers``: it is a run of a list that has a byte of a token in each number.
    """

    places: tuple[object, ...]
    start: int
    end: int
    secret: bytes = b""
    numbers: bool = False


class Lexer:
    """Finds the strings of successive JSON documents, line by line. It takes what is not JSON as it comes.

    A string belongs to up to two texts, one by its keys and one by its keys and ids: an ``index`` may tell two choices
    apart, or be in one event of a text and missing in the next. The n-th alternatives to each token are a text of
    their own, and so are the numbers that spell the tokens.
    """

    def __init__(self) -> None:
        self._frame = _Frame()
        self._events = False
        self._part = _Part()

    def strings(self, line: bytes) -> list[JsonText]:
        """Return the strings of the line that are values."""
        start, end = 3 if line.startswith(_BOM) else 0, len(line.rstrip(b"\r\n"))
        if line.startswith(b"data:", start):
            self._events = True
            start += 6 if line[start + 5 : start + 6] == b" " else 5
        elif self._events:
            if not end:  # the end of an event, and so of a document
                self._frame = _Frame()
            return []
        if self._frame.parent is None and not self._events and (secret := self._part.secret(line[:end])) is not None:
            return [JsonText(("form",), start, end, secret)] if secret else []
        if start >= end:
            return []
        if self._frame.parent is None and line[start:end].lstrip()[:1] not in (b"{", b"[", b'"'):
            return [JsonText(("text",), start, end)]
        values = self._values(line, start, end)
        found = []
        ids_of = {value.frame: value.frame.all_ids() for value in values}  # all ids in the line
        for value in values:
            frame, key, begin, stop, secret = value
            place, ids = (*frame.place, key), ids_of[frame]
            places = (place, (place, ids)) if ids else (place,)
            found.append(JsonText(places, begin, stop, secret, frame.numbers))
        return found

    def _values(self, line: bytes, start: int, end: int) -> list[_Value]:
        """Each string that is a value, and each run of the numbers of a token."""
        found: list[_Value] = []
        frame = self._frame
        # Where a name and its value are in two lines, no pattern sees both.
        secret = frame.key if frame.key and is_secret_field(frame.key) else b""
        for token in _TOKEN.finditer(line, start, end):
            kind = token.lastgroup
            if frame.numbers:
                found += _numbers(frame, line, start, token.start())
            start = token.end()
            if kind == "key":
                frame.key = token["string"]
                if token["number"]:
                    _note(frame, token["number"])
            elif kind == "open":
                frame = _opened(frame, token["open"])
            elif kind == "close":
                frame = frame.parent or _Frame()
            else:
                assert kind is not None
                _note(frame, token[kind])
                named = frame.secret or secret or _named(frame, token[kind])
                hidden = named if named and is_secret_inside(frame.key or frame.place[-1], token[kind]) else b""
                found.append(_Value(frame, frame.key, *token.span(kind), hidden))
            secret = b""
        if frame.numbers:
            found += _numbers(frame, line, start, end)
        self._frame = frame
        return found


class _Value(NamedTuple):
    """A string of a line: where it is, its key and its offsets; the secret name that it belongs to."""

    frame: _Frame
    key: bytes
    start: int
    end: int
    secret: bytes = b""


def _named(frame: _Frame, text: bytes) -> bytes:
    """The secret name of a value, if another field of the same object or the element before it names the value."""
    if frame.in_list:
        frame.elements += 1
        if frame.elements == 1:
            frame.names = text if len(text) <= 64 and is_secret_field(text) else b""
            return b""
        return frame.names if frame.elements == 2 else b""
    if frame.key in NAMING:
        frame.names = text if len(text) <= 64 and is_secret_field(text) else b""
    return frame.names if frame.names and frame.key in VALUE else b""


def _opened(frame: _Frame, bracket: bytes) -> _Frame:
    """The object or list that begins in ``frame``."""
    place = (*frame.place, frame.key) if len(frame.place) < _DEEP else frame.place
    if frame.place[-1:] == (b"top_logprobs",):
        place = (*place, b"%d" % frame.elements)
        frame.elements += 1
    secret = frame.secret or (frame.key if frame.key and is_secret_field(frame.key) else b"")
    is_list = bracket == b"["
    return _Frame(place, frame, secret, is_list and frame.key == b"bytes", is_list and frame.is_list, is_list)


def _numbers(frame: _Frame, line: bytes, start: int, end: int) -> Iterator[_Value]:
    """The numbers from ``start`` to ``end``, together."""
    numbers = list(_NUMBER.finditer(line, start, end))
    if numbers:
        yield _Value(frame, b"", numbers[0].start(), numbers[-1].end())


def _note(frame: _Frame, value: bytes) -> None:
    at_the_root = frame.parent is not None and frame.parent.parent is None
    if frame.key in _IDS or (at_the_root and frame.key == b"type"):
        frame.ids.append(value)
