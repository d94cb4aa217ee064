"""Pure verdicts on exchanges, in words: what was seen, what was expected, what leaked, and the usual cause."""

from __future__ import annotations

import textwrap
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from orharness.errors import ClientFailure
from orharness.journal import Bill, Certainty, Counted, Exchange, Outcome
from orharness.journal.expectation import Expectation, Upstream
from orharness.providers import AS_OF, PROVIDERS
from orharness.sse import Event
from orharness.verdict import aligned, count, excerpt

_HOW = {"fin": "closed the connection (FIN)", "rst": "reset the connection (RST)", "half_close": "shut down its side"}
EVENTS_FOR_TOKENS = "events stand for tokens"  # said wherever a number of such a bill is shown
# The usual causes, each with its cure; the journal shows which of them it is (``_cause``).
_LEAK = (
    "leaving a loop (break, return) does not close the stream: close it with `with`, `async with` or close();\n"
    "and a close() from another thread waits for the next bytes"
)
_LEFT_THE_LOOP = (
    "it stopped reading and kept the connection: it left the loop (break, return) without closing the stream,\n"
    "which stays open until the garbage collector comes: use `with`, `async with`, or close() in a `finally`"
)
_READS_ON = (
    "it went on reading after the block: a task or thread of its own still reads (a queue filled in the background,\n"
    "a stop flag that nobody looks at), or its event loop reads ahead for a stream that nobody closed:\n"
    "end what reads and wait for it, or close the stream with `with`, `async with` or close()"
)
_SILENT = (
    "no bytes came after the block, so it is one of two: it waits in a read (cancel the read: a task in asyncio,\n"
    "an AbortSignal in JavaScript, a context in Go; a close() from another Python thread waits with it); or it left\n"
    "the loop without closing the response (`with` or close() in Python, reader.cancel(), Body.Close())"
)
_LOOP_IS_KEPT = (
    "an event loop is running in this thread, and a sync `with` keeps it from going on, so that no async client\n"
    "can leave: use `async with reply.expect_disconnect()`"
)
_OR_IN_A_THREAD = "or, if the client does not run in that event loop:"
_LOOP_MAY_BE_KEPT = f"it may also be that {_LOOP_IS_KEPT}"
_ANOTHER_PROCESS = "another process keeps the connection (an app under test that does not leave its upstream):"
_NOT_STREAMED = (
    "the request does not ask for a stream (`stream: true` is missing): such an answer is made, and billed,\n"
    "to its end, whatever the client does"
)
_AT_THE_NEXT_BYTES = (
    "it left when the next bytes came: its stop flag is looked at, or its close() gets through, only between\n"
    "two reads; cancel the task that reads, or shut its socket down, so that a silent stream is left as well"
)


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What became of an exchange after the act of cancelling, which is the end of an ``expect_disconnect`` block.

    ``act``: that moment, and ``now``: the end of watching, both in seconds since the request was read. ``before``: the
    exchange at the act; ``after``: at ``now``. ``there``: whether the client could still leave it. ``held_here``:
    whether this process holds the client's end of the connection, ``None`` if unknown.
    """

    act: float
    before: Exchange
    now: float
    after: Exchange
    there: bool = True
    held_here: bool | None = True

    @property
    def left(self) -> float | None:
        """Seconds from the act to the client's leaving, below 0 if it came first; ``None`` if it has not cancelled."""
        if self.after.left_after is None or self.after.outcome is Outcome.LEFT_AT_END:
            return None
        return self.after.left_after - self.act

    @property
    def tokens(self) -> int:
        """How many tokens the model made after the act, or events in their place (``Bill.counted``)."""
        if self.before.bill is None or self.after.bill is None:
            return 0
        return max(0, self.after.bill.tokens_made - self.before.bill.tokens_made)

    @property
    def chunks(self) -> int:
        """How many chunks were written after the act."""
        return len(self.after.written_at) - bisect_right(self.after.written_at, self.act)

    @property
    def events(self) -> int | None:
        """How many events were sent whole after the act; ``None`` if none can be read in the answer."""
        first = len(self.after.written_at) - self.chunks
        already = self.after.boundaries_at[first - 1] if first else 0
        return _events_between(self.after, already, self.after.bytes_written)

    @property
    def read(self) -> int | None:
        """How many bytes the client read after the act; ``None`` if that cannot be known."""
        if self.before.bytes_read is None or self.after.bytes_read is None:
            return None
        return self.after.bytes_read - self.before.bytes_read


