"""How many streams does one core carry? ``python -m benchmarks.limit [--rate 10] [--late 20] [--workers 1] [--quick]``.

Finds the most streams at once of which 99 % of the events come in time, for planning a load test. ``orharness serve``
runs on one core (``--workers N``: on as many), the client on the others. Where the bare ``asyncio.Protocol`` of
``benchmarks.serving`` is late as well, the machine or the client is what limits, and that is said. Ends with 1 if bytes
were missing; times are never judged.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from benchmarks import bare
from benchmarks.fidelity import about, sse_chunks
from benchmarks.readers import ClientProcess, Watch, allow_many_files
from benchmarks.serving import Server, command, late, yardstick
from benchmarks.tables import percentile

_FIRST = 100  # streams of the first reading
_MOST = 5000  # each has a connection at both ends
_CLOSER = 3  # readings between the last number that was carried and the first that was not
_SPREAD = 1.0  # seconds in which the streams begin


@dataclass(frozen=True)
class Measured:
    """Milliseconds by which events came late, and the part of one core that the server took."""

    streams: int
    p50: float
    p99: float
    core: float | None


class Measuring(Protocol):
    """Two servers that can be measured."""

    serve: Server
    bare: Server

    def measure(self, server: Server, streams: int) -> Measured:
        """Return how late the events of so many streams came."""


class Limit:
    """Both servers and one client. ``rate``: events a second of one stream; ``events``: how many it has."""

    def __init__(self, rate: float, events: int, workers: int) -> None:
        self.wrong: list[str] = []
        self.readings: list[Measured] = []  # of serve
        self._chunks = sse_chunks(events, 1 / rate)
        self._ends = list(accumulate(len(bare.framed(chunk.data)) for chunk in self._chunks))
        self._seconds = _SPREAD + events / rate
        self._first = 0
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory()))
            with _on_cores(slice(0, workers)):
                more = ("--workers", str(workers)) if workers > 1 else ()
                self.serve = stack.enter_context(command(self._chunks, folder, *more))
                self.bare = stack.enter_context(yardstick(self._chunks))
            with _on_cores(slice(workers, None)):
                self._client = ClientProcess()
            stack.callback(self._client.close)
            self._stack = stack.pop_all()

    def __enter__(self) -> Limit:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def measure(self, server: Server, streams: int) -> Measured:
        """Return how late the events of so many streams came."""
        first, self._first = self._first, self._first + streams
        size = self._ends[-1] + len(bare.LAST_CHUNK)
        before = server.cpu_seconds()
        seen = self._client.do(Watch(server.target, first, streams, size, _SPREAD))
        after = server.cpu_seconds()
        began = server.read_at()
        for number, reads in enumerate(seen, first):
            if reads[-1][1] != size:
                self.wrong.append(f"{server.name}: stream {number} had {reads[-1][1]} bytes, not {size}")
        values = [
            one
            for number, reads in enumerate(seen, first)
            for one in late(self._chunks, self._ends, began[number], reads)
        ]
        used = None if before is None or after is None else (after - before) / self._seconds
        found = Measured(streams, percentile(values, 0.5), percentile(values, 0.99), used)
        if server is self.serve:
            self.readings.append(found)
        return found


@contextmanager
def _on_cores(which: slice) -> Iterator[None]:
    """Have processes that start inside the block run on these of our cores; on all, where there are too few."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(ours)[which] or ours)
    try:
        yield
    finally:
        os.sched_setaffinity(0, ours)


def carried(limit: Measuring, in_time: float, most: int) -> tuple[Measured | None, bool]:
    """Return the reading of the most streams that were carried, and whether the bare server carried more than that."""
    best, bad = most_carried(limit, limit.serve, in_time, most, print)
    if bad > most:
        return best, True
    base = limit.measure(limit.bare, bad)
    print(_row(base, "  bare"), flush=True)
    return best, base.p99 <= in_time


def most_carried(
    limit: Measuring, server: Server, in_time: float, most: int, told: Callable[[str], object] = lambda _: None
) -> tuple[Measured | None, int]:
    """Return the reading of the most streams that a server carried, and the least number that it did not.

    That is above ``most`` where all were carried. ``told`` is called with a line for each reading.
    """
    best, good, bad = None, 0, most + 1
    streams, closer = min(_FIRST, most), _CLOSER
    while good < streams < bad:
        found = limit.measure(server, streams)
        kept = found.p99 <= in_time
        told(_row(found, "" if kept else "  too late"))
        if kept:
            best, good = found, streams
        else:
            bad = streams
        if bad > most:
            streams = min(2 * streams, most)
        else:
            closer -= 1
            streams = (good + bad) // 2 if closer >= 0 else good
    return best, bad


def _row(found: Measured, said: str) -> str:
    core = "" if found.core is None else f"{found.core:8.0%}"
    return f"{found.streams:8,}  {found.p50:8.1f}  {found.p99:8.1f}  {core}{said}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.limit", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rate", type=float, default=10.0, help="events a second of each stream")
    parser.add_argument("--late", type=float, default=20.0, metavar="MS", help="what 99 %% of them may be late")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes of serve")
    parser.add_argument("--most", type=int, default=_MOST, metavar="N", help="streams to try at most")
    parser.add_argument("--quick", action="store_true", help="short streams, for a look")
    options = parser.parse_args(arguments)
    allow_many_files()  # the servers inherit it
    print("orharness.limit", *about().values(), sep="\n", end="\n\n")
    print(f"{options.workers} process(es); each stream has {options.rate:g} events a second")
    print(f"{'streams':>8}  {'p50 ms':>8}  {'p99 ms':>8}  {'a core':>8}", flush=True)
    with Limit(options.rate, 3 if options.quick else 30, options.workers) as limit:
        best, is_ours = carried(limit, options.late, options.most)
    if best is None:
        print(f"\nnot even {min(_FIRST, options.most)} streams have 99 % of their events within {options.late:g} ms")
    else:
        each = f"{best.streams * options.rate:,.0f} events a second"
        print(f"\n{best.streams:,} streams at once, {each}: 99 % of the events at most {best.p99:.1f} ms late")
    for most in sorted((one for one in limit.readings if one.core), key=lambda one: one.streams)[-1:]:
        core = most.core or 1.0
        print(
            f"{most.streams:,} took {core:.0%} of a core: by CPU time alone a core carries {most.streams / core:,.0f}"
        )
    if not is_ours:
        print("the bare server is late there as well: the machine or the client is the limit, not serve")
    for line in limit.wrong:
        print(f"WRONG: {line}")
    return 1 if limit.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
