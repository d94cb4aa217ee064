"""A request as the server's rooms receive it: its head is there, its body still comes."""

from __future__ import annotations

from functools import lru_cache
from sys import intern
from typing import TYPE_CHECKING

from aiohttp.streams import StreamReader

from orharness.journal import Request
from orharness.server.parsing import Received
from orharness.server.targets import of_target, with_host
from orharness.server.wire import TooLarge

if TYPE_CHECKING:
    from orharness.server.http1 import Connection


class ReadRequest:
    """A request whose head has come, as ``Incoming``."""

    __slots__ = ("_connection", "_request", "expects_continue", "head", "http_1_0", "keep_alive")

    def __init__(self, request: Received, connection: Connection) -> None:
        message = request.message
        assert message is not None
        headers = tuple([_header(name, value) for name, value in message.raw_headers])
        if not message.path.startswith("/"):
            headers = with_host(headers, of_target(message.path)[0])
        self.head = Request(message.method, intern(message.url.path), headers, b"", message.url.raw_query_string)
        self.http_1_0 = message.version < (1, 1)
        self.keep_alive = not message.should_close
        self.expects_continue = message.headers.get("Expect", "").lower() == "100-continue"
        self._request = request
        self._connection = connection

    @property
    def local(self) -> bool:
        """Whether the client reached us by this machine's loopback."""
        return self._connection.client_is_local

    async def body(self, limit: int | None = None) -> bytes:
        """Return the whole body. Raises ``BadBody`` where it is malformed, ``TooLarge`` past ``limit`` bytes."""
        received = self._request.body
        if received is None:
            return b""
        if limit is not None:
            data = await _limited(received, limit)
        else:
            data = received.read_nowait() if received.is_eof() else await received.read()
        self._connection.bodies_read += 1
        self._request.forget()
        return data


async def _limited(body: StreamReader, limit: int) -> bytes:
    data = bytearray()
    while piece := await body.readany():
        data += piece
        if len(data) > limit:
            raise TooLarge(f"the body has more than {limit:,} bytes")
    return bytes(data)


@lru_cache(maxsize=1024)  # most headers of a client are the same in each of its requests, and the journal keeps them
def _header(name: bytes, value: bytes) -> tuple[str, str]:
    return name.decode("latin-1"), value.decode("utf-8", "replace")
