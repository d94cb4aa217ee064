"""How faithful is the server? ``python -m benchmarks.fidelity [--quick] [--json FILE]``.

Measures boundaries, timing and the noticing of disconnects, each beside a bare ``asyncio.Protocol`` in the same loop
and in turns with it (A B A B), because machines are noisy. Clients run in processes of their own. Ends with 1 if bytes
were wrong, an outcome was wrong, or a boundary that was called proven had not been seen by the client; times are never
judged.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from importlib.metadata import version
from itertools import accumulate, count
from pathlib import Path
from statistics import median
from time import monotonic, sleep
from typing import Any

from benchmarks import bare
from benchmarks.readers import CLIENTS, ClientProcess, Leave, Read, Reading, Target, Watch, allow_many_files
from benchmarks.tables import Table, percentile
from orharness.journal import How, Outcome, Pacing
from orharness.scenario import Reply
from orharness.server.exchange import LiveExchange
from orharness.server.facade import SseServer
from orharness.server.handles import LiveRoute
from orharness.server.thread import ServerThread
from orharness.stream import Chunk, Stream
from orharness.transforms import hold

_NAP = 0.002
_TICK = 0.02  # seconds between two events whose timing is measured
_WRITING = 0.005  # seconds between two chunks while a disconnect is waited for
_SEEN_WITHIN = 20.0  # seconds, at most, from a close to a server's knowing, where every core is busy
_FILES_BESIDE = 200  # open files other than connections of the crowd


@dataclass(frozen=True)
class Sizes:
    """How much of everything. ``chunks`` and ``rounds`` by pacing; ``timed``: rounds by number of streams."""

    chunks: dict[Pacing, int]
    rounds: dict[Pacing, int]
    napping: int = 200
    fast: int = 10_000
    events: int = 50
    timed: dict[int, int] = field(default_factory=lambda: {1: 10, 100: 3})
    closes: int = 300
    crowd: int = 1000


FULL = Sizes(
    {Pacing.LOCKSTEP: 1000, Pacing.RECORDED: 100, Pacing.INSTANT: 5000},
    {Pacing.LOCKSTEP: 5, Pacing.RECORDED: 5, Pacing.INSTANT: 11},
)
QUICK = Sizes(
    {Pacing.LOCKSTEP: 200, Pacing.RECORDED: 20, Pacing.INSTANT: 500},
    {Pacing.LOCKSTEP: 1, Pacing.RECORDED: 1, Pacing.INSTANT: 3},
    napping=50,
    fast=1000,
    events=10,
    timed={1: 2, 100: 1},
    closes=30,
    crowd=100,
)


def sse_chunks(number: int, delay: float = 0.0) -> tuple[Chunk, ...]:
    """Events as a model sends them, all of one size."""
    texts = (b'data: {"choices":[{"index":0,"delta":{"content":" token %06d"}}]}\n\n' % i for i in range(number))
    return tuple(Chunk(text, delay) for text in texts)


@dataclass(frozen=True)
class Scene:
    """One path, served by both: what it asks for, our route, and where both are found."""

    chunks: tuple[Chunk, ...]
    route: LiveRoute
    ours: Target
    bare: Target

    def live(self) -> dict[int, LiveExchange]:
        """Our exchanges by the number of their request."""
        return {int(live.request.parameters["n"]): live for live in self.route.exchanges}


class Bench:
    """Both servers in one loop, the clients, and a list of what must not be."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes
        self.wrong: list[str] = []
        self._numbers = count()
        self._stack = ExitStack()
        self._thread = ServerThread().start()
        self._stack.callback(self._thread.stop)
        self._server = self._stack.enter_context(SseServer(self._thread))
        self._bare = bare.BareServer(self._thread, {}).start()
        self._stack.callback(self._bare.close)
        self.clients = {client: ClientProcess() for client in CLIENTS}
        for process in self.clients.values():
            self._stack.callback(process.close)

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def scene(self, path: str, chunks: tuple[Chunk, ...], pacing: Pacing, plan: bare.Plan, **options: Any) -> Scene:
        """Puts a stream on both servers."""
        route = self._server.get(path).replies(Reply.stream(Stream(chunks), pacing=pacing, **options))
        self._bare.plans[path] = plan
        return Scene(chunks, route, Target(self._server.port, path), Target(self._bare.port, path))

    def numbers(self, many: int = 1) -> int:
        """So many numbers of requests; the first of them."""
        first = next(self._numbers)
        for _ in range(many - 1):
            next(self._numbers)
        return first

    def bare_read_at(self, number: int) -> float:
        """When the bare server had read that request."""
        return self._bare.read_at[number]

    def bare_left_at(self, number: int) -> float:
        """When the bare server saw that client leave; waits until it has. Raises ``TimeoutError`` if it never does."""
        deadline = monotonic() + _SEEN_WITHIN
        while (left := self._bare.left_at.get(number)) is None:
            if monotonic() > deadline:
                raise TimeoutError(f"the bare server did not see close {number} in {_SEEN_WITHIN:g} s")
            sleep(0.001)
        return left

    def check(self, good: bool, otherwise: str) -> None:
        """Notes what must not be."""
        if not good:
            self.wrong.append(otherwise)


