"""How long does it take to judge a client? ``python -m benchmarks.judging [--quick] [--rounds N] [CLIENT …]``.

A sweep (one stream, cut once at every offset of it) in turns (A B A B) with as many requests of the same client, in as
many processes, to a bare ``asyncio.Protocol`` that writes the same answer whole and looks at nothing: machines are
noisy. Then the whole profile ``gateway``, also of a client that fails: one that never closes its connections, the
commonest fault of all, with which the contract waits in many cases. A client is named as for ``orharness check``. Ends
with 1 if one failed, the one that is to fail not counted.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from time import perf_counter

from benchmarks import bare_requests
from benchmarks.tables import Table
from orharness.contract import run
from orharness.contract.driving.usage import starved
from orharness.contract.running.replies import representative
from orharness.contract.running.run import chosen
from orharness.contract.running.worker import NamedFunction
from orharness.verdict import Result, Verdict
from tests.support.mutants import kept

_CLIENTS = ("tests/support/correct_clients.py:correct", "tests/support/correct_clients.py:correct_async")
_SWEEP, _SMALL_SWEEP = "boundaries/every-offset-of-2k", "boundaries/every-offset"
_FAMILY = "done"  # of a quick run, instead of the whole profile
_NEVER_CLOSES = "tests/support/mutants.py:never_closes"


def timed_bare(name: str, case: str, times: int, cores: Sequence[int | None]) -> float:
    """Seconds that so many requests to a bare protocol take, shared among processes as those of a sweep are."""
    ends = [times * at // len(cores) for at in range(len(cores) + 1)]
    shares = [end - start for start, end in pairwise(ends)]
    command = [sys.executable, "-m", bare_requests.__name__, name, case]
    processes = [
        subprocess.Popen(
            [*command, str(share), *([] if core is None else [str(core)])], stdout=subprocess.PIPE, text=True
        )
        for share, core in zip(shares, cores, strict=True)
    ]
    told = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise RuntimeError("a request to the bare server failed")
    return max(map(float, told))


@dataclass(frozen=True)
class Took:
    """What a run of the contract took, in seconds.

    ``cpu``: CPU time of this process and its workers; ``no_core``: for which its thread that was starved the most was
    ready to run and had no core.
    """

    seconds: float
    cpu: float
    no_core: float

    @property
    def waited(self) -> float:
        """Those in which nothing ran and nothing wanted to: waits for the client, and for times that a case asks."""
        return max(0.0, self.seconds - self.cpu - self.no_core)


def timed_run(client: NamedFunction, only: str | None) -> tuple[Took, list[Verdict]]:
    """What the cases take, and what is said of the client."""
    before, began, cpu = starved(os.getpid(), children=False), perf_counter(), _cpu()
    verdicts = run(client, only=only)
    seconds, used = perf_counter() - began, _cpu() - cpu
    after = starved(os.getpid(), children=False)
    grown = [delay - before.get(thread, 0.0) for thread, delay in after.items()]
    return Took(seconds, used, max(grown, default=0.0)), verdicts


def _cpu() -> float:
    """The CPU time of this process and of those of its children that have ended, in seconds."""
    return sum(os.times()[:4])


def failed(verdicts: Sequence[Verdict]) -> list[str]:
    """The ids of the cases that failed."""
    return [verdict.case for verdict in verdicts if verdict.result is Result.FAIL]


def measure_sweeps(names: Sequence[str], rounds: int, *, quick: bool) -> tuple[Table, list[str]]:
    """The table of the sweeps, and what failed."""
    sweep = _SMALL_SWEEP if quick else _SWEEP
    [case] = chosen(only=sweep)
    body = representative(case).body
    table = Table(
        "1",
        f"{sweep}: {len(body):,} bytes, cut once at every offset",
        ("client", "rounds", "boundaries", "proven", "least s", "median s", "most s", "bare s", "ratio"),
        (
            "boundaries: those that were tried in one sweep; proven: the kernel saw the client read up to each",
            "bare: the same requests, answered whole by a bare asyncio.Protocol (median); ratio: median s to bare s",
            "the first round, in which the client's packages are imported, is left out",
        ),
    )
    wrong: list[str] = []
    for name in names:
        ours: list[float] = []
        bares: list[float] = []
        with NamedFunction(name) as client:
            timed_run(client, sweep)
            for _ in range(rounds):
                took, verdicts = timed_run(client, sweep)
                ours.append(took.seconds)
                bares.append(timed_bare(name, sweep, len(body) - 1, client.cores))
                wrong += failed(verdicts)
        verdict = verdicts[-1]  # a plain answer that fails comes before it
        tried, proven, bare = verdict.boundaries_tried, verdict.boundaries_proven, median(bares)
        table.rows.append((name, rounds, tried, proven, min(ours), median(ours), max(ours), bare, median(ours) / bare))
    return table, wrong


def measure_profiles(names: Sequence[str], *, quick: bool) -> tuple[Table, list[str]]:
    """The table of the whole profile, and what failed of these clients, the one that is to fail not counted."""
    table = Table(
        "2",
        f"the family {_FAMILY}" if quick else "the whole profile gateway",
        ("client", "cases", "failed", "seconds", "CPU s", "no core s", "waits s"),
        (
            "CPU: of this process and its workers; no core: its thread that was starved the most was ready to run",
            "waits: the rest, in which the contract waits for the client, or for the times that a case asks for",
        ),
    )
    wrong: list[str] = []
    with kept:
        for name in (*names, *([_NEVER_CLOSES] if names == _CLIENTS else [])):
            with NamedFunction(name) as client:
                took, verdicts = timed_run(client, _FAMILY if quick else None)
            wrong += failed(verdicts) if name != _NEVER_CLOSES else []
            told = (took.seconds, took.cpu, took.no_core, took.waited)
            table.rows.append((name, len(verdicts), len(failed(verdicts)), *told))
    return table, wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judging", description=__doc__)
    parser.add_argument("clients", nargs="*", metavar="CLIENT", default=_CLIENTS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile-only", action="store_true", help="no sweeps in turns with a bare server")
    parser.add_argument("--quick", action="store_true", help="a small sweep and one family: does it run at all?")
    options = parser.parse_args(arguments)
    wrong: list[str] = []
    if not options.profile_only:
        table, wrong = measure_sweeps(options.clients, options.rounds, quick=options.quick)
        print(table)
    table, failing = measure_profiles(options.clients, quick=options.quick)
    print(table)
    wrong += failing
    print(f"FAILED: {', '.join(wrong)}" if wrong else "Nothing failed.")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
