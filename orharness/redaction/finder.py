"""Finds secrets in a body that is fed piece by piece: known ones in any form, and those of a known shape."""

from __future__ import annotations

import base64
import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from orharness.redaction.escapes import Numbered, Span, Unescaped, unescaped
from orharness.redaction.lexer import JsonText, Lexer
from orharness.redaction.shape import HARMLESS, REDACTED, PartialMatch, SecretMatch
from orharness.redaction.shapes import ALPHABET, WINDOW, Shapes, shapes
from orharness.redaction.utf16 import HEAD, Utf16, utf16_of

_LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")  # a CR at the end may become a CRLF
_REMEMBERED = 4096  # texts whose findings are remembered: ids and names are repeated in each event
_UNKNOWN = object()
_HEAD = (
    64  # bytes: each shorter beginning of a secret is kept in a set; all those of a header of 40 KB would be gigabytes
)


def hide(text: str, secrets: Sequence[str] = (), *, personal: bool = False) -> str:
    """The text with a placeholder for each secret: the given ones in any form, and those of a known shape."""
    raw = text.encode("utf-8", "surrogateescape")
    spans = spans_in(raw, secrets, personal=personal)
    return cut(raw, 0, len(raw), spans).decode("utf-8", "surrogateescape") if spans else text


def spans_in(body: bytes, secrets: Sequence[str] = (), *, personal: bool = False) -> list[Span]:
    """Where secrets are in a whole body, in order and without overlaps."""
    finder = SecretFinder(secrets, personal=personal)
    finder.feed(body)
    finder.finish()
    return finder.spans


@lru_cache(maxsize=8)
def redacted(body: bytes, secrets: tuple[str, ...] = (), *, personal: bool = False) -> bytes:
    """The body with a placeholder for each secret. What was redacted stays as it is."""
    return cut(body, 0, len(body), spans_in(body, secrets, personal=personal))


def cut(data: bytes, start: int, end: int, spans: Sequence[Span]) -> bytes:
    """``data``, which are the bytes of a body from ``start`` to ``end``, with the spans that begin in it replaced.

    ``spans``: in order and without overlaps.
    """
    found, position = bytearray(), start
    for index in range(bisect_right(spans, start, key=lambda span: span.end), len(spans)):
        span = spans[index]
        if span.start >= end:
            break
        if span.start >= position:
            found += data[position - start : span.start - start] + span.text
        position = min(span.end, end)
    return bytes(found + data[position - start :])


