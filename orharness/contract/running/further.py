"""Trials of two answers: both at the same time, and one after others were cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import monotonic

from orharness.contract.catalogue.case import Cancel, Case, Further
from orharness.contract.driving.subject import ClientRun
from orharness.contract.judging.further import after_a_cancel, beside_another
from orharness.contract.judging.judge import judge_text
from orharness.contract.running.rows import at_their_ends
from orharness.contract.running.trials import Trials, Tried, heard_in
from orharness.contract.running.waiting import wait_for_end
from orharness.server.handles import Call, LiveRoute

_NOT_CANCELLED = "the client cannot be judged by what follows a cancel: "


def after_cancels(trials: Trials, case: Case, cancel: Cancel, then: Further, patience: float) -> Tried:
    """Cancel the client as often as the case says, then run it to its end against another answer."""
    for _ in range(then.cancels):
        cancelled_before = trials.left
        tried = trials.cancelled(case, cancel, patience)
        if tried.evidence is not None and tried.exchange is None and cancelled_before:
            return replace(tried, evidence=after_a_cancel(case, tried.evidence, tried.heard, asked=False))
        if tried.evidence is not None:
            return replace(tried, evidence=None, note=f"{_NOT_CANCELLED}{tried.evidence.reason}")
        if tried.note:
            return tried
    following = replace(case, reply=then.reply, expected=then.expected, cancel=None, then=None)
    tried = trials.once(following, None, patience)
    if tried.evidence is None:
        return tried
    return replace(
        tried, evidence=after_a_cancel(following, tried.evidence, tried.heard, asked=tried.exchange is not None)
    )


def side_by_side(trials: Trials, case: Case, beside: Further, patience: float) -> Tried:
    """Run the client twice at the same time. Each stream is held at a gate until the other has come as far."""
    if trials.subject.cannot_pair is not None:
        return Tried(None, note=trials.subject.cannot_pair)
    return _Pair(trials, case, beside, patience).tried()


class _Pair:
    """Two runs of one client at the same time, on one route whose replies come in turn."""

    def __init__(self, trials: Trials, case: Case, beside: Further, patience: float) -> None:
        self._trials = trials
        self._cases = (case, replace(case, reply=beside.reply, expected=beside.expected))
        self._beside = beside
        self._patience = patience
        self._route = trials.route(case, [case.reply(), beside.reply()])
        self._gates = len(case.reply().answer(case.dialect.example_request).stream.gates)
        self._runs: list[ClientRun] = []
        self._in_turn = False  # the second request came only when the first answer was over

    def tried(self) -> Tried:
        addresses = self._trials.begin(2)
        try:
            for number, address in enumerate(addresses):
                self._runs.append(self._trials.subject.start(address.base_url))
                if not self._asks(number):
                    return Tried(self._trials.nothing_sent(self._cases[0], self._runs[0], self._patience))
            ended = self._to_the_end()
            tried = self._judged([address.id for address in addresses], ended)
        finally:
            for run in self._runs:
                self._trials.end(run, self._patience)
        return self._trials.result(self._cases[0], tried, *self._runs)

    def _asks(self, number: int) -> bool:
        """Return whether the request of a run has come. If that of the second has not, let the first run end."""
        run, began = self._runs[number], monotonic()
        until_request = max(self._patience, self._trials.until_request if number == 0 else 0.0)
        self._trials.wait_for_request(run, self._route, number, until_request)
        self._trials.learn(run, self._route, number, began)
        if number == 1 and len(self._route.exchanges) < 2 and not run.ended.is_set():
            self._in_turn = True
            self._route.release(self._gates)
        return len(self._route.exchanges) > number or number == 1

    def _to_the_end(self) -> list[bool]:
        """Open the gates, each when both streams are held there; return for each run whether it has ended."""
        for _ in range(0 if self._in_turn else self._gates):
            self._trials.watch.patience(self._patience).until(lambda: all(map(_is_held, self._route.calls)))
            self._route.release()
        return [self._ends(one) for one in self._runs]

    def _ends(self, run: ClientRun) -> bool:
        patience = self._trials.watch.patience(self._patience)
        return wait_for_end(run, self._route, 0, patience, self._patience)

    def _judged(self, ids: Sequence[int], ended: Sequence[bool]) -> Tried:
        found = [self._judged_alone(number, one, ended[number]) for number, one in enumerate(ids)]
        heard = [one.heard for one in found if one.heard is not None]
        at_once = not self._in_turn or not self._beside.side_by_side
        wrong = next((one for one in found if one.evidence is not None), found[0])
        return replace(wrong, evidence=beside_another(self._cases, heard, wrong.evidence, at_once=at_once))

    def _judged_alone(self, number: int, identifier: int, ended: bool) -> Tried:
        case, run = self._cases[number], self._runs[number]
        calls = _of_run(self._route, identifier, number)
        if ended and calls:
            at_their_ends(calls[-1:], self._trials.habits)
        took = monotonic() - calls[0].started if calls else 0.0
        heard = heard_in(run, ended, self._patience, took, silence=self._patience)
        if not calls:
            return Tried(self._trials.nothing_sent(case, run, self._patience), None, heard)
        exchanges = [call.exchange for call in calls]
        return Tried(judge_text(case, heard, exchanges), exchanges[-1], heard, requests=len(exchanges))


def _is_held(call: Call) -> bool:
    exchange = call.exchange
    return exchange.outcome is not None or exchange.held_at is not None


def _of_run(route: LiveRoute, run: int, number: int) -> list[Call]:
    """Return the calls of a run: by the base URL that it was given, or by their order where they name no run."""
    named = [live.run for live in route.exchanges]
    calls = route.calls
    if None in named:
        return calls[number : number + 1]
    return [call for call, one in zip(calls, named, strict=False) if one == run]
