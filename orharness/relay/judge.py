"""What was seen on both sides of a relay, as data, and the pure functions that judge it.

Each judge returns an ``Evidence`` (the relay fails), a ``str`` (the reason why the case is not applicable) or ``None``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from orharness.checks import cannot_be_known, describe
from orharness.dialects import DIALECTS, Dialect, Refused
from orharness.frames import FRAMES, SSE
from orharness.gateways import ONEROUTER
from orharness.journal import Exchange, Request
from orharness.relay.reasons import ASKS_AFTER_A_CANCEL, ASKS_AGAIN, BUFFERS, READS_ON, SWALLOWED, WAKES_LATE, RelayKind
from orharness.relay.response import ResponseEnd
from orharness.relay.views import (
    AnswerForm,
    best_view,
    contents,
    events_of,
    finished,
    form_of,
    items_of,
    parsed,
    says,
    views,
)
from orharness.sse import Comment, Item
from orharness.verdict import Evidence, quote, shorten

GLUED = (
    "the error is written right after half an event: together they are one event, which is no JSON."
    " End the half one with an empty line first"
)
_NO_HTTP = "what came out is not HTTP"
_TAIL = 160  # bytes of the answer that evidence shows


@dataclass(frozen=True)
class Buffering:
    """The first event that did not come out while the next one was held back, and how many more it took.

    ``freed_by``: gates that had to be opened until it came, ``None`` if it came only at the end of the answer.
    """

    event: int
    text: str
    freed_by: int | None = None


@dataclass(frozen=True)
class Leaving:
    """A browser that left: after ``after`` seconds the upstream saw it, ``None`` if not within the time it had.

    ``woken_by``: how many further events the upstream had to send until then, ``None`` if it never saw it. ``written``:
    tokens that had been written to the relay when the browser left. ``asked``: requests that had come by then.
    """

    after: float | None
    written: int = 0
    woken_by: int | None = None
    asked: int = 1


@dataclass(frozen=True)
class Seen:
    """One run: what the upstream saw (an exchange for each request) and what came out at the browser.

    ``kind``: what the relay is, as far as its headers say. ``unmatched``: requests of the relay that no reply was for.
    ``patience``: seconds that the relay had. ``problem``: why the browser could not read on. ``several``: what came out
    at each browser, where there were several at once; ``together``: requests that had come before any answer ended.
    """

    base_url: str
    exchanges: tuple[Exchange, ...] = ()
    unmatched: tuple[Exchange, ...] = ()
    status: int | None = None
    content_type: str = ""
    kind: RelayKind | None = None
    content: bytes = b""
    ended: ResponseEnd | None = None
    patience: float = 2.0
    problem: str = ""
    buffering: Buffering | None = None
    leaving: Leaving | None = None
    several: tuple[bytes, ...] = ()
    together: int = 0

    @property
    def form(self) -> AnswerForm:
        """The form into which the relay puts the model's stream."""
        return form_of(self.content, self.content_type)

    @property
    def dialect(self) -> Dialect | None:
        """The API whose events come out at the browser, ``None`` for a form of the relay's own."""
        return DIALECTS.of(self.items)

    @property
    def items(self) -> list[Item]:
        """What came out as the items of its frame: that of its content type, an event stream for any other."""
        kind = self.content_type.partition(";")[0].strip().lower()
        frame = next((one for one in FRAMES.values() if one.content_type == kind), SSE)
        return frame.decode(self.content)

    def outcome(self) -> str:
        """What came out, in words."""
        if self.problem:
            return self.problem
        if self.status is None:
            return f"no response within {self.patience:g} s" if self.ended is None else "no response: it was cut off"
        end = "it does not end" if self.ended is None else f"a {self.ended} end"
        tail = quote(self.content[-_TAIL:])
        return f"status {self.status}, {len(self.content):,} bytes, {end}: {'…' * (len(self.content) > _TAIL)}{tail}"


Judge = Callable[[Seen], Evidence | str | None]


def wants_stream(request: Request) -> bool:
    """Return whether the relay asked its upstream for a stream."""
    dialect = DIALECTS.at(request.path) or DIALECTS.default
    try:
        return dialect.asked(request, ONEROUTER).stream
    except Refused as refused:
        return refused.asked is not None and refused.asked.stream


