"""The recorder's client side: asks the server that is recorded, and reads its response as it comes."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from orharness.cassette.interaction import Headers, in_one_line
from orharness.errors import ScenarioError
from orharness.recording.direct import DirectBody
from orharness.recording.exchange import Head, RecordedExchange
from orharness.recording.noted_connections import NotedConnector, ResponseWire, current
from orharness.recording.reach import Reach
from orharness.recording.wire_notes import WireNotes
from orharness.redaction import hide, is_secret
from orharness.server.forwarding import client_session, is_chunked, was_reset
from orharness.server.headers import OF_THE_CONNECTION, readable, text
from orharness.server.proxies import proxy_for
from orharness.stream import Ending, Framing

_SMALL = 2**19  # bytes
_API_PREFIX = re.compile(r"^(?:/api)?/v1(?=[/?]|$)")
_BETA = "/v1beta"
_BETA_PREFIX = re.compile(rf"^{_BETA}(?=[/?]|$)")


def upstream_uri(upstream: str, path_and_query: str) -> str:
    """Where a request goes: ``/v1/x`` and ``/x`` both to ``upstream/x``, whose own path says what comes before.

    ``/v1beta/x`` does so where the upstream ends in ``/v1beta``; elsewhere it stays as it is.
    """
    base = upstream.rstrip("/")
    plain = _BETA_PREFIX.sub("", path_and_query) if base.endswith(_BETA) else path_and_query
    return base + _API_PREFIX.sub("", plain)


def checked_upstream(upstream: str) -> str:
    """The address. Raises ``ScenarioError`` where it is not a base URL."""
    try:
        url = URL(upstream)
    except ValueError as error:
        raise ScenarioError(f"the upstream {hide(upstream)!r} is not an address: {error}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ScenarioError(f"an upstream is a base URL such as https://host/v1, not {hide(upstream)!r}")
    if url.query_string or url.fragment or "?" in upstream or any(one.isspace() for one in upstream):
        raise ScenarioError(
            f"an upstream is a base URL without a query, a fragment or blanks, not {hide(upstream)!r}: paths are"
            " appended to it, and a query comes with each request"
        )
    return upstream


def key_from(name: str | None) -> str | None:
    """The value of an environment variable. Raises ``ScenarioError`` where it is not set."""
    if name is None:
        return None
    if not os.environ.get(name):
        raise ScenarioError(f"the environment variable {name} is to hold the upstream's key, but it is not set")
    return os.environ[name]


class Asker:
    """Sends requests to upstreams, as ``reach`` says. ``clock`` is the loop's, in seconds.

    ``direct``: the chunks of a body pass without being parsed by aiohttp, as far as that is possible.
    """

    def __init__(self, clock: Callable[[], float], reach: Reach, *, direct: bool = False) -> None:
        self._clock = clock
        self._direct = direct
        self._proxies: dict[tuple[str, str], str | None] = {}  # by scheme and host: the environment stays as it is
        self._client = _client(clock, reach)

    async def close(self) -> None:
        """Close what is open."""
        await self._client.close()

    async def ask(
        self, exchange: RecordedExchange, *, key: str | None = None, announces_body: bool
    ) -> aiohttp.ClientResponse:
        """Send the request of the exchange, and give the exchange the response head. ``key`` replaces the client's.

        ``announces_body``: whether the client sent a Content-Length, which then goes on even where it is 0. Raises what
        aiohttp raises, ``OSError``, ``ValueError`` for an impossible address, or ``ScenarioError`` for a proxy of the
        environment that cannot be used.
        """
        asked, url = exchange.request, URL(exchange.request.uri, encoded=True)
        # As the client sent them: the request that is recorded has repeated ones joined.
        headers = CIMultiDict(_with_key(exchange.sent_headers or asked.headers, key))
        headers["Accept-Encoding"] = "identity"  # what is recorded is to be the stream itself
        directly = self._direct and asked.method != "HEAD"
        exchange.wire = WireNotes(stops_at_chunks=directly)
        exchange.body = DirectBody(self._clock) if directly else None
        current.set(ResponseWire(exchange.wire, exchange.body))
        response = await self._client.request(
            asked.method,
            url,
            headers=headers,
            proxy=self._proxy(url.scheme, url.host or ""),
            data=_payload(asked.body, announces_body=announces_body),
            allow_redirects=False,
            trace_request_ctx=SimpleNamespace(exchange=exchange),
        )
        exchange.answered(_head(asked.method, response), self._clock())
        return response

    def _proxy(self, scheme: str, host: str) -> str | None:
        if (scheme, host) not in self._proxies:
            self._proxies[scheme, host] = proxy_for(scheme, host)
        return self._proxies[scheme, host]


def _payload(body: bytes, *, announces_body: bool) -> bytes | io.BytesIO | None:
    """The body as aiohttp takes it: it warns of much as bytes, and reads anything else in a thread."""
    if 0 < len(body) <= _SMALL:
        return body
    return io.BytesIO(body) if body or announces_body else None


def _client(clock: Callable[[], float], reach: Reach) -> aiohttp.ClientSession:
    async def sent(_: object, context: Any, __: object) -> None:
        context.trace_request_ctx.exchange.sent(clock())

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(sent)
    trace.on_request_chunk_sent.append(sent)
    return client_session(trace, connector=NotedConnector(reach), connect_timeout=reach.connect_timeout)


def ending_of(error: Exception) -> Ending:
    """How a request ended to which no response head came: what a client is to see on replay.

    A refused connection, and a host that is not found, is a reset; one that was not answered in time hangs; what is not
    HTTP, or ended before the head, is an abort.
    """
    if isinstance(error, TimeoutError):
        return Ending.HANG
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientConnectorDNSError | ConnectionError):
        return Ending.RESET
    return Ending.RESET if was_reset(error) else Ending.ABORT


def _with_key(headers: Headers, key: str | None) -> Headers:
    """The headers with our key in place of the client's, under the name that the client used."""
    if key is None:
        return headers
    used = next((name for name, _ in headers if is_secret(name) and "key" in name.lower()), None)
    others = tuple(pair for pair in headers if not is_secret(pair[0]) or "cookie" in pair[0].lower())
    return (*others, (used, key) if used else ("Authorization", f"Bearer {key}"))


def _head(method: str, response: aiohttp.ClientResponse) -> Head:
    headers = ((text(name), in_one_line(text(value))) for name, value in response.raw_headers)
    framing, announced = _framing(method, response)
    return Head(
        response.status,
        in_one_line(readable(response.reason or "")),
        tuple(pair for pair in headers if pair[0].lower() not in OF_THE_CONNECTION),
        framing,
        announced,
        response.headers.get("Content-Encoding"),
    )


def _framing(method: str, response: aiohttp.ClientResponse) -> tuple[Framing, int | None]:
    """How the body ends, and its length in bytes where that is announced."""
    if response.status in (204, 304):
        return Framing.LENGTH, None
    if is_chunked(response):
        return Framing.CHUNKED, None
    if method == "HEAD":  # its length is that of the answer to a GET (RFC 9110, section 9.3.2)
        return Framing.LENGTH, response.content_length
    if response.content_length is not None:
        return Framing.LENGTH, response.content_length
    return Framing.CLOSE, None
