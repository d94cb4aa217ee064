"""The target of a request: RFC 9112, section 3.2."""

from __future__ import annotations

import re
from collections.abc import Iterable

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?P<host>[^/?#]*)(?P<rest>[^#]*)")


def of_target(target: str) -> tuple[str | None, str]:
    """Return the host, and the path with its query, of a request's target.

    ``http://host/path`` names both, as for a proxy: a server has to accept that, and the host then takes the place of
    the ``Host`` header (section 3.2.2). The host of any other target is ``None``.
    """
    match = None if target.startswith("/") else _ABSOLUTE.match(target)
    if match is None:
        return None, target
    rest = match["rest"]
    return match["host"], rest if rest.startswith("/") else f"/{rest}"


def with_host(headers: Iterable[tuple[str, str]], host: str | None) -> tuple[tuple[str, str], ...]:
    """Return the headers with this ``Host`` in place of those that came; ``None``: as they came."""
    if host is None:
        return tuple(headers)
    return (("Host", host), *((name, value) for name, value in headers if name.lower() != "host"))
