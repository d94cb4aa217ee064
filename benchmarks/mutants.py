"""Every mutant through all of the contract: ``python -m benchmarks.mutants [NAME…]`` tells in which families it fails.

Slow: some minutes for all of them. The suite runs each on the case that must catch it. Exits with 1 if one survives,
or is not caught in its family, and with 2 for an unknown name.
"""

from __future__ import annotations

import sys
from collections import Counter

from benchmarks.tables import Table
from orharness.contract import Profile, run
from orharness.verdict import Result, did_you_mean
from tests.support.mutants import MUTANTS, Mutant, kept


def failed_in(one: Mutant) -> Counter[str]:
    """How many cases it fails in each family."""
    with kept:
        verdicts = run(one.client, profile=Profile.WHATWG, patience=0.3 if one.waits else 2.0)
    return Counter(verdict.family for verdict in verdicts if verdict.result is Result.FAIL)


def main(names: list[str]) -> int:
    """The table, and whether each was caught where it must be."""
    table = Table("mutants", "cases failed by family", ("mutant", "caught in", "fails", "where"))
    known = [one.name for one in MUTANTS]
    if unknown := [name for name in names if name not in known]:
        print(f"no such mutant: {', '.join(unknown)}{did_you_mean(unknown, known)}", file=sys.stderr)
        return 2
    chosen = [one for one in MUTANTS if not names or one.name in names]
    missed = []
    for one in chosen:
        failed = failed_in(one)
        where = ", ".join(f"{family} {number}" for family, number in failed.most_common())
        table.rows.append((one.name, one.family if failed[one.family] else "NOWHERE", failed.total(), where))
        missed += [] if failed[one.family] else [one.name]
        print(f"{one.name}: {where or 'nothing'}", file=sys.stderr, flush=True)
    print(table)
    print(f"{len(chosen) - len(missed)} of {len(chosen)} caught in their families", *missed)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
