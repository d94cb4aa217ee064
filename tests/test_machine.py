"""The exchange machine row by row, under any order of events that a connection can produce, and fed with ranges."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orharness.journal import Exchange, How, Outcome, Pacing, Request
from orharness.journal.events import (
    Begun,
    Boundary,
    ConnectionEnded,
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
from orharness.stream import Chunk, Framing, Stream

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
    return [RequestRead(REQUEST, "now"), plan, HeadWritten(HEAD, framing)]


def read(body: int, *, all_read: bool | None = False) -> Read:
    return Read(HEAD + body, all_read)


HALF = [*begun(), Wrote(0.5, 5), Read(HEAD + 50, True)]
BLIND = [*begun(), Wrote(0.5, 5), Read(None, None)]
SENT = [*begun(), Wrote(0.5, 10), read(90), Ended(False, 1.0)]
FIN = Left(How.FIN, 2.0)


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
        pytest.param([*HALF, TestEnded(3.0)], Outcome.STILL_OPEN, id="the test ends, all read"),
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


_KINDS = ("write", "read", "hold", "end", "fault", "leave")


@st.composite
def histories(draw: st.DrawFn) -> list[ExchangeEvent]:
    """What a server can see one after the other of one connection.

    After an end, a fault or a leaving nothing is written; after a leaving nothing is read; what was read stays read.
    """
    blind, matched = draw(st.booleans()), draw(st.integers(0, 9)) > 0
    end = draw(st.sampled_from([None, 90, 100, 35]))
    history = begun(replace(BODY, end_marker=end))
    if not matched:
        history.insert(1, Unmatched("no route"))
    history = history[: draw(st.integers(1, len(history)))]
    written = taken = 0
    now = 0.0
    ready = any(isinstance(event, HeadWritten) for event in history)
    ended = left = held = False
    for event in draw(st.lists(st.sampled_from(_KINDS), max_size=16)):
        now += draw(st.sampled_from([0.0, 0.25]))
        if event == "write" and ready and not (ended or left or held) and written < 10:
            chunks = draw(st.integers(1, 10 - written))
            written += chunks
            history += [Wrote(now, chunks), Boundary(False, chunks, now)]
        elif event == "read" and ready and not left:
            taken = draw(st.integers(taken, 10 * written))
            history.append(Read(None, None, now) if blind else Read(HEAD + taken, taken == 10 * written, now))
        elif event == "hold" and ready and not (ended or left):
            held = not held
            history.append(Held(held, now))
        elif event == "end" and ready and written == 10 and not (ended or left):
            ended = True
            history.append(Ended(None if blind else taken == 100, now))
        elif event == "fault" and ready and not (ended or left):
            ended = True
            history.append(FaultReached(now))
        elif event == "leave" and not left:
            left = True
            history.append(Left(draw(st.sampled_from(How)), now))
    return [*history, TestEnded(now), ConnectionEnded(now)]


def snapshots(history: list[ExchangeEvent]) -> list[Exchange]:
    made = ExchangeMachine("000001", REQUEST)
    seen = []
    for event in history:
        made.apply(event)
        seen.append(made.snapshot(event.at if not isinstance(event, RequestRead) else 0.0))
    return seen


@given(histories())
def test_any_order_of_events_gives_one_outcome(history: list[ExchangeEvent]) -> None:
    outcomes = [seen.outcome for seen in snapshots(history) if seen.outcome is not None]
    assert len(set(outcomes)) == 1  # nothing stays open, and what was decided is never decided otherwise


@given(histories())
def test_a_recorded_list_gives_the_same_exchange(history: list[ExchangeEvent]) -> None:
    assert snapshots(history) == snapshots(list(history))


@given(histories())
def test_only_an_answer_that_reached_its_end_is_finished(history: list[ExchangeEvent]) -> None:
    last = snapshots(history)[-1]
    if last.outcome is not None and last.outcome.finished:
        assert last.end is not None
        assert last.bytes_written >= last.end
        assert last.bytes_read is None or last.bytes_read >= last.end


@given(histories())
def test_more_is_never_read_than_was_written(history: list[ExchangeEvent]) -> None:
    for seen in snapshots(history):
        assert (seen.bytes_read or 0) <= seen.bytes_written <= len(BODY.body)
        assert seen.chunks_written == len(seen.written_at)
