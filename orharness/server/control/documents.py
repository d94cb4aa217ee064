"""The JSON documents of control responses."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from orharness.loopback import API_KEY, client_environment
from orharness.server import addresses
from orharness.server.mounts import Mounted
from orharness.server.sessions import DEFAULT, KEY_PREFIX, SESSION_HEADER, Session, Sessions


def dumped(document: Any) -> bytes:
    """Return a document as compact JSON, in ASCII if a client's text in it has a lone surrogate."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(document, separators=(",", ":")).encode()


def session_document(sessions: Sessions, session: Session, origin: str) -> dict[str, Any]:
    """Return a session: its addresses, the environment variables for a client, its routes. ``origin``: the server's."""
    own = origin if session.id == DEFAULT else addresses.address(origin, session.id)
    key = API_KEY if session.id == DEFAULT else f"{KEY_PREFIX}{session.id}"
    _ = session.log  # from now on its events are numbered
    return {
        "id": session.id,
        "origin": own,
        "base_url": f"{own}/v1",
        "api_key": key,
        "headers": {SESSION_HEADER: session.id},
        "env": {**client_environment(f"{own}/v1", key), "ORHARNESS_URL": origin, "ORHARNESS_SESSION": session.id},
        "strict": session.strict,
        "ttl": None if session.id == DEFAULT else session.ttl,
        "routes": [route_document(one) for one in session.answering.mounted],
        "calls": len(session.answering.exchanges),
        "event": sessions.numbers.last,
    }


def route_document(mounted: Mounted) -> dict[str, Any]:
    """Return a mounted route."""
    return {
        "id": mounted.id,
        "name": mounted.route.name,
        "method": mounted.route.method,
        "path": mounted.route.path,
        "strict": mounted.strict,
        "calls": mounted.calls,
    }


def origin_of(host: str | None, port: int) -> str:
    """Return the server's address as the caller wrote it in ``Host``, or loopback if that header is missing."""
    return f"http://{host}" if host and urlsplit(f"http://{host}").hostname else f"http://127.0.0.1:{port}"
