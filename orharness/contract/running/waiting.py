"""Waiting for a client. Time counts only while nothing happens: a client that still takes bytes is slow, not stuck."""

from __future__ import annotations

from time import monotonic, sleep

from orharness.contract.catalogue.case import Cancel
from orharness.contract.driving.subject import MOST_PIECES, ClientRun
from orharness.contract.judging.judge import MOST_REQUESTS
from orharness.contract.running.rows import progress
from orharness.server.handles import LiveRoute

_ON_ITS_WAY = 0.05  # seconds in which the server reads a request whose client has ended already


def is_there(cancel: Cancel, session: ClientRun, route: LiveRoute, patience: float) -> bool:
    """Wait until the client is where it is to be cancelled; return whether it is, and has not ended."""
    if cancel.after == 0:
        wait_until_held(route, patience)
    else:
        session.paused.wait(patience)
    return not session.ended.is_set() and (cancel.after == 0 or session.paused.is_set())


def wait_for_request(session: ClientRun, route: LiveRoute, before: int, seconds: float) -> None:
    """Wait until the run's first request has come or the run has ended, at most for ``seconds``.

    ``before``: the number of calls of earlier runs.
    """
    deadline = monotonic() + seconds
    while len(route.exchanges) <= before and monotonic() < deadline and not session.ended.is_set():
        sleep(0.002)
    deadline = monotonic() + _ON_ITS_WAY
    while len(route.exchanges) <= before and monotonic() < deadline and session.ended.is_set():
        sleep(0.002)


def wait_for_end(session: ClientRun, route: LiveRoute, before: int, patience: float, until_request: float) -> bool:
    """Wait for the end of a run and return whether it came. Patience is spent only while nothing happens.

    ``before``: the number of calls of earlier runs. ``until_request``: seconds, instead of patience, until the
    first call of this one. A client that asks again and again, or yields without end, is not waited for.
    """
    seen: object = None
    deadline = monotonic() + until_request
    while not session.ended.wait(min(0.05, patience)):
        calls = route.calls_from(before)
        if len(calls) > MOST_REQUESTS or len(session.pieces) > MOST_PIECES:
            return False
        now = (len(session.pieces), [progress(call) for call in calls])
        if now != seen:
            seen, deadline = now, monotonic() + (patience if calls else until_request)
        elif monotonic() > deadline:
            return False
    return True


def wait_until_held(route: LiveRoute, patience: float) -> None:
    """Wait until all before the gate has been read: otherwise the next event could wake the client."""
    deadline = monotonic() + patience
    while monotonic() < deadline and not any(call.exchange.held_at is not None for call in route.calls):
        sleep(0.002)
