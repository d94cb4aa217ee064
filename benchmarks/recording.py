"""What does recording cost a stream? ``python -m benchmarks.recording [--quick] [--json FILE]``.

A server, ``orharness record`` and the client are processes of their own. Each reading through the recorder has beside
it one over a direct connection and one through a bare proxy, which forwards bytes and does nothing else, in turns,
because machines are noisy: what the bare proxy adds is the price of any process in between on that machine. So is what
socat adds, a relay in C, if it is installed. Each event
says when it was written, on the clock that all processes of a machine share (``CLOCK_MONOTONIC``), so the delay of an
event is known, and what the recorder adds is the difference. Memory is the peak of the recorder (``VmHWM``), Linux
only. Ends with 1 if bytes were missing; times are never judged.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import cast
from urllib.parse import parse_qs, urlsplit

from benchmarks.bare import HEAD, LAST_CHUNK, framed
from benchmarks.fidelity import about
from benchmarks.tables import Table, percentile
from orharness.cassette import load

_WRITTEN = re.compile(rb'"t": ([\d.]+)')
_EVENT = b'data: {"choices": [{"delta": {"content": "word "}}], "t": %.7f}\n\n'
_PIECE = 16_384  # bytes of a chunk of the big answer
_PATIENCE = 300.0  # seconds
_MODULE = "benchmarks.recording"
WAYS = DIRECT, BARE, RECORDED = "direct", "a bare proxy", "orharness"
SOCAT = "socat"


@dataclass(frozen=True)
class Sizes:
    """How much of everything. ``tick``: seconds between two events; ``saved``: chunks of the answer saved meanwhile."""

    rounds: int = 3
    events: int = 200
    tick: float = 0.02
    streams: int = 50
    requests: int = 200
    small: int = 20_000
    saved: int = 6000
    big: int = 100_000_000


QUICK = Sizes(rounds=1, events=10, streams=5, requests=5, small=500, saved=300, big=2_000_000)


# --- the server ---------------------------------------------------------------------------------------------------


class Upstream(asyncio.Protocol):
    """Answers ``POST /v1/…?events=N&tick=S``, and ``?bytes=N``, as an event stream."""

    def __init__(self) -> None:
        self._request = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = cast(asyncio.Transport, transport)
        self._free = asyncio.Event()
        self._free.set()

    def pause_writing(self) -> None:
        self._free.clear()

    def resume_writing(self) -> None:
        self._free.set()

    def data_received(self, data: bytes) -> None:
        self._request += data
        if b"\r\n\r\n" not in self._request or not self._request.endswith(b"{}"):
            return
        asked = parse_qs(urlsplit(self._request.split(b" ", 2)[1].decode()).query)
        self._request = b""
        self._wire.write(HEAD)
        if "bytes" in asked:
            self._task = asyncio.create_task(self._big(int(asked["bytes"][0])))
        else:
            self._next(int(asked["events"][0]), float(asked["tick"][0]), monotonic())

    def _next(self, left: int, tick: float, due: float) -> None:
        while left:
            self._wire.write(
                framed(b'data: {"choices": [{"delta": {"content": "word "}}], "t": %.7f}\n\n' % monotonic())
            )
            left, due = left - 1, due + tick
            if tick:
                asyncio.get_running_loop().call_at(due, self._next, left, tick, due)
                return
        self._wire.write(framed(b"data: [DONE]\n\n") + LAST_CHUNK)

    async def _big(self, size: int) -> None:
        piece = framed(b"data: " + b"word " * ((_PIECE - 8) // 5) + b"\n\n")
        for _ in range(size // _PIECE):
            await self._free.wait()
            self._wire.write(piece)
        self._wire.write(framed(b"data: [DONE]\n\n") + LAST_CHUNK)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await asyncio.Event().wait()


class Forward(asyncio.Protocol):
    """One end of a connection through the bare proxy: what comes goes to the other end, which ``to`` connects."""

    def __init__(self, to: tuple[str, int] | None, other: Forward | None = None) -> None:
        self._to = to
        self._other = other
        self._early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire = cast(asyncio.Transport, transport)
        if self._to is not None:
            self._task = asyncio.create_task(self._connect(*self._to))

    async def _connect(self, host: str, port: int) -> None:
        _, self._other = await asyncio.get_running_loop().create_connection(lambda: Forward(None, self), host, port)
        self._other.wire.write(self._early)

    def data_received(self, data: bytes) -> None:
        if self._other is None:
            self._early += data
        else:
            self._other.wire.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._other is not None:
            self._other.wire.close()


async def _forward(to: str) -> None:
    address = urlsplit(to)
    there = str(address.hostname), int(address.port or 0)
    server = await asyncio.get_running_loop().create_server(lambda: Forward(there), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await asyncio.Event().wait()


# --- the client ---------------------------------------------------------------------------------------------------


@dataclass
class Reading:
    """What one request saw, in seconds: ``head`` from the request to its first byte, ``delays`` of the events."""

    head: float = 0.0
    delays: list[float] = field(default_factory=list)
    size: int = 0
    lasted: float = 0.0


class Reader(asyncio.Protocol):
    """Asks once, and reads to the last chunk. One connection for each request, as a client that knows no pool."""

    def __init__(self, query: str, reading: Reading, done: asyncio.Future[None], *, timed: bool) -> None:
        self._query, self._reading, self._done, self._timed = query, reading, done, timed
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = cast(asyncio.Transport, transport)
        self._began = monotonic()
        lines = f"POST /v1/chat/completions?{self._query} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{{}}"
        self._wire.write(lines.encode())

    def data_received(self, data: bytes) -> None:
        now = monotonic()
        if not self._reading.size:
            self._reading.head = now - self._began
        self._reading.size += len(data)
        if self._timed:
            self._reading.delays += [now - float(found) for found in _WRITTEN.findall(data)]
        self._tail = (self._tail + data[-5:])[-5:]
        if self._tail == LAST_CHUNK:
            self._reading.lasted = now - self._began
            self._wire.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(None)


async def ask(base_url: str, query: str, *, timed: bool = True) -> Reading:
    """Ask once. ``timed``: the delays of the events are wanted."""
    reading, address, loop = Reading(), urlsplit(base_url), asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    host, port = str(address.hostname), int(address.port or 0)
    await loop.create_connection(lambda: Reader(query, reading, done, timed=timed), host, port)
    await asyncio.wait_for(done, _PATIENCE)
    return reading


# --- processes ----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A process of ours that prints its base URL."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert started.stdout is not None
    try:
        yield started, (await started.stdout.readline()).decode().strip()
    finally:
        with suppress(ProcessLookupError):
            started.terminate()
        await started.wait()


def recorder(upstream: str, to: Path) -> tuple[str, ...]:
    """The command of a recorder."""
    return ("orharness", "record", "--upstream", upstream, "--to", str(to), "--overwrite")


def peak(pid: int) -> float:
    """The most memory, in MB, that a process and its children have had at once (the sum of their peaks)."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(found[1]) / 1000 + sum(peak(int(child)) for child in children) if found else 0.0