def describe(exchange: Exchange) -> str:
    """Return the exchange in one line."""
    request = exchange.request
    called = f"{request.method} {request.path}" if request.method else "a request that was no HTTP"
    status = "" if exchange.status is None else f" → {exchange.status}"
    return f"{called}{status}: {state(exchange)}, {progress(exchange)}"


def explain_exchange(exchange: Exchange) -> str:
    """Return the exchange in one line, with the reason why no route answered or where it is held below it."""
    lines = [describe(exchange), *(exchange.difference or "").splitlines()]
    if exchange.held_at is not None:
        lines.append(f"held at a gate after byte {exchange.held_at:,}: release() was not called")
    return "\n  ".join(lines)


def state(exchange: Exchange) -> str:
    """Return the outcome, and how the client left if it did."""
    outcome = "open" if exchange.outcome is None else _spaced(exchange.outcome)
    if exchange.outcome is not None:
        outcome += how_sure(exchange.certainty.outcome)
    if exchange.how is None or exchange.left_after is None:
        return outcome
    how = f"{_HOW[exchange.how]}{how_sure(exchange.certainty.how)}"
    return f"{outcome} (the client {how} after {exchange.left_after:.3f} s)"


def how_sure(known: Certainty) -> str:
    """Return how a value is known, to be put after it; empty if it was seen."""
    return "" if known is Certainty.SEEN else f" [{known.value.replace('_', ' ')}]"


def cannot_be_known(exchange: Exchange) -> str | None:
    """Return why it is open whether the client took the whole answer; ``None`` if it is known, or undecided.

    This does not cover an answer that the test left unfinished: its client has not left.
    """
    if exchange.outcome in (None, Outcome.STILL_OPEN, Outcome.ABANDONED) or exchange.finished is not None:
        return None
    said = f"cannot be known: {state(exchange)}, {progress(exchange)}"
    if exchange.certainty.outcome is Certainty.AT_LEAST:
        return f"{said}: an RST does not say what was read since the kernel was last asked, and all had been sent"
    return (
        f"{said}: whether the client's process has read what was delivered to its kernel can be seen on Linux, in the"
        " same network namespace only (run the client there, a container with `--network=host` or"
        " `--network=container:…`); see docs/certainty.md"
    )


def progress(exchange: Exchange) -> str:
    """Return how much was written and read, and of how much."""
    if exchange.stream_size is None:
        return "no response yet"
    read = _read(exchange)
    return (
        f"{exchange.chunks_written:,} of {exchange.chunks:,} chunks written"
        f" ({exchange.bytes_written:,} of {exchange.stream_size:,} bytes{read})"
    )


def _read(exchange: Exchange) -> str:
    if exchange.bytes_read is None:
        return ", read [unknown]" if exchange.bytes_written and exchange.outcome is not None else ""
    if exchange.certainty.bytes_read is Certainty.AT_LEAST:
        return f", at least {exchange.bytes_read:,} read"
    return f", {exchange.bytes_read:,} read{how_sure(exchange.certainty.bytes_read)}"


def events_unsent(exchange: Exchange) -> int | None:
    """Return how many events of the answer were not written whole; ``None`` if it has none, or they cannot be read."""
    return _events_between(exchange, exchange.bytes_written, len(exchange.body))


def _events_between(exchange: Exchange, start: int, end: int) -> int | None:
    """Return the number of events that end after ``start``, and not after ``end``.

    ``None`` for an answer in which no event can be read: one that is no stream, or is compressed.
    """
    found = [offset for offset, item in exchange.frame.decode_with_offsets(exchange.body) if isinstance(item, Event)]
    return sum(start < offset <= end for offset in found) if found else None


