"""A value of a document with the key that leads to it, so that every error names the key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from orharness.errors import CassetteError

_NOT_IN_A_LINE = re.compile(r"[\r\n\0]")
_SIGNS = "!#$%&'*+-.^_`|~"
_TOKEN = re.compile(rf"[A-Za-z0-9{re.escape(_SIGNS)}]+")


@dataclass(frozen=True, slots=True)
class At:
    """A value and its key, such as ``interactions[0].response.body``.

    Each method checks the value and returns it as one type, or raises ``CassetteError`` with the key. For ``in``, a key
    whose value is null counts as missing.
    """

    key: str
    value: Any

    def fail(self, message: str) -> NoReturn:
        """Raise ``CassetteError``: the key, followed by the message."""
        raise CassetteError(f"{self.key}: {message}" if self.key else message)

    def mapping(self) -> dict[str, Any]:
        """Return the value, which must be a mapping."""
        if not isinstance(self.value, dict):
            self.fail(f"a mapping is expected here, not {_kind(self.value)}")
        return self.value

    def __contains__(self, name: str) -> bool:
        return self.mapping().get(name) is not None

    def __getitem__(self, name: str) -> At:
        found = At(f"{self.key}.{name}" if self.key else name, self.mapping().get(name))
        if name not in self.value:
            found.fail("this key is missing")
        return found

    def items(self) -> list[At]:
        """Return the items of the value, which must be a list."""
        if not isinstance(self.value, list):
            self.fail(f"a list is expected here, not {_kind(self.value)}")
        return [At(f"{self.key}[{index}]", value) for index, value in enumerate(self.value)]

    def text(self) -> str:
        """Return the value, which must be text."""
        if not isinstance(self.value, str):
            self.fail(f"text is expected here, not {_kind(self.value)}")
        return self.value

    def line(self) -> str:
        """Return the value, which must be a text in one line: a server would write more as headers of their own."""
        found = self.text()
        if (match := _NOT_IN_A_LINE.search(found)) is not None:
            what = "a line end" if match[0] in "\r\n" else "the character NUL"
            self.fail(f"this has {what} at character {match.start() + 1}, which HTTP cannot carry there")
        return found

    def address(self) -> str:
        """Return the value, which must be a text in one line that can be split as a URL."""
        if not self.line():
            self.fail("an address is expected here, not an empty text")
        try:
            urlsplit(self.text())
        except ValueError as error:
            self.fail(f"this is not an address: {error}")
        return self.text()

    def boolean(self) -> bool:
        """Return the value, which must be true or false."""
        if not isinstance(self.value, bool):
            self.fail(f"true or false is expected here, not {_kind(self.value)}")
        return self.value

    def data(self) -> bytes:
        """Return the value as bytes: text as UTF-8, ``!!binary`` as it is, null as empty."""
        if self.value is None:
            return b""
        if not isinstance(self.value, str | bytes):
            self.fail(f"text or !!binary is expected here, not {_kind(self.value)}")
        try:
            return self.value.encode() if isinstance(self.value, str) else self.value
        except UnicodeEncodeError:
            self.fail("a lone surrogate is not UTF-8")

    def token(self, what: str) -> str:
        """Return the value, which must be a name as HTTP has them (RFC 9110, section 5.6.2); ``what``: of what."""
        if _TOKEN.fullmatch(self.line()) is None:
            self.fail(f"{self.value!r} is not the name of {what}: letters, digits and {_SIGNS} can be in it")
        return self.text()

    def integer(self, least: int, most: int | None = None) -> int:
        """Return the value, which must be a whole number of at least ``least`` and at most ``most``."""
        if type(self.value) is not int or self.value < least or (most is not None and self.value > most):
            until = "up" if most is None else f"to {most}"
            self.fail(f"a whole number from {least} {until} is expected here, not {self.value!r}")
        return self.value

    def seconds(self) -> float:
        """Return the value, which must be a finite number of at least 0."""
        if type(self.value) not in (int, float) or not isfinite(self.value) or self.value < 0:
            self.fail(f"seconds from 0 up are expected here, not {self.value!r}")
        return float(self.value)


def _kind(value: object) -> str:
    return "nothing" if value is None else f"{type(value).__name__} {value!r:.40}"


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Put the name of the file before the text of a ``CassetteError`` raised inside."""
    try:
        yield
    except CassetteError as error:
        raise CassetteError(f"{path}: {error}") from error.__cause__
