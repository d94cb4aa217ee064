"""Pure functions that judge whether the text of an answer comes out of a relay whole, in whatever form.

Each judge returns an ``Evidence`` (the relay fails), a ``str`` (the reason why the case is not applicable) or ``None``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import unescape

from orharness.relay.response import ResponseEnd
from orharness.relay.seen import Found, Seen
from orharness.relay.views import best_view, events_of, parsed, says, views
from orharness.verdict import Evidence, quote, shorten

_NO_HTTP = "what came out is not HTTP"
_NOT_PACKED = "a Content-Encoding is said that the body does not have: the header is passed on, and the body unpacked"
_SHOWN = 200  # characters
_OF_FIELDS = 2  # the first of the views that are texts inside JSON
_LONG = 1_000  # characters, so many of a text that comes out that it is cut, and not lost


def unreadable(seen: Seen) -> Evidence | None:
    """What comes out must be HTTP: otherwise nothing else can be judged."""
    if not seen.problem or seen.leaving is not None:
        return None
    return Evidence("a response in HTTP", seen.outcome(), _problem(seen))


def _problem(seen: Seen) -> str:
    return _NOT_PACKED if "cannot be unpacked" in seen.problem else _NO_HTTP


def text(seen: Seen, *, sent: str, tokens: tuple[str, ...]) -> Evidence | None:
    """The whole text must come out, once, in order and unbroken, and the answer must end."""
    problem = _unread(seen)
    if problem is None and says(seen.content, sent):
        return None
    got = best_view(seen.content, tokens)
    if not any(token in got for token in tokens):
        got = best_view(seen.content, (_ascii_of(sent),))
    shown = seen.outcome() if problem is not None else shorten(got, 300)
    return Evidence(repr(sent), shown, problem or _changed(sent, tokens, got, seen.content), quote(seen.content[:200]))


def _unread(seen: Seen) -> str | None:
    """Return why there is nothing to read."""
    if seen.problem:
        return _problem(seen)
    if seen.status is not None and seen.status < 400 and seen.status != 200:
        return f"the relay answers with status {seen.status}, though its upstream does with 200: browsers need that"
    if seen.status != 200:
        return "the relay answers with an error, though its upstream does not"
    if seen.ended is None:
        return "the answer does not end, though the upstream's has"
    if seen.ended is not ResponseEnd.CLEAN:
        return "the connection is cut, though the upstream's answer ends in order"
    if seen.is_event_stream and seen.content and not events_of(seen.content):
        return "the content type is that of an event stream, but what comes out has no event: lines of `data: …`"
    return None


_UTF_8 = "an event stream is always UTF-8, whatever the content type says"


def _changed(sent: str, tokens: Sequence[str], got: str, content: bytes) -> str:
    """Return the likely cause, according to what the text looks like."""
    found = views(content)
    if any(sent.encode().decode(charset, "replace") in view for charset in ("latin-1", "cp1252") for view in found):
        return f"UTF-8 is read as Latin-1: {_UTF_8}"
    if any(sent in unescape(view) for view in found):
        return "characters are escaped for HTML (`&uuml;`): the browser's script shows them as they are"
    if any(isinstance(document := parsed(event.data), str) and parsed(document) for event in events_of(content)):
        return "events are encoded as JSON twice: their data is a text that has JSON in it"
    other = [one for one in sent if not one.isascii()]
    if (
        other
        and not any(one in view for one in other for view in found)
        and any(_ascii_of(sent) in one for one in found)
    ):
        return f"every character outside ASCII is replaced: the text goes through another charset, but {_UTF_8}"
    if any("\ufffd" in view for view in found):
        return (
            "characters are broken: bytes are decoded chunk by chunk, and a boundary cuts some (decode incrementally)"
        )
    missing = [token for token in tokens if token not in got]
    if missing:
        return f"text is lost: {len(missing)} of {len(tokens)} tokens, first {missing[0]!r}"
    if any(got.count(token) > 1 for token in tokens):
        return "text comes out twice"
    places = [got.index(token) for token in tokens]
    return "the order is changed" if places != sorted(places) else "something is put in between the tokens"


def _ascii_of(text: str) -> str:
    """Return the longest part of the text that is ASCII: it survives any charset."""
    return max(re.split(r"[^\x00-\x7f]+", text), key=len)


# -- a text that is easy to lose -------------------------------------------------------------------------------------

_ELSEWHERE = "the text is changed in another way, which fidelity/text and fidelity/events judge"
_GZIP = b"\x1f\x8b"


def spaces(seen: Seen, *, tokens: tuple[str, ...]) -> Found:
    """Blanks, line ends and a token that equals the one before it must come out."""
    sent = "".join(tokens)
    once = "".join(one for one, before in zip(tokens, ("", *tokens), strict=False) if one != before)

    def reason(found: Sequence[str]) -> str | None:
        if any(_without_spaces(sent) in _without_spaces(view) for view in found):
            return (
                "blanks or line ends of the text are lost: tokens are stripped, or those of white space alone are left"
                " out, or a text with a line end is written as one `data:` line (write JSON, or a line for each)"
            )
        return "of two equal tokens one is left out" if any(once in view for view in found) else None

    return _said(seen, sent, reason)


def separators(seen: Seen, *, tokens: tuple[str, ...]) -> Found:
    """Characters that some libraries take for line ends must come out, each between two letters of a token."""

    def each_has(between: str, found: Sequence[str]) -> bool:
        """Return whether one reading has, in each token, such characters between its letters."""
        patterns = [re.compile(f"{token[0]}{between}{token[2]}", re.DOTALL) for token in tokens]
        return any(all(pattern.search(view) for pattern in patterns) for view in found)

    def reason(found: Sequence[str]) -> str | None:
        if each_has(r"[^\r\n \\]{1,3}", found):  # as in any text, characters are changed: the line is not cut
            return None
        if each_has(".{0,3}", found[_OF_FIELDS:]):
            return (
                "U+2028, U+2029 or U+0085 comes out as a blank or a line end, or not at all: in a text they are"
                " characters like any other"
            )
        return (
            "a text with U+2028, U+2029 and U+0085 does not come out: only LF, CR and CRLF end a line of an event"
            " stream (Python's str.splitlines cuts at more)"
        )

    return _said(seen, "".join(tokens), reason)


def without_blanks(seen: Seen, *, tokens: tuple[str, ...]) -> Found:
    """Events whose fields have no blank after the colon must be understood."""
    reason = "`data:` without a blank after it is not understood: the blank is optional"
    return _said(seen, "".join(tokens), lambda found: reason if _nothing_of(tokens, found) else None)


def long_event(seen: Seen, *, sent: str) -> Found:
    """A long event must come out."""
    lost = (
        f"an event of {len(sent):,} bytes does not come out: if shorter ones do, a buffer for lines has a limit (64 KiB"
        " in Go's bufio.Scanner and in asyncio's readline)"
    )

    def reason(found: Sequence[str]) -> str:
        longest = max(_begun(sent, view) for view in found)
        return f"a long text is cut: of {len(sent):,} characters the first {longest:,} come out" if longest else lost

    return _said(seen, sent, reason)


def _begun(text: str, view: str) -> int:
    """Return how many characters of the beginning of a long text a reading has; 0 if not a long part of it."""
    if (at := view.find(text[:_LONG])) < 0:
        return 0
    both = zip(text, view[at:], strict=False)
    return next((number for number, (one, other) in enumerate(both) if one != other), min(len(text), len(view) - at))


def unpacked(seen: Seen, *, tokens: tuple[str, ...]) -> Found:
    """What the upstream compresses, because the relay accepts that, must come out so that the browser can unpack it."""
    sent = "".join(tokens)
    if seen.content.startswith(_GZIP):
        reason = (
            "the answer comes out compressed, and no Content-Encoding says so: the relay accepts gzip from its upstream"
            " and passes the bytes on without that header. Ask with Accept-Encoding: identity"
        )
        return Evidence(shorten(repr(sent), _SHOWN), quote(seen.content[:_SHOWN]), reason)
    packed = any(one.body.startswith(_GZIP) for one in seen.exchanges)
    not_read = "the relay accepts gzip from its upstream, and does not unpack it: ask with Accept-Encoding: identity"
    return _said(seen, sent, lambda found: not_read if packed and _nothing_of(tokens, found) else None)


def _said(seen: Seen, sent: str, reason: Callable[[Sequence[str]], str | None]) -> Found:
    """Return evidence if the text does not come out. ``reason``: that which the content shows, if any."""
    problem = _unread(seen)
    came = says(seen.content, sent)
    if came and problem is None:
        return None
    # An answer that ends too early may do so for what is special in this one.
    own = not came and (problem is None or (seen.status == 200 and seen.ended is not ResponseEnd.CLEAN))
    said = reason(views(seen.content)) if own else None
    if said is None and problem is None:
        return _ELSEWHERE
    return Evidence(shorten(repr(sent), _SHOWN), seen.outcome(), said or problem or "")


def _nothing_of(tokens: Sequence[str], found: Sequence[str]) -> bool:
    return not any(token.strip() in view for token in tokens for view in found)


def _without_spaces(text: str) -> str:
    return "".join(text.split())
