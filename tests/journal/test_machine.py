"""The exchange machine row by row, under any order of events that a connection can produce, and fed with ranges."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orharness.journal import Certainty, Exchange, How, Outcome, Pacing, Request
from orharness.journal.events import (
    AskedAgain,
    Begun,
    Boundary,
    ConnectionEnded,
    Cut,
    Ended,
    ExchangeEvent,
    FaultReached,
    Grew,
    HeadWritten,
    Held,
    Left,
    Read,
    RequestRead,
    Settled,
    TestEnded,
    Unmatched,
    Wrote,
)
from orharness.journal.machine import ExchangeMachine
from orharness.stream import Chunk, Ending, Framing, Stream

REQUEST = Request("POST", "/v1/chat/completions", body=b"{}")
HEAD = 200  # bytes on the wire before the body
BODY = Stream(tuple(Chunk(bytes([65 + n]) * 10) for n in range(10)), framing=Framing.LENGTH, end_marker=90)


def machine(*events: ExchangeEvent) -> ExchangeMachine:
    made = ExchangeMachine("000001", REQUEST)
    for event in events:
        made.apply(event)
    return made


def begun(stream: Stream = BODY, framing: Framing = Framing.LENGTH) -> list[ExchangeEvent]:
    plan = Begun(200, stream, Pacing.LOCKSTEP, "POST /chat/completions")
    return [RequestRead(REQUEST, 1.5e9), plan, HeadWritten(HEAD, framing)]


def read(body: int, *, all_read: bool | None = False) -> Read:
    return Read(HEAD + body, all_read)


HALF = [*begun(), Wrote(0.5, 5), Read(HEAD + 50, True)]
BLIND = [*begun(), Wrote(0.5, 5), Read(None, None)]
SENT = [*begun(), Wrote(0.5, 10), read(90), Ended(False, 1.0)]
FIN = Left(How.FIN, 2.0)
RESET = Left(How.RST, 2.0, reset=True)
BOUNDED = Left(How.FIN, 2.0, most=HEAD + 89)
DELIVERED = [*begun(), Wrote(0.5, 10), Ended(None, 1.0)]


PLANNED = begun()[:2]  # no head was written


@pytest.mark.parametrize(
    ("events", "status"),
    [
        pytest.param(PLANNED, 200, id="the head is still to come"),
        pytest.param([*PLANNED, FIN], None, id="left before the head"),
        pytest.param([*PLANNED, TestEnded(2.0)], None, id="the test ended before the head"),
        pytest.param([*begun(), FIN], 200, id="left after the head"),
        pytest.param([*PLANNED, Unmatched("no route")], 200, id="unmatched: what answers that is written after it"),
    ],
)
def test_a_status_that_went_to_nobody_is_none(events: list[ExchangeEvent], status: int | None) -> None:
    assert machine(*events).snapshot(3.0).status == status


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        pytest.param([*SENT, read(100, all_read=True)], Outcome.COMPLETED, id="all was played and read"),
        pytest.param([*SENT, read(100, all_read=True), FIN], Outcome.COMPLETED, id="then it left"),
        pytest.param([*begun(), Wrote(0.5, 10), Ended(None, 1.0)], Outcome.COMPLETED, id="blind: all was played"),
        pytest.param([*begun(Stream()), Ended(None, 0.0)], Outcome.COMPLETED, id="an empty body"),
        pytest.param(SENT, None, id="all was played, and bytes are unread"),
        pytest.param([*SENT, FIN], Outcome.LEFT_AT_END, id="left at the end marker"),
        pytest.param([*SENT, read(95), FIN], Outcome.LEFT_AT_END, id="left after the end marker"),
        pytest.param([*begun(), Wrote(0.5, 10), read(89), FIN], Outcome.CANCELLED, id="left one byte before it"),
        pytest.param([*HALF, FIN], Outcome.CANCELLED, id="left in the middle"),
        pytest.param([*BLIND, Wrote(0.6, 4), FIN], Outcome.LEFT_AT_END, id="blind: what was written counts"),
        pytest.param([*BLIND, Wrote(0.6, 3), FIN], Outcome.CANCELLED, id="blind, one chunk before"),
        pytest.param([*begun(), Wrote(0.5, 9), read(0), FIN], Outcome.CANCELLED, id="written to the end, none read"),
        pytest.param([*HALF, FaultReached(1.0)], Outcome.FAULTED, id="a fault"),
        pytest.param([*HALF, FaultReached(1.0), FIN], Outcome.FAULTED, id="a fault, then it left"),
        pytest.param([*HALF, FIN, FaultReached(2.1)], Outcome.CANCELLED, id="it left, then a fault"),
        pytest.param([*HALF, Cut(Ending.RESET, 1.0)], Outcome.FAULTED, id="cut by hand"),
        pytest.param([*HALF, Cut(Ending.ABORT, 1.0), FIN], Outcome.FAULTED, id="cut by hand, then it left"),
        pytest.param([*HALF, FIN, Cut(Ending.ABORT, 2.1)], Outcome.CANCELLED, id="it left, then a cut by hand"),
        pytest.param([*HALF, TestEnded(3.0)], Outcome.STILL_OPEN, id="the test ends, all read"),
        pytest.param([*BLIND, Wrote(0.6, 5), RESET], Outcome.LEFT, id="blind: it resets, all was sent"),
        pytest.param([*BLIND, Wrote(0.6, 5), BOUNDED], Outcome.CANCELLED, id="blind: the end was not acknowledged"),
        pytest.param([*DELIVERED, RESET], Outcome.LEFT, id="blind: delivered, then it resets"),
        pytest.param([*DELIVERED, FIN], Outcome.COMPLETED, id="blind: delivered, then it left"),
        pytest.param([*DELIVERED, AskedAgain(2.0), RESET], Outcome.COMPLETED, id="blind: delivered, it asks again"),
        pytest.param([*DELIVERED, ConnectionEnded(2.0), RESET], Outcome.COMPLETED, id="blind: delivered, all over"),
        pytest.param([*BLIND, TestEnded(3.0)], Outcome.STILL_OPEN, id="the test ends, unknown"),
        pytest.param([*HALF, Wrote(0.6), TestEnded(3.0)], Outcome.ABANDONED, id="the test ends, bytes unread"),
        pytest.param([*SENT, TestEnded(3.0)], Outcome.ABANDONED, id="played whole, unread"),
        pytest.param([*HALF, FIN, TestEnded(3.0)], Outcome.CANCELLED, id="it left, the test ends"),
        pytest.param(HALF, None, id="under way"),
        pytest.param([], None, id="nothing begun"),
        pytest.param([FIN], Outcome.CANCELLED, id="left before anything began"),
        pytest.param([TestEnded(1.0)], Outcome.STILL_OPEN, id="never begun"),
        pytest.param([Unmatched("why")], Outcome.UNMATCHED, id="no route"),
        pytest.param([*begun(), Unmatched("why"), FIN], Outcome.UNMATCHED, id="no route, then it left"),
    ],
)
def test_the_outcome(events: list[ExchangeEvent], outcome: Outcome | None) -> None:
    assert machine(*events).outcome is outcome


def test_a_boundary_that_was_seen_says_that_all_that_was_written_has_been_read() -> None:
    seen = machine(*begun(), Wrote(0.5, 5), Boundary(True))
    assert (seen.snapshot(1.0).bytes_read, seen.all_read) == (50, True)
    assert machine(*begun(), Wrote(0.5, 5), Boundary(True), FIN).outcome is Outcome.CANCELLED
    assert machine(*begun(), Wrote(0.5, 9), Boundary(True), Wrote(0.6), Boundary(True), FIN).outcome is (
        Outcome.LEFT_AT_END
    )
    assumed = machine(*begun(), Wrote(0.5, 5), Boundary(False))
    assert (assumed.snapshot(1.0).bytes_read, assumed.all_read) == (None, None)


@pytest.mark.parametrize("how", How)
def test_how_it_left_decides_nothing(how: How) -> None:
    left = machine(*HALF, Left(how, 2.0)).snapshot(9.0)
    assert (left.outcome, left.how, left.left_after, left.ended_after) == (Outcome.CANCELLED, how, 2.0, 2.0)


@pytest.mark.parametrize("framing", [Framing.CHUNKED, Framing.LENGTH])
def test_a_position_on_the_wire_is_a_position_in_the_body(framing: Framing) -> None:
    """Against the bytes themselves: how much of the body is among the first bytes on the wire."""
    stream = Stream((Chunk(b"x" * 3), Chunk(b"y" * 20), Chunk(b"z")), framing=framing)
    on_wire = bytearray()
    bodies = [0]
    for chunk in stream.chunks:
        before = b"%x\r\n" % len(chunk.data) if framing is Framing.CHUNKED else b""
        after = b"\r\n" if framing is Framing.CHUNKED else b""
        for part, counts in ((before, 0), (chunk.data, 1), (after, 0)):
            for byte in part:
                on_wire.append(byte)
                bodies.append(bodies[-1] + counts)
    for wire, body in enumerate(bodies):
        seen = machine(*begun(stream, framing), Wrote(0.5, 3), Read(HEAD + wire, None))
        assert seen.snapshot(1.0).bytes_read == body
    assert machine(*begun(stream, framing), Wrote(0.5, 3), Read(HEAD - 5, None)).snapshot(1.0).bytes_read == 0


def test_a_range_is_as_many_single_chunks() -> None:
    one_by_one = machine(*begun(), *[Wrote(0.5)] * 6, *[Boundary(False)] * 4, *[Boundary(True)] * 2)
    assert machine(*begun(), Wrote(0.5, 6), Boundary(False, 4), Boundary(True, 2)).snapshot(1) == one_by_one.snapshot(1)
    assert one_by_one.snapshot(1).chunks_written == 6


def test_a_snapshot_says_where_the_stream_is_held() -> None:
    assert machine(*HALF, Held(True)).snapshot(1.0).held_at == 50
    assert machine(*HALF, Held(True), Held(False)).snapshot(1.0).held_at is None


GROWN: list[ExchangeEvent] = [
    *begun(Stream(framing=Framing.LENGTH)),
    *(event for chunk in BODY.chunks[:5] for event in (Grew(chunk), Wrote(0.5))),
]


def test_an_answer_that_grows_is_what_came_of_it() -> None:
    seen = machine(*GROWN, read(45)).snapshot(1.0)
    assert (seen.body, seen.chunks_written, seen.bytes_written, seen.bytes_read) == (BODY.body[:50], 5, 50, 45)
    assert seen.boundaries_at == BODY.boundaries[:5]


def test_the_end_of_an_answer_that_grows_is_past_all_that_came() -> None:
    assert machine(*GROWN, read(50, all_read=True), FIN).outcome is Outcome.CANCELLED
    ended = Stream(BODY.chunks[:5], framing=Framing.LENGTH, end_marker=50)
    assert machine(*GROWN, read(50, all_read=True), Settled(ended), FIN).outcome is Outcome.LEFT_AT_END
    assert machine(*GROWN, Settled(ended), Ended(None, 1.0)).outcome is Outcome.COMPLETED
    assert machine(*GROWN, Settled(ended)).snapshot(1.0).end == 50


def test_what_hangs_can_still_be_left() -> None:
    hanging = machine(*HALF, FaultReached(1.0))
    assert (hanging.open, hanging.can_be_left) == (False, True)
    hanging.apply(ConnectionEnded(2.0))
    assert not hanging.can_be_left


_KINDS = ("write", "read", "hold", "end", "fault", "leave", "ask again")


@dataclass(frozen=True)
class World:
    """What a server can see one after the other of one connection, and what the client has read of the body."""

    history: list[ExchangeEvent]
    read: int
    how: How | None


class _Connection:
    """A client and a server that sees it, or is blind.

    After an end, a fault or a leaving nothing is written; after a leaving nothing is read; what was read stays read.
    """

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.blind = draw(st.booleans())
        self.history = begun(replace(BODY, end_marker=draw(st.sampled_from([None, 90, 100, 35]))))
        if not draw(st.integers(0, 9)):
            self.history.insert(1, Unmatched("no route"))
        self.history = self.history[: draw(st.integers(1, len(self.history)))]
        self.ready = any(isinstance(event, HeadWritten) for event in self.history)
        self.written = self.taken = self.seen = 0
        self.now = 0.0
        self.ended = self.over = self.held = self.asked_again = False
        self.how: How | None = None

    def live(self) -> World:
        for event in self.draw(st.lists(st.sampled_from(_KINDS), max_size=16)):
            self.now += self.draw(st.sampled_from([0.0, 0.25]))
            if self.how is None and not self.asked_again:
                self.taken = self.draw(st.integers(self.taken, 10 * self.written))  # whether somebody looks or not
                self._happen(event)
        if self.how is None and self.ready:
            self._look()
        self.history += [TestEnded(self.now), ConnectionEnded(self.now)]
        return World(self.history, self.taken, self.how)

    def _happen(self, event: str) -> None:
        going = self.ready and not self.over
        if event == "write" and going and not self.held and self.written < 10:
            chunks = self.draw(st.integers(1, 10 - self.written))
            self.written += chunks
            self.history += [Wrote(self.now, chunks), Boundary(False, chunks, self.now)]
        elif event == "read" and self.ready:
            self._look()
        elif event == "hold" and going:
            self.held = not self.held
            self.history.append(Held(self.held, self.now))
        elif event == "end" and going and self.written == 10:
            self.over = self.ended = True
            self.history.append(Ended(None if self.blind else False, self.now))
        elif event == "fault" and going:
            self.over = True
            self.history.append(FaultReached(self.now) if self.draw(st.booleans()) else Cut(Ending.RESET, self.now))
        elif event == "leave":
            self._leave()
        elif event == "ask again" and self.ended and self.blind:
            self.asked_again, self.taken = True, 100
            self.history.append(AskedAgain(self.now))

    def _look(self) -> None:
        self.seen = self.taken
        all_read = None if self.blind else self.taken == 10 * self.written
        self.history.append(Read(None if self.blind else HEAD + self.taken, all_read, self.now))

    def _leave(self) -> None:
        self.how = how = self.draw(st.sampled_from(How))
        written = 10 * self.written
        if self.ready and not self.blind:
            looked = how is not How.RST and self.draw(st.booleans())  # in time to see what it had read when it left
            read = self.taken if looked else self.seen
            exact = looked or read == written
            known = Certainty.SEEN if exact else Certainty.AT_LEAST
            self.history.append(Read(HEAD + read, read == written, self.now, known))
        most = self.draw(st.none() | st.integers(self.taken, written).map(lambda body: HEAD + body))
        reset = how is How.RST or self.draw(st.booleans())
        self.history.append(Left(how, self.now, Certainty.SEEN, most, reset))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Any life of a connection."""
    return _Connection(draw).live()