def _saved(exchange: Exchange) -> str:
    events, unsent = events_unsent(exchange), count(len(exchange.unsent), "byte")
    saved = unsent if events is None else f"{count(events, 'event')}, {unsent}"
    bill = exchange.bill
    if bill is None or exchange.tokens_total is None or bill.tokens_billed >= exchange.tokens_total:
        return saved
    return f"{saved}; {_priced(exchange.tokens_total - bill.tokens_billed, bill)} still to be made"


def _priced(tokens: int, bill: Bill, more: str = "") -> str:
    """Return a number of tokens and their cost, at the bill's own price; says if events were counted instead.

    ``more``: a word between the number and its noun.
    """
    paid = bill.tokens_prompt + bill.tokens_billed
    notes = [f"${bill.cost * tokens / paid:.6f}"] if paid else []
    notes += [EVENTS_FOR_TOKENS] if bill.counted is Counted.EVENTS else []
    return count(tokens, more + bill.noun) + (f" ({'; '.join(notes)})" if notes else "")


Rows = list[tuple[str, str]]


def _rows(exchange: Exchange, seen: Aftermath | None = None) -> Rows:
    rows = [("exchange", f"{exchange.id}  {exchange.request.method} {exchange.request.path}  ({exchange.route})")]
    rows += [("seen", state(exchange))]
    if seen is not None:
        rows.append(("since", _since(seen)))
    rows.append(("written", progress(exchange)))
    if exchange.held_at is not None:
        rows.append(("held", f"at a gate after byte {exchange.held_at:,}: release() was not called"))
    if exchange.body:
        rows.append(("bytes", excerpt(exchange.body, exchange.bytes_written)))
        rows.append(("not sent", _saved(exchange)))
    if exchange.bill is not None:
        rows.append(("model", _billed(exchange)))
    return rows


def _since(seen: Aftermath) -> str:
    """Return what happened after the act: to the connection, on it, and afterwards."""
    if seen.left is None:
        kept = f"the connection stayed open for the {seen.now - seen.act:.2f} s that were watched after the block"
    elif seen.left < 0:
        kept = f"the client had left {-seen.left:.3f} s before the end of the block"
    else:
        kept = f"the connection stayed open for {seen.left:.3f} s after the block"
    more = count(seen.chunks, "more chunk") if seen.events is None else count(seen.events, "more event")
    sent = f"{more} sent" if seen.chunks else "nothing was sent"
    return f"{kept};\n{sent}{_made_since(seen)}"


def _made_since(seen: Aftermath) -> str:
    if seen.after.bill is None:
        return ""
    bill = seen.after.bill
    made = _priced(seen.tokens, bill, "more ") if seen.tokens else f"no more {bill.noun}s"
    return f", and the model made {made}"


def nobody_failure(route: str, exchanges: Sequence[Exchange], others: Sequence[Exchange]) -> ClientFailure:
    """Return the failure that nothing could be cancelled: no request came, or all were over when the block began.

    ``others``: the exchanges of the server that other routes answered, or none did.
    """
    if exchanges:
        said = "no call was open when the block began; hold(…) keeps an answer open"
        listed = [describe(exchange) for exchange in exchanges]
        return ClientFailure("\n  ".join([said, *listed]), exchanges[-1])
    said = f"the client never sent a request to {route}: there was nothing to cancel"
    if not others:
        return ClientFailure(f"{said}; nothing at all came to the server (was the client given its base_url?)")
    return ClientFailure("\n  ".join([f"{said}; what came to the server:", *map(describe, others)]))


def none_held(route: str, seconds: float, exchanges: Sequence[Exchange], others: Sequence[Exchange]) -> str:
    """Return that no stream was held for so long, with what came to the route, or else to the server.

    ``others``: the exchanges of the server that other routes answered, or none did.
    """
    said = f"after {seconds:g} s no stream of {route} is held at a gate"
    if exchanges or not others:
        return "\n  ".join([said, *map(describe, exchanges)])
    return "\n  ".join([f"{said}; what came to the server:", *map(describe, others)])


