"""How punctual is ``orharness serve``? ``python -m benchmarks.serving [--quick] [--json FILE]``.

Runs the command as a process of its own, as its users do, and beside it a bare ``asyncio.Protocol`` in another, in
turns (A B A B), because machines are noisy. Both play the same chunks. Measures how late events arrive where many slow
streams run at once, and how many events a server writes in one second of CPU time where nothing is waited for. Ends
with 1 if bytes were missing; times are never judged.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from http.client import HTTPConnection
from itertools import accumulate
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic, time
from urllib.parse import urlsplit

from benchmarks import bare
from benchmarks.fidelity import about, sse_chunks
from benchmarks.readers import CHAT_BODY, NUMBER, ChatTarget, ClientProcess, Target, Watch, allow_many_files
from benchmarks.tables import Table, percentile
from orharness.cassette import Interaction, RecordedRequest, save
from orharness.frames import SSE
from orharness.processes import end_group, own_group
from orharness.server.thread import ServerThread
from orharness.stream import Chunk, Stream

TICK = 0.1  # seconds between two events of a stream
_PATH = "/v1/chat/completions"
_AT_ONCE = 20  # streams of a reading without delays: CPU time is counted in hundredths of a second
_STOP = 10.0  # seconds for a server to end


@dataclass(frozen=True)
class Sizes:
    """How much of everything. ``events``: of each slow stream; ``fast``: of each stream without delays.

    ``spread``: seconds in which the slow streams begin. Where all begin in one moment, each waits for all the others.
    """

    streams: int = 500
    spread: float = 1.0
    events: int = 50
    rounds: int = 2
    fast: int = 5000
    readings: int = 5


QUICK = Sizes(streams=20, events=5, rounds=1, fast=500, readings=1)


@dataclass(frozen=True)
class Server:
    """A server in a process of its own. ``read_at``: the monotonic moments at which it had read each request."""

    name: str
    target: Target
    pid: int
    read_at: Callable[[], dict[int, float]]

    def cpu_seconds(self) -> float | None:
        """CPU time of the process and its workers so far, user and system; ``None`` where there is no ``/proc``."""
        with suppress(OSError):
            workers = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text("utf-8").split()
            return sum(_cpu_ticks(one) for one in (str(self.pid), *workers)) / os.sysconf("SC_CLK_TCK")
        return None


def _cpu_ticks(process: str) -> int:
    fields = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@contextmanager
def command(chunks: Sequence[Chunk], folder: Path, *more: str) -> Iterator[Server]:
    """``orharness serve`` with a cassette of these chunks, and ``more`` arguments."""
    headers = (("Content-Type", SSE.content_type),)
    request = RecordedRequest("POST", f"http://127.0.0.1{_PATH}", body=CHAT_BODY)
    cassette = folder / f"{len(chunks)}.yaml"
    save(cassette, [Interaction(request, headers=headers, stream=Stream(tuple(chunks)))])
    arguments = [sys.executable, "-m", "orharness", "serve", str(cassette), *more]
    with _started(arguments) as (process, line):
        port = urlsplit(line).port or 0
        yield Server("orharness serve", ChatTarget(port, _PATH), process.pid, lambda: _journal(port))


@contextmanager
def yardstick(chunks: Sequence[Chunk]) -> Iterator[Server]:
    """The bare protocol, each chunk by ``loop.call_at``."""
    delay = chunks[0].delay
    arguments = [sys.executable, "-c", f"from benchmarks import serving; serving.be_bare({len(chunks)}, {delay})"]
    with _started(arguments) as (process, line):
        yield Server("bare", Target(int(line), "/"), process.pid, lambda: _asked(process))


def be_bare(events: int, delay: float) -> None:
    """The yardstick's process: prints its port, and for each line of stdin the moments of its requests as JSON."""
    allow_many_files()
    thread = ServerThread().start()
    server = bare.BareServer(thread, {"/": bare.by_deadline(sse_chunks(events, delay))}).start()
    print(server.port, flush=True)
    for _ in sys.stdin:
        print(json.dumps(server.read_at), flush=True)
    server.close()
    thread.stop()


