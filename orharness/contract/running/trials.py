"""Trials: a run of the client against one reply, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import monotonic

from orharness.contract.catalogue.case import Cancel, Case
from orharness.contract.catalogue.chunkings import Cuts
from orharness.contract.driving.habits import Habits
from orharness.contract.driving.subject import ClientRun, Subject, Trouble
from orharness.contract.judging.heard import Heard
from orharness.contract.judging.judge import (
    AN_AGENT,
    did_not_get_there,
    goes_on,
    in_trouble,
    judge_cancel,
    judge_text,
    not_known,
    nothing_sent,
    perhaps_too_soon,
    refusal,
    was_over,
)
from orharness.contract.judging.reasons import is_timeout
from orharness.contract.running.handover import no_garbage_collected
from orharness.contract.running.patience import Patience, Starvation, Watch
from orharness.contract.running.replies import patience_for, reply_cut
from orharness.contract.running.rows import Proof, Row, at_their_ends
from orharness.contract.running.waiting import is_there, wait_for_end, wait_for_request, wait_until_held
from orharness.errors import ClientFailure
from orharness.journal import Exchange, Outcome
from orharness.scenario import Reply
from orharness.server.facade import SseServer
from orharness.server.handles import LiveRoute
from orharness.server.runs import RunAddress
from orharness.verdict import Evidence, Once

_LOOK = 0.002  # seconds between two looks at whether a text has come
_SOON = 0.3  # seconds for what is sent at once, and in which nothing is measured yet
_LEAVES = 5.0  # seconds: the longest wait for a client to leave once it was asked to
_LETS_GO = 0.5  # ... and then for its threads, or its loop
_NOT_ASYNCHRONOUS = (
    "an iterator that is not asynchronous cannot be cancelled inside a read: a client that is an async generator is"
    " judged by it"
)


@dataclass(frozen=True)
class Tried:
    """The result of one trial: what is wrong (``None``: nothing), what was seen, or in ``note`` why it is unknown."""

    evidence: Evidence | None
    exchange: Exchange | None = None
    heard: Heard | None = None
    note: str = ""
    took: float = 0.0  # seconds from a cancel to the client's leaving
    row: Row | None = None  # the trials that this one represents
    requests: int = 0  # that the client sent in this run
    late: Evidence | None = None  # what is wrong if it leaves so late each time
    unsure: bool = False  # this machine may be the cause: it kept the client, or the server, from running
    excused: bool = False  # only the machine made right what would else be wrong
    once: Once | None = None  # a fail of the same trial that did not come again

    @property
    def proof(self) -> Proof:
        """Which of its boundaries are proven."""
        return Proof.of([] if self.exchange is None else [self.exchange]) if self.row is None else self.row.proof


class Trials:
    """One server and one client. Each trial is a run of the client against one reply."""

    def __init__(self, server: SseServer, subject: Subject, patience: float) -> None:
        self.server = server
        self.subject = subject
        self.patience = patience
        self.habits = Habits()
        self.mounted: LiveRoute | None = None
        self.left = 0  # cancels after which the client was seen to leave
        self.stayed = False  # after a cancel with bytes on their way, so that it is not for want of them
        self.watch = Watch(subject)  # of the trial that was begun last

    def once(self, case: Case, cuts: Cuts, patience: float) -> Tried:
        """Run the client against the case's reply with these cuts; a further request gets the case's next reply."""
        further = [] if case.again is None else [case.again()]
        return self.run(case, self.route(case, [reply_cut(case, cuts), *further]), patience)

    def of_reply(self, case: Case, reply: Reply, patience: float) -> Tried:
        """Run the client against another reply, and judge it as if that were the case's own."""
        return self.run(case, self.route(case, [reply]), patience)

    def route(self, case: Case, replies: Sequence[Reply]) -> LiveRoute:
        self.server.reset()
        self.mounted = self.server.post(case.path).replies(*replies)
        return self.mounted

    def run(self, case: Case, route: LiveRoute, patience: float) -> Tried:
        """Run the client as often as the case says, up to the first run that is wrong."""
        tried = Tried(None)
        for _ in range(case.runs):
            tried = self._run_once(case, route, patience)
            if tried.evidence is not None:
                break
        return tried

    def followed(
        self, case: Case, route: LiveRoute, patience: float, follow: Callable[[ClientRun, LiveRoute], Tried]
    ) -> Tried:
        """Run the client once on a fresh route; return what ``follow`` makes of the run when its request has come."""
        [address] = self.begin()
        run, began = self.subject.start(address.base_url), monotonic()
        until_request = max(patience, self.until_request)
        try:
            self.wait_for_request(run, route, 0, until_request)
            self.learn(run, route, 0, began)
            tried = follow(run, route) if route.calls else Tried(self.nothing_sent(case, run, until_request))
        finally:
            self.end(run, patience)
        return self.result(case, tried, run)

    def begin(self, runs: int = 1) -> list[RunAddress]:
        """Return the addresses for the runs of a trial that begins."""
        self.watch = Watch(self.subject)
        return self.server.begin_runs(runs)

    def wait_for_request(self, run: ClientRun, route: LiveRoute, before: int, seconds: float) -> None:
        """Wait for the first request of a run, as ``waiting.wait_for_request`` does."""
        wait_for_request(run, route, before, self.watch.patience(seconds), self.server)

    def result(self, case: Case, tried: Tried, *runs: ClientRun) -> Tried:
        """Return the result of a trial that is over, with what its runs and its waits have shown."""
        for run in runs:
            tried = with_trouble(case, tried, run)
        unsure = tried.unsure or self.watch.unsure or _cut_short(tried, self.watch.starved)
        return replace(tried, unsure=unsure)

    def _run_once(self, case: Case, route: LiveRoute, patience: float) -> Tried:
        [address] = self.begin()
        before = len(route.exchanges)
        starvation = Starvation(self.subject)
        if case.pauses is not None:
            starvation.since()
        run, began = self.subject.start(address.base_url), monotonic()
        try:
            waited = patience_for(case, case.reply(), patience)
            until_request = max(waited, self.until_request)
            ended = wait_for_end(run, route, before, self.watch.patience(waited), until_request)
            self.wait_for_request(run, route, before, 0.0)
            self.learn(run, route, before, began)
            calls = route.calls_from(before)
            took = monotonic() - calls[0].started if calls else 0.0
            if ended and calls:
                at_their_ends(calls[-1:], self.habits)
            exchanges = [call.exchange for call in calls]
            heard = heard_in(run, ended, waited, took, silence=waited - case.patience * patience)
            evidence = judge_text(case, heard, exchanges) if exchanges else self.nothing_sent(case, run, until_request)
            note = AN_AGENT if evidence is not None and exchanges and goes_on(case, exchanges) else ""
            last = exchanges[-1] if exchanges else None
            tried = Tried(None if note else evidence, last, heard, note, requests=len(exchanges))
            if evidence is None and case.pauses is not None:
                tried = _or_excused(tried, perhaps_too_soon(case, exchanges, starvation.since()))
        finally:
            self.end(run, patience)
        return self.result(case, tried, run)

    @property
    def until_request(self) -> float:
        """The seconds to wait for the first request of the run that was just started."""
        return self.habits.limit(self.subject.starting, self.patience)

    def learn(self, run: ClientRun, route: LiveRoute, before: int, began: float) -> None:
        """Note when the first request of the run came; ``began``: when the run was started."""
        asked = route.calls_from(before)
        if asked:
            self.habits.sent_after(asked[0].started - began)
        elif not run.ended.is_set():
            self.habits.hung()

    def nothing_sent(self, case: Case, run: ClientRun, waited: float) -> Evidence:
        """Return the evidence of a run that has sent no request; ``waited``: seconds that it was waited for."""
        unmatched = [exchange for exchange in self.server.journal if exchange.outcome is Outcome.UNMATCHED]
        asked = [one for one in unmatched if one.request.method == "POST" and one.request.path.endswith(case.path)]
        if refused := next(filter(None, (refusal(case, one) for one in asked)), None):
            return refused
        late, said = self.server.late_requests, "".join(run.pieces)
        still_runs = waited if not run.ended.is_set() else None
        return nothing_sent(case.path, run.error, unmatched, waited=still_runs, late=late, text=said)

    def end(self, run: ClientRun, patience: float) -> None:
        """End a run, whatever it does."""
        run.close()
        if not run.ended.is_set():
            self.mounted = None
            self.server.reset()  # ends its connection, so that a client which still waits is let go
        seconds = min(patience, _LEAVES)
        ended = self.watch.patience(seconds).until(run.ended.is_set)
        run.join(seconds if ended else min(seconds, _LETS_GO))

    def first_text(self, case: Case, reply: Reply) -> tuple[int, int, float] | None:
        """Run the client, and return when it yielded its first text; ``None`` if it did so only at the end.

        The result is the number of tokens written by then, the number of all tokens, and the seconds since its request.
        """
        route = self.route(case, [reply])
        [address] = self.begin()
        run = self.subject.start(address.base_url)
        try:
            self.wait_for_request(run, route, 0, self.until_request)
            while not run.pieces and not run.ended.wait(_LOOK):
                if not route.calls or route.calls[0].exchange.outcome is not None:
                    return None
            call = route.calls[0] if route.calls else None
            exchange = None if call is None else call.exchange
            if call is None or exchange is None or exchange.bill is None or exchange.tokens_total is None:
                return None
            written, total = exchange.bill.tokens_written, exchange.tokens_total
            return (written, total, monotonic() - call.started) if run.pieces and written < total else None
        finally:
            self.end(run, self.patience)

    # --- cancelling -----------------------------------------------------------------------------------------------

    def cancelled(self, case: Case, cancel: Cancel, patience: float) -> Tried:
        if self.subject.cannot_cancel is not None:
            return Tried(None, note=self.subject.cannot_cancel)
        route = self.route(case, [case.reply()])
        [address] = self.begin()
        run = self.subject.start(address.base_url, cancel.after, inside_read=cancel.inside_read)
        began, until_request = monotonic(), max(patience, self.until_request)
        try:
            self.wait_for_request(run, route, 0, until_request)
            self.learn(run, route, 0, began)
            if route.calls:
                tried = self._cancel(cancel, run, route, patience)
            else:
                tried = Tried(self.nothing_sent(case, run, until_request))
        finally:
            self.end(run, patience)
            self.server.reset()
        return self.result(case, tried, run)

    def _cancel(self, cancel: Cancel, run: ClientRun, route: LiveRoute, patience: float) -> Tried:
        there = is_there(cancel, run, route, self.watch.patience(4 * patience))
        heard = heard_in(run, run.ended.is_set(), patience)
        before = route.calls[-1].exchange
        if not there:
            return Tried(did_not_get_there(cancel, heard), before, heard)
        if cancel.inside_read and not run.can_cancel_inside_read:
            return Tried(None, before, note=_NOT_ASYNCHRONOUS)
        if cancel.silent:
            wait_until_held(route, self.watch.patience(4 * patience))
        waits = self.watch.patience(patience)
        with no_garbage_collected():
            said = _left(route, run, waits)
        took = waits.spent
        self.left += said is None
        self.stayed |= said is not None and not cancel.silent
        cancel = replace(cancel, silent=cancel.silent and not self.stayed)
        exchange = route.calls[-1].exchange
        if unknown := not_known(exchange):
            return Tried(None, exchange, heard, note=unknown)
        if said is not None and was_over(before):
            return Tried(did_not_get_there(cancel, heard), exchange, heard)
        why = None if said is None else run.why_it_stays()
        late = None
        if said is None and took > self.patience:
            after = f"the client left {took:.1f} s after it was closed, {self.patience:g} s are allowed"
            late = judge_cancel(cancel, exchange, after)
        return Tried(judge_cancel(cancel, exchange, said, why), exchange, heard, took=took, late=late)


