"""What a start costs: the first byte of ``orharness serve``, ``orharness check``, and a test with ``sse_server``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from urllib.parse import urlsplit

from benchmarks.rows.making import PATH, body
from benchmarks.rows.row import Row, Sizes, cpu_of, least

_BARE = """
import asyncio
from aiohttp import web

async def answer(request):
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await response.write(b"data: hi\\n\\n")
    return response

async def main():
    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/v1", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
_CLIENT = """
import json, urllib.request

def stream(base_url):
    body = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}).encode()
    asked = urllib.request.Request(base_url + "/chat/completions", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked) as answer:
        for line in answer:
            data = line.rstrip(b"\\r\\n").removeprefix(b"data:").strip()
            if data == b"[DONE]":
                return
            if line.startswith(b"data:"):
                yield json.loads(data)["choices"][0]["delta"].get("content") or ""
"""
_ASK = """
import http.client, json
BODY = json.dumps({"model": "m", "stream": True, "messages": []})

def ask(port):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/v1/chat/completions", BODY, {"Content-Type": "application/json"})
    connection.getresponse().read()
    connection.close()
"""
_TESTS = {
    "empty": "def test_{}(): pass",
    "fixture": "def test_{}(sse_server): pass",
    "request": "def test_{}(sse_server):\n    sse_server.chat('Hello, world')\n    ask(sse_server.port)",
}


def cold(sizes: Sizes) -> Iterator[Row]:
    """CPU time from the start of a process to the first byte of its first answer."""
    with TemporaryDirectory() as cache:
        there = _installed(cache)
        serve = least(lambda: _first_byte(["-m", "orharness", "serve", "--text", "hi"], there), sizes.starts + 1)
        base = least(lambda: _first_byte(["-c", _BARE], there), sizes.starts + 1)
    why = (
        "our own 116 modules take some 55 ms, most of it for making dataclasses; both sides import aiohttp, 85 ms, half"
        " of which is its TLS context"
    )
    measured, shown = f"{serve * 1e3:.0f} ms", f"a bare aiohttp script: {base * 1e3:.0f} ms"
    yield Row("first byte of `orharness serve` from a cold start", measured, shown, serve / base, 1.3, why=why)


def _installed(cache: str) -> dict[str, str]:
    """The environment of a process whose modules are compiled, as those of an installed package are.

    An editable install compiles them at the first import, unless that is forbidden: so readings after the first count.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**environment, "PYTHONPYCACHEPREFIX": cache}


def _first_byte(arguments: Sequence[str], environment: dict[str, str]) -> float:
    command = [sys.executable, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as process:
        assert process.stdout is not None
        connection = HTTPConnection("127.0.0.1", urlsplit(process.stdout.readline().decode().strip()).port)
        connection.request("POST", PATH, body("m"), {"Content-Type": "application/json"})
        connection.getresponse().read(1)
        spent = cpu_of(process.pid)
        process.send_signal(signal.SIGTERM)
        process.wait()
        connection.close()
    return spent


def check(sizes: Sizes) -> Iterator[Row]:
    """``orharness check`` of one case, the whole process."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "client.py"
        file.write_text(_CLIENT, "utf-8")
        command = ["-m", "orharness", "check", f"{file}:stream", "--only", "framing/crlf"]
        there = _installed(str(Path(folder) / "cache"))
        spent, wall = min(_whole(command, environment=there) for _ in range(sizes.starts + 1))
    what = "`orharness check`, one case, the whole process: CPU seconds"
    why = (
        "imports: aiohttp takes 0.17 s, typer with pydantic 0.11, our own 260 modules most of the rest; half of that is"
        " for dataclasses, which are made at import"
    )
    yield Row(what, f"{spent:.3g} s (wall {wall:.3g} s)", "", spent, 0.6, why=why)


def _whole(
    arguments: Sequence[str], folder: str | None = None, environment: dict[str, str] | None = None
) -> tuple[float, float]:
    """CPU and wall seconds of a process and what it started. Raises ``RuntimeError`` where it fails."""
    began = monotonic()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env=environment,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime, monotonic() - began


def tests(sizes: Sizes) -> Iterator[Row]:
    """CPU time a test: the difference of two runs, so that what a run pays once does not count."""
    few, many = sizes.tests
    with TemporaryDirectory() as folder:

        def run(kind: str, number: int) -> float:
            file = Path(folder) / f"test_{kind}_{number}.py"
            file.write_text(_ASK + "\n".join(_TESTS[kind].replace("{}", str(at)) for at in range(number)), "utf-8")
            return _whole(["-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)], folder)[0]

        def each(kind: str) -> float:
            runs = [least(lambda number=number: run(kind, number), sizes.starts) for number in (few, many)]  # type: ignore[misc]
            return (runs[1] - runs[0]) / (many - few) * 1e3

        empty, fixture, request = map(each, _TESTS)
    base = f"an empty test: {empty:.3g} ms"
    why = (
        "a fixture that does nothing costs pytest 0.2 to 0.3 ms; two sockets, the server's objects and one call to its"
        " thread, on another core, at the end take the rest"
    )
    what = "ms a test with `sse_server`, above an empty one"
    yield Row(f"{what}: only asked for", f"{fixture - empty:.3g} ms", base, fixture - empty, 0.5, why=why)
    why = (
        "the client and the server are two threads of one interpreter, which hand over to each other at each of six"
        " boundaries that are proven: from core to core that is nearly half of it (`taskset -c 0 python -m"
        " benchmarks.all --only tests`)"
    )
    yield Row(
        f"{what}: one request, its client included", f"{request - empty:.3g} ms", base, request - empty, 2, why=why
    )
