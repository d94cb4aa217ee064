"""Every way to leave an answer, generated, played, and held against what the clients themselves say that they did."""

from __future__ import annotations

import json
import subprocess
import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import accumulate, groupby, product
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import Any

from orharness.journal import Certainty, Exchange, How, Outcome, Pacing
from orharness.server.exchange import LiveExchange
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from orharness.stream import Chunk, Framing
from orharness.transforms import hold

EVENTS = tuple(b'data: {"n": %d}\n\n' % number for number in range(24))
DONE, AFTER = b"data: [DONE]\n\n", b": after the end\n\n"
CHUNKS = (*EVENTS, DONE, AFTER)
BODY = b"".join(CHUNKS)
END = len(BODY) - len(AFTER)
_TOKENS = tuple(accumulate(map(len, EVENTS)))
_HELD = 7  # events before the hold
_LAST_CHUNK = b"0\r\n\r\n"
_GAP = 0.004  # seconds between two events where a client leaves while they flow
_FOR_EVER = 3600.0
_KEEP = 0.3  # seconds for which a half-closed socket is kept
_FINAL = 30.0  # seconds for an outcome to become final, at most

MOMENTS = ("before the head", "while events flow", "at a hold", "after the end marker", "after everything")
WAYS = ("all read", "bytes unread", "rst, all read", "rst, bytes unread", "half-close", "half-close, bytes unread",
        "after a wait", "rst after a wait", "in flight", "rst in flight")  # fmt: skip


@dataclass(frozen=True, order=True)
class Leaving:
    """One cell of the matrix."""

    pacing: Pacing
    framing: Framing
    moment: str
    host: str
    way: str

    def __str__(self) -> str:
        return f"{self.pacing} {self.framing.value}, {self.moment}, {self.way}, {self.host}"


def every_leaving(hosts: Sequence[str]) -> list[Leaving]:
    """The whole matrix."""
    return sorted(Leaving(*cell) for cell in product(Pacing, Framing, MOMENTS, hosts, WAYS))


@dataclass(frozen=True)
class Truth:
    """What the client itself says: the bytes that it had read when it left, and how many lay unread.

    ``ports``: the client's and the server's.
    """

    leaving: Leaving
    got: bytes
    unread: int
    ports: tuple[int, int]

    @property
    def body(self) -> int:
        """How many bytes of the body are among those that it read."""
        return body_in(self.got)

    @property
    def hows(self) -> set[How]:
        """Which ways of leaving its system call can be: a close with unread bytes sends an RST."""
        if self.leaving.way.startswith("half-close"):
            return {How.HALF_CLOSE}
        if self.leaving.way.startswith("rst") or self.unread:
            return {How.RST}
        return {How.FIN, How.RST}  # bytes may have come between the count and the close


def body_in(wire: bytes) -> int:
    """How many bytes of the body are in the beginning of a response."""
    head, found, rest = wire.partition(b"\r\n\r\n")
    if not found:
        return 0
    return _dechunked(rest) if b"chunked" in head.lower() else len(rest)


def _dechunked(rest: bytes) -> int:
    """How many bytes of a body are in the beginning of its chunked form."""
    body = 0
    while rest:
        size, found, rest = rest.partition(b"\r\n")
        if not found or not size:
            break
        length = int(size, 16)
        body += min(length, len(rest))
        rest = rest[length + 2 :]
    return body


@dataclass(frozen=True)
class Seen:
    """A leaving: what the client says, and what the journal says when the outcome was final."""

    truth: Truth
    exchange: Exchange

    def contradictions(self) -> Iterator[str]:
        """What the journal marks as seen, inferred or a lower bound, and is not so."""
        seen, body = self.exchange, self.truth.body
        known = seen.certainty
        if known.bytes_read.sure and seen.bytes_read != body:
            yield f"{seen.bytes_read} bytes read [{known.bytes_read}], the client read {body}"
        if known.bytes_read is Certainty.AT_LEAST and (seen.bytes_read is None or seen.bytes_read > body):
            yield f"at least {seen.bytes_read} bytes read, the client read {body}"
        if known.bytes_read is Certainty.UNKNOWN and seen.bytes_read is not None:
            yield f"{seen.bytes_read} bytes read, of which nothing is known"
        if known.how.sure and seen.how not in self.truth.hows:
            yield f"how {seen.how} [{known.how}], the client did {self.truth.leaving.way}"
        yield from self._of_the_outcome(body)
        yield from self._of_the_tokens(body)

    def _of_the_outcome(self, body: int) -> Iterator[str]:
        outcome, known = self.exchange.outcome, self.exchange.certainty.outcome
        if not known.sure:
            return
        fits = {
            Outcome.COMPLETED: body == len(BODY),
            Outcome.LEFT_AT_END: body >= END,
            Outcome.CANCELLED: body < END,
        }
        if outcome is None or not fits.get(outcome, False):
            yield f"outcome {outcome} [{known}], the client read {body} of {len(BODY)} bytes, the end marker at {END}"

    def _of_the_tokens(self, body: int) -> Iterator[str]:
        bill, known = self.exchange.bill, self.exchange.certainty.tokens_read
        if bill is None or bill.tokens_read is None:
            return
        tokens = bisect_right(_TOKENS, body)
        if (known.sure and bill.tokens_read != tokens) or bill.tokens_read > tokens:
            yield f"{bill.tokens_read} tokens read [{known}], the client read {tokens}"


