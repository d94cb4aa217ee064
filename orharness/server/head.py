"""The head of a response on the wire."""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus

from orharness.stream import Framing

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"  # RFC 9110, section 10.1.1


@lru_cache(maxsize=256)
def head(
    status: int, headers: tuple[tuple[str, str], ...], framing: Framing | None, length: int, *, close: bool
) -> bytes:
    """Return the head of an HTTP/1.1 response (RFC 9112). Framing headers are computed here and nowhere else."""
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:
        reason = "Unknown"
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers)]
    if framing is Framing.CHUNKED:
        lines.append("Transfer-Encoding: chunked")
    elif framing is Framing.LENGTH:
        lines.append(f"Content-Length: {length}")
    if close:
        lines.append("Connection: close")
    return "\r\n".join((*lines, "", "")).encode("utf-8", "surrogateescape")
