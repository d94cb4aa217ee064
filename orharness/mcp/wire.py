"""One HTTP/1.1 request on a socket of its own, and its response as it comes: so that leaving is one act, at one moment.

Read is what RFC 9112 allows a response to be: chunked, of a length, or until the connection closes.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from typing import Any
from urllib.parse import urlsplit

from orharness.errors import ScenarioError, UpstreamError
from orharness.sse import Decoder, Event, Retry

_READ = 65536
_CONNECTS = 10.0  # seconds
_HEAD_END = b"\r\n\r\n"
EVENT_STREAM, JSON = "text/event-stream", "application/json"


@dataclass(frozen=True)
class Address:
    """Where the server is: an ``http`` or ``https`` URL, taken apart."""

    url: str
    host: str
    port: int
    target: str
    secure: bool

    @classmethod
    def of(cls, url: str) -> Address:
        """Return the parts of a URL. Raises ``ScenarioError`` for a text that is not one."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ScenarioError(f"{url!r} is not an address: {error}") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ScenarioError(f"{url!r} is not the address of a server: write http://HOST:PORT/PATH")
        secure = parts.scheme == "https"
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(url, parts.hostname, port or (443 if secure else 80), target, secure)

    @property
    def authority(self) -> str:
        """The value of the header ``Host``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class McpExchange:
    """A request that was sent, and what has come of its response.

    ``status``: ``None`` until the head has come. ``over``: the body has ended, or the connection. ``messages``: the
    JSON of the events, or of the body if it is one document. ``last_id``: the last event's id; ``retry``: the seconds
    that the server asks a client to wait before it comes back. Raises ``UpstreamError`` if there is no connection.
    """

    def __init__(self, at: Address, method: str, headers: Mapping[str, str], body: bytes = b"") -> None:
        self.status: int | None = None
        self.over = False
        self.messages: list[Any] = []
        self.last_id = ""
        self.retry: float | None = None
        self.text = b""
        self._headers = Message()
        self._raw = b""
        self._body = _Unframed()
        self._events = Decoder()
        try:
            self._socket = _connected(at)
        except OSError as error:
            raise UpstreamError(f"{method} {at.url}: no connection: {error.strerror or error}") from error
        with suppress(OSError):  # a server that answers and closes before it has read all: its answer is read
            self._socket.sendall(_request(at, method, headers, body))

    @property
    def is_stream(self) -> bool:
        """Whether the response is an event stream."""
        return self._kind() == EVENT_STREAM

    def header(self, name: str) -> str | None:
        """Return a header of the response."""
        return self._headers[name]

    def wait(self, seconds: float) -> bool:
        """Read once, for at most that many seconds; return whether anything came."""
        if self.over:
            return False
        self._socket.settimeout(max(seconds, 0.001))
        try:
            data = self._socket.recv(_READ)
        except (TimeoutError, ssl.SSLWantReadError):
            return False
        except OSError:
            data = b""  # an RST is the end, too
        try:
            self._take(data)
        except UpstreamError:
            self.leave()
            raise
        return True

    def leave(self) -> None:
        """Close the connection."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.over = True

    def _take(self, data: bytes) -> None:
        ended = not data
        if self.status is None:
            self._raw += data
            if not self._has_begun():
                if ended:
                    self.leave()
                return
            data = self._raw
        content = self._body.feed(data)
        if self.is_stream:
            self._read(content)
        else:
            self.text += content
        if ended or self._body.complete:
            self.leave()
            self._end()

    def _has_begun(self) -> bool:
        """Read the head, if it is there whole; those before the final one (1xx) are passed over."""
        while self.status is None:
            head, end, rest = self._raw.partition(_HEAD_END)
            if not end:
                return False
            self._raw = rest
            line, _, fields = head.partition(b"\r\n")
            words = line.split()
            if len(words) < 2 or not words[1].isdigit():
                raise UpstreamError(f"the server answers with something other than an HTTP response: {line[:60]!r}")
            if not words[1].startswith(b"1"):
                self.status = int(words[1])
                self._headers = BytesHeaderParser().parsebytes(fields)
                self._body = _Unframed.of(self.status, self._headers)
        return True

    def _read(self, content: bytes) -> None:
        for item in self._events.feed(content):
            if isinstance(item, Retry):
                self.retry = item.seconds
            elif isinstance(item, Event):
                self.last_id = item.last_event_id or self.last_id
                if item.data.strip():  # else it only names the point from which to come back
                    self.messages.append(_parsed(item.data))

    def _end(self) -> None:
        if self._kind() == JSON and self.text.strip():
            self.messages.append(_parsed(self.text.decode("utf-8", "replace")))

    def _kind(self) -> str:
        return (self._headers["Content-Type"] or "").partition(";")[0].strip().lower()


class _Unframed:
    """The content of a body without its framing, as it comes. ``left``: bytes to come, ``None`` until it closes."""

    def __init__(self, *, chunked: bool = False, left: int | None = None) -> None:
        self._chunked = chunked
        self._left = left
        self._raw = b""
        self.complete = left == 0

    @classmethod
    def of(cls, status: int | None, headers: Message) -> _Unframed:
        if status in (204, 304):
            return cls(left=0)
        if "chunked" in (headers["Transfer-Encoding"] or "").lower():
            return cls(chunked=True)
        length = headers["Content-Length"]
        return cls(left=int(length) if length and length.strip().isdigit() else None)

    def feed(self, data: bytes) -> bytes:
        if self._chunked:
            return self._dechunked(data)
        if self._left is None:
            return data
        taken = data[: self._left]
        self._left -= len(taken)
        self.complete = self._left == 0
        return taken

    def _dechunked(self, data: bytes) -> bytes:
        self._raw += data
        found = b""
        while not self.complete:
            line, end, rest = self._raw.partition(b"\r\n")
            size = _size(line) if end else None
            if size is None or len(rest) < size + 2:
                break
            found += rest[:size]
            self._raw = rest[size + 2 :]
            self.complete = size == 0
        return found


def _size(line: bytes) -> int:
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError:
        raise UpstreamError(f"the server sends a chunk with an invalid size: {line[:60]!r}") from None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _connected(at: Address) -> socket.socket:
    plain = socket.create_connection((at.host, at.port), timeout=_CONNECTS)
    if not at.secure:
        return plain
    return ssl.create_default_context().wrap_socket(plain, server_hostname=at.host)


def _request(at: Address, method: str, headers: Mapping[str, str], body: bytes) -> bytes:
    fields = {"Host": at.authority, **headers}
    if body:
        fields |= {"Content-Type": JSON, "Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {at.target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body