histories = worlds().map(lambda world: world.history)


def snapshots(history: list[ExchangeEvent]) -> list[Exchange]:
    made = ExchangeMachine("000001", REQUEST)
    seen = []
    for event in history:
        made.apply(event)
        seen.append(made.snapshot(event.at if not isinstance(event, RequestRead) else 0.0))
    return seen


@given(histories)
def test_an_outcome_stays_but_for_the_revisions(history: list[ExchangeEvent]) -> None:
    """Of an answer that was delivered to a client that cannot be seen: it asks again, or it resets the connection."""
    found = [(seen.outcome, seen.certainty.outcome) for seen in snapshots(history) if seen.outcome is not None]
    assert found  # nothing stays open
    first, *later = [pair for pair, before in zip(found, [None, *found], strict=False) if pair != before]
    delivered = (Outcome.COMPLETED, Certainty.UNKNOWN)
    assert not later or (
        first == delivered and later in ([(Outcome.COMPLETED, Certainty.INFERRED)], [(Outcome.LEFT, Certainty.UNKNOWN)])
    )


@given(histories)
def test_a_final_outcome_is_never_revised(history: list[ExchangeEvent]) -> None:
    made = ExchangeMachine("000001", REQUEST)
    final = None
    for event in history:
        made.apply(event)
        assert final is None or (made.outcome, made.outcome_known) == final
        final = (made.outcome, made.outcome_known) if made.final else None
    assert made.final


