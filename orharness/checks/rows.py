"""What a failure shows of an exchange, a row for each fact."""

from __future__ import annotations

from orharness.checks.aftermath import Aftermath, since
from orharness.checks.words import EVENTS_FOR_TOKENS, events_unsent, priced, progress, state
from orharness.journal import Certainty, Counted, Exchange
from orharness.verdict import count, excerpt

Rows = list[tuple[str, str]]


def rows_of(exchange: Exchange, seen: Aftermath | None = None) -> Rows:
    """Return the rows of an exchange; ``seen``: what became of it after an ``expect_disconnect`` block."""
    rows = [("exchange", f"{exchange.id}  {exchange.request.method} {exchange.request.path}  ({exchange.route})")]
    rows += [("seen", state(exchange))]
    if seen is not None and not seen.before.finished:
        rows.append(("since", since(seen)))
    rows.append(("written", progress(exchange)))
    if exchange.held_at is not None:
        rows.append(("held", f"at a gate after byte {exchange.held_at:,}: release() was not called"))
    if exchange.body:
        rows.append(("bytes", excerpt(exchange.body, exchange.bytes_written)))
        rows.append(("not sent", _saved(exchange)))
    if exchange.bill is not None:
        rows.append(("model", _billed(exchange)))
    return rows


def _saved(exchange: Exchange) -> str:
    if exchange.stream_size is None:
        return "not known: the end of the answer was not awaited"
    events, unsent = events_unsent(exchange), count(len(exchange.unsent), "byte")
    saved = unsent if events is None else f"{count(events, 'event')}, {unsent}"
    bill = exchange.bill
    if bill is None or exchange.tokens_total is None or bill.tokens_billed >= exchange.tokens_total:
        return saved
    return f"{saved}; {priced(exchange.tokens_total - bill.tokens_billed, bill)} still to be made"


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
