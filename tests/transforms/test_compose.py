"""The order in which transforms are applied, and what is said of those that are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import orharness.transforms as t
from orharness.errors import ScenarioError
from orharness.sse import encode
from orharness.stream import Ending, Stream, Transform
from tests.support.step_strategies import STEPS

STREAM = Stream.of(*(encode(text) for text in ("one", "two", "three", "[DONE]")), delay=0.5)


def shout(stream: Stream) -> Stream:
    return Stream.of(stream.body.upper())


def test_the_families_come_in_their_order() -> None:
    assert list(t.Family) == [t.Family.REWRITE, t.Family.FAULT, t.Family.BOUNDARY, t.Family.TIMING]


@pytest.mark.parametrize(
    ("step", "family", "shown"),
    [
        (t.comments(": X", every=2), t.Family.REWRITE, "comments(': X', every=2)"),
        (t.newlines("\r\n"), t.Family.REWRITE, r"newlines('\r\n')"),
        (t.heartbeat(0.5), t.Family.REWRITE, "heartbeat(0.5)"),
        (t.truncate(t.after_event(3), Ending.ABORT), t.Family.FAULT, "truncate(after_event(3), Ending.ABORT)"),
        (t.drop(str.isspace), t.Family.FAULT, "drop(isspace)"),  # type: ignore[arg-type]
        (t.drop(lambda event: event.data == ""), t.Family.FAULT, "drop(<lambda>)"),
        (t.split_at(3, t.inside_event(2), t.after_text("ü")), t.Family.BOUNDARY, None),
        (t.per_byte(), t.Family.BOUNDARY, "per_byte()"),
        (t.hold(chunks=2), t.Family.TIMING, "hold(chunks=2)"),
    ],
)
def test_a_step_tells_its_family_and_how_it_was_written(step: t.Step, family: t.Family, shown: str | None) -> None:
    assert step.family is family
    assert repr(step) == (shown or "split_at(3, inside_event(2), after_text('ü'))")
    assert step.name == repr(step).partition("(")[0]


SORTED = [
    *(t.comments(": X", every=2), t.truncate(t.after_event(3)), t.per_event(), t.split_at(3)),
    *(t.pace(0.1), t.stall(2, 1.0), t.heartbeat(0.3)),
]


@given(st.permutations(SORTED))
def test_no_order_is_a_trap(order: list[t.Step]) -> None:
    composed = t.compose(order)
    assert composed == t.compose(SORTED)
    assert composed(STREAM) == STREAM.through(*SORTED)
    assert composed(STREAM).duration == pytest.approx(0.1 * 5 + 1.0)


def test_a_family_keeps_the_order_in_which_its_steps_are_given() -> None:
    both = t.compose([t.append("a"), t.append("b")])(STREAM)
    assert both.body == STREAM.body + encode("a", "b")
    assert t.compose([t.scale(2), t.first_chunk(3)])(STREAM).chunks[0].delay == 3
    assert t.compose([t.first_chunk(3), t.scale(2)])(STREAM).chunks[0].delay == 6


def test_what_is_made_afresh_does_not_wipe_out_what_refines_it() -> None:
    assert repr(t.compose([t.stall(1, 2), t.pace(1), t.coalesce(2), t.rechunk(3)])) == (
        "[rechunk(3), coalesce(2), pace(1), stall(1, 2)]"
    )


def test_heartbeat_sees_the_silences_that_timing_makes() -> None:
    stream = t.compose([t.heartbeat(1.0, ": hb"), t.stall(2, 2.0), t.per_event(), t.drop("three")])(STREAM)
    beat = (b": hb\n\n", 1.0)
    assert [(chunk.data, chunk.delay) for chunk in stream.chunks] == [
        *((encode("one"), 0.5), beat, beat, (encode("two"), 0.5), (encode("[DONE]"), pytest.approx(1.0))),
    ]


def test_a_plain_function_is_a_rewrite_in_its_place() -> None:
    composed = t.compose(
        [t.per_event(), t.comments(": x", every=0, before=1), shout, t.comments(": y", every=0, before=1)]
    )
    assert (
        repr(composed) == "[comments(': x', every=0, before=1), shout, comments(': y', every=0, before=1), per_event()]"
    )
    assert composed(STREAM).body == b": y\n\n: X\n\n" + STREAM.body.upper()


def test_a_composition_is_sorted_with_the_rest() -> None:
    inner = t.compose([t.per_byte(), t.bom()])
    assert repr(t.compose([t.hold(1), inner, t.corrupt(9)])) == "[bom(), corrupt(9), per_byte(), hold(1)]"


def test_nothing_is_a_composition_too() -> None:
    assert t.compose([])(STREAM) is STREAM


def test_a_step_does_the_same_each_time() -> None:
    for step in (t.random_chunks(7), t.jitter("seed", 0.2), t.comments("x")):
        assert step(STREAM) == step(STREAM)


def made_no_stream(stream: Stream) -> Transform:
    return shout


@pytest.mark.parametrize(
    ("through", "says"),
    [
        ([t.per_byte], r"per_byte in through was not called: write per_byte\(…\)"),
        ([t.bom(), 7], "not 7"),
        ([None], "not None"),
        (t.per_byte(), r"a list of transforms, not per_byte\(\) alone"),
        (shout, "a list of transforms, not shout alone"),
        ([made_no_stream], "made_no_stream in through returned shout and not a Stream"),
    ],
)
def test_what_is_no_transform(through: list[Transform], says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        t.compose(through)(STREAM)


def test_every_factory_makes_steps_and_is_told_apart_when_uncalled() -> None:
    others = {
        *("Composed", "Family", "Marker", "Place", "Position", "Step"),
        *("after_event", "after_text", "compose", "inside_event", "inside_text"),
        *("rewrite", "fault", "boundary", "timing"),
        *("from_json", "item_from_json", "item_to_json", "json_schema", "step_to_json"),
    }
    factories = set(t.__all__) - others
    assert factories == set(STEPS)
    for name in factories:
        with pytest.raises(ScenarioError, match=f"^{name} in through was not called"):
            t.compose([getattr(t, name)])
