"""Bodies in UTF-16: their text in UTF-8, and where in the body each part of it is written."""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right

HEAD = 4
"""How many bytes of a body tell whether it is UTF-16, in bytes."""

_WIDTHS = re.compile(r"(?P<a>[\0-\x7f]+)|(?P<b>[\x80-\u07ff]+)|(?P<c>[\u0800-\uffff]+)|(?P<d>[^\0-\uffff]+)")
_BYTES = {"a": (1, 2), "b": (2, 2), "c": (3, 2), "d": (4, 4)}  # of a character in UTF-8, and in UTF-16
_LITTLE = re.compile(rb"[\t\n\r -~]\0[\t\n\r -~]\0", re.S)
_BIG = re.compile(rb"\0[\t\n\r -~]\0[\t\n\r -~]", re.S)


def utf16_of(head: bytes) -> Utf16 | None:
    """Return a decoder for a body that begins with these bytes; ``None`` if they are not UTF-16."""
    if head.startswith(codecs.BOM_UTF16_LE) and head[2:4] != b"\0\0":
        return Utf16("utf-16-le", 2)
    if head.startswith(codecs.BOM_UTF16_BE):
        return Utf16("utf-16-be", 2)
    if _LITTLE.match(head):
        return Utf16("utf-16-le", 0)
    return Utf16("utf-16-be", 0) if _BIG.match(head) else None


class Utf16:
    """Decodes a body that is fed piece by piece. ``mark``: the bytes of its byte order mark."""

    def __init__(self, encoding: str, mark: int) -> None:
        self.encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._skipped = mark
        self._starts = [0]  # offsets in UTF-8 from which on characters have one width
        self._runs = [(mark, 1, 2)]  # for each: the offset in the body, and both widths
        self._size, self._raw_size = 0, mark
        self._fed = 0
        self._ended = False

    def feed(self, data: bytes) -> bytes:
        """Return the text of the next bytes, in UTF-8."""
        self._fed += len(data)
        skipped = data[: self._skipped]
        self._skipped -= len(skipped)
        text = self._decoder.decode(data[len(skipped) :])
        for run in _WIDTHS.finditer(text):
            narrow, wide = _BYTES[run.lastgroup or "a"]
            if self._runs[-1][1:] != (narrow, wide):
                self._starts.append(self._size)
                self._runs.append((self._raw_size, narrow, wide))
            count = run.end() - run.start()
            self._size += count * narrow
            self._raw_size += count * wide
        return text.encode()

    def finish(self) -> None:
        """Take the end of the body."""
        self._ended = True

    def offset(self, offset: int) -> int:
        """Return where in the body the character at this offset of the text begins."""
        if self._ended and offset >= self._size:
            return self._fed
        at = bisect_right(self._starts, offset) - 1
        raw, narrow, wide = self._runs[at]
        return raw + (offset - self._starts[at]) // narrow * wide

    def encoded(self, text: bytes) -> bytes:
        """Return a text in UTF-8 as the body would write it."""
        return text.decode().encode(self.encoding)
