"""Decoding of content codings (RFC 9110, section 8.4.1) piece by piece: gzip and deflate, in any order."""

from __future__ import annotations

import zlib
from typing import Any

_DEFLATED = ("gzip", "x-gzip", "deflate")


class ContentDecoder:
    """Decodes a body whose ``Content-Encoding`` is ``codings``, cut anywhere.

    ``identity``: there is nothing to decode. ``readable`` becomes false at an unknown coding (``br``, ``zstd``: not in
    the standard library of every supported Python) or at invalid bytes; from then on ``feed`` returns nothing.
    """

    def __init__(self, codings: str | None = None) -> None:
        named = [coding.strip().lower() for coding in (codings or "").split(",")]
        applied = [coding for coding in named if coding not in ("", "identity")]
        self.identity = not applied
        self.readable = all(coding in _DEFLATED for coding in applied)
        self._stages = [_Inflater() for _ in applied]

    def feed(self, data: bytes) -> bytes:
        """Return what the bytes add to the decoded body."""
        if not self.readable:
            return b""
        try:
            for stage in self._stages:
                data = stage.feed(data)
        except zlib.error:
            self.readable = False
            return b""
        return data


class _Inflater:
    """Decodes gzip (of any number of members), zlib, or bare deflate, whichever it is."""

    def __init__(self) -> None:
        self._inflate: Any = zlib.decompressobj(zlib.MAX_WBITS | 32)
        # what was fed before the first output: it may still turn out to be bare deflate
        self._begun: bytes | None = b""

    def feed(self, data: bytes) -> bytes:
        if self._begun is None:
            return self._members(data)
        self._begun += data
        try:
            found = self._members(data)
        except zlib.error:
            self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
            found = self._members(self._begun)
            self._begun = None
        if found:
            self._begun = None
        return found

    def _members(self, data: bytes) -> bytes:
        found = bytearray()
        while data:
            if self._inflate.eof:
                self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
            found += self._inflate.decompress(data)
            data = self._inflate.unused_data
        return bytes(found)
