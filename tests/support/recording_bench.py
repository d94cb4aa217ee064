"""Servers that write the bytes, boundaries and endings that a test asks for, and a recorder in front of them."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import socket
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orharness.cassette import Interaction
from orharness.recording import Recorder
from orharness.redaction import spans_in

KEY = "sk-a-key-that-is-long-enough"


PATIENCE = 30.0  # seconds; nothing here takes as long, on a machine that is not busy


Script = Callable[["Wire"], Awaitable[None]]


class Wire:
    """The server's end of one connection: writes what it is told to, at once."""

    def __init__(self, request: bytes, body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.request = request
        self.body = body
        self._reader = reader
        self._writer = writer

    def header(self, name: str) -> str | None:
        """One header of the request."""
        found = re.search(rf"^{name}: (.*?)\r$", self.request.decode("latin-1"), re.M | re.I)
        return found and found[1]

    def head(self, *headers: str, status: str = "200 OK", chunked: bool = True) -> None:
        # It ends after this response, and says so: a recorder would ask again on it.
        lines = [f"HTTP/1.1 {status}", "Content-Type: text/event-stream", "Connection: close", *headers]
        self.raw("\r\n".join([*lines, "Transfer-Encoding: chunked"] if chunked else lines).encode() + b"\r\n\r\n")

    def chunks(self, *chunks: bytes) -> None:
        """Each an HTTP chunk, all in one write."""
        self.raw(b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks))

    def raw(self, data: bytes) -> None:
        self._writer.write(data)

    async def drained(self) -> None:
        """Wait until much of what was written has gone."""
        await self._writer.drain()

    def last_chunk(self) -> None:
        self.raw(b"0\r\n\r\n")

    def close(self) -> None:
        self._writer.close()

    async def reset(self) -> None:
        await self._writer.drain()
        connection = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def left(self) -> None:
        """Comes back when the other end is gone."""
        with suppress(ConnectionError):
            assert await self._reader.read() == b""


@dataclass
class Upstream:
    """A server that plays scripts, one a request."""

    port: int = 0
    requests: list[Wire] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


@asynccontextmanager
async def serving(*scripts: Script) -> AsyncIterator[Upstream]:
    """An upstream whose n-th request is answered by the n-th script, the last one repeating."""
    upstream = Upstream()
    tasks = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"Content-Length: (\d+)", head, re.I)
            wire = Wire(head, await reader.readexactly(int(length[1])) if length else b"", reader, writer)
            upstream.requests.append(wire)
            await scripts[min(len(upstream.requests), len(scripts)) - 1](wire)
        except Exception as error:
            upstream.errors.append(error)
            raise
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            tasks.discard(asyncio.current_task())

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=2**24)
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield upstream
        await until(lambda: not tasks)
        assert not upstream.errors
    finally:
        for task in tasks:
            assert task is not None
            task.cancel()
        server.close()


@dataclass
class Bench:
    """What a test records with."""

    upstream: Upstream
    recorder: Recorder

    @property
    def base_url(self) -> str:
        return self.recorder.base_url


@asynccontextmanager
async def recording(to: Path, *scripts: Script, **options: Any) -> AsyncIterator[Bench]:
    """An upstream, and a recorder in front of it."""
    async with serving(*scripts) as upstream, Recorder(upstream.url, to, **options) as recorder:
        yield Bench(upstream, recorder)


class Client:
    """One raw HTTP connection to the recorder."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def head(self) -> bytes:
        return await self.reader.readuntil(b"\r\n\r\n")

    async def chunk(self) -> bytes:
        """The next HTTP chunk."""
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        return (await self.reader.readexactly(size + 2))[:-2]

    async def rest(self) -> bytes:
        """All that comes until the connection ends; ``b"RST"`` stands after it where it was reset."""
        data = bytearray()
        try:
            while piece := await self.reader.read(2**16):
                data += piece
        except ConnectionResetError:
            data += b"RST"
        return bytes(data)

    def close(self) -> None:
        self.writer.close()


def port_of(base_url: str) -> int:
    return int(base_url.split(":")[2].partition("/")[0])


@asynccontextmanager
async def asking(
    base_url: str, path: str = "/chat/completions", *headers: str, body: bytes = b"{}"
) -> AsyncIterator[Client]:
    """A POST to the recorder, on a connection of its own."""
    port = port_of(base_url)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [
        f"POST /v1{path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Connection: close",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    try:
        async with asyncio.timeout(PATIENCE):
            yield Client(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def until(condition: Callable[[], object]) -> None:
    """Comes back when it is true."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in a thread, or in another process
            await asyncio.sleep(0.001)