@given(worlds())
def test_what_is_sure_is_so(world: World) -> None:
    last = snapshots(world.history)[-1]
    known, end = last.certainty, last.end or 0
    if known.bytes_read.sure:
        assert last.bytes_read == world.read
    elif known.bytes_read is Certainty.AT_LEAST:
        assert last.bytes_read is not None
        assert last.bytes_read <= world.read
    else:
        assert last.bytes_read is None
    if known.outcome.sure and last.end is not None:
        assert last.outcome is not Outcome.LEFT
        assert last.outcome is not Outcome.COMPLETED or world.read == len(BODY.body)
        assert last.outcome is not Outcome.LEFT_AT_END or world.read >= end
        assert last.outcome is not Outcome.CANCELLED or world.read < end
        assert last.outcome is not Outcome.STILL_OPEN or world.read == last.bytes_written
    if last.how is not None:
        assert last.how is world.how


@pytest.mark.slow
@given(histories)
def test_a_recorded_list_gives_the_same_exchange(history: list[ExchangeEvent]) -> None:
    assert snapshots(history) == snapshots(list(history))


@given(histories)
def test_only_an_answer_that_reached_its_end_is_finished(history: list[ExchangeEvent]) -> None:
    last = snapshots(history)[-1]
    if last.finished:
        assert last.end is not None
        assert last.bytes_written >= last.end
        assert last.bytes_read is None or last.bytes_read >= last.end
    assert last.finished is not None or not last.certainty.outcome.sure


@given(histories)
def test_more_is_never_read_than_was_written(history: list[ExchangeEvent]) -> None:
    for seen in snapshots(history):
        assert (seen.bytes_read or 0) <= seen.bytes_written <= len(BODY.body)
        assert seen.chunks_written == len(seen.written_at)
