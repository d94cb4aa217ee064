"""Are the verdicts on a client the same each time, on a busy machine too? ``python -m benchmarks.steady [CLIENT …]``.

Whole runs of ``orharness check``, ``--runs`` of each client, one after the other, with ``--busy`` busy loops beside
them. What differs between two runs is printed: a verdict, its reason, or its cuts. A reason may have seconds in it that
were measured: those are not compared. A client is named as for ``orharness check``, a driver as ``driver: CMD``.
``--good``: of these clients nothing may fail either, which is the default for those that are known to be right. Ends
with 1 if anything differs, or fails that must not.

The two proofs of the contract::

    python -m benchmarks.steady --good --runs 5 --busy 4
    python -m benchmarks.steady --runs 10 --busy 4
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from benchmarks.client_process import ROOT
from benchmarks.tables import Table

_RIGHT = "tests/support/correct_clients.py"
_STARTERS = "orharness/contract/starters"
GOOD = (
    f"{_RIGHT}:correct",
    f"{_RIGHT}:correct_async",
    f"{_RIGHT}:correct_parts",
    f"driver: {sys.executable} {_STARTERS}/driver.py",
    f"driver: node {_STARTERS}/driver.mjs",
)
_LOOP = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
while True:
    pass
"""  # it ends with this process, whatever ends that
_MEASURED = re.compile(r"\d[\d,]*(?:\.\d+)?(?= s\b)|\d+(?= of \d+ tokens)")
_NO_LIMIT = "it sets no limit on the silence of a stream"  # true of two of the clients that are right otherwise
Found = Mapping[str, tuple[Any, ...]]
"""Of each case what is compared: its result, its reason and its cuts."""


@contextmanager
def busy(number: int) -> Iterator[None]:
    """Keep so many cores busy for the block."""
    loops = [subprocess.Popen([sys.executable, "-c", _LOOP], stdin=subprocess.PIPE) for _ in range(number)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def words_of(client: str) -> list[str]:
    """The words that name a client to ``orharness check``."""
    kind, colon, command = client.partition(": ")
    return [f"--{kind}", command] if colon else [client]


def judged(client: str, options: Sequence[str], environment: Mapping[str, str] | None = None) -> Found:
    """Run ``orharness check`` once, and return what it found. ``environment``: further variables."""
    with TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [sys.executable, "-m", "orharness", "check", *words_of(client), *options]
        done = subprocess.run(
            [*command, "--format", "json", "--output", str(report)],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
        )
        if done.returncode not in (0, 1):
            raise RuntimeError(f"{client}: {done.stderr}")
        return {case["id"]: compared(case) for case in json.loads(report.read_text("utf-8"))["cases"]}


def compared(case: Mapping[str, Any]) -> tuple[Any, ...]:
    """What is compared of a verdict: the result, the reason without measured seconds, and the cuts."""
    evidence = case["evidence"] or {}
    said = evidence.get("reason") or case["note"] or ""
    return case["verdict"], _MEASURED.sub("…", said), tuple(evidence.get("cuts") or ())


def differing(runs: Sequence[Found]) -> dict[str, list[tuple[Any, ...]]]:
    """The cases that were not judged alike in every run, each with what was found, in the order of the runs."""
    cases = dict.fromkeys(case for run in runs for case in run)
    found = {case: [run.get(case, ("missing", "", ())) for run in runs] for case in cases}
    return {case: each for case, each in found.items() if len(set(each)) > 1}


def measure(clients: Sequence[str], runs: int, options: Sequence[str], *, good: bool) -> tuple[Table, list[str]]:
    """The table, and what is wrong."""
    table = Table(
        "1",
        f"{runs} whole runs of each client",
        ("client", "runs", "cases", "failed", "not known", "differ", "seconds", "load"),
        (
            "failed, not known: in all runs together; not known: the machine was too busy to tell",
            "differ: cases whose result, reason or cuts are not the same in each run",
            "seconds: of all runs; load: in the last minute of them",
        ),
    )
    wrong: list[str] = []
    for client in clients:
        began, found = monotonic(), []
        for number in range(runs):
            found.append(judged(client, options))
            failed = [case for case, (result, *_) in found[-1].items() if result == "fail"]
            told = f"{client}, run {number + 1}, load {os.getloadavg()[0]:.0f}: {len(failed)} failed"
            print(told, *failed, file=sys.stderr, flush=True)
            if good:
                reasons = {case: found[-1][case][1] for case in failed}
                false = {case: why for case, why in reasons.items() if _NO_LIMIT not in why}
                wrong += [f"{client}, run {number + 1}: {case} fails: {why}" for case, why in false.items()]
                print(
                    *wrong[len(wrong) - len(false) :], sep="\n", end="\n" if false else "", file=sys.stderr, flush=True
                )
        differ = differing(found)
        wrong += [f"{client}: {case} differs: {' | '.join(map(str, each))}" for case, each in differ.items()]
        said = [one for run in found for one in run.values()]
        fails = sum(result == "fail" for result, *_ in said)
        unknown = sum(note.startswith("not known") for _, note, _ in said)
        seconds, load = round(monotonic() - began), round(os.getloadavg()[0], 1)
        table.rows.append((client, runs, len(found[-1]), fails, unknown, len(differ), seconds, load))
    return table, wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and what is wrong; return 1 if anything is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.steady", description=__doc__)
    parser.add_argument("clients", nargs="*", metavar="CLIENT")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--busy", type=int, default=4, metavar="N", help="busy loops beside them")
    parser.add_argument("--good", action="store_true", help="the clients are right: nothing may fail")
    parser.add_argument("--only", action="append", default=[], metavar="CASE", help="as of orharness check")
    asked = parser.parse_args(arguments)
    options = [word for one in asked.only for word in ("--only", one)]
    with busy(asked.busy):
        table, wrong = measure(asked.clients or GOOD, asked.runs, options, good=asked.good)
    print(table)
    print(*wrong, sep="\n")
    print(f"{len(wrong)} wrong" if wrong else "nothing is wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
