"""Trials with answers of more and more events: what each costs the client's process."""

from __future__ import annotations

from dataclasses import replace

from orharness.contract.catalogue.case import Case
from orharness.contract.driving.subject import ClientRun
from orharness.contract.judging.growth import Cost, grows, limit_of
from orharness.contract.judging.judge import judge_text
from orharness.contract.running.rows import at_their_ends
from orharness.contract.running.trials import Trials, Tried, heard_in
from orharness.server.handles import LiveRoute
from orharness.verdict import Evidence

_LOOK = 0.05  # seconds between two looks at what it costs
_MORE_PATIENCE = 10.0  # times; a client that uses the CPU is at work
_CONFIRMING = 4  # times the patience
_MOST_CPU = 30.0  # seconds for the smallest answer


def growing(trials: Trials, case: Case, patience: float) -> Tried:
    """Run the client against answers of more and more events, up to the first that is wrong or costs too much.

    One that costs too much is ended: at a hundred thousand events it could last for hours, or take all the memory. One
    that is wrong, or for which no request comes, is reported if that happens again.
    """
    costs: list[Cost] = []
    before = trials.subject.memory()
    if before is None or trials.subject.cpu() is None:
        return Tried(None, note="what the client costs cannot be measured: its processes cannot be looked at")
    tried = Tried(None)
    for events, answer in case.grows:
        sized = replace(case, reply=answer.reply, expected=answer.expected)
        most = limit_of(costs[-1], events) if costs else _MOST_CPU
        tried, cost = _measured(trials, sized, events, before, most, patience)
        if tried.evidence is not None and grows([*costs, cost]) is None:
            tried, cost = _measured(trials, sized, events, before, most, _CONFIRMING * patience)
        costs.append(cost)
        if (wrong := grows(costs)) is not None:
            expected, got = "time and memory in proportion to the number of events", "; ".join(map(str, costs))
            return replace(tried, evidence=Evidence(expected, got, wrong))
        if tried.evidence is not None:
            break
    return tried


def _measured(trials: Trials, case: Case, events: int, before: int, most: float, patience: float) -> tuple[Tried, Cost]:
    """Run the client once, for ``most`` seconds of CPU time; return what came of it, and what it cost."""
    used = trials.subject.cpu() or 0.0
    tried = _run(trials, case, used + most, patience)
    spent, peak = trials.subject.cpu(), trials.subject.memory()
    return tried, Cost(events, max(0.0, (spent or used) - used), max(0, (peak or before) - before))


def _run(trials: Trials, case: Case, most: float, patience: float) -> Tried:
    """Run the client once, until it ends, or has used more CPU time in all than ``most`` seconds."""

    def follow(run: ClientRun, route: LiveRoute) -> Tried:
        waited = _MORE_PATIENCE * patience
        ended = _wait(trials, run, most, waited)
        heard = heard_in(run, ended, waited)
        if ended:
            at_their_ends(route.calls[-1:], trials.habits)
        exchanges = [call.exchange for call in route.calls]
        return Tried(judge_text(case, heard, exchanges), exchanges[-1], heard, requests=len(exchanges))

    return trials.followed(case, trials.route(case, [case.reply()]), patience, follow)


def _wait(trials: Trials, run: ClientRun, most: float, patience: float) -> bool:
    """Wait for the end of a run; return whether it came. A client that uses CPU time, or yields text, is at work."""
    seen: object = None
    waits = trials.watch.patience(patience)
    while not run.ended.wait(_LOOK):
        used = trials.subject.cpu() or 0.0
        if used > most:
            return False
        now = (len(run.pieces), round(used, 1))
        if now != seen:
            seen = now
            waits.renew()
        elif waits.over:
            return False
    return True
