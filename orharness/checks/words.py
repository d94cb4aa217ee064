"""An exchange in words: what became of it, how much was written and read, and what its model made."""

from __future__ import annotations

from dataclasses import replace

from orharness.journal import Bill, Certainty, Counted, Exchange, Outcome
from orharness.sse import Event
from orharness.verdict import count

_HOW = {"fin": "closed the connection (FIN)", "rst": "reset the connection (RST)", "half_close": "shut down its side"}
EVENTS_FOR_TOKENS = "events stand for tokens"  # said wherever a number of such a bill is shown


def describe(exchange: Exchange) -> str:
    """Return the exchange in one line."""
    request = exchange.request
    called = f"{request.method} {request.path}" if request.method else "a request that was not HTTP"
    status = "" if exchange.status is None else f" → {exchange.status}"
    return f"{called}{status}: {state(exchange)}, {progress(exchange)}"


def explain_exchange(exchange: Exchange) -> str:
    """Return the exchange in one line, with the reason why no route answered or where it is held below it."""
    lines = [describe(exchange), *(exchange.difference or "").splitlines()]
    if exchange.held_at is not None:
        lines.append(f"held at a gate after byte {exchange.held_at:,}: release() was not called")
    return "\n  ".join(lines)


def left_open(exchange: Exchange) -> str | None:
    """Return a line for an exchange that its client has neither read to its end nor left; ``None`` for any other."""
    if exchange.outcome is not None and exchange.outcome not in (Outcome.STILL_OPEN, Outcome.ABANDONED):
        return None
    held = "" if exchange.held_at is None else f", held at a gate after byte {exchange.held_at:,}"
    if exchange.outcome is None:
        known = replace(exchange.certainty, outcome=Certainty.SEEN)
        exchange = replace(exchange, outcome=Outcome.STILL_OPEN, certainty=known)
    return describe(exchange) + held


def state(exchange: Exchange) -> str:
    """Return the outcome, and how the client left if it did."""
    outcome = "open" if exchange.outcome is None else spaced(exchange.outcome)
    if exchange.outcome is not None:
        outcome += how_sure(exchange.certainty.outcome)
    if exchange.how is None or exchange.left_after is None:
        return outcome
    how = f"{_HOW[exchange.how]}{how_sure(exchange.certainty.how)}"
    return f"{outcome} (the client {how} after {exchange.left_after:.3f} s)"


def spaced(outcome: Outcome) -> str:
    """Return an outcome as sentences name it."""
    return outcome.value.replace("_", " ")


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
    read = _read(exchange)
    if exchange.stream_size is None:
        if not exchange.chunks_written:
            return "no response yet"
        written = f"{count(exchange.chunks_written, 'chunk')} written ({count(exchange.bytes_written, 'byte')}{read})"
        return f"{written} of an answer whose length is not known"
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
    return events_between(exchange, exchange.bytes_written, len(exchange.body))


def events_between(exchange: Exchange, start: int, end: int) -> int | None:
    """Return the number of events that end after ``start``, and not after ``end``.

    ``None`` for an answer in which no event can be read: one that is not a stream, or is compressed.
    """
    found = [offset for offset, item in exchange.frame.decode_with_offsets(exchange.body) if isinstance(item, Event)]
    return sum(start < offset <= end for offset in found) if found else None


def priced(tokens: int, bill: Bill, more: str = "") -> str:
    """Return a number of tokens and their cost, at the bill's own price; says if events were counted instead.

    ``more``: a word between the number and its noun.
    """
    paid = bill.tokens_prompt + bill.tokens_billed
    notes = [f"${bill.cost * tokens / paid:.6f}"] if paid else []
    notes += [EVENTS_FOR_TOKENS] if bill.counted is Counted.EVENTS else []
    return count(tokens, more + bill.noun) + (f" ({'; '.join(notes)})" if notes else "")
