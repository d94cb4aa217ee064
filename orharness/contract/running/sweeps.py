"""Sweeps: one case with many ways to cut its stream, as many trials at once as can be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orharness.contract.catalogue.case import Case
from orharness.contract.catalogue.chunkings import Cuts
from orharness.contract.driving.functions import FunctionSubject
from orharness.contract.judging.heard import Heard
from orharness.contract.running.replies import cut
from orharness.contract.running.rows import Row, RowSubject, run_row
from orharness.contract.running.trials import Trials, Tried

_ON_ONE_ROUTE = 64  # trials: a route looks through all of its exchanges each time that it is asked for them
_SHORTEST_ROW = 8  # trials: fewer are run one by one
_LONGEST_ROW = 256  # trials, at most


class Sweep:
    """Runs the trials of a case: in rows where the client allows it, else one by one."""

    def __init__(self, trials: Trials) -> None:
        self._trials = trials

    def tries(self, case: Case, cuttings: Sequence[Cuts]) -> Iterator[tuple[Cuts, Tried]]:
        """Yield the result of each way to cut; those that hold in a row have one result together."""
        if case.again is not None:  # each trial has two replies
            yield from ((cuts, self._trials.once(case, cuts, self._trials.patience)) for cuts in cuttings)
            return
        yield from self._one_by_one(case, cuttings[:1])  # who hangs does it here
        done = 1
        while done < len(cuttings):
            elsewhere = self._elsewhere(len(cuttings) - done)
            together = cuttings[done : done + (elsewhere or _LONGEST_ROW)]
            row = self._in_a_row(case, together, elsewhere=elsewhere > 0)
            if row is None:
                yield from self._one_by_one(case, together)
            else:
                yield None, Tried(None, heard=Heard(row.text, None, ended=True, waited=0.0), row=row)
            done += len(together)

    def _elsewhere(self, trials: int) -> int:
        """Return how many of ``trials`` the client takes in a row in other processes."""
        subject = self._trials.subject
        return subject.takes(trials) if isinstance(subject, RowSubject) else 0

    def _one_by_one(self, case: Case, cuttings: Sequence[Cuts]) -> Iterator[tuple[Cuts, Tried]]:
        """Run the trials one by one, many of them on one route: its replies come in their order."""
        reply = case.reply()  # one for all: what it answers, and how it is made, is the same but for the cuts
        route, answered, left = None, 0, 0
        for number, cuts in enumerate(cuttings):
            # A client that asked again has taken the reply of another trial, and so has the confirmation of a fail.
            if not left or route is None or route is not self._trials.mounted or len(route.exchanges) != answered:
                batch = [cut(reply, one) for one in cuttings[number : number + _ON_ONE_ROUTE]]
                route = self._trials.route(case, [one for one in batch for _ in range(case.runs)])
                answered, left = 0, len(batch)
            yield cuts, self._trials.run(case, route, self._trials.patience)
            answered += case.runs
            left -= 1

    def _in_a_row(self, case: Case, cuttings: Sequence[Cuts], *, elsewhere: bool) -> Row | None:
        said = case.expected.parts or case.expected.unsaid
        if len(cuttings) < _SHORTEST_ROW or case.runs > 1 or case.expected.error or said:
            return None
        trials, subject = self._trials, self._trials.subject
        if elsewhere and isinstance(subject, RowSubject):
            return subject.row(case, cuttings, trials.patience)
        if isinstance(subject, FunctionSubject):
            return run_row(trials.server, subject, case, cuttings, trials.patience, trials.habits)
        return None
