"""Waiting for a client. Time counts only while nothing happens: a client that still takes bytes is slow, not stuck."""

from __future__ import annotations

from time import sleep

from orharness.contract.catalogue.case import Cancel
from orharness.contract.driving.subject import MOST_PIECES, ClientRun
from orharness.contract.judging.judge import MOST_REQUESTS
from orharness.contract.running.patience import Patience
from orharness.contract.running.rows import progress
from orharness.server.facade import SseServer
from orharness.server.handles import LiveRoute

_TURNS = 25  # of the server's loop, in which it reads a request whose client has ended already
_LOOK = 0.002  # seconds between two of them
_LOOK_AT_END = 0.05  # seconds between two looks at what a client has done


def is_there(cancel: Cancel, run: ClientRun, route: LiveRoute, patience: Patience) -> bool:
    """Wait until the client is where it is to be cancelled; return whether it is, and has not ended."""
    if cancel.after == 0:
        wait_until_held(route, patience)
    else:
        patience.until(run.paused.is_set)
    return not run.ended.is_set() and (cancel.after == 0 or run.paused.is_set())


def wait_for_request(run: ClientRun, route: LiveRoute, before: int, patience: Patience, server: SseServer) -> None:
    """Wait until the run's first request has come or the run has ended, as long as patience lasts.

    ``before``: the number of calls of earlier runs. The request of a client that has ended lies in a socket of the
    server: it is read within a few turns of the server's loop, whatever they take.
    """
    if not patience.until(lambda: len(route.exchanges) > before or run.ended.is_set()):
        return
    for _ in range(_TURNS):
        if len(route.exchanges) > before:
            return
        _ = server.journal  # which is read in the server's loop
        sleep(_LOOK)


def wait_for_end(run: ClientRun, route: LiveRoute, before: int, patience: Patience, until_request: float) -> bool:
    """Wait for the end of a run and return whether it came. Patience is spent only while nothing happens.

    ``before``: the number of calls of earlier runs. ``until_request``: seconds, instead of patience, until the
    first call of this one. A client that asks again and again, or yields without end, is not waited for.
    """
    seen: object = None
    seconds = patience.seconds
    patience.renew(until_request)
    while not run.ended.wait(min(_LOOK_AT_END, seconds)):
        calls = route.calls_from(before)
        if len(calls) > MOST_REQUESTS or len(run.pieces) > MOST_PIECES:
            return False
        now = (len(run.pieces), [progress(call) for call in calls])
        if now != seen:
            seen = now
            patience.renew(seconds if calls else until_request)
        elif patience.over:
            return run.ended.is_set()
    return True


def wait_until_held(route: LiveRoute, patience: Patience) -> None:
    """Wait until all before the gate has been read: otherwise the next event could wake the client."""
    patience.until(lambda: any(call.exchange.held_at is not None for call in route.calls))