def asked(seen: Seen) -> Evidence | None:
    """The relay must ask our upstream, for a stream."""
    expected = f"POST {seen.base_url}/chat/completions, or of another known API, for a stream"
    if not seen.exchanges:
        others = "; ".join(describe(one) for one in seen.unmatched)
        got = f"no such request; the browser saw: {seen.outcome()}" + (f"\nbut {others}" if others else "")
        reason = f"the backend does not ask this upstream: set its OPENAI_BASE_URL to {seen.base_url}, start it again"
        if others:
            reason = "the backend asks for something else: this check plays the APIs " + ", ".join(DIALECTS)
        elif seen.status in (404, 405):
            reason = f"the backend answers {seen.status}: look at the path of the address, and at --method"
        elif seen.status in (400, 401, 403, 415, 422):
            reason = f"the backend answers {seen.status}: look at the request, --json and --header"
        return Evidence(expected, got, reason)
    request = seen.exchanges[-1].request
    if not wants_stream(request):
        got = shorten(request.text, 200)
        return Evidence(expected, got, "the backend asks for the whole answer: it has to ask for a stream")
    return None


def asked_again(seen: Seen, *, billed: bool = False) -> list[Exchange]:
    """Return the requests that the relay made without the browser asking.

    These are requests with the messages of an earlier one, or for a stream after the browser left. Other requests (for
    a title, the next turn of a tool loop) are the relay's business. ``billed``: count only requests that are billed; a
    retry after an error before the stream repeats nothing that was billed.
    """
    asked = len(seen.exchanges) if seen.leaving is None else max(1, seen.leaving.asked)
    known: list[object] = []
    found = []
    for number, one in enumerate(seen.exchanges):
        if billed and one.bill is None:
            continue
        question = _question(one)
        if question in known or (number >= asked and wants_stream(one.request)):
            found.append(one)
        known.append(question)
    return found[max(0, len(seen.several) - 1) :]  # several browsers may ask the same


def _question(exchange: Exchange) -> object:
    """Return what makes two requests ask the same thing; a fallback may name another model."""
    body = exchange.request.json
    return body["messages"] if isinstance(body, dict) and "messages" in body else exchange.request.body


def asked_once(seen: Seen) -> Evidence | None:
    """One request of the browser must be billed once."""
    if not asked_again(seen, billed=True):
        return None
    return Evidence("one request to the upstream for one request of the browser", _bills(seen), ASKS_AGAIN)


def counted(found: Evidence, seen: Seen) -> Evidence:
    """Return the evidence, with the number of requests if the relay asked more than once."""
    if not asked_again(seen, billed=True) or (bills := _bills(seen)) in found.got:
        return found
    return replace(found, got=f"{found.got}\n{bills}")


def _bills(seen: Seen) -> str:
    number = len(asked_again(seen, billed=True)) + 1
    which = "both" if number == 2 else f"all {number}"
    cost = sum(one.bill.cost for one in seen.exchanges if one.bill is not None)
    bills = f"{which} are billed, ${cost:.6f} in all"
    return f"the upstream was asked {number} times for one request of the browser: {bills}"


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
    return (
        None if seen.ended is ResponseEnd.CLEAN else "the connection is cut, though the upstream's answer ends in order"
    )


def _changed(sent: str, tokens: Sequence[str], got: str, content: bytes) -> str:
    """Return the likely cause, according to what the text looks like."""
    if any(sent.encode().decode("latin-1") in view for view in views(content)):
        return "UTF-8 is read as Latin-1: an event stream is always UTF-8, whatever the content type says"
    if "\ufffd" in content.decode("utf-8", "replace") or any("\ufffd" in view for view in views(content)):
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


def other_form(seen: Seen) -> str:
    """Return why a case about chat completion chunks does not judge an answer that has none."""
    if seen.dialect is not None:
        return f"what comes out are events of {seen.dialect.name}: this case is about chat completion chunks"
    return "what comes out are no chat completion chunks" if seen.content else "nothing came out"


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
    reason = "events are lost" if len(found) < len(tokens) else "events are repeated or cut into several"
    if len(found) == len(tokens):
        reason = "the text of events is changed"
    if len(found) < len(tokens) and "".join(found) == "".join(tokens):
        reason = "several events are joined into one"
    return Evidence(f"{len(tokens)} events with text", got, reason)


def end_marker(seen: Seen) -> Evidence | str | None:
    """``[DONE]`` must come out once, as the last event."""
    if seen.form is not AnswerForm.CHAT:
        return other_form(seen)
    events = [event.data for event in events_of(seen.content)]
    if events.count("[DONE]") == 1 and events[-1] == "[DONE]":
        return None
    number = events.count("[DONE]")
    got = f"[DONE] {number} times" if number != 1 else f"after [DONE]: {shorten(repr(events[-1]), 100)}"
    reason = "[DONE] is lost: its readers wait for more, or take the answer for cut" if not number else (
        "the relay adds a [DONE] of its own to the one that it passes on" if number > 1 else "[DONE] is not the last"
    )  # fmt: skip
    return Evidence("[DONE] once, as the last event", got, reason, quote(seen.content[-_TAIL:]))


