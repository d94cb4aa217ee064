"""Pure functions that judge what a relay does to its upstream: it asks once, for a stream, and leaves with its browser.

Each judge returns an ``Evidence`` (the relay fails), a ``str`` (the reason why the case is not applicable) or ``None``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from orharness.checks import cannot_be_known, describe
from orharness.dialects import DIALECTS, Refused
from orharness.gateways import ONEROUTER
from orharness.journal import Exchange, Outcome, Request
from orharness.relay.reasons import ASKS_AFTER_A_CANCEL, ASKS_AGAIN, LEAVES_LATE, READS_ON, WAKES_LATE
from orharness.relay.seen import Leaving, Seen
from orharness.verdict import Evidence, shorten


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


def answers_itself(seen: Seen) -> str | None:
    """Return why a relay that did not ask in this case is not judged, ``None`` if it did, or refused."""
    if seen.exchanges or seen.status is None or seen.status >= 400:
        return None
    return "the relay answers without asking its upstream, as a cache does: switch it off to have this judged"


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
    """A request of the browser must be billed only once."""
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
    if seen.exchanges and all(one.outcome is Outcome.CANCELLED for one in seen.exchanges):
        return Evidence(expected, f"it was left, but later\n{_leaked(seen, leaving)}", LEAVES_LATE)
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
