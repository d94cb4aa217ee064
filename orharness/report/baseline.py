"""A baseline: the fails of a client that are known, so that only a new one breaks a build.

The file is JSON: ``{"baseline": 1, "fails": {"done/twice": "its reason when it was written down"}}``. A known fail does
not count. A new fail does, and so does a stale entry: a case that no longer fails, or no longer exists, is to be taken
out of the file, or it would hide the next fail.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from orharness.errors import OrharnessError, ScenarioError
from orharness.files import write_whole
from orharness.verdict import Judgement, Result

_FORMAT = 1


@dataclass(frozen=True)
class Compared:
    """A judgement whose known fails do not count, and the ids of the entries that are stale."""

    judgement: Judgement
    stale: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing new fails and no entry is stale."""
        return self.judgement.ok and not self.stale


def compare(judgement: Judgement, fails: Mapping[str, str], known: Iterable[str] = ()) -> Compared:
    """Compare a judgement with the fails of a baseline.

    ``known``: the ids of all cases there are. An entry of a case that was not run is stale only if there is no such
    case; one of a case that could not be judged is not stale.
    """
    verdicts = tuple(replace(one, known=one.case in fails) if one.counts else one for one in judgement.verdicts)
    failed = {one.case for one in verdicts if one.result is Result.FAIL}
    judged = {one.case for one in verdicts if one.result is not Result.NOT_APPLICABLE}
    exist = {*known, *(one.case for one in verdicts)}
    stale = tuple(one for one in fails if (one in judged and one not in failed) or one not in exist)
    return Compared(replace(judgement, verdicts=verdicts), stale)


def read(path: Path) -> dict[str, str]:
    """Return the fails of a baseline file, each id with its reason.

    Raises ``ScenarioError``, which names the file, for one that is not there or is not a baseline.
    """
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ScenarioError(f"{path}: there is no such baseline: --update-baseline writes it") from None
    except (OSError, ValueError) as error:
        raise ScenarioError(f"{path}: the baseline cannot be read: {error}") from error
    fails = value.get("fails") if isinstance(value, dict) and value.get("baseline") == _FORMAT else None
    if not isinstance(fails, dict) or not all(isinstance(one, str) for one in fails.values()):
        form = '{"baseline": 1, "fails": {"family/case": "reason"}}'
        raise ScenarioError(f"{path}: a baseline is {form}: --update-baseline writes one")
    return dict(fails)


def write(path: Path, judgement: Judgement, before: Mapping[str, str] = {}) -> None:
    """Write the fails of a judgement as a baseline. Entries of cases that were not judged are kept from ``before``.

    Raises ``OrharnessError`` where the file cannot be written.
    """
    judged = {one.case for one in judgement.verdicts if one.result is not Result.NOT_APPLICABLE}
    kept = {case: reason for case, reason in before.items() if case not in judged}
    fails = {one.case: one.evidence.reason if one.evidence else "" for one in judgement.verdicts if one.fails_client}
    text = json.dumps(
        {"baseline": _FORMAT, "fails": dict(sorted({**kept, **fails}.items()))}, ensure_ascii=False, indent=2
    )
    try:
        write_whole(path, (text + "\n").encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise OrharnessError(f"{path}: the baseline cannot be written: {error.strerror or error}") from error
