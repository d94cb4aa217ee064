"""Pure functions that judge what comes out of a relay at its browser.

Each judge returns an ``Evidence`` (the relay fails), a ``str`` (the reason why the case is not applicable) or ``None``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from orharness.dialects import Dialect
from orharness.relay.added import added_text, in_place_of_comments
from orharness.relay.reasons import BUFFERS, SWALLOWED
from orharness.relay.response import ResponseEnd
from orharness.relay.seen import NO_API, TAIL, Seen, other_form
from orharness.relay.views import AnswerForm, best_view, contents, events_of, finished, items_of, parsed, says, views
from orharness.sse import Comment
from orharness.verdict import Evidence, quote, shorten

GLUED = (
    "the error is written right after half an event: together they are one event, which is not JSON."
    " End the half one with an empty line first"
)
_NO_HTTP = "what came out is not HTTP"


def unreadable(seen: Seen) -> Evidence | None:
    """What comes out must be HTTP: of what is not, nothing else can be told."""
    if not seen.problem or seen.leaving is not None:
        return None
    return Evidence("a response in HTTP", seen.outcome(), _NO_HTTP)


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
        return _NO_HTTP
    if seen.status != 200:
        return "the relay answers with an error, though its upstream does not"
    if seen.ended is None:
        return "the answer does not end, though the upstream's has"
    if seen.ended is not ResponseEnd.CLEAN:
        return "the connection is cut, though the upstream's answer ends in order"
    if seen.content_type.startswith("text/event-stream") and seen.content and not events_of(seen.content):
        return "the content type is that of an event stream, but what comes out has no event: lines of `data: …`"
    return None


_UTF_8 = "an event stream is always UTF-8, whatever the content type says"


def _changed(sent: str, tokens: Sequence[str], got: str, content: bytes) -> str:
    """Return the likely cause, according to what the text looks like."""
    found = views(content)
    if any(sent.encode().decode(charset, "replace") in view for charset in ("latin-1", "cp1252") for view in found):
        return f"UTF-8 is read as Latin-1: {_UTF_8}"
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


def chunks(seen: Seen, *, tokens: tuple[str, ...]) -> Evidence | str | None:
    """Each of the model's events must be one event again."""
    if seen.form is not AnswerForm.CHAT:
        return other_form(seen)
    events = events_of(seen.content)
    broken = [event.data for event in events if event.data != "[DONE]" and parsed(event.data) is None]
    found = contents(events)
    if not broken and found == list(tokens):
        return None
    if broken:
        reason = "an event is cut: a piece of the upstream's bytes is taken for an event"
        if not broken[0].strip() or broken[0].startswith(":"):
            reason = "a keep-alive is sent as data, which readers give to their JSON parser: make it a comment (`: …`)"
        elif "\n" in broken[0]:
            reason = "events are joined: the empty line that ends each is lost"
        return Evidence("JSON in each event", shorten(repr(broken[0]), 200), reason)
    got = f"{len(found)} events with text: {shorten(repr(found), 200)}"
    return Evidence(f"{len(tokens)} events with text", got, _other_texts(seen, found, tokens))


def _other_texts(seen: Seen, found: Sequence[str], tokens: Sequence[str]) -> str:
    """Return what has become of the texts of events."""
    same = "".join(found) == "".join(tokens)
    if not found:
        return "no event has a text in `choices[].delta.content`"
    if len(found) < len(tokens):
        return "several events are joined into one" if same else "events are lost"
    if len(found) == len(tokens):
        return "the order of events is changed" if sorted(found) == sorted(tokens) else "the text of events is changed"
    return "events are cut into several" if same else added_text(seen) or "events are repeated, or others are added"


def end_marker(seen: Seen) -> Evidence | str | None:
    """``[DONE]`` must come out once, as the last event."""
    if seen.form is not AnswerForm.CHAT:
        return other_form(seen)
    events = [event.data for event in events_of(seen.content)]
    if events.count("[DONE]") == 1 and events[-1] == "[DONE]":
        return None
    number = events.count("[DONE]")
    if not number and seen.content.rstrip(b"\r\n").endswith(b"[DONE]"):
        reason = "the empty line after [DONE] is missing: without it no event is dispatched, by the standard"
        return Evidence("[DONE] once, as the last event", quote(seen.content[-TAIL:]), reason)
    got = f"[DONE] {number} times" if number != 1 else f"after [DONE]: {shorten(repr(events[-1]), 100)}"
    reason = "[DONE] is lost: its readers wait for more, or take the answer for cut" if not number else (
        "the relay adds a [DONE] of its own to the one that it passes on" if number > 1 else "[DONE] is not the last"
    )  # fmt: skip
    return Evidence("[DONE] once, as the last event", got, reason, quote(seen.content[-TAIL:]))


def no_end_marker(seen: Seen) -> Evidence | str | None:
    """No ``[DONE]`` may come out of a stream that had none."""
    if seen.form is not AnswerForm.CHAT:
        return other_form(seen)
    if "[DONE]" not in [event.data for event in events_of(seen.content)]:
        return None
    return Evidence(
        "no [DONE]: the upstream ends without one",
        f"[DONE]: {quote(seen.content[-TAIL:])}",
        "[DONE] is added whatever the upstream sent: an answer that was cut short looks whole",
    )


