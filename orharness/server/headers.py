"""Headers and texts as they are in the bytes of HTTP."""

from __future__ import annotations

OF_THE_CONNECTION = {  # RFC 9110, 7.6.1; and what the two servers compute for themselves
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
"""The headers, in lower case, that belong to one connection and are neither passed on nor recorded."""


def text(raw: bytes) -> str:
    """The text of bytes that are UTF-8, or else Latin-1."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def readable(text_of_aiohttp: str) -> str:
    """The text without the surrogates that aiohttp puts for bytes that are not UTF-8."""
    return text(text_of_aiohttp.encode("utf-8", "surrogateescape"))
