"""What orharness costs. ``python -m benchmarks.all [--quick] [--only TEXT] [--json FILE] [--to FILE]``.

Measures each cost beside its baseline in the same run, prints a table with the goal of each row, and writes it with
machine and date to docs/performance.md (``--to``; not in a quick run or a part of it, unless it is given). CPU time is
measured wherever the question allows it: other processes of the machine change it little. Ends with 0; goals are judged
in the table only.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.fidelity import about
from benchmarks.rows import Row, against, keeping, making, playing, starting
from benchmarks.rows.row import QUICK, Sizes
from benchmarks.tables import Table

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
MEASURES: dict[str, Callable[[Sizes], Iterator[Row]]] = {
    "throughput": playing.throughput,
    "aimock": against.aimock,
    "lockstep": against.lockstep,
    "lateness": playing.lateness,
    "carried": against.carried,
    "leaving": playing.leaving,
    "idle": keeping.idle,
    "exchanges": keeping.exchanges,
    "reading": keeping.reading,
    "routes": making.mounted,
    "completions": making.completions,
    "cassettes": making.cassettes,
    "cold": starting.cold,
    "check": starting.check,
    "tests": starting.tests,
}
_COLUMNS = ("what", "measured", "baseline", "value", "goal", "met")
_LEAD = """# What it costs

`python -m benchmarks.all` measures each cost beside its baseline in the same run and writes this page. The *value* is
the ratio to the baseline where there is one. CPU time is that of the server's thread, or of the process, in its best
reading; rows with a * are wall time, which a busy machine makes worse.
"""
_BUSY = """
**The machine was busy during this run (load {:.0f}): rows with a * say little, and CPU
times are higher than on an idle one.**
"""


def table_of(rows: Sequence[Row]) -> Table:
    """The rows as people read them."""
    table = Table("all", "What orharness costs", _COLUMNS)
    for row in rows:
        what = f"{row.what}{' *' if row.noisy else ''}"
        met = {True: "yes", False: "no", None: "not run"}[row.met]
        table.rows.append((what, row.measured, row.baseline or None, row.value_shown, row.goal_shown, met))
    return table


def misses(rows: Sequence[Row]) -> list[str]:
    """A line for each row that misses its goal, with what is in the way."""
    return [
        f"{row.what}: {row.value_shown}, the goal is {row.goal_shown}{f'. In the way: {row.why}' if row.why else ''}"
        for row in rows
        if not row.met
    ]


def page(rows: Sequence[Row], described: dict[str, str], load: float = 0.0) -> str:
    """docs/performance.md. ``load``: how many processes wanted to run, the highest of what was seen."""
    lines = ["| " + " | ".join(_COLUMNS) + " |", "|" + " --- |" * len(_COLUMNS)]
    lines += ["| " + " | ".join(str(cell or "") for cell in cells) + " |" for cells in table_of(rows).rows]
    machine = "\n".join(f"- {name}: {value}" for name, value in described.items())
    missed = "\n".join(f"- {line}" for line in misses(rows)) or "None."
    lead = f"{_LEAD}{_BUSY.format(load)}" if load > 1.5 * (os.cpu_count() or 1) else _LEAD
    return "\n".join([lead, *lines, "", "## What misses its goal", "", missed, "", "## Measured on", "", machine, ""])


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.all", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="some seconds, for a look; too few samples for a claim")
    parser.add_argument(
        "--only", metavar="TEXT", help=f"only the measures with this in their name: {', '.join(MEASURES)}"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there, too")
    parser.add_argument(
        "--to", type=Path, metavar="FILE", help="where the page goes; docs/performance.md of a whole run"
    )
    options = parser.parse_args(arguments)
    sizes = QUICK if options.quick else Sizes()
    described = about()
    print("orharness.all" + " (quick)" * options.quick, *described.values(), sep="\n", end="\n\n", flush=True)
    rows: list[Row] = []
    load = 0.0
    for name, measure in MEASURES.items():
        if options.only is None or options.only in name:
            load = max(load, os.getloadavg()[0])
            for row in measure(sizes):
                rows.append(row)
                print(f"{row.what}: {row.measured} ({row.value_shown}, goal {row.goal_shown})", flush=True)
    print(f"\n{table_of(rows)}", *misses(rows), sep="\n")
    to = options.to or (None if options.quick or options.only else PAGE)
    if to is not None:
        to.write_text(page(rows, described, load), "utf-8")
    if options.json is not None:
        results = {"about": described, "rows": [asdict(row) | {"met": row.met} for row in rows]}
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
