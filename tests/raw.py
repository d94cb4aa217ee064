"""A raw HTTP client over a socket: every read is kept, and every way to leave is there."""

from __future__ import annotations

import json
import socket
import struct
import time
from types import TracebackType

from orharness.server.facade import SseServer

STREAM = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}


class Raw:
    """One connection. ``reads`` holds what each ``recv`` returned."""

    def __init__(self, server: SseServer, host: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection((host, server.port), timeout=20)
        self.reads: list[bytes] = []

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def post(self, path: str = "/v1/chat/completions", body: object = STREAM, headers: str = "") -> None:
        self.request("POST", path, json.dumps(body).encode(), headers)

    def request(self, method: str, path: str, body: bytes = b"", headers: str = "") -> None:
        head = f"{method} {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
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
        """What came behind the head."""
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

    def __enter__(self) -> Raw:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


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


def eventually(check: object, timeout: float = 20.0) -> None:
    """Waits until the check is true; a busy machine may need long."""
    assert callable(check)
    deadline = time.monotonic() + timeout
    while not check():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.002)
