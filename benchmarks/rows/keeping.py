"""What is kept: a finished exchange in the journal, an idle stream; and how long reading the journal takes the loop."""

from __future__ import annotations

import asyncio
import gc
import socket
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from time import sleep, thread_time

from benchmarks import bare
from benchmarks.fidelity import sse_chunks
from benchmarks.readers import Target, allow_many_files
from benchmarks.rows.making import ask, body, serving
from benchmarks.rows.row import Row, Sizes
from orharness.scenario import Reply
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from orharness.stream import Stream
from orharness.transforms import hold

_FILES_BESIDE = 200
_SETTLED = 1.5  # seconds until nobody looks at an idle stream any more


def exchanges(sizes: Sizes) -> Iterator[Row]:
    """A finished exchange, beside the bytes of its request."""
    with serving(pacing="instant") as (server, _):
        server.chat("hello there, you all")
        ask(server.port, "m", 100)
        gc.collect()
        tracemalloc.start()
        ask(server.port, "m", sizes.exchanges)
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0] / sizes.exchanges
        tracemalloc.stop()
        request = server.journal[-1].request
    own = len(request.body) + sum(len(name) + len(value) for name, value in request.headers)
    own += len(request.method) + len(request.path)
    measured = f"{kept:,.0f} bytes, {own} of them the request's own"
    yield Row("a finished exchange in the journal, in KiB", measured, "", (kept - own) / 1024, 1)


def reading(sizes: Sizes) -> Iterator[Row]:
    """The longest turn of the loop that plays while the journal is read, in its CPU time."""
    with serving(pacing="instant") as (server, thread):
        server.chat("hello there, you all")
        ask(server.port, "m", sizes.journal)
        turns: list[float] = []

        async def tick() -> None:
            last = thread_time()
            while True:
                await asyncio.sleep(0)
                now = thread_time()
                turns.append(now - last)
                last = now

        async def begin() -> asyncio.Task[None]:
            return asyncio.get_running_loop().create_task(tick())

        ticking = thread.run(begin)
        connection = HTTPConnection("127.0.0.1", server.port)
        connection.request("GET", "/_orharness/journal")
        size = len(connection.getresponse().read())
        connection.close()
        thread.call(ticking.cancel)
    what = f"the longest turn of the loop while a journal of {sizes.journal:,} is read, in ms"
    yield Row(what, f"{max(turns) * 1e3:.3g} ms ({size / 1e6:.0f} MB)", "", max(turns) * 1e3, 100)


def idle(sizes: Sizes) -> Iterator[Row]:
    """Memory of an idle open stream, in a process of its own."""
    many = max(1, min(sizes.idle, allow_many_files() - _FILES_BESIDE))
    ours, theirs = (_resident(kind, many) for kind in ("ours", "bare"))
    measured, base = f"{ours:.3g} KiB of {many:,} streams", f"bare asyncio: {theirs:.3g} KiB"
    why = (
        "the chain of awaits from the request to the gate, with its task, takes some 3.5 KiB, a quarter each, the"
        " exchange and its machine 2, the connection with its transport and socket 3"
    )
    yield Row("KiB an idle open stream", measured, base, ours, 10, why=why)
    yield Row("an idle open stream, against a bare one", measured, base, ours / theirs, 3, why=why)


def _resident(kind: str, many: int) -> float:
    """KiB that a stream adds to the resident memory of the server's process."""
    script = f"from benchmarks.rows import keeping; keeping.be_{kind}()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        target = Target(int(process.stdout.readline()), "/idle")
        with ExitStack() as stack:
            # The first ones are not counted: a process grows by steps.
            readings = [_grown(process.pid, target, count, stack) for count in (many // 4, many)]
        process.stdin.close()
    return (readings[1] - readings[0]) / many


def _grown(pid: int, target: Target, many: int, stack: ExitStack) -> float:
    for number in range(many):
        connection = stack.enter_context(target.connect())
        connection.sendall(target.request(number))
        _until_event(connection)
    sleep(_SETTLED)
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * 4.0


def _until_event(connection: socket.socket) -> None:
    data = b""
    while b"data:" not in data:
        data += connection.recv(65536)


def be_ours() -> None:
    """The process of the server: prints its port, ends with its stdin."""
    with SseServer(strict=False, pacing="recorded") as server:
        stream = Stream(sse_chunks(2))
        server.get("/idle").replies(Reply.stream(stream, through=[hold(chunks=1)]))
        server.get("/idle")
        _serve(server.port)


def be_bare() -> None:
    """The process of the yardstick."""
    thread = ServerThread().start()
    server = bare.BareServer(thread, {"/idle": bare.held(sse_chunks(1)[0])}).start()
    _serve(server.port)
    server.close()
    thread.stop()


def _serve(port: int, wait: Callable[[], object] = sys.stdin.read) -> None:
    allow_many_files()
    print(port, flush=True)
    wait()


__all__ = ["body", "exchanges", "idle", "reading"]