def no_end_marker(seen: Seen) -> Evidence | str | None:
    """No ``[DONE]`` may come out of a stream that had none."""
    if seen.form is not AnswerForm.CHAT:
        return other_form(seen)
    if "[DONE]" not in [event.data for event in events_of(seen.content)]:
        return None
    return Evidence(
        "no [DONE]: the upstream ends without one",
        f"[DONE]: {quote(seen.content[-_TAIL:])}",
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
    return Evidence(
        f"keep-alive comments, or others in their place: the upstream sent {sent}",
        "none",
        "comments are dropped: while the model thinks nothing comes, and browsers and proxies may time out."
        " Send a comment every few seconds",
    )


def content_type(seen: Seen) -> Evidence | str | None:
    """The content type of an event stream must say so."""
    if seen.form is AnswerForm.OTHER:
        return "it is no event stream"
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
    came = f"so far: {quote(seen.content[-_TAIL:])}" if seen.content else "nothing had come so far"
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
        return "the relay does not send the events of an API"
    return error_visible(seen)


def grammar(seen: Seen) -> Evidence | str | None:
    """What comes out must obey the rules of its API, each deviation named by its clause."""
    if seen.dialect is None or seen.dialect.grammar is None:
        return "the relay does not send the events of an API"
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


def left(seen: Seen) -> Evidence | str | None:
    """When the browser has left, the relay must leave, and must not ask again."""
    leaving = seen.leaving
    if leaving is None:
        return None
    for one in seen.exchanges:
        if one.left_after is not None and (unknown := cannot_be_known(one)) is not None:
            return unknown
    if leaving.after is not None:
        return _asked_after(seen, leaving)
    expected = f"the upstream is left within {seen.patience:g} s of the browser's leaving"
    if leaving.woken_by is not None:
        events = "1 event" if leaving.woken_by == 1 else f"{leaving.woken_by} events"
        return Evidence(
            expected, f"only when it had sent {events} more\n{_leaked(seen, leaving)}", WAKES_LATE.reason_for(seen.kind)
        )
    ran = all(one.bytes_written == one.stream_size for one in seen.exchanges)
    got = "the upstream ran to its end" if ran else "the upstream's connection stayed open"
    return Evidence(expected, f"{got}\n{_leaked(seen, leaving)}", READS_ON.reason_for(seen.kind))


def _asked_after(seen: Seen, leaving: Leaving) -> Evidence | None:
    """Return evidence of a relay that left and then asked for the answer once more."""
    moments = [_read_at(one) + one.left_after for one in seen.exchanges if one.left_after is not None]
    pauses = [_read_at(one) - min(moments) for one in asked_again(seen, billed=True) if moments]
    # a hedged request that was on its way is not an answer to the cancel
    late = [pause for pause in pauses if pause > 0]
    if not late:
        return None
    times = "" if len(late) == 1 else f", {len(late)} times"
    when = f"it was left after {leaving.after:.3f} s, and asked again {late[0]:.3f} s after that{times}"
    got = f"{when}\n{_leaked(seen, leaving)}\n{_bills(seen)}"
    return Evidence("the upstream is left when the browser leaves, and not asked again", got, ASKS_AFTER_A_CANCEL)


def _read_at(exchange: Exchange) -> float:
    """Return the moment at which the request had been read, in seconds."""
    return datetime.fromisoformat(exchange.started_at).timestamp()


def _leaked(seen: Seen, leaving: Leaving) -> str:
    bills = [one.bill for one in seen.exchanges if one.bill is not None]
    tokens = max(0, sum(bill.tokens_billed for bill in bills) - leaving.written)
    billed = sum(bill.tokens_prompt + bill.tokens_billed for bill in bills)
    cost = sum(bill.cost for bill in bills) * tokens / billed if billed else 0.0
    made = "1 token was" if tokens == 1 else f"{tokens:,} tokens were"
    return f"{made} made and billed after the browser had left: ${cost:.6f}"


def measured(seen: Seen) -> str:
    """Return what a verdict's title says about times, and about retries that are not billed."""
    after = None if seen.leaving is None else seen.leaving.after
    said = "" if after is None else f" ({after:.3f} s later)"
    if (again := asked_again(seen)) and not asked_again(seen, billed=True):
        said += f" (the upstream was asked {len(again) + 1} times)"
    return said
