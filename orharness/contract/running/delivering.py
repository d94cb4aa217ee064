"""Trials in which a stream is held at each of its gates until the client has handed over what came before it."""

from __future__ import annotations

from functools import partial
from time import monotonic

from orharness.contract.catalogue.case import Case
from orharness.contract.catalogue.chunkings import Cuts
from orharness.contract.driving.subject import ClientRun
from orharness.contract.judging.delivery import Handed, has, judge_delivery
from orharness.contract.judging.judge import judge_text
from orharness.contract.running.patience import Patience, Watch
from orharness.contract.running.replies import reply_cut
from orharness.contract.running.rows import at_their_ends
from orharness.contract.running.trials import Trials, Tried, heard_in
from orharness.contract.running.waiting import wait_for_end
from orharness.scenario.encoding import accepts
from orharness.server.handles import Call, LiveRoute


def handed_over(trials: Trials, case: Case, cuts: Cuts, patience: float) -> Tried:
    """Run the client against the case's reply, and open each gate when what is due has been handed over.

    ``patience``: the seconds for which a stream is held if it does not come. ``took``, of the result: the seconds that
    were spent on that.
    """
    reply = reply_cut(case, cuts)

    def follow(run: ClientRun, route: LiveRoute) -> Tried:
        if reply.encoding is not None and not accepts(route.calls[0].exchange.request, reply.encoding):
            return Tried(None, note=f"the client does not ask for {reply.encoding}")
        return _followed(trials, case, run, route, patience)

    return trials.followed(case, trials.route(case, [reply]), patience, follow)


def _followed(trials: Trials, case: Case, run: ClientRun, route: LiveRoute, patience: float) -> Tried:
    call = route.calls[0]
    handed = _at_the_gates(case, run, route, call, trials.watch, patience)
    route.release(len(case.due))
    ended = wait_for_end(run, route, 0, trials.watch.patience(patience), patience)
    calls = route.calls
    if ended:
        at_their_ends(calls[-1:], trials.habits)
    took = monotonic() - call.started
    heard = heard_in(run, ended, patience, took, silence=handed.held_back or 0.0)
    exchanges = [one.exchange for one in calls]
    of_text = judge_text(case, heard, exchanges)
    evidence = of_text or judge_delivery(case, handed, exchanges[-1])
    unsure = of_text is None and handed.perhaps_late > 0
    late = handed.held_back or 0.0
    return Tried(evidence, exchanges[-1], heard, took=late, requests=len(exchanges), unsure=unsure)


def _at_the_gates(case: Case, run: ClientRun, route: LiveRoute, call: Call, watch: Watch, patience: float) -> Handed:
    after: list[float] = []
    usual: list[float] = []
    by_clock: list[float] = []
    gate = -1
    for due in case.due:
        began = monotonic()
        being_sent = watch.patience(patience, exactly=True)
        held = _held_beyond(gate, run, call, being_sent)
        if held is None:  # it has left, or asks again
            break
        gate, being_sent_took = held, being_sent.spent  # asked now: later it would count what comes next, too
        held_back = watch.patience(patience, exactly=True)
        held_back.until(partial(_handed_over, run, due))
        had = "".join(run.pieces)
        if not has(had, due):
            return Handed(tuple(after), None if run.ended.is_set() else held_back.spent, had)
        after.append(being_sent_took + held_back.spent)
        now = monotonic()
        by_clock.append(now - began)
        route.release()
        usual.append(monotonic() - now)
    return Handed(tuple(after), None, "".join(run.pieces), tuple(usual), tuple(by_clock))


def _handed_over(run: ClientRun, due: str) -> bool:
    """Whether a run has handed over what is due, or has ended."""
    return run.ended.is_set() or has("".join(run.pieces), due)


def _held_beyond(gate: int, run: ClientRun, call: Call, patience: Patience) -> int | None:
    """Wait until the stream is held at a later gate and all before it has been read; return where, else ``None``."""
    found: list[int] = []

    def there() -> bool:
        exchange = call.exchange
        held, read = exchange.held_at, exchange.bytes_read
        if held is not None and held > gate and (read is None or read >= held):
            found.append(held)
        return bool(found) or run.ended.is_set()

    patience.until(there)
    return found[0] if found else None
