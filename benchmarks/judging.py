"""How long does it take to judge a client? ``python -m benchmarks.judging [--quick] [--rounds N] [CLIENT …]``.

A sweep (one stream, cut once at every offset of it) in turns (A B A B) with as many requests of the same client, in the
same processes, to a bare ``asyncio.Protocol`` that writes the same answer whole and looks at nothing: machines are
noisy. Then the whole profile ``gateway``. A client is named as for ``orharness check``. Ends with 1 if one failed.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median
from time import perf_counter

from benchmarks.bare import HEAD, LAST_CHUNK, framed
from benchmarks.tables import Table
from orharness.contract import run
from orharness.contract.runner import chosen, representative
from orharness.contract.worker import NamedFunction
from orharness.server.thread import ServerThread, loopback_sockets
from orharness.verdict import Result, Verdict

_CLIENTS = ("tests/correct_clients.py:correct", "tests/correct_clients.py:correct_async")
_SWEEP, _SMALL_SWEEP = "boundaries/every-offset-of-2k", "boundaries/every-offset"
_FAMILY = "done"  # of a quick run, instead of the whole profile
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_MINUTES = 600.0  # seconds after which bare requests are given up


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


def bare_origin(stack: ExitStack, thread: ServerThread, body: bytes) -> str:
    """The base URL of a server that answers everything with this body, until the stack is closed."""
    listening, *others = loopback_sockets()
    for one in others:  # ::1 with the same port: nobody asks for it here
        one.close()
    answer = HEAD + framed(body) + LAST_CHUNK

    async def listen() -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(lambda: WholeAnswers(answer), sock=listening)

    server = thread.run(listen)
    stack.callback(lambda: thread.call(server.close))
    return f"http://127.0.0.1:{listening.getsockname()[1]}/v1"


def timed_bare(client: NamedFunction, base_url: str, times: int) -> float:
    """Seconds that so many requests take. Raises ``RuntimeError`` if one of them failed."""
    started = perf_counter()
    batch = client.start_many(base_url, times)
    batch.ended.wait(_MINUTES)
    seconds = perf_counter() - started
    batch.close()
    if batch.texts is None:
        raise RuntimeError("a request to the bare server failed")
    return seconds


def timed_run(client: NamedFunction, thread: ServerThread, only: str | None) -> tuple[float, list[Verdict]]:
    """Seconds that the cases take, and what is said of the client."""
    started = perf_counter()
    verdicts = run(client, only=only, thread=thread)
    return perf_counter() - started, verdicts


def failed(verdicts: Sequence[Verdict]) -> list[str]:
    """The ids of the cases that failed."""
    return [verdict.case for verdict in verdicts if verdict.result is Result.FAIL]


def measure(names: Sequence[str], rounds: int, *, quick: bool) -> tuple[list[Table], list[str]]:
    """The tables, and what failed."""
    sweep = _SMALL_SWEEP if quick else _SWEEP
    [case] = chosen(only=sweep)
    body = representative(case).body
    sweeps = Table(
        "1",
        f"{sweep}: {len(body):,} bytes, cut once at every offset",
        ("client", "rounds", "boundaries", "proven", "least s", "median s", "bare s", "ratio"),
        (
            "boundaries: those that were tried in one sweep; proven: the kernel saw the client read up to each",
            "bare: the same requests, answered whole by a bare asyncio.Protocol (median); ratio: median s to bare s",
            "the first round, in which the client's packages are imported, is left out",
        ),
    )
    profiles = Table(
        "2",
        f"the family {_FAMILY}" if quick else "the whole profile gateway",
        ("client", "cases", "failed", "seconds"),
    )
    wrong: list[str] = []
    with ExitStack() as stack:
        thread = ServerThread().start()
        stack.callback(thread.stop)
        base_url = bare_origin(stack, thread, body)
        for name in names:
            client = stack.enter_context(NamedFunction(name))
            timed_run(client, thread, sweep)
            ours: list[float] = []
            bares: list[float] = []
            for _ in range(rounds):
                seconds, verdicts = timed_run(client, thread, sweep)
                ours.append(seconds)
                bares.append(timed_bare(client, base_url, len(body) - 1))
                wrong += failed(verdicts)
            [verdict] = verdicts
            tried, proven = verdict.boundaries_tried, verdict.boundaries_proven
            bare = median(bares)
            sweeps.rows.append((name, rounds, tried, proven, min(ours), median(ours), bare, median(ours) / bare))
            seconds, verdicts = timed_run(client, thread, _FAMILY if quick else None)
            profiles.rows.append((name, len(verdicts), len(failed(verdicts)), seconds))
            wrong += failed(verdicts)
    return [sweeps, profiles], wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judging", description=__doc__)
    parser.add_argument("clients", nargs="*", metavar="CLIENT", default=_CLIENTS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a small sweep and one family: does it run at all?")
    options = parser.parse_args(arguments)
    tables, wrong = measure(options.clients, options.rounds, quick=options.quick)
    for table in tables:
        print(table)
    print(f"FAILED: {', '.join(wrong)}" if wrong else "Nothing failed.")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
