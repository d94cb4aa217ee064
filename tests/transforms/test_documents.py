"""Steps are data: what a document says is what was written in Python, and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import orharness.transforms as t
from orharness.errors import ScenarioError
from orharness.frames import SSE
from orharness.sse import Comment, Event, Item, Retry
from orharness.stream import Ending, Stream
from tests.support.examples import examples
from tests.support.json_schema import fits
from tests.support.step_strategies import STEPS, any_step
from tests.support.stream_strategies import items, streams


def read(document: Any) -> t.Step:
    """By way of JSON text, as a file holds it."""
    return t.from_json(json.loads(json.dumps(document)))


def outcome(through: list[t.Step], stream: Stream) -> object:
    try:
        return t.compose(through)(stream)
    except ScenarioError as error:
        return str(error)


def test_every_transform_is_drawn() -> None:
    assert set(STEPS) == set(properties_of_the_schema())


@pytest.mark.slow
@pytest.mark.parametrize("name", STEPS)
@examples(40)
@given(data=st.data())
def test_what_is_written_is_read_back(name: str, data: st.DataObject) -> None:
    step = data.draw(STEPS[name])
    document = step.to_json()
    again = read(document)
    assert again == step
    assert hash(again) == hash(step)
    assert again.to_json() == document
    assert fits(t.json_schema(), json.loads(json.dumps(document)))
    assert step.name == name


@pytest.mark.slow
@examples(200)
@given(streams(), st.lists(any_step, max_size=4))
def test_a_stream_comes_out_the_same_either_way(stream: Stream, through: list[t.Step]) -> None:
    assert outcome([read(step.to_json()) for step in through], stream) == outcome(through, stream)
    assert t.compose(through).to_json() == [step.to_json() for step in t.compose(through).steps]  # type: ignore[attr-defined]


@given(any_step, any_step)
def test_steps_are_equal_if_their_documents_are(one: t.Step, other: t.Step) -> None:
    assert (one == other) == (one.to_json() == other.to_json())


@pytest.mark.parametrize(
    ("step", "document"),
    [
        (t.per_byte(), "per_byte"),
        (t.blank_lines(1), "blank_lines"),
        (t.hold(3), {"hold": 3}),
        (t.hold(chunks=2), {"hold": {"chunks": 2}}),
        (t.comments(": X", every=2), {"comments": {"text": ": X", "every": 2}}),
        (t.comments(": X", every=1), {"comments": ": X"}),
        (
            t.split_at(3, t.inside_event(2), t.after_text("ü")),
            {"split_at": [3, {"inside_event": 2}, {"after_text": "ü"}]},
        ),
        (t.cut_at(), "cut_at"),
        (t.extra_fields("foo"), {"extra_fields": ["foo"]}),
        (t.truncate(t.after_event(2)), {"truncate": {"after_event": 2}}),
        (t.truncate(-1, Ending.ABORT), {"truncate": {"at": -1, "ending": "abort"}}),
        (t.append("late"), {"append": "late"}),
        (t.append(Event("t", "late", "7")), {"append": {"data": "late", "event": "t", "id": "7"}}),
        (t.append(Comment(" c")), {"append": {"comment": " c"}}),
        (t.append(Retry(2.5)), {"append": {"retry": 2.5}}),
        (t.append(b"\xe2\x82\xac"), {"append": {"base64": "4oKs"}}),
    ],
)
def test_the_canonical_form(step: t.Step, document: object) -> None:
    assert step.to_json() == document
    assert read(document) == step


def test_what_else_is_read() -> None:
    assert read({"comments": {"text": "x"}}) == t.comments("x")
    assert read({"split_at": 3}) == read({"split_at": {"offsets": [3]}}) == t.split_at(3)
    assert read({"append": {"event": {"data": "x"}}}) == t.append(Event(data="x"))
    assert read({"per_byte": {}}) == t.per_byte()
    assert repr(read({"comments": {"every": 2, "text": "x"}})) == "comments('x', every=2)"


def test_an_argument_that_is_a_default_makes_no_difference() -> None:
    assert t.comments("x") == t.comments(text="x", every=1, before=0)
    assert t.truncate(3) == t.truncate(3, Ending.EOF)
    assert t.comments("x") != t.comments("x", 2)
    assert t.hold(3) != t.stall(3, 0)
    assert len({t.hold(3), t.hold(after=3), t.hold(chunks=3)}) == 2


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("per_bite", "there is no transform 'per_bite' (did you mean per_byte?)"),
        (
            {"comments": {"txt": "x"}},
            "comments has no argument 'txt' (did you mean text?); it takes text, every, before",
        ),
        ({"comments": {"text": "x", "1": 2}}, "comments has no argument '1'; it takes text, every, before"),
        ({"comments": {"every": 2}}, "comments needs text: write {comments: {text: …}}"),
        ("comments", "comments needs text: write {comments: {text: …}}"),
        ({"comments": {"text": "x", "every": "2"}}, "comments(every=) is a whole number, not '2'"),
        ({"comments": {"text": "x", "every": True}}, "comments(every=) is a whole number, not True"),
        ({"comments": {"text": "x", "every": -1}}, "comments(every=) is a whole number from 0 up, not -1"),
        ({"per_byte": 3}, "per_byte takes no arguments, not 3"),
        ({"per_byte": {"size": 3}}, "per_byte takes no arguments, not {'size': 3}"),
        ({"hold": "3"}, "hold(after=) is a whole number or null, not '3'"),
        ({"hold": {"chunk": 3}}, "hold has no argument 'chunk' (did you mean chunks?); it takes after, chunks"),
        ({"truncate": {"after_txt": "x"}}, "truncate(at=) is a whole number or {after_event: …} or"),
        ({"truncate": {"after_text": 3}}, "after_text(text) is a text, not 3"),
        ({"truncate": {"at": 3, "ending": "abrt"}}, "truncate(ending=) is one of eof, abort, reset, hang, not 'abrt'"),
        ({"append": {"base64": "*"}}, "append(event=) is {data: …, event: …, id: …} or {comment: …} or {retry: …} or"),
        ({"append": {"data": 1}}, "append(event=) is {data: …, event: …, id: …} or"),
        ({"drop": 3}, "drop(marker=) is a text, not 3"),
        ({"split_at": ["x"]}, "split_at(offsets=) is a whole number or {after_event: …} or"),
        (7, "a transform is a name or a mapping of one name to its arguments, not 7"),
        ({"bom": {}, "per_byte": {}}, "a transform is a name or a mapping of one name to its arguments, not {"),
        ({7: 1}, "a transform is a name or a mapping of one name to its arguments, not {7: 1}"),
    ],
)
def test_a_wrong_entry_is_one_sentence(document: object, says: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        t.from_json(document)
    assert str(raised.value).startswith(says)


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda: t.drop(lambda event: True).to_json(), "drop: the function <lambda> cannot be written to a document"),
        (lambda: t.truncate(len).to_json(), "truncate: the function len cannot be written"),  # type: ignore[arg-type]
        (lambda: t.jitter(object(), 1).to_json(), "jitter: object cannot be written"),  # type: ignore[arg-type]
        (lambda: t.step_to_json(lambda stream: stream), "<lambda> is a plain function and cannot be written"),
        (lambda: t.compose([t.bom(), plain]).to_json(), "plain is a plain function and cannot be written"),
    ],
)
def test_what_works_in_python_only(write: Callable[[], object], says: str) -> None:
    with pytest.raises(ScenarioError) as raised:
        write()
    assert str(raised.value).startswith(says)


def plain(stream: Stream) -> Stream:
    return stream


def test_truncate_takes_an_ending_by_its_name_and_no_other() -> None:
    assert t.truncate(3, "reset") == t.truncate(3, Ending.RESET)  # type: ignore[arg-type]
    assert t.truncate(0, "reset")(Stream.of(b"x")).ending is Ending.RESET  # type: ignore[arg-type]
    with pytest.raises(ScenarioError, match=r"truncate\(ending\) is one of eof, abort, reset, hang, not 'rst'"):
        t.truncate(3, "rst")  # type: ignore[arg-type]


# -- positions and items -------------------------------------------------------------------------------------------


def test_a_place_is_data() -> None:
    assert t.after_text("x") == t.after_text("x") != t.after_text("y")
    assert t.after_event(2) != t.inside_event(2)
    assert len({t.after_event(2), t.after_event(2)}) == 1
    assert t.after_event(2).to_json() == {"after_event": 2}


@given(items)
def test_items_are_written_and_read(item: Item) -> None:
    assert t.item_from_json(json.loads(json.dumps(t.item_to_json(item)))) == item


@pytest.mark.parametrize(
    "value", [{}, "x", {"data": "x", "comment": "y"}, {"event": "t"}, {"comment": 1}, {"retry": "1"}]
)
def test_what_is_no_item(value: object) -> None:
    with pytest.raises(
        ScenarioError, match=r"^events\[2\] is one of {data: …, event: …, id: …}, {comment: …}, {retry: …}, not"
    ):
        t.item_from_json(value, "events[2]")


# -- cut_at --------------------------------------------------------------------------------------------------------


@given(streams(), st.data())
def test_cut_at_makes_these_boundaries_and_no_other(stream: Stream, data: st.DataObject) -> None:
    size = len(stream.body)
    cuts = data.draw(st.sets(st.integers(0, size)))
    cut = t.cut_at(*cuts)(stream)
    assert cut.body == stream.body
    assert set(cut.boundaries) == {one for one in cuts if one} | ({size} if size else set())


def test_cut_at_comes_after_everything_else() -> None:
    stream = Stream.of(SSE.encode("a"), SSE.encode("b"), delay=2.0)
    through = [t.cut_at(3, t.after_text("hb")), t.heartbeat(1.5, ":hb"), t.per_byte(), t.hold(1), t.pace(2.0)]
    assert [step.name for step in t.compose(through).steps] == ["per_byte", "pace", "hold", "heartbeat", "cut_at"]  # type: ignore[attr-defined]
    cut = t.compose([t.cut_at(1, 4), t.heartbeat(1.5, ":hb")])(stream)
    assert [chunk.data for chunk in cut.chunks] == [b":", b"hb\n", b"\ndata: a\n\n:hb\n\ndata: b\n\n"]
    with pytest.raises(ScenarioError, match="cut_at: offset 19 is outside the body"):
        t.cut_at(19)(stream)


# -- the schema ----------------------------------------------------------------------------------------------------


def properties_of_the_schema() -> dict[str, Any]:
    by_name: dict[str, Any] = t.json_schema(own=False)["anyOf"][1]["properties"]
    return by_name


@pytest.mark.parametrize(
    "document",
    [
        *("per_bite", "comments", 7, {}, {"bom": {}, "per_byte": {}}, {"per_byte": 3}, {"hold": "3"}, {"hold": True}),
        *({"comments": {"every": 2}}, {"comments": {"text": "x", "txt": 1}}, {"truncate": {"at": 3, "ending": "x"}}),
        *({"truncate": {"after_text": 3}}, {"append": {"data": 1}}, {"stall": 3}, {"append": {"retry": -1}}),
    ],
)
def test_the_schema_refuses_what_is_wrong(document: object) -> None:
    assert not fits(t.json_schema(), document)
    with pytest.raises(ScenarioError):
        t.compose([t.from_json(document)])(Stream.of(b"x"))


def test_the_schema_is_json_with_a_sentence_for_each_transform() -> None:
    assert json.loads(json.dumps(t.json_schema())) == t.json_schema()
    assert all(one["description"].endswith((".", ",", ":")) for one in properties_of_the_schema().values())
