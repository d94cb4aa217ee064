"""Does a server hold for long? ``python -m benchmarks.soak [--minutes 30] [--clients 200] [--seed 1]``.

Clients of one process read mixed streams from ``orharness serve``, leave some of them by FIN or RST, let some stall,
read answers that end in a fault, and send rubbish. Then the journal is held against what each client did. Ends with 1
if an entry is wrong, a stream or a socket is left over, the server printed an error, or its memory goes on growing
after the first third of the time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from socket import SO_LINGER, SOL_SOCKET
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

from benchmarks.readers import allow_many_files

_SCENARIO = """
orharness: 1
routes:
- {path: /v1/whole, events: [{data: one}, {data: two}, {data: "[DONE]"}], pacing: recorded}
- path: /v1/slow
  events: [{data: one}, {data: two, delay: 0.02}, {data: three, delay: 0.02}, {data: "[DONE]", delay: 0.05}]
  pacing: recorded
- {path: /v1/proven, events: [{data: one}, {data: two}, {data: "[DONE]"}], pacing: lockstep}
- {path: /v1/joined, events: [{data: one}, {data: two}, {data: "[DONE]"}], pacing: instant}
- {path: /v1/aborted, events: [{data: one}, {data: two}], ending: abort, pacing: recorded}
- {path: /v1/reset, events: [{data: one}, {data: two}], ending: reset, pacing: recorded}
- {path: /v1/held, events: [{data: one}, {data: late, delay: 3600}], pacing: recorded}
- {path: /v1/chat/completions, answer: {tokens: 50}, pacing: recorded}
"""
_CHAT = json.dumps({"model": "m", "stream": True, "messages": []}).encode()
_END = b"0\r\n\r\n"
_KEPT = 2_000  # exchanges in the journal: it is full after the first third of any run, so that memory is flat
_RESET = struct.pack("ii", 1, 0)
_GROWTH = 1.1  # how much larger memory may be at the end than after the first third
_SPARE = 8 * 1024  # KiB of growth that a short run is allowed: an allocator takes memory in steps
_OFTEN = 1.0  # seconds between two readings of the server's memory
_PATIENCE = 60.0  # seconds for one answer


@dataclass(frozen=True)
class Act:
    """What a client does, and the outcomes that its exchange may have."""

    name: str
    path: str
    outcomes: frozenset[str]
    chance: int  # its part of all
    until: bytes = _END
    reset: bool = False
    stalls: float = 0.0
    body: bytes = b"{}"


_DONE = frozenset({"completed", "left_at_end"})
ACTS = (
    Act("reads a stream", "/v1/whole", _DONE, 20),
    Act("reads a slow stream", "/v1/slow", _DONE, 15),
    Act("reads a proven stream", "/v1/proven", _DONE, 10),
    Act("reads a joined stream", "/v1/joined", _DONE, 10),
    Act("reads a completion", "/v1/chat/completions", _DONE, 15, body=_CHAT),
    Act("stalls, and reads on", "/v1/chat/completions", _DONE, 5, body=_CHAT, stalls=0.3),
    Act("leaves by FIN", "/v1/held", frozenset({"cancelled"}), 10, until=b"data: one\n\n\r\n"),
    Act("leaves by RST", "/v1/held", frozenset({"cancelled"}), 10, until=b"data: one\n\n\r\n", reset=True),
    Act("is aborted", "/v1/aborted", frozenset({"faulted"}), 5, until=b""),
    Act("is reset", "/v1/reset", frozenset({"faulted"}), 5, until=b""),
    Act("asks for what is not there", "/v1/nothing", frozenset({"unmatched"}), 5, until=b""),
)
RUBBISH = (
    b"\x16\x03\x01\x00\xa5\x01\x00",
    b"GET / HTTP/9.9\r\n\r\n",
    b"POST /v1/whole HTTP/1.1\r\nContent-Length: x\r\n\r\n",
)


@dataclass
class Found:
    """What came of it. ``acts`` by the number of their request; ``memory``: KiB of the server, by seconds."""

    acts: dict[int, Act] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    memory: list[tuple[float, int]] = field(default_factory=list)


async def soak(port: int, pid: int, *, seconds: float, clients: int, seed: int) -> Found:
    """Have so many clients act for that time."""
    found, until = Found(), monotonic() + seconds

    async def client(chance: Random) -> None:
        while monotonic() < until:
            if chance.random() < 0.02:
                await _send_rubbish(port, chance.choice(RUBBISH))
                found.done["sends rubbish"] += 1
                continue
            [act] = chance.choices(ACTS, [one.chance for one in ACTS])
            number = len(found.acts)
            found.acts[number] = act
            try:
                await asyncio.wait_for(_do(port, act, number), _PATIENCE)
            except (OSError, TimeoutError) as error:
                found.wrong.append(f"{act.name}, request {number}: {error!r}")
            found.done[act.name] += 1

    async def watch() -> None:
        began = monotonic()
        while monotonic() < until:
            found.memory.append((monotonic() - began, _resident(pid)))
            await asyncio.sleep(min(_OFTEN, seconds / 20))

    await asyncio.gather(watch(), *(client(Random(f"{seed} {number}")) for number in range(clients)))
    return found


async def _do(port: int, act: Act, number: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST {act.path} HTTP/1.1\r\nHost: soak\r\nX-Number: {number}\r\nContent-Length: {len(act.body)}\r\n"
    if not act.until:
        head += "Connection: close\r\n"
    writer.write(f"{head}\r\n".encode() + act.body)
    got = b""
    try:
        while not (act.until and got.endswith(act.until)):
            piece = await reader.read(65536)
            if not piece:
                break
            got += piece
            if act.stalls and got.count(b"data:") == 1:
                await asyncio.sleep(act.stalls)
    except ConnectionResetError:
        if act.until:
            raise
    finally:
        if act.reset:
            writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, _RESET)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    if act.until and not got.endswith(act.until):
        raise EOFError(f"the answer ended after {len(got)} bytes: {got[-60:]!r}")


async def _send_rubbish(port: int, data: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with suppress(OSError):
        writer.write(data)
        writer.write_eof()
        await asyncio.wait_for(reader.read(), _PATIENCE)
    writer.close()


def _resident(pid: int) -> int:
    """KiB of the process's resident memory."""
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def _sockets(pid: int) -> int:
    links = (entry for entry in Path(f"/proc/{pid}/fd").iterdir())
    return sum(_target(link).startswith("socket:") for link in links)


