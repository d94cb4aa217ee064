"""Secrets: which headers authenticate, and where in a body a known secret is, in whatever form.

The only list of headers and the only search, for everything that is written or shown.
"""

from __future__ import annotations

import base64
import json
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

_SECRET_HEADER = re.compile(
    r"authorization$|(?:^|-)(?:auth|bearer|jwt|jwt-assertion)$|^(?:set-)?cookie2?$|api-?key|subscription-key|(?:secret|password|token)$"
    r"|(?:^|-)(?<!idempotency-)(?<!cache-)(?<!surrogate-)(?<!websocket-)key$",
    re.I,
)
PLACEHOLDER = "REDACTED"
_HARMLESS = 5  # characters: the beginning of a key that reveals nothing, such as "sk-or"
_ESCAPE = re.compile(  # of JSON (also JSON in JSON) and JavaScript, of URLs (also encoded twice), of HTML
    rb"(?<!\\)\\++(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(/))|%(?:25)*([0-9a-fA-F]{2})|&#(?:(\d{1,6})|[xX]([0-9a-fA-F]{1,5}));"
)
_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")  # a CR at the end may become a CRLF
_TOKEN = re.compile(
    rb'"(?P<string>[^"\\]*+(?:\\.[^"\\]*+)*+)"(?P<key>\s*:\s*(?P<number>\d+)?)?'
    rb'|(?P<open>[{\[])|(?P<close>[}\]])|"(?P<unended>.*)',
    re.S,
)
_BOM = b"\xef\xbb\xbf"
# keys that tell parallel texts apart
_IDS = {b"index", b"output_index", b"content_index", b"summary_index", b"item_id"}


def is_secret(name: str) -> bool:
    """Return whether a header of this name authenticates: authorization, cookies, ``*-key``, ``*-token`` etc."""
    return _SECRET_HEADER.search(name) is not None


def hide(text: str, secrets: Sequence[str]) -> str:
    """Return the text with a placeholder for each of the secrets, also escaped or encoded ones."""
    raw = text.encode("utf-8", "surrogateescape")
    return cut(raw, 0, len(raw), spans_in(raw, secrets)).decode("utf-8", "surrogateescape")


