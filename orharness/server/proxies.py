"""Which proxy a request takes by the environment: ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY``, ``NO_PROXY``."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from orharness.errors import ScenarioError


def proxy_for(scheme: str, host: str) -> str | None:
    """Return the address of the proxy for a host; ``None`` for none.

    The names are read in either case, and on macOS and Windows the system's settings where there are none. Raises
    ``ScenarioError`` for a proxy that does not speak HTTP: there is no SOCKS here.
    """
    proxies = getproxies()
    found = proxies.get(scheme) or proxies.get("all")
    if not found or proxy_bypass(host):
        return None
    url = urlsplit(found if "://" in found else f"http://{found}")
    if url.scheme not in ("http", "https"):
        raise ScenarioError(
            f"the proxy for {scheme}://{host} speaks {url.scheme}, which is not supported: name an HTTP proxy in"
            f" {scheme.upper()}_PROXY, or the host in NO_PROXY"
        )
    return url.geturl()
