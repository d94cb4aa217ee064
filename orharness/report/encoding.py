"""Files whose encoding is not UTF-8: a pipe under an ASCII locale, a Windows code page."""

from __future__ import annotations

import io
from typing import TextIO

# Ornaments only, one cell each, so that what was aligned stays aligned. All else becomes \u…, and says so.
_IN_ASCII = str.maketrans("…│─→←·✓✗█▉▊▋▌▍▎▏▒»", "~|-><.+x######::->")


def never_fail(file: TextIO) -> None:
    """Show a character that the file's encoding lacks as an escape, instead of ending the program."""
    if isinstance(file, io.TextIOWrapper) and file.errors in ("strict", "surrogateescape"):
        file.reconfigure(errors="backslashreplace")


def is_unicode(encoding: str | None) -> bool:
    """Return whether a file of that encoding, ``None`` if it has none, can hold every character."""
    return (encoding or "utf-8").lower().startswith("utf")


def in_ascii(text: str) -> str:
    """Return the text in ASCII; each ornament has one that looks like it."""
    return text.translate(_IN_ASCII).encode("ascii", "backslashreplace").decode()
