"""What playing costs: events a CPU-second, and how late events come, beside a bare protocol in the same loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import accumulate
from statistics import median
from time import thread_time

from benchmarks import bare, fidelity
from benchmarks.fidelity import sse_chunks
from benchmarks.readers import ClientProcess, Target, Watch, allow_many_files
from benchmarks.rows.row import Row, Sizes
from benchmarks.tables import percentile
from orharness.scenario import Reply
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from orharness.stream import Chunk, Stream

_GOALS = {"recorded": 0.5, "lockstep": 0.25}
_WHY = {
    "recorded": (
        "with many short streams the request itself, some 130 µs more than the bare protocol's: aiohttp's parser and"
        " two tasks, the journal's entry, and five questions to the kernel about what was read"
    ),
    "lockstep": (
        "each boundary is proven by three system calls (the acknowledged bytes, a question about the client's socket"
        " and its answer) and, beside other streams, a turn of the loop; the interpreter takes most of it"
    ),
}


class _Bench:
    """Ours and the yardstick in one loop, and the client in a process of its own."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        allow_many_files()
        self.chunks = chunks
        self.ends = list(accumulate(len(bare.framed(chunk.data)) for chunk in chunks))
        self._first = 0
        with ExitStack() as stack:
            self.thread = ServerThread().start()
            stack.callback(self.thread.stop)
            self.server = stack.enter_context(SseServer(self.thread, strict=False))
            plans = {"/bare": bare.by_deadline(chunks)}
            self.yardstick = bare.BareServer(self.thread, plans).start()
            stack.callback(self.yardstick.close)
            self._client = ClientProcess()
            stack.callback(self._client.close)
            self._stack = stack.pop_all()
        self.targets = {"bare": Target(self.yardstick.port, "/bare")}
        for pacing in _GOALS:
            self.server.get(f"/{pacing}").replies(Reply.stream(Stream(tuple(chunks)), pacing=pacing))
            self.targets[pacing] = Target(self.server.port, f"/{pacing}")

    def __enter__(self) -> _Bench:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def watch(self, name: str, streams: int) -> tuple[int, list[list[tuple[float, int]]], float]:
        """Play that many streams: the number of the first, what came, and the CPU time of the server's thread."""
        first, self._first = self._first, self._first + streams
        before = self.thread.call(thread_time)
        seen = self._client.do(Watch(self.targets[name], first, streams, self.ends[-1] + len(bare.LAST_CHUNK)))
        return first, seen, self.thread.call(thread_time) - before


def throughput(sizes: Sizes) -> Iterator[Row]:
    """Streams without delays, each pacing."""
    for streams, events in sizes.streams:
        with _Bench(sse_chunks(events)) as bench:
            spent: dict[str, list[float]] = {name: [] for name in bench.targets}
            for _ in range(sizes.times):
                for name in bench.targets:
                    spent[name].append(bench.watch(name, streams)[2])
        each = {name: min(seconds) / streams / events for name, seconds in spent.items()}
        base = f"bare, a write by each deadline: {1 / each['bare']:,.0f}"
        for name, goal in _GOALS.items():
            what = f"events a CPU-second, {name}, {streams:,} x {events:,}"
            yield Row(what, f"{1 / each[name]:,.0f}", base, each["bare"] / each[name], goal, most=False, why=_WHY[name])


def lateness(sizes: Sizes) -> Iterator[Row]:
    """How late events come where many streams run."""
    for streams, tick in sizes.timed:
        with _Bench(sse_chunks(sizes.events, tick)) as bench:
            late = {name: _errors(bench, name, streams) for name in ("recorded", "bare")}
        what = f"{streams:,} streams of {sizes.events} events, one every {tick * 1e3:.0f} ms: lateness"
        for part, name in ((0.5, "p50"), (0.99, "p99")):
            ours, theirs = (percentile([one for each in late[who] for one in each], part) for who in late)
            why = (
                "where all begin in one moment, events that are due are written between two requests, but a request"
                " that has not been read yet waits for all before it, some 0.2 ms each"
            )
            measured, base = f"{ours:.3g} ms", f"bare: {theirs:.3g} ms"
            yield Row(f"{what} {name}", measured, base, ours / theirs, 1.2, noisy=True, why=why)
        drift = median(each[-1] - each[0] for each in late["recorded"])
        theirs = median(each[-1] - each[0] for each in late["bare"])
        why = "where all begin in one moment, the first events wait for a request after them, and the last do not"
        yield Row(
            f"{what} drift, in ms", f"{drift:.3g} ms", f"bare: {theirs:.3g} ms", abs(drift), 1, noisy=True, why=why
        )


def leaving(sizes: Sizes) -> Iterator[Row]:
    """How soon a close is noticed beside many idle streams: the rows of ``benchmarks.fidelity`` that say so."""
    with fidelity.Bench(replace(fidelity.QUICK, closes=sizes.closes, crowd=sizes.crowd)) as bench:
        seen = [row for row in fidelity.leaving(bench).as_dicts()["rows"] if "beside" in row["stream"]]
    for row in seen:
        for part, goal in (("p50", 1.5), ("p99", 2.0)):
            what = f"a close by {row['sends']} noticed beside {sizes.crowd:,} idle streams, {part}"
            measured, base = f"{row[part]:.0f} µs", f"bare: {row[f'bare {part}']:.0f} µs"
            yield Row(what, measured, base, row[f"{part} ratio"], goal, noisy=True)


def _errors(bench: _Bench, name: str, streams: int) -> list[list[float]]:
    """Milliseconds by which each chunk's last byte came after its deadline, of each stream."""
    first, seen, _ = bench.watch(name, streams)
    if name == "bare":
        began = bench.yardstick.read_at
    else:
        lives = bench.server.calls
        began = {int(one.exchange.request.parameters["n"]): one.started for one in lives}
    return [_late(bench, began[first + number], reads) for number, reads in enumerate(seen)]


def _late(bench: _Bench, due: float, reads: list[tuple[float, int]]) -> list[float]:
    coming = iter(reads)
    moment, position = next(coming)
    found = []
    for end, chunk in zip(bench.ends, bench.chunks, strict=True):
        due += chunk.delay
        while position < end:
            moment, position = next(coming)
        found.append((moment - due) * 1e3)
    return found
