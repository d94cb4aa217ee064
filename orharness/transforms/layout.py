"""Named positions in a stream, and summaries of a stream for errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from orharness.errors import ScenarioError
from orharness.frames import Block
from orharness.stream import Stream
from orharness.transforms.families import whole_number
from orharness.transforms.values import shown

Position = int | Callable[[Stream], int]
"""A body offset in bytes (a negative one counts from the end, as in a slice), or a function that finds one."""


@dataclass(frozen=True)
class Place:
    """A named way to find a body offset in a stream, as data: two are equal if their name and argument are."""

    name: str
    argument: int | str
    function: Callable[[Stream], int] = field(repr=False, compare=False)

    def __call__(self, stream: Stream) -> int:
        return self.function(stream)

    def __repr__(self) -> str:
        return f"{self.name}({shown(self.argument)})"

    def to_json(self) -> dict[str, Any]:
        """Return the document form: ``{"after_text": "Gr"}``."""
        return {self.name: self.argument}


def resolve(what: str, at: Position, stream: Stream, *, room: int = 0) -> int:
    """Return the body offset of a position, which has at least ``room`` bytes after it. ``what``: the transform's name.

    Raises ``ScenarioError`` if it is outside the body.
    """
    size = len(stream.body)
    given: object = at if isinstance(at, int) else _found(what, at, stream)
    if not isinstance(given, int):
        raise ScenarioError(f"{what}: a position is a number of bytes or a function that finds one, not {given!r}")
    offset = given + size if given < 0 else given
    if not 0 <= offset <= size - room:
        raise ScenarioError(f"{what}: offset {given} is outside the body: {summary(stream)}")
    return offset


def _found(what: str, at: Callable[[Stream], int], stream: Stream) -> object:
    uncalled: tuple[object, ...] = tuple(PLACES.values())
    if at in uncalled:
        raise ScenarioError(f"{what}: {shown(at)} was not called: write {shown(at)}(…)")
    return at(stream) if callable(at) else at


def after_event(number: int) -> Place:
    """The offset at which event ``number`` is complete, counted from 1; 0 is the start of the body.

    In an event stream that is after its empty line, in NDJSON after its line end, in a JSON array after its element.
    """
    whole_number("after_event(number)", number, 0)

    def find(stream: Stream) -> int:
        return numbered("after_event", number, stream).end if number else 0

    return Place("after_event", number, find)


def inside_event(number: int) -> Place:
    """The middle of the bytes of event ``number``, counted from 1."""
    whole_number("inside_event(number)", number, 1)

    def find(stream: Stream) -> int:
        block = numbered("inside_event", number, stream)
        return (block.start + block.end) // 2

    return Place("inside_event", number, find)


def after_text(text: str) -> Place:
    """The offset right after the first occurrence of ``text`` in the body, in UTF-8, as it is written there."""
    wanted = _encoded("after_text", text)
    return Place("after_text", text, lambda stream: _start_of("after_text", wanted, stream) + len(wanted))


def inside_text(text: str) -> Place:
    """The middle of the bytes of the first occurrence of ``text`` in the body: of one character, inside it."""
    wanted = _encoded("inside_text", text)
    if len(wanted) < 2:
        raise ScenarioError(f"inside_text: {text!r} is {count(len(wanted), 'byte')}, and has no inside")
    return Place("inside_text", text, lambda stream: _start_of("inside_text", wanted, stream) + (len(wanted) + 1) // 2)


def _encoded(what: str, text: str) -> bytes:
    if not isinstance(text, str):
        raise ScenarioError(f"{what}(text) is a str, not {text!r}")
    return text.encode("utf-8", "surrogatepass")


def _start_of(what: str, wanted: bytes, stream: Stream) -> int:
    start = stream.body.find(wanted)
    if start < 0:
        text = wanted.decode("utf-8", "surrogatepass")
        raise ScenarioError(f"{what}: {text!r} is not in the body: {summary(stream)}")
    return start


PLACES: dict[str, Callable[..., Place]] = {
    place.__name__: place for place in (after_event, after_text, inside_event, inside_text)
}
"""The named positions that a document can use."""


def numbered(what: str, number: int, stream: Stream) -> Block:
    """Return the block of event ``number``, counted from 1. Raises ``ScenarioError`` if there are fewer events."""
    found = stream.frame.events(stream.body)
    if number > len(found):
        raise ScenarioError(f"{what}: there is no event {number}: {summary(stream)}")
    return found[number - 1][0]


def summary(stream: Stream) -> str:
    """Summarize the contents of a stream, for errors."""
    found = stream.frame.events(stream.body)
    there = [event.data if len(event.data) <= 40 else event.data[:37] + "…" for _, event in found]
    if not there:
        return f"the stream has {len(stream.body)} bytes and no event"
    quoted = [repr(data) for data in there]
    if len(quoted) > 5:
        quoted[2:-2] = ["…"]
    return f"the stream has {len(stream.body)} bytes and {count(len(there), 'event')}: {', '.join(quoted)}"


def count(number: int, what: str) -> str:
    """Return ``1 event``, ``2 events``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
