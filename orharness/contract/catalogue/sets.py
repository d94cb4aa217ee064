"""Sets of cases: those that are frozen by their date stay what they are; the quick one is of its version.

A frozen set is a file ``sets/DATE.txt`` with an id a line; what a later release adds is not in it. Ids are never used
again for something else, so that "all of the set 2026-12" says the same for ever. ``python -m
orharness.contract.catalogue.sets DATE`` freezes the cases of today. The quick set is not a frozen one: it has the cases
that find the most, and may be chosen anew (``python -m benchmarks.quick``); CHANGES.md says when it was.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

from orharness.contract.catalogue import cases_of, lives_of
from orharness.contract.catalogue.case import Case
from orharness.dialects import DIALECTS
from orharness.errors import ScenarioError
from orharness.verdict import did_you_mean

_FOLDER = "sets"
QUICK = "quick"


def names() -> list[str]:
    """Return the names of the frozen sets, the oldest first."""
    folder = files("orharness.contract.catalogue") / _FOLDER
    found = sorted(one.name.removesuffix(".txt") for one in folder.iterdir() if one.name.endswith(".txt"))
    return [one for one in found if one != QUICK]


@cache
def ids_of(name: str) -> frozenset[str]:
    """Return the ids of a set: a date, or ``quick``. Raises ``ScenarioError`` for one that does not exist."""
    if name not in (*names(), QUICK):
        known = ", ".join(names())
        raise ScenarioError(f"there is no set {name!r}{did_you_mean([name], names())}; the sets are {known}")
    text = (files("orharness.contract.catalogue") / _FOLDER / f"{name}.txt").read_text("utf-8")
    return ids_in(text)


def ids_in(text: str) -> frozenset[str]:
    """Return the ids of a set as its file has them: an id a line, and comments."""
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


def within(cases: Sequence[Case], name: str | None, own: Sequence[Case] = ()) -> list[Case]:
    """Return those of the cases that are in the set, ``None`` for all; cases of a user's ``own`` always are.

    Raises ``ScenarioError`` for a set that does not exist, and if no case is left.
    """
    if name is None:
        return list(cases)
    ids = ids_of(name) | {case.id for case in own}
    left = [case for case in cases if case.id in ids]
    if not left:
        raise ScenarioError(f"the set {name} has none of these cases")
    return left


def freeze(date: str, cases: Sequence[Case], to: Path) -> None:
    """Write the ids of the cases as the set of that date."""
    head = f"# The cases of {date}. Never changed; a later set has a date of its own.\n"
    to.joinpath(f"{date}.txt").write_text(head + "".join(f"{case.id}\n" for case in cases), "utf-8")


def of_today() -> list[Case]:
    """Return the cases of every API, those of liveness included, each id once."""
    dialects = [DIALECTS.named(name) for name in DIALECTS]
    cases = [case for dialect in dialects for case in (*cases_of(dialect), *lives_of(dialect))]
    return list({case.id: case for case in cases}.values())


if __name__ == "__main__":
    freeze(sys.argv[1], of_today(), Path(__file__).with_name(_FOLDER))
