"""Pure verdicts on exchanges, in words: what was seen, what was expected, what leaked, and the usual cause."""

from __future__ import annotations

from collections.abc import Sequence

from orharness.errors import ClientFailure
from orharness.journal import Bill, Exchange, Outcome
from orharness.sse import Event, decode_with_offsets
from orharness.verdict import aligned, excerpt

_HOW = {"fin": "closed the connection (FIN)", "rst": "reset the connection (RST)", "half_close": "shut down its side"}
_LEAK = (
    "leaving a loop (break, return) does not close the stream: close it with `with`, `async with` or close();\n"
    "and a close() from another thread waits for the next bytes"
)


def describe(exchange: Exchange) -> str:
    """The exchange in one line."""
    request = exchange.request
    called = f"{request.method} {request.path}" if request.method else "a request that was no HTTP"
    status = "" if exchange.status is None else f" → {exchange.status}"
    return f"{called}{status}: {state(exchange)}, {progress(exchange)}"


def explain_exchange(exchange: Exchange) -> str:
    """The exchange in one line, and below it why no route answered or where it is held."""
    lines = [describe(exchange), *(exchange.difference or "").splitlines()]
    if exchange.held_at is not None:
        lines.append(f"held at a gate behind byte {exchange.held_at:,}: release() was not called")
    return "\n  ".join(lines)


def state(exchange: Exchange) -> str:
    """The outcome, and the client's leaving where it left."""
    outcome = "open" if exchange.outcome is None else exchange.outcome.value.replace("_", " ")
    if exchange.how is None or exchange.left_after is None:
        return outcome
    return f"{outcome} (the client {_HOW[exchange.how]} after {exchange.left_after:.3f} s)"


def progress(exchange: Exchange) -> str:
    """How much was written and read, of how much."""
    if exchange.stream_size is None:
        return "no response yet"
    read = "" if exchange.bytes_read is None else f", {exchange.bytes_read:,} read"
    return (
        f"{exchange.chunks_written:,} of {exchange.chunks:,} chunks written"
        f" ({exchange.bytes_written:,} of {exchange.stream_size:,} bytes{read})"
    )


def events_unsent(exchange: Exchange) -> int:
    """How many events of the answer were not written whole."""
    found = decode_with_offsets(exchange.body)
    return sum(offset > exchange.bytes_written for offset, item in found if isinstance(item, Event))


def _saved(exchange: Exchange) -> str:
    unsent = events_unsent(exchange)
    return f"{unsent:,} events, {len(exchange.unsent):,} bytes"


def _rows(exchange: Exchange) -> list[tuple[str, str]]:
    rows = [("exchange", f"{exchange.id}  {exchange.request.method} {exchange.request.path}  ({exchange.route})")]
    rows += [("seen", state(exchange)), ("written", progress(exchange))]
    if exchange.held_at is not None:
        rows.append(("held", f"at a gate behind byte {exchange.held_at:,}: release() was not called"))
    if exchange.body:
        rows.append(("bytes", excerpt(exchange.body, exchange.bytes_written)))
        rows.append(("not sent", _saved(exchange)))
    if exchange.bill is not None:
        rows.append(("model", _billed(exchange)))
    return rows


def disconnect_failure(
    route: str, exchanges: Sequence[Exchange], late: float | None, within: float, *, in_loop: bool
) -> ClientFailure:
    """Why ``expect_disconnect`` was not met: nobody there, already over, too late, or never left."""
    if not exchanges:
        return ClientFailure(f"the client never sent a request to {route}: there was nothing to cancel")
    exchange = exchanges[-1]
    rows = _rows(exchange)
    if exchange.outcome is not None and exchange.outcome.finished and late is None:
        said = "there was nothing left to cancel: the client had read the whole answer; hold(…) keeps it open"
    elif late is not None:
        said = f"the client left {late:.3f} s after the block, {within:g} s were allowed"
    elif exchange.outcome is Outcome.FAULTED:
        said = "there was nothing left to cancel: the scripted fault came first; hold(…) keeps the answer open"
    elif len(exchanges) > 1 or exchange.how is not None:
        said = "no call was open when the block began"
    else:
        said = f"the client did not leave within {within:g} s of the end of the block"
        rows.append(("cause", _LEAK))
    if in_loop and late is None:
        rows.append(("hint", "an event loop is running in this thread: `async with` lets its clients leave"))
    return ClientFailure(f"{said}\n{aligned(rows)}", exchange)


def upstream_failure(exchange: Exchange, leaked_tokens: int = 1) -> ClientFailure | None:
    """Why the upstream cannot be said to have been stopped; ``None`` where it was.

    ``leaked_tokens``: how many may be billed beyond what was sent to the client; one is always under way.
    """
    rows = _rows(exchange)
    if exchange.outcome is Outcome.CANCELLED:
        leaked = leaked_tokens_of(exchange.bill)
        if leaked <= leaked_tokens:
            return None
        said = f"the client left, and the model went on: {leaked:,} tokens are billed that were never sent"
        return ClientFailure(f"{said}\n{aligned([*rows, *_leak_rows(exchange, leaked_tokens)])}", exchange)
    rows.append(("expected", "cancelled: the client leaves before the end marker, and the rest is never sent"))
    if exchange.outcome is None or exchange.outcome in (Outcome.STILL_OPEN, Outcome.ABANDONED):
        said = "the client has not left: the model goes on"
        rows.append(("cause", _LEAK))
    elif exchange.outcome.finished:
        said = "nothing was stopped: the client had read the whole answer"
    else:
        said = f"nothing was stopped: the exchange is {exchange.outcome.value}"
    return ClientFailure(f"{said}\n{aligned(rows)}", exchange)


def leaked_tokens_of(bill: Bill | None) -> int:
    """Tokens that are billed though they were not sent before the client left."""
    return 0 if bill is None else bill.tokens_billed - bill.tokens_written


def _leak_rows(exchange: Exchange, allowed: int) -> list[tuple[str, str]]:
    rows = [("expected", f"at most {allowed:,} leaked tokens (leaked_tokens=)")]
    if exchange.provider_stops is False:
        goes_on = f"{exchange.provider} does not stop on cancel: it makes the whole answer, whatever the client does"
        rows.append(("cause", goes_on))
    else:
        rows.append(("cause", "the model ran ahead of what is sent: all that it made before the client left is billed"))
    return rows


def _billed(exchange: Exchange) -> str:
    bill = exchange.bill
    assert bill is not None
    read = "" if bill.tokens_read is None else f", {bill.tokens_read:,} read"
    return (
        f"{bill.tokens_made:,} tokens made by {exchange.provider}, {bill.tokens_written:,} written{read};"
        f" {bill.tokens_billed:,} billed: ${bill.cost:.6f}"
    )


def strict_failures(exchanges: Sequence[Exchange], unused: Sequence[str]) -> list[str]:
    """What a strict server complains of at the end of a test: requests without a route, replies without a request."""
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
