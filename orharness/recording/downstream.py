"""The recorder's server side: listens, and writes to the client what came from the server."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from multidict import CIMultiDict

from orharness.dialects import DIALECTS
from orharness.errors import ScenarioError
from orharness.gateways import ONEROUTER
from orharness.recording.exchange import RecordedExchange
from orharness.recording.whole_chunks import data_of
from orharness.server.forwarding import LONGEST_LINE
from orharness.stream import Ending, Framing

log = logging.getLogger("orharness.recording")

_LINGER_RESET = struct.pack("ii", 1, 0)


async def listening(
    handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], host: str, port: int
) -> web.ServerRunner:
    """A running server. Raises ``ScenarioError`` where it cannot listen there."""
    runner = web.ServerRunner(_Server(handle, handler_cancellation=True), shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise ScenarioError(f"cannot listen on {host}, port {port}: {error.strerror}") from error
    return runner


class _Server(web.Server):
    """aiohttp's low-level server, with our connections."""

    def __call__(self) -> web.RequestHandler:
        return _Connection(
            self,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # none
            lingering_time=0,
            auto_decompress=False,  # a compressed request goes on as it came, as its Content-Encoding does
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_LINE,
        )


class _Connection(web.RequestHandler):
    """aiohttp's protocol, which answers malformed HTTP in the gateway's shape, and logs a sentence."""

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        if isinstance(exc, ConnectionError):  # the client left as the last bytes were written: nobody reads this
            return web.Response(status=status)
        if status >= 500:  # a mistake of ours
            return super().handle_error(request, status, exc, message)
        # What follows a colon or a line end quotes what the client sent, in which its key may be.
        what = re.split(r"[:\r\n]", message or "Bad Request", maxsplit=1)[0].strip()
        response = complaint(status, f"a client sent what is not HTTP: {what}")
        response.force_close()
        return response


def complaint(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """A response of our own, an error in the gateway's shape; the sentence is logged too."""
    log.warning("%s", sentence)
    return web.json_response(
        DIALECTS.default.error_document(ONEROUTER, status, sentence), status=status, headers=headers
    )


async def refused(request: web.BaseRequest, sentence: str) -> web.Response:
    """A 403 in the gateway's shape. The body is read first: to close with unread bytes would reset the connection."""
    response = complaint(403, sentence)
    if not awaits_continue(request):
        async for _ in request.content.iter_any():
            pass
    response.force_close()
    return response


def awaits_continue(request: web.BaseRequest) -> bool:
    """Whether the client sends the body only after a ``100 Continue``."""
    return request.headers.get("Expect", "").lower() == "100-continue"


async def read_body(request: web.BaseRequest) -> bytes:
    """The body of the request; a client that waits to be asked for it is asked."""
    if awaits_continue(request) and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return await request.content.read()


async def open_response(
    request: web.BaseRequest, exchange: RecordedExchange, cors: Mapping[str, str]
) -> web.StreamResponse:
    """Send the response head to the client: as the server sent it, but with ``cors`` in place of its CORS headers."""
    headers = CIMultiDict(exchange.headers)
    if cors:
        headers = CIMultiDict(pair for pair in headers.items() if not pair[0].lower().startswith("access-control-"))
        headers.extend(cors)
    assert exchange.status is not None, "no response head has come"
    response = _PassedOn(status=exchange.status, reason=exchange.reason, headers=headers)
    if exchange.announced is not None:
        response.content_length = exchange.announced
    elif exchange.framing is Framing.LENGTH:
        pass
    elif request.version >= (1, 1):
        response.enable_chunked_encoding()
    else:
        response.force_close()
    await response.prepare(request)
    return response


class _PassedOn(web.StreamResponse):
    """A response with the headers that the server sent, and none that aiohttp would add of its own."""

    async def _prepare_headers(self) -> None:
        added = [name for name in ("Content-Type", "Date", "Server") if name not in self.headers]
        await super()._prepare_headers()
        for name in added:
            self.headers.popall(name, None)


def writer(request: web.BaseRequest, response: web.StreamResponse) -> Callable[[bytes], None]:
    """A function that writes at once and never waits: the recorded times are the server's, not a slow client's."""
    chunked = response.chunked

    def write(data: bytes) -> None:
        if request.transport is not None:
            request.transport.write(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)

    return write


def chunk_writer(request: web.BaseRequest, response: web.StreamResponse) -> Callable[[bytes], object]:
    """A function that writes chunks that are framed already: as they are, or their data to a client of HTTP/1.0."""
    transport = request.transport
    if transport is None:
        return nowhere
    if response.chunked:
        return transport.write
    return lambda chunks: transport.write(b"".join(data_of(chunks)))


def nowhere(_: bytes) -> None:
    """Write to a client that is gone."""


def cut_off(request: web.BaseRequest, ending: Ending) -> None:
    """End the client's connection as the server ended ours: the end of the body is missing."""
    transport = request.transport
    if transport is None:
        return
    if ending is Ending.RESET:
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
        transport.abort()
    else:
        transport.close()
