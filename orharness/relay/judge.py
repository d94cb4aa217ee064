"""Pure functions that judge what comes out of a relay at its browser.

Each judge returns an ``Evidence`` (the relay fails), a ``str`` (the reason why the case is not applicable) or ``None``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from time import time

from orharness.dialects import Dialect
from orharness.relay.added import added_text, in_place_of_comments
from orharness.relay.reasons import BUFFERS, DROPPED, SWALLOWED
from orharness.relay.response import ResponseEnd
from orharness.relay.seen import NO_API, TAIL, Seen, other_form
from orharness.relay.views import AnswerForm, contents, events_of, finished, items_of, parsed, says
from orharness.sse import Comment
from orharness.verdict import Evidence, quote, shorten

RETRY_AFTER = "1"  # seconds that an upstream which refuses asks to wait
_ABOUT = 60.0  # seconds by which a date of that may be off, since its reader may be slow
# What the upstream says of its own connection to the relay.
HOP_BY_HOP = {"Keep-Alive": "timeout=61", "X-Upstream-Hop": "1"}
GLUED = (
    "the error is written right after half an event: together they are one event, which is not JSON."
    " End the half one with an empty line first"
)


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
        if seen.content.endswith((b"\n\n", b"\r\r", b"\n\r\n")):
            reason = "[DONE] does not come in a line of data: the field's name is another one, such as one after U+FEFF"
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
    if not seen.content:
        return "nothing came out"
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


def hop_by_hop(seen: Seen) -> Evidence | None:
    """Headers about the upstream's connection must stay there. Source: RFC 9110, 7.6.1."""
    found = [f"{name}: {value}" for name, value in HOP_BY_HOP.items() if seen.headers.get(name.lower()) == value]
    if not found:
        return None
    reason = "headers about the upstream's connection are passed on: the browser takes them for the relay's own"
    return Evidence("no header that Connection names, nor Keep-Alive (RFC 9110, 7.6.1)", ", ".join(found), reason)


def content_type(seen: Seen) -> Evidence | str | None:
    """The content type of an event stream must say so."""
    if seen.form is AnswerForm.OTHER:
        return "the answer is not an event stream"
    if seen.is_event_stream:
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
    came = f"so far: {quote(stuck.came[-TAIL:])}" if stuck.came else "nothing had come so far"
    expected = f"each of the {number} events comes out while the next one is held back"
    late = f"event {stuck.event} ({stuck.text!r}) did not come within {seen.patience:g} s"
    if stuck.freed_by is None and not says(seen.content, stuck.text):
        return Evidence(expected, f"{late}, nor until the end: {seen.outcome()}", "the text does not come out at all")
    return Evidence(expected, f"{late}; it came {when}\n{came}", BUFFERS.reason_for(seen.kind))


def error_told(seen: Seen) -> Evidence | None:
    """An error that the upstream reports must be visible as one: an answer that only lacks its end does not show it."""
    found = error_visible(seen)
    if found is not None or _shows_error(seen):
        return found
    return Evidence("an error event, a text that says error, or a connection cut off", seen.outcome(), DROPPED)


def _shows_error(seen: Seen) -> bool:
    failed = seen.status is not None and seen.status >= 400 and seen.ended is not None
    return not seen.problem and (failed or seen.ended in (ResponseEnd.CUT, ResponseEnd.RESET) or _says_error(seen))


def error_visible(seen: Seen) -> Evidence | None:
    """The upstream's error must be visible: by the status, an error in the text, or a connection that is cut."""
    if (glued := _glued_error(seen)) is not None:
        return Evidence("an error event of its own", shorten(repr(glued), 300), GLUED)
    if _shows_error(seen):
        return None
    expected = "an error that its reader can see: a status, an event or text that says error, or a connection cut off"
    if seen.problem or seen.status is None or seen.ended is None:
        reason = "after the upstream's error nothing comes, not even an end: the browser waits for ever"
        if seen.status is not None and seen.status >= 400:
            reason = "the error has its status, but the response does not end: its Content-Length may be another body's"
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


def retry_after_kept(seen: Seen, *, status: int) -> Evidence | str | None:
    """How long its reader has to wait must come out with the status. Source: RFC 9110, 10.2.3."""
    if seen.status != status:
        return f"the status {status} does not come out: {seen.outcome()}"
    value = seen.headers.get("retry-after", "").strip()
    if value == RETRY_AFTER or _is_about_now(value):
        return None
    said = f"Retry-After is changed to {value!r}" if value else "Retry-After is lost"
    why = (
        "its reader does not wait as long as the upstream says" if value else "its reader cannot know how long to wait"
    )
    return Evidence(f"Retry-After: {RETRY_AFTER}", value or "no Retry-After", f"{said}: {why}")


def _is_about_now(value: str) -> bool:
    """Return whether a value is the other form of a Retry-After of a second: a date."""
    with suppress(ValueError):
        return abs(parsedate_to_datetime(value).timestamp() - time()) < _ABOUT
    return False