# --- 1. boundaries ----------------------------------------------------------------------------------------------------

_BARE_PLANS = {Pacing.LOCKSTEP: bare.by_turns, Pacing.RECORDED: bare.by_deadline, Pacing.INSTANT: bare.at_once}
_RECORDED_DELAY = 0.002


def boundaries(bench: Bench) -> Table:
    """Each pacing with each client."""
    table = Table(
        "1",
        "Boundaries and speed",
        ("pacing", "client", "asked", "proven", "seen", "bare seen", "us/chunk", "bare us/chunk", "speed"),
        (
            "asked: chunk ends in the streams, all rounds together; proven: those that our journal says the client",
            "observed; seen: those where a piece of the client ended (recv, iter_raw, iter_content(None), iter_any).",
            "httpx and requests cut what they read at HTTP chunks again, so only the raw socket and aiohttp can tell.",
            "us/chunk: microseconds from the request to the last chunk / chunks, in the client, median of the rounds.",
            "speed: bare us / our us, median over pairs (above 1 = faster than bare). The bare server writes the same",
            "framed chunks and never asks who has read: beside lockstep one in each turn of its loop (call_soon), by",
            f"recorded ({_RECORDED_DELAY * 1000:g} ms a chunk) by call_at, by instant all in one turn.",
        ),
    )
    for pacing in Pacing:
        delay = _RECORDED_DELAY if pacing is Pacing.RECORDED else 0.0
        chunks = sse_chunks(bench.sizes.chunks[pacing], delay)
        scene = bench.scene(f"/{pacing}", chunks, pacing, _BARE_PLANS[pacing](chunks))
        for client in CLIENTS:
            pairs = _read_in_turns(bench, scene, client, bench.sizes.rounds[pacing])
            table.rows.append((pacing.value, client, *_boundary_row(pairs, len(chunks))))
    return table


@dataclass(frozen=True)
class _Seen:
    proven: int
    seen: int
    bare_seen: int
    seconds: float
    bare_seconds: float


def _boundary_row(pairs: Sequence[_Seen], chunks: int) -> tuple[Any, ...]:
    each = 1e6 / chunks
    return (
        len(pairs) * chunks,
        sum(pair.proven for pair in pairs),
        sum(pair.seen for pair in pairs),
        sum(pair.bare_seen for pair in pairs),
        median(pair.seconds for pair in pairs) * each,
        median(pair.bare_seconds for pair in pairs) * each,
        median(pair.bare_seconds / pair.seconds for pair in pairs),
    )


def _read_in_turns(bench: Bench, scene: Scene, client: str, rounds: int) -> list[_Seen]:
    pairs = []
    for turn in range(rounds + 1):
        number = bench.numbers()
        ours = bench.clients[client].do(Read(client, scene.ours, number))
        theirs = bench.clients[client].do(Read(client, scene.bare, number))
        proven = _judge_reading(bench, scene, client, number, ours)
        if turn:  # the first round imports, connects and warms up
            seen, bare_seen = (len(_seen(scene, client, one)) for one in (ours, theirs))
            pairs.append(_Seen(proven, seen, bare_seen, ours.seconds, theirs.seconds))
    return pairs


def _wire_ends(scene: Scene) -> list[int]:
    return list(accumulate(len(bare.framed(chunk.data)) for chunk in scene.chunks))


def _seen(scene: Scene, client: str, reading: Reading) -> set[int]:
    asked = _wire_ends(scene) if client == "raw socket" else accumulate(len(chunk.data) for chunk in scene.chunks)
    return set(reading.ends).intersection(asked)


def _judge_reading(bench: Bench, scene: Scene, client: str, number: int, reading: Reading) -> int:
    """Notes what is wrong with one reading of ours; returns how many boundaries the journal calls proven."""
    live = scene.live()[number]
    what = f"{client} on {scene.ours.path}, request {number}"
    outcome = live.decided.result(_SEEN_WITHIN)
    proven = live.snapshot().boundaries.proven
    seen = len(_seen(scene, client, reading))
    bench.check(bool(outcome.finished), f"{what}: outcome {outcome} of a response that was read to its end")
    bench.check(reading.digest == _digest(scene, client), f"{what}: the bytes are not those of the stream")
    bench.check(proven <= seen, f"{what}: {proven} boundaries are called proven, {seen} were seen")
    return proven