class SecretFinder:
    """Finds secrets in a body that is fed piece by piece, cut anywhere.

    A known secret is found as it is, with characters escaped (``\\u002d``, ``\\/``, ``%2D``, ``&#45;``), in base64 at
    any offset, and split over strings that a client joins: those at the same place of successive JSON documents
    (events, lines, elements of an array), and the data of successive events that are not JSON. A secret of a known
    shape is found in the same ways; in base64, where the encoded text holds it whole. Each part of a split secret stays
    a valid JSON string. The numbers that spell the tokens of one (``bytes``, beside ``logprobs``) become asterisks. The
    work is linear in the bytes fed.

    A body in UTF-16 is searched as its text; offsets are those in the body.

    ``personal``: e-mail addresses, IP addresses and telephone numbers count as secrets.
    """

    def __init__(self, secrets: Iterable[str] = (), *, personal: bool = False) -> None:
        self._needles = _compiled(tuple(secrets), personal)
        self._head: bytes | None = b""  # the first bytes, until they tell whether the body is UTF-16
        self._utf16: Utf16 | None = None
        self._line = bytearray()  # the unfinished line
        self._line_at = 0
        self._texts: dict[
            object, tuple[Unescaped, int | None]
        ] = {}  # a text with a beginning at its end, and what is held
        self._begun: dict[bytes, PartialMatch | None] = {}  # what begins at the end of pieces that came
        self._json = Lexer()
        self.spans: list[Span] = []
        """What was found, in order and without overlaps."""
        self._sizes: dict[tuple[int, str], int] = {}  # the length of what was found, by now
        self.kinds: dict[int, str] = {}
        """By the offset at which a secret begins: its kind."""

    @property
    def known(self) -> int:
        """The offset up to which nothing more will be found, but for the first ``HARMLESS`` characters of a secret."""
        return self._place(min([self._line_at, *(held for _, held in self._texts.values() if held is not None)]))

    def feed(self, data: bytes) -> None:
        """The next bytes."""
        if self._head is not None:
            data = self._head + data
            if len(data) < HEAD:
                self._head = data
                return
            self._head, self._utf16 = None, utf16_of(data[:HEAD])
        self._search(data if self._utf16 is None else self._utf16.feed(data))

    def text(self, raw: bytes) -> str:
        """Some bytes of the body as text."""
        return raw.decode("utf-8" if self._utf16 is None else self._utf16.encoding, "replace")

    def _place(self, offset: int) -> int:
        """The place in the body of this offset of the text."""
        return offset if self._utf16 is None else self._utf16.offset(offset)

    def _search(self, data: bytes) -> None:
        searched = max(0, len(self._line) - 1)  # a CR may be last
        self._line += data
        start = 0
        for match in _LINE_END.finditer(self._line, searched):
            self._take(bytes(self._line[start : match.end()]), self._line_at + start)
            start = match.end()
        del self._line[:start]
        self._line_at += start

    def finish(self) -> None:
        """The end of the body."""
        if self._head:
            self._search(self._head)
            self._head = None
        if self._utf16 is not None:
            self._utf16.finish()
        self._take(bytes(self._line), self._line_at)
        self._line_at += len(self._line)
        self._line.clear()
        self._texts.clear()

    def _take(self, line: bytes, at: int) -> None:
        strings = self._json.strings(line)
        if len(line) <= 2 and line.isspace():  # between two events
            return
        plain, verbatim = Unescaped.unescaped(line, at, self._needles.alphabet), Unescaped.verbatim(line, at)
        for text in (plain, verbatim) if plain.plain != line else (plain,):
            self._note(text, self._needles.known(text.plain))
            if self._needles.may_be_shaped(text.plain):
                self._note(text, self._needles.shaped(text.plain, line=True))
        for string in strings:
            if string.start < string.end:
                if string.secret:
                    kind = f"field {string.secret.decode('ascii', 'replace')}"
                    self._note(verbatim, [SecretMatch(string.start, string.end, REDACTED, kind)])
                self._join(string, line[string.start : string.end], at + string.start)

    def _note(self, text: Unescaped, found: Iterable[SecretMatch]) -> None:
        """Add what was found in a text; of a finding that grew with the text since, only the new part."""
        for one in found:
            at = text.offset(one.start)
            self.kinds.setdefault(self._place(at), one.kind)
            size = self._sizes.get((at, one.kind), 0)
            if one.start + size < one.end:
                self._sizes[at, one.kind] = one.end - one.start
                for span in text.spans(one.start + size, one.end, b"" if size else one.text):
                    self._add(span if self._utf16 is None else self._placed(span, self._utf16))

    @staticmethod
    def _placed(span: Span, utf16: Utf16) -> Span:
        return Span(utf16.offset(span.start), utf16.offset(span.end), utf16.encoded(span.text))

    def _add(self, span: Span) -> None:
        """Put a span in its place, which is near the end, and join it with those that it overlaps."""
        spans = self.spans
        first = len(spans)
        while first and spans[first - 1].end > span.start:
            first -= 1
        last = first
        while last < len(spans) and spans[last].start < span.end:
            # Where both begin together, one may be the rest of a secret whose placeholder is before it.
            text = min((span, spans[last]), key=lambda one: (one.start, bool(one.text))).text
            span = Span(min(span.start, spans[last].start), max(span.end, spans[last].end), text)
            last += 1
        spans[first:last] = [span]

    def _join(self, string: JsonText, piece: bytes, at: int) -> None:
        """One more piece of the text at each of the string's places."""
        fresh: tuple[Unescaped, PartialMatch] | None = None
        numbers = Numbered.of(piece, at) if string.numbers else None
        if numbers is not None:  # the search in the line did not see what they spell
            self._note(numbers, self._needles.known(numbers.plain))
            self._note(numbers, self._needles.shaped(numbers.plain))
        for number, place in enumerate(string.places):
            before = self._texts.pop(place, None)
            if before is not None:
                self._go_on(place, *before, numbers or Unescaped.unescaped(piece, at, self._needles.alphabet), at)
                continue
            if not number or fresh is None:
                fresh = self._begun_in(piece, at) if numbers is None else self._begun_by(numbers)
            if fresh is not None:
                self._hold(place, *fresh)

    def _begun_by(self, text: Unescaped) -> tuple[Unescaped, PartialMatch] | None:
        """A text that ends in the beginning of something, with that beginning."""
        begun = self._needles.begins(text.plain)
        return None if begun is None else (text, begun)

    def _begun_in(self, piece: bytes, at: int) -> tuple[Unescaped, PartialMatch] | None:
        """The end of a piece, if it begins something. Most pieces have come before: ids, names, words."""
        known = self._begun.get(piece, _UNKNOWN)
        if known is None:
            return None
        left_out = max(0, len(piece) - self._needles.window)  # only its end matters
        text = Unescaped.unescaped(piece[left_out:], at + left_out, self._needles.alphabet)
        begun = known if isinstance(known, PartialMatch) else self._needles.begins(text.plain)
        if known is _UNKNOWN and len(piece) < 100 and len(self._begun) < _REMEMBERED:
            self._begun[piece] = begun
        return None if begun is None else (text, begun)

    def _go_on(self, place: object, before: Unescaped, held_before: int | None, piece: Unescaped, at: int) -> None:
        """Search where the text at a place and its next piece meet."""
        text, joint = before + piece, len(before.plain)
        self._note(text, self._needles.known(text.plain, joint))
        self._note(text, (one for one in self._needles.shaped(text.plain) if one.end >= joint))
        if (begun := self._needles.begins(text.plain)) is not None:
            # What was not held may have been written.
            self._hold(place, text, begun, at if held_before is None else held_before)

    def _hold(self, place: object, text: Unescaped, begun: PartialMatch, least: int = 0) -> None:
        """Keep the beginning of a secret for the next piece. What is held back of it begins at ``least`` or later."""
        if len(text.plain) - begun.start <= WINDOW:
            held = None if begun.held is None else max(least, text.offset(begun.held))
            self._texts[place] = text.rest(begun.start), held


