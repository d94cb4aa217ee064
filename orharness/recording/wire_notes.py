"""What a response has on the wire that a client of HTTP does not pass on: 1xx heads, chunk extensions, trailers."""

from __future__ import annotations

import re
from collections.abc import Callable

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_CHUNKED = re.compile(rb"^transfer-encoding:[^\r\n]*\bchunked\b", re.I | re.M)
_CODING = re.compile(rb"^transfer-encoding:[ \t]*([^\r\n]*?)[ \t]*\r?$", re.I | re.M)
_BODILESS = (204, 304)  # RFC 9112, section 6.3
_LINE = 2**16  # bytes of a head or a line: what is longer is not looked at
_SWITCHING = 101  # RFC 9110, section 15.2.2: a final response all the same
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class WireNotes:
    """Reads the bytes of one response beside the client that parses it, and keeps what that client leaves out.

    Values are not kept, since they may hold secrets: the names of trailers and of chunk extensions are.
    ``stops_at_chunks``: it reads no further than to a chunked body, see ``feed``.
    """

    def __init__(self, *, stops_at_chunks: bool = False) -> None:
        self._stops = stops_at_chunks
        self.at_chunks = False
        """Whether a chunked body begins where the bytes ended that were fed."""
        self._informational: list[int] = []
        self._extensions: dict[str, None] = {}
        self._trailers: dict[str, None] = {}
        self.restart()

    def restart(self) -> None:
        """Begin with a connection: what came on the one before was a proxy's."""
        self._rest = b""
        self._skip = 0
        self._take: Callable[[bytes], None] = self._head

    @property
    def note(self) -> str | None:
        """A sentence about what is not in the recording; ``None`` where there is nothing."""
        parts = [
            *(f"a {status} response came before this one" for status in self._informational),
            *([f"chunk extensions: {', '.join(self._extensions)}"] if self._extensions else []),
            *([f"trailers: {', '.join(self._trailers)}"] if self._trailers else []),
        ]
        return f"not recorded: {'; '.join(parts)}" if parts else None

    def feed(self, data: bytes) -> int:
        """Take the next bytes of the connection; return how many were taken: all, but for those of a chunked body.

        What is fed after ``at_chunks`` has become true is taken whole: it begins at any chunk.
        """
        before = len(self._rest)
        data, self._rest, at = self._rest + data, b"", 0
        while at < len(data) and self._take != self._nothing:
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
                at += step
                continue
            end = b"\r\n\r\n" if self._take == self._head else b"\r\n"
            found = data.find(end, at)
            if found < 0:
                if len(data) - at > _LINE:
                    self._take = self._nothing
                self._rest = data[at:]
                return len(data) - before
            line, at = data[at:found], found + len(end)
            self._take(line)
            if self.at_chunks and self._stops:
                self._stops = False
                return at - before
        return len(data) - before

    def _head(self, head: bytes) -> None:
        status = _STATUS.match(head)
        if status is None:
            self._take = self._nothing
        elif 100 <= int(status[1]) < 200 and int(status[1]) != _SWITCHING:
            self._informational.append(int(status[1]))
        else:
            self._take = self._size if _CHUNKED.search(head) else self._nothing
            only_chunked = [coding.lower() for coding in _CODING.findall(head)] == [b"chunked"]
            self.at_chunks = only_chunked and head[:9] == b"HTTP/1.1 " and int(status[1]) not in _BODILESS

    def _size(self, line: bytes) -> None:
        digits, _, extension = line.partition(b";")
        for one in extension.split(b";") if extension else ():
            if (name := _NAME.match(one.strip())) is not None:
                self._extensions[name[0].decode()] = None
        try:
            size = int(digits, 16)
        except ValueError:
            self._take = self._nothing
            return
        self._skip = size + 2 if size else 0
        self._take = self._size if size else self._trailer

    def _trailer(self, line: bytes) -> None:
        if not line:
            self._take = self._nothing
        elif (name := _NAME.match(line)) is not None:
            self._trailers[name[0].decode()] = None

    def _nothing(self, line: bytes) -> None:
        """Take no more of this connection."""
