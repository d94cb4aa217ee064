"""Values that an option of a command line or the name of an XML element gives away."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orharness.redaction.fields import NOT_A_VALUE, is_secret_field
from orharness.redaction.shape import REDACTED, PartialMatch, SecretMatch

_TAIL = 512  # bytes: what begins before them is not looked for


class CommandOptions:
    """``--api-key …``, also as two items of a list, and ``curl -u user:…``.

    An option's value has a digit or 20 characters: what follows it may be prose.
    """

    _value = rb"[^\s\"'`\\,;<>()\[\]{}$]"
    _between = rb"(?:[ \t]+[\"'`]?|\\*[\"']\s*,\s*\\*[\"'])"
    _whole = re.compile(
        rb"(?<![\w-])--(?P<name>[A-Za-z][A-Za-z0-9-]{1,48})"
        + _between
        + rb"(?P<value>(?!-)(?=%b{0,64}?\d|%b{20})%b{6,}+)" % (_value, _value, _value)
    )
    _user = re.compile(
        rb"\bcurl\b[^\n]{0,400}?[ \"'](?:-u|--user|--proxy-user)(?:[ \t]*[\"']?|%b)"
        rb"[\w.@+-]{1,64}:(?P<value>%b{4,}+)" % (_between, _value)
    )
    _begun = re.compile(
        rb"(?<![\w-])-(?:-(?P<name>[A-Za-z0-9-]*)(?:\\*[\"']?\s*,?\s*\\*|%b(?P<value>%b*))?)?\Z" % (_between, _value)
    )
    _user_begun = re.compile(
        rb"\bcurl\b(?:[^\n]{0,400}?[ \"'](?:-u|--user|--proxy-user)(?:[ \t]*[\"']?|%b)"
        rb"[\w.@+-]{1,64}:(?P<value>%b*)\Z|[^\n]{0,400}\Z)|\bc(?:ur?)?\Z" % (_between, _value)
    )

    def may_be_in(self, low: bytes) -> bool:
        """Return whether there may be an option."""
        return b"--" in low or b"curl" in low

    def find(self, text: bytes, low: bytes, *, line: bool) -> Iterator[SecretMatch]:
        """Return each value."""
        if b"--" in low:
            for match in self._whole.finditer(text):
                if is_secret_field(match["name"]) and not NOT_A_VALUE.match(match["value"]):
                    yield SecretMatch(*match.span("value"), REDACTED, f"option --{match['name'].decode()}")
        if b"curl" in low:
            for match in self._user.finditer(text):
                yield SecretMatch(*match.span("value"), REDACTED, "password of curl -u")

    def begins(self, text: bytes, low: bytes) -> PartialMatch | None:
        """Return an option with a secret name, or one that has no whole name yet, at the end."""
        tail = max(0, len(text) - _TAIL)
        if b"curl" in low or text.endswith((b"c", b"cu", b"cur")):
            match = self._user_begun.search(text, tail)
            if match is not None:
                return PartialMatch(match.start(), match.start("value") if match["value"] else None)
        match = self._begun.search(text, tail) if b"-" in text else None
        if match is not None and (match["value"] is None or is_secret_field(match["name"])):
            return PartialMatch(match.start(), match.start("value") if match["value"] else None)
        return None


class XmlElements:
    """The text of an XML element with a secret name."""

    _prefix, _more = rb"<(?:[A-Za-z][\w.-]{0,40}:)?", rb"(?:\s[^<>]{0,200})?"
    _whole = re.compile(_prefix + rb"(?P<name>[A-Za-z][\w.-]{2,48})" + _more + rb">(?P<value>[^<>\s][^<>]{3,}?)(?=<)")
    _begun = re.compile(_prefix + rb"(?P<name>[A-Za-z][\w.-]{0,48})?" + _more + rb"(?:>(?P<value>[^<>]*)<?)?\Z")

    def may_be_in(self, low: bytes) -> bool:
        """Return whether there may be an element."""
        return b"<" in low

    def find(self, text: bytes, low: bytes, *, line: bool) -> Iterator[SecretMatch]:
        """Return each text."""
        if b"<" in text:
            for match in self._whole.finditer(text):
                if is_secret_field(match["name"]) and not NOT_A_VALUE.match(match["value"]):
                    yield SecretMatch(*match.span("value"), REDACTED, f"element {match['name'].decode()}")

    def begins(self, text: bytes, low: bytes) -> PartialMatch | None:
        """Return an element at the end, whose name may be a secret one."""
        if b"<" not in text:
            return None
        for match in self._begun.finditer(text, max(0, len(text) - _TAIL)):
            if match["value"] is None or is_secret_field(match["name"] or b""):
                return PartialMatch(match.start(), match.start("value") if match["value"] else None)
        return PartialMatch(len(text) - 1, None) if text.endswith(b"<") else None