class _Needles:
    """All that is looked for in a text without escapes: the forms of known secrets, and shapes."""

    def __init__(self, secrets: Iterable[str], shapes_of: Shapes) -> None:
        self._shapes = shapes_of
        self._dull: set[bytes] = set()
        self._forms = forms = {form for secret in secrets if secret for form in _forms(secret)}
        self._short = {form[:size] for form in forms for size in range(1, min(len(form), _HEAD))}
        self._long = {form for form in forms if len(form) > _HEAD}
        self._shorter_than = min(_HEAD, max(map(len, forms), default=1))
        longest = max(map(len, forms), default=1) - 1
        self.window = max(WINDOW, 12 * longest)  # bytes in which any of them is written, whatever its escapes
        self.alphabet = ALPHABET.union(*forms)

    def known(self, text: bytes, before: int | None = None) -> Iterator[SecretMatch]:
        """Each known secret; with ``before``, only those that start before that offset. They may overlap."""
        for form in self._forms:
            stop = len(text) if before is None else before + len(form) - 1
            start = text.find(form, 0, stop)
            while start >= 0:
                yield SecretMatch(start, start + len(form), REDACTED, "known key")
                start = text.find(form, start + 1, stop)

    def shaped(self, text: bytes, *, line: bool = False) -> Iterator[SecretMatch]:
        """Each secret of a known shape. ``line``: the text is a whole line."""
        return self._shapes.find(text, line=line)

    def may_be_shaped(self, line: bytes) -> bool:
        """Whether it is worth while to look for shapes in a line. Most of what its quotes enclose was there before."""
        dull, new = self._dull, [part for part in line.split(b'"') if part not in self._dull]
        found = False
        for part in new:
            if self._shapes.may_be_in(part):
                found = True
            elif len(part) < 100 and len(dull) < _REMEMBERED:
                dull.add(part)
        return found

    def begins(self, text: bytes) -> PartialMatch | None:
        """Where the end of the text begins something longer that is looked for."""
        shaped = self._shapes.begins(text)
        size = self._begun(text)
        if not size:
            return shaped
        start, held = len(text) - size, len(text) - size if size > HARMLESS else None
        if shaped is None:
            return PartialMatch(start, held)
        ends = [one for one in (held, shaped.held) if one is not None]
        return PartialMatch(min(start, shaped.start), min(ends, default=None))

    def _begun(self, text: bytes) -> int:
        """The number of bytes at the end of the text that begin a known secret without being all of it; 0 for none."""
        if begun := max((_overlap(text, form) for form in self._long), default=0):
            return begun
        sizes = range(min(len(text), self._shorter_than - 1), 0, -1)
        return next((size for size in sizes if text[-size:] in self._short), 0)


def _overlap(text: bytes, form: bytes) -> int:
    """The size of the longest end of the text that begins the form, from ``_HEAD`` to less than the whole; else 0."""
    head = form[:_HEAD]
    start = text.find(head, max(0, len(text) - len(form) + 1))
    while start >= 0 and not form.startswith(text[start:]):
        start = text.find(head, start + 1)
    return len(text) - start if start >= 0 else 0


@lru_cache(maxsize=32)
def _compiled(secrets: tuple[str, ...], personal: bool) -> _Needles:
    return _Needles(secrets, shapes(personal=personal))


def _forms(secret: str) -> Iterator[bytes]:
    raw = secret.encode("utf-8", "surrogateescape")
    yield raw
    yield unescaped(raw)  # as a secret with a percent sign is found
    yield json.dumps(secret, ensure_ascii=False)[1:-1].encode("utf-8", "surrogateescape")  # of a quote or a backslash
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw)
        # Without the characters at either end that hold bits of what is before and after the secret, too.
        core = encoded[(0, 2, 3)[before] : len(encoded) - (0, 3, 2)[(before + len(raw)) % 3]]
        yield core
        yield core.translate(bytes.maketrans(b"+/", b"-_"))
