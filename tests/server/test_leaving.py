"""Every way to leave, at every stage of an answer: the outcome, how, its moment, what was written and what was read.

``STAGES`` times ``WAYS``, each cell ``TIMES`` times over raw sockets, in all pacings. What is expected is computed by
``_expected``, a model of a few lines that shares nothing with ``decide``. A cell that cannot be stands in
``IMPOSSIBLE``, with the reason.

A moment is right if it lies between two others that the test took on the same clock, before the act and after the
verdict: nothing here depends on how fast the machine is. Only who resets waits until the journal shows what was read:
of an RST, TCP tells nobody what was read before it, so the server knows what it saw last.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import accumulate, product
from time import monotonic

import pytest

from orharness.journal import Exchange, How, Outcome, Pacing
from orharness.server.exchange import LiveExchange
from orharness.server.facade import SseServer
from orharness.server.handles import Call, LiveRoute
from orharness.server.thread import ServerThread
from orharness.stream import Chunk
from orharness.transforms import hold
from tests.support.raw import Raw, Victims, eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody tells what a client has read")

TIMES = 50
CROWD = 250  # connections: below 1024 files, the usual limit, with both ends in this process
LAST_CHUNK = b"0\r\n\r\n"
LARGE = b"x" * 2_000_000
FOR_EVER = 3600.0  # seconds
SLOW = 0.1
ROUNDING = 1e-6  # of seconds that were subtracted and are added again
CHUNKS = (
    b": PROCESSING 1\n\n",
    b": PROCESSING 2\n\n",
    b'data: {"n": 0}\n\n',
    b'data: {"n": 1}\n\n',
    b'data: {"n"',
    b": 2}\n\n",
    b'data: {"n": 3}\n\n',
    b"data: [DONE]\n\n",
)
ALL = len(CHUNKS)
SIZES = (0, *accumulate(map(len, CHUNKS)))  # of so many chunks together


@dataclass(frozen=True)
class Stage:
    """Where the client is. ``chunks``: so many it has read; ``kept``: what keeps the server there."""

    name: str
    chunks: int
    kept: str = "gate"
    head: bool = True  # it has read the head
    end: bool = False  # and everything


@dataclass(frozen=True)
class Way:
    """What the client does. ``leave``: ``None`` if it stays; ``first``: what it did on the connection before."""

    name: str
    leave: Callable[[Raw], None] | None = None
    how: How | None = None
    unread: bool = False  # more comes, which it does not read
    first: str = ""


BEFORE_HEAD = Stage("before the head", 0, kept="head", head=False)
SILENT = Stage("held silent", 6)
AFTER_DONE = Stage("right after [DONE]", ALL)
AFTER_END = Stage("after the end", ALL, kept="", end=True)
STAGES = (
    BEFORE_HEAD,
    Stage("before the first byte", 0),
    Stage("comments only", 2),
    Stage("between two chunks", 4, kept="delay"),
    Stage("in the middle of an event", 5),
    SILENT,
    Stage("before [DONE]", ALL - 1),
    AFTER_DONE,
    AFTER_END,
)
LEAVING = (
    Way("FIN", Raw.close, How.FIN),
    Way("RST", Raw.reset, How.RST),
    Way("half-close", Raw.half_close, How.HALF_CLOSE),
    Way("killed", Raw.kill, How.FIN),
)
WAYS = (
    *LEAVING,
    # Whoever closes a socket in which bytes lie unread sends an RST (RFC 2525, section 2.17).
    Way("closed, bytes unread", Raw.close, How.RST, unread=True),
    Way("killed, bytes unread", Raw.kill, How.RST, unread=True),
    Way("stays"),
    Way("stops reading, stays", unread=True),
    *(
        Way(f"{name} {first}", leave, how, first=first)
        for first in ("after an exchange", "after 2 MB")
        for name, leave, how in (
            ("FIN", Raw.close, How.FIN),
            ("RST", Raw.reset, How.RST),
            ("half-close", Raw.half_close, How.HALF_CLOSE),
        )
    ),
)
IMPOSSIBLE = {
    SILENT: "what comes unread is not silence",
    AFTER_END: "after the end nothing comes that could lie unread",
}  # each with a way that leaves bytes unread
CELLS = [(stage, way) for stage, way in product(STAGES, WAYS) if not (way.unread and stage in IMPOSSIBLE)]


@dataclass(frozen=True)
class Verdict:
    """What the journal says of an exchange, but for its moments."""

    outcome: Outcome | None
    how: How | None
    chunks_written: int
    bytes_written: int
    bytes_read: int | None


# --- what is expected -------------------------------------------------------------------------------------------------


def _expected(stage: Stage, way: Way, pacing: Pacing) -> Verdict:
    written = _written(stage, pacing) if way.unread else stage.chunks
    return Verdict(*_end(stage, way), written, SIZES[written], SIZES[stage.chunks])


def _written(stage: Stage, pacing: Pacing) -> int:
    """Chunks written to a client that reads no more: in lockstep one, unless it is the head that it does not read."""
    if pacing is not Pacing.LOCKSTEP:
        return ALL
    return min(stage.chunks + 1, ALL) if stage.head else 0


def _end(stage: Stage, way: Way) -> tuple[Outcome, How | None]:
    if stage.end:
        return Outcome.COMPLETED, None  # whatever the client does then: it leaves no answer
    if way.leave is None:
        return Outcome.ABANDONED if way.unread else Outcome.STILL_OPEN, None
    return Outcome.LEFT_AT_END if stage.chunks == ALL else Outcome.CANCELLED, way.how


# --- what is done -----------------------------------------------------------------------------------------------------


class Client:
    """One connection and its exchange. Moments are of the clock that the server has, too."""

    def __init__(self, raw: Raw, first: LiveRoute | None, reply: LiveRoute, number: int, body: bytes) -> None:
        self.raw = raw
        self.began = monotonic()
        self.acted = self.judged = 0.0
        self.first = None if first is None else self._ask("/first", first, number, b"")
        if self.first is not None:
            raw.read_until(LAST_CHUNK)
            assert self.first.wait_ended(20) is Outcome.COMPLETED
            raw.reads.clear()
        self.call = self._ask("/s", reply, number, body)
        self.live: LiveExchange = reply.exchanges[number - 1]

    def _ask(self, path: str, reply: LiveRoute, number: int, body: bytes) -> Call:
        self.raw.request("POST", path, body)
        return reply.wait_call(20, number)

    def read_as_far_as(self, stage: Stage) -> None:
        """After that nothing comes."""
        if stage.head:
            self.raw.read_until(b"\r\n\r\n" if not stage.chunks else CHUNKS[stage.chunks - 1] + b"\r\n")
        if stage.end:
            self.raw.read_until(LAST_CHUNK)

    def wait_known(self, expected: Verdict) -> None:
        """Until the server has written what it will write, and knows what was read."""
        eventually(lambda: self._progress() == (expected.bytes_written, expected.bytes_read))
        if expected.outcome is Outcome.COMPLETED:
            self.call.wait_ended(20)

    def _progress(self) -> tuple[int, int | None]:
        seen = self.call.exchange
        return seen.bytes_written, seen.bytes_read or 0

    def act(self, leave: Callable[[Raw], None]) -> None:
        self.acted = monotonic()
        leave(self.raw)

    def wait_judged(self) -> None:
        self.call.wait_ended(20)
        self.judged = monotonic()

    def verdict(self) -> Verdict:
        seen = self.call.exchange
        return Verdict(seen.outcome, seen.how, seen.chunks_written, seen.bytes_written, seen.bytes_read)

    def check_moments(self, *, left: bool) -> None:
        """Its leaving, or else its outcome, came after the act and before the verdict was seen."""
        seen = self.call.exchange
        moment = seen.left_after if left else seen.ended_after
        assert moment is not None
        assert seen.ended_after == moment
        assert (seen.left_after is not None) is left
        assert self.began <= self.live.started <= self.acted
        assert self.acted - ROUNDING <= self.live.started + moment <= self.judged + ROUNDING


class Scene:
    """A server, and some clients that all do the same at the same stage."""

    def __init__(self, server: SseServer, stage: Stage, way: Way, clients: int, stack: ExitStack) -> None:
        self.server = server
        self.stage = stage
        self.way = way
        self.reply = _mount(server, stage, way)
        self.first = server.post("/first").stream(*CHUNKS) if way.first == "after an exchange" else None
        self.body = LARGE if way.first == "after 2 MB" else b""
        self.clients = [self._client(stack.enter_context(Raw(server)), number) for number in range(1, clients + 1)]

    def _client(self, raw: Raw, number: int) -> Client:
        client = Client(raw, self.first, self.reply, number, self.body)
        client.read_as_far_as(self.stage)
        return client

    def send_the_rest(self) -> None:
        """Nobody reads it."""
        if self.stage.head:
            self.reply.release()
        for client in self.clients:
            client.raw.socket.recv(1, socket.MSG_PEEK)

    def leave_or_end(self) -> None:
        """The act; the end of the test is the act of those that stay."""
        for client in self.clients:
            client.act(self.way.leave or (lambda raw: None))
        if self.way.leave is None:
            self.server.close()

    def check(self, expected: Verdict) -> None:
        """All got the verdict, and keep it whatever the server sees after it."""
        for client in self.clients:
            client.wait_judged()
        for _ in range(3):  # turns of the loop
            assert len(self.server.journal) == len(self.clients) * (1 if self.first is None else 2)
        self.server.close()
        assert [client.verdict() for client in self.clients] == [expected] * len(self.clients)
        for client in self.clients:
            assert client.call.exchange.request.body == self.body
            assert client.first is None or _is_untouched(client.first.exchange)


def _is_untouched(first: Exchange) -> bool:
    """The exchange before is over: the leaving is not booked against it."""
    seen = (first.outcome, first.how, first.left_after, first.bytes_read)
    return seen == (Outcome.COMPLETED, None, None, SIZES[ALL])


def _mount(server: SseServer, stage: Stage, way: Way) -> LiveRoute:
    """An answer that does not go on after the stage by itself."""
    kept = "gate" if way.unread else stage.kept
    before, after = CHUNKS[: stage.chunks], CHUNKS[stage.chunks :]
    if kept == "delay":
        return server.post("/s").stream(*before, Chunk(after[0], FOR_EVER), *after[1:])
    if kept == "gate" and stage.head:
        return server.post("/s").stream(*CHUNKS, through=[hold(chunks=stage.chunks)])
    return server.post("/s").stream(*CHUNKS, head=FOR_EVER if kept == "head" else 0)


def _rounds(stage: Stage, way: Way) -> list[tuple[Pacing, int]]:
    """Each pacing has its share; ``instant`` passes over delays, so that none keeps it."""
    by_delay = stage.kept == "delay" and not way.unread
    pacings = [pacing for pacing in Pacing if not (by_delay and pacing is Pacing.INSTANT)]
    return [(pacing, len(range(number, TIMES, len(pacings)))) for number, pacing in enumerate(pacings)]


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    victims = Victims()
    yield victims
    victims.close()


@pytest.mark.slow
@pytest.mark.parametrize(("stage", "way"), CELLS, ids=[f"{stage.name}: {way.name}" for stage, way in CELLS])
def test_each_way_to_leave_at_each_stage(stage: Stage, way: Way, sse_thread: ServerThread, victims: Victims) -> None:
    for pacing, times in _rounds(stage, way):
        expected = _expected(stage, way, pacing)
        with SseServer(sse_thread, pacing=pacing) as server, ExitStack() as stack:
            scene = Scene(server, stage, way, times, stack)
            if way.unread:
                scene.send_the_rest()
            if way.unread or way.how is How.RST:
                for client in scene.clients:
                    client.wait_known(expected)
            if way.leave is Raw.kill:
                for client in scene.clients:
                    client.raw.hand_over(victims)
            scene.leave_or_end()
            scene.check(expected)
            for client in scene.clients:
                if not stage.end:
                    client.check_moments(left=way.leave is not None)


@pytest.mark.slow
@pytest.mark.parametrize("pacing", Pacing)
@pytest.mark.parametrize("way", LEAVING, ids=lambda way: way.name)
@pytest.mark.parametrize("stage", [s for s in STAGES if s.kept == "gate"], ids=lambda stage: stage.name)
def test_leaving_in_the_turn_in_which_the_server_writes_on(
    stage: Stage, way: Way, pacing: Pacing, sse_thread: ServerThread, victims: Victims
) -> None:
    """The server writes to a client that has left, and sees only then that it has: it is the same leaving.

    The kernel takes one write after a FIN (and answers it with an RST), none after an RST, all in a half-close.
    """
    with SseServer(sse_thread, pacing=pacing) as server, ExitStack() as stack:
        scene = Scene(server, stage, way, 10, stack)
        at_stage = _expected(stage, way, pacing)
        for client in scene.clients:
            client.wait_known(at_stage)
            if way.leave is Raw.kill:
                client.raw.hand_over(victims)
        with _loop_kept_busy(sse_thread, then=scene.reply):
            scene.leave_or_end()
        for client in scene.clients:
            client.wait_judged()
            client.check_moments(left=True)
        written = _written_in_vain(stage, way, pacing)
        expected = Verdict(at_stage.outcome, way.how, written, SIZES[written], SIZES[stage.chunks])
        assert [client.verdict() for client in scene.clients] == [expected] * len(scene.clients)


@pytest.mark.parametrize("way", [way for way in LEAVING if way.how is not How.RST], ids=lambda way: way.name)
@pytest.mark.parametrize("pacing", Pacing)
def test_leaving_before_the_server_knows_that_the_last_byte_was_read(
    way: Way, pacing: Pacing, sse_thread: ServerThread, victims: Victims
) -> None:
    """A slow client takes the last byte and goes: the transport tells that it left before anyone asks what it read.

    It had the whole answer, so it leaves a connection, no answer.
    """
    with SseServer(sse_thread, pacing=pacing) as server, ExitStack() as stack:
        scene = Scene(server, AFTER_DONE, way, 10, stack)
        scene.send_the_rest()
        time.sleep(SLOW)  # in which the server comes to ask seldom
        for client in scene.clients:
            client.read_as_far_as(AFTER_END)
            if way.leave is Raw.kill:
                client.raw.hand_over(victims)
            client.act(way.leave or Raw.close)
        scene.check(_expected(AFTER_END, way, pacing))


@pytest.mark.slow
@pytest.mark.parametrize("pacing", Pacing)
@pytest.mark.parametrize("stage", [s for s in STAGES if s.kept == "gate"], ids=lambda stage: stage.name)
def test_a_socket_that_is_gone_is_not_taken_for_one_that_has_read(
    stage: Stage, pacing: Pacing, sse_thread: ServerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel that is busy may be stopped between closing a client's socket and sending its RST."""
    way = next(way for way in WAYS if way.unread and way.leave is Raw.close)
    expected = _expected(stage, way, pacing)
    with SseServer(sse_thread, pacing=pacing) as server, ExitStack() as stack:
        scene = Scene(server, stage, way, 10, stack)
        scene.send_the_rest()
        for client in scene.clients:
            client.wait_known(expected)
        with monkeypatch.context() as patch:
            patch.setattr(sse_thread.peers, "ask", lambda question: None)
            time.sleep(SLOW)  # in which the server would have gone on
            scene.leave_or_end()
            scene.check(expected)


