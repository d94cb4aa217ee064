"""Whether a client left when it was told to: verdicts on ``expect_disconnect``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orharness.checks.aftermath import Aftermath
from orharness.checks.causes import cause_of, cause_of_lateness
from orharness.checks.rows import rows_of
from orharness.checks.words import cannot_be_known, describe
from orharness.errors import ClientFailure
from orharness.journal import Exchange, Outcome
from orharness.verdict import aligned, count

_NOTHING_CAME = "nothing at all came to the server (was the client given its base_url?)"


def nobody_failure(route: str, exchanges: Sequence[Exchange], others: Sequence[Exchange]) -> ClientFailure:
    """Return the failure that nothing could be cancelled: no request came, or all were over when the block began.

    ``others``: the exchanges of the server that other routes answered, or none did.
    """
    if exchanges:
        said = "no call was open when the block began; hold(…) keeps an answer open"
        listed = [describe(exchange) for exchange in exchanges]
        return ClientFailure("\n  ".join([said, *listed]), exchanges[-1])
    return nobody_asked(f"{route}: there was nothing to cancel", others)


def nobody_asked(route: str, others: Sequence[Exchange]) -> ClientFailure:
    """Return the failure that no request came to a route; ``others`` as of ``nobody_failure``."""
    return ClientFailure(_with_others(f"the client never sent a request to {route}", others))


def _with_others(said: str, others: Sequence[Exchange]) -> str:
    if not others:
        return f"{said}; {_NOTHING_CAME}"
    return "\n  ".join([f"{said}; what came to the server:", *map(describe, others)])


def none_held(
    route: str, seconds: float, exchanges: Sequence[Exchange], others: Sequence[Exchange], *, gates: bool
) -> str:
    """Return that no stream was held for so long, with what came to the route, or else to the server.

    ``others``: the exchanges of the server that other routes answered, or none did. ``gates``: whether any stream of
    the route has one.
    """
    said = f"after {seconds:g} s no stream of {route} is held at a gate"
    if exchanges:
        hint = "" if gates else ", and none has one: through=[hold(after=3)] holds a stream after three events"
        return "\n  ".join([f"{said}{hint}", *map(describe, exchanges)])
    return _with_others(said, others)


def disconnect_failure(watched: Sequence[Aftermath], within: float, *, in_loop: bool = False) -> ClientFailure | None:
    """Return why ``expect_disconnect`` was not met (already over, too late, never left); ``None`` if it was.

    ``in_loop``: whether the block was a sync one in the thread of a running event loop.
    """
    wrong = [(one, said) for one in watched if (said := _not_left(one, within)) is not None]
    if not wrong:
        return None
    reports = [f"{said}\n{aligned([*rows_of(one.after, one), *_why_open(one, in_loop)])}" for one, said in wrong]
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
    cause = cause_of_lateness(seen) if seen.left is not None else cause_of(seen, in_loop) if _is_open(seen) else None
    if cause is not None:
        yield "cause", cause


def _is_open(seen: Aftermath) -> bool:
    return seen.there and not seen.after.finished
