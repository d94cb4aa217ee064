"""Rewrites: other bytes, the same events."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import orharness.transforms as t
from orharness.errors import ScenarioError
from orharness.sse import BOM, Comment, Retry, decode, encode
from orharness.stream import Chunk, Stream
from tests.support.examples import examples
from tests.support.stream_strategies import events_in, streams

TWO = Stream.of(encode("a"), encode("b"), delay=2.5)
REWRITES = st.one_of(
    st.builds(t.comments, st.sampled_from([": X", "X", "", ":"]), st.integers(0, 3), st.integers(0, 3)),
    st.builds(t.heartbeat, st.floats(0.5, 40), st.just("hb")),
    st.builds(t.newlines, st.sampled_from(["\n", "\r", "\r\n"])),
    st.builds(t.bom),
    st.builds(t.blank_lines, st.integers(0, 3)),
    st.builds(t.extra_fields),
)


def bodies(stream: Stream) -> list[bytes]:
    return [chunk.data for chunk in stream.chunks]


@pytest.mark.slow
@examples(300)
@given(streams(), REWRITES)
def test_rewrites_decode_to_the_same_events(stream: Stream, rewrite: t.Step) -> None:
    assert events_in(rewrite(stream).body) == events_in(stream.body)


@pytest.mark.slow
@examples(300)
@given(streams(), st.lists(REWRITES, max_size=4))
def test_so_do_several(stream: Stream, rewrites: list[t.Step]) -> None:
    assert events_in(t.compose(rewrites)(stream).body) == events_in(stream.body)


@pytest.mark.slow
@examples(200)
@given(streams(), REWRITES)
def test_rewrites_keep_time_and_the_events_before_each_gate(stream: Stream, rewrite: t.Step) -> None:
    written = rewrite(stream)
    assert written.duration == pytest.approx(stream.duration)
    assert (written.ending, written.faults, len(written.gates)) == (stream.ending, (), len(stream.gates))


@pytest.mark.slow
@given(streams(), REWRITES, st.data())
def test_a_gate_behind_an_event_stays_there(stream: Stream, rewrite: t.Step, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, sum(not isinstance(item, Retry) for item in events_in(stream.body))))
    held = rewrite(t.hold(number)(Stream(stream.chunks)))
    before = [item for item in events_in(held.body[: held.gates[0]]) if not isinstance(item, Retry)]
    assert len(before) == number


# -- comments ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [(": PROCESSING", b": PROCESSING"), ("PROCESSING", b": PROCESSING"), (":x", b":x"), ("", b": "), (":", b":")],
)
def test_a_comment_with_or_without_its_colon(text: str, line: bytes) -> None:
    assert t.comments(text)(Stream.of(encode("a"))).body == encode("a") + line + b"\n\n"


def test_comments_are_blocks_and_chunks_of_their_own() -> None:
    stream = t.comments(": X", every=2, before=2)(Stream.of(*(encode(text) for text in "abcde"), delay=1.0))
    x = b": X\n\n"
    assert bodies(stream) == [x, x, encode("a"), encode("b"), x, encode("c"), encode("d"), x, encode("e")]
    assert [chunk.delay for chunk in stream.chunks] == [0, 0, 1, 1, 0, 1, 1, 0, 1]


def test_comments_only_in_front() -> None:
    assert t.comments("X", every=0, before=1)(TWO).body == b": X\n\n" + TWO.body


def test_comments_inside_a_chunk_stay_in_it() -> None:
    assert bodies(t.comments(": X")(Stream.of(encode("a", "b")))) == [b"data: a\n\n: X\n\ndata: b\n\n", b": X\n\n"]


def test_comments_come_behind_a_bom_and_behind_the_end_marker() -> None:
    stream = Stream((Chunk(BOM + encode("[DONE]")),), end_marker=17)
    commented = t.comments(": X", before=1)(stream)
    assert commented.body == BOM + b": X\n\ndata: [DONE]\n\n: X\n\n"
    assert commented.end_marker == 22


@pytest.mark.parametrize("newline", ["\n", "\r", "\r\n"])
def test_what_is_put_in_has_the_line_ends_of_the_stream(newline: str) -> None:
    stream = Stream.of(encode("a", "b", newline=newline), encode("c", newline=newline), delay=2.0)
    steps = [t.comments("X", every=2, before=1), t.blank_lines(2), t.extra_fields(), t.heartbeat(1.0), t.append("d")]
    written = t.compose(steps)(stream).body.decode()
    assert set(written.replace(newline, "")) & set("\r\n") == set()


def test_every_first_pair_of_steps_commutes_in_its_line_ends() -> None:
    steps = [t.comments("X"), t.newlines("\r")]
    assert t.compose(steps)(TWO).body == t.compose(steps[::-1])(TWO).body


# -- heartbeat -----------------------------------------------------------------------------------------------------


def test_heartbeat_fills_each_silence() -> None:
    stream = t.heartbeat(1.0, ": hb")(TWO)
    beat = Chunk(b": hb\n\n", 1.0)
    assert stream.chunks == (beat, beat, Chunk(encode("a"), 0.5), beat, beat, Chunk(encode("b"), 0.5))


def test_heartbeat_does_not_speak_at_the_moment_of_a_chunk_or_without_silence() -> None:
    assert len(t.heartbeat(1.0)(Stream.of(encode("a"), delay=3.0)).chunks) == 3
    assert t.heartbeat(2.5)(TWO) == TWO


def test_heartbeat_within_a_block_is_a_single_line() -> None:
    stream = t.heartbeat(2.0, ": hb")(Stream.of(b"data: a\n", b"data: b\n\n", delay=3.0))
    assert bodies(stream) == [b": hb\n\n", b"data: a\n", b": hb\n", b"data: b\n\n"]


@pytest.mark.parametrize(
    ("left", "right", "speaks"),
    [
        (b"data: a", b"\n\n", False),  # inside a line
        (b"data: a\r", b"\n\r\n", False),  # inside a CRLF
        (b"data: a\r\n\r", b"\n:x\n", False),
        (b"data: a\r", b"\r", True),
        (b"data: a\n", b"\n", True),
        (b"data: a\n\r", b"data: b\n\n", True),
        (BOM, b"data: a\n\n", True),
        (BOM[:2], BOM[2:] + b"data: a\n\n", False),
    ],
)
def test_heartbeat_speaks_only_at_the_start_of_a_line(left: bytes, right: bytes, speaks: bool) -> None:
    stream = Stream((Chunk(left), Chunk(right, 1.5)))
    beaten = t.heartbeat(1.0, ": hb")(stream)
    assert (len(beaten.chunks) == 3) == speaks
    assert beaten.duration == 1.5
    assert events_in(beaten.body) == events_in(stream.body)


def test_heartbeat_does_not_come_before_a_bom() -> None:
    stream = Stream.of(BOM + encode("a"), delay=5.0)
    assert t.heartbeat(1.0)(stream) == stream


def test_heartbeat_behind_a_cut_keeps_what_is_announced_above_what_is_sent() -> None:
    stream = t.compose([t.heartbeat(1.0, ": hb"), t.truncate(-1)])(TWO)
    assert stream.announced == len(stream.body) + 1


# -- the others ----------------------------------------------------------------------------------------------------


def test_newlines_takes_a_cut_crlf_for_one() -> None:
    stream = Stream.of(b"data: a\r", b"\n\r", b"\n", b"data: b\n\n")
    assert bodies(t.newlines("\n")(stream)) == [b"data: a", b"\n", b"\n", b"data: b\n\n"]
    assert bodies(t.newlines("\r\n")(stream)) == [b"data: a\r", b"\n\r", b"\n", b"data: b\r\n\r\n"]
    assert t.newlines("\r")(stream).body == b"data: a\r\rdata: b\r\r"


@pytest.mark.slow
@given(streams(), st.sampled_from([b"\n", b"\r", b"\r\n"]))
def test_newlines_leaves_no_other(stream: Stream, newline: bytes) -> None:
    left = t.newlines(newline.decode())(stream).body.replace(newline, b"")
    assert b"\r" not in left
    assert b"\n" not in left


def test_bom_once() -> None:
    stream = t.bom()(TWO)
    assert bodies(stream) == [BOM, encode("a"), encode("b")]
    assert t.bom()(stream) == stream


def test_blank_lines_between_blocks() -> None:
    stream = Stream.of(b"data: a\n\n:c\n\ndata: b\r\n\r\ndata: unfinished\n")
    assert t.blank_lines(2)(stream).body == (b"data: a\n\n\n\n:c\n\n\n\ndata: b\r\n\r\n\r\n\r\ndata: unfinished\n")


@pytest.mark.parametrize("ends", [b"\n\n", b"\r\r", b"\n\r", b"\r\n\r\n", b"\n\r\n", b"\r\r\n", b"\r\n\r", b"\r\n\n"])
def test_a_block_may_end_with_any_two_line_ends(ends: bytes) -> None:
    last = ends[-2:] if ends.endswith(b"\r\n") else ends[-1:]
    assert t.blank_lines(1)(Stream.of(b"data: a" + ends)).body == b"data: a" + ends + last


def test_extra_fields_stand_in_each_event() -> None:
    stream = Stream.of(BOM + encode("a", Comment("c")))
    expected = b"x-extra: 1\nextra\nData: ignored\nretry: soon\ndata: a\n\n:c\n\n"
    assert t.extra_fields()(stream).body == BOM + expected
    assert t.extra_fields("id: \0", "foo")(Stream.of(encode("a"))).body == b"id: \0\nfoo\ndata: a\n\n"


def test_comments_are_seen_by_who_looks_for_them() -> None:
    assert [item for item in decode(t.comments(": X")(TWO).body) if isinstance(item, Comment)] == [Comment(" X")] * 2


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: t.comments("a\nb"), "a comment is one line"),
        (lambda: t.comments("a", every=-1), r"comments\(every=\) is a whole number from 0 up, not -1"),
        (lambda: t.comments("a", before=-1), r"comments\(before=\) is a whole number from 0 up, not -1"),
        (lambda: t.heartbeat(0), "above 0"),
        (lambda: t.heartbeat(-1), "from 0 up, not -1"),
        (lambda: t.heartbeat(float("nan")), "from 0 up, not nan"),
        (lambda: t.heartbeat(1, "a\rb"), "a comment is one line"),
        (lambda: t.heartbeat(1e-9)(TWO), "over 100000 comments in a pause of 2.5 s"),
        (lambda: t.newlines("\u2028"), r"LF, CR or CRLF, not '\\u2028'"),
        (lambda: t.newlines(""), "LF, CR or CRLF, not ''"),
        (lambda: t.blank_lines(-1), "from 0 up, not -1"),
        (lambda: t.extra_fields("data: x"), "has to ignore, and 'data: x' is not one"),
        (lambda: t.extra_fields("id: 7"), "has to ignore, and 'id: 7' is not one"),
        (lambda: t.extra_fields("retry: 7"), "has to ignore, and 'retry: 7' is not one"),
        (lambda: t.extra_fields(""), "has to ignore, and '' is not one"),
        (lambda: t.extra_fields("a\nb"), "is not one"),
        (lambda: t.extra_fields("\ud800"), "lone surrogate"),
    ],
)
def test_impossible_rewrites(make: Callable[[], object], says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        make()
