"""Does a client's faster clock give the verdicts of real time? ``python -m benchmarks.liveness [NAME …] [--limit 10]``.

Each client of ``benchmarks.limited`` is judged by the family ``liveness`` twice: with its clock made faster by
libfaketime (Debian: ``apt install libfaketime``), and in real time (``--time-rate 1``), which is minutes of waiting and
little CPU time. ``--at-once``: so many clients at a time. Verdicts and reasons are compared, but for the seconds in a
reason. Ends with 1 where they differ, with 2 without libfaketime.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic

from benchmarks.steady import Found, differing, judged
from benchmarks.tables import Table
from orharness.contract.driving.clocks import INSTALL, libfaketime

CLIENTS = (
    *("openai_sync", "openai_async", "anthropic_sync", "anthropic_async", "httpx_sync", "httpx_async"),
    *("requests_lines", "aiohttp_lines", "http_client", "urllib_lines", "in_all"),
)
_FILE = "benchmarks/limited.py"
_FAMILY = "liveness"


def measured(name: str, limit: float) -> tuple[float, Found, float, Found]:
    """What the faster clock says and what real time says of a client, each with the seconds that it took."""
    dialect = ["--dialect", "messages"] if name.startswith("anthropic") else []
    options = ["--only", _FAMILY, "--idle-limit", f"{limit:g}", *dialect]
    found: list[tuple[float, Found]] = []
    for rate in ([], ["--time-rate", "1"]):
        began = monotonic()
        verdicts = judged(f"{_FILE}:{name}", [*options, *rate], {"LIMIT": f"{limit:g}"})
        found.append((monotonic() - began, verdicts))
        print(f"{name}: {'real time' if rate else 'faster clock'}, {found[-1][0]:.0f} s", file=sys.stderr, flush=True)
    (fast, faster), (slow, real) = found
    return fast, faster, slow, real


def measure(names: Sequence[str], limit: float, at_once: int) -> tuple[Table, list[str]]:
    """The table, and what differs."""
    table = Table(
        "1",
        f"The family {_FAMILY} of clients that allow a silence of {limit:g} s: a faster clock, and real time",
        ("client", "cases", "fail", "fail in real time", "n/a", "differ", "seconds", "in real time"),
        ("differ: cases whose verdict or reason is not the same", f"load at the end {os.getloadavg()[0]:.0f}"),
    )
    wrong: list[str] = []
    with ThreadPoolExecutor(at_once) as pool:
        for name, (fast, faster, slow, real) in zip(
            names, pool.map(partial(measured, limit=limit), names), strict=True
        ):
            differ = differing([faster, real])
            wrong += [f"{name}: {case}: {' | '.join(map(str, each))}" for case, each in differ.items()]
            fails = [sum(result == "fail" for result, *_ in one.values()) for one in (faster, real)]
            unknown = sum(result == "not_applicable" for result, *_ in faster.values())
            table.rows.append((name, len(faster), *fails, unknown, len(differ), round(fast), round(slow)))
    return table, wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and what differs; return 1 if anything does."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.liveness", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {_FILE}: {', '.join(CLIENTS)}")
    parser.add_argument("--limit", type=float, default=10.0, metavar="S", help="the silence that each allows")
    parser.add_argument("--at-once", type=int, default=4, metavar="N")
    asked = parser.parse_args(arguments)
    if unknown := sorted(set(asked.names) - set(CLIENTS)):
        parser.error(f"no such client: {', '.join(unknown)}")
    if libfaketime() is None:
        print(INSTALL, file=sys.stderr)
        return 2
    table, wrong = measure(asked.names or CLIENTS, asked.limit, asked.at_once)
    print(table)
    print(*wrong, sep="\n")
    print(f"{len(wrong)} differ" if wrong else "nothing differs")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
