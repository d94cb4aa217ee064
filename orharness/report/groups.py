"""Verdicts in groups: by family, and fails by their reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orharness.verdict import Result, Verdict


def by_family(verdicts: Iterable[Verdict]) -> dict[str, list[Verdict]]:
    """Return the verdicts of each family, in the catalogue's order."""
    found: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        found.setdefault(verdict.family, []).append(verdict)
    return found


def by_reason(verdicts: Iterable[Verdict]) -> list[list[Verdict]]:
    """Return the failed verdicts grouped by reason: those of a MUST first, then those of a SHOULD."""
    found: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.result is Result.FAIL:
            found.setdefault(verdict.evidence.reason if verdict.evidence else "", []).append(verdict)
    return sorted(found.values(), key=lambda alike: not any(one.counts for one in alike))


def boundaries(verdicts: Sequence[Verdict]) -> tuple[int, int]:
    """Return how many chunk boundaries were proven, and how many there were."""
    return sum(one.boundaries_proven for one in verdicts), sum(one.boundaries_tried for one in verdicts)
