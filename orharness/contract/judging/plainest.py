"""The plain answer as a gate: a client that fails it gets that one verdict, and the other cases are not judged.

A client that cannot read a plain answer, or never asks for one, fails nearly every case, and none of them says why. So
does one that sends no more requests after some case, because a run has left a lock or a connection that all runs share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from orharness.contract.catalogue import plainest
from orharness.contract.catalogue.case import Case
from orharness.verdict import Evidence, Result, Verdict

NOT_JUDGED = "the client fails on a plain answer"  # begins the note of a case that is not judged for it

_ASKS_NO_MORE = "the client sends no request any more, not for a plain answer either, which it had read before:"
_WAITS = "an earlier run has left something that all runs wait for, such as a lock or a pool of connections"

Judge = Callable[[Case, Sequence[int] | None], Verdict]
"""Return the verdict on a case, its stream cut at these offsets, or with ``None`` in the case's own ways."""


def judge_all(cases: Sequence[Case], at: Sequence[int] | None, judge: Judge) -> Iterator[Verdict]:
    """Yield the verdicts on the cases in order. A case is not judged where the client fails a plain answer.

    Of several cases a plain one is judged first, while the client is fresh; for a single case, only if its verdict
    depends on that: a fail by what the client made of the bytes, or a pass by an error, since a client that always
    raises passes such a case, too. If no plain case is among ``cases``, the plainest is taken; its verdict is added
    only if it is a fail, before the first case that is not judged.
    """
    chosen = plainest(cases)
    if chosen is None:
        yield from (judge(case, at) for case in cases)
        return
    told = any(case is chosen for case in cases)
    gate = _Gate(chosen, judge, at, at if told else None)
    if len(cases) > 1:
        gate.open()
    for case in cases:
        verdict = gate.judge(case)
        if verdict is None:
            if not told:
                told = True
                yield gate.verdict
            verdict = gate.not_judged(case)
        yield verdict


class _Gate:
    """Judges cases, and knows the verdict on a plain one."""

    def __init__(self, case: Case, judge: Judge, at: Sequence[int] | None, plain_at: Sequence[int] | None) -> None:
        self._case = case
        self._judge = judge
        self._at = at
        self._plain_at = plain_at
        self._verdict: Verdict | None = None
        self._mute_since = ""  # the id of the case at which it was seen that the client asks no more

    @property
    def verdict(self) -> Verdict:
        """The verdict on the plain case, which is judged once."""
        if self._verdict is None:
            self._verdict = self._judge(self._case, self._plain_at)
        return self._verdict

    def open(self) -> None:
        """Judge the plain case."""
        _ = self.verdict

    def judge(self, case: Case) -> Verdict | None:
        """Return the verdict on a case; ``None`` if it cannot be judged because the client fails the plain one."""
        if case is self._case:
            return self.verdict
        if self._mute_since or (self._verdict is not None and self._shut_for(case)):
            return None
        verdict = self._judge(case, self._at)
        evidence = verdict.evidence
        silent = evidence is not None and (evidence.mute or evidence.unsent)
        if evidence is not None and silent and (again := self._asks_no_more()) is not None:
            self._mute_since = case.id
            if case.then is not None and evidence.unsent:  # its own words name the cancel
                return verdict
            why = _WAITS if again.mute else f"what came instead is {again.got}"
            return replace(verdict, evidence=replace(evidence, reason=f"{_ASKS_NO_MORE} {why}"))
        if case.plain:
            return self._alike(verdict)
        return None if _depends(case, verdict) and self._shut_for(case, verdict) else verdict

    def not_judged(self, case: Case) -> Verdict:
        """Return that a case is not judged, and since when or because of which plain case."""
        why = f" since {self._mute_since}: it sends no request any more" if self._mute_since else ""
        return Verdict(
            case.id,
            case.title,
            Result.NOT_APPLICABLE,
            level=case.level,
            source=case.source,
            expected=case.expected,
            note=f"{NOT_JUDGED}{why or f' ({self.verdict.case})'}",
        )

    def _asks_no_more(self) -> Evidence | None:
        """Return evidence that the client no longer asks for the plain answer either, which it has read before."""
        if self.verdict.result is not Result.PASS:
            return None
        again = self._judge(self._case, self._plain_at).evidence
        return again if again is not None and (again.mute or again.unsent) else None

    def _shut_for(self, case: Case, verdict: Verdict | None = None) -> bool:
        """Whether a case cannot be judged. A cancel can be where there is any text, unless it was never reached."""
        plain = self.verdict
        if case.plain or plain.evidence is None or not (plain.evidence.likely or plain.evidence.unsent):
            return False
        followed = case.cancel is None or case.then is not None  # an answer is read to its end
        if followed or plain.got is None or not plain.got.text or plain.got.error is not None:
            return True
        return verdict is not None and verdict.evidence is not None

    def _alike(self, verdict: Verdict) -> Verdict:
        """Return the verdict with the reason of the first plain case: the error may name another address."""
        first = None if self._verdict is None else self._verdict.evidence
        if first is None or verdict.evidence is None or not (first.likely and verdict.evidence.likely):
            return verdict
        return replace(verdict, evidence=replace(verdict.evidence, reason=first.reason))


def _depends(case: Case, verdict: Verdict) -> bool:
    """Whether the verdict means nothing for a client that fails on a plain answer."""
    if verdict.evidence is not None:
        return verdict.evidence.likely
    by_error = any(one.error is not False for one in (case.expected, *case.also))
    return verdict.result is Result.PASS and case.cancel is None and by_error
