"""The clients that are served, each in a process of its own: the server's GIL is not theirs.

A job is a value that goes through a pipe to the process and knows how to do itself; its result comes back. Moments are
``time.monotonic``, which all processes of a system share (CLOCK_MONOTONIC).
"""

from __future__ import annotations

import asyncio
import pickle
import resource
import selectors
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from time import monotonic, sleep
from typing import Protocol, TypeVar

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")
_HEAD_END = b"\r\n\r\n"
_BODY_END = b"\r\n0\r\n\r\n"
_ENOUGH_FILES = 6000
_LINGER_RESET = struct.pack("ii", 1, 0)  # close() sends RST (socket(7))


class Job(Protocol[T_co]):
    """Something for a client's process to do."""

    def run(self) -> T_co:
        """Does it, and returns what the parent wants to know."""


class ClientProcess:
    """A process that does one job after the other; it imports nothing of the server."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", "from benchmarks import readers; readers.work()"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def do(self, job: Job[T]) -> T:
        """Has a job done; raises ``EOFError`` if the process died of it (its traceback is on stderr)."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        pickle.dump(job, self._process.stdin)
        self._process.stdin.flush()
        result: T = pickle.load(self._process.stdout)
        return result

    def close(self) -> None:
        """Ends the process and waits for it."""
        with self._process:  # closes its stdin, which is its end
            pass


def work() -> None:
    """The process: jobs come from stdin, results go to stdout."""
    allow_many_files()
    while True:
        try:
            job = pickle.load(sys.stdin.buffer)
        except (EOFError, KeyboardInterrupt):
            return
        pickle.dump(job.run(), sys.stdout.buffer)
        sys.stdout.buffer.flush()


