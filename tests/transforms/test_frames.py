"""Transforms of NDJSON and JSON arrays: what can be done to them, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import orharness.transforms as t
from orharness.errors import ScenarioError
from orharness.frames import JSON_ARRAY, NDJSON
from orharness.sse import Comment, Event, Retry
from orharness.stream import Chunk, Fault, Stream, repartition
from tests.support.examples import examples
from tests.support.stream_strategies import json_texts

DATA = ['{"a":1}', '{"b":2}', '{"c":3}']
LINE_STREAM = Stream(tuple(Chunk(piece, 0.5) for piece in NDJSON.pieces(*DATA)), end_marker=24, frame=NDJSON)
ARRAY_STREAM = Stream(tuple(Chunk(piece, 0.5) for piece in JSON_ARRAY.pieces(*DATA)), end_marker=26, frame=JSON_ARRAY)


@st.composite
def json_streams(draw: st.DrawFn) -> Stream:
    """A stream of a JSON frame with blanks between its events, perhaps unfinished, in any chunks."""
    frame = draw(st.sampled_from([NDJSON, JSON_ARRAY]))
    blank = st.sampled_from(["", " ", "\n", "\r\n"]) if frame is JSON_ARRAY else st.sampled_from(["", "\n", "\r\n"])
    body = b""
    for piece in frame.pieces(*draw(st.lists(json_texts, max_size=5)), newline=draw(st.sampled_from(["\n", "\r\n"]))):
        body += piece + draw(blank).encode() if frame is NDJSON else draw(blank).encode() + piece
    body = body[: draw(st.sampled_from([len(body)]) | st.integers(0, len(body)))]
    stream = repartition(Stream.of(body, delay=1.0, frame=frame), draw(st.lists(st.integers(0, len(body)), max_size=5)))
    return t.hold(draw(st.integers(0, len(frame.events(body)))))(stream)


def data_of(stream: Stream) -> list[str]:
    return [event.data for _, event in stream.frame.events(stream.body)]


@pytest.mark.slow
@examples(300)
@given(json_streams(), st.sampled_from([t.newlines("\n"), t.newlines("\r\n"), t.blank_lines(2)]))
def test_rewrites_keep_the_events_and_the_gate_after_them(stream: Stream, rewrite: t.Step) -> None:
    written = rewrite(stream)
    assert data_of(written) == data_of(stream)
    assert written.frame is stream.frame
    count = len(stream.frame.events(stream.body[: stream.gates[0]]))
    assert len(written.frame.events(written.body[: written.gates[0]])) == count


@pytest.mark.slow
@examples(300)
@given(json_streams(), st.data())
def test_drop_repeat_and_append_keep_the_frame_whole(stream: Stream, data: st.DataObject) -> None:
    there = data_of(stream)
    if len(there) == len(stream.frame.blocks(stream.body)):  # nothing is unfinished
        assert data_of(t.append("7")(stream)) == [*there, "7"]
    if there:
        wanted = data.draw(st.sampled_from(there))
        assert data_of(t.drop(wanted)(stream)) == [one for one in there if one.strip() != wanted]
        first = there.index(wanted)
        assert data_of(t.repeat(wanted)(stream)) == [*there[: first + 1], *there[first:]]
        dropped = t.drop(wanted)(stream)
        at = dropped.faults[0].at
        assert dropped.body[:at] == stream.body[:at]


@pytest.mark.slow
@examples(200)
@given(json_streams())
def test_per_event_makes_each_event_end_a_chunk(stream: Stream) -> None:
    cut = t.per_event()(stream)
    assert cut.body == stream.body
    ends = [block.end for block, _ in stream.frame.events(stream.body)]
    if stream.frame is JSON_ARRAY:
        assert set(ends) <= set(cut.boundaries)
    assert all(len(stream.frame.events(stream.body[a:b])) <= 1 for a, b in pairwise((0, *cut.boundaries)))


def bodies(stream: Stream) -> list[bytes]:
    return [chunk.data for chunk in stream.chunks]


def test_transforms_of_lines() -> None:
    assert t.drop('{"b":2}')(LINE_STREAM).body == b'{"a":1}\n{"c":3}\n'
    assert t.repeat('{"c":3}')(LINE_STREAM).body == LINE_STREAM.body + b'{"c":3}\n'
    assert bodies(t.append("4")(LINE_STREAM)) == [*bodies(LINE_STREAM), b"4\n"]
    assert t.append("4")(Stream.of(b"1\r\n2", frame=NDJSON)).body == b"1\r\n2\r\n4\r\n"
    assert t.repeat("2")(Stream.of(b"1\n2", frame=NDJSON)).body == b"1\n2\n2"
    assert t.newlines("\r\n")(LINE_STREAM).body == LINE_STREAM.body.replace(b"\n", b"\r\n")
    assert t.blank_lines()(LINE_STREAM).body == LINE_STREAM.body.replace(b"\n", b"\n\n")
    assert t.hold(2)(LINE_STREAM).gates == (16,)
    assert t.truncate(t.inside_event(2))(LINE_STREAM).body == LINE_STREAM.body[:12]


def test_transforms_of_elements() -> None:
    assert t.drop('{"a":1}')(ARRAY_STREAM).body == b'[{"b":2},\n{"c":3}]'
    dropped = t.drop('{"c":3}')(ARRAY_STREAM)
    assert (dropped.body, dropped.faults, dropped.end_marker) == (b'[{"a":1},\n{"b":2}]', (Fault("drop", 17),), None)
    assert t.drop(lambda event: True)(ARRAY_STREAM).body == b"[]"
    assert t.repeat('{"c":3}')(ARRAY_STREAM).body == b'[{"a":1},\n{"b":2},\n{"c":3},\n{"c":3}]'
    appended = t.append("4")(ARRAY_STREAM)
    assert (json.loads(appended.body)[3], appended.faults, appended.end_marker) == (4, (Fault("append", 26),), 26)
    for body, longer in [(b"[ ]", b"[ 4]"), (b"[", b"[4"), (b"[1, ", b"[1, 4"), (b" ", b" [4]"), (b"", b"[4]")]:
        assert t.append("4")(Stream.of(body, frame=JSON_ARRAY)).body == longer
    assert t.append(b"junk")(ARRAY_STREAM).body == ARRAY_STREAM.body + b"junk"
    assert t.hold(2)(ARRAY_STREAM).gates == (17,)
    assert bodies(t.per_event()(ARRAY_STREAM)) == [b'[{"a":1}', b',\n{"b":2}', b',\n{"c":3}', b"]"]
    pretty = Stream.of(b'[{\n"a":1}\n,\n{}\n]', frame=JSON_ARRAY)
    assert t.newlines("\r\n")(pretty).body == b'[{\n"a":1}\r\n,\r\n{}\r\n]'
    assert t.newlines("\r")(pretty).body == b'[{\n"a":1}\r,\r{}\r]'


REFUSED: list[tuple[Callable[[], t.Step], str]] = [
    (lambda: t.comments(": X"), "comments: NDJSON has no form for a comment"),
    (lambda: t.heartbeat(0.1), "heartbeat: NDJSON has no form for a comment"),
    (lambda: t.newlines("\r"), r"newlines: NDJSON has no form for the line end '\\r'"),
    (t.bom, "bom: NDJSON has no form for a byte order mark"),
    (t.extra_fields, "extra_fields: NDJSON has no form for further fields"),
    (lambda: t.append(Comment("c")), "append: NDJSON has no form for a comment"),
    (lambda: t.append(Event("t", "1")), "append: NDJSON has no form for an event name"),
    (lambda: t.append(Retry(1)), "append: NDJSON has no form for a retry"),
]


@pytest.mark.parametrize(("make", "says"), REFUSED)
def test_a_transform_names_what_the_frame_has_no_form_for(make: Callable[[], t.Step], says: str) -> None:
    with pytest.raises(ScenarioError, match=f"^{says}$"):
        make()(LINE_STREAM)


def test_every_other_transform_keeps_the_frame() -> None:
    steps = [
        *(t.newlines("\r\n"), t.blank_lines(), t.append("4"), t.repeat('{"b":2}'), t.drop('{"a":1}'), t.corrupt(12)),
        *(t.invalid_utf8(3), t.truncate(t.inside_event(2)), t.per_event(), t.per_byte(), t.rechunk(3), t.split_at(5)),
        *(t.coalesce(2), t.random_chunks(1), t.cut_at(3), t.pace(1), t.scale(2), t.stall(2, 1), t.jitter(1, 1)),
        *(t.first_chunk(1), t.hold(1), t.hold(chunks=1), t.hang(3)),
    ]
    for stream in (LINE_STREAM, ARRAY_STREAM):
        for step in steps:
            assert step(stream).frame is stream.frame, step
