"""Which requests to a local server may come from a web page, and which pages are allowed to make them.

A browser sends a page's request to a loopback address without asking (a ``text/plain`` POST needs no preflight), so a
server that adds a key to what it forwards must know who asks. A page cannot forge ``Host``, ``Origin`` and
``Sec-Fetch-Site``, and a client that is not a browser sends only ``Host``.

Sources: https://fetch.spec.whatwg.org/#http-cors-protocol, https://www.w3.org/TR/fetch-metadata/,
https://wicg.github.io/private-network-access/ (the preflight for loopback addresses). A foreign ``Host`` is a sign of
DNS rebinding.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from orharness.errors import ScenarioError

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(?P<name>\[[^\]]*\]|[^:]*)(?::(?P<port>\d+))?")
_SITES_OF_ITS_OWN = ("none", "same-origin")  # none: the user's own request, not a page's


class OriginGate:
    """Judges the headers of requests to a server that listens on ``host``, and answers CORS preflights.

    ``allowed`` are the origins of pages that may ask, such as ``http://localhost:3000``, or ``null``. Raises
    ``ScenarioError`` for anything that is not an origin.
    """

    def __init__(self, allowed: Iterable[str] = (), host: str = "127.0.0.1") -> None:
        self._allowed = {_checked_origin(one) for one in allowed}
        self._hosts = {host.lower(), *filter(None, (urlsplit(one).hostname for one in self._allowed))}

    def refusal(self, headers: Mapping[str, str], port: int) -> str | None:
        """Return why the server on ``port`` refuses the request, as a sentence; ``None`` if it does not."""
        host, origin = headers.get("Host"), headers.get("Origin")
        if host is not None and not self._is_own(host, port):
            return f"a request for the host {_shown(host)} is refused, since a web page may have made it: ask 127.0.0.1"
        if self._allows(origin):
            return None
        if origin is not None and origin.lower() != f"http://{host}".lower():
            allow = f"--allow-origin {origin} allows it" if _is_origin(origin) else "it cannot be allowed"
            return f"a request of a web page of the origin {_shown(origin)} is refused: {_shown(allow)}"
        site = headers.get("Sec-Fetch-Site", "none")
        if site.lower() not in _SITES_OF_ITS_OWN:
            return (
                f"a {_shown(site)} request of a web page without an Origin is refused: --allow-origin cannot allow it"
            )
        return None

    def is_preflight(self, method: str, headers: Mapping[str, str]) -> bool:
        """Return whether this is a preflight of a browser for an allowed page."""
        return (
            method == "OPTIONS" and "Access-Control-Request-Method" in headers and self._allows(headers.get("Origin"))
        )

    def preflight_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of the answer to a preflight of an allowed page: everything it asks for is allowed."""
        asked = headers.get("Access-Control-Request-Headers")
        network = "Access-Control-Request-Private-Network" in headers
        return {
            **self.response_headers(headers),
            "Access-Control-Allow-Methods": headers["Access-Control-Request-Method"],
            **({"Access-Control-Allow-Headers": asked} if asked else {}),
            **({"Access-Control-Allow-Private-Network": "true"} if network else {}),
        }

    def response_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return the headers that let an allowed page read the response to its request; none for any other page."""
        origin = headers.get("Origin")
        if origin is None or not self._allows(origin):
            return {}
        return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "*", "Vary": "Origin"}

    def _allows(self, origin: str | None) -> bool:
        return origin is not None and origin.lower() in self._allowed

    def _is_own(self, host: str, port: int) -> bool:
        match, name = _HOST.fullmatch(host.lower()), host_name(host)
        if match is None or name is None:
            return False
        return int(match["port"] or 80) == port and (name in self._hosts or is_loopback(name))


_EVERYWHERE = {
    "": "127.0.0.1",
    "0.0.0.0": "127.0.0.1",
    "::": "[::1]",
}  # hosts that mean every address: the host that a client uses


def is_everywhere(host: str) -> bool:
    """Return whether a server on that host listens on every address of this machine."""
    return host in _EVERYWHERE


def shown_host(host: str) -> str:
    """Return the host in addresses that a client on this machine can use; loopback if it listens everywhere."""
    return _EVERYWHERE.get(host) or (f"[{host}]" if ":" in host else host)


@lru_cache(maxsize=256)  # asked for each request
def is_loopback(name: str) -> bool:
    """Whether that name or address is this machine's loopback."""
    if name == "localhost":
        return True
    try:
        found = ip_address(name)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return found.is_loopback or (mapped is not None and mapped.is_loopback)


def host_name(host: str) -> str | None:
    """Return the name or address in a ``Host`` header, in lower case and without port; ``None`` for anything else."""
    match = _HOST.fullmatch(host.lower())
    return None if match is None else match["name"].removeprefix("[").removesuffix("]")


def check_host(host: str) -> None:
    """Raise ``ScenarioError`` for a ``--host`` that names nothing: the system takes it for every address."""
    if not host.strip():
        raise ScenarioError("--host names no address; 0.0.0.0 is every address of this machine, 127.0.0.1 loopback's")


def is_name_or_address(text: str) -> bool:
    """Return whether that is a host name or an IP address alone: no URL, no port, no path, and not in brackets."""
    try:
        ip_address(text)
    except ValueError:
        return re.fullmatch(r"[\w-]+(\.[\w-]+)*\.?", text) is not None
    return True


def _checked_origin(text: str) -> str:
    origin = text.lower().removesuffix("/")
    if not _is_origin(origin):
        raise ScenarioError(f"an origin is such as http://localhost:3000, without a path, or null; not {text!r}")
    scheme, _, place = origin.partition("://")
    return origin.removesuffix(f":{_DEFAULT_PORTS.get(scheme)}") if place else origin  # as a browser writes it


def _is_origin(text: str) -> bool:
    try:
        url = urlsplit(text.lower())
        named = bool(url.scheme and url.hostname) and url.port != 0
    except ValueError:
        return False
    plain = text.lower() == f"{url.scheme}://{url.netloc}" and not {"@", "*"} & set(text)
    return text == "null" or (named and plain)


def _shown(text: str) -> str:
    """Return at most 100 characters, with control characters escaped."""
    return repr(text[:100])[1:-1]
