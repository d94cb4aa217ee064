"""How many planted bugs ``orharness fuzz`` finds, and how fast: ``python -m benchmarks.fuzzing [--seconds 60]``."""

from __future__ import annotations

import argparse
from time import monotonic

from orharness.contract.driving.functions import FunctionSubject
from orharness.contract.running.fuzz import fuzz
from orharness.dialects import DIALECTS
from tests.support.mutants import MUTANTS, kept

PLANTED = (
    "DecodesEachRead",
    "SplitsLinesAsPythonDoes",
    "KnowsOnlyLF",
    "ForgetsTheRest",
    "KeepsTheByteOrderMark",
    "NeedsTheSpace",
    "ParsesComments",
    "FindsTheEndAnywhere",
    "StopsAtTheFinishReason",
    "StripsTokens",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    seconds = parser.parse_args().seconds
    found = 0
    with kept:
        for mutant in (one for one in MUTANTS if one.name in PLANTED):
            began = monotonic()
            result = fuzz(FunctionSubject(mutant.client), DIALECTS.default, seconds=seconds)
            evidence = None if result.verdict is None else result.verdict.evidence
            found += evidence is not None
            said = "not found" if evidence is None else evidence.reason
            events = 0 if result.document is None else len(result.document["reply"].get("events", ()))
            print(
                f"{mutant.name:<26} {monotonic() - began:5.1f} s  {result.streams:5} streams  {events} events  {said}"
            )
    print(f"{found} of {len(PLANTED)} found")


if __name__ == "__main__":
    main()
