"""An explicit HTTP proxy (RFC 9110, sections 3.7 and 9.3.6) that opens the TLS of the hosts that are named."""

from __future__ import annotations

import asyncio
import base64
import hmac
import logging
import os
import re
import secrets
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from orharness.errors import ScenarioError
from orharness.intercept.authority import Authority
from orharness.server.proxies import proxy_for, why_no_proxy

log = logging.getLogger("orharness.intercept")

_HEAD_LIMIT = 2**16  # bytes
_HEAD_WITHIN = 30.0  # seconds
_PIECE = 2**16  # bytes
_LINGER_RESET = struct.pack("ii", 1, 0)
_USER = "orharness"
_HTTPS = 443
_IS_HOST = re.compile(r"(?:\*\.)?[\w-]+(?:\.[\w-]+)*")


@dataclass(frozen=True)
class Target:
    """Whom a client of the proxy wants to reach."""

    scheme: str
    host: str
    port: int

    @property
    def base_url(self) -> str:
        """Its address, without a port where that is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _port_of(self.scheme) else f":{self.port}")


@dataclass(frozen=True)
class _Head:
    """The head of a request to the proxy: its three parts, and its header lines."""

    method: str
    target: str
    version: str
    lines: tuple[bytes, ...]

    def header(self, name: bytes) -> bytes | None:
        found = (line.partition(b":") for line in self.lines)
        return next((value.strip() for key, _, value in found if key.strip().lower() == name), None)


def host_of(given: str) -> str:
    """Return a host of ``--intercept`` in lower case. Raises ``ScenarioError`` for what is not a host."""
    host = given.lower().rstrip(".")
    if _IS_HOST.fullmatch(host) or _is_address(host):
        return host
    raise ScenarioError(
        f"--intercept is a host such as api.example.com, or *.example.com for all below it; not {given!r}"
    )


def is_named(host: str, hosts: Iterable[str]) -> bool:
    """Return whether a host, in lower case, is one of ``hosts``: those of a ``Door``."""
    return any(host == one or (one.startswith("*.") and (host.endswith(one[1:]) or host == one[2:])) for one in hosts)


def _is_address(host: str) -> bool:
    try:
        return ip_address(host) is not None
    except ValueError:
        return False


class _DeadProxyError(ConnectionError):
    """There is no connection to the user's own proxy."""