def _digest(scene: Scene, client: str) -> bytes:
    raw = client == "raw socket"
    pieces = [bare.framed(chunk.data) if raw else chunk.data for chunk in scene.chunks]
    return sha256(b"".join([*pieces, bare.LAST_CHUNK if raw else b""])).digest()


def claims(bench: Bench) -> Table:
    """The two claims on lockstep."""
    table = Table(
        "1b",
        "Two claims on lockstep, with a raw socket",
        ("client", "chunks", "proven", "reads", "seen", "us/chunk"),
        ("reads: recv calls that returned bytes of chunks; columns otherwise as in 1.",),
    )
    for name, path, chunks, nap in (
        (f"sleeps {_NAP * 1000:g} ms a read", "/nap", sse_chunks(bench.sizes.napping), _NAP),
        ("reads at once", "/fast", sse_chunks(bench.sizes.fast), 0.0),
    ):
        scene = bench.scene(path, chunks, Pacing.LOCKSTEP, bare.by_turns(chunks))
        number = bench.numbers()
        reading = bench.clients["raw socket"].do(Read("raw socket", scene.ours, number, nap))
        proven = _judge_reading(bench, scene, "raw socket", number, reading)
        last = _wire_ends(scene)[-1]
        reads = sum(0 < end <= last for end in reading.ends)
        seen = len(_seen(scene, "raw socket", reading))
        table.rows.append((name, len(chunks), proven, reads, seen, reading.seconds / len(chunks) * 1e6))
    return table


# --- 2. timing --------------------------------------------------------------------------------------------------------


def timing(bench: Bench) -> Table:
    """How late do events come?"""
    events = bench.sizes.events
    chunks = sse_chunks(events, _TICK)
    scene = bench.scene("/timed", chunks, Pacing.RECORDED, bare.by_deadline(chunks))
    table = Table(
        "2",
        f"Timing error in `recorded`: {events} events {_TICK * 1000:g} ms apart, in milliseconds",
        ("streams", "samples", "p50", "p99", "drift", "bare p50", "bare p99", "bare drift", "p50 ratio", "p99 ratio"),
        (
            "error: arrival at the client (raw socket, after recv) minus the deadline: when the server had read",
            "the request, plus the delays. drift: the last event's error minus the first's, median of the streams.",
            "(asyncio rounds waits up to whole milliseconds, so errors vary within 1 ms: that is not drift.)",
            "bare: one loop.call_at an event, on the same absolute deadlines. ratio: ours / bare, below 1 is better.",
            "Many streams: all connections are made, then their requests are sent one after the other without a pause.",
        ),
    )
    for streams, rounds in bench.sizes.timed.items():
        ours: list[list[float]] = []
        theirs: list[list[float]] = []
        for _ in range(rounds):
            first = bench.numbers(streams)
            arrived = _watch(bench, scene, scene.ours, first, streams)
            live = scene.live()
            ours += [_errors(scene, live[first + i].started, seen) for i, seen in enumerate(arrived)]
            arrived = _watch(bench, scene, scene.bare, first, streams)
            theirs += [_errors(scene, bench.bare_read_at(first + i), seen) for i, seen in enumerate(arrived)]
        for number, live_one in scene.live().items():
            outcome = live_one.decided.result(_SEEN_WITHIN)
            bench.check(bool(outcome.finished), f"timed stream {number}: outcome {outcome}")
        ours_row, bare_row = _timing_row(ours), _timing_row(theirs)
        ratios = (ours_row[0] / bare_row[0], ours_row[1] / bare_row[1])
        table.rows.append((streams, len(ours) * events, *ours_row, *bare_row, *ratios))
    return table


def _watch(bench: Bench, scene: Scene, target: Target, first: int, streams: int) -> list[list[tuple[float, int]]]:
    size = _wire_ends(scene)[-1] + len(bare.LAST_CHUNK)
    return bench.clients["raw socket"].do(Watch(target, first, streams, size))


def _errors(scene: Scene, began: float, seen: list[tuple[float, int]]) -> list[float]:
    """Milliseconds by which each chunk's last byte came after its deadline."""
    deadlines = accumulate((chunk.delay for chunk in scene.chunks), initial=began)
    next(deadlines)
    reads = iter(seen)
    moment, position = next(reads)
    errors = []
    for end, deadline in zip(_wire_ends(scene), deadlines, strict=True):
        while position < end:
            moment, position = next(reads)
        errors.append((moment - deadline) * 1e3)
    return errors


def _timing_row(streams: list[list[float]]) -> tuple[float, float, float]:
    errors = [error for stream in streams for error in stream]
    drift = median(stream[-1] - stream[0] for stream in streams)
    return percentile(errors, 0.5), percentile(errors, 0.99), drift


# --- 3. leaving -------------------------------------------------------------------------------------------------------


