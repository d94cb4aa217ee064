"""Choose the cases of ``orharness check --quick``: ``python -m benchmarks.quick [--write]``.

Each mutant is run through the cases that are known to catch one (``Mutant.where``). The set begins with the plain case
and grows by the case that finds the most mutants that no other one has found yet; when all are found, by the one that
finds those again which the fewest cases have found. Slow: some minutes.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from unittest.mock import patch

from orharness.contract import CASES, Profile, run
from orharness.contract.catalogue import plainest, sets
from orharness.contract.catalogue.case import Case
from orharness.contract.running.bench import Bench
from orharness.verdict import Result
from tests.support.mutants import MUTANTS, Mutant, kept
from tests.support.selections import WITHOUT_SWEEPS

NUMBER = 40
_FILE = Path(sets.__file__).with_name("sets") / f"{sets.QUICK}.txt"
_HEAD = "# The cases that find the most mutants, chosen by `python -m benchmarks.quick --write`.\n"


def candidates() -> list[Case]:
    """Return the cases that may be chosen: of the profile gateway, short, and known to catch a mutant."""
    short, catch = set(WITHOUT_SWEEPS), {one.where for one in MUTANTS}
    return [case for case in CASES if case.profile is Profile.GATEWAY and case.id in short & catch]


def found_by(one: Mutant, ids: list[str]) -> set[str]:
    """Return the cases that fail a mutant. A fail is not confirmed here, and no cause is looked for."""
    with kept, patch.object(Bench, "_told", lambda self, case, stream, cuts, tried: tried):
        verdicts = run(one.client, only=ids, patience=0.3 if one.waits else 2.0)
    return {verdict.case for verdict in verdicts if verdict.result is Result.FAIL}


def chosen(found: dict[str, set[str]], ids: list[str], first: str, number: int = NUMBER) -> list[str]:
    """Return the ids: ``found`` has for each mutant the cases that fail it, ``first`` comes first."""
    times = Counter[str]({name: int(first in cases) for name, cases in found.items()})
    taken = [first]
    while len(taken) < min(number, len(ids)):
        gain = {
            case: sum(1 / (1 + times[name]) ** 4 for name, cases in found.items() if case in cases)
            for case in ids
            if case not in taken
        }
        best = max(gain, key=lambda case: gain[case])
        taken.append(best)
        times.update(name for name, cases in found.items() if best in cases)
    return taken


def main(arguments: list[str]) -> int:
    """Print the set, and what it does not find; write it where ``--write`` is given."""
    ids = [case.id for case in candidates()]
    plain = plainest(CASES)
    assert plain is not None
    found: dict[str, set[str]] = {}
    for one in MUTANTS:
        found[one.name] = found_by(one, ids)
        print(f"{one.name}: {len(found[one.name])}", file=sys.stderr, flush=True)
    taken = chosen(found, ids, plain.id)
    missed = [name for name, cases in found.items() if not cases & set(taken)]
    order = [case.id for case in CASES if case.id in taken]
    print(*order, sep="\n")
    print(f"{len(found) - len(missed)} of {len(found)} mutants are found; not: {', '.join(missed) or 'none'}")
    if "--write" in arguments:
        _FILE.write_text(_HEAD + "".join(f"{one}\n" for one in order), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
