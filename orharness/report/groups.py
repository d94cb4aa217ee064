"""Verdicts in groups: by family, and fails by their reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import isclose

from orharness.verdict import Result, Verdict

_PLACE = re.compile(r"\b(line|column|char|position|offset) \d+")  # as exceptions tell it
_SECONDS = re.compile(r"\d[\d,]*(?:\.\d+)?(?= s\b)")


def by_family(verdicts: Iterable[Verdict]) -> dict[str, list[Verdict]]:
    """Return the verdicts of each family, in the catalogue's order."""
    found: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        found.setdefault(verdict.family, []).append(verdict)
    return found


def by_reason(verdicts: Iterable[Verdict]) -> list[list[Verdict]]:
    """Return the failed verdicts grouped by reason: those of a MUST first, then those of a SHOULD.

    Two reasons that differ only in seconds which were measured, by a fifth at most, are one; so are two exceptions
    that name another column of another text.
    """
    found: dict[str, list[tuple[list[float], list[Verdict]]]] = {}
    for verdict in verdicts:
        if verdict.result is Result.FAIL:
            reason = verdict.evidence.reason if verdict.evidence else ""
            seconds = [float(one.replace(",", "")) for one in _SECONDS.findall(reason)]
            groups = found.setdefault(_PLACE.sub(r"\1", _SECONDS.sub("", reason)), [])
            group = next((alike for those, alike in groups if all(map(_close, those, seconds))), None)
            if group is None:
                groups.append((seconds, group := []))
            group.append(verdict)
    groups_of_all = [alike for groups in found.values() for _, alike in groups]
    return sorted(groups_of_all, key=lambda alike: not any(one.counts for one in alike))


def _close(one: float, other: float) -> bool:
    return isclose(one, other, rel_tol=0.2, abs_tol=0.2)


def boundaries(verdicts: Sequence[Verdict]) -> tuple[int, int]:
    """Return how many chunk boundaries were proven, and how many there were."""
    return sum(one.boundaries_proven for one in verdicts), sum(one.boundaries_tried for one in verdicts)
