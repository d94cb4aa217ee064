"""HTTP requests to a live service, as the forwarding server and the recorder make them."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from urllib.parse import quote

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from orharness.errors import UpstreamError
from orharness.journal import Request
from orharness.scenario.paths import api_path
from orharness.server.headers import OF_THE_CONNECTION, text
from orharness.server.passing import CutShort
from orharness.stream import Ending

CONNECT_TIMEOUT = 30.0  # seconds; a stream that has begun may be silent for any time
LONGEST_LINE = 2**16  # bytes of a line of a head: a cookie, a token or a query may be longer than aiohttp's 8,190
_WATCH_INTERVAL = 0.25  # seconds between two checks whether a silent server is still there
_IN_A_PATH = "/:@!$&'()*+,;=~"  # allowed besides letters and digits (RFC 3986, section 3.3)
_READ_SIZE = 2**20  # bytes: reading pauses only when an HTTP chunk is larger


def client_session(
    *traces: aiohttp.TraceConfig,
    connector: aiohttp.BaseConnector | None = None,
    connect_timeout: float = CONNECT_TIMEOUT,
) -> aiohttp.ClientSession:
    """Return a client that passes everything on as it comes. Call it in the loop that uses the client.

    ``connector`` makes its connections; without one, each request has a new connection, and aiohttp reads proxies from
    the environment. With one, who asks does so: aiohttp needs a thread for that in each request, and takes credentials
    from a ``.netrc``, too. ``connect_timeout``: seconds within which a server accepts a connection.
    """
    return aiohttp.ClientSession(
        # An idle connection may end as it is used, and a POST must not be repeated.
        connector=connector or aiohttp.TCPConnector(limit=0, force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout),
        auto_decompress=False,
        read_bufsize=_READ_SIZE,
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        trace_configs=list(traces),
        trust_env=connector is None,
        max_line_size=LONGEST_LINE,
        max_field_size=LONGEST_LINE,
    )


class HttpService:
    """Live services over HTTP, as a ``LiveService``. Belongs to one loop; the client is made on first use."""

    def __init__(self) -> None:
        self._client: aiohttp.ClientSession | None = None

    async def ask(self, to: str, request: Request) -> HttpAnswer:
        """Send the request to the service whose base URL is ``to``; return once the response head has come.

        Passes on method, path after the API prefix, query, body and headers, except Host and the headers of the
        connection. Asks for a body without content coding. Raises ``UpstreamError`` if there is no HTTP response.
        """
        if self._client is None:
            self._client = client_session()
        path = quote(api_path(request.path), safe=_IN_A_PATH)  # it was decoded when it was read
        address = f"{to.rstrip('/')}{path}{'?' if request.query else ''}{request.query}"
        headers = CIMultiDict(pair for pair in request.headers if pair[0].lower() not in OF_THE_CONNECTION)
        headers["Accept-Encoding"] = "identity"  # transforms work on the stream itself
        announced = request.body or request.header("Content-Length") is not None
        try:
            response = await self._client.request(
                request.method,
                URL(address, encoded=True),
                headers=headers,
                data=io.BytesIO(request.body) if announced else None,
                allow_redirects=False,
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            why = str(error) or type(error).__name__
            raise UpstreamError(f"{request.method} {address} got no answer: {why}") from error
        return HttpAnswer(response)

    async def close(self) -> None:
        """End every connection to a service."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()


class HttpAnswer:
    """The response of a live service, as a ``LiveAnswer``."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        headers = ((text(name), text(value)) for name, value in response.raw_headers)
        self.headers = tuple(pair for pair in headers if pair[0].lower() not in OF_THE_CONNECTION)
        self.length = None if is_chunked(response) else response.content_length

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes, one item for each HTTP chunk. Raises ``CutShort`` if its end is missing."""
        return http_chunks(self._response)

    def drop(self) -> None:
        """End the connection at once, so that the service stops; does nothing after the end of the body."""
        drop(self._response)


def is_chunked(response: aiohttp.ClientResponse) -> bool:
    """Return whether the body has chunked framing."""
    return "chunked" in response.headers.get("Transfer-Encoding", "").lower()


async def http_chunks(upstream: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Yield the body, one item for each HTTP chunk, or for each read if it is not chunked. Raises ``CutShort``."""
    content, chunked = upstream.content, is_chunked(upstream)
    begun = bytearray()
    watch = asyncio.create_task(_watch(upstream))
    try:
        async for data in _pieces(content, begun, chunked=chunked):
            yield data
    except (aiohttp.ClientError, OSError) as error:
        # What came before the error may not have been read yet, and aiohttp would raise the error first.
        content.set_exception(None)  # type: ignore[arg-type]
        content.feed_eof()
        async for data in _pieces(content, begun, chunked=chunked):
            yield data
        if begun:
            yield bytes(begun)
        raise CutShort(Ending.RESET if was_reset(error) else Ending.ABORT) from error
    finally:
        watch.cancel()


async def _pieces(content: aiohttp.StreamReader, begun: bytearray, *, chunked: bool) -> AsyncIterator[bytes]:
    """Yield what ``http_chunks`` does, to the end of the content; ``begun`` holds the chunk that is not whole yet."""
    while True:
        data, complete = await content.readchunk()
        begun += data
        if begun and (complete or not chunked):  # aiohttp also reports the last chunk, which is empty
            yield bytes(begun)
            begun.clear()
        # The result of readchunk() alone does not show the end: in aiohttp all responses without a body share one
        # object, which returns (b"", False) once in the life of the process and (b"", True) from then on.
        if not data and (not complete or content.at_eof()):
            return


async def _watch(upstream: aiohttp.ClientResponse) -> None:
    """Wake the reader where aiohttp does not: on broken chunks it closes the connection without an error."""
    while (connection := upstream.connection) is not None and connection.protocol is not None:
        was_connected = connection.protocol.is_connected()
        await asyncio.sleep(_WATCH_INTERVAL)
        if not was_connected and not upstream.content.is_eof() and upstream.content.exception() is None:
            upstream.content.set_exception(aiohttp.ClientPayloadError("the server broke the chunked coding"))


def was_reset(error: BaseException | None) -> bool:
    """Return whether an RST is the cause of the error."""
    while error is not None:
        if isinstance(error, ConnectionResetError) or "ConnectionResetError" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def drop(upstream: aiohttp.ClientResponse) -> None:
    """End the connection at once, so that the server stops."""
    if upstream.connection is not None and upstream.connection.transport is not None:
        upstream.connection.transport.abort()
    upstream.close()
