"""How long does it take to judge a client? ``python -m benchmarks.judging [--quick] [--rounds N] [CLIENT …]``.

A sweep (one stream, cut once at every offset of it) in turns (A B A B) with as many requests of the same client, in as
many processes, to a bare ``asyncio.Protocol`` that writes the same answer whole and looks at nothing: machines are
noisy. Then the whole profile ``gateway``. A client is named as for ``orharness check``. Ends with 1 if one failed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from statistics import median
from time import perf_counter

from benchmarks import bare_requests
from benchmarks.tables import Table
from orharness.contract import run
from orharness.contract.running.replies import representative
from orharness.contract.running.run import chosen
from orharness.contract.running.worker import NamedFunction, shares_of
from orharness.verdict import Result, Verdict

_CLIENTS = ("tests/support/correct_clients.py:correct", "tests/support/correct_clients.py:correct_async")
_SWEEP, _SMALL_SWEEP = "boundaries/every-offset-of-2k", "boundaries/every-offset"
_FAMILY = "done"  # of a quick run, instead of the whole profile


def timed_bare(name: str, case: str, times: int, cores: Sequence[int | None]) -> float:
    """Seconds that so many requests to a bare protocol take, shared among processes as those of a sweep are."""
    shares = [len(share) for share in shares_of(range(times), len(cores))]
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


def timed_run(client: NamedFunction, only: str | None) -> tuple[float, list[Verdict]]:
    """Seconds that the cases take, and what is said of the client."""
    started = perf_counter()
    verdicts = run(client, only=only)
    return perf_counter() - started, verdicts


def failed(verdicts: Sequence[Verdict]) -> list[str]:
    """The ids of the cases that failed."""
    return [verdict.case for verdict in verdicts if verdict.result is Result.FAIL]


def measure(names: Sequence[str], rounds: int, *, quick: bool) -> tuple[list[Table], list[str]]:
    """The tables, and what failed."""
    sweep = _SMALL_SWEEP if quick else _SWEEP
    [case] = chosen(only=sweep)
    body = representative(case).body
    sweeps = Table(
        "1",
        f"{sweep}: {len(body):,} bytes, cut once at every offset",
        ("client", "rounds", "boundaries", "proven", "least s", "median s", "most s", "bare s", "ratio"),
        (
            "boundaries: those that were tried in one sweep; proven: the kernel saw the client read up to each",
            "bare: the same requests, answered whole by a bare asyncio.Protocol (median); ratio: median s to bare s",
            "the first round, in which the client's packages are imported, is left out",
        ),
    )
    profiles = Table(
        "2",
        f"the family {_FAMILY}" if quick else "the whole profile gateway",
        ("client", "cases", "failed", "seconds"),
    )
    wrong: list[str] = []
    for name in names:
        ours: list[float] = []
        bares: list[float] = []
        with NamedFunction(name) as client:
            timed_run(client, sweep)
            for _ in range(rounds):
                seconds, verdicts = timed_run(client, sweep)
                ours.append(seconds)
                bares.append(timed_bare(name, sweep, len(body) - 1, client.cores))
                wrong += failed(verdicts)
            verdict = verdicts[-1]  # a plain answer that fails comes before it
            seconds, verdicts = timed_run(client, _FAMILY if quick else None)
        tried, proven, bare = verdict.boundaries_tried, verdict.boundaries_proven, median(bares)
        sweeps.rows.append((name, rounds, tried, proven, min(ours), median(ours), max(ours), bare, median(ours) / bare))
        profiles.rows.append((name, len(verdicts), len(failed(verdicts)), seconds))
        wrong += failed(verdicts)
    return [sweeps, profiles], wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judging", description=__doc__)
    parser.add_argument("clients", nargs="*", metavar="CLIENT", default=_CLIENTS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a small sweep and one family: does it run at all?")
    options = parser.parse_args(arguments)
    tables, wrong = measure(options.clients, options.rounds, quick=options.quick)
    for table in tables:
        print(table)
    print(f"FAILED: {', '.join(wrong)}" if wrong else "Nothing failed.")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
