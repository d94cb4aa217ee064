"""Values that a name beside them gives away: ``{"name": "DB_PASSWORD", "value": …}``, ``[["X-Api-Key", …]]``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orharness.redaction.fields import FORMS, GAP, NOT_A_VALUE, STEMS, Json, is_secret_field
from orharness.redaction.shape import REDACTED, PartialMatch, SecretMatch

NAMING = frozenset(
    made for one in (b"name", b"key", b"header", b"variable") for made in (one, one.title(), one.upper())
)
VALUE = frozenset((b"value", b"Value", b"VALUE"))
_NAMING, _VALUE = b"|".join(sorted(NAMING)), b"|".join(sorted(VALUE))


def _pair(form: Json) -> re.Pattern[bytes]:
    """A field that gives a name, at most two others with texts, and the value."""
    string = rb"%b%b%b" % (form.delimiter, form.inner, form.delimiter)
    other = rb"(?:%b%b:%b%b%b,%b){0,2}?" % (string, GAP, GAP, string, GAP, GAP)
    return re.compile(
        rb"(?<!\\)%b(?:%b)%b%b:%b%b(?P<name>[\w.$ -]{2,64})%b%b,%b%b%b(?:%b)%b%b:%b%b(?P<value>%b)"
        % (
            *(form.delimiter, _NAMING, form.delimiter, GAP, GAP, form.delimiter, form.delimiter, GAP, GAP),
            *(other, form.delimiter, _VALUE, form.delimiter, GAP, GAP, form.delimiter, form.inner),
        )
    )


class Pairs:
    """The value beside a name that is a secret one, in JSON, also of JSON in a JSON string."""

    _forms = tuple((form, _pair(form)) for form in FORMS)
    _begun = re.compile(
        rb"(?<!\\)(?P<quote>\\*[\"'])(?:%b)(?P=quote)%b(?:\Z|:%b(?:\\*\Z|(?P=quote)(?P<name>[\w.$ -]*)"
        rb"(?:\\*\Z|(?P=quote)(?P<rest>[^{}]{0,1024}+)\Z)))" % (_NAMING, GAP, GAP)
    )

    def may_be_in(self, low: bytes) -> bool:
        """Return whether this may be a name: a pair without a secret word is none, and ``Fields`` knows those."""
        return False

    def find(self, text: bytes, low: bytes, *, line: bool) -> Iterator[SecretMatch]:
        """Return each value."""
        if b"value" not in low or b":" not in low:
            return
        for form, pattern in self._forms:
            if form.quote in text:
                for match in pattern.finditer(text):
                    if is_secret_field(match["name"]) and match["value"] and not NOT_A_VALUE.match(match["value"]):
                        yield SecretMatch(*match.span("value"), REDACTED, f"value of {match['name'].decode()}")

    def begins(self, text: bytes, low: bytes) -> PartialMatch | None:
        """Return a name whose value may come: what follows a secret one is held, up to the end of its object."""
        if b'"' not in text and b"'" not in text:
            return None
        for match in self._begun.finditer(text):
            if match["rest"] is None or is_secret_field(match["name"]):
                return PartialMatch(match.start(), match.start("rest") if match["rest"] else None)
        return None


def _in_list(form: Json) -> re.Pattern[bytes]:
    """A list in a list, whose first two elements are texts."""
    return re.compile(
        rb"[\[,]%b\[%b%b(?P<name>[\w.$ -]{2,64})%b%b,%b%b(?P<value>%b)"
        % (GAP, GAP, form.delimiter, form.delimiter, GAP, GAP, form.delimiter, form.inner)
    )


class ListPairs:
    """The second element of a list in a list whose first one is a secret name: headers, as many libraries write them.

    A list that is the value of a field may be a list of names (``required`` of a JSON Schema): it is left alone.
    """

    _forms = tuple((form, _in_list(form)) for form in FORMS)
    _begun = re.compile(
        rb"[\[,]%b(?:\Z|\[%b(?:\\*\Z|(?P<quote>\\*[\"'])(?P<name>[\w.$ -]{0,64})"
        rb"(?:\\*\Z|(?P<ended>(?P=quote))%b(?:\Z|,%b(?:\\*\Z|(?P=quote)(?P<value>(?:(?!(?P=quote)).)*+)\Z)))))"
        % (GAP, GAP, GAP, GAP),
        re.S,
    )

    def may_be_in(self, low: bytes) -> bool:
        """Return whether this may be a name: a pair without a secret word is none, and ``Fields`` knows those."""
        return False

    def find(self, text: bytes, low: bytes, *, line: bool) -> Iterator[SecretMatch]:
        """Return each value."""
        if b"[" not in text or b"," not in text or not any(stem in low for stem in STEMS):
            return
        for form, pattern in self._forms:
            if form.quote in text:
                for match in pattern.finditer(text):
                    if is_secret_field(match["name"]) and match["value"] and not NOT_A_VALUE.match(match["value"]):
                        yield SecretMatch(*match.span("value"), REDACTED, f"value of {match['name'].decode()}")

    def begins(self, text: bytes, low: bytes) -> PartialMatch | None:
        """Return a list that is open at the end, and may have a secret name first."""
        if b"[" not in text and text.rstrip()[-1:] != b",":
            return None
        for match in self._begun.finditer(text):
            if match["ended"] is None or is_secret_field(match["name"]):
                return PartialMatch(match.start(), match.start("value") if match["value"] else None)
        return None
