"""Choose the cases of ``orharness check --quick``: ``python -m benchmarks.quick [--write]``.

What is to be found are faults: a bad client with one kind of fail. They are of three sources: what was measured of real
clients, where the note on a fail is its kind (``benchmarks/judged/measured``, ``verdicts.json``); the mutants of the
tests, and small clients with bugs of public reports (``python -m benchmarks.bad_clients`` measures both).

The set begins with the plain case and grows by the case that catches the most clients which no other one has caught
yet: a client is caught by a MUST, and then the exit code is 1. Of two that catch as many, or when all are caught, it is
the one that finds the most faults: a MUST counts four times a SHOULD, and what is found already next to nothing. Of two
that find as much, it is the shorter one. A second or two: nothing is run.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bad_clients import Measured, candidates
from benchmarks.judged.records import MEASURED, UNEXPLAINED, Record, notes
from benchmarks.tables import Table
from orharness.contract import CASES
from orharness.contract.catalogue import plainest, sets
from orharness.contract.catalogue.case import Case
from orharness.verdict import Level

NUMBER = 40
CAUGHT = "it is caught at all"  # a fault of each client that fails a MUST, and so the check: the exit code is 1
MUTANTS, REPORTED, REAL = "mutants", "clients with bugs of public reports", "real clients"
SECONDS = 1.0  # a case that takes longer with a client that does all right is not for a quick run
_FILE = Path(sets.__file__).with_name("sets") / f"{sets.QUICK}.txt"
_HEAD = "# The cases that find the most faults of bad clients, chosen by `python -m benchmarks.quick --write`.\n"
_IF_SHOULD = 0.25  # the weight of a fail that is shown, and does not fail the client
_AGAIN = 4  # a power: what was found once before counts 1/16


@dataclass(frozen=True)
class Fault:
    """One kind of fail of one bad client, and the cases that find it. ``weight``: against that of a MUST."""

    source: str
    client: str
    kind: str
    cases: frozenset[str]
    weight: float = 1.0


def of_measured(measured: Measured) -> Iterator[Fault]:
    """Yield the faults of the mutants and of the reported clients: each has one bug."""
    musts = {case.id for case in candidates() if case.level is Level.MUST}
    for source, found in ((MUTANTS, measured.mutants), (REPORTED, measured.reported)):
        for client, cases in found.items():
            yield from _faults(source, client, {"its bug": cases}, musts)


def of_records(records: Iterable[Record], noted: Mapping[str, Mapping[str, str]]) -> Iterator[Fault]:
    """Yield the faults of real clients: fails with the same note, or without one the same reason, are one fault."""
    for record in records:
        said = noted.get(record.client, {})
        kinds: dict[str, list[str]] = {}
        for case, fail in record.fails.items():
            note = said.get(case, UNEXPLAINED)
            kind = fail.reason if note == UNEXPLAINED else note.removesuffix(" (a SHOULD)")
            kinds.setdefault(kind, []).append(case)
        musts = {case for case, fail in record.fails.items() if fail.level == Level.MUST.value}
        yield from _faults(REAL, record.client, kinds, musts)


def _faults(source: str, client: str, kinds: Mapping[str, Sequence[str]], musts: set[str]) -> Iterator[Fault]:
    """Yield each kind of fail, and that the client is caught at all. ``musts``: the ids of cases that fail a client."""
    for kind, cases in kinds.items():
        yield Fault(source, client, kind, frozenset(cases), 1.0 if musts & {*cases} else _IF_SHOULD)
    if caught := musts.intersection(case for cases in kinds.values() for case in cases):
        yield Fault(source, client, CAUGHT, frozenset(caught))


def chosen(
    faults: Sequence[Fault], seconds: Mapping[str, float], ids: Sequence[str], first: str, number: int = NUMBER
) -> list[str]:
    """Return the ids of the set, ``first`` before all. ``seconds``: what a case takes, of those that are known."""
    times = Counter[Fault]({fault: int(first in fault.cases) for fault in faults})
    taken = [first]

    def gain(case: str) -> tuple[int, float, float]:
        of_it = [fault for fault in faults if case in fault.cases]
        caught = sum(fault.kind == CAUGHT and not times[fault] for fault in of_it)
        found = sum(fault.weight / (1 + times[fault]) ** _AGAIN for fault in of_it if fault.kind != CAUGHT)
        return caught, round(found, 9), -seconds.get(case, 0.0)

    while len(taken) < min(number, len(ids)):
        best = max((case for case in ids if case not in taken), key=gain)
        taken.append(best)
        times.update(fault for fault in faults if best in fault.cases)
    return taken


def short(cases: Iterable[Case], seconds: Mapping[str, float]) -> list[str]:
    """Return the ids of the cases that do not take long with a client that does all right.

    Those of liveness do: a process for each trial and, where libfaketime is not installed, five seconds of silence.
    """
    return [case.id for case in cases if not case.in_limits and seconds.get(case.id, 0.0) <= SECONDS]


def compared(faults: Sequence[Fault], before: Iterable[str], after: Iterable[str], possible: Iterable[str]) -> Table:
    """Return how many clients are caught, and how many faults are found, by two sets and by every case."""
    table = Table("quick", "what a quick run finds", ("", "before", "now", "of"))
    ids = [set(one) for one in (before, after, possible)]
    for source in (MUTANTS, REPORTED, REAL):
        for kind, named in ((True, f"{source}: caught by a MUST"), (False, f"{source}: kinds of fail that are found")):
            of_it = [fault for fault in faults if fault.source == source and (fault.kind == CAUGHT) is kind]
            table.rows.append((named, *(sum(bool(fault.cases & one) for fault in of_it) for one in ids)))
    return table


def every_fault() -> list[Fault]:
    """Return the faults of all sources, as they are kept."""
    records = [record for file in sorted(MEASURED.glob("*.json")) if (record := Record.read(file.stem)) is not None]
    return [*of_measured(Measured.read()), *of_records(records, notes())]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the set, and what it finds; write it where ``--write`` is given."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quick", description=__doc__)
    parser.add_argument("--write", action="store_true", help="make it the set of check --quick")
    parser.add_argument("--before", type=Path, metavar="FILE", help="compare with this set, an id a line")
    options = parser.parse_args(arguments)
    faults, seconds = every_fault(), Measured.read().seconds
    cases = candidates()
    plain = plainest(CASES)
    assert plain is not None
    taken = chosen(faults, seconds, short(cases, seconds), plain.id)
    order = [case.id for case in cases if case.id in taken]
    before = sets.ids_of(sets.QUICK) if options.before is None else sets.ids_in(options.before.read_text("utf-8"))
    print(*order, sep="\n")
    print(compared(faults, before, order, [case.id for case in cases]))
    print("new:", *(one for one in order if one not in before))
    print("no longer:", *sorted(before.difference(order)))
    print(f"{sum(seconds.get(one, 0.0) for one in order):.1f} s with the correct client")
    if options.write:
        _FILE.write_text(_HEAD + "".join(f"{one}\n" for one in order), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
