"""Which proxy a request takes by the environment: ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY``, ``NO_PROXY``."""

from __future__ import annotations

import os
from contextlib import suppress
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from orharness.errors import ScenarioError


def proxy_for(scheme: str, host: str) -> str | None:
    """Return the address of the proxy for a host; ``None`` for none.

    The names are read in either case, and on macOS and Windows the system's settings where there are none. Raises
    ``ScenarioError`` for what is not an address, and for a proxy that does not speak HTTP: there is no SOCKS here.
    """
    proxies = getproxies()
    found = proxies.get(scheme) or proxies.get("all")
    if not found or proxy_bypass(host):
        return None
    url = _address(found if "://" in found else f"http://{found}")
    if url is None:
        raise ScenarioError(
            f"what {_variable(scheme)} names is not the address of a proxy: write http://HOST:PORT, or name {host} in"
            " NO_PROXY"
        )
    if url.scheme not in ("http", "https"):
        raise ScenarioError(
            f"the proxy for {scheme}://{host} speaks {url.scheme}, which is not supported: name an HTTP proxy in"
            f" {scheme.upper()}_PROXY, or the host in NO_PROXY"
        )
    return url.geturl()


def _address(text: str) -> SplitResult | None:
    """An address with a host, and with a port that is one if there is any. It may hold a password: do not show it."""
    with suppress(ValueError):
        url = urlsplit(text)
        if url.hostname and (url.port is None or url.port > 0):
            return url
    return None


def named_proxy(proxy: str, scheme: str) -> str:
    """Return a clause about the proxy for addresses with ``scheme``: where it is and what names it; no password."""
    url = urlsplit(proxy)
    port = url.port or (443 if url.scheme == "https" else 80)
    return f"the proxy {url.hostname}:{port}, which {_variable(scheme)} names"


def why_no_proxy(proxy: str, scheme: str, why: str) -> str:
    """Return a sentence about a proxy to which there is no connection; ``why``: what the system says."""
    what_to_do = f"correct {_variable(scheme)}, or name the host in NO_PROXY"
    return f"{named_proxy(proxy, scheme)}, cannot be reached: {why}; {what_to_do}"


def _variable(scheme: str) -> str:
    """The environment variable that names the proxy, as ``getproxies`` looks for it."""
    names = (f"{scheme}_proxy", "all_proxy")
    found = (one for name in names for one in (name, name.upper()) if os.environ.get(one))
    return next(found, "the system's settings")