def leaving(bench: Bench) -> Table:
    """How soon is a close noticed?"""
    crowd = max(0, min(bench.sizes.crowd, (allow_many_files() - _FILES_BESIDE) // 2))
    few = sse_chunks(2)
    many = sse_chunks(200, _WRITING)
    idle = bench.scene("/idle", few, Pacing.RECORDED, bare.held(few[0]), through=[hold(chunks=1)])
    writing = bench.scene("/writing", many, Pacing.RECORDED, bare.by_deadline(many))
    table = Table(
        "3",
        "From the client's close() to the server's knowing, in microseconds",
        ("stream", "sends", "closes", "seen as", "p50", "p99", "bare p50", "bare p99", "p50 ratio", "p99 ratio"),
        (
            "The client is a raw socket; its moment is taken before it calls close(), the server's when its protocol",
            "is told (ours: the exchange's left_after; bare: eof_received or connection_lost, whichever is first).",
            f"idle: held at a gate after one chunk; writing: `recorded`, a chunk every {_WRITING * 1000:g} ms.",
            "sends: what close() sends, RST by SO_LINGER at zero. seen as: how the journal says they left (a plain",
            "close over unread bytes sends RST, too). ratio: ours / bare, in the same run and in turns.",
        ),
    )
    for name, scene, chunks, spread, crowded in (
        ("idle", idle, 1, 0.0, 0),
        ("writing", writing, 2, _WRITING, 0),
        (f"idle, {crowd} idle beside it on each server", idle, 1, 0.0, crowd),
    ):
        for sends in How.FIN, How.RST:
            leave = partial(Leave, (scene.ours, scene.bare), chunks=chunks, spread=spread, reset=sends is How.RST)
            row = _leaving_row(bench, scene, leave, (idle.ours, idle.bare), crowded)
            table.rows.append((name, sends.name, *row))
    _judge_crowd(bench, idle)
    return table


def _leaving_row(
    bench: Bench, scene: Scene, leave: partial[Leave], crowd: tuple[Target, ...], crowd_size: int
) -> tuple[Any, ...]:
    times = bench.sizes.closes
    first = bench.numbers(times)
    job = leave(first=first, times=times, crowd=crowd, crowd_size=crowd_size)
    ours, theirs = bench.clients["raw socket"].do(job)
    live = scene.live()
    hows: Counter[str] = Counter()
    delays: list[float] = []
    bare_delays: list[float] = []
    for number, closed, bare_closed in zip(range(first, first + times), ours, theirs, strict=True):
        outcome, left = live[number].decided.result(_SEEN_WITHIN), live[number].left.result(_SEEN_WITHIN)
        bench.check(outcome is Outcome.CANCELLED, f"close {number} on {scene.ours.path}: outcome {outcome}")
        hows[left.how.value] += 1
        delays.append((live[number].started + left.at - closed) * 1e6)
        bare_delays.append((bench.bare_left_at(number) - bare_closed) * 1e6)
    row = [percentile(values, part) for values in (delays, bare_delays) for part in (0.5, 0.99)]
    said = ", ".join(f"{many} {how}" for how, many in sorted(hows.items()))
    return (times, said, *row, row[0] / row[2], row[1] / row[3])


def _judge_crowd(bench: Bench, idle: Scene) -> None:
    for live in idle.route.exchanges:
        outcome = live.decided.result(_SEEN_WITHIN)
        bench.check(outcome is Outcome.CANCELLED, f"a stream that stood idle and was closed: outcome {outcome}")


# --- the command ------------------------------------------------------------------------------------------------------


def about() -> dict[str, str]:
    """What was measured, with what, and when."""
    system = f"{platform.system()} {platform.release()}, {os.cpu_count()} CPUs"
    if hasattr(os, "getloadavg"):
        system += f", load {os.getloadavg()[0]:.1f} at the start"
    packages = ("onerouter-harness", "aiohttp", "httpx", "requests")
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "system": system,
        "versions": f"Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in packages),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fidelity", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a few seconds, for a look; too few samples for a claim")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there, too")
    options = parser.parse_args(arguments)
    described = about()
    print("orharness.fidelity" + " (quick)" * options.quick, *described.values(), sep="\n", end="\n\n", flush=True)
    tables: list[Table] = []
    with Bench(QUICK if options.quick else FULL) as bench:
        for measure in (boundaries, claims, timing, leaving):
            tables.append(measure(bench))
            print(tables[-1], flush=True)
    for line in bench.wrong:
        print(f"WRONG: {line}")
    if not bench.wrong:
        print("Nothing wrong: all bytes and outcomes as they should be, no boundary proven that was not seen.")
    if options.json is not None:
        results = {"about": described, "tables": [table.as_dicts() for table in tables], "wrong": bench.wrong}
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 1 if bench.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
