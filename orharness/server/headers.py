"""Headers and texts, as decoded from the bytes of HTTP."""

from __future__ import annotations

OF_THE_CONNECTION = {  # RFC 9110, 7.6.1, and what the two servers compute themselves
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
"""Headers, in lower case, that belong to one connection: they are neither passed on nor recorded."""


def text(raw: bytes) -> str:
    """Decode bytes as UTF-8, or as Latin-1 if they are not UTF-8."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def readable(text_of_aiohttp: str) -> str:
    """Replace the surrogates that aiohttp puts for bytes that are not UTF-8."""
    return text(text_of_aiohttp.encode("utf-8", "surrogateescape"))
