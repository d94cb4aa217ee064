"""Whether an exchange is as its route expects it, and whether a strict server saw what it should."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from orharness.checks.rows import rows_of
from orharness.checks.upstream import upstream_failure
from orharness.checks.words import spaced, state
from orharness.journal import Exchange, Outcome
from orharness.journal.expectation import Expectation, Upstream
from orharness.verdict import aligned

_NOT_FOUND, _WRONG_METHOD = 404, 405  # the statuses of requests that no route answers
_FAILED = 500  # ... of those whose reply raised
_REFUSED = {*range(400, 500)} - {_NOT_FOUND, _WRONG_METHOD}  # ... of those that were malformed, or wrong to their API


def strict_failures(exchanges: Sequence[Exchange], unused: Sequence[str]) -> list[str]:
    """Return what a strict server reports at the end of a test: requests without a route, replies without a request."""
    found = [
        f"{_unanswered(exchange)}\n{aligned([('request', _asked(exchange)), ('difference', _why(exchange))])}"
        for exchange in exchanges
        if exchange.outcome is Outcome.UNMATCHED
    ]
    return found + [f"a reply that was never asked for: {name}" for name in unused]


def _unanswered(exchange: Exchange) -> str:
    """Return what became of a request without an answer: it may be refused though a route would answer it."""
    status = exchange.status or _NOT_FOUND
    if status == _FAILED:
        return "a request whose reply failed"
    return "a request that is refused" if status in _REFUSED else "a request that no route answers"


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
        found.append(_unmet(exchange, f"the outcome is {state(exchange)}", f"{spaced(expected.outcome)} (outcome)"))
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
    return f"{seen}\n{aligned([*rows_of(exchange), ('expected', expected)])}"
