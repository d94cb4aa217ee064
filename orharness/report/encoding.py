"""Files whose encoding is not UTF-8: a pipe under an ASCII locale, a Windows code page."""

from __future__ import annotations

import io
from typing import TextIO


def never_fail(file: TextIO) -> None:
    """A character that the file's encoding lacks is to be seen as an escape, and not to end the program."""
    if isinstance(file, io.TextIOWrapper) and file.errors in ("strict", "surrogateescape"):
        file.reconfigure(errors="backslashreplace")
