"""Multipart bodies, compared without the delimiter that a client draws anew for each request."""

from __future__ import annotations

from itertools import zip_longest

_LINE_END = b"\r\n"


def parts_of(body: bytes) -> tuple[bytes, ...] | None:
    """Return the parts of a multipart body, each with its head; ``None`` if it is not one.

    The delimiter is read from the first line, as nothing but the body is recorded for certain: a request whose filters
    removed ``Content-Type`` is compared, too (RFC 2046, section 5.1.1).
    """
    delimiter, line_end, _ = body.partition(_LINE_END)
    if not (line_end and delimiter.startswith(b"--") and len(delimiter) > 2):
        return None
    # Without a preamble, so the first piece is empty; the last is what follows "--", which ends the body.
    preamble, *parts, rest = (_LINE_END + body).split(_LINE_END + delimiter)
    if preamble or not parts or not rest.startswith(b"--"):
        return None
    if any(not part.startswith(_LINE_END) for part in parts):  # a longer line, which begins like the delimiter
        return None
    return tuple(part.removeprefix(_LINE_END) for part in parts)


def difference(recorded: tuple[bytes, ...], asked: tuple[bytes, ...]) -> list[str]:
    """Return one sentence for each part that differs. A part is named by its place, from 1, and shown by its start."""
    return [
        f"body, part {number}: expected {_shown(one)}, got {_shown(other)}"
        for number, (one, other) in enumerate(zip_longest(recorded, asked), 1)
        if one != other
    ]


def _shown(part: bytes | None) -> str:
    return "no such part" if part is None else repr(part[:120].decode("utf-8", "replace"))
