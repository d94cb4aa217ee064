"""Chunked framing (RFC 9112, section 7.1), as far as it is passed on without being parsed by a client of HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator

_LINE = 18  # bytes: the longest size that is read here, and its line end
_BEGUN = re.compile(rb"[0-9A-Fa-f]{0,16}\r?")  # a line that may become a size


class WholeChunks:
    """Takes the bytes of a chunked body, cut anywhere, and returns the chunks that are whole, framed as we frame them.

    ``over`` becomes true at the first line that is anything but the size of a chunk with data: the last chunk, a chunk
    extension, a size with leading zeros, damage. A parser for all of that takes the bytes from there on.
    """

    def __init__(self) -> None:
        self.over = False
        self._begun: list[bytes] = []  # the bytes of a chunk that is not whole
        self._missing = 0  # bytes that it lacks, at least

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Take the next bytes; return the chunks that are whole by now, and after the end what others are to parse."""
        if self._begun:
            self._begun.append(data)
            self._missing -= len(data)
            if self._missing > 0:
                return b"", b""
            data = self.rest()
        elif _is_one(data):
            return data, b""
        whole, at = self._whole(data)
        if self.over:
            return whole, data[at:]
        if at < len(data):
            self._begun.append(data[at:] if at else data)
        return whole, b""

    def rest(self) -> bytes:
        """The bytes of the chunk that is not whole; they are forgotten."""
        data = b"".join(self._begun)
        self._begun.clear()
        return data

    def _whole(self, data: bytes) -> tuple[bytes, int]:
        """The chunks at the beginning of the bytes that are whole, and where they end."""
        at = same = 0  # ``same``: where those begin that are as we would write them
        written: list[bytes] = []
        self._missing = 1
        while (end := data.find(b"\r\n", at, at + _LINE)) >= 0:
            line = data[at:end]
            size = _size(line)
            stop = end + 4 + size
            if not size or data[stop - 2 : stop] not in (b"\r\n", b"\r", b""):
                self.over = True
                break
            if stop > len(data):
                self._missing = stop - len(data)
                break
            if not line.islower() and not line.isdigit():  # hexadecimal digits may be upper-case
                written += (data[same:at], line.lower(), data[end:stop])
                same = stop
            at = stop
        else:
            self.over = _BEGUN.fullmatch(data, at) is None
        return b"".join((*written, data[same:at])) if written else data[:at], at


def _is_one(data: bytes) -> bool:
    """Whether the bytes are one chunk, framed as we frame it: what comes of a stream is that, as a rule."""
    end = data.find(b"\r\n", 0, _LINE)
    size = len(data) - end - 4
    return end > 0 and size > 0 and data[:end] == b"%x" % size and data.endswith(b"\r\n")


def _size(line: bytes) -> int:
    """The size of a chunk; 0 for a line that is not the usual form of one, and for the last chunk."""
    try:
        size = int(line, 16)
    except ValueError:
        return 0
    return size if b"%x" % size == line.lower() else 0


def data_of(chunks: bytes) -> Iterator[bytes]:
    """Yield the data of each chunk; ``chunks`` are whole and framed as ``WholeChunks`` returns them."""
    at = 0
    while at < len(chunks):
        end = chunks.index(b"\r\n", at)
        stop = end + 2 + int(chunks[at:end], 16)
        yield chunks[end + 2 : stop]
        at = stop + 2
