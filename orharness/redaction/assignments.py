"""Values that their name gives away in plain text: query parameters, forms, assignments, passwords in addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from orharness.redaction.fields import NOT_A_VALUE
from orharness.redaction.names import is_secret_parameter
from orharness.redaction.shape import REDACTED, PartialMatch, SecretMatch

_TAIL = 512  # bytes: an assignment that begins before them is not looked for, since many names would take long


class Parameters:
    """Values of query parameters with a secret name, in an address or in a form."""

    _name = rb"[A-Za-z0-9_.\[\]%-]"  # user[password], also with %5B
    _value = rb"[^&\s\"'<>\\#()\[\]{}`]"
    _whole = re.compile(rb"[?&;#](?P<name>%b{2,64})=(?P<value>%b{4,}+)" % (_name, _value))
    _first = re.compile(rb"(?P<name>%b{2,64})=(?P<value>%b{4,}+)(?=&|\s*\Z)" % (_name, _value))
    _begun = re.compile(rb"[?&;#](?P<name>%b{0,64})(?:=(?P<value>%b*+))?\Z" % (_name, _value))

    def may_be_in(self, low: bytes) -> bool:
        """Return whether there is a parameter."""
        return b"=" in low

    def find(self, text: bytes, low: bytes, *, line: bool) -> Iterator[SecretMatch]:
        """Return each value; at the start of a line, that of a form's first parameter too."""
        if b"=" not in text:
            return
        first = self._first.match(text) if line else None
        for match in (*([first] if first else []), *self._whole.finditer(text)):
            if _is_secret(match["name"]) and not NOT_A_VALUE.match(match["value"]):
                yield SecretMatch(*match.span("value"), REDACTED, f"parameter {match['name'].decode()}")

    def begins(self, text: bytes, low: bytes) -> PartialMatch | None:
        """Return a parameter at the end."""
        match = self._begun.search(text)
        if match is None or (match["value"] is not None and not _is_secret(match["name"])):
            return None
        return PartialMatch(match.start(), match.start("value") if match["value"] else None)


class FormData:
    """The field of a multipart form with a secret name: its value is the line that follows its head.

    Lines that are not JSON are joined without their ends, so the value is what follows the closing quote.
    """

    _whole = re.compile(
        rb"(?i:form-data);[^\"\r\n]*\bname=\"(?P<name>[\w.-]{2,48})\"(?P<value>(?!(?i:content-))[^;\s\"'][^\r\n]{3,})"
    )
    _begun = re.compile(rb"(?i:form-data);[^\"\r\n]*\bname=\"(?P<name>[\w.-]{2,48})\"\Z")

    def may_be_in(self, low: bytes) -> bool:
        """Return whether there is the head of a field."""
        return b"form-data" in low

    def find(self, text: bytes, low: bytes, *, line: bool) -> Iterator[SecretMatch]:
        """Return each value."""
        if b"form-data" in low:
            for match in self._whole.finditer(text):
                if _is_secret(match["name"]) and not NOT_A_VALUE.match(match["value"]):
                    yield SecretMatch(*match.span("value"), REDACTED, f"field {match['name'].decode()}")

    def begins(self, text: bytes, low: bytes) -> PartialMatch | None:
        """Return the head of a field with a secret name, at the end."""
        match = self._begun.search(text) if b"form-data" in low else None
        return PartialMatch(match.start(), None) if match and _is_secret(match["name"]) else None


def _is_secret(name: bytes) -> bool:
    return is_secret_parameter(unquote_to_bytes(name).decode("ascii", "replace"))


