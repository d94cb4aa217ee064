"""Files whose encoding is not UTF-8: a pipe under an ASCII locale, a Windows code page."""

from __future__ import annotations

import io
from typing import TextIO


def never_fail(file: TextIO) -> None:
    """Show a character that the file's encoding lacks as an escape, instead of ending the program."""
    if isinstance(file, io.TextIOWrapper) and file.errors in ("strict", "surrogateescape"):
        file.reconfigure(errors="backslashreplace")