def disconnect_failure(watched: Sequence[Aftermath], within: float, *, in_loop: bool = False) -> ClientFailure | None:
    """Return why ``expect_disconnect`` was not met (already over, too late, never left); ``None`` if it was.

    ``in_loop``: whether the block was a sync one in the thread of a running event loop.
    """
    wrong = [(one, said) for one in watched if (said := _not_left(one, within)) is not None]
    if not wrong:
        return None
    reports = [f"{said}\n{aligned([*_rows(one.after, one), *_why_open(one, in_loop)])}" for one, said in wrong]
    if len(watched) > 1:
        head = f"{len(wrong)} of {count(len(watched), 'call')} did not leave as expected"
        listed = aligned([(one.after.id, _not_left(one, within) or _left_well(one)) for one in watched])
        reports = [f"{head}\n{listed}", *reports]
    return ClientFailure("\n\n".join(reports), wrong[0][0].after)


def _left_well(seen: Aftermath) -> str:
    left = seen.left or 0.0
    return f"the client left {abs(left):.3f} s {'before the end of' if left < 0 else 'after'} the block"


def _not_left(seen: Aftermath, within: float) -> str | None:
    outcome = seen.after.outcome
    if (unknown := cannot_be_known(seen.after)) is not None:
        return unknown
    if seen.left is not None:
        return None if seen.left <= within else f"{_left_well(seen)}, {within:g} s were allowed"
    if seen.after.finished:
        return "there was nothing left to cancel: the client had read the whole answer; hold(…) keeps it open"
    if outcome is Outcome.FAULTED and not seen.there:
        return "there was nothing left to cancel: the scripted fault came first; hold(…) keeps the answer open"
    return f"the client did not leave within {within:g} s of the end of the block"


def _why_open(seen: Aftermath, in_loop: bool) -> Iterator[tuple[str, str]]:
    cause = _cause_of_lateness(seen) if seen.left is not None else _cause(seen, in_loop) if _is_open(seen) else None
    if cause is not None:
        yield "cause", cause


def _is_open(seen: Aftermath) -> bool:
    return seen.there and not seen.after.finished


def _cause(seen: Aftermath, in_loop: bool = False) -> str:
    """Return the usual cause of a connection that stays open.

    A running event loop that a sync block holds up is the cause only if the client can be in it: not if another process
    holds the connection, or if the client read on.
    """
    if _is_unstreamed(seen.after):
        return _NOT_STREAMED
    by_bytes = _cause_by_bytes(seen)
    if seen.held_here is False:
        return f"{_ANOTHER_PROCESS}\n{by_bytes}"
    if not in_loop or seen.read:
        return by_bytes
    if seen.held_here:
        return f"{_LOOP_IS_KEPT};\n{_OR_IN_A_THREAD}\n{by_bytes}"
    return f"{by_bytes};\n{_LOOP_MAY_BE_KEPT}"


def _cause_by_bytes(seen: Aftermath) -> str:
    """Return the usual cause of a connection that stays open, by what was written and read after the act."""
    if seen.read:
        return _READS_ON
    if seen.read is None or seen.after.bytes_read is None:
        return _LEAK
    return _LEFT_THE_LOOP if seen.after.bytes_read < seen.after.bytes_written else _SILENT


def _cause_of_lateness(seen: Aftermath) -> str | None:
    """Return the cause if the client was silent for most of the time, and left only when bytes came."""
    if seen.left is None or not seen.chunks:
        return None
    silence = seen.after.written_at[-seen.chunks] - seen.act
    return _AT_THE_NEXT_BYTES if silence >= seen.left / 2 else None


def _is_unstreamed(exchange: Exchange) -> bool:
    return exchange.streamed is False


