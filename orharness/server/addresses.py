"""The addresses below ``/s/``: a session, or a run of a client, has a base URL of its own, ``http://host:port/s/ID/v1``.

A run's id is a number (see ``runs``), a session's id begins with an ``x``: one path prefix serves both, and a path of
any other form is an ordinary one.
"""

from __future__ import annotations

import re
import secrets

_SESSION = "x[0-9a-f]{12}"
_PREFIX = re.compile(rf"/s/(\d+|{_SESSION})(?=/|$)")
_SESSION_ID = re.compile(_SESSION)


def address(origin: str, name: str | int) -> str:
    """Return the origin of a session or a run, without ``/v1``."""
    return f"{origin}/s/{name}"


def split(path: str) -> tuple[str | None, str]:
    """Return the id that a path names, ``None`` where it names none, and the path without it."""
    found = _PREFIX.match(path)
    return (None, path) if found is None else (found[1], path[found.end() :] or "/")


def new_session_id() -> str:
    """Return an id that nobody can guess: 48 bits of chance."""
    return f"x{secrets.token_hex(6)}"


def is_session_id(name: str) -> bool:
    """Whether a text has the form of a session's id."""
    return _SESSION_ID.fullmatch(name) is not None
