"""Running the catalogue against a client, one case after the other; whatever is told was seen here, by one server."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock
from time import monotonic, sleep

from orharness.contract.case import Cancel, Case, Profile
from orharness.contract.cases import CLAIMS, select
from orharness.contract.chunkings import Cuts
from orharness.contract.clients import (
    MOST_PIECES,
    Client,
    FunctionSubject,
    Session,
    Subject,
    Trouble,
)
from orharness.contract.judge import (
    MOST_REQUESTS,
    Heard,
    did_not_get_there,
    in_trouble,
    judge_cancel,
    judge_text,
    nothing_sent,
    was_over,
)
from orharness.contract.plainest import judge_all
from orharness.contract.replies import cut, patience_for, reply_cut, representative
from orharness.contract.rows import Proof, Row, RowSubject, progress, run_row
from orharness.contract.shrink import smallest
from orharness.contract.startup import StartUp
from orharness.errors import ClientFailure, ScenarioError
from orharness.journal import Exchange, Outcome
from orharness.scenario import Reply
from orharness.server.facade import SseServer
from orharness.server.handles import LiveRoute
from orharness.server.thread import ServerThread
from orharness.stream import Stream
from orharness.verdict import Evidence, Got, Result, Verdict

PATIENCE = 1.0  # seconds that a client has for what it should do at once; a fail is confirmed with four times as many
_HANDOVER = 50e-6  # seconds for which a thread keeps the interpreter while a client is judged
_LEAVES = 5.0  # seconds, at most, that are waited for a client which was told to leave
_ON_ITS_WAY = 0.05  # seconds in which the server reads a request whose client has ended already
_SHRINKING = 32  # trials in which the fewest cuts are looked for
_SHRINKING_OF_HANGS = 8  # ... where each of them lasts as long as patience does
_ON_ONE_ROUTE = 64  # trials: a route looks through all of its exchanges each time that it is asked for them
_SHORTEST_ROW = 8  # trials: fewer are run one by one
_LONGEST_ROW = 256  # trials, at most


def run(
    client: Client | Subject,
    *,
    claims: Iterable[str] = CLAIMS,
    only: str | Iterable[str] | None = None,
    at: Sequence[int] | None = None,
    profile: Profile | str = Profile.GATEWAY,
    seed: int = 0,
    thread: ServerThread | None = None,
    patience: float = PATIENCE,
    on_verdict: Callable[[Verdict], None] = lambda _: None,
) -> list[Verdict]:
    """One verdict for each case of the claims and the profile; one more where a client fails a plain answer.

    ``only``: ids of cases, families, or parts of ids; a case that is named by its whole id is run in any profile.
    ``at``: the body offsets at which streams are cut, instead of the cases' own chunkings. ``seed``: of the chunks by
    chance. ``patience``: seconds for what a client should do at once. ``on_verdict`` is called with each as it comes.

    A fail is confirmed by a second, more patient run before it is told. A client that fails a plain answer is told that
    and nothing else: the other cases are not applicable. Raises ``ScenarioError`` for what does not
    exist, or if no case is left.
    """
    cases = chosen(claims, only, profile)
    subject = client if isinstance(client, Subject) else FunctionSubject(client)
    verdicts = []
    with _quick_handover(), SseServer(thread, strict=False) as server:
        bench = _Bench(server, subject, seed, patience)
        for verdict in judge_all(cases, at, bench.judge):
            verdicts.append(verdict)
            on_verdict(verdict)
    return verdicts


@contextmanager
def _quick_handover() -> Iterator[None]:
    """Server, client and runner are threads that wait for each other several times a trial.

    By default a thread keeps the interpreter for 5 ms (sys.setswitchinterval), which is longer than a trial takes.
    """
    with _handover.lock:
        if not _handover.runs:
            _handover.usual = sys.getswitchinterval()
            sys.setswitchinterval(min(_handover.usual, _HANDOVER))
        _handover.runs += 1
    try:
        yield
    finally:
        with _handover.lock:
            _handover.runs -= 1
            if not _handover.runs:
                sys.setswitchinterval(_handover.usual)


@contextmanager
def _no_garbage_collected() -> Iterator[None]:
    """A connection that only the garbage collector closes is closed by chance: here, by what this server allocates."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Handover:
    """How many runs there are in this process: the last one to end puts back what the first one found."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.runs = 0
        self.usual = 0.0


_handover = _Handover()


def chosen(
    claims: Iterable[str] = CLAIMS, only: str | Iterable[str] | None = None, profile: Profile | str = Profile.GATEWAY
) -> list[Case]:
    """The cases that ``run`` runs with the same arguments. Raises ``ScenarioError`` as it does."""
    return select(claims, only, Profile.of(profile))


def _cuttings(case: Case, stream: Stream, seed: int) -> list[Cuts]:
    return [cuts for chunking in case.chunkings for cuts in chunking.cuts(stream, seed)]


@dataclass(frozen=True)
class _Tried:
    """What came of one trial: what is wrong (``None``: nothing), what was seen, or why it tells nothing."""

    evidence: Evidence | None
    exchange: Exchange | None = None
    heard: Heard | None = None
    note: str = ""
    took: float = 0.0  # seconds from a cancel to the client's leaving
    row: Row | None = None  # all the trials that this one stands for

    @property
    def proof(self) -> Proof:
        """What was seen of its boundaries."""
        return Proof.of([] if self.exchange is None else [self.exchange]) if self.row is None else self.row.proof


class _Bench:
    """One server and one client. Each trial is a run of the client against one reply; some run rows elsewhere."""

    def __init__(self, server: SseServer, subject: Subject, seed: int, patience: float) -> None:
        self._server = server
        self._subject = subject
        self._seed = seed
        self._patience = patience
        self._start_up = StartUp()
        self._mounted: LiveRoute | None = None

    def judge(self, case: Case, at: Sequence[int] | None) -> Verdict:
        """The verdict on one case: all of its chunkings hold, or the fewest cuts with which it fails."""
        if case.cancel is not None:
            cancel = case.cancel
            if at is not None:
                raise ScenarioError(f"{case.id} is about leaving, and tries no boundaries: it is run without --at")
            return _verdict(case, [self._confirmed(lambda patience: self._cancelled(case, cancel, patience))])
        stream = representative(case)
        if at is not None and any(not 0 < offset < len(stream.body) for offset in at):
            wanted = ", ".join(map(str, at))
            raise ScenarioError(f"{case.id} is {len(stream.body):,} bytes: it cannot be cut at {wanted}")
        cuttings = [tuple(at)] if at is not None else _cuttings(case, stream, self._seed)
        tries: list[_Tried] = []
        for cuts, tried in self._all(case, cuttings):
            tries.append(tried if tried.evidence is None or _certain(tried) else self._told(case, stream, cuts, tried))
            if tries[-1].evidence is not None:
                break
        return _verdict(case, tries)

    def _told(self, case: Case, stream: Stream, cuts: Cuts, first: _Tried) -> _Tried:
        """A fail as it is told: seen again, and with the fewest cuts.

        What a slow machine can do to a client is undone by one more patient run. Anything else, a wrong text above all,
        is told if it comes in two of three runs: a client that is wrong now and then is wrong.
        """
        tried = self._once(case, cuts, 4 * self._patience)
        if tried.evidence is None and not _may_be_slowness(first):
            tried = self._once(case, cuts, 4 * self._patience)
        return tried if tried.evidence is None else self._shrunk(case, stream, cuts, tried)

    def _all(self, case: Case, cuttings: Sequence[Cuts]) -> Iterator[tuple[Cuts, _Tried]]:
        """What came of each way to cut; of those that were all right in a row, of them together."""
        yield from self._one_by_one(case, cuttings[:1])  # who hangs does it here
        done = 1
        while done < len(cuttings):
            together = cuttings[done : done + self._longest_row]
            row = self._in_a_row(case, together)
            if row is None:
                yield from self._one_by_one(case, together)
            else:
                yield None, _Tried(None, heard=Heard(row.text, None, ended=True, waited=0.0), row=row)
            done += len(together)

    @property
    def _longest_row(self) -> int:
        return (self._subject.longest_row if isinstance(self._subject, RowSubject) else 0) or _LONGEST_ROW

    def _one_by_one(self, case: Case, cuttings: Sequence[Cuts]) -> Iterator[tuple[Cuts, _Tried]]:
        """On one route as long as that can be: its replies stand in their order."""
        reply = case.reply()  # one for all: what it answers, and how it is made, is the same but for the cuts
        route, answered, left = None, 0, 0
        for number, cuts in enumerate(cuttings):
            # A client that asked again has taken another's reply; and a fail that was looked at has taken the place.
            if not left or route is None or route is not self._mounted or len(route.exchanges) != answered:
                batch = [cut(reply, one) for one in cuttings[number : number + _ON_ONE_ROUTE]]
                route = self._route([one for one in batch for _ in range(case.runs)])
                answered, left = 0, len(batch)
            yield cuts, self._run(case, route, self._patience)
            answered += case.runs
            left -= 1

    def _in_a_row(self, case: Case, cuttings: Sequence[Cuts]) -> Row | None:
        if len(cuttings) < _SHORTEST_ROW or case.runs > 1 or case.expected.error:
            return None
        if isinstance(self._subject, RowSubject) and self._subject.longest_row:
            return self._subject.row(case, cuttings, self._patience)
        if isinstance(self._subject, FunctionSubject):
            return run_row(self._server, self._subject, case, cuttings, self._patience, self._start_up)
        return None

    def _once(self, case: Case, cuts: Cuts, patience: float) -> _Tried:
        return self._run(case, self._route([reply_cut(case, cuts)]), patience)

    def _route(self, replies: Sequence[Reply]) -> LiveRoute:
        self._server.reset()
        self._mounted = self._server.post("/chat/completions").replies(*replies)
        return self._mounted

    def _confirmed(self, trial: Callable[[float], _Tried]) -> _Tried:
        """A fail is told only if it comes again, with more patience; or if the client is late every time.

        One slow machine is undone by the second run, and two slow runs by the third: who is late in all three is slow.
        """
        first = trial(self._patience)
        if first.evidence is None or _certain(first):
            return first
        again = trial(4 * self._patience)
        if again.evidence is not None or again.took <= self._patience:
            return again
        last = trial(4 * self._patience)
        return first if last.evidence is None and last.took > self._patience else last

    def _run(self, case: Case, route: LiveRoute, patience: float) -> _Tried:
        """The client is run as often as the case says; the first run that is wrong is told."""
        tried = _Tried(None)
        for _ in range(case.runs):
            tried = self._run_once(case, route, patience)
            if tried.evidence is not None:
                break
        return tried

    def _run_once(self, case: Case, route: LiveRoute, patience: float) -> _Tried:
        [address] = self._server.begin_runs()
        before = len(route.exchanges)
        session, began = self._subject.start(address.base_url), monotonic()
        try:
            waited = patience_for(case, case.reply(), patience)
            until_request = max(waited, self._until_request)
            ended = _wait_for_end(session, route, before, waited, until_request)
            _wait_for_request(session, route, before, 0.0)
            self._learn(session, route, before, began)
            calls = route.calls_from(before)
            if ended and calls:
                calls[-1].finished  # noqa: B018 - gives it the time to read the end
            exchanges = [call.exchange for call in calls]
            heard = Heard("".join(session.pieces), session.error, ended, waited)
            evidence = judge_text(case, heard, exchanges) if exchanges else self._nothing_sent(session, until_request)
            tried = _Tried(evidence, exchanges[-1] if exchanges else None, heard)
        finally:
            self._end(session, patience)
        return _with_trouble(case, tried, session)

    @property
    def _until_request(self) -> float:
        """Seconds to wait for the first request of the run that was just started."""
        return self._start_up.limit(self._subject.starting, self._patience)

    def _learn(self, session: Session, route: LiveRoute, before: int, began: float) -> None:
        """Notes when the request came of the run that was started at ``began``."""
        asked = route.calls_from(before)
        if asked:
            self._start_up.sent_after(asked[0].started - began)
        elif not session.ended.is_set():
            self._start_up.hung()

    def _nothing_sent(self, session: Session, waited: float) -> Evidence:
        unmatched = [exchange for exchange in self._server.journal if exchange.outcome is Outcome.UNMATCHED]
        still_runs = waited if not session.ended.is_set() else None
        return nothing_sent(session.error, unmatched, waited=still_runs, late=self._server.late_requests)

    def _end(self, session: Session, patience: float) -> None:
        session.close()
        if not session.ended.is_set():
            self._mounted = None
            self._server.reset()  # ends its connection, so that a client which still waits is let go
        session.join(min(patience, _LEAVES))

    def _shrunk(self, case: Case, stream: Stream, cuts: Cuts, tried: _Tried) -> _Tried:
        """The same fail with the fewest cuts. A stream whose times or gates matter stays as it is."""
        if tried.heard is None or tried.exchange is None or stream.gates or stream.duration or _certain(tried):
            return tried
        found = {tuple(cuts or tried.exchange.boundaries_at[:-1]): tried}

        def fails(candidate: tuple[int, ...]) -> bool:
            trial = self._once(case, candidate, self._patience)
            if trial.evidence is not None:
                found[candidate] = trial
            return trial.evidence is not None

        budget = _SHRINKING if tried.heard.ended else _SHRINKING_OF_HANGS
        return found[smallest(next(iter(found)), fails, budget)]

    # --- cancelling -----------------------------------------------------------------------------------------------

    def _cancelled(self, case: Case, cancel: Cancel, patience: float) -> _Tried:
        if self._subject.cannot_cancel is not None:
            return _Tried(None, note=self._subject.cannot_cancel)
        route = self._route([case.reply()])
        [address] = self._server.begin_runs()
        session = self._subject.start(address.base_url, cancel.after, inside_read=cancel.inside_read)
        began, until_request = monotonic(), max(patience, self._until_request)
        try:
            _wait_for_request(session, route, 0, until_request)
            self._learn(session, route, 0, began)
            if route.calls:
                tried = self._cancel(cancel, session, route, patience)
            else:
                tried = _Tried(self._nothing_sent(session, until_request))
        finally:
            self._end(session, patience)
            self._server.reset()
        return _with_trouble(case, tried, session)

    def _cancel(self, cancel: Cancel, session: Session, route: LiveRoute, patience: float) -> _Tried:
        there = _is_there(cancel, session, route, 4 * patience)
        heard = Heard("".join(session.pieces), session.error, session.ended.is_set(), patience)
        before = route.calls[-1].exchange
        if not there:
            return _Tried(did_not_get_there(cancel, heard), before, heard)
        if cancel.inside_read and not session.can_cancel_inside_read:
            return _Tried(None, before, note="an iterator that is not asynchronous cannot be cancelled inside a read")
        if cancel.silent:
            _wait_until_held(route, 4 * patience)
        acted = monotonic()
        with _no_garbage_collected():
            said = _left(route, session, patience)
        took = monotonic() - acted
        exchange = route.calls[-1].exchange
        if said is not None and was_over(before):
            return _Tried(did_not_get_there(cancel, heard), exchange, heard)
        return _Tried(judge_cancel(cancel, exchange, said), exchange, heard, took=took)


def _with_trouble(case: Case, tried: _Tried, session: Session) -> _Tried:
    """What was tried, or what came out at its end: that the client does not keep to the way in which it is driven."""
    trouble = session.error
    if not isinstance(trouble, Trouble):
        return tried
    heard = Heard("".join(session.pieces), trouble, ended=True, waited=0.0)
    return replace(tried, evidence=in_trouble(case, trouble, tried.exchange), heard=heard)


def _may_be_slowness(tried: _Tried) -> bool:
    """Whether a busy machine alone can make a client that is right fail so."""
    heard = tried.heard
    return heard is None or not heard.ended or tried.exchange is None or isinstance(heard.error, OSError)


def _certain(tried: _Tried) -> bool:
    """Whether no second run could undo what was seen."""
    return tried.heard is not None and isinstance(tried.heard.error, Trouble) and tried.heard.error.certain


def _left(route: LiveRoute, session: Session, patience: float) -> str | None:
    """Closes the client: ``None`` if it left in time, else what was seen, in one line."""
    try:
        with route.expect_disconnect(within=patience):
            session.close()
    except ClientFailure as failure:
        return str(failure).splitlines()[0]
    return None


def _is_there(cancel: Cancel, session: Session, route: LiveRoute, patience: float) -> bool:
    """Whether the client has come to where it is to be cancelled, and is not over."""
    if cancel.after == 0:
        _wait_until_held(route, patience)
    else:
        session.paused.wait(patience)
    return not session.ended.is_set() and (cancel.after == 0 or session.paused.is_set())


def _wait_for_request(session: Session, route: LiveRoute, before: int, seconds: float) -> None:
    """Returns when the run's first request has come, or the run has ended, but at the latest after so many seconds.

    ``before``: so many calls are of runs before this one.
    """
    deadline = monotonic() + seconds
    while len(route.exchanges) <= before and monotonic() < deadline and not session.ended.is_set():
        sleep(0.002)
    deadline = monotonic() + _ON_ITS_WAY
    while len(route.exchanges) <= before and monotonic() < deadline and session.ended.is_set():
        sleep(0.002)


def _wait_for_end(session: Session, route: LiveRoute, before: int, patience: float, until_request: float) -> bool:
    """Whether the run ended. Patience runs while nothing happens: a client that still takes bytes is slow, not stuck.

    ``before``: so many calls are of runs before this one. ``until_request``: seconds, instead of patience, until the
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


def _wait_until_held(route: LiveRoute, patience: float) -> None:
    """Until the stream stands at its gate with all before it read: otherwise the next event could wake the client."""
    deadline = monotonic() + patience
    while monotonic() < deadline and not any(call.exchange.held_at is not None for call in route.calls):
        sleep(0.002)


def _verdict(case: Case, tries: Sequence[_Tried]) -> Verdict:
    proof = Proof.all(one.proof for one in tries)
    last = tries[-1]
    note = last.note or (_ASSUMED if proof.assumed else "")
    result = Result.FAIL if last.evidence else Result.NOT_APPLICABLE if note else Result.PASS
    heard = last.heard
    return Verdict(
        case.id,
        case.title,
        result,
        last.evidence,
        proof.tried,
        proof.proven,
        level=case.level,
        source=case.source,
        expected=case.expected,
        got=None if heard is None else Got(heard.text, None if heard.error is None else repr(heard.error)),
        note="" if last.evidence else note,
    )


_ASSUMED = "its boundaries could only be assumed: the client's reads cannot be seen from here"
