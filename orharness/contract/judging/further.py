"""Verdicts on two answers: both at the same time, and one after a cancel. Pure functions of what was seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from orharness.contract.catalogue.case import Case
from orharness.contract.judging.heard import Heard
from orharness.contract.judging.reasons import rewritten
from orharness.verdict import Evidence, shorten, spelled

_AFTER = "the request after a cancel"
_IN_TURN = "two answers at once come one after the other: the second request is sent only when the first answer is over"
_LONGEST = 120  # characters of an error inside a reason
_MIXED = "two answers at once are mixed: the one has text of the other"


def after_a_cancel(case: Case, evidence: Evidence, heard: Heard | None, *, asked: bool) -> Evidence:
    """Return what is wrong with the answer after a cancel, in words. ``asked``: its request came."""
    error = None if heard is None else heard.error
    if asked and heard is not None and _is_rewritten(case, heard):
        return replace(evidence, likely=False)
    if asked:
        reason = f"{_AFTER} fails: {evidence.reason}"
    elif error is not None:
        reason = f"{_AFTER} is never sent: it raised {shorten(spelled(error), _LONGEST)}"
    else:
        reason = f"{_AFTER} is never sent, and those before it were"
    return replace(evidence, reason=reason, likely=False)


def beside_another(
    cases: Sequence[Case], heard: Sequence[Heard], wrong: Evidence | None, *, at_once: bool
) -> Evidence | None:
    """Return what is wrong with two answers at the same time, ``None`` if nothing is.

    ``wrong``: what is wrong with the first of them that is not as it was sent. ``at_once``: neither waited for the
    other, or whether one did does not matter.
    """
    if wrong is not None:
        mixed = any(_has_text_of(one.text, case, other) for one, case, other in _pairs(cases, heard))
        alone = any(map(_is_rewritten, cases, heard))
        reason = _MIXED if mixed else wrong.reason if alone else f"with another answer at the same time: {wrong.reason}"
        return replace(wrong, reason=reason, likely=False)
    if at_once:
        return None
    texts = " and ".join(repr(case.expected.text) for case in cases)
    return Evidence(f"{texts}, at the same time", "the same, one after the other", _IN_TURN)


def _is_rewritten(case: Case, heard: Heard) -> bool:
    """Return whether a text was changed as any text is, so that neither a cancel nor another answer is the cause."""
    return heard.error is None and rewritten(case.expected.text or "", heard.text) is not None


def _pairs(cases: Sequence[Case], heard: Sequence[Heard]) -> list[tuple[Heard, Case, Case]]:
    """Return each run with the case that it was sent, and the other one."""
    first, second = cases
    return list(zip(heard, (first, second), (second, first), strict=False))


def _has_text_of(text: str, case: Case, other: Case) -> bool:
    """Return whether a text has a word of the other answer that its own does not have."""
    own = set((case.expected.text or "").split())
    return any(word in text.split() for word in set((other.expected.text or "").split()) - own)
