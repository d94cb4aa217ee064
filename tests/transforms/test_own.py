"""A user's own transforms: they name their family, are held to its law, and are used in documents by their name."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import pytest

import orharness
import orharness.transforms as t
from orharness.errors import ScenarioError
from orharness.frames import NDJSON, SSE
from orharness.stream import Chunk, Edit, Ending, Fault, Stream, Transform, edit, repartition
from tests.support.json_schema import fits

STREAM = Stream(tuple(Chunk(SSE.encode(text), 0.5) for text in ("one", "two", "three")), gates=(11,), end_marker=35)


@orharness.boundary
def in_parts(number: int, *, shift: int = 0) -> Transform:
    """Cut the body into equal parts."""

    def transform(stream: Stream) -> Stream:
        return repartition(stream, range(shift, len(stream.body), max(1, len(stream.body) // number)))

    return transform


@orharness.rewrite
def padded(text: str) -> Transform:
    """Put a comment line before everything."""
    return lambda stream: edit(stream, [Edit(0, 0, f":{text}\n".encode())])


@orharness.timing
def slower(seconds: float = 1.0) -> Transform:
    return lambda stream: replace(
        stream, chunks=tuple(Chunk(chunk.data, chunk.delay + seconds) for chunk in stream.chunks)
    )


@orharness.fault
def shouted(at: t.Position) -> Transform:
    """Write the byte at a position in upper case."""

    def transform(stream: Stream) -> Stream:
        offset = at(stream) if callable(at) else at
        changed = edit(stream, [Edit(offset, offset + 1, stream.body[offset : offset + 1].upper())])
        return changed.with_fault("shouted", offset)

    return transform


OWN: list[tuple[t.Step, t.Family, str, object]] = [
    (in_parts(3), t.Family.BOUNDARY, "in_parts(3)", {"in_parts": 3}),
    (in_parts(3, shift=2), t.Family.BOUNDARY, "in_parts(3, shift=2)", {"in_parts": {"number": 3, "shift": 2}}),
    (padded("x"), t.Family.REWRITE, "padded('x')", {"padded": "x"}),
    (slower(), t.Family.TIMING, "slower()", "slower"),
    (shouted(t.after_text("data: ")), t.Family.FAULT, None, {"shouted": {"after_text": "data: "}}),  # type: ignore[list-item]
]


@pytest.mark.parametrize(("step", "family", "shown", "document"), OWN)
def test_a_step_of_ones_own(step: t.Step, family: t.Family, shown: str | None, document: object) -> None:
    assert step.family is family
    assert repr(step) == (shown or "shouted(after_text('data: '))")
    assert step.to_json() == document
    assert t.from_json(document) == step
    assert t.from_json(document)(STREAM) == step(STREAM)


def test_they_are_sorted_by_their_family_and_gates_move() -> None:
    composed = t.compose([slower(2), in_parts(2), t.hold(1), shouted(6), padded("x"), t.per_byte()])
    assert repr(composed) == "[padded('x'), shouted(6), per_byte(), in_parts(2), slower(2), hold(1)]"
    made = t.compose([in_parts(1), padded("x")])(STREAM)
    assert (made.gates, made.end_marker) == ((14,), 38)
    assert t.compose([shouted(6)])(STREAM).faults == (Fault("shouted", 6),)


def test_what_is_decorated_keeps_its_name_and_docstring_and_is_told_apart_when_uncalled() -> None:
    assert (in_parts.__name__, in_parts.__doc__) == ("in_parts", "Cut the body into equal parts.")
    with pytest.raises(ScenarioError, match=r"in_parts in through was not called: write in_parts\(…\)"):
        t.compose([in_parts])  # type: ignore[list-item]


def broken(family: Callable[..., Any], change: Transform) -> t.Step:
    def breaks() -> Transform:
        return change

    step: t.Step = family(breaks)()
    return step


def shorter(stream: Stream) -> Stream:
    return edit(stream, [Edit(0, 11)])


def early(stream: Stream) -> Stream:
    return shorter(stream).with_fault("early", 12)


REWRITES = "a transform that rewrites decodes to the same events, and this one to others"
UNNAMED = "a transform that makes a fault names it in the stream (with_fault), and this one names none"
BEFORE = (
    "a transform that makes a fault leaves the bytes before it as they are, and this one changed some before offset 12"
)
BODY = "a transform that moves boundaries keeps the body, and this one changed it"
CHUNKS = "a transform that changes timing keeps the data of each chunk, and this one changed it"


@pytest.mark.parametrize(
    ("family", "change", "law"),
    [
        (orharness.rewrite, shorter, REWRITES),
        (orharness.rewrite, lambda s: edit(s, [Edit(0, 0, b"retry: 1\n\n")]), REWRITES),
        (orharness.fault, shorter, UNNAMED),
        (orharness.fault, lambda s: s, UNNAMED),
        (orharness.fault, early, BEFORE),
        (orharness.boundary, shorter, BODY),
        (orharness.boundary, lambda s: edit(s, [Edit(0, 0, b":\n")]), BODY),
        (orharness.timing, shorter, CHUNKS),
        (orharness.timing, lambda s: repartition(s, [1]), CHUNKS),
        (orharness.timing, lambda s: Stream(s.chunks, frame=NDJSON), "a transform keeps the frame, and this one made"),
    ],
)
def test_a_breach_names_the_transform_and_the_law(family: Callable[..., Any], change: Transform, law: str) -> None:
    step = broken(family, change)
    for apply in (step, t.compose([step])):
        with pytest.raises(ScenarioError) as raised:
            apply(STREAM)
        assert str(raised.value).startswith(f"breaks breaks the law of its family: {law}")


def test_a_fault_may_change_the_ending_alone_and_stand_beside_others() -> None:
    step = broken(
        orharness.fault, lambda s: replace(s, ending=Ending.RESET).with_fault("reset", len(s.body), ends=True)
    )
    twice = STREAM.through(t.corrupt(3), step, step)
    assert [fault.name for fault in twice.faults] == ["corrupt", "reset", "reset"]


def test_a_law_holds_in_the_streams_own_frame() -> None:
    lines = Stream.of(b"1\n2\n", frame=NDJSON)
    step = broken(orharness.rewrite, lambda s: edit(s, [Edit(2, 2, b"\n\n")]))
    assert step(lines).body == b"1\n\n\n2\n"
    with pytest.raises(ScenarioError, match="decodes to the same events"):
        broken(orharness.rewrite, lambda s: edit(s, [Edit(2, 2, b"3\n")]))(lines)


def test_a_factory_that_makes_no_transform() -> None:
    with pytest.raises(ScenarioError, match=r"breaks\(\) made 3: what is decorated returns a function from Stream"):
        broken(orharness.boundary, 3)  # type: ignore[arg-type]
    with pytest.raises(ScenarioError, match="<lambda> in through returned None and not a Stream"):
        broken(orharness.boundary, lambda stream: None)(STREAM)  # type: ignore[arg-type,return-value]


def test_a_name_of_the_package_is_taken() -> None:
    def rechunk() -> Transform:
        return lambda stream: stream

    with pytest.raises(ScenarioError, match=r"rechunk is a transform of orharness: give \S+rechunk another name"):
        orharness.boundary(rechunk)
    assert t.from_json({"rechunk": 3}) == t.rechunk(3)


def test_a_name_that_two_modules_define_is_not_for_documents() -> None:
    def ambiguous() -> Transform:
        return lambda stream: stream

    one = orharness.boundary(ambiguous)
    assert t.from_json("ambiguous") == one()
    orharness.boundary(ambiguous)  # loaded again: the same one
    assert t.from_json("ambiguous") == one()
    ambiguous.__module__ = "other"
    orharness.boundary(ambiguous)
    with pytest.raises(ScenarioError, match=r"ambiguous is defined twice, as other\.\S+ and \S+ambiguous: rename"):
        t.from_json("ambiguous")


def test_edits_are_inside_the_body_and_in_order() -> None:
    for edits in ([Edit(5, 3)], [Edit(0, 4), Edit(3, 5)], [Edit(0, 99)], [Edit(-1, 0)]):
        with pytest.raises(ScenarioError, match="edits are in the order of the body, inside it, and do not overlap"):
            edit(STREAM, edits)


def test_a_document_finds_a_transform_once_its_module_is_imported(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from orharness import boundary, repartition\n"
        "@boundary\ndef halves(): return lambda stream: repartition(stream, [len(stream.body) // 2])\n",
        encoding="utf-8",
    )
    script = """