class Assignments:
    """``OPENAI_API_KEY=…``, ``api_key: …``: a name that says so, and a value in which there are digits.

    The value may be in the line after its name, as in YAML and INI files. That of a password may have any characters.
    """

    _password = rb"pass(?:word|wd|code|phrase)"
    _stem = (
        rb"(?i:api[_-]?key|secret(?:[_-]?key)?|%b|credentials?|(?:access|private|session)[_-]?key"
        rb"|(?:access|auth|api|bot)[_-]?token)" % _password
    )
    _before = rb"(?<![A-Za-z0-9])[A-Za-z0-9_-]{0,40}?"
    _space = rb"(?:[ \t]|\\+[nrt])*+"  # a line's end is written as an escape, or left out where lines are joined
    _quote = rb"(?:\\*[\"'`])?"
    _assigned = _quote + rb"[ \t]*(?:=>?|:)" + _space + rb"(?:[|>][+-]?|-(?=[ \t]))?" + _space + _quote
    _any = rb"[^\s\"'`\\&,;<>()\[\]{}]"
    _whole = (
        re.compile(
            _before + _stem + rb"s?" + _assigned + rb"(?P<value>(?=[A-Za-z_+/=.-]{0,64}\d[A-Za-z_+/=.-]{0,64}\d"
            rb"|(?=[A-Za-z]{0,64}\d)(?=[a-z\d]{0,64}[A-Z])(?=[A-Z\d]{0,64}[a-z])[A-Za-z\d]{20})"
            rb"[A-Za-z0-9_+/=.-]{12,}(?<!\.))(?![A-Za-z0-9_+/=-]|\.\w|[(\[])"
        ),
        re.compile(
            _before + rb"(?i:" + _password + rb")" + _assigned + rb"(?P<value>(?=%b{0,64}?\d%b{0,64}?\d)"
            rb"(?=%b{0,64}?[A-Za-z])(?:(?!\.(?:[\s\"'`]|\Z))%b){8,}+)(?![(\[{])" % (_any, _any, _any, _any)
        ),
    )
    _begun = re.compile(
        rb"(?<![A-Za-z0-9])[A-Za-z0-9_-]*?"
        + _stem
        + rb"s?"
        + rb"(?:\\*[\"'`]?[ \t]*(?:(?:=>?|:)%b\\*(?:[|>][+-]?|-)?%b\\*[\"'`]?(?P<value>%b*))?)?\Z"
        % (_space, _space, _any)
        + rb"|(?<![A-Za-z0-9_])[A-Z][A-Z0-9]*_[A-Z0-9_]*\Z"
    )
    _stems = (b"key", b"secret", b"passw", b"passc", b"passp", b"cred", b"token")
    _cut_stems = frozenset(  # what a piece may end in if the next one completes a stem
        stem[:size]
        for stem in (
            *(
                b"%b%bkey" % (one, between)
                for one in (b"api", b"access", b"secret", b"private", b"session")
                for between in (b"", b"_", b"-")
            ),
            *(
                b"%b%btoken" % (one, between)
                for one in (b"access", b"auth", b"api", b"bot")
                for between in (b"", b"_", b"-")
            ),
            *(b"secret", b"password", b"passwd", b"passcode", b"passphrase", b"credential"),
        )
        for size in range(1, len(stem))
    )
    _longest = max(map(len, _cut_stems))

    def may_be_in(self, low: bytes) -> bool:
        """Return whether there may be a name."""
        return any(stem in low for stem in self._stems)

    def find(self, text: bytes, low: bytes, *, line: bool) -> Iterator[SecretMatch]:
        """Return each value."""
        if (b"=" in text or b":" in text) and any(stem in low for stem in self._stems):
            for pattern in self._whole:
                for match in pattern.finditer(text):
                    if not NOT_A_VALUE.match(match["value"]):
                        yield SecretMatch(*match.span("value"), REDACTED, "assignment")

    def begins(self, text: bytes, low: bytes) -> PartialMatch | None:
        """Return an assignment at the end."""
        if b"_" in text or any(stem in low for stem in self._stems):
            match = self._begun.search(text, max(0, len(text) - _TAIL))
            if match is not None:
                return PartialMatch(match.start(), match.start("value") if match["value"] else None)
        for size in range(min(len(low), self._longest), 0, -1):
            if low[-size:] in self._cut_stems:
                return PartialMatch(len(low) - size, None)
        return None


class AddressPasswords:
    """The password in ``https://user:password@host``."""

    _whole = re.compile(rb"://[^\s/?#@:\"'\\]*:(?P<value>[^\s/?#@\"'\\]+)@")
    _begun = re.compile(rb"(?::|:/|://[^\s/?#@:\"'\\]*(?::(?P<value>[^\s/?#@\"'\\]*))?)\Z")

    def may_be_in(self, low: bytes) -> bool:
        """Return whether there may be an address with a user."""
        return b"@" in low

    def find(self, text: bytes, low: bytes, *, line: bool) -> Iterator[SecretMatch]:
        """Return each password."""
        if b"://" in text and b"@" in text:
            for match in self._whole.finditer(text):
                if not NOT_A_VALUE.match(match["value"]):
                    yield SecretMatch(*match.span("value"), REDACTED, "password in an address")

    def begins(self, text: bytes, low: bytes) -> PartialMatch | None:
        """Return an address at the end that may have a password."""
        if b":" not in text:
            return None
        match = self._begun.search(text)
        return match and PartialMatch(match.start(), match.start("value") if match["value"] else None)