async def until_saved(to: Path, number: int) -> None:
    """Wait until the cassette has that many interactions."""
    async with asyncio.timeout(_PATIENCE):
        while _saved(to) < number:  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.1)


def _saved(to: Path) -> int:
    with suppress(FileNotFoundError), to.open("rb") as file:
        found = re.search(rb"interactions: (\d+)\n", file.read())
        return int(found[1]) if found else 0
    return 0


# --- what is measured ---------------------------------------------------------------------------------------------


@dataclass
class Bench:
    """An upstream, a recorder in front of it, and how much of everything."""

    sizes: Sizes
    upstream: str
    folder: Path
    whole: bool = True

    async def streams(self, base_url: str, number: int, *, saving: bool = False) -> list[Reading]:
        """So many streams at once; ``saving``: and another answer, which ends in the middle of them."""
        sizes = self.sizes
        query = f"events={sizes.events}&tick={sizes.tick}"
        asked = [asyncio.create_task(ask(base_url, query)) for _ in range(number)]
        if saving:
            await asyncio.sleep(sizes.events * sizes.tick / 4)
            await ask(base_url, f"events={sizes.saved}&tick=0", timed=False)
        found = await asyncio.gather(*asked)
        self.whole &= all(len(one.delays) == sizes.events for one in found)
        return found

    @asynccontextmanager
    async def ways(self, to: Path) -> AsyncIterator[dict[str, str]]:
        """The base URLs of the three ways to the upstream, by their names. ``to``: the cassette of the recorder."""
        async with (
            process(_MODULE, "--forward", self.upstream) as (_, bare),
            process(*recorder(self.upstream, to)) as (_, recorded),
        ):
            yield {DIRECT: self.upstream, BARE: bare, RECORDED: recorded}

    @contextmanager
    def by_socat(self) -> Iterator[dict[str, str]]:
        """The base URL of the way through socat, a bare proxy in C; none where it is not installed."""
        command = shutil.which(SOCAT)
        if command is None:
            yield {}
            return
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        there = urlsplit(self.upstream)
        ends = f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,nodelay", f"TCP:127.0.0.1:{there.port},nodelay"
        running = subprocess.Popen([command, *ends])
        try:
            while not _listens(port):
                sleep(0.01)
            yield {SOCAT: f"http://127.0.0.1:{port}{there.path}"}
        finally:
            running.terminate()
            running.wait()

    async def delays(self) -> Table:
        """The delay of events, directly, through a bare proxy and through the recorder."""
        notes = ("milliseconds from the write of an event to its read; added: the difference to the direct connection",)
        columns = ("streams", "by way of", "p50", "p99", "added p50", "added p99")
        table = Table("A", "The delay of an event", columns, notes)
        for number, saving in ((1, False), (self.sizes.streams, False), (self.sizes.streams, True)):
            found: dict[str, list[float]] = {}
            for turn in range(self.sizes.rounds):
                to = self.folder / f"{number}-{saving}-{turn}.yaml"
                async with self.ways(to) as ways:
                    with self.by_socat() as in_c:
                        for name, url in {**ways, **in_c}.items():
                            for one in await self.streams(url, number, saving=saving):
                                found.setdefault(name, []).extend(one.delays)
            label = f"{number}{f', while {self.sizes.saved:,} chunks are saved' if saving else ''}"
            direct = [percentile(found[DIRECT], part) * 1000 for part in (0.5, 0.99)]
            for name, delays in found.items():
                p50, p99 = (percentile(delays, part) * 1000 for part in (0.5, 0.99))
                table.rows.append((label, name, p50, p99, p50 - direct[0], p99 - direct[1]))
        return table

    async def heads(self) -> Table:
        """The first byte of the answer, and small events without delays, by each way."""
        table = Table("B", "The first byte of an answer, and small events", ("what", *WAYS, "compared"))
        sizes = self.sizes
        heads: dict[str, list[float]] = {name: [] for name in WAYS}
        rates = dict.fromkeys(WAYS, 0.0)
        async with self.ways(self.folder / "heads.yaml") as ways:
            for _ in range(sizes.requests):
                for name, url in ways.items():
                    heads[name].append((await ask(url, "events=1&tick=0")).head)
            for _ in range(sizes.rounds):
                for name, url in ways.items():
                    found = await ask(url, f"events={sizes.small}&tick=0", timed=False)
                    rates[name] = max(rates[name], sizes.small / found.lasted)
        for part in (0.5, 0.99):
            found_heads = [percentile(heads[name], part) * 1000 for name in WAYS]
            added = found_heads[2] - found_heads[0]
            table.rows.append((f"first byte, p{part * 100:.0f}, ms", *found_heads, f"{added:+.3f}"))
        share = rates[RECORDED] / rates[DIRECT]
        table.rows.append(("small events a second", *(int(rates[name]) for name in WAYS), f"x {share:.2f}"))
        return table

    async def memory(self) -> Table:
        """The peak of the recorder while a big answer passes and is saved."""
        table = Table("C", "Memory", ("what", "MB"))
        to = self.folder / "big.yaml"
        async with process(*recorder(self.upstream, to)) as (running, base_url):
            await ask(base_url, "events=1&tick=0")
            await until_saved(to, 1)
            table.rows.append(("the recorder, after one small answer", peak(running.pid)))
            direct = await ask(self.upstream, f"bytes={self.sizes.big}", timed=False)
            recorded = await ask(base_url, f"bytes={self.sizes.big}", timed=False)
            table.rows.append((f"{self.sizes.big / 1e6:.0f} MB have passed", peak(running.pid)))
            await until_saved(to, 2)
            table.rows.append(("... and are saved", peak(running.pid)))
        self.whole &= abs(direct.size - recorded.size) < 1000  # the heads differ
        if self.sizes is QUICK:
            self.whole &= len(load(to)[1].stream.body) >= self.sizes.big - _PIECE
        return table