def spans_in(body: bytes, secrets: Sequence[str]) -> list[Span]:
    """Return where the secrets are in a whole body, in order and without overlaps."""
    finder = SecretFinder(secrets)
    finder.feed(body)
    finder.finish()
    return finder.spans


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes of a body from ``start`` to ``end`` that belong to a secret, and their replacement."""

    start: int
    end: int
    text: bytes


def cut(data: bytes, start: int, end: int, spans: Iterable[Span]) -> bytes:
    """Return ``data``, the bytes of a body from ``start`` to ``end``, with the spans that begin in it replaced."""
    found, position = bytearray(), start
    for span in spans:
        if span.end <= position or span.start >= end:
            continue
        if span.start >= position:
            found += data[position - start : span.start - start] + span.text
        position = min(span.end, end)
    return bytes(found + data[position - start :])


class SecretFinder:
    """Finds secrets in a body that is fed piece by piece, cut anywhere.

    A secret is found as it is, with characters escaped (``\\u002d``, ``\\/``, ``%2D``, ``&#45;``), in base64 at any
    offset, and split over strings that a client joins: those at the same place of successive JSON documents (events,
    lines, elements of an array), and the data of successive events that are not JSON. Each part of a split secret stays
    a valid JSON string. The work is linear in the bytes fed.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._needles = _compiled(tuple(secrets))
        self._line = bytearray()  # the unfinished line
        self._line_at = 0
        self._found: list[Span] = []
        self._texts: dict[object, _Text] = {}  # texts whose end may be the beginning of a secret
        self._json = _Lexer()

    @property
    def spans(self) -> list[Span]:
        """The secrets found so far, in order and without overlaps."""
        merged: list[Span] = []
        for span in sorted(self._found, key=lambda one: (one.start, not one.text)):
            if merged and span.start < merged[-1].end:
                merged[-1] = Span(merged[-1].start, max(span.end, merged[-1].end), merged[-1].text)
            else:
                merged.append(span)
        return merged

    @property
    def known(self) -> int:
        """The offset up to which nothing more will be found, except the first ``_HARMLESS`` characters of a secret."""
        return min([self._line_at, *(text.at for text in self._texts.values() if len(text.plain) > _HARMLESS)])

    def feed(self, data: bytes) -> None:
        """Search the next bytes."""
        searched = max(0, len(self._line) - 1)  # a CR may be last
        self._line += data
        start = 0
        for match in _LINE_END.finditer(self._line, searched):
            self._take(bytes(self._line[start : match.end()]), self._line_at + start)
            start = match.end()
        del self._line[:start]
        self._line_at += start

    def finish(self) -> None:
        """Search up to the end of the body."""
        self._take(bytes(self._line), self._line_at)
        self._line_at += len(self._line)
        self._line.clear()
        self._texts.clear()

    def _take(self, line: bytes, at: int) -> None:
        plain, verbatim = _Text.unescaped(line, at, self._needles.alphabet), _Text.verbatim(line, at)
        for text in (plain, verbatim) if plain.plain != line else (plain,):
            for start, end in self._needles.find(text.plain):
                self._found += text.spans(start, end)
        for place, start, end in self._json.strings(line):
            self._join(place, line[start:end], at + start)

    def _join(self, place: object, piece: bytes, at: int) -> None:
        """Add a piece to the text at a place."""
        before = self._texts.pop(place, None)
        if not piece:
            if before is not None:
                self._texts[place] = before
            return
        if before is None:  # only its end matters
            left_out = max(0, len(piece) - self._needles.window)
            piece, at = piece[left_out:], at + left_out
        text = _Text.unescaped(piece, at, self._needles.alphabet)
        if before is not None:
            text = before + text
            for start, end in self._needles.find(text.plain, len(before.plain)):
                self._found += text.spans(start, end)
        begun = self._needles.begins_at(text.plain)
        if begun is not None:
            self._texts[place] = text.rest(begun)


class _Text:
    """Bytes without their escapes, and the offsets in the body between which each is written."""

    def __init__(self, plain: bytes, starts: Sequence[int], ends: Sequence[int]) -> None:
        self.plain = plain
        self._starts = starts
        self._ends = ends

    @classmethod
    def verbatim(cls, raw: bytes, at: int) -> _Text:
        return cls(raw, range(at, at + len(raw)), range(at + 1, at + len(raw) + 1))

    @classmethod
    def unescaped(cls, raw: bytes, at: int, alphabet: frozenset[int]) -> _Text:
        """Return ``raw``, which begins at ``at``, without its escapes, except those of bytes outside the alphabet."""
        matches = [match for match in _ESCAPE.finditer(raw) if alphabet.issuperset(_meant(match))]
        if not matches:
            return cls.verbatim(raw, at)
        plain, starts, ends, position = bytearray(), array("Q"), array("Q"), 0
        for match in matches:
            _extend(plain, starts, ends, raw, position, match.start(), at)
            meant = _meant(match)
            plain += meant
            starts.extend([at + match.start()] * len(meant))
            ends.extend([at + match.end()] * len(meant))
            position = match.end()
        _extend(plain, starts, ends, raw, position, len(raw), at)
        return cls(bytes(plain), starts, ends)

    @property
    def at(self) -> int:
        """Its offset in the body."""
        return self._starts[0]

    def __add__(self, other: _Text) -> _Text:
        return _Text(self.plain + other.plain, [*self._starts, *other._starts], [*self._ends, *other._ends])

    def rest(self, begin: int) -> _Text:
        return _Text(self.plain[begin:], list(self._starts[begin:]), list(self._ends[begin:]))

    def spans(self, begin: int, end: int) -> Iterator[Span]:
        """Yield the spans of a secret: a placeholder for its first part in the body, nothing for the others."""
        first = begin
        for one in range(begin + 1, end + 1):
            if one == end or self._starts[one] > self._ends[one - 1]:
                text = PLACEHOLDER.encode() if first == begin else b""
                yield Span(self._starts[first], self._ends[one - 1], text)
                first = one


def _extend(plain: bytearray, starts: array[int], ends: array[int], raw: bytes, begin: int, end: int, at: int) -> None:
    plain += raw[begin:end]
    starts.extend(range(at + begin, at + end))
    ends.extend(range(at + begin + 1, at + end + 1))


def _meant(escape: re.Match[bytes]) -> bytes:
    """Return the character of an escape in UTF-8; for a URL, the byte."""
    unicode, byte, slash, percent, decimal, hexadecimal = escape.groups()
    if slash:
        return b"/"
    if percent:
        return bytes([int(percent, 16)])
    number = int(decimal) if decimal else int(unicode or byte or hexadecimal, 16)
    return chr(number).encode("utf-8", "surrogatepass")


@dataclass(slots=True)
class _Frame:
    """An open object or array: its place, the last key, and what distinguishes it from others like it."""

    place: tuple[bytes, ...] = ()
    parent: _Frame | None = None
    key: bytes = b""
    ids: list[bytes] = field(default_factory=list)

    def all_ids(self) -> tuple[bytes, ...]:
        return (*(self.parent.all_ids() if self.parent else ()), *self.ids)


class _Lexer:
    """Finds the strings in successive JSON documents, line by line, each with the text that it is a piece of.

    Input that is not JSON is accepted. A piece belongs to up to two texts, one by its keys and one by its keys and ids:
    an ``index`` may tell two choices apart, or be in one event of a text and missing in the next.
    """

    def __init__(self) -> None:
        self._frame = _Frame()
        self._events = False

    def strings(self, line: bytes) -> Iterator[tuple[object, int, int]]:
        """Yield each place of each string in the line, with its offsets, quotes excluded."""
        start, end = 3 if line.startswith(_BOM) else 0, len(line.rstrip(b"\r\n"))
        if line.startswith(b"data:", start):
            self._events = True
            start += 6 if line[start + 5 : start + 6] == b" " else 5
        elif self._events:
            if not end:  # the end of an event, and so of a document
                self._frame = _Frame()
            return
        if self._frame.parent is None and line[start:end].lstrip()[:1] not in (b"{", b"[", b'"'):
            yield "text", start, end
            return
        for frame, begin, stop in list(self._values(line, start, end)):
            place, ids = (*frame.place, frame.key), frame.all_ids()
            yield place, begin, stop
            if ids:
                yield (place, ids), begin, stop

    def _values(self, line: bytes, start: int, end: int) -> Iterator[tuple[_Frame, int, int]]:
        for token in _TOKEN.finditer(line, start, end):
            frame = self._frame
            match token.lastgroup:
                case "key":
                    frame.key = token["string"]
                    if token["number"]:
                        self._note(frame, token["number"])
                case "open":
                    self._frame = _Frame((*frame.place, frame.key), frame)
                case "close":
                    self._frame = frame.parent or _Frame()
                case kind:
                    assert kind is not None
                    self._note(frame, token[kind])
                    # A copy: the key changes before the line ends; the ids are those found by the end of the line.
                    yield _Frame(frame.place, frame.parent, frame.key, frame.ids), *token.span(kind)

    @staticmethod
    def _note(frame: _Frame, value: bytes) -> None:
        at_the_root = frame.parent is not None and frame.parent.parent is None
        if frame.key in _IDS or (at_the_root and frame.key == b"type"):
            frame.ids.append(value)


class _Needles:
    """Everything that is searched for in a text without escapes."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._forms = forms = {form for secret in secrets if secret for form in _forms(secret)}
        self._longest = max(map(len, forms), default=0)
        self.window = 12 * self._longest  # bytes in which any of them is written, whatever its escapes
        self.alphabet = frozenset(b"".join(forms))
        self._first = re.compile(b"|".join({re.escape(form[:1]) for form in forms}) if forms else rb"(?!)")

    def find(self, text: bytes, before: int | None = None) -> Iterator[tuple[int, int]]:
        """Yield start and end of each; with ``before``, only of those that start before it. They may overlap."""
        for form in self._forms:
            stop = len(text) if before is None else before + len(form) - 1
            start = text.find(form, 0, stop)
            while start >= 0:
                yield start, start + len(form)
                start = text.find(form, start + 1, stop)

    def begins_at(self, text: bytes) -> int | None:
        """Return where the longest end of the text begins that is the beginning of something longer searched for."""
        starts = (match.start() for match in self._first.finditer(text, max(0, len(text) - self._longest + 1)))
        return next((at for at in starts if self._is_beginning(text[at:])), None)

    def _is_beginning(self, text: bytes) -> bool:
        return any(len(text) < len(form) and form.startswith(text) for form in self._forms)


_compiled = lru_cache(maxsize=32)(_Needles)


def _forms(secret: str) -> Iterator[bytes]:
    raw = secret.encode("utf-8", "surrogateescape")
    yield raw
    yield _Text.unescaped(raw, 0, frozenset(range(256))).plain  # as a secret with a percent sign is found
    yield json.dumps(secret, ensure_ascii=False)[1:-1].encode("utf-8", "surrogateescape")  # for quotes and backslashes
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw)
        # Without the characters at both ends, which also contain bits of what is before and after the secret.
        core = encoded[(0, 2, 3)[before] : len(encoded) - (0, 3, 2)[(before + len(raw)) % 3]]
        yield core
        yield core.translate(bytes.maketrans(b"+/", b"-_"))
