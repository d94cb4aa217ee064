"""Values of JSON fields with a secret name, also of JSON in a JSON string."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from orharness.redaction.names import SECRET_FIELDS
from orharness.redaction.shape import REDACTED, PartialMatch, SecretMatch

_GAP = rb"(?:\s|\\+[nrt])*+"
_NAME = rb"[A-Za-z0-9_-]{2,48}"
STEMS = (
    b"key",
    b"secret",
    b"pass",
    b"pwd",
    b"token",
    b"auth",
    b"cookie",
    b"bearer",
    b"jwt",
    b"cred",
    b"assert",
    b"verif",
    b"connection",
)
_LONGER = ("apikey", "secretkey", "privatekey", "accesskey", "password", "passphrase", "clientsecret", "accesstoken")
_LONGER_STILL = ("refreshtoken", "authtoken", "apitoken", "sessiontoken", "bearertoken", "securitytoken")
_PLAIN_FIELDS = frozenset(re.sub("[_-]", "", name) for name in SECRET_FIELDS)
NOT_A_VALUE = re.compile(
    rb"\s*(?:(?-i:\$(?:[A-Z][A-Z0-9_]*|[a-z_]+))\Z|\$?\{{1,2}[\w .-]{1,64}\}{1,2}\Z|<[a-z][a-z _.-]{0,63}>\Z|\*+\Z"
    rb"|\[(?:filtered|redacted|hidden)\]|REDACTED(?:[\"'\\]|\Z)|x{3,}\Z|\.{3}|null\Z|none\Z)",
    re.I,
)


@lru_cache(maxsize=4096)
def is_secret_field(name: bytes) -> bool:
    """Whether a JSON field of this name holds a secret; ``-``, ``_`` and case do not count."""
    plain = re.sub("[_-]", "", name.decode("ascii", "replace").lower())
    return plain in _PLAIN_FIELDS or plain.endswith(_LONGER + _LONGER_STILL)


def _field(escapes: int, quote: bytes = b'"') -> re.Pattern[bytes]:
    """A field of JSON that is in a string itself ``escapes`` backslashes deep: 0, 1 (JSON in JSON) or 3."""
    delimiter, modulus = rb"\\" * escapes + quote, 2 * (escapes + 1)
    inner = (
        # No quote or backslash; backslashes before neither; an escaped quote; escaped backslashes at the end.
        rb"(?:[^%b\\]|\\++(?!%b)|(?<!\\)(?:\\{%d})*+\\{%d}%b|(?<!\\)(?:\\{%d})++(?=%b))*+"
        % (quote, quote, modulus, escapes + modulus // 2, quote, modulus, delimiter)
    )
    return re.compile(
        rb"(?<!\\)%b(?P<name>%b)%b%b:%b(?:%b(?P<value>%b)|(?P<number>-?\d[\d.eE+-]*+)(?=[\s,}\]\\]))"
        % (delimiter, _NAME, delimiter, _GAP, _GAP, delimiter, inner)
    )


class Fields:
    """Values of JSON fields with a secret name, also of JSON in a JSON string, such as a tool call's arguments."""

    _whole = tuple(
        (depth, quote, _field(depth, quote)) for depth, quote in ((0, b'"'), (1, b'"'), (3, b'"'), (0, b"'"))
    )
    _begun = re.compile(
        rb"(?<!\\)(?P<quote>\\*[\"'])(?P<name>[A-Za-z0-9_-]{0,48})(?:\\*\Z|(?P<ended>(?P=quote))"
        rb"(?:%b\\*\Z|%b:%b(?:\\*\Z|(?P=quote)(?P<value>(?:(?!(?P=quote)).|(?<=\\)(?:(?P=quote)|[\"']))*+)\Z"
        rb"|(?P<number>-?\d[\d.eE+-]*+)\Z)))" % (_GAP, _GAP, _GAP),
        re.S,
    )

    def may_be_in(self, low: bytes) -> bool:
        """Return whether the text may be, or hold, a secret name."""
        return any(stem in low for stem in STEMS)

    def find(self, text: bytes, low: bytes, *, line: bool) -> Iterator[SecretMatch]:
        """Return each value; what is plainly a placeholder is not one."""
        if b":" not in low or not any(stem in low for stem in STEMS):
            return
        for depth, quote, pattern in self._whole:
            if quote in text:
                for match in pattern.finditer(text):
                    yield from self._value(match, b"\\" * depth + quote)

    @staticmethod
    def _value(match: re.Match[bytes], quote: bytes) -> Iterator[SecretMatch]:
        if not is_secret_field(match["name"]):
            return
        kind = f"field {match['name'].decode()}"
        if match["number"]:
            yield SecretMatch(*match.span("number"), quote + REDACTED + quote, kind)
        elif match["value"] and not NOT_A_VALUE.match(match["value"]):
            yield SecretMatch(*match.span("value"), REDACTED, kind)

    def begins(self, text: bytes, low: bytes) -> PartialMatch | None:
        """Return a field whose value may go on, or whose name may be a secret one."""
        if b'"' not in text and b"'" not in text:
            return None
        for match in self._begun.finditer(text):
            if match["ended"] is None or is_secret_field(match["name"]):
                held = match.start("value") if match["value"] else match.start("number") if match["number"] else None
                return PartialMatch(match.start(), held)
        return None
