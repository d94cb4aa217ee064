"""All shapes of secrets together, also in base64."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from orharness.redaction.assignments import AddressPasswords, Assignments, FormData, Parameters
from orharness.redaction.commands import CommandOptions, XmlElements
from orharness.redaction.fields import Fields
from orharness.redaction.pairs import ListPairs, Pairs
from orharness.redaction.personal import Personal
from orharness.redaction.prefixes import Prefixed
from orharness.redaction.shape import REDACTED, PartialMatch, SecretMatch, Shape

ALPHABET = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.+/=:?&;@~% ")
"""The bytes that a shape is made of, and that may be escaped in it. Not quotes: they end a JSON string."""
WINDOW = 16384  # bytes: a longer secret that is split over several strings is not found whole
_BASE64 = re.compile(rb"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{24,}+={0,2}")


class Shapes:
    """Finds secrets of every shape in a text without escapes."""

    def __init__(self, *, personal: bool = False) -> None:
        self._secret: list[Shape] = [
            Prefixed(),
            Fields(),
            Pairs(),
            ListPairs(),
            Parameters(),
            FormData(),
            Assignments(),
        ]
        self._secret += [AddressPasswords(), CommandOptions(), XmlElements()]
        self._shapes = [*self._secret, Personal()] if personal else self._secret
        self._in_base64 = lru_cache(maxsize=1024)(self._found_in_base64)

    def may_be_in(self, text: bytes) -> bool:
        """Return false only if this text, which is what two quotes of a line enclose, has no part in a secret."""
        low = text.lower()
        return any(shape.may_be_in(low) for shape in self._shapes) or any(
            self._in_base64(match[0]) is not None for match in _BASE64.finditer(text)
        )

    def find(self, text: bytes, *, line: bool = False) -> Iterator[SecretMatch]:
        """Return each secret. ``line``: the text is a whole line of a body. They may overlap."""
        low = text.lower()
        for shape in self._shapes:
            yield from shape.find(text, low, line=line)
        if line:
            for match in _BASE64.finditer(text):
                if (kind := self._in_base64(match[0])) is not None:
                    yield SecretMatch(*match.span(), REDACTED, f"{kind} in base64")

    def begins(self, text: bytes) -> PartialMatch | None:
        """Return where the first secret begins that may go on past the end of the text, and what to hold of it."""
        low = text.lower()
        begun = [one for shape in self._shapes if (one := shape.begins(text, low)) is not None]
        if not begun:
            return None
        held = [one.held for one in begun if one.held is not None]
        return PartialMatch(min(one.start for one in begun), min(held, default=None))

    def _found_in_base64(self, run: bytes) -> str | None:
        """The kind of a secret that this text encodes, if any."""
        padded = run.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
        plain = base64.b64decode(padded + b"=" * (-len(padded) % 4) if len(padded) % 4 != 1 else padded[:-1])
        low = plain.lower()
        found: Iterable[SecretMatch] = (one for shape in self._secret for one in shape.find(plain, low, line=False))
        return next((one.kind for one in found), None)


@lru_cache(maxsize=2)
def shapes(*, personal: bool = False) -> Shapes:
    """Return the shapes; ``personal``: with e-mail addresses, IP addresses and telephone numbers."""
    return Shapes(personal=personal)
