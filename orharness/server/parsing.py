"""The HTTP/1 requests of one connection, by aiohttp's parser.

aiohttp's own server keeps the parser, a queue of messages, the parsed URL and the headers as long as the connection
lives. Thousands of streams are open at once, so here nothing of it is kept once a request has been read: the parser is
made anew where it is known that a request ends.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpRequestParser, RawRequestMessage
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import StreamReader

from orharness.server.wire import BadBody

_BUFFER = 2**16  # bytes of a body, about, that are received before they are read
_LONGEST = 8190  # bytes of a line of the head, as in aiohttp's server
_LONGEST_HEAD = 2**17  # bytes
_HEAD_END = b"\r\n\r\n"


class Malformed(Exception):  # noqa: N818 - a client's mistake, answered with 400
    """What came is not an HTTP request."""


class Received:
    """A request whose head has come, and its body while that comes. ``message`` is ``None`` once all was read."""

    __slots__ = ("body", "message")

    def __init__(self, message: RawRequestMessage, body: StreamReader) -> None:
        self.message: RawRequestMessage | None = message
        self.body: StreamReader | None = body

    @property
    def is_whole(self) -> bool:
        """Whether the whole body has come."""
        return self.body is None or self.body.is_eof()

    def forget(self) -> None:
        """Let go of what is needed no more."""
        self.message = self.body = None

    def fail(self, error: Exception) -> None:
        """Have reading the body raise an error, unless it is whole."""
        if self.body is not None and not self.body.is_eof():
            self.body.set_exception(error)


class Parsing(BaseProtocol):
    """A protocol that calls ``received`` with each request as soon as its head has come."""

    __slots__ = ("_head", "_missing", "_parser", "_receiving", "_switched")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._head = 0  # bytes of a head that is not whole
        self._parser: Any = None  # while a request is being received
        self._receiving: Received | None = None  # whose body is not whole
        self._missing: int | None = None  # bytes of that body, if their number is known
        self._switched = False  # another protocol was asked for: nothing more is parsed

    def received(self, request: Received) -> None:
        """Take a request."""
        raise NotImplementedError

    def parse(self, data: bytes) -> None:
        """Parse what has come. Raises ``Malformed``: then nothing more can be parsed."""
        if self._switched or (self._parser is None and not data):
            return
        fresh = self._parser is None
        if fresh:
            self._parser = HttpRequestParser(
                self,
                self._loop,
                _BUFFER,
                max_line_size=_LONGEST,
                max_field_size=_LONGEST,
                payload_exception=BadBody,
            )
        in_body = self._receiving is not None and not self._receiving.is_whole
        try:
            messages, self._switched, _ = self._parser.feed_data(data)
        except HttpProcessingError as error:
            raise self._malformed_by((error.message or "unknown").strip().split("\n")[0]) from error
        if messages or in_body:
            self._head = 0
        else:
            self._head += len(data)
            if self._head > _LONGEST_HEAD:  # aiohttp 3.11 takes a line of any length that comes in parts
                raise self._malformed_by(f"the head of the request has more than {_LONGEST_HEAD:,} bytes")
        for message, body in messages:
            self._receiving = Received(message, body)
            self.received(self._receiving)
        if messages:
            self._missing = _missing(messages[0][0], data) if fresh and len(messages) == 1 else None
        elif self._missing is not None:
            self._missing -= len(data)
        if self._is_between(data):
            self._parser = self._receiving = None

    def _malformed_by(self, reason: str) -> Malformed:
        if self._receiving is not None:
            self._receiving.fail(BadBody(reason))  # aiohttp's parser leaves whoever reads it waiting
        self._parser = None
        return Malformed(reason)

    def _is_between(self, data: bytes) -> bool:
        """Whether it is certain that the data ends with a request, so that a new parser can take what comes next."""
        if self._receiving is None or not self._receiving.is_whole or self._switched:
            return False
        if self._missing is not None:
            return self._missing == 0
        return data.endswith(_HEAD_END)  # no head that has just begun ends so, but a body of chunks does


def _missing(message: RawRequestMessage, data: bytes) -> int | None:
    """Return how many bytes of a request are still to come, if its data so far begins with it; else ``None``."""
    length = message.headers.get("Content-Length", "0")
    end = data.find(_HEAD_END)
    if message.chunked or end <= 0 or not length.isdecimal():
        return None
    return end + len(_HEAD_END) + int(length) - len(data)
