"""The bench: one server, one client, and a verdict on each case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from orharness.contract.catalogue import about
from orharness.contract.catalogue.case import Case, Further
from orharness.contract.catalogue.chunkings import Cuts
from orharness.contract.catalogue.demands import NO_KEY
from orharness.contract.driving.subject import NotText, Subject, Trouble
from orharness.contract.judging.reasons import is_timeout, kind_of
from orharness.contract.judging.shrink import smallest
from orharness.contract.running.delivering import handed_over
from orharness.contract.running.diagnosis import Diagnosis
from orharness.contract.running.further import after_cancels, side_by_side
from orharness.contract.running.growing import growing
from orharness.contract.running.patience import NOT_KNOWN
from orharness.contract.running.replies import representative
from orharness.contract.running.rows import Proof
from orharness.contract.running.sweeps import Sweep
from orharness.contract.running.trials import Trials, Tried
from orharness.errors import ScenarioError
from orharness.parts import TITLES, folded
from orharness.server.facade import SseServer
from orharness.stream import Stream
from orharness.verdict import Got, Once, Result, Verdict, spelled

_MORE = 4  # times patience with which a fail is confirmed
_TIMES_IF_BUSY = 2  # trials, at most, where the machine may be the cause of a fail
_SEEN_STUCK = 2  # fails of a client that waits, after which it is known as one that waits
_TRIES_TO_HEAR = 4  # cases of a kind of parts that are played to see whether a client says that kind
_OF_ONE = "; offsets are those of one case: name it with --only, and offsets inside its stream"
_WITHOUT = "it is run without --at, which is for one case: name that with --only"
SHRINKING = 32  # trials in which the fewest cuts are looked for
_SHRINKING_OF_HANGS = 1  # ... where each of them lasts as long as patience does: whether the cuts matter at all


class Bench:
    """Judges one client case by case. A fail is confirmed by a second, more patient run before it is reported."""

    def __init__(
        self, server: SseServer, subject: Subject, seed: int, patience: float, shrinking: int = SHRINKING
    ) -> None:
        self._trials = Trials(server, subject, patience)
        self._sweep = Sweep(self._trials)
        self._diagnosis = Diagnosis(self._trials)
        self._seed = seed
        self._patience = patience
        self._shrinking = shrinking
        self._stuck = 0  # confirmed fails in which it did not end, or did not leave
        self._says: dict[str, bool] = {}  # of each kind of parts, whether the client says it

    def judge(self, case: Case, at: Sequence[int] | None) -> Verdict:
        """Return the verdict on one case: all of its chunkings hold, or the fewest cuts with which it fails."""
        if case.inapplicable is not None:
            return _verdict(case, [Tried(None, note=case.inapplicable)])
        if case.cancel is not None or case.due or case.beside is not None:
            if at is not None:
                what = "time" if case.cancel is None else "leaving"
                raise ScenarioError(f"{case.id} is about {what}, and tries no boundaries: {_WITHOUT}")
            return self._timely(case)
        if case.grows and at is None:
            return _verdict(case, [growing(self._trials, case, self._patience)])
        stream = representative(case)
        if at is not None and any(not 0 < offset < len(stream.body) for offset in at):
            wanted = ", ".join(map(str, at))
            raise ScenarioError(f"{case.id} is {len(stream.body):,} bytes: it cannot be cut at {wanted}{_OF_ONE}")
        if unsaid := self._unsaid(case):
            return _verdict(case, [Tried(None, note=f"the client says nothing of {' and '.join(unsaid)}")])
        return self._swept(case, stream, [tuple(at)] if at is not None else _cuttings(case, stream, self._seed))

    def _timely(self, case: Case) -> Verdict:
        """Return the verdict on a case about leaving, or about when text is handed over: no boundary is tried."""
        if case.cancel is None:
            return self._delivered(case) if case.beside is None else self._beside(case, case.beside)
        if case.then is not None:
            return _verdict(case, [self._confirmed(partial(after_cancels, self._trials, case, case.cancel, case.then))])
        tried = self._confirmed(partial(self._trials.cancelled, case, case.cancel))
        return _verdict(case, [self._diagnosis.of_nothing_early(case, tried)])

    def _swept(self, case: Case, stream: Stream, cuttings: Sequence[Cuts]) -> Verdict:
        """Return the verdict on a case whose stream is cut in each of these ways, up to the first that fails."""
        tries: list[Tried] = []
        for cuts, tried in self._sweep.tries(case, cuttings):
            if tried.evidence is not None and tried.evidence.reason == NO_KEY and self._trials.subject.keyless:
                return _verdict(case, [Tried(None, note=self._trials.subject.keyless)])
            tries.append(tried if tried.evidence is None or _certain(tried) else self._told(case, stream, cuts, tried))
            if tries[-1].evidence is not None or tries[-1].note == NOT_KNOWN:
                break
        self._diagnosis.plain_held |= case.plain and tries[-1].evidence is None
        return _verdict(case, tries)

    def _beside(self, case: Case, beside: Further) -> Verdict:
        """Return the verdict on a case about two answers at the same time."""
        return _verdict(case, [self._confirmed(partial(side_by_side, self._trials, case, beside))])

    def _delivered(self, case: Case) -> Verdict:
        """Return the verdict on a case about when text is handed over."""
        tries: list[Tried] = []
        for cuts in _cuttings(case, representative(case), self._seed):
            tries.append(self._confirmed(partial(handed_over, self._trials, case, cuts)))
            if tries[-1].note == NOT_KNOWN:
                break
            if tries[-1].evidence is not None:
                tries[-1] = self._timed(case, cuts, tries[-1])
                break
        return _verdict(case, tries)

    def _timed(self, case: Case, cuts: Cuts, tried: Tried) -> Tried:
        """Return a fail; not applicable where it is one of time, and the client cannot be judged by that."""
        cannot = self._trials.subject.cannot_time
        of_time = tried.evidence is not None and not tried.evidence.likely and tried.requests == 1
        if cannot is not None and of_time:
            return replace(tried, evidence=None, note=cannot)
        return self._diagnosis.of_delivery(case, cuts, tried)

    def _unsaid(self, case: Case) -> list[str]:
        """Return the kinds of parts that the case is about and that the client never reports, in any stream. This is
        tested once for each kind, with the first cases of that kind: the plainest may be the one that it reads wrong.
        """
        kinds = [*folded(case.expected.parts), *case.expected.unsaid]
        for kind in kinds:
            if kind not in self._says:
                self._says[kind] = any(self._is_said(kind, one) for one in about(kind, case)[:_TRIES_TO_HEAR])
        return [TITLES.get(kind, kind) for kind in kinds if not self._says.get(kind)]

    def _is_said(self, kind: str, case: Case) -> bool:
        """Return whether the client reports a kind of parts of this case, or tries to and fails."""
        heard = self._trials.once(case, None, self._patience).heard
        return heard is not None and (kind in folded(heard.parts) or isinstance(heard.error, NotText | Trouble))

    def _told(self, case: Case, stream: Stream, cuts: Cuts, first: Tried) -> Tried:
        """Return a fail as it is reported: confirmed by another run, with the fewest cuts, and with its cause if found.

        A fail that a slow machine can cause is dropped if one more patient run holds. Any other, a wrong text above
        all, is reported if two of three runs fail: a client that is wrong now and then is wrong.
        """
        waits = first.heard is not None and not first.heard.ended
        patience = self._confirming if waits else _MORE * self._patience
        once = _Counted(partial(self._trials.once, case, cuts))
        tried = _surely(once, patience, _may_be_slowness)
        if tried.evidence is None and not tried.note and not _may_be_slowness(first):
            tried = _surely(once, patience, _may_be_slowness)
        if tried.evidence is None:
            return with_once(tried, first, once.number)
        self._stuck += waits
        return self._diagnosis.of(case, stream, cuts, self._shrunk(case, stream, cuts, tried, patience))

    @property
    def _confirming(self) -> float:
        """The seconds of patience with which a client that did not end, or did not leave, is run again. They are fewer
        for a client that was seen to wait even longer more than once.
        """
        return _MORE * self._patience if self._stuck < _SEEN_STUCK else self._patience

    def _confirmed(self, trial: Callable[[float], Tried]) -> Tried:
        """Report a fail only if it comes again with more patience, or if the client is late every time.

        The second run excludes one slow moment of the machine, the third two: a client late in all three is slow.
        """
        first = trial(self._patience)
        if first.evidence is None or _certain(first):
            return first
        counted = _Counted(trial)
        again = _surely(counted, self._confirming)
        if again.evidence is not None or again.took <= self._patience:
            self._stuck += again.evidence is not None and again.took > self._patience
            return with_once(again, first, counted.number)
        last = _surely(counted, self._confirming)
        late = last.evidence is None and not last.note and last.took > self._patience
        return replace(first, evidence=last.late or first.evidence) if late else with_once(last, first, counted.number)

    def _shrunk(self, case: Case, stream: Stream, cuts: Cuts, tried: Tried, patience: float) -> Tried:
        """Return the same fail with the fewest cuts. A stream whose times or gates matter is not changed.

        A trial with fewer cuts counts only if it fails in the same way, with as much patience as the confirmed one.
        """
        if tried.heard is None or tried.exchange is None or stream.gates or stream.duration or _certain(tried):
            return tried
        found = {tuple(cuts or tried.exchange.boundaries_at[:-1]): tried}

        def fails(candidate: tuple[int, ...]) -> bool:
            trial = self._trials.once(case, candidate, patience)
            if same := _fails_alike(trial, tried):
                found[candidate] = trial
            return same

        of_hangs = 0 if cuts is None else _SHRINKING_OF_HANGS  # chunks as they are sent have no cuts to do without
        budget = self._shrinking if tried.heard.ended else min(of_hangs, self._shrinking)
        return found[smallest(next(iter(found)), fails, budget)]


def _fails_alike(one: Tried, other: Tried) -> bool:
    """Whether two trials fail, and in the same way."""
    if one.evidence is None or other.evidence is None or one.heard is None or other.heard is None:
        return False
    if not (one.evidence.likely and other.evidence.likely):
        return one.evidence.reason == other.evidence.reason
    return kind_of(one.heard) == kind_of(other.heard)


def _cuttings(case: Case, stream: Stream, seed: int) -> list[Cuts]:
    return [cuts for chunking in case.chunkings for cuts in chunking.cuts(stream, seed)]


def _surely(
    trial: Callable[[float], Tried], patience: float, of_time: Callable[[Tried], bool] = lambda _: True
) -> Tried:
    """Return the result of a trial, which is repeated while this machine may be the cause of its fail. If it may be
    each time, nothing is known, and the note says so. ``of_time``: whether a fail is one that a busy machine can cause.
    """
    tried = Tried(None)
    for _ in range(_TIMES_IF_BUSY):
        tried = trial(patience)
        if tried.evidence is None or not (tried.unsure and of_time(tried)):
            return tried
    return replace(tried, evidence=None, note=NOT_KNOWN)


class _Counted:
    """A trial, and how often it was run."""

    def __init__(self, trial: Callable[[float], Tried]) -> None:
        self._trial = trial
        self.number = 0

    def __call__(self, patience: float) -> Tried:
        self.number += 1
        return self._trial(patience)


def with_once(held: Tried, first: Tried, more: int) -> Tried:
    """Return a trial; if it holds, with the fail of the first of these trials, which did not come again.

    A fail of which this machine may be the cause says nothing about the client.
    """
    if held.evidence is not None or held.note or first.evidence is None or first.unsure:
        return held
    return replace(held, once=Once(1 + more, first.evidence.reason))


def _may_be_slowness(tried: Tried) -> bool:
    """Whether a busy machine alone can make a correct client fail in this way."""
    heard = tried.heard
    if heard is None or not heard.ended or tried.excused or tried.exchange is None or isinstance(heard.error, OSError):
        return True
    if isinstance(heard.error, Trouble):
        return not heard.error.certain
    return tried.unsure and heard.error is not None and is_timeout(heard.error)


def _certain(tried: Tried) -> bool:
    """Whether a second run could not change the verdict."""
    return tried.heard is not None and isinstance(tried.heard.error, Trouble) and tried.heard.error.certain


def _verdict(case: Case, tries: Sequence[Tried]) -> Verdict:
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
        got=None if heard is None else Got(heard.text, None if heard.error is None else spelled(heard.error)),
        note="" if last.evidence else note,
        once=None if last.evidence else next((one.once for one in tries if one.once), None),
    )


_ASSUMED = "its boundaries could only be assumed: the client's reads cannot be seen from here"