@pytest.mark.slow
@pytest.mark.parametrize("way", LEAVING, ids=lambda way: way.name)
def test_a_crowd_that_leaves_in_one_turn(way: Way, sse_thread: ServerThread, victims: Victims) -> None:
    """Looking at so many takes longer than a half-close is given to show that it is none: that time is not theirs."""
    with SseServer(sse_thread) as server, ExitStack() as stack:
        scene = Scene(server, SILENT, way, CROWD, stack)
        expected = _expected(SILENT, way, Pacing.LOCKSTEP)
        for client in scene.clients:
            client.wait_known(expected)
            if way.leave is Raw.kill:
                client.raw.hand_over(victims)
        with _loop_kept_busy(sse_thread):
            scene.leave_or_end()
        scene.check(expected)
        for client in scene.clients:
            client.check_moments(left=True)


def _written_in_vain(stage: Stage, way: Way, pacing: Pacing) -> int:
    if way.how is How.RST:
        return stage.chunks
    if pacing is Pacing.INSTANT:
        return ALL  # all in one write
    if way.how is How.HALF_CLOSE and pacing is not Pacing.LOCKSTEP:
        return ALL
    return min(stage.chunks + 1, ALL)


@contextmanager
def _loop_kept_busy(thread: ServerThread, then: LiveRoute | None = None) -> Iterator[None]:
    """The server's loop does nothing else while the block runs, and opens the reply's gate at once after it."""
    busy, done = threading.Event(), threading.Event()

    def block() -> None:
        busy.set()
        assert done.wait(60)
        for mounted in () if then is None else then._mounted:
            mounted.gates.release()

    thread.call(asyncio.get_running_loop).call_soon_threadsafe(block)
    assert busy.wait(60)
    try:
        yield
    finally:
        done.set()


def test_the_table_holds_every_stage_and_every_way() -> None:
    without = [(stage, way) for stage in IMPOSSIBLE for way in WAYS if way.unread]
    assert len(CELLS) + len(without) == len(STAGES) * len(WAYS) == 9 * 14
    assert all(sum(times for _, times in _rounds(stage, way)) == TIMES for stage, way in CELLS)
