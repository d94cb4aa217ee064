"""Bytes without the escapes of JSON, URLs and HTML, and where in the body each of them is written."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_ESCAPE = re.compile(  # of JSON (also JSON in JSON) and JavaScript, of URLs (also encoded twice), of HTML
    rb"(?<!\\)\\++(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(/))|%(?:25)*([0-9a-fA-F]{2})|&#(?:(\d{1,6})|[xX]([0-9a-fA-F]{1,5}));"
)

_NUMBER = re.compile(rb"\d{1,3}(?!\d)")


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes of a body from ``start`` to ``end``, which belong to a secret, and what is to replace them."""

    start: int
    end: int
    text: bytes


class Unescaped:
    """Bytes without their escapes, and for each of them the offsets in the body between which it is written."""

    __slots__ = ("_ends", "_starts", "plain")

    def __init__(self, plain: bytes, starts: Sequence[int], ends: Sequence[int]) -> None:
        self.plain = plain
        self._starts = starts
        self._ends = ends

    @classmethod
    def verbatim(cls, raw: bytes, at: int) -> Unescaped:
        """The bytes as they are; ``at``: where they begin in the body."""
        return cls(raw, range(at, at + len(raw)), range(at + 1, at + len(raw) + 1))

    @classmethod
    def unescaped(cls, raw: bytes, at: int, alphabet: frozenset[int]) -> Unescaped:
        """``raw`` without its escapes, but for those of bytes that are not in the alphabet; ``at``: where it begins."""
        if b"\\" not in raw and b"%" not in raw and b"&#" not in raw:
            return cls.verbatim(raw, at)
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

    def __add__(self, other: Unescaped) -> Unescaped:
        return type(self)(self.plain + other.plain, [*self._starts, *other._starts], [*self._ends, *other._ends])

    def offset(self, index: int) -> int:
        """Where in the body the byte at ``index`` is written."""
        return self._starts[index]

    def rest(self, begin: int) -> Unescaped:
        """What follows the first ``begin`` bytes."""
        return type(self)(self.plain[begin:], list(self._starts[begin:]), list(self._ends[begin:]))

    def spans(self, begin: int, end: int, text: bytes) -> Iterator[Span]:
        """The secret from ``begin`` to ``end``: ``text`` for its first part in the body, nothing for the others."""
        first = begin
        for one in range(begin + 1, end + 1):
            if one == end or self._starts[one] > self._ends[one - 1]:
                yield Span(self._starts[first], self._ends[one - 1], text if first == begin else b"")
                first = one


class Numbered(Unescaped):
    """Bytes that are written as a list of numbers: what the API gives of a token beside its text."""

    __slots__ = ()

    @classmethod
    def of(cls, raw: bytes, at: int) -> Numbered:
        """The bytes that ``raw``, part of a list of numbers, says; ``at``: where it begins."""
        numbers = [one for one in _NUMBER.finditer(raw) if int(one[0]) < 256]
        spans = [one.span() for one in numbers]
        return cls(
            bytes(int(one[0]) for one in numbers), [at + start for start, _ in spans], [at + end for _, end in spans]
        )

    def spans(self, begin: int, end: int, text: bytes) -> Iterator[Span]:
        """The numbers of the secret from ``begin`` to ``end``, each of which becomes that of an asterisk."""
        for one in range(begin, end):
            yield Span(self._starts[one], self._ends[one], b"%d" % ord("*"))


def unescaped(raw: bytes) -> bytes:
    """The bytes without any escape."""
    return Unescaped.unescaped(raw, 0, frozenset(range(256))).plain


def _extend(plain: bytearray, starts: array[int], ends: array[int], raw: bytes, begin: int, end: int, at: int) -> None:
    plain += raw[begin:end]
    starts.extend(range(at + begin, at + end))
    ends.extend(range(at + begin + 1, at + end + 1))


def _meant(escape: re.Match[bytes]) -> bytes:
    """The character that an escape encodes, in UTF-8; for an escape of a URL, the byte."""
    unicode, byte, slash, percent, decimal, hexadecimal = escape.groups()
    if slash:
        return b"/"
    if percent:
        return bytes([int(percent, 16)])
    number = int(decimal) if decimal else int(unicode or byte or hexadecimal, 16)
    return chr(number).encode("utf-8", "surrogatepass")
