"""Decoding of content codings (RFC 9110, section 8.4.1) piece by piece: gzip and deflate, and br and zstd if installed.

br needs the package ``brotli``, zstd the package ``zstandard``: neither is in the standard library of every Python that
is supported.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

_PACKAGES = {"br": "brotli", "zstd": "zstandard"}


class _Stage(Protocol):
    def feed(self, data: bytes) -> bytes:
        """Return what the bytes add to the decoded body. Raises any error at invalid bytes."""


class ContentDecoder:
    """Decodes a body whose ``Content-Encoding`` is ``codings``, cut anywhere.

    ``identity``: there is nothing to decode. ``codings``: their names, in the order in which they were applied.
    ``readable`` becomes false at an unknown coding or at invalid bytes; from then on ``feed`` returns nothing.
    ``missing``: a clause about a package that would decode it, or an empty text.
    """

    def __init__(self, codings: str | None = None) -> None:
        named = [coding.strip().lower() for coding in (codings or "").split(",")]
        applied = [coding for coding in named if coding not in ("", "identity")]
        self.codings = ", ".join(applied)
        self.identity = not applied
        self.missing = ""
        self._stages: list[_Stage] = []
        for coding in reversed(applied):
            if (stage := self._stage(coding)) is not None:
                self._stages.append(stage)
        self.readable = len(self._stages) == len(applied)

    def _stage(self, coding: str) -> _Stage | None:
        if coding not in _STAGES:
            return None
        try:
            return _STAGES[coding]()
        except ImportError:
            self.missing = f" ({coding} needs the package {_PACKAGES[coding]})"
            return None

    def feed(self, data: bytes) -> bytes:
        """Return what the bytes add to the decoded body."""
        if not self.readable:
            return b""
        try:
            for stage in self._stages:
                data = stage.feed(data)
        except Exception:  # each library has its own error for invalid bytes
            self.readable = False
            return b""
        return data


class _Brotli:
    """Decodes br (RFC 7932)."""

    def __init__(self) -> None:
        self._decompressor: Any = import_module("brotli").Decompressor()

    def feed(self, data: bytes) -> bytes:
        found: bytes = self._decompressor.process(data) if data else b""
        return found


class _Zstandard:
    """Decodes zstd (RFC 8878), of any number of frames."""

    def __init__(self) -> None:
        self._make: Callable[[], Any] = import_module("zstandard").ZstdDecompressor().decompressobj
        self._decompressor = self._make()

    def feed(self, data: bytes) -> bytes:
        found = bytearray()
        while data:
            if self._decompressor.eof:
                self._decompressor = self._make()
            found += self._decompressor.decompress(data)
            data = self._decompressor.unused_data
        return bytes(found)


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


_STAGES: dict[str, Callable[[], _Stage]] = {
    "gzip": _Inflater,
    "x-gzip": _Inflater,
    "deflate": _Inflater,
    "br": _Brotli,
    "zstd": _Zstandard,
}
