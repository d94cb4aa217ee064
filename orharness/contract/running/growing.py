"""Trials with answers of more and more events: what each costs the client's process."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic

from orharness.contract.catalogue.case import Case
from orharness.contract.driving.subject import ClientRun
from orharness.contract.judging.growth import Cost, grows, limit_of
from orharness.contract.judging.heard import Heard
from orharness.contract.judging.judge import judge_text
from orharness.contract.running.rows import at_their_ends
from orharness.contract.running.trials import Trials, Tried, with_trouble
from orharness.contract.running.waiting import wait_for_request
from orharness.verdict import Evidence

_LOOK = 0.05  # seconds between two looks at what it costs
_MORE_PATIENCE = 10.0  # times; a client that uses the CPU is at work
_MOST_CPU = 30.0  # seconds for the smallest answer


def growing(trials: Trials, case: Case, patience: float) -> Tried:
    """Run the client against answers of more and more events, up to the first that is wrong or costs too much.

    One that costs too much is ended: at a hundred thousand events it could last for hours, or take all the memory.
    """
    costs: list[Cost] = []
    before = trials.subject.memory()
    tried = Tried(None)
    for events, answer in case.grows:
        sized = replace(case, reply=answer.reply, expected=answer.expected)
        used = trials.subject.cpu()
        if used is None or before is None:
            return Tried(None, note="what the client costs cannot be measured: its processes cannot be looked at")
        most = limit_of(costs[-1], events) if costs else _MOST_CPU
        tried = _run(trials, sized, used + most, patience)
        spent, peak = trials.subject.cpu(), trials.subject.memory()
        costs.append(Cost(events, max(0.0, (spent or used) - used), max(0, (peak or before) - before)))
        wrong = grows(costs)
        if wrong is not None:
            expected, got = "time and memory in proportion to the number of events", "; ".join(map(str, costs))
            return replace(tried, evidence=Evidence(expected, got, wrong))
        if tried.evidence is not None:
            break
    return tried


def _run(trials: Trials, case: Case, most: float, patience: float) -> Tried:
    """Run the client once, until it ends, or has used more CPU time in all than ``most`` seconds."""
    route = trials.route(case, [case.reply()])
    [address] = trials.server.begin_runs()
    session, began = trials.subject.start(address.base_url), monotonic()
    until_request = max(patience, trials.until_request)
    try:
        wait_for_request(session, route, 0, until_request)
        trials.learn(session, route, 0, began)
        if not route.calls:
            return Tried(trials.nothing_sent(case, session, until_request))
        waited = _MORE_PATIENCE * patience
        ended = _wait(trials, session, most, waited)
        heard = Heard("".join(session.pieces), session.error, ended, waited, parts=tuple(session.parts))
        if ended:
            at_their_ends(route.calls[-1:], trials.habits)
        exchanges = [call.exchange for call in route.calls]
        tried = Tried(judge_text(case, heard, exchanges), exchanges[-1], heard, requests=len(exchanges))
    finally:
        trials.end(session, patience)
    return with_trouble(case, tried, session)


def _wait(trials: Trials, session: ClientRun, most: float, patience: float) -> bool:
    """Wait for the end of a run; return whether it came. A client that uses CPU time, or yields text, is at work."""
    seen: object = None
    deadline = monotonic() + patience
    while not session.ended.wait(_LOOK):
        used = trials.subject.cpu() or 0.0
        if used > most:
            return False
        now = (len(session.pieces), round(used, 1))
        if now != seen:
            seen, deadline = now, monotonic() + patience
        elif monotonic() > deadline:
            return False
    return True
