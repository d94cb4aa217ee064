"""What a shape of secrets is: how one is found in a text, whole or begun."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

PLACEHOLDER = "REDACTED"
REDACTED = PLACEHOLDER.encode()
HARMLESS = 5  # characters: the beginning of a key that reveals nothing of it, such as "sk-or"


class SecretMatch(NamedTuple):
    """A secret in a text: its offsets, what is to replace it, and the name of its kind."""

    start: int
    end: int
    text: bytes
    kind: str


class PartialMatch(NamedTuple):
    """The beginning of a secret at the end of a text: its offset, and that of what must not be written yet, if any."""

    start: int
    held: int | None


class Shape(Protocol):
    """One family of secrets. ``low`` is the text in lower case."""

    def may_be_in(self, low: bytes) -> bool:
        """Return false only if no secret of this family has a part in this text, which is what two quotes enclose."""

    def find(self, text: bytes, low: bytes, *, line: bool) -> Iterable[SecretMatch]:
        """Return each whole secret. ``line``: the text is a whole line of a body, not a part of one."""

    def begins(self, text: bytes, low: bytes) -> PartialMatch | None:
        """Return the first place where a secret begins that may go on past the end of the text."""
