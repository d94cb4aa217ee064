"""Personal data: e-mail addresses, IP addresses and telephone numbers. They are looked for only on request.

Each is a run of characters, so that the last run of a text may be the beginning of one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address

from orharness.redaction.shape import HARMLESS, REDACTED, PartialMatch, SecretMatch

_EMAIL = re.compile(rb"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*\.[A-Za-z]{2,}")
_ADDRESS = re.compile(
    rb"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})(?![\w:]|\.\d)"
)
_PHONE = re.compile(  # international, or grouped as in North America: any other run of digits may be a number
    rb"(?<![\w.+-])(?:\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d(?:[ .-]?\d){6,12}"
    rb"|\(\d{3}\)[ ]?\d{3}[ .-]\d{4}|\d{3}[.-]\d{3}[.-]\d{4})(?![\w-]|\.\d)"
)
_LAST_RUN = re.compile(rb"(?:[A-Za-z0-9._%+@:-]{1,320}|[+(\d][\d ().-]{0,24})\Z")


class Personal:
    """E-mail addresses, IP addresses and telephone numbers."""

    def may_be_in(self, low: bytes) -> bool:
        """Return whether one may be there."""
        return b"@" in low or b":" in low or any(48 <= byte <= 57 for byte in low)

    def find(self, text: bytes, low: bytes, *, line: bool) -> Iterator[SecretMatch]:
        """Return each of them."""
        if b"@" in text:
            yield from _all(_EMAIL, text, "e-mail address")
        for found in _all(_ADDRESS, text, "IP address"):
            if _is_address(text[found.start : found.end]):
                yield found
        yield from _all(_PHONE, text, "telephone number")

    def begins(self, text: bytes, low: bytes) -> PartialMatch | None:
        """Return the last run of characters that may be in one."""
        found = _LAST_RUN.search(text)
        return found and PartialMatch(found.start(), found.start() if len(found[0]) > HARMLESS else None)


def _all(pattern: re.Pattern[bytes], text: bytes, kind: str) -> Iterator[SecretMatch]:
    return (SecretMatch(*match.span(), REDACTED, kind) for match in pattern.finditer(text))


def _is_address(text: bytes) -> bool:
    try:
        return ip_address(text.decode()) is not None
    except ValueError:
        return False
