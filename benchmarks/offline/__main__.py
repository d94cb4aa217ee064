"""Runs thirty tests on cassettes of a real model again and again, offline and on two processes, and compares.

    python -m benchmarks.offline [--times 10] [-n 2]

Every connection but to loopback is refused (by pytest-recording's ``--block-network``), and no key is set. Prints a row
for each run; the exit code is 1 where a test failed, or said something else than in the first run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from xml.etree import ElementTree

from benchmarks.tables import Table

SUITE = Path(__file__).parent / "suite.py"
_BLOCKED = ("--block-network", "--allowed-hosts=127.0.0.1,localhost,::1")
_SETTINGS = ("-o", "asyncio_mode=strict", "-o", "asyncio_default_fixture_loop_scope=function")


def results_of(report: Path) -> dict[str, str]:
    """What each test of a JUnit report came to: ``passed`` and its text, or how it failed."""
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        wrong = next((child.tag for child in case if child.tag in ("failure", "error", "skipped")), None)
        text = next((one.get("value", "") for one in case.iter("property") if one.get("name") == "text"), "")
        found[f"{case.get('classname')}::{case.get('name')}"] = wrong or f"passed: {text}"
    return found


def run(processes: int, folder: Path) -> dict[str, str]:
    """The results of one run, by test."""
    report = folder / "report.xml"
    spread = ("-n", str(processes)) if processes > 1 else ()
    command = [sys.executable, "-m", "pytest", "-q", str(SUITE), *_SETTINGS, *_BLOCKED, *spread]
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    command += [f"--junit-xml={report}", "-o", "junit_family=xunit1", "-p", "no:cacheprovider"]
    subprocess.run(command, env=environment, check=False, stdout=subprocess.DEVNULL)
    return results_of(report)


def difference(first: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """A line for each test that came to something else."""
    return [
        f"{name}: {first.get(name, 'missing')!r}, then {other.get(name, 'missing')!r}"
        for name in sorted(first.keys() | other.keys())
        if first.get(name) != other.get(name)
    ]


def main() -> int:
    """Run, print, and return the exit code."""
    options = argparse.ArgumentParser(
        description="Thirty tests on cassettes of a real model, offline, again and again."
    )
    options.add_argument("--times", type=int, default=10)
    options.add_argument("-n", type=int, default=2, help="processes")
    given = options.parse_args()
    title = f"{SUITE.name} on {given.n} processes, every connection but to loopback refused"
    table = Table("offline", title, ("run", "tests", "passed", "other results than in run 1", "seconds"))
    first, good = None, True
    with tempfile.TemporaryDirectory() as folder:
        for number in range(1, given.times + 1):
            began = perf_counter()
            results = run(given.n, Path(folder))
            passed = sum(one.startswith("passed") for one in results.values())
            first = results if first is None else first
            changed = difference(first, results)
            good = good and passed == len(results) > 0 and not changed
            table.rows.append((number, len(results), passed, len(changed), perf_counter() - began))
            for line in changed:
                print(line, file=sys.stderr)
    print(table)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