class Leavers:
    """The process of the clients, in this network namespace or, by ``prefix``, in another."""

    def __init__(self, prefix: Sequence[str] = ()) -> None:
        script = str(Path(__file__).with_name("leavers.py"))
        command = [*prefix, sys.executable, "-I", "-S", script]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def leave(self, plans: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """All of them at once; what each says."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(plans) + "\n")
        self._process.stdin.flush()
        answer: list[dict[str, Any]] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        """End the process."""
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()


@contextmanager
def leavers(prefix: Sequence[str] = ()) -> Iterator[Leavers]:
    """The clients, to the end of the block."""
    made = Leavers(prefix)
    try:
        yield made
    finally:
        made.close()


def play(thread: ServerThread, clients: Leavers, cells: Iterable[Leaving], chance: Random) -> Iterator[Seen]:
    """Play the cells, those of one server and one framing at a time; how far a client reads is left to chance."""
    for (host, pacing, framing), group in groupby(sorted(cells, key=_by_server), key=lambda cell: _by_server(cell)[:3]):
        with SseServer(thread, host=host, pacing=Pacing(pacing), strict=False) as server:
            yield from _play_at(server, clients, list(group), Framing(framing), chance)


def _by_server(cell: Leaving) -> tuple[str, str, str, str, str]:
    return cell.host, cell.pacing.value, cell.framing.value, cell.moment, cell.way


def _play_at(
    server: SseServer, clients: Leavers, cells: list[Leaving], framing: Framing, chance: Random
) -> Iterator[Seen]:
    for moment in dict.fromkeys(cell.moment for cell in cells):
        _mount(server, framing, moment)
    plans = [_plan(server, cell, number, chance) for number, cell in enumerate(cells)]
    said = {one["id"]: one for one in clients.leave(plans)}
    lives = {live.request.header("x-case"): live for live in server._answering.exchanges}
    for each in lives.values():
        _wait_final(each)
    server.close()
    for number, cell in enumerate(cells):
        one, live = said[number], lives.get(str(number))
        if "error" in one:
            raise AssertionError(f"{cell}: {one['error']}")
        if live is not None:  # a client may have reset the connection before it was accepted
            truth = Truth(cell, one["got"].encode("latin-1"), one["unread"], (one["port"], server.port))
            yield Seen(truth, live.snapshot())


def _wait_final(live: LiveExchange) -> None:
    deadline = monotonic() + _FINAL
    while not live.machine.final:
        if monotonic() > deadline:
            raise AssertionError(f"undecided: {live.snapshot()!r}")
        sleep(0.002)


def _path(moment: str) -> str:
    return f"/{moment.replace(' ', '-')}"


def _mount(server: SseServer, framing: Framing, moment: str) -> None:
    route = server.post(_path(moment))
    match moment:
        case "before the head":
            route.stream(*CHUNKS, framing=framing, head=_FOR_EVER)
        case "while events flow":
            route.stream(*(Chunk(data, _GAP) for data in CHUNKS), framing=framing)
        case "at a hold":
            route.stream(*CHUNKS, framing=framing, through=[hold(chunks=_HELD)])
        case "after the end marker":
            route.stream(*CHUNKS, framing=framing, through=[hold(chunks=len(CHUNKS) - 1)])
        case _:
            route.stream(*CHUNKS, framing=framing)


def _plan(server: SseServer, cell: Leaving, number: int, chance: Random) -> dict[str, Any]:
    """What the client does: ``take`` bytes, or all ``until`` a text or the end, then a wait, then it leaves."""
    unread, way = "unread" in cell.way, cell.way
    take: int | None = None
    until = {
        "at a hold": EVENTS[_HELD - 1],
        "after the end marker": DONE,
        "after everything": AFTER,
        "while events flow": chance.choice(CHUNKS),
    }.get(cell.moment, b"")
    if cell.framing is Framing.CHUNKED:
        until += b"\r\n"
    if cell.moment == "after everything" and cell.framing is Framing.CHUNKED:
        until = _LAST_CHUNK
    if unread or "in flight" in way:
        take = chance.randrange(1, END)
    if cell.moment == "before the head" or (take is not None and cell.moment == "at a hold"):
        take = 0 if cell.moment == "before the head" else chance.randrange(1, 200)
    return {
        "id": number,
        "host": cell.host,
        "port": server.port,
        "request": f"POST {_path(cell.moment)} HTTP/1.1\r\nHost: test\r\nX-Case: {number}\r\nContent-Length: 0\r\n\r\n",
        "until": until.decode("latin-1"),
        "take": take,
        "wait": chance.choice((0.03, 0.15, 1.1)) if "wait" in way else 0.05 if cell.moment == "before the head" else 0,
        "drain": take is None and "flight" not in way,
        "way": "half_close" if way.startswith("half") else "rst" if way.startswith("rst") else "close",
        "keep": _KEEP,
    }


def play_all(prefix: Sequence[str], cells: Iterable[Leaving], chance: Random) -> list[Seen]:
    """Play the cells with a server thread of their own."""
    with ExitStack() as stack:
        thread = ServerThread().start()
        stack.callback(thread.stop)
        return list(play(thread, stack.enter_context(leavers(prefix)), cells, chance))