def upstream_failure(exchange: Exchange, leaked_tokens: int = 1, seen: Aftermath | None = None) -> ClientFailure | None:
    """Return why the upstream cannot be said to have stopped; ``None`` if it did.

    ``leaked_tokens``: how many tokens a model that does not stop may bill beyond what was sent. ``seen``: what became
    of the exchange after an ``expect_disconnect`` block, if there was one.
    """
    rows = _rows(exchange, seen)
    if exchange.work is not None:
        return _background_failure(exchange, rows)
    if (unknown := cannot_be_known(exchange)) is not None:
        return ClientFailure(f"{unknown}\n{aligned(rows)}", exchange)
    if exchange.outcome is Outcome.CANCELLED:
        return _cancelled_failure(exchange, leaked_tokens, rows)
    rows.append(("expected", "cancelled: the client leaves before the end marker, and the rest is never sent"))
    if exchange.outcome is None or exchange.outcome in (Outcome.STILL_OPEN, Outcome.ABANDONED):
        said = "the client has not left: the model goes on"
        rows.append(("cause", _cause(seen) if seen else _NOT_STREAMED if _is_unstreamed(exchange) else _LEAK))
    elif exchange.finished:
        said = "nothing was stopped: the client had read the whole answer"
    else:
        said = f"nothing was stopped: the exchange is {exchange.outcome.value}"
    return ClientFailure(f"{said}\n{aligned(rows)}", exchange)


def _background_failure(exchange: Exchange, rows: Rows) -> ClientFailure | None:
    """Return why no call has stopped the model of an answer that is made in the background; ``None`` if one has."""
    assert exchange.work is not None
    if exchange.work.stopped:
        return None
    made, total = (0 if exchange.bill is None else exchange.bill.tokens_made), exchange.tokens_total
    if made == total:
        said = "nothing was stopped: the answer was made to its end in the background"
    else:
        said = f"nothing was stopped: the model goes on in the background ({made} of {total} tokens)"
    rows += [("expected", "the API's call that cancels a background answer"), ("cause", _IN_BACKGROUND)]
    return ClientFailure(f"{said}\n{aligned(rows)}", exchange)


_IN_BACKGROUND = "leaving does not stop an answer that was asked for in the background: POST …/{id}/cancel does"


def leak_failure(exchange: Exchange, leaked_tokens: int = 1) -> ClientFailure | None:
    """Return why a cancel did not stop the model, with what leaked and its price; ``None`` where nothing did.

    Unlike ``upstream_failure`` it says nothing of an exchange that was not cancelled, or has no model.
    """
    if exchange.outcome is not Outcome.CANCELLED or exchange.bill is None or not _goes_on(exchange):
        return None
    return upstream_failure(exchange, leaked_tokens)


def _cancelled_failure(exchange: Exchange, allowed: int, rows: Rows) -> ClientFailure | None:
    """Return why the model of a client that left did not stop, or why that cannot be known; ``None`` if it stopped."""
    bill = exchange.bill
    if bill is None:
        return ClientFailure(f"{_NO_MODEL}\n{aligned(rows)}", exchange)
    if not _goes_on(exchange):
        return None if exchange.provider_stops else ClientFailure(f"{_unlisted(exchange)}\n{aligned(rows)}", exchange)
    leaked = bill.tokens_billed - bill.tokens_written
    if leaked <= allowed:
        return None
    said = f"the client left, and the model went on: {_priced(leaked, bill)} are billed that were never sent"
    return ClientFailure(f"{said}\n{aligned([*rows, *_leak_rows(exchange, allowed, bill.noun)])}", exchange)


_NO_MODEL = (
    "cannot be known: the client left, but this reply has no model behind it that could have stopped: it is a plain\n"
    "response, or a stream in which no event has data; answer with chat(…), or with stream(…) of events that have data"
)


def _unlisted(exchange: Exchange) -> str:
    return (
        f"cannot be known: the client left, but whether {exchange.provider} stops on cancel is not known: pass\n"
        f"provider=Provider({exchange.provider!r}, stops_on_cancel=…), or the name of a provider that is listed"
    )


def _goes_on(exchange: Exchange) -> bool:
    """Return whether the model makes the whole answer, whatever its client does.

    Any other stops when its client leaves. It may have made more by then than was sent, at its own pace, while its
    client was there: that is billed, but it is not a leak.
    """
    return exchange.provider_stops is False or _is_unstreamed(exchange)