class Door:
    """The proxy, on a free port of loopback; only who knows ``url`` can use it.

    ``hosts``: names or addresses that are intercepted (``*.example.com``: also all below it). ``port_for`` returns the
    loopback port of the server that answers for a target in plain HTTP. ``only``: any other host is refused, so that
    nothing leaves this machine; ``refused`` counts them. ``resolve``: the address, and perhaps a port, to connect to
    for a host. Raises ``ScenarioError`` for what is not a host, and where hosts are intercepted and trustme is not
    installed.
    """

    def __init__(
        self,
        hosts: Iterable[str],
        port_for: Callable[[Target], Awaitable[int]],
        *,
        only: bool = False,
        resolve: Mapping[str, tuple[str, int | None]] | None = None,
    ) -> None:
        self.hosts = [host_of(one) for one in hosts]
        self.authority = Authority() if self.hosts else None
        self._port_for = port_for
        self.only = only
        self._resolve = dict(resolve or {})
        self._password = secrets.token_urlsafe(24)
        self._connections: set[asyncio.Task[None]] = set()
        self.refused: Counter[str] = Counter()
        self._said: set[str] = set()

    async def start(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=_HEAD_LIMIT)
        self._port: int = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """End the proxy and every connection through it."""
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()
        await asyncio.sleep(0)  # the connections close in the next turn of the loop

    @property
    def url(self) -> str:
        """What goes into ``HTTPS_PROXY``; it holds the password."""
        return f"http://{_USER}:{self._password}@127.0.0.1:{self._port}"

    def intercepts(self, host: str) -> bool:
        """Whether the host is one of those that are named."""
        return is_named(host, self.hosts)

    # --- one connection -------------------------------------------------------------------------------------------

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            async with asyncio.timeout(_HEAD_WITHIN):
                head = _parsed(await reader.readuntil(b"\r\n\r\n"))
            await self._answer(head, reader, writer)
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError, ValueError) as error:
            log.debug("a connection to the proxy ended: %r", error)
        except asyncio.CancelledError:
            writer.transport.abort()  # nobody waits for what TLS has to say at its end
            raise
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer(self, head: _Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._knows_password(head):
            say = b'Proxy-Authenticate: Basic realm="orharness"\r\n'
            writer.write(_refusal(407, "Proxy Authentication Required", "this proxy wants its password", say))
            return
        tunnel = head.method == "CONNECT"
        target = _target_of(head.target, tunnel=tunnel)
        inner = self.intercepts(target.host)
        if not inner and self.only:
            self.refused[target.host] += 1
            why = f"nothing goes to the network here, and {target.host} is not one of the hosts of --intercept"
            writer.write(_refusal(403, "Forbidden", why))
            return
        try:
            other = await (self._inside(target) if inner else self._outside(target, tunnel=tunnel))
        except (OSError, ScenarioError) as error:
            if (
                isinstance(error, _DeadProxyError) and str(error) not in self._said
            ):  # a client shows no answer to CONNECT
                self._said.add(str(error))
                log.warning("%s: %s", target.host, error)
            writer.write(_refusal(502, "Bad Gateway", f"{target.host} cannot be reached: {error}"))
            return
        try:
            if tunnel:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                if inner:
                    assert self.authority is not None
                    await writer.start_tls(self.authority.context_for(target.host))
            else:
                other[1].write(_forwarded(head))
            await _joined((reader, writer), other, whole=inner)
        finally:
            other[1].close()

    def _knows_password(self, head: _Head) -> bool:
        given = head.header(b"proxy-authorization") or b""
        wanted = b"Basic " + base64.b64encode(f"{_USER}:{self._password}".encode())
        return hmac.compare_digest(given, wanted)

    async def _inside(self, target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", await self._port_for(target))

    async def _outside(self, target: Target, *, tunnel: bool) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to a host that is not intercepted, by way of the user's own proxy where there is one."""
        if target.scheme == "https" and not tunnel:
            raise ScenarioError("a client that asks a proxy for https:// has to use CONNECT")
        if (proxy := proxy_for(target.scheme, target.host)) is not None:
            return await _through(proxy, target)
        address, port = self._resolve.get(target.host, (target.host, None))
        return await asyncio.open_connection(address, port or target.port)


async def _through(proxy: str, target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    url = urlsplit(proxy)
    try:
        reader, writer = await asyncio.open_connection(url.hostname, url.port or _port_of(url.scheme))
    except OSError as error:
        raise _DeadProxyError(
            why_no_proxy(proxy, target.scheme, os.strerror(error.errno) if error.errno else str(error))
        ) from error
    place = f"{target.host}:{target.port}"
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if url.username is not None:
        pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}")
    writer.write("\r\n".join([*lines, "", ""]).encode())
    status = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n", 1)[0].decode("latin-1")
    if " 200" not in status:
        writer.close()
        raise ConnectionRefusedError(f"the proxy {url.hostname} answered {status!r}")
    return reader, writer


# --- heads ----------------------------------------------------------------------------------------------------------


def _parsed(data: bytes) -> _Head:
    first, *lines = data.rstrip(b"\r\n").split(b"\r\n")
    method, target, version = first.decode("latin-1").split(" ")
    return _Head(method, target, version, tuple(lines))


def _target_of(text: str, *, tunnel: bool) -> Target:
    url = urlsplit(f"https://{text}" if tunnel else text)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError(f"{text!r} is not what a client asks a proxy for")
    port = url.port or (_HTTPS if tunnel else _port_of(url.scheme))
    return Target("http" if tunnel and port == _port_of("http") else url.scheme, url.hostname.lower(), port)


def _port_of(scheme: str) -> int:
    return _HTTPS if scheme == "https" else 80


def _forwarded(head: _Head) -> bytes:
    """The head of a request for a server, as the proxy got it: one request a connection, for each may name another."""
    url = urlsplit(head.target)
    path = f"{url.path or '/'}{'?' if url.query else ''}{url.query}"
    kept = [line for line in head.lines if not line.lower().startswith((b"proxy-", b"connection:", b"host:"))]
    kept.insert(0, b"Host: " + url.netloc.rpartition("@")[2].encode("latin-1"))  # RFC 9112, section 3.2.2
    first = f"{head.method} {path} {head.version}".encode("latin-1")
    return b"\r\n".join([first, *kept, b"Connection: close", b"", b""])


def _refusal(status: int, reason: str, why: str, lines: bytes = b"") -> bytes:
    body = f"orharness: {why}\n".encode()
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n".encode()
    return head + lines + b"Connection: close\r\n\r\n" + body


# --- passing on -----------------------------------------------------------------------------------------------------

_Side = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _joined(client: _Side, server: _Side, *, whole: bool) -> None:
    """Pass on what comes on either side, until both have ended, or one has failed.

    ``whole``: a side that ends its part has left, so the other connection ends at once: that stops a model.
    """
    down = asyncio.create_task(_pump(server[0], client[1]))
    up = asyncio.create_task(_pump(client[0], server[1]))
    try:
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED if whole else asyncio.FIRST_EXCEPTION)
        if down.done() and not down.cancelled() and isinstance(down.exception(), ConnectionError):
            _reset(client[1])
    finally:
        for task in (up, down):
            task.cancel()
        await asyncio.gather(up, down, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_PIECE):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        with suppress(OSError):
            writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Pass on an RST: the client's connection ends with one too."""
    connection: socket.socket | None = writer.get_extra_info("socket")
    if connection is not None:
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
    writer.transport.abort()
