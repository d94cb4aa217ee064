"""Lines for a file that is not a terminal: as ``screen.Screen`` prints them there, but without rich.

A program that starts a server reads its stderr from a pipe, if at all; it should not wait for that import.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

from orharness.report.encoding import in_ascii, is_unicode, never_fail

if TYPE_CHECKING:
    from orharness.report.screen import Screen

_COLOURED = ("FORCE_COLOR", "TTY_COMPATIBLE")  # where one of them is set, rich may take any file for a terminal


class PlainScreen:
    """Prints lines of text without colours and without wrapping. A style is ignored."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        never_fail(file)
        self._ascii = not is_unicode(getattr(file, "encoding", None))

    def line(self, text: str = "", style: str = "") -> None:
        """Print one line as it is."""
        self._file.write(f"{in_ascii(text) if self._ascii else text}\n")
        self._file.flush()

    def say(self, text: str, style: str = "", indent: int = 0) -> None:
        """Print a paragraph, each line indented by ``indent`` blanks."""
        for line in text.split("\n"):
            self.line(f"{'' if not indent else ' ' * indent}{line}")

    def named(self, name: str, value: str) -> None:
        """Print one line: a name, in a column of its own, and a value."""
        self.line(f"{named(name)}{value}")


def named(name: str) -> str:
    """Return a name in its column."""
    return f"{name + ':':<10}"


def screen_for(file: TextIO, environment: Mapping[str, str]) -> Screen | PlainScreen:
    """Return what prints to the file: a ``Screen`` for a terminal, or where colours are asked for."""
    if not file.isatty() and not any(name in environment for name in _COLOURED):
        return PlainScreen(file)
    from orharness.report.screen import Screen

    return Screen(file)
