"""Many runs of one client in a row with nothing between them: much faster, and used only if all of them hold.

If one does not, the row has no result: the runs are repeated one by one, which finds and confirms the fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Protocol, runtime_checkable

from orharness.contract.catalogue.case import Case
from orharness.contract.catalogue.chunkings import Cuts
from orharness.contract.driving.batches import FunctionBatch
from orharness.contract.driving.functions import FunctionSubject
from orharness.contract.driving.habits import Habits
from orharness.contract.judging.heard import Heard
from orharness.contract.judging.judge import judge_text
from orharness.contract.running.replies import cut, patience_for
from orharness.errors import ClientFailure
from orharness.journal import Exchange, Pacing
from orharness.server.facade import SseServer
from orharness.server.handles import Call, LiveRoute
from orharness.server.runs import RunAddress


@dataclass(frozen=True)
class Proof:
    """The number of boundaries that were tried in one trial or several: proven, or only assumed.

    An assumed boundary turns a pass into not applicable.
    """

    proven: int = 0
    assumed: int = 0

    @classmethod
    def of(cls, exchanges: Iterable[Exchange]) -> Proof:
        """Return the proof of these exchanges."""
        return cls.all(cls(one.boundaries.proven, _only_assumed(one)) for one in exchanges)

    @classmethod
    def all(cls, parts: Iterable[Proof]) -> Proof:
        """Return the sum of the parts."""
        proven, assumed = 0, 0
        for one in parts:
            proven, assumed = proven + one.proven, assumed + one.assumed
        return cls(proven, assumed)

    @property
    def tried(self) -> int:
        """Proven and assumed together."""
        return self.proven + self.assumed


def _only_assumed(exchange: Exchange) -> int:
    """Return how many boundaries of a body were tried and not proven. No boundary is tried where chunks are joined on
    purpose (no read is to end there: their boundaries are those of HTTP chunks, which every client has to observe), nor
    by a body in one piece.
    """
    joined = exchange.pacing is Pacing.INSTANT or exchange.chunks_written <= 1
    return 0 if joined else exchange.boundaries.assumed


@dataclass(frozen=True)
class Row:
    """Trials that all hold; ``text`` is what the client made of the last one."""

    text: str
    proof: Proof

    @classmethod
    def all(cls, parts: Sequence[Row]) -> Row:
        """Return these rows, at least one, as one row."""
        return cls(parts[-1].text, Proof.all(row.proof for row in parts))


@runtime_checkable
class RowSubject(Protocol):
    """A client that runs a row in other processes."""

    def prepare(self) -> None:
        """Get ready for a row that will come: it may take a moment to begin, which passes while others are judged."""

    def takes(self, trials: int) -> int:
        """Return how many of ``trials`` it takes in a row; 0 if they are to be run here."""

    def row(self, case: Case, cuttings: Sequence[Cuts], patience: float) -> Row | None:
        """Do what ``run_row`` does."""


def run_row(
    server: SseServer,
    subject: FunctionSubject,
    case: Case,
    cuttings: Sequence[Cuts],
    patience: float,
    habits: Habits,
    on_progress: Callable[[], None] = lambda: None,
) -> Row | None:
    """Run one trial for each way to cut; ``None`` if one of them does not hold.

    ``habits``: what is known of this client; what is seen here is added. ``on_progress`` is called
    now and then, as long as something happens.
    """
    server.reset()
    reply = case.reply()  # one for all: what it answers, and how it is made, is the same but for the cuts
    route = server.post(case.path).replies(*(cut(reply, cuts) for cuts in cuttings))
    waited = patience_for(case, reply, patience)
    runs = server.begin_runs(len(cuttings))
    batch = subject.start_runs([run.base_url for run in runs])
    try:
        if not _wait_for(batch, route, waited, habits, on_progress) or batch.texts is None:
            return None
        calls = route.calls
        if not _one_each(runs, route):
            return None
        exchanges = at_their_ends(calls, habits)
        if any(exchange.finished is False for exchange in exchanges):
            return None
        for text, exchange in zip(batch.texts, exchanges, strict=True):
            if judge_text(case, Heard(text, None, ended=True, waited=waited), [exchange]) is not None:
                return None
        return Row(batch.texts[-1], Proof.of(exchanges))
    finally:
        if not batch.ended.is_set():
            server.reset()  # ends its connection, so that a client which still waits is let go
        batch.close()


def at_their_ends(calls: Sequence[Call], habits: Habits) -> list[Exchange]:
    """Return the exchanges of runs that have ended, after the client had the time to read the last bytes or to leave.

    The time runs for all of them together: each run has ended by now.
    """
    deadline = monotonic() + habits.settle
    for call in calls:
        with suppress(ClientFailure):  # still undecided
            call.wait_ended(max(0.0, deadline - monotonic()))
    exchanges = [call.exchange for call in calls]
    habits.ended(kept=exchanges[-1].outcome is None)
    return exchanges


def _one_each(runs: Sequence[RunAddress], route: LiveRoute) -> bool:
    """Whether each run sent one request, one run after the other. A request to the plain base URL names no run."""
    asked = [live.run for live in route.exchanges]
    return len(asked) == len(runs) and all(one in (None, run.id) for one, run in zip(asked, runs, strict=True))


def _wait_for(
    batch: FunctionBatch, route: LiveRoute, patience: float, habits: Habits, on_progress: Callable[[], None]
) -> bool:
    """Return whether the batch ended; ``False`` after ``patience`` seconds without progress, or if a run asked twice.

    A run that has begun and has not sent its request is waited for as long as ``habits`` allow.
    """
    seen: object = None
    before = 0  # requests that are not the last one
    began = monotonic()
    until_request = habits.limit(batch.starting, patience)
    deadline = began + until_request
    while not batch.ended.wait(min(0.05, patience)):
        calls = route.calls_from(before)
        asked, begun = before + len(calls), batch.begun  # in this order: no run asks before it has begun
        if asked > begun:
            return False
        if calls and before == 0:
            habits.sent_after(calls[0].started - began)
            until_request = habits.limit(0.0, patience)
        before = max(0, asked - 1)
        now = (begun, asked, progress(calls[-1]) if calls else None)
        if now != seen:
            seen, deadline = now, monotonic() + (patience if asked >= begun else until_request)
            on_progress()
        elif monotonic() > deadline:
            return False
    return True


def progress(call: Call) -> tuple[int | None, int]:
    """Return how far an exchange has come: it changes as long as its client takes bytes."""
    exchange = call.exchange
    return exchange.bytes_read, exchange.bytes_written