def comments(seen: Seen) -> Evidence | str | None:
    """Keep-alive comments must come out."""
    if seen.form is AnswerForm.OTHER:
        return "only an event stream has comments"
    sent = sum(isinstance(item, Comment) for one in seen.exchanges for item in items_of(one.body))
    came = sum(isinstance(item, Comment) for item in items_of(seen.content))
    if not sent:
        return "the API in which the relay asks has no comments"
    if came:
        return None
    expected = f"keep-alive comments, or others in their place: the upstream sent {sent}"
    if (instead := in_place_of_comments(seen)) is not None:
        reason = "comments are turned into what readers do not skip: pass them on as comments (`: …`)"
        return Evidence(expected, f"in their place, first: {instead}", reason)
    return Evidence(
        expected,
        "none",
        "comments are dropped: while the model thinks nothing comes, and browsers and proxies may time out."
        " Send a comment every few seconds",
    )


def content_type(seen: Seen) -> Evidence | str | None:
    """The content type of an event stream must say so."""
    if seen.form is AnswerForm.OTHER:
        return "the answer is not an event stream"
    if seen.content_type.startswith("text/event-stream"):
        return None
    reason = "EventSource refuses an event stream under another content type, and proxies may buffer it"
    return Evidence("Content-Type: text/event-stream", seen.content_type or "none", reason)


def each_event(seen: Seen, *, number: int) -> Evidence | None:
    """Each event must come out before the upstream sends the next one."""
    stuck = seen.buffering
    if stuck is None:
        return None
    when = (
        "only with the end of the answer"
        if stuck.freed_by is None
        else f"only when {stuck.freed_by} more {'event was' if stuck.freed_by == 1 else 'events were'} sent"
    )
    came = f"so far: {quote(seen.content[-TAIL:])}" if seen.content else "nothing had come so far"
    return Evidence(
        f"each of the {number} events comes out while the next one is held back",
        f"event {stuck.event} ({stuck.text!r}) did not come within {seen.patience:g} s; it came {when}\n{came}",
        BUFFERS.reason_for(seen.kind),
    )


def error_visible(seen: Seen) -> Evidence | None:
    """The upstream's error must be visible: by the status, an error in the text, or a connection that is cut."""
    failed = seen.status is not None and seen.status >= 400
    if (glued := _glued_error(seen)) is not None:
        return Evidence("an error event of its own", shorten(repr(glued), 300), GLUED)
    if not seen.problem and (failed or seen.ended in (ResponseEnd.CUT, ResponseEnd.RESET) or _says_error(seen)):
        return None
    expected = "an error that its reader can see: a status, an event or text that says error, or a connection cut off"
    if seen.problem or seen.status is None or seen.ended is None:
        reason = "after the upstream's error nothing comes, not even an end: the browser waits for ever"
        return Evidence(expected, seen.outcome(), reason)
    # Reading the events of an API, a client can tell by what is missing; in any other form it cannot.
    if seen.form is AnswerForm.CHAT and not finished(events_of(seen.content)):
        return None
    if seen.dialect is not None and seen.form is not AnswerForm.CHAT and not _complete(seen, seen.dialect):
        return None
    return Evidence(expected, seen.outcome(), SWALLOWED)


# Not a match: a field of that name that says that there is no error.
_ERROR = re.compile(r"error(?!\w*\"?\s*:\s*(?:null|false|0(?![\d.])|\"\"|\[\s*\]|{\s*}))", re.IGNORECASE)


def _glued_error(seen: Seen) -> str | None:
    """Return the data of an event in which an error comes right after half of another event: no reader can parse it."""
    if seen.form is not AnswerForm.CHAT:
        return None
    data = [event.data for event in events_of(seen.content)]
    return next((one for one in data if one.startswith("{") and parsed(one) is None and _ERROR.search(one)), None)


def _says_error(seen: Seen) -> bool:
    """Return whether an event reports an error; in an event stream a line that is not a field is skipped by readers."""
    if seen.form is AnswerForm.OTHER:
        return _ERROR.search(seen.content.decode("utf-8", "replace")) is not None
    return any(_ERROR.search(part) for event in events_of(seen.content) for part in (event.type, event.data))


def ends_early(seen: Seen) -> Evidence | str | None:
    """The relay must add neither a finish reason nor ``[DONE]`` to an answer that ends without them."""
    if seen.dialect is None:
        return NO_API
    return error_visible(seen)


def grammar(seen: Seen) -> Evidence | str | None:
    """What comes out must obey the rules of its API, each deviation named by its clause."""
    if seen.dialect is None or seen.dialect.grammar is None:
        return NO_API
    found = seen.dialect.grammar.check(seen.items)
    if not found:
        return None
    clauses = {each.clause.name: each.clause for each in reversed(found)}
    expected = "\n".join(f"{name}: {clause.says} ({clause.source})" for name, clause in reversed(clauses.items()))
    broken = f"it breaks the rules of {seen.dialect.name}: {', '.join(reversed(clauses))}"
    return Evidence(expected, "\n".join(f"event {each.number} {each.what}" for each in found[:5]), broken)


def _complete(seen: Seen, dialect: Dialect) -> bool:
    """Return whether an answer says that it is whole."""
    return dialect.fold(seen.items).complete


def limit_kept(seen: Seen) -> Evidence | None:
    """The status of a limit must be passed on."""
    if seen.status == 429:
        return None
    return Evidence(
        "status 429", seen.outcome(), "its reader cannot tell a limit, after which to try again, from a fault"
    )


def fault_kept(seen: Seen) -> Evidence | None:
    """A fault before the stream must be a server's fault at the browser, too."""
    if seen.status is not None and seen.status >= 500:
        return None
    return Evidence(
        "a status from 500 up",
        seen.outcome(),
        "its reader, and every proxy and monitor between, takes it for a success",
    )
