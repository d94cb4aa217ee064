"""Values of JSON fields with a secret name, also of JSON in a JSON string."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from orharness.redaction.names import is_secret_name
from orharness.redaction.shape import REDACTED, PartialMatch, SecretMatch

GAP = rb"(?:\s|\\+[nrt])*+"
_CHARACTER = rb"[A-Za-z0-9_.$\[\] -]"
_NAME = _CHARACTER + rb"{2,64}"
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
    b"otp",
)
NOT_A_VALUE = re.compile(
    rb"\s*(?:(?-i:\$(?:[A-Z][A-Z0-9_]*|[a-z_]+))\Z|\$?\{{1,2}[\w .-]{1,64}\}{1,2}\Z|<[a-z][a-z _.-]{0,63}>\Z|\*+\Z"
    rb"|\[(?:filtered|redacted|hidden)\]|REDACTED(?:[\"'\\]|\Z)|x{3,}\Z|\.{3}|null\Z|none\Z"
    # What kind of credentials, not the credentials: "auth": "bearer", "credentials": "include"
    rb"|(?:bearer|basic|digest|oauth2?|api[_-]?key|required|optional|include|omit|same-origin|true|false)\Z)",
    re.I,
)
_ABOUT = re.compile(  # fields inside of a secret one that say what it is: of a JSON Schema, of an error
    rb"type|title|description|format|pattern|\$ref|required|enum|message|msg|in|name|scheme"
)

_COUNTED = re.compile(rb"tokens?$", re.I)  # with a number it says how many, or which


@lru_cache(maxsize=4096)
def is_secret_field(name: bytes) -> bool:
    """Whether a JSON field of this name holds a secret; ``-``, ``_`` and case do not count."""
    return is_secret_name(name.decode("ascii", "replace"))


def is_secret_inside(key: bytes, value: bytes) -> bool:
    """Whether a string in the list or object that a secret field holds is a secret; ``key``: the nearest one."""
    return _ABOUT.fullmatch(key) is None and NOT_A_VALUE.match(value) is None


def _inner(escapes: int, quote: bytes) -> bytes:
    """The content of a JSON string that is itself in a string, ``escapes`` backslashes deep."""
    delimiter, modulus = rb"\\" * escapes + quote, 2 * (escapes + 1)
    return (
        # No quote or backslash; backslashes before neither; an escaped quote; escaped backslashes at the end.
        rb"(?:[^%b\\]|\\++(?!%b)|(?<!\\)(?:\\{%d})*+\\{%d}%b|(?<!\\)(?:\\{%d})++(?=%b))*+"
        % (quote, quote, modulus, escapes + modulus // 2, quote, modulus, delimiter)
    )


class _Inside(NamedTuple):
    """The strings of a list or an object: each one's nearest key and offsets.

    ``end``: how far it was read. ``open``: the text ends before the list does. ``unended``: where the string in which
    the text ends begins, if any.
    """

    strings: list[tuple[bytes, int, int]]
    end: int
    open: bool
    unended: int | None


class Json:
    """JSON that is itself in a string, ``escapes`` backslashes deep: 0, 1 (JSON in JSON) or 3; or a Python literal."""

    def __init__(self, escapes: int, quote: bytes = b'"') -> None:
        self.quote = b"\\" * escapes + quote
        self.delimiter = delimiter = rb"\\" * escapes + quote
        self.inner = inner = _inner(escapes, quote)
        self.field = re.compile(
            rb"(?<!\\)%b(?P<name>%b)%b%b:%b"
            rb"(?:%b(?P<value>%b)|(?P<number>-?\d[\d.eE+-]*+)(?=[\s,}\]\\])|(?P<open>[\[{]))"
            % (delimiter, _NAME, delimiter, GAP, GAP, delimiter, inner)
        )
        self._token = re.compile(
            rb"(?:\s|\\+[nrt]|[,:\w.+-])*+"  # also names without quotes, numbers, true
            rb"(?:(?P<bracket>[\[{}\]])|%b(?P<string>%b)(?P<ended>%b(?P<key>%b:)?)?|(?P<end>\\*\Z))"
            % (delimiter, inner, delimiter, GAP)
        )

    def secrets(self, text: bytes) -> Iterator[tuple[re.Match[bytes], _Inside | None]]:
        """Return each field with a secret name, and what is in its list or object; not those inside of another one."""
        at = 0
        while (match := self.field.search(text, at)) is not None:
            at = match.end()
            if is_secret_field(match["name"]):
                inside = self.inside(text, match.start("open")) if match["open"] else None
                at = at if inside is None else inside.end
                yield match, inside

    def inside(self, text: bytes, start: int) -> _Inside:
        """Return what is in the list or object that begins at ``start``, up to its end or to what is not JSON."""
        found: list[tuple[bytes, int, int]] = []
        open_at: list[tuple[bytes, bytes]] = []  # the brackets, each with the key that it is the value of
        key, at, named = b"", start, False
        while (match := self._token.match(text, at)) is not None:
            before, at = text[at : match.start("string")] if match["string"] is not None else b"", match.end()
            if match["end"] is not None:
                return _Inside(found, at, True, None)
            if match["bracket"] in (b"[", b"{"):
                open_at.append((match["bracket"], key))
            elif match["bracket"]:
                key = open_at.pop()[1]
                if not open_at:
                    break
            elif not match["key"] and (open_at[-1][0] == b"[" or (named and b"," not in before)):
                found.append((key, *match.span("string")))
            else:
                key = match["string"]
            if match["string"] is not None and match["ended"] is None:
                ends = text[at:].strip(b"\\") == b""
                held = ends and bool(match["string"]) and found[-1:] == [(key, *match.span("string"))]
                return _Inside(found, at, ends, match.start("string") if held else None)
            named = match["key"] is not None
        return _Inside(found, at, False, None)


FORMS = (Json(0), Json(1), Json(3), Json(0, b"'"))
"""Those in which JSON is looked for."""


class Fields:
    """Values of JSON fields with a secret name, also of JSON in a JSON string, such as a tool call's arguments.

    Of a list or an object, that is each string in it.
    """

    _begun = re.compile(
        rb"(?<!\\)(?P<quote>\\*[\"'])(?P<name>%b{0,64})(?:\\*\Z|(?P<ended>(?P=quote))"
        rb"(?:%b\\*\Z|%b:%b(?:\\*\Z|(?P=quote)(?P<value>(?:(?!(?P=quote)).|(?<=\\)(?:(?P=quote)|[\"']))*+)\Z"
        rb"|(?P<number>-?\d[\d.eE+-]*+)\Z)))" % (_CHARACTER, GAP, GAP, GAP),
        re.S,
    )

    def may_be_in(self, low: bytes) -> bool:
        """Return whether the text may be, or hold, a secret name."""
        return any(stem in low for stem in STEMS)

    def find(self, text: bytes, low: bytes, *, line: bool) -> Iterator[SecretMatch]:
        """Return each value; what is plainly a placeholder is not one."""
        if b":" not in low or not any(stem in low for stem in STEMS):
            return
        for form in FORMS:
            if form.quote in text:
                for match, inside in form.secrets(text):
                    yield from self._value(form, match, inside)

    @staticmethod
    def _value(form: Json, match: re.Match[bytes], inside: _Inside | None) -> Iterator[SecretMatch]:
        kind = f"field {match['name'].decode()}"
        if inside is not None:
            for key, start, end in inside.strings:
                if start < end and is_secret_inside(key, match.string[start:end]):
                    yield SecretMatch(start, end, REDACTED, kind)
        elif match["number"] and _COUNTED.search(match["name"]):
            return
        elif match["number"]:
            yield SecretMatch(*match.span("number"), form.quote + REDACTED + form.quote, kind)
        elif match["value"] and not NOT_A_VALUE.match(match["value"]):
            yield SecretMatch(*match.span("value"), REDACTED, kind)

    def begins(self, text: bytes, low: bytes) -> PartialMatch | None:
        """Return a field whose value may go on, or whose name may be a secret one."""
        if b'"' not in text and b"'" not in text:
            return None
        begun = next(self._open(text, low), None)
        for match in self._begun.finditer(text):
            if begun is not None and begun.start < match.start():
                break
            if match["ended"] is None or is_secret_field(match["name"]):
                held = match.start("value") if match["value"] else match.start("number") if match["number"] else None
                return PartialMatch(match.start(), held)
        return begun

    def _open(self, text: bytes, low: bytes) -> Iterator[PartialMatch]:
        """Return a list or an object of a secret name that is open at the end of the text."""
        if (b"[" in text or b"{" in text) and any(stem in low for stem in STEMS):
            for form in FORMS:
                if form.quote in text:
                    for match, inside in form.secrets(text):
                        if inside is not None and inside.open:
                            yield PartialMatch(match.start(), inside.unended)
