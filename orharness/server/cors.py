"""What lets web pages of any origin ask for what a scenario plays, and read it.

``origins`` is about the other direction: which pages may make a server act. Source:
https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

from dataclasses import replace

from orharness.journal import Request
from orharness.scenario.response import Response
from orharness.stream import Framing, Stream

_PREFIX = "access-control-"
_READABLE = (("Access-Control-Allow-Origin", "*"), ("Access-Control-Expose-Headers", "*"))
_KEPT = "600"  # seconds for which a browser keeps the answer to a preflight


def is_preflight(request: Request) -> bool:
    """Whether a browser asks what a page may send."""
    if request.method != "OPTIONS" or request.header("Origin") is None:
        return False
    return request.header("Access-Control-Request-Method") is not None


def preflight_response(request: Request) -> Response:
    """Return the answer to a preflight: whatever the page asks for is allowed."""
    headers = [("Access-Control-Allow-Methods", request.header("Access-Control-Request-Method") or "*")]
    # Not `*` for the headers: that does not cover Authorization, which every client of these APIs sends.
    if (asked := request.header("Access-Control-Request-Headers")) is not None:
        headers.append(("Access-Control-Allow-Headers", asked))
    if request.header("Access-Control-Request-Private-Network") is not None:
        headers.append(("Access-Control-Allow-Private-Network", "true"))
    headers.append(("Access-Control-Max-Age", _KEPT))
    return Response(204, (*_READABLE, *headers), Stream((), framing=Framing.LENGTH))


def readable(response: Response) -> Response:
    """Return the response with the headers that let a page of any origin read it.

    Recorded ``Access-Control-*`` headers name the origin of the page that was recorded: these take their place.
    """
    kept = [pair for pair in response.headers if not pair[0].lower().startswith(_PREFIX)]
    return replace(response, headers=(*kept, *_READABLE))