def _left_over(pid: int, before: int) -> int:
    """How many sockets more than before it has; those that are being closed get some seconds."""
    for _ in range(50):
        if _sockets(pid) <= before:
            break
        sleep(0.1)
    return _sockets(pid) - before


def _target(link: Path) -> str:
    with suppress(OSError):
        return str(link.readlink())
    return ""


def judge(found: Found, journal: Sequence[dict[str, Any]]) -> list[str]:
    """What is wrong: entries that are not what their client did, and memory that grows."""
    wrong = list(found.wrong)
    for one in journal:
        number = one["request"]["headers"].get("X-Number")
        if number is None:  # of rubbish
            continue
        act = found.acts[int(number)]
        if one["outcome"] not in act.outcomes:
            wrong.append(f"request {number} ({act.name}): outcome {one['outcome']}, not {' or '.join(act.outcomes)}")
    thirds = [[size for at, size in found.memory if _third(at, found) == third] for third in range(3)]
    if all(thirds):
        before, after = median(thirds[1]), median(thirds[2])
        if after > before * _GROWTH and after > before + _SPARE:
            wrong.append(f"memory goes on growing: {before:,.0f} KiB in the second third, {after:,.0f} in the last")
    return wrong


def _third(at: float, found: Found) -> int:
    return min(2, int(3 * at / (found.memory[-1][0] or 1.0)))


def run(*, seconds: float, clients: int, seed: int, say: Callable[[str], None] = print) -> list[str]:
    """Soak a server of its own, and return what was wrong."""
    allow_many_files()
    with TemporaryDirectory() as folder:
        file, printed = Path(folder) / "soak.yaml", Path(folder) / "printed"
        file.write_text(_SCENARIO, "utf-8")
        command = [sys.executable, "-m", "orharness", "serve", "--scenario", str(file), "--journal", str(_KEPT)]
        with printed.open("wb") as lines, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=lines) as process:
            assert process.stdout is not None
            port = urlsplit(process.stdout.readline().decode().strip()).port
            assert port is not None
            before = _sockets(process.pid)
            found = asyncio.run(soak(port, process.pid, seconds=seconds, clients=clients, seed=seed))
            journal = _settled(port)
            wrong = judge(found, journal)
            if (left := _left_over(process.pid, before)) > 0:
                wrong.append(f"{left} sockets of the server are left over")
            process.send_signal(signal.SIGINT)
            if process.wait(30):
                wrong.append(f"serve ended with {process.returncode}")
        said = printed.read_text("utf-8")
    wrong += [f"the server printed: {line}" for line in said.splitlines() if "Traceback" in line or "Error" in line]
    for name, times in sorted(found.done.items()):
        say(f"{times:8,}  {name}")
    say(f"{found.memory[0][1]:,} KiB at first, {found.memory[-1][1]:,} KiB at last; {len(journal):,} entries looked at")
    return wrong


def _settled(port: int) -> list[dict[str, Any]]:
    """The journal's entries, once all are decided; after ten seconds those that are there."""
    for _ in range(100):
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/_orharness/journal")
        entries: list[dict[str, Any]] = json.load(connection.getresponse())["exchanges"]
        connection.close()
        if all(one["outcome"] is not None for one in entries):
            break
        sleep(0.1)
    return entries


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    wrong = run(seconds=options.minutes * 60, clients=options.clients, seed=options.seed)
    for line in wrong[:100]:
        print(f"WRONG: {line}")
    print(f"{len(wrong)} things wrong" if wrong else "Nothing wrong.")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
