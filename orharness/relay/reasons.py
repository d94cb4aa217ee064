"""Why relays fail, in sentences: the usual causes, and the cure for a server that identifies itself in its headers.

docs/relays.md has the cures with their code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class RelayKind(StrEnum):
    """The kind of a relay, as far as its response headers say."""

    NGINX = "nginx"
    ASGI = "asgi"
    WSGI = "wsgi"
    AIOHTTP = "aiohttp"
    NODE = "node"


_KINDS = {
    RelayKind.NGINX: r"nginx|openresty",
    RelayKind.ASGI: r"uvicorn|hypercorn|daphne|granian",
    RelayKind.WSGI: r"werkzeug|gunicorn|wsgiserver|waitress|cheroot|uwsgi",
    RelayKind.AIOHTTP: r"aiohttp",
    RelayKind.NODE: r"express|next\.js|node",
}


def kind_of(headers: Mapping[str, str]) -> RelayKind | None:
    """Return the kind of a relay by its ``Server`` or ``X-Powered-By``, ``None`` if they do not say.

    ``headers``: by name in lower case. Go's servers and haproxy send neither.
    """
    said = f"{headers.get('server', '')} {headers.get('x-powered-by', '')}".lower()
    return next((kind for kind, pattern in _KINDS.items() if re.search(rf"\b(?:{pattern})", said)), None)


@dataclass(frozen=True)
class Cause:
    """What is seen, its usual causes, and the specific cause and cure for known relays."""

    seen: str
    usual: str
    known: Mapping[RelayKind, str] = field(default_factory=dict)

    def reason_for(self, kind: RelayKind | None) -> str:
        """Return the reason for a relay of that kind."""
        return f"{self.seen}. {self.usual if kind is None else self.known.get(kind, self.usual)}"


_SYNC_GENERATOR = "a sync generator (it runs in a thread that nobody can stop: make it async)"
_OWN_TASK = "a task of its own that fills a queue (cancel it in a `finally`)"
_NOT_CLOSED = "a client that is not closed when the generator is (use `async with`)"
_ON_CLOSE = "res.on('close', () => controller.abort())"
_NO_CURE_IN_WSGI = (
    "WSGI (Flask, Django) sees that a browser has left only when it writes, and has no cure for that: serve this route"
    " under ASGI (Quart, or Django 5 with an async view), or at least write a comment every second"
)

BUFFERS = Cause(
    "it is collected on its way",
    "Usual places: a relay that awaits the answer before it sends, a response that is not streamed, a middleware that"
    " waits for the whole answer or compresses it, a Go handler without Flush() after each write, a reverse proxy"
    " (nginx: `proxy_buffering off`, or the header X-Accel-Buffering: no)",
    {
        RelayKind.NGINX: "nginx buffers by default: `proxy_buffering off`, or the header X-Accel-Buffering: no from the"
        " backend. If that is set, the backend itself collects the answer"
    },
)
READS_ON = Cause(
    "the upstream goes on, though nobody is there",
    f"Usual causes: in FastAPI and Starlette {_SYNC_GENERATOR}; {_OWN_TASK}; {_NOT_CLOSED}; in Node `fetch` without a"
    f" signal ({_ON_CLOSE}), and http-proxy (res.on('close', () => proxyReq.destroy())); in Go a request without"
    " r.Context(); nginx with `proxy_ignore_client_abort on`; a WSGI server (Flask, Django), which cannot see it",
    {
        RelayKind.NGINX: "nginx goes on with `proxy_ignore_client_abort on`: `off` is the default. If it is off, the"
        " backend behind nginx is the one that goes on: check it without nginx",
        RelayKind.ASGI: f"Usual causes: {_SYNC_GENERATOR}; {_OWN_TASK}; {_NOT_CLOSED}",
        RelayKind.WSGI: _NO_CURE_IN_WSGI,
        RelayKind.AIOHTTP: f"Usual causes: {_OWN_TASK}; aiohttp.web without handler_cancellation=True; {_NOT_CLOSED}",
        RelayKind.NODE: f"Usual causes: `fetch` without a signal ({_ON_CLOSE}; in Next.js request.signal); http-proxy,"
        " which waits for an event that Node no longer sends (res.on('close', () => proxyReq.destroy()))",
    },
)
WAKES_LATE = Cause(
    "the relay notices only when it has something to write: while the model thinks, it runs on",
    f"haproxy needs `option abortonclose`, aiohttp.web handler_cancellation=True, Node a listener ({_ON_CLOSE}), Go a"
    f" request with r.Context(); {_NO_CURE_IN_WSGI}",
    {
        RelayKind.ASGI: "A loop that asks `await request.is_disconnected()` between two events does that: let the"
        " framework cancel the generator",
        RelayKind.WSGI: _NO_CURE_IN_WSGI,
        RelayKind.AIOHTTP: "aiohttp.web needs handler_cancellation=True, which is off by default",
        RelayKind.NODE: f"It needs a listener on the response: {_ON_CLOSE}",
    },
)
LEAVES_LATE = (
    "the relay leaves, but late: it looks for its browser from time to time, or ends a task of its own after a pause."
    " Leave when the browser's connection ends"
)
ASKS_AFTER_A_CANCEL = (
    "the relay takes the end of a cancelled request for a failure and asks again: the model generates for nobody. Usual"
    " causes: a retry around the whole request (a decorator, a gateway's setting) that also catches the cancel; a"
    " request that is handed to a task of its own. Do not retry after the browser has left"
)
ASKS_AGAIN = (
    "the relay asks again although the upstream did not refuse: a hedge (two requests at once), a retry after a"
    " time-out or a broken stream, or two layers that each ask. Retry only what is not billed: an error before the"
    " stream"
)
DROPPED = (
    "the upstream's error event is dropped and the answer ended in order: it only lacks its end, which many clients do"
    " not look for (the openai SDK ends its loop as if all were well). Pass the event on, or let the connection break"
    " off"
)
SWALLOWED = (
    "the error is caught on its way and the answer ended in order: its reader takes a part for the whole. Send an error"
    " event, or let the connection break off"
)
