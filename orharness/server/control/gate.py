"""Access control for the control verbs, the journal and the events.

A web page can make its browser send requests to loopback. So whatever a browser sends needs the token, and so does
every client beyond loopback. A page cannot forge ``Host``, ``Origin`` and ``Sec-Fetch-*``, and its browser sends one of
the latter two with whatever it asks of loopback. It sends neither with a GET of another address, and ``0.0.0.0``,
``[::]`` and ``[::ffff:127.0.0.1]`` reach loopback, too: a request for one of them needs the token, whoever sends it. A
foreign name in ``Host`` is the sign of DNS rebinding; an IP address is not, as no name is looked up. (Node's ``fetch``
sends ``Sec-Fetch-Mode`` as well, so it needs the token, too.)

Source: https://www.w3.org/TR/fetch-metadata/ (only for potentially trustworthy URLs), and
https://www.w3.org/TR/secure-contexts/#is-origin-trustworthy (127.0.0.0/8 and ::1).
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from ipaddress import ip_address

from orharness.journal import Request
from orharness.origins import host_name, is_loopback
from orharness.server.control.problems import Problem

TOKEN_HEADER = "X-Orharness-Token"
_FETCH = "sec-fetch-"
_CHALLENGE = (("WWW-Authenticate", "Bearer"),)


class ControlGate:
    """Admits or refuses requests by their headers.

    ``token``: the secret that admits a browser; ``None`` makes a new one. ``hosts``: further names of this server.
    ``on``: whether anybody is admitted.
    """

    def __init__(self, token: str | None = None, hosts: Collection[str] = (), *, on: bool = True) -> None:
        self.on = on
        self.token = token or secrets.token_urlsafe(24)
        self._hosts = {host.lower() for host in hosts}

    def check(self, request: Request, *, local: bool) -> None:
        """Raise ``Problem`` for a request that is not admitted. ``local``: whether its client is on loopback."""
        if not self.on:
            raise Problem(404, "this server has no control API; `serve --control on` gives it one")
        host = request.header("Host")
        if host is not None and not self._is_ours(host):
            raise Problem(
                403, f"the host {host[:100]!r} is not this server's: ask 127.0.0.1, or start it with --allow-host"
            )
        who = _in_need_of_the_token(request, host, local=local)
        if who is not None and not self._has_token(request):
            raise Problem(
                401,
                f"{who} needs the token: send it as `Authorization: Bearer TOKEN` or `{TOKEN_HEADER}: TOKEN`"
                " (ORHARNESS_TOKEN sets it; serve shows it)",
                headers=_CHALLENGE,
            )

    def _is_ours(self, host: str) -> bool:
        name = host_name(host)
        return name is not None and (name in self._hosts or is_loopback(name) or _is_address(name))

    def _has_token(self, request: Request) -> bool:
        bearer = (request.header("Authorization") or "").removeprefix("Bearer ").strip()
        given = request.header(TOKEN_HEADER) or bearer
        return secrets.compare_digest(given.encode("utf-8", "surrogateescape"), self.token.encode())


def _in_need_of_the_token(request: Request, host: str | None, *, local: bool) -> str | None:
    """Return who sends such a request; ``None`` for a program on this machine."""
    if not local:
        return "a client on another machine"
    if _is_from_a_browser(request):
        return "a web page"
    return None if host is None or not _hides_pages(host) else f"a client that asks {host[:100]} and not 127.0.0.1"


def _is_from_a_browser(request: Request) -> bool:
    return any(name.lower() == "origin" or name.lower().startswith(_FETCH) for name, _ in request.headers)


def _hides_pages(host: str) -> bool:
    """Return whether a host reaches loopback, and browsers, which do not know it, do not say that a page asks."""
    name = host_name(host) or ""
    if not _is_address(name):
        return False
    address = ip_address(name)
    return address.is_unspecified or getattr(address, "ipv4_mapped", None) is not None


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