@contextmanager
def _started(arguments: Sequence[str]) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The process and its first line."""
    process = subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **own_group()
    )
    try:
        with process:
            assert process.stdout is not None
            line = process.stdout.readline().decode().strip()
            if not line:
                raise RuntimeError(f"{' '.join(arguments)} did not start")
            yield process, line
            end_group(process, _STOP)
    finally:
        end_group(process, 0)


def _asked(process: subprocess.Popen[bytes]) -> dict[int, float]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"\n")
    process.stdin.flush()
    return {int(number): moment for number, moment in json.loads(process.stdout.readline()).items()}


def _journal(port: int) -> dict[int, float]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/_orharness/journal")
    exchanges = json.load(connection.getresponse())["exchanges"]
    connection.close()
    to_monotonic = monotonic() - time()  # the journal has the time of day
    moments = ((one["request"]["headers"][NUMBER], one["started_at"]) for one in exchanges)
    return {int(number): datetime.fromisoformat(began).timestamp() + to_monotonic for number, began in moments}


class Bench:
    """Both servers, one client, and a list of what must not be."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.chunks = chunks
        self.ends = list(accumulate(len(bare.framed(chunk.data)) for chunk in chunks))
        self.wrong: list[str] = []
        self._first = 0
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory()))
            self.servers = [stack.enter_context(command(chunks, folder)), stack.enter_context(yardstick(chunks))]
            self._client = ClientProcess()
            stack.callback(self._client.close)
            self._stack = stack.pop_all()

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def watch(self, server: Server, streams: int, spread: float) -> dict[int, list[tuple[float, int]]]:
        """What came of so many streams, by their numbers."""
        first, self._first = self._first, self._first + streams
        size = self.ends[-1] + len(bare.LAST_CHUNK)
        seen = self._client.do(Watch(server.target, first, streams, size, spread))
        for number, reads in enumerate(seen, first):
            if reads[-1][1] != size:
                self.wrong.append(f"{server.name}: stream {number} had {reads[-1][1]} bytes, not {size}")
        return dict(enumerate(seen, first))

    def late(self, began: float, reads: list[tuple[float, int]]) -> Iterator[float]:
        """Milliseconds by which each chunk's last byte came after its deadline."""
        return late(self.chunks, self.ends, began, reads)


def late(chunks: Sequence[Chunk], ends: Sequence[int], began: float, reads: list[tuple[float, int]]) -> Iterator[float]:
    """Yield the milliseconds by which each chunk's last byte came after its deadline. ``ends``: offsets on the wire."""
    due, coming = began, iter(reads)
    moment, position = next(coming)
    for end, chunk in zip(ends, chunks, strict=True):
        due += chunk.delay
        while position < end:
            moment, position = next(coming)
        yield (moment - due) * 1e3


def lateness(sizes: Sizes, wrong: list[str]) -> Table:
    """Many slow streams at once."""
    table = Table(
        "1",
        f"Lateness of {sizes.streams} streams, {sizes.events} events each, one every {TICK:g} s, in milliseconds",
        ("server", "samples", "p50", "p99", "max", "CPU seconds"),
        (
            "lateness: arrival at the client (raw socket, after recv) minus the deadline: when the server had read",
            f"the request, plus the delays. The requests are sent evenly over {sizes.spread:g} s, so the streams end",
            "over that time as well, while others still run. All rounds together. CPU seconds: those that the server's",
            "process took for all of it; a busy machine changes them little.",
        ),
    )
    with Bench(sse_chunks(sizes.events, TICK)) as bench:
        late: dict[str, list[float]] = {server.name: [] for server in bench.servers}
        used = dict.fromkeys(late, 0.0)
        for _ in range(sizes.rounds):
            for server in bench.servers:
                before = server.cpu_seconds()
                seen = bench.watch(server, sizes.streams, sizes.spread)
                used[server.name] += (server.cpu_seconds() or 0.0) - (before or 0.0)
                began = server.read_at()
                for number, reads in seen.items():
                    late[server.name] += bench.late(began[number], reads)
        wrong += bench.wrong
    for name, values in late.items():
        row = (percentile(values, 0.5), percentile(values, 0.99), max(values), used[name] or None)
        table.rows.append((name, len(values), *row))
    return table


def throughput(sizes: Sizes, wrong: list[str]) -> Table:
    """Streams without delays."""
    table = Table(
        "2",
        f"Events a CPU-second in `recorded`, {sizes.fast} events a stream without delays",
        ("server", "events", "CPU seconds", "events a CPU-second"),
        ("CPU seconds: user and system time of the server's process, median of the readings after the first.",),
    )
    with Bench(sse_chunks(sizes.fast)) as bench:
        spent: dict[str, list[float]] = {server.name: [] for server in bench.servers}
        for turn in range(sizes.readings + 1):
            for server in bench.servers:
                before = server.cpu_seconds()
                bench.watch(server, _AT_ONCE, 0.0)
                after = server.cpu_seconds()
                if turn and before is not None and after is not None:
                    spent[server.name].append(after - before)
        wrong += bench.wrong
    events = _AT_ONCE * sizes.fast
    for name, seconds in spent.items():
        used = median(seconds) if seconds else None
        table.rows.append((name, events, used, events / used if used else None))
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a few seconds, for a look; too few samples for a claim")
    parser.add_argument("--streams", type=int, metavar="N", help="how many slow streams run at once")
    parser.add_argument("--spread", type=float, metavar="SECONDS", help="the time in which they begin; 1 by default")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there, too")
    options = parser.parse_args(arguments)
    sizes = QUICK if options.quick else Sizes()
    asked = {name: value for name in ("streams", "spread") if (value := getattr(options, name)) is not None}
    sizes = replace(sizes, **asked)
    allow_many_files()  # the servers inherit it
    described = about()
    print("orharness.serving" + " (quick)" * options.quick, *described.values(), sep="\n", end="\n\n", flush=True)
    wrong: list[str] = []
    tables = []
    for measure in (lateness, throughput):
        tables.append(measure(sizes, wrong))
        print(tables[-1], flush=True)
    for line in wrong:
        print(f"WRONG: {line}")
    if options.json is not None:
        results = {"about": described, "tables": [table.as_dicts() for table in tables], "wrong": wrong}
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
