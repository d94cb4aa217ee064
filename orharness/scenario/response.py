"""A whole response, ready to be delivered: what a reply makes for one request."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from orharness.dialects import DIALECTS, Dialect
from orharness.gateways import Gateway
from orharness.journal import Pacing
from orharness.scenario.background import InBackground
from orharness.stream import Framing, Stream
from orharness.upstream import Generation


@dataclass(frozen=True)
class Response:
    """A response: status, headers as they are sent (without those of the framing), the body, seconds to the head.

    ``pacing``: ``None`` for the server's own. ``generation``: the model behind it, ``None`` if there is none.
    ``status``: ``None`` for no response at all: the connection ends as the stream says.
    ``background``: the answer that is made whether or not the client stays, ``None`` for any other.
    """

    status: int | None
    headers: tuple[tuple[str, str], ...]
    stream: Stream
    head: float = 0.0
    pacing: Pacing | None = None
    generation: Generation | None = None
    background: InBackground | None = None


def json_response(
    document: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = (), **options: Any
) -> Response:
    """Return a plain JSON answer. ``options`` are further fields of ``Response``."""
    stream = replace(Stream.of(compact(document)), framing=Framing.LENGTH)
    return Response(status, (("Content-Type", "application/json"), *headers), stream, **options)


def error_response(gateway: Gateway, status: int, message: str, dialect: Dialect | None = None) -> Response:
    """Return an error before the stream, in the format of the dialect and the gateway."""
    return json_response((dialect or DIALECTS.default).error_document(gateway, status, message), status)


def compact(document: Any) -> bytes:
    """Return the bytes of a document as compact JSON."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