def dechunked(data: bytes) -> tuple[list[bytes], bytes]:
    """The HTTP chunks in ``data``, and what is left of it where the last chunk (empty) is missing."""
    chunks: list[bytes] = []
    while match := re.match(rb"([0-9a-f]+)\r\n", data):
        size = int(match[1], 16)
        chunk, data = data[match.end() : match.end() + size], data[match.end() + size + 2 :]
        if not size:
            return [*chunks, b"END"], data
        chunks.append(chunk)
    return chunks, data


def chunks_of(interaction: Interaction) -> list[bytes]:
    return [chunk.data for chunk in interaction.stream.chunks]


def files_in(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Each file with its contents, but for a cassette in the making that gets its name meanwhile."""
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            yield path, path.read_bytes()


def no_secrets_in(folder: Path) -> None:
    """Neither the key, in any form, nor a cookie is in any file, nor in what the spool has packed."""
    for path, data in files_in(folder):
        text = data.decode()
        packed = [
            base64.b64decode(one).decode("utf-8", "replace") for one in re.findall(r'"(?:data|body)": "([^"]*)"', text)
        ]
        for one in (text, *packed):
            assert spans_in(one.encode(), [KEY]) == [], path
            assert "cookie" not in one.lower(), path


SPLIT = "data: Grüße, 世界\n\n".encode()


def numbered(chunks: int, pause: float) -> Script:
    """An answer of so many chunks, each with the body of its request and its number; ``pause`` in seconds."""

    async def script(wire: Wire) -> None:
        wire.head()
        for number in range(chunks):
            wire.chunks(wire.body + b" %d\n\n" % number)
            await asyncio.sleep(pause)
        wire.last_chunk()

    return script


async def ask_at_once(bench: Bench, clients: int) -> None:
    """So many requests at the same time, ``data: 0``, ``data: 1``, …; each client reads to the end."""

    async def ask(number: int) -> None:
        async with asking(bench.base_url, body=b"data: %d" % number) as client:
            await client.rest()

    await asyncio.gather(*map(ask, range(clients)))


async def awkward(wire: Wire) -> None:
    """Chunks cut in characters, lines and fields; several in one segment, one in several segments."""
    wire.head("X-Generation-Id: gen-1", "Set-Cookie: cookie=1")
    wire.chunks(SPLIT[:9], SPLIT[9:18], SPLIT[18:])
    await asyncio.sleep(0.01)
    wire.raw(b"19\r\ndata: in three")
    await asyncio.sleep(0.01)
    wire.raw(b" segments")
    await asyncio.sleep(0.01)
    wire.raw(b"\n\n\r\n")
    wire.raw(b"E\r\ndata: [DONE]\n\n\r\n")
    await asyncio.sleep(0.01)
    wire.last_chunk()


AWKWARD = [SPLIT[:9], SPLIT[9:18], SPLIT[18:], b"data: in three segments\n\n", b"data: [DONE]\n\n"]


BODILESS = {
    "GET 200": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "DELETE 204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "GET 304": b"HTTP/1.1 304 Not Modified\r\nETag: a\r\n\r\n",
    "HEAD 200": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    "POST 307": b"HTTP/1.1 307 Elsewhere\r\nLocation: /v1/there\r\nContent-Length: 0\r\n\r\n",
    "POST 200": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "PUT 200": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
}


async def bodiless(wire: Wire) -> None:
    """Answers with the head that the path asks for, and closes."""
    method, path = wire.request.decode().split(" ")[:2]
    wire.raw(BODILESS[f"{method} {path.rpartition('/')[2]}"])


def streaming(left: list[float], *chunks: bytes, headers: Sequence[str] = ()) -> Script:
    """Some chunks, then silence; ``left`` gets the moment at which the other end went."""

    async def script(wire: Wire) -> None:
        wire.head(*headers)
        wire.chunks(*chunks)
        await wire.left()
        left.append(asyncio.get_running_loop().time())

    return script


async def started(*arguments: Any, **options: Any) -> None:
    async with Recorder(*arguments, **options):
        pass


def contents(path: Path) -> bytes:
    return path.read_bytes()


async def hangs_up(wire: Wire) -> None:
    wire.close()


@asynccontextmanager
async def recording_process(
    upstream: str, to: Path, limit: float = 2 * PATIENCE, stderr: int = asyncio.subprocess.PIPE
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """``orharness record`` in a process of its own, and the base URL that it tells; ``limit``: seconds for all."""
    command = [sys.executable, "-W", "error", "-m", "orharness", "record", "--upstream", upstream, "--to", str(to)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=stderr)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(limit):
            yield process, (await process.stdout.readline()).decode().strip()
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def until_written(spool: Path, chunks: int) -> None:
    """The recorder writes a chunk down just after it has passed it on."""
    await until(lambda: contents(spool).count(b'"data"') >= chunks)


def is_running(pid: int) -> bool:
    """Whether a process goes on; an orphan that nobody waits for does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")
