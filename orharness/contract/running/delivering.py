"""Trials in which a stream is held at each of its gates until the client has handed over what came before it."""

from __future__ import annotations

from time import monotonic, sleep

from orharness.contract.catalogue.case import Case
from orharness.contract.catalogue.chunkings import Cuts
from orharness.contract.driving.subject import ClientRun
from orharness.contract.judging.delivery import Handed, has, judge_delivery
from orharness.contract.judging.judge import judge_text
from orharness.contract.running.replies import reply_cut
from orharness.contract.running.rows import at_their_ends
from orharness.contract.running.trials import Trials, Tried, heard_in
from orharness.contract.running.waiting import wait_for_end
from orharness.scenario.encoding import accepts
from orharness.server.handles import Call, LiveRoute

_LOOK = 0.002  # seconds between two looks


def handed_over(trials: Trials, case: Case, cuts: Cuts, patience: float) -> Tried:
    """Run the client against the case's reply, and open each gate when what is due has been handed over.

    ``patience``: seconds that a held stream stays held without it. ``took``, of the result: those that were spent so.
    """
    reply = reply_cut(case, cuts)

    def follow(session: ClientRun, route: LiveRoute) -> Tried:
        if reply.encoding is not None and not accepts(route.calls[0].exchange.request, reply.encoding):
            return Tried(None, note=f"the client does not ask for {reply.encoding}")
        return _followed(trials, case, session, route, patience)

    return trials.followed(case, trials.route(case, [reply]), patience, follow)


def _followed(trials: Trials, case: Case, session: ClientRun, route: LiveRoute, patience: float) -> Tried:
    call = route.calls[0]
    handed = _at_the_gates(case, session, route, call, patience)
    route.release(len(case.due))
    ended = wait_for_end(session, route, 0, patience, patience)
    calls = route.calls
    if ended:
        at_their_ends(calls[-1:], trials.habits)
    took = monotonic() - call.started
    heard = heard_in(session, ended, patience, took, silence=handed.held_back or 0.0)
    exchanges = [one.exchange for one in calls]
    evidence = judge_text(case, heard, exchanges) or judge_delivery(case, handed, exchanges[-1])
    late = handed.held_back or 0.0
    return Tried(evidence, exchanges[-1], heard, took=late, requests=len(exchanges))


def _at_the_gates(case: Case, session: ClientRun, route: LiveRoute, call: Call, patience: float) -> Handed:
    after: list[float] = []
    usual: list[float] = []
    gate, sent = -1, call.started
    for due in case.due:
        held = _held_beyond(gate, session, call, patience)
        if held is None:  # it has left, or asks again
            break
        gate = held
        began = monotonic()
        while not (there := has("".join(session.pieces), due)) and not session.ended.is_set():
            if monotonic() > began + patience:
                break
            sleep(_LOOK)
        now = monotonic()
        if not there:
            had = "".join(session.pieces)
            return Handed(tuple(after), None if session.ended.is_set() else now - began, had)
        after.append(now - sent)
        route.release()
        usual.append(monotonic() - now)
        sent = now
    return Handed(tuple(after), None, "".join(session.pieces), tuple(usual))


def _held_beyond(gate: int, session: ClientRun, call: Call, patience: float) -> int | None:
    """Wait until the stream is held at a later gate and all before it has been read; return where, else ``None``."""
    deadline = monotonic() + patience
    while not session.ended.is_set() and monotonic() < deadline:
        exchange = call.exchange
        held, read = exchange.held_at, exchange.bytes_read
        if held is not None and held > gate and (read is None or read >= held):
            return held
        sleep(_LOOK)
    return None