def _listens(port: int) -> bool:
    """Whether a server listens there. It is asked by its state: a connection would make it call the upstream."""
    listening = f"0100007F:{port:04X} 00000000:0000 0A"
    return listening in Path("/proc/net/tcp").read_text("ascii")


async def measure(sizes: Sizes) -> tuple[list[Table], bool]:
    """All tables, and whether nothing was missing."""
    tables = []
    with TemporaryDirectory() as folder:
        async with process(_MODULE, "--serve") as (_, upstream):
            bench = Bench(sizes, upstream, Path(folder))
            for table in (bench.delays, bench.heads, bench.memory):
                tables.append(await table())
                print(tables[-1], flush=True)
    return tables, bench.whole


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recording", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a few seconds, for a look; too few samples for a claim")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there, too")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--forward", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve or options.forward:
        with suppress(KeyboardInterrupt):
            asyncio.run(_serve() if options.serve else _forward(options.forward))
        return 0
    described = about()
    print("orharness.recording" + " (quick)" * options.quick, *described.values(), sep="\n", end="\n\n", flush=True)
    tables, whole = asyncio.run(measure(QUICK if options.quick else Sizes()))
    if options.json:
        options.json.write_text(json.dumps({**described, "tables": [table.as_dicts() for table in tables]}, indent=1))
    if not whole:
        print("events or bytes were missing")
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
