"""The requests of a client to a bare protocol, in one process.

``python -m benchmarks.bare_requests CLIENT CASE TIMES [CORE]``: the answer is what the case sends, in one write.
Server and client are two threads, as where ``orharness check`` runs a sweep, on the core of that number. Prints the
seconds that the requests took, without the first, in which the client's packages are imported.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from time import perf_counter

from benchmarks.bare import HEAD, LAST_CHUNK, framed
from orharness.contract.driving.functions import FunctionSubject
from orharness.contract.driving.locate import locate
from orharness.contract.running.replies import representative
from orharness.contract.running.run import chosen
from orharness.server.thread import ServerThread, loopback_sockets

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_MINUTES = 600.0  # seconds after which requests are given up


class WholeAnswers(asyncio.Protocol):
    """Answers each request, once its body has come, in one write."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._request = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._wire = transport

    def data_received(self, data: bytes) -> None:
        self._request += data
        head, end, body = self._request.partition(b"\r\n\r\n")
        announced = _LENGTH.search(head + b"\r\n")
        if end and len(body) >= int(announced[1] if announced else 0):
            self._request = b""
            self._wire.write(self._answer)


def timed(client: FunctionSubject, base_url: str, times: int) -> float:
    """Seconds that so many requests take. Raises ``RuntimeError`` if one of them failed."""
    started = perf_counter()
    batch = client.start_runs([base_url] * times)
    batch.ended.wait(_MINUTES)
    seconds = perf_counter() - started
    batch.close()
    if batch.texts is None:
        raise RuntimeError("a request to the bare server failed")
    return seconds


def main(name: str, case: str, times: str, core: str | None = None) -> None:
    """Prints the seconds."""
    if core is not None:
        os.sched_setaffinity(0, {int(core)})
    client = FunctionSubject(locate(name))
    answer = HEAD + framed(representative(chosen(only=case)[0]).body) + LAST_CHUNK
    listening, *others = loopback_sockets()
    for one in others:  # ::1 with the same port: nobody asks for it here
        one.close()
    thread = ServerThread().start()

    async def listen() -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(lambda: WholeAnswers(answer), sock=listening)

    server = thread.run(listen)
    base_url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    timed(client, base_url, 1)
    print(timed(client, base_url, int(times)))
    thread.call(server.close)
    thread.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
