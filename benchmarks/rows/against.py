"""Throughput beside aimock, lockstep beside a ping-pong of one byte, and how many streams one core carries in time."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import which
from time import thread_time
from typing import cast

from benchmarks import limit
from benchmarks.client_process import NODE, install_node_clients
from benchmarks.fidelity import sse_chunks
from benchmarks.readers import ChatTarget, ClientProcess, PingPong, Read, Target, Watch, allow_many_files
from benchmarks.rows.making import serving
from benchmarks.rows.row import Row, Sizes, cpu_of
from orharness.scenario import Reply
from orharness.stream import Stream

_PATH = "/v1/chat/completions"
_BODY = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}).encode()
_AIMOCK = "@copilotkit/aimock"
_TOKEN = "tok "
_IN_TIME = 20.0  # milliseconds
_RATE = 10  # events a second of each stream


def aimock(sizes: Sizes, node: Path = NODE) -> Iterator[Row]:
    """A chat completion in the pacing ``instant``, with as many events as aimock makes of the same text.

    ``node``: the folder in which aimock is installed.
    """
    missing = _aimock_missing(sizes, node)
    for streams, events in sizes.streams:
        what = f"events a CPU-second, instant, a chat completion, {streams:,} x {events:,}"
        if missing is not None:
            yield Row(what, "not run", "aimock", None, 1.5, most=False, why=missing)
            continue
        ours, theirs, version = _beside_aimock(node, streams, events, sizes.times + 1)
        why = "with many short streams the request itself: a turn of Python's parser, tasks and journal for each"
        base = f"aimock {version}: {1 / theirs:,.0f}"
        yield Row(what, f"{1 / ours:,.0f}", base, theirs / ours, 1.5, most=False, why=why)


def _aimock_missing(sizes: Sizes, node: Path) -> str | None:
    """Return why aimock cannot be run here; ``None`` where it can."""
    if which("node") is None:
        return "there is no node here"
    if sizes.installs and (why := install_node_clients()) is not None:
        return why
    if not (node / "node_modules" / _AIMOCK).is_dir():
        return f"{_AIMOCK} is not installed: `npm ci` in benchmarks/node"
    return None


def _beside_aimock(node: Path, streams: int, events: int, times: int) -> tuple[float, float, str]:
    """CPU seconds an event of ours and of aimock, each in its best reading, and aimock's version."""
    allow_many_files()
    spent: dict[str, list[float]] = {"ours": [], "aimock": []}
    with ExitStack() as stack:
        server, thread = stack.enter_context(serving(pacing="instant", gateway="openai"))
        server.chat([_TOKEN] * events)
        process = stack.enter_context(_aimock(node, events))
        assert process.stdout is not None
        ports = {"ours": server.port, "aimock": int(process.stdout.readline())}
        clocks = {"ours": lambda: thread.call(thread_time), "aimock": lambda: cpu_of(process.pid)}
        client = ClientProcess()
        stack.callback(client.close)
        targets = {name: ChatTarget(port, _PATH, _BODY) for name, port in ports.items()}
        sizes = {name: client.do(Read("raw socket", target, 0)).ends[-1] for name, target in targets.items()}
        for _ in range(times):
            for name, target in targets.items():
                before = clocks[name]()
                client.do(Watch(target, 1, streams, sizes[name]))
                spent[name].append(clocks[name]() - before)
    version = json.loads((node / "node_modules" / _AIMOCK / "package.json").read_text("utf-8"))["version"]
    ours, theirs = (min(seconds) / streams / events for seconds in spent.values())
    return ours, theirs, version


@contextmanager
def _aimock(node: Path, events: int) -> Iterator[subprocess.Popen[bytes]]:
    command = ["node", str(node / "aimock.mjs"), str(events)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def lockstep(sizes: Sizes) -> Iterator[Row]:
    """Microseconds a chunk from its write to the next one, once its client has read it."""
    chunks = sse_chunks(sizes.turns)
    taken: dict[str, list[float]] = {"ours": [], "ping-pong": []}
    with ExitStack() as stack:
        server, thread = stack.enter_context(serving())
        server.get("/lockstep").replies(Reply.stream(Stream(tuple(chunks)), pacing="lockstep"))
        echo = thread.run(_echo)
        stack.callback(lambda: thread.call(echo.close))
        port = echo.sockets[0].getsockname()[1]
        client = ClientProcess()
        stack.callback(client.close)
        for number in range(sizes.times):
            reading = client.do(Read("raw socket", Target(server.port, "/lockstep"), number))
            taken["ours"].append(reading.seconds)
            taken["ping-pong"].append(client.do(PingPong(port, sizes.turns)))
    ours, theirs = (min(seconds) / sizes.turns * 1e6 for seconds in taken.values())
    base = f"asyncio, a byte to and fro: {theirs:.0f} µs"
    why = "a chunk is proven to be read by three system calls, where a byte that comes back needs none"
    yield Row("lockstep, a chunk", f"{ours:.0f} µs", base, ours / theirs, 1.3, noisy=True, why=why)


class _Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._wire.write(data)


async def _echo() -> asyncio.Server:
    return await asyncio.get_running_loop().create_server(_Echo, "127.0.0.1", 0)


def carried(sizes: Sizes) -> Iterator[Row]:
    """The most streams of ``orharness serve`` on one core whose events come in time, and those of the bare protocol."""
    with limit.Limit(_RATE, sizes.carried_events, 1) as measuring:
        ours, theirs = (
            limit.most_carried(measuring, server, _IN_TIME, sizes.carried)[0]
            for server in (measuring.serve, measuring.bare)
        )
    what = f"most streams at {_RATE} events a second with p99 < {_IN_TIME:.0f} ms, on one core"
    base = f"bare: {_said(theirs)}"
    why = "where the bare protocol carries no more, the machine or the client is the limit"
    yield Row(what, _said(ours), base, 0 if ours is None else ours.streams, 1500, most=False, noisy=True, why=why)


def _said(found: limit.Measured | None) -> str:
    if found is None:
        return "0"
    return f"{found.streams:,}" + ("" if found.core is None else f", {found.core:.0%} of the core")
