"""How the recorder reaches a server: which certificates it trusts, and which address a host has."""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from orharness.errors import ScenarioError
from orharness.server.forwarding import CONNECT_TIMEOUT
from orharness.server.proxies import named_proxy, proxy_for, why_no_proxy

_ADDRESS = re.compile(r"(?P<host>[^=\s]+)=(?P<address>\[[^\]]+\]|[^:\s]+)(?::(?P<port>\d{1,5}))?")
Addresses = Mapping[str, tuple[str, int | None]]
"""By host: the name or address to connect to in its place, and a port where that differs too."""


@dataclass(frozen=True)
class Reach:
    """How servers are reached.

    ``ca``: a file of certificates (PEM) that are trusted beside the system's. ``addresses``: those of some hosts.
    ``connect_timeout``: the seconds within which a server accepts a connection.
    """

    ca: Path | None = None
    addresses: Addresses = field(default_factory=dict)
    connect_timeout: float = CONNECT_TIMEOUT

    def tls(self) -> ssl.SSLContext | None:
        """The context for connections; ``None`` for the usual one. Raises ``ScenarioError`` for an unusable file."""
        if self.ca is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_default_certs()
        try:
            context.load_verify_locations(self.ca)
        except ssl.SSLError as error:
            raise ScenarioError(f"--ca {self.ca}: this is not a file of certificates in PEM: {error.reason}") from error
        except OSError as error:
            raise ScenarioError(f"--ca {self.ca}: the file cannot be read: {error.strerror}") from error
        return context

    def resolver(self) -> AbstractResolver | None:
        """The resolver for connections; ``None`` for the usual one. Call it in the loop that uses it."""
        return _Resolver(self.addresses) if self.addresses else None


def addresses_of(given: Iterable[str]) -> dict[str, tuple[str, int | None]]:
    """The addresses in texts such as ``api.test=127.0.0.1`` or ``api.test=127.0.0.1:8443``, by host.

    Raises ``ScenarioError`` for any other text.
    """
    found = {}
    for one in given:
        match = _ADDRESS.fullmatch(one)
        if match is None:
            raise ScenarioError(
                f"--resolve is HOST=ADDRESS or HOST=ADDRESS:PORT, as in api.test=127.0.0.1, not {one!r}"
            )
        if match["port"] and not 0 < int(match["port"]) < 2**16:
            raise ScenarioError(f"--resolve {one}: a port is a number from 1 to 65535")
        found[match["host"].lower()] = (match["address"].strip("[]"), int(match["port"]) if match["port"] else None)
    return found


_OF_ANOTHER_HOST = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH and _IP_ADDRESS_MISMATCH of OpenSSL's x509_vfy.h


def why_not_trusted(error: Exception) -> str | None:
    """A sentence about a certificate that is not trusted; ``None`` for any other error."""
    if not isinstance(error, aiohttp.ClientConnectorCertificateError):
        return None
    reason = getattr(error.certificate_error, "verify_message", "") or str(error.certificate_error)
    if getattr(error.certificate_error, "verify_code", None) in _OF_ANOTHER_HOST:
        return f"its certificate is of another host: {reason}"
    return f"its certificate is not trusted: {reason}; --ca FILE names the authority that signed it"


def why_unanswered(error: Exception, url: str, addresses: Addresses | None = None) -> str:
    """A clause about a request to ``url`` to which no response head came.

    It may quote the address and what the server sent. ``addresses``: those of ``Reach``.
    """
    scheme, host = urlsplit(url).scheme, urlsplit(url).hostname or ""
    proxy = proxy_for(scheme, host) if isinstance(error, aiohttp.ClientError) else None
    if proxy is not None:
        return _why_by_way_of(proxy, scheme, error)
    if isinstance(error, aiohttp.ClientConnectorError) and (given := (addresses or {}).get(host)):
        where = given[0] + (f":{given[1]}" if given[1] else "")
        return (
            why_not_trusted(error) or f"cannot connect to {where}, which --resolve gives: {_said_by_the_system(error)}"
        )
    return _why(error)


def _why_by_way_of(proxy: str, scheme: str, error: Exception) -> str:
    """The same where the request went by way of a proxy."""
    connects_to_it = isinstance(error, aiohttp.ClientConnectorError) and error.host == urlsplit(proxy).hostname
    if connects_to_it and why_not_trusted(error) is None:
        assert isinstance(error, aiohttp.ClientConnectorError)
        return why_no_proxy(proxy, scheme, _said_by_the_system(error))
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"{named_proxy(proxy, scheme)}, refused: {error.status} {error.message}"
    if isinstance(error, aiohttp.ServerTimeoutError | aiohttp.ServerDisconnectedError):
        return f"{_why(error)} ({named_proxy(proxy, scheme)}, is between)"
    return _why(error)


def _said_by_the_system(error: aiohttp.ClientConnectorError) -> str:
    number = error.os_error.errno or 0  # positive but where the host was not found
    return os.strerror(number) if number > 0 else error.os_error.strerror or str(error.os_error)


def _why(error: Exception) -> str:
    if (untrusted := why_not_trusted(error)) is not None:
        return untrusted
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "it ended the connection before a response"
    if isinstance(error, aiohttp.ClientResponseError):  # of which aiohttp says that the status is 400
        return f"what it sent is not HTTP: {' '.join(error.message.rstrip(' ^').split())}"
    if isinstance(error, aiohttp.ServerTimeoutError):
        return "the connection was not accepted in time"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect to {error.host}, port {error.port}: {_said_by_the_system(error)}"
    return str(error) or type(error).__name__


class _Resolver(AbstractResolver):
    """Knows the given addresses, and asks the system for all others."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._system = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        address, other = self._addresses.get(host.lower(), (host, None))
        found = await self._system.resolve(address, other or port, family)
        return [{**one, "hostname": host} for one in found]

    async def close(self) -> None:
        await self._system.close()