def allow_many_files() -> int:
    """Raises the soft limit of open files as far as needed and allowed; returns what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH_FILES if hard == resource.RLIM_INFINITY else min(_ENOUGH_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft if soft != resource.RLIM_INFINITY else _ENOUGH_FILES


@dataclass(frozen=True)
class Target:
    """A server's port on loopback, and a path on it."""

    port: int
    path: str

    def url(self, number: int) -> str:
        """The address; ``number`` tells requests apart."""
        return f"http://127.0.0.1:{self.port}{self.path}?n={number}"

    def request(self, number: int) -> bytes:
        """The same as the bytes of a request."""
        return f"GET {self.path}?n={number} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()

    def connect(self) -> socket.socket:
        """A raw connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)


CHAT_BODY = b'{"model":"m","stream":true}'
NUMBER = "X-Number"  # the request header that tells requests apart in a journal


@dataclass(frozen=True)
class ChatTarget(Target):
    """An API: it is asked by POST, with a JSON body."""

    body: bytes = CHAT_BODY

    def request(self, number: int) -> bytes:
        """The bytes of a request."""
        head = f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{NUMBER}: {number}\r\n"
        return f"{head}Content-Length: {len(self.body)}\r\n\r\n".encode() + self.body


# --- reading: where did the pieces end? -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reading:
    """``ends``: the offset after each piece that the client was given, counted from the end of the head: on the wire
    for the raw socket, in the body for the others. ``seconds``: from the request to the last piece.
    """

    ends: list[int]
    seconds: float
    digest: bytes


@dataclass(frozen=True)
class Read:
    """One response read to its end. ``nap``: seconds that the raw client sleeps after each read."""

    client: str
    target: Target
    number: int
    nap: float = 0.0

    def run(self) -> Reading:
        """Reads it."""
        if self.client == "raw socket":
            return _raw(self.target, self.number, self.nap)
        return _reading(_LIBRARIES[self.client](self.target.url(self.number)))


def _raw(target: Target, number: int, nap: float) -> Reading:
    pieces: list[bytes] = []
    tail = b""
    with target.connect() as sock:
        started = monotonic()
        sock.sendall(target.request(number))
        while not tail.endswith(_BODY_END):
            data = sock.recv(65536)
            if not data:
                raise EOFError(f"{target.path} ended after {sum(map(len, pieces))} bytes")
            pieces.append(data)
            tail = (tail + data)[-len(_BODY_END) :]
            if nap:
                sleep(nap)
        seconds = monotonic() - started
    wire = b"".join(pieces)
    head = wire.index(_HEAD_END) + len(_HEAD_END)
    return Reading(_ends(pieces, -head), seconds, sha256(wire[head:]).digest())


def _reading(timed: tuple[list[bytes], float]) -> Reading:
    pieces, seconds = timed
    return Reading(_ends(pieces, 0), seconds, sha256(b"".join(pieces)).digest())


def _ends(pieces: list[bytes], position: int) -> list[int]:
    ends = []
    for piece in pieces:
        position += len(piece)
        ends.append(position)
    return ends


def _httpx(url: str) -> tuple[list[bytes], float]:
    import httpx

    with httpx.Client(trust_env=False) as client:
        started = monotonic()
        with client.stream("GET", url) as response:
            pieces = list(response.iter_raw())
            return pieces, monotonic() - started


def _requests(url: str) -> tuple[list[bytes], float]:
    import requests

    with requests.Session() as session:
        session.trust_env = False
        started = monotonic()
        with session.get(url, stream=True) as response:
            pieces = list(response.iter_content(chunk_size=None))
            return pieces, monotonic() - started


def _aiohttp(url: str) -> tuple[list[bytes], float]:
    return asyncio.run(_aiohttp_pieces(url))


async def _aiohttp_pieces(url: str) -> tuple[list[bytes], float]:
    import aiohttp

    async with aiohttp.ClientSession() as session:
        started = monotonic()
        async with session.get(url) as response:
            pieces = [piece async for piece in response.content.iter_any()]
            return pieces, monotonic() - started


_LIBRARIES: dict[str, Callable[[str], tuple[list[bytes], float]]] = {
    "httpx": _httpx,
    "requests": _requests,
    "aiohttp": _aiohttp,
}
CLIENTS = ("raw socket", *_LIBRARIES)


@dataclass(frozen=True)
class PingPong:
    """A byte sent and awaited back, so many times."""

    port: int
    times: int

    def run(self) -> float:
        """The seconds of all of them."""
        with Target(self.port, "/").connect() as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            started = monotonic()
            for _ in range(self.times):
                sock.sendall(b"x")
                if not sock.recv(1):
                    raise EOFError("the echo has ended")
            return monotonic() - started


# --- timing: when did the bytes come? ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Watch:
    """Many responses at once, of ``size`` bytes after the head, numbered from ``first``. All connections are made
    first; then the requests are sent evenly over ``spread`` seconds, by default one after the other without a pause.
    """

    target: Target
    first: int
    streams: int
    size: int
    spread: float = 0.0

    def run(self) -> list[list[tuple[float, int]]]:
        """For each of the streams: moment and offset after the head (on the wire) of each read."""
        with ExitStack() as stack, selectors.DefaultSelector() as selector:
            watched = [_Watched(stack.enter_context(self.target.connect())) for _ in range(self.streams)]
            for one in watched:
                selector.register(one.sock, selectors.EVENT_READ, one)
            began, sent = monotonic(), 0
            while selector.get_map():
                while sent < self.streams and monotonic() >= began + self._due(sent):
                    watched[sent].sock.sendall(self.target.request(self.first + sent))
                    sent += 1
                wait = 30.0 if sent == self.streams else max(0.0, began + self._due(sent) - monotonic())
                for key, _ in selector.select(wait):
                    if key.data.read() >= self.size:
                        selector.unregister(key.fileobj)
            return [one.seen for one in watched]

    def _due(self, number: int) -> float:
        return self.spread * number / self.streams


class _Watched:
    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.seen: list[tuple[float, int]] = []
        self._head = b""
        self._position = 0

    def read(self) -> int:
        data = self.sock.recv(65536)
        now = monotonic()
        if not data:
            raise EOFError(f"a stream ended {self._position} bytes after its head")
        if not self.seen:
            self._head += data
            end = self._head.find(_HEAD_END)
            if end < 0:
                return 0
            self._position = len(self._head) - end - len(_HEAD_END)
        else:
            self._position += len(data)
        self.seen.append((now, self._position))
        return self._position


# --- leaving ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Leave:
    """``times`` closes of each target in turn, A B A B, numbered from ``first``; ``crowd``: connections to each that
    stand idle meanwhile. Each reads ``chunks`` chunks and closes within ``spread`` seconds more, by chance of a seed;
    with ``reset`` so that the close sends RST.
    """

    targets: tuple[Target, ...]
    first: int
    times: int
    chunks: int
    spread: float
    reset: bool = False
    crowd: tuple[Target, ...] = ()
    crowd_size: int = 0

    def run(self) -> list[list[float]]:
        """For each of the targets: the moments just before each ``close()``."""
        chance = Random(0)
        moments: list[list[float]] = [[] for _ in self.targets]
        with ExitStack() as stack:
            for number in range(self.crowd_size):
                for target in self.crowd:
                    stack.enter_context(_opened(target, -2 - number, 1))
            for number in range(self.first, self.first + self.times):
                for target, seen in zip(self.targets, moments, strict=True):
                    sock = _opened(target, number, self.chunks)
                    if self.reset:
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
                    sleep(0.001 + chance.random() * self.spread)
                    seen.append(monotonic())
                    sock.close()
                    sleep(0.001)  # what the server does about it is not to disturb the next
        return moments


def _opened(target: Target, number: int, chunks: int) -> socket.socket:
    sock = target.connect()
    sock.sendall(target.request(number))
    lines = 0
    for data in _received(sock):
        lines += data.count(b"data:")
        if lines >= chunks:
            break
    return sock


def _received(sock: socket.socket) -> Iterator[bytes]:
    while data := sock.recv(65536):
        yield data
