"""A whole response, ready to be delivered: what a reply makes for one request."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from orharness.dialects import DIALECTS, Dialect
from orharness.gateways import Gateway
from orharness.journal import Pacing
from orharness.scenario.background import InBackground
from orharness.stream import Ending, Framing, Stream
from orharness.upstream import Generation

if TYPE_CHECKING:
    from orharness.latency import Latency


@dataclass(frozen=True)
class Response:
    """A response: status, headers as they are sent (without those of the framing), the body, seconds to the head.

    ``pacing``: ``None`` for the server's own. ``generation``: the model behind it, ``None`` if there is none.
    ``status``: ``None`` for no response at all: the connection ends as the stream says.
    ``background``: the answer that is made whether or not the client stays, ``None`` for any other.
    ``latency``: the times of the model that are drawn for each request, ``None`` for the stream's own.
    """

    status: int | None
    headers: tuple[tuple[str, str], ...]
    stream: Stream
    head: float = 0.0
    pacing: Pacing | None = None
    generation: Generation | None = None
    background: InBackground | None = None
    latency: Latency | None = None

    @property
    def has_body(self) -> bool:
        """Whether its status allows a body: informational, 204 and 304 responses have none (RFC 9112, 6.3)."""
        return self.status is None or (self.status >= 200 and self.status not in (204, 304))

    def to(self, method: str) -> Response:
        """Return the response that a request of that method gets: to HEAD, and with some statuses, one without a body.

        A Content-Length still announces the body. No model is behind a response that has none of it.
        """
        stream = self.stream
        if (method != "HEAD" and self.has_body) or not stream.body:
            return self
        size = len(stream.body)
        announced = size if stream.ending is Ending.EOF else max(stream.announced or 0, size + 1)
        empty = replace(stream, chunks=(), tokens=(), gates=(), end_marker=None, announced=announced)
        return replace(self, stream=empty, generation=None)

    def drawn(self, number: int) -> Response:
        """Return the response with the times that its model takes for request ``number`` of the session."""
        if self.latency is None:
            return self
        if self.background is None and self.generation is not None and not self.generation.streamed:
            return replace(self, head=self.head + self.latency.whole(self.generation.total, number))
        if self.background is not None:
            timed = self.latency.apply(self.background.stream, number)
            made = replace(self.background, stream=timed)
            return replace(
                self, background=made, stream=timed if self.stream is self.background.stream else self.stream
            )
        stream = self.latency.apply(self.stream, number)
        model = None if self.generation is None else replace(self.generation, seconds=stream.duration)
        return replace(self, stream=stream, generation=model)


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
