"""Faults: what precedes them is untouched, and the stream names them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import orharness.transforms as t
from orharness.errors import ScenarioError
from orharness.frames import NDJSON, SSE
from orharness.sse import BOM, Comment, Event, decode, encode
from orharness.stream import Chunk, Ending, Fault, Stream
from tests.support.examples import examples
from tests.support.stream_strategies import events_in, items, streams

DONE = encode("[DONE]")
STREAM = Stream(tuple(Chunk(encode(data), 0.5) for data in ("one", "two", "[DONE]")), end_marker=36, gates=(11, 22))
FIRST, SECOND, END = 11, 22, 36


def bodies(stream: Stream) -> list[bytes]:
    return [chunk.data for chunk in stream.chunks]


@st.composite
def faulted(draw: st.DrawFn) -> tuple[Stream, t.Step]:
    stream = draw(streams(least=1))
    at = draw(st.integers(-len(stream.body), len(stream.body) - 1))
    found = [event for _, event in SSE.events(stream.body)]
    steps = [
        *(t.truncate(at, draw(st.sampled_from(Ending))), t.hang(at), t.corrupt(at), t.invalid_utf8(at)),
        t.append(draw(items | st.text(st.characters(codec="utf-8"), max_size=5) | st.binary(min_size=1, max_size=5))),
    ]
    if found:
        event = draw(st.sampled_from(found))
        steps += [t.drop(event.data), t.repeat(event.data), t.drop(lambda one: one == event)]
    return stream, draw(st.sampled_from(steps))


@examples(200)
@given(faulted())
def test_what_precedes_a_fault_is_untouched_and_it_is_named(given: tuple[Stream, t.Step]) -> None:
    stream, step = given
    broken = step(stream)
    fault = broken.faults[-1]
    assert fault.name == step.name
    assert 0 <= fault.at <= len(broken.body)
    assert broken.body[: fault.at] == stream.body[: fault.at]
    assert broken.body != stream.body or fault.ends
    assert fault.ends == (step.name in ("truncate", "hang"))

    before, after = arrivals(stream), arrivals(broken)
    assert after[: fault.at] == pytest.approx(before[: fault.at])
    assert [gate for gate in broken.gates if gate < fault.at] == [gate for gate in stream.gates if gate < fault.at]


def arrivals(stream: Stream) -> list[float]:
    moments: list[float] = []
    now = 0.0
    for chunk in stream.chunks:
        now += chunk.delay
        moments += [now] * len(chunk.data)
    return moments


@given(streams(), st.data())
def test_a_cut_leaves_what_was_before_it(stream: Stream, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(stream.body)))
    cut = t.truncate(at)(stream)
    assert cut.body == stream.body[:at]
    assert cut.announced == len(stream.body)
    assert cut.gates == tuple(gate for gate in stream.gates if gate <= at)
    assert cut.end_marker == (stream.end_marker if stream.end_marker is not None and stream.end_marker <= at else None)


@pytest.mark.slow
@given(streams(), st.data())
def test_drop_and_repeat_in_events(stream: Stream, data: st.DataObject) -> None:
    found = [event.data for _, event in SSE.events(stream.body)]
    assume(found)
    text = data.draw(st.sampled_from(found)).strip()
    left = [event.data for _, event in SSE.events(t.drop(text)(stream).body)]
    assert left == [one for one in found if one.strip() != text]
    again = [event.data for _, event in SSE.events(t.repeat(text)(stream).body)]
    first = next(i for i, one in enumerate(found) if one.strip() == text)
    assert again == [*found[: first + 1], *found[first:]]


# -- truncate and hang ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", Ending)
def test_truncate(ending: Ending) -> None:
    cut = t.truncate(t.inside_event(2), ending)(STREAM)
    assert bodies(cut) == [encode("one"), b"data:"]
    assert cut.ending is ending
    assert cut.faults == (Fault("truncate", 16, ends=True),)
    assert (cut.announced, cut.end_marker, cut.gates) == (END, None, (FIRST,))
    assert cut.ends_in_fault
    assert cut.duration == 1.0


def test_hang() -> None:
    hung = t.hang(t.after_event(2))(STREAM)
    assert hung == t.truncate(SECOND, Ending.HANG)(STREAM).__class__(
        STREAM.chunks[:2], Ending.HANG, faults=(Fault("hang", SECOND, ends=True),), gates=(11, 22), announced=END
    )


def test_a_cut_at_either_end() -> None:
    nothing = t.truncate(0)(STREAM)
    assert (nothing.chunks, nothing.announced, nothing.gates) == ((), END, ())
    whole = t.truncate(END, Ending.ABORT)(STREAM)
    assert (whole.chunks, whole.end_marker, whole.ending) == (STREAM.chunks, END, Ending.ABORT)


def test_a_second_cut_keeps_what_the_first_announced_and_is_the_only_one_reached() -> None:
    cut = t.hang(5)(t.truncate(20, Ending.RESET)(STREAM))
    assert (cut.body, cut.announced, cut.ending) == (STREAM.body[:5], END, Ending.HANG)
    assert cut.faults == (Fault("hang", 5, ends=True),)


def test_a_cut_forgets_the_faults_behind_it_only() -> None:
    cut = STREAM.through(t.corrupt(3), t.corrupt(30), t.truncate(20))
    assert [(fault.name, fault.at) for fault in cut.faults] == [("corrupt", 3), ("truncate", 20)]


def test_a_negative_offset_counts_from_the_end() -> None:
    assert t.truncate(-1)(STREAM).body == STREAM.body[:-1]
    assert t.truncate(-END)(STREAM).body == b""


# -- drop, repeat, append ------------------------------------------------------------------------------------------


def test_drop_the_end_marker() -> None:
    dropped = t.drop("[DONE]")(STREAM)
    assert bodies(dropped) == [encode("one"), encode("two")]
    assert (dropped.end_marker, dropped.announced) == (None, None)
    assert dropped.faults == (Fault("drop", SECOND),)
    assert not dropped.ends_in_fault


def test_drop_takes_every_such_block_and_the_comments_in_it() -> None:
    body = BOM + b": c\nevent: t\ndata:  x \n\n" + b": stays\n\n" + b"data: x\r\n\r\n" + DONE
    dropped = t.drop(" x")(Stream((Chunk(body),), end_marker=len(body)))
    assert dropped.body == BOM + b": stays\n\n" + DONE
    assert dropped.faults == (Fault("drop", 3),)
    assert dropped.end_marker == len(dropped.body)


def test_drop_by_a_predicate() -> None:
    dropped = t.drop(lambda event: "o" in event.data)(STREAM)
    assert dropped.body == DONE
    assert dropped.end_marker == len(DONE)


def test_repeat_the_end_marker() -> None:
    twice = t.repeat("[DONE]")(STREAM)
    assert bodies(twice) == [encode("one"), encode("two"), DONE, DONE]
    assert twice.faults == (Fault("repeat", END),)
    assert twice.end_marker == END  # after the first one: there a client has to stop


def test_each_of_two_faults_at_one_place_is_named_where_it_begins() -> None:
    both = t.repeat("[DONE]")(t.append("late")(STREAM))
    assert both.body.endswith(DONE + DONE + encode("late"))
    assert both.faults == (Fault("append", END + len(DONE)), Fault("repeat", END))
    assert both.end_marker == END
    cut = t.append("late")(t.truncate(END)(STREAM))
    assert cut.faults == (Fault("truncate", END, ends=True), Fault("append", END))


@pytest.mark.parametrize("step", [t.repeat("[2]"), t.append("[3]")], ids=repr)
def test_an_end_marker_without_a_line_end_is_kept_when_one_is_added(step: t.Step) -> None:
    """The last line of NDJSON may have none."""
    body = b"[1]\n[2]"
    stream = Stream.of(body, frame=NDJSON)
    marked = replace(stream, end_marker=len(body))
    changed = step(marked)
    assert changed.body.startswith(body + b"\n")
    assert changed.end_marker == len(body) + 1


def test_repeat_takes_the_first_with_its_fields() -> None:
    body = encode(Event("t", "a", "1"), "a", "b")
    assert t.repeat("a")(Stream.of(body)).body == encode(Event("t", "a", "1"), Event("t", "a", "1"), "a", "b")
    assert t.repeat("a")(Stream.of(BOM + body)).body.count(BOM) == 1


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("late", b"data: late\r\n\r\n"),
        (Event("error", "no"), b"event: error\r\ndata: no\r\n\r\n"),
        (Comment(" c"), b": c\r\n\r\n"),
        (b"junk", b"junk"),
    ],
)
def test_append(event: Event | Comment | str | bytes, data: bytes) -> None:
    stream = Stream((Chunk(encode("a", newline="\r\n")),), end_marker=11)
    longer = t.append(event)(stream)
    assert bodies(longer) == [stream.body, data]
    assert longer.faults == (Fault("append", 11),)
    assert longer.end_marker == 11


# -- corrupt and invalid_utf8 --------------------------------------------------------------------------------------


def test_corrupt_turns_one_bit() -> None:
    broken = t.corrupt(t.after_text("data: t"))(STREAM)
    assert bodies(broken) == [encode("one"), b"data: tvo\n\n", DONE]
    assert broken.faults == (Fault("corrupt", 18),)
    assert broken.end_marker == END


def test_invalid_utf8_is_read_as_a_replacement_character() -> None:
    broken = t.invalid_utf8(t.after_text("tw"))(STREAM)
    assert decode(broken.body)[1] == Event("message", "tw\ufffdo")
    assert broken.faults == (Fault("invalid_utf8", 19),)
    assert broken.end_marker == END + 1


@pytest.mark.parametrize("step", [t.corrupt(-5), t.invalid_utf8(-5), t.corrupt(SECOND - 1), t.corrupt(-1)])
def test_a_broken_end_marker_is_none(step: t.Step) -> None:
    assert "[DONE]" not in [event.data for _, event in SSE.events(step(STREAM).body)]
    assert step(STREAM).end_marker is None


# -- positions and impossible faults -------------------------------------------------------------------------------


def test_positions() -> None:
    stream = Stream.of(BOM + b":c\n\n" + "data: Grüße\n\n".encode() + encode("two", newline="\r\n"))
    assert [t.after_event(n)(stream) for n in (0, 1, 2)] == [0, 22, len(stream.body)]
    assert t.inside_event(1)(stream) == (7 + 22) // 2
    assert stream.body[: t.after_text("Grüß")(stream)].decode().endswith("Grüß")
    assert t.truncate(lambda s: len(s.body) // 2)(stream).body == stream.body[:17]


SHOWN = "the stream has 36 bytes and 3 events: 'one', 'two', '[DONE]'"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: t.drop("[END]"), f"drop: there is no event with the data '[END]': {SHOWN}"),
        (lambda: t.repeat(lambda event: False), f"repeat: there is no event that the marker means: {SHOWN}"),
        (lambda: t.truncate(37), f"truncate: offset 37 is outside the body: {SHOWN}"),
        (lambda: t.hang(-37), f"hang: offset -37 is outside the body: {SHOWN}"),
        (lambda: t.corrupt(36), f"corrupt: offset 36 is outside the body: {SHOWN}"),
        (lambda: t.invalid_utf8(37), f"invalid_utf8: offset 37 is outside the body: {SHOWN}"),
        (lambda: t.corrupt(lambda stream: 99), f"corrupt: offset 99 is outside the body: {SHOWN}"),
        (lambda: t.truncate(t.after_event(4)), f"after_event: there is no event 4: {SHOWN}"),
        (lambda: t.truncate(t.inside_event(4)), f"inside_event: there is no event 4: {SHOWN}"),
        (lambda: t.truncate(t.after_text("ü")), f"after_text: 'ü' is not in the body: {SHOWN}"),
        (lambda: t.after_event(-1), "after_event(number) is a whole number from 0 up, not -1"),
        (lambda: t.inside_event(0), "inside_event(number) is a whole number from 1 up, not 0"),
        (lambda: t.append(Comment("a\nb")), "a comment is one line: 'a\\nb' has a line end in it"),
        (lambda: t.append("\ud800"), "an event stream is UTF-8 and cannot hold a lone surrogate"),
    ],
)
def test_impossible_faults(make: Callable[[], t.Step], says: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        make()(STREAM)
    assert str(raised.value).startswith(says)


def test_a_position_that_was_not_called() -> None:
    with pytest.raises(ScenarioError, match=r"truncate: after_event was not called: write after_event\(…\)"):
        t.truncate(t.after_event)(STREAM)  # type: ignore[arg-type]
    with pytest.raises(ScenarioError, match="hang: a position is a number of bytes or a function that finds one, not"):
        t.hang(lambda stream: t.after_event(1))(STREAM)  # type: ignore[arg-type,return-value]


def test_long_streams_are_shown_short() -> None:
    stream = Stream.of(*(encode("x" * 50) for _ in range(9)))
    with pytest.raises(ScenarioError) as raised:
        t.drop("y")(stream)
    x = "'" + "x" * 37 + "…'"
    assert str(raised.value).endswith(f"the stream has 522 bytes and 9 events: {x}, {x}, …, {x}, {x}")
    with pytest.raises(ScenarioError, match="the stream has 2 bytes and no event"):
        t.drop("y")(Stream.of(b"{}"))


def test_no_fault_decodes_to_other_events_before_it() -> None:
    for step in (t.truncate(30), t.drop("[DONE]"), t.append("x"), t.corrupt(30)):
        assert events_in(step(STREAM).body)[:2] == events_in(STREAM.body)[:2]