from orharness.errors import ScenarioError
from orharness.transforms import from_json
try:
    from_json("halves")
except ScenarioError as error:
    print(error)
import mine
print(from_json("halves"))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["there is no transform 'halves'", "halves()"]


# -- what the annotations of a user's factory say -------------------------------------------------------------------


class Colour(StrEnum):
    RED = "red"


@orharness.timing
def typed(
    colour: Colour = Colour.RED,
    *,
    mode: Literal["fast", "slow"] = "fast",
    sizes: list[int] | None = None,
    options: dict[str, int] | None = None,
    exact: bool = False,
    anything: Any = None,
    **more: float,
) -> Transform:
    """Do nothing.

    But take all kinds of arguments.
    """
    return lambda stream: stream


@pytest.mark.parametrize(
    "step",
    [
        *(
            typed(),
            typed(Colour.RED),
            typed(mode="slow"),
            typed(sizes=[1, 2]),
            typed(options={"a": 1}),
            typed(exact=True),
        ),
        *(typed(anything=[1, {"x": None}]), typed(anything="y"), typed(more=1.5), typed(other=2, sizes=[])),
    ],
)
def test_arguments_of_every_kind(step: t.Step) -> None:
    assert t.from_json(json.loads(json.dumps(step.to_json()))) == step
    assert fits(t.json_schema(), step.to_json())


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"typed": "blue"}, r"typed\(colour=\) is one of red, not 'blue'"),
        ({"typed": {"mode": "slw"}}, r"typed\(mode=\) is one of fast, slow, not 'slw'"),
        ({"typed": {"sizes": 3}}, r"typed\(sizes=\) is a list or null, not 3"),
        ({"typed": {"exact": 1}}, r"typed\(exact=\) is true or false, not 1"),
    ],
)
def test_a_wrong_argument_of_every_kind(document: object, says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        t.from_json(document)
    assert not fits(t.json_schema(), document)


@orharness.timing
def mapped(table: dict[str, int]) -> Transform:
    return lambda stream: stream


@pytest.mark.parametrize(
    ("table", "document"),
    [
        ({"x": 1}, {"mapped": {"x": 1}}),
        ({"x": 1, "table": 2}, {"mapped": {"x": 1, "table": 2}}),
        ({"table": 1}, {"mapped": {"table": {"table": 1}}}),
        ({}, {"mapped": {"table": {}}}),
    ],
)
def test_a_mapping_is_not_taken_for_the_arguments(table: dict[str, int], document: object) -> None:
    assert mapped(table).to_json() == document
    assert t.from_json(document) == mapped(table)


def test_the_schema_of_the_package_knows_no_users_transform() -> None:
    assert "typed" not in t.json_schema(own=False)["anyOf"][1]["properties"]
    assert "typed" in t.json_schema()["anyOf"][1]["properties"]