def heard_in(run: ClientRun, ended: bool, waited: float, took: float = 0.0, *, silence: float = 0.0) -> Heard:
    """Return what a run has said by now. The times are in seconds, as ``Heard`` has them."""
    return Heard("".join(run.pieces), run.error, ended, waited, took, silence, tuple(run.parts))


def with_trouble(case: Case, tried: Tried, run: ClientRun) -> Tried:
    """Return the trial, or that the client broke the protocol by which it is driven, which shows when a run ends."""
    trouble = run.error
    if not isinstance(trouble, Trouble):
        return tried
    heard = Heard("".join(run.pieces), trouble, ended=True, waited=0.0)
    return replace(tried, evidence=in_trouble(case, trouble, tried.exchange), heard=heard)


def _or_excused(tried: Tried, perhaps: Evidence | None) -> Tried:
    """Return the trial; ``perhaps``: what is wrong if it was not the machine that made it right."""
    return tried if perhaps is None else replace(tried, evidence=perhaps, unsure=True, excused=True)


def _left(route: LiveRoute, run: ClientRun, patience: Patience) -> str | None:
    """Close the client; ``None`` if it left as long as patience lasted, else what was seen, in one line."""
    try:
        with route.expect_disconnect(within=patience.seconds):
            run.close()
            _wait_until_left(route, patience)
    except ClientFailure as failure:
        return str(failure).splitlines()[0]
    return None


def _wait_until_left(route: LiveRoute, patience: Patience) -> None:
    """Wait until all requests of the route have been left. Raises ``ClientFailure`` when patience is over."""
    if not patience.until(lambda: not any(live.can_be_left for live in route.exchanges)):
        raise ClientFailure(f"the client did not leave within {patience.seconds:g} s")


def _cut_short(tried: Tried, starved: float) -> bool:
    """Whether the client gave up after a silence that the machine, not the stream, may have made as long as it was.

    ``starved``: seconds for which the client, or the server, had no core.
    """
    heard = tried.heard
    if heard is None or heard.error is None or starved < heard.took / 2 or not is_timeout(heard.error):
        return False
    return heard.took - starved <= heard.silence + _SOON
