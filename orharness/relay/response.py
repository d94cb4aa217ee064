"""An HTTP/1.1 response as a browser reads it: bytes in, content out. No IO.

Source: RFC 9112 (https://www.rfc-editor.org/rfc/rfc9112), sections 6 (message body) and 7.1 (chunked).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from enum import StrEnum

from orharness.errors import ClientFailure
from orharness.verdict import quote, shorten

_HEAD_LIMIT = 1 << 16  # bytes
_WITHOUT_BODY = (204, 304)
_STATUS_LINE = re.compile(r"HTTP/1\.[01] ([1-5]\d\d)(?: (.*))?", re.ASCII)
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a token: RFC 9110, 5.6.2
_SIZE = re.compile(
    rb"([0-9A-Fa-f]{1,16})(?:[ \t]*;.*)?\r\n"
)  # RFC 9112, section 7.1: a blank comes before an extension only
_LENGTH = re.compile(r"\d{1,18}", re.ASCII)
# The codings that are decoded; a browser that accepted none would never meet a relay's compression.
ENCODINGS = ("gzip", "deflate")


class ResponseEnd(StrEnum):
    """How a response ended."""

    CLEAN = "clean"  # by its own framing
    CUT = "cut"  # the connection was closed before the end of the framing
    RESET = "reset"  # the connection was reset (RST)


class ResponseReader:
    """An incremental reader of one response. ``feed`` takes the next bytes, cut anywhere, and returns the content.

    Content is the body without its framing and, for gzip and deflate, decompressed. Raises ``ClientFailure`` for bytes
    that are not HTTP to the letter, such as two length headers, a chunk size that is not a number, or bytes after the
    end: they come from the relay under test.
    """

    def __init__(self, method: str = "GET") -> None:
        self.status: int | None = None
        self.reason = ""
        self.headers: dict[str, str] = {}
        self.ended: ResponseEnd | None = None
        self._without_body = method == "HEAD"
        self._buffer = bytearray()
        self._step: Callable[[], bytes | None] = self._head
        self._left = 0  # bytes of the body, or of the HTTP chunk, still to come
        self._until_close = False
        self._unpack: Callable[[bytes], bytes] = bytes

    def feed(self, data: bytes) -> bytes:
        """Return the content that the bytes complete."""
        self._buffer += data
        content = bytearray()
        while self.ended is None and (made := self._step()) is not None:
            content += self._unpack(made)
        if self.ended is not None and self._buffer.strip(b"\r\n"):
            said = shorten(quote(bytes(self._buffer)), 100)
            raise ClientFailure(f"the relay sends more than its response has, after the end of it: {said}")
        return bytes(content)

    def closed(self, *, reset: bool = False) -> None:
        """Record that the connection has ended, and so has the response."""
        if self.ended is None:
            clean = self._until_close and not reset
            self.ended = ResponseEnd.CLEAN if clean else ResponseEnd.RESET if reset else ResponseEnd.CUT

    # Each step takes what it can from the buffer: it returns the content in it, or None if it needs more bytes.

    def _head(self) -> bytes | None:
        end = self._buffer.find(b"\r\n\r\n")
        if not self._buffer.startswith(b"HTTP/"[: len(self._buffer)]) or (end < 0 and len(self._buffer) > _HEAD_LIMIT):
            raise ClientFailure(f"the relay does not answer in HTTP: {shorten(quote(bytes(self._buffer)), 200)}")
        if end < 0:
            return None
        lines = self._take(end + 4).decode("latin-1").split("\r\n")
        status = _STATUS_LINE.fullmatch(lines[0])
        if status is None:
            raise ClientFailure(f"the relay does not answer in HTTP: {lines[0]!r}")
        if status[1].startswith("1"):  # an interim response
            return b""
        self.status, self.reason = int(status[1]), status[2] or ""
        self.headers = _headers(lines[1:])
        self._begin_body()
        return b""

    def _begin_body(self) -> None:
        self._unpack = _unpacker(self.headers.get("content-encoding", ""))
        length, coding = self.headers.get("content-length"), self.headers.get("transfer-encoding")
        if length is not None and coding is not None:
            raise ClientFailure(
                f"the relay sends Content-Length {length} and Transfer-Encoding {coding}: a response has one of them"
                " (RFC 9112, 6.2)"
            )
        if coding is not None and coding.lower() != "chunked":
            raise ClientFailure(f"the relay sends Transfer-Encoding {coding!r}, which was not asked for")
        if length is not None and _LENGTH.fullmatch(length) is None:
            raise ClientFailure(f"the relay sends Content-Length {length!r}, which is not a number")
        if self._without_body or self.status in _WITHOUT_BODY:
            self.ended = ResponseEnd.CLEAN
        elif coding is not None:
            self._step = self._chunk_size
        elif length is not None:
            self._left = int(length)
            self._step = self._counted
            self._end_if_whole()
        else:
            self._until_close = True
            self._step = self._rest

    def _rest(self) -> bytes | None:
        return self._take(len(self._buffer)) or None

    def _counted(self) -> bytes | None:
        if not self._buffer:
            return None
        data = self._take(min(self._left, len(self._buffer)))
        self._left -= len(data)
        self._end_if_whole()
        return data

    def _end_if_whole(self) -> None:
        if not self._left:
            self.ended = ResponseEnd.CLEAN

    def _chunk_size(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return None
        line = self._take(end + 2)
        if (size := _SIZE.fullmatch(line)) is None:
            raise ClientFailure(f"the relay sends an invalid HTTP chunk: its size is {line!r}")
        self._left = int(size[1], 16)
        self._step = self._chunk_data if self._left else self._trailers
        return b""

    def _chunk_data(self) -> bytes | None:
        if not self._buffer:
            return None
        data = self._take(min(self._left, len(self._buffer)))
        self._left -= len(data)
        if not self._left:
            self._step = self._chunk_end
        return data

    def _chunk_end(self) -> bytes | None:
        if len(self._buffer) < 2:
            return None
        if (end := self._take(2)) != b"\r\n":
            raise ClientFailure(f"the relay's HTTP chunk is longer than its size says: it goes on with {end!r}")
        self._step = self._chunk_size
        return b""

    def _trailers(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return None
        if not self._take(end + 2).strip():
            self.ended = ResponseEnd.CLEAN
        return b""

    def _take(self, size: int) -> bytes:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data


def _headers(lines: list[str]) -> dict[str, str]:
    """Return the headers by lower-case name; the values of a repeated one are joined, as RFC 9110, 5.2, allows."""
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if line and (not colon or _FIELD_NAME.fullmatch(name) is None):
            raise ClientFailure(f"the relay sends an invalid header line: {line!r}")
        if colon:
            name, value = name.lower(), value.strip()
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _unpacker(encoding: str) -> Callable[[bytes], bytes]:
    match encoding.strip().lower():
        case "" | "identity":
            return bytes
        case "gzip" | "x-gzip":
            unpack = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress
        case "deflate":
            unpack = zlib.decompressobj().decompress
        case unknown:
            raise ClientFailure(f"the relay answers in Content-Encoding {unknown}, which was not asked for")

    def unpacked(data: bytes) -> bytes:
        try:
            return unpack(data)
        except zlib.error as error:
            raise ClientFailure(f"the relay's {encoding} body cannot be unpacked: {error}") from None

    return unpacked
