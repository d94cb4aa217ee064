"""Which cases fail which bad client, for the choice of ``--quick``: ``python -m benchmarks.bad_clients [FILE…]``.

Each mutant of tests/support/mutants.py is run through every case of the profile gateway but for the sweeps, which take
too long for a quick run; so is the correct client, of which the seconds of each case are kept. A FILE is a Python file
with a client ``bad`` and a client ``fixed``, such as small ones with a bug of a public report and without it. Both are
judged by ``orharness check``, by the cases of liveness as well. What was found is kept, client by client, in
``benchmarks/judged/bad_clients.json``; what it has of files that are not named stays. Slow: half an hour for all.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Any
from unittest.mock import patch

from benchmarks.judged.records import HERE
from orharness.contract import CASES, Client, Profile, run
from orharness.contract.catalogue import lives_of
from orharness.contract.catalogue.case import Case
from orharness.contract.running.bench import Bench
from orharness.dialects import DIALECTS
from orharness.verdict import Result, Verdict
from tests.support.correct_clients import correct
from tests.support.mutants import MUTANTS, kept
from tests.support.selections import WITHOUT_SWEEPS

FILE = HERE / "bad_clients.json"
_PATIENCE = 0.4  # seconds, without those in which the client has no core: many mutants wait in many cases


@dataclass(frozen=True)
class Measured:
    """For each bad client the cases that fail it, and for each case the seconds that it takes with a correct one."""

    seconds: dict[str, float] = field(default_factory=dict)
    mutants: dict[str, list[str]] = field(default_factory=dict)
    reported: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path = FILE) -> Measured:
        """Return what is kept."""
        document: dict[str, Any] = json.loads(file.read_text("utf-8"))
        return cls(**document)

    def write(self, file: Path = FILE) -> None:
        """Keep it: a line for each client, and for each case."""
        file.write_text(_lines(asdict(self)), "utf-8")


def candidates() -> list[Case]:
    """Return the cases of a quick run: those of the profile gateway that are not sweeps, and those of liveness."""
    short = set(WITHOUT_SWEEPS)
    cases = [case for case in CASES if case.profile is Profile.GATEWAY and case.id in short]
    return [*cases, *lives_of(DIALECTS.default)]


def _lines(document: dict[str, dict[str, Any]]) -> str:
    parts = []
    for name, entries in document.items():
        lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in entries.items())
        parts.append(f" {json.dumps(name)}: {{\n{lines}\n }}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def found_by(client: Client, ids: Sequence[str]) -> list[str]:
    """Return the cases that fail a client. A fail is not confirmed here, and no cause is looked for."""
    with kept, patch.object(Bench, "_told", lambda self, case, stream, cuts, tried: tried):
        return _failed(run(client, only=ids, patience=_PATIENCE))


def _failed(verdicts: Iterable[Verdict]) -> list[str]:
    return [verdict.case for verdict in verdicts if verdict.result is Result.FAIL]


def _seconds(ids: Sequence[str]) -> dict[str, float]:
    """Return the seconds that each case takes with the correct client."""
    taken: dict[str, float] = {}
    began = monotonic()

    def told(verdict: Verdict) -> None:
        nonlocal began
        now = monotonic()
        taken[verdict.case], began = round(now - began, 3), now

    run(correct, only=ids, on_verdict=told)
    return taken


def reported_by(file: Path, ids: Sequence[str]) -> list[str]:
    """Return the cases that fail the client ``bad`` of a file, and not its client ``fixed``: those show its bug."""
    bad = judged(f"{file}:bad", ids)
    fixed = judged(f"{file}:fixed", bad) if bad else []
    return [case for case in bad if case not in fixed]


def judged(client: str, ids: Sequence[str]) -> list[str]:
    """Return the cases that fail a client, judged by the command."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        words = [sys.executable, "-m", "orharness", "check", client, "--format", "json", "--output", str(report)]
        subprocess.run([*words, *(word for one in ids for word in ("--only", one))], check=False, capture_output=True)
        cases: list[dict[str, Any]] = json.loads(report.read_text("utf-8"))["cases"]
    return [one["id"] for one in cases if one["verdict"] == "fail"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and keep what was found, client by client."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bad_clients", description=__doc__)
    parser.add_argument("file", nargs="*", type=Path, help="Python files, each with a client named bad")
    parser.add_argument("--new", action="store_true", help="only the mutants of which nothing is kept")
    options = parser.parse_args(arguments)
    before = Measured.read() if FILE.exists() else Measured()
    every = [case.id for case in candidates()]
    ids = [case.id for case in candidates() if not case.in_limits]
    measured = before if options.new and before.seconds else replace(before, seconds=_seconds(ids), mutants={})
    for one in MUTANTS:
        if one.name not in measured.mutants:
            measured.mutants[one.name] = found_by(one.client, ids)
            _kept(measured, one.name, measured.mutants[one.name])
    for file in options.file:
        measured.reported[file.stem] = reported_by(file, every)
        _kept(measured, file.stem, measured.reported[file.stem])


def _kept(measured: Measured, client: str, found: Sequence[str]) -> None:
    measured.write()
    print(f"{client}: {len(found)}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
