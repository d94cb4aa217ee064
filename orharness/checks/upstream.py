"""Whether a cancel stopped the model: verdicts on the upstream and its bill."""

from __future__ import annotations

import textwrap

from orharness.checks.aftermath import Aftermath
from orharness.checks.causes import LEAK, cause_of, is_unstreamed, not_streamed
from orharness.checks.rows import Rows, rows_of
from orharness.checks.words import cannot_be_known, priced
from orharness.errors import ClientFailure
from orharness.journal import Exchange, Outcome
from orharness.providers import AS_OF, PROVIDERS
from orharness.verdict import aligned, count


def upstream_failure(exchange: Exchange, leaked_tokens: int = 1, seen: Aftermath | None = None) -> ClientFailure | None:
    """Return why the upstream cannot be said to have stopped; ``None`` if it did.

    ``leaked_tokens``: how many tokens a model that does not stop may bill beyond what was sent. ``seen``: what became
    of the exchange after an ``expect_disconnect`` block, if there was one.
    """
    rows = rows_of(exchange, seen)
    if exchange.work is not None:
        return _background_failure(exchange, rows)
    if (unknown := cannot_be_known(exchange)) is not None:
        return ClientFailure(f"{unknown}\n{aligned(rows)}", exchange)
    if exchange.outcome is Outcome.CANCELLED:
        return _cancelled_failure(exchange, leaked_tokens, rows)
    rows.append(("expected", "cancelled: the client leaves before the end marker, and the rest is never sent"))
    if exchange.outcome is None or exchange.outcome in (Outcome.STILL_OPEN, Outcome.ABANDONED):
        said = "the client has not left: the model goes on"
        rows.append(("cause", cause_of(seen) if seen else not_streamed(exchange) if is_unstreamed(exchange) else LEAK))
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
    said = f"the client left, and the model went on: {priced(leaked, bill)} are billed that were never sent"
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
    return exchange.provider_stops is False or is_unstreamed(exchange)


def _leak_rows(exchange: Exchange, allowed: int, noun: str) -> Rows:
    rows = [("expected", f"at most {count(allowed, f'leaked {noun}')} (leaked_tokens=)")]
    if exchange.provider_stops is False:
        goes_on = f"{exchange.provider} does not stop on cancel: it makes the whole answer, whatever the client does"
        stops = ", ".join(one.name for one in PROVIDERS if one.stops_on_cancel)
        rows += [("cause", goes_on), ("cure", f"ask for one that stops (as of {AS_OF}):\n{textwrap.fill(stops, 100)}")]
    else:
        rows.append(("cause", not_streamed(exchange)))
    return rows