def _leak_rows(exchange: Exchange, allowed: int, noun: str) -> Rows:
    rows = [("expected", f"at most {count(allowed, f'leaked {noun}')} (leaked_tokens=)")]
    if exchange.provider_stops is False:
        goes_on = f"{exchange.provider} does not stop on cancel: it makes the whole answer, whatever the client does"
        stops = ", ".join(one.name for one in PROVIDERS if one.stops_on_cancel)
        rows += [("cause", goes_on), ("cure", f"ask for one that stops (as of {AS_OF}):\n{textwrap.fill(stops, 100)}")]
    else:
        rows.append(("cause", _NOT_STREAMED))
    return rows


def _billed(exchange: Exchange) -> str:
    bill = exchange.bill
    assert bill is not None
    least = "at least " if exchange.certainty.tokens_read is Certainty.AT_LEAST else ""
    read = "" if bill.tokens_read is None else f", {least}{bill.tokens_read:,} read"
    counted = "" if bill.counted is Counted.TOKENS else f"\n{EVENTS_FOR_TOKENS}: the stream's tokens cannot be counted"
    return (
        f"{count(bill.tokens_made, bill.noun)} made by {exchange.provider}, {bill.tokens_written:,} written{read};"
        f" {bill.tokens_billed:,} billed: ${bill.cost:.6f}{counted}"
    )


def strict_failures(exchanges: Sequence[Exchange], unused: Sequence[str]) -> list[str]:
    """Return what a strict server reports at the end of a test: requests without a route, replies without a request."""
    found = [
        f"a request that no route answers\n{aligned([('request', _asked(exchange)), ('difference', _why(exchange))])}"
        for exchange in exchanges
        if exchange.outcome is Outcome.UNMATCHED
    ]
    return found + [f"a reply that was never asked for: {name}" for name in unused]


def _asked(exchange: Exchange) -> str:
    body = exchange.request.text
    shown = body if len(body) <= 400 else body[:400] + "…"
    return f"{exchange.request.method} {exchange.request.path} {shown}".strip()


def _why(exchange: Exchange) -> str:
    return exchange.difference or "unknown"


def unmet(expected: Expectation, exchange: Exchange) -> list[str]:
    """Return the expectations of its route that an exchange does not meet, each with the exchange."""
    found = []
    if expected.outcome is not None and exchange.outcome is not expected.outcome:
        found.append(_unmet(exchange, f"the outcome is {state(exchange)}", f"{_spaced(expected.outcome)} (outcome)"))
    took = decided_within(exchange)
    if expected.within is not None and (took is None or took > expected.within):
        said = "nothing was decided" if took is None else f"it took {took:.3f} s from the last chunk written"
        found.append(_unmet(exchange, f"{said} to the outcome", f"at most {expected.within:g} s (within)"))
    if expected.upstream is Upstream.STOPPED and (failure := upstream_failure(exchange)) is not None:
        found.append(str(failure))
    return found


def decided_within(exchange: Exchange) -> float | None:
    """Return the seconds from the last written chunk to the moment that decided the outcome.

    Without a written chunk they count from the request. ``None`` if the client has neither finished nor left.
    """
    if exchange.ended_after is None or exchange.outcome in (Outcome.STILL_OPEN, Outcome.ABANDONED):
        return None
    before = bisect_right(exchange.written_at, exchange.ended_after)
    return exchange.ended_after - (exchange.written_at[before - 1] if before else 0.0)


def _unmet(exchange: Exchange, seen: str, expected: str) -> str:
    return f"{seen}\n{aligned([*_rows(exchange), ('expected', expected)])}"


def _spaced(outcome: Outcome) -> str:
    return outcome.value.replace("_", " ")


def left_open(exchange: Exchange) -> str | None:
    """Return a line for an exchange that its client has neither read to its end nor left; ``None`` for any other."""
    if exchange.outcome is not None and exchange.outcome not in (Outcome.STILL_OPEN, Outcome.ABANDONED):
        return None
    held = "" if exchange.held_at is None else f", held at a gate after byte {exchange.held_at:,}"
    if exchange.outcome is None:
        known = replace(exchange.certainty, outcome=Certainty.SEEN)
        exchange = replace(exchange, outcome=Outcome.STILL_OPEN, certainty=known)
    return describe(exchange) + held
