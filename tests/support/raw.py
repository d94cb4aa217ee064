"""A raw HTTP client over a socket: every read is kept, and every way to leave is there."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread

STREAM = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}


class Raw:
    """One connection. ``reads`` holds what each ``recv`` returned."""

    def __init__(self, server: SseServer, host: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection((host, server.port), timeout=20)
        self.reads: list[bytes] = []
        self.holder = 0  # the process that holds the connection, if it is not this one

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def post(self, path: str = "/v1/chat/completions", body: object = STREAM, headers: str = "") -> None:
        self.request("POST", path, json.dumps(body).encode(), headers)

    def request(self, method: str, path: str, body: bytes = b"", headers: str = "") -> None:
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        self.send(head.encode() + body)

    def read(self, size: int = 65536) -> bytes:
        data = self.socket.recv(size)
        self.reads.append(data)
        return data

    def read_until(self, end: bytes) -> bytes:
        """Reads until the whole of what came ends with ``end``, and returns all of it."""
        while not self.received.endswith(end):
            if not self.read():
                raise AssertionError(f"the connection ended before {end!r}: {self.received!r}")
        return self.received

    def read_all(self) -> bytes:
        """Reads to the end of the connection."""
        while self.read():
            pass
        return self.received

    @property
    def received(self) -> bytes:
        return b"".join(self.reads)

    @property
    def body(self) -> bytes:
        """What came after the head."""
        return self.received.partition(b"\r\n\r\n")[2]

    @property
    def head(self) -> str:
        return self.received.partition(b"\r\n\r\n")[0].decode()

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """RST, whatever was read."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def half_close(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def half_close_while_busy(self, thread: ServerThread, *, close: bool) -> None:
        """A half-close while the server's loop is busy, for much longer than it would take to see it; then a close?"""
        done = threading.Event()

        def busy() -> None:
            assert done.wait(60)

        thread.call(asyncio.get_running_loop).call_soon_threadsafe(busy)
        self.half_close()
        time.sleep(0.1)
        if close:
            self.close()
        done.set()

    def hand_over(self, victims: Victims) -> None:
        """From now on another process holds the connection, and no other does."""
        self.holder = victims.fork(self.socket)
        self.socket.close()

    def kill(self) -> None:
        """SIGKILL for the process that holds the connection. Returns when it is dead: the kernel has closed it then."""
        os.kill(self.holder, signal.SIGKILL)
        eventually(lambda: not _is_alive(self.holder))

    def __enter__(self) -> Raw:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


_FORKING = """
import os, signal, socket
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the dead
parent = socket.socket(fileno=0)
life, end = os.pipe()
while True:
    message, (*held,), _, _ = socket.recv_fds(parent, 1, 1)
    if not message:
        break
    pid = os.fork()
    if not pid:
        os.close(end)
        os.read(life, 1)  # until it is killed, or its parent is gone
        os._exit(0)
    os.close(held[0])
    parent.sendall(pid.to_bytes(4, "big"))
"""


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


class Victims:
    """A small process that forks a fresh one for each connection it is given, to be killed. (pytest has threads: it
    cannot fork itself.)
    """

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen([sys.executable, "-I", "-S", "-c", _FORKING], stdin=theirs.fileno())

    def fork(self, held: socket.socket) -> int:
        """The id of a process that holds the socket, too, until it is killed."""
        socket.send_fds(self._channel, [b"."], [held.fileno()])
        return int.from_bytes(self._channel.recv(4, socket.MSG_WAITALL), "big")

    def close(self) -> None:
        """Ends all of them."""
        self._channel.close()
        self._process.wait()


def dechunk(body: bytes) -> list[bytes]:
    """The HTTP chunks of a chunked body, the last one (empty) included."""
    chunks = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        chunks.append(rest[:length])
        assert rest[length : length + 2] == b"\r\n"
        body = rest[length + 2 :]
    return chunks


def eventually(check: Callable[[], object], timeout: float = 20.0) -> None:
    """Waits until the check is true; a busy machine may need long."""
    deadline = time.monotonic() + timeout
    while not check():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.002)
