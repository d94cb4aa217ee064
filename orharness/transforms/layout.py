"""Where things stand in an event stream's bytes: its blocks, its line ends, and the places a user can name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from orharness.errors import ScenarioError
from orharness.sse import BOM, Decoder, Event
from orharness.stream import Stream
from orharness.transforms.families import arguments, whole_number

LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Block:
    """Lines up to and including the empty line that ends them; ``event`` is what that line dispatches, if anything.

    A leading BOM stands before the first block, and further empty lines stand between blocks.
    """

    start: int
    end: int
    event: Event | None = None


def blocks(body: bytes) -> list[Block]:
    """The blocks of a body in order; the last one may lack its empty line."""
    found: list[Block] = []
    decoder = Decoder()
    fed = 0
    start = line = first_offset(body)
    for match in LINE_END.finditer(body):
        if match.start() == line:  # an empty line
            if line > start:
                event = next((item for item in decoder.feed(body[fed : match.end()]) if isinstance(item, Event)), None)
                found.append(Block(start, match.end(), event))
                fed = match.end()
            start = match.end()
        line = match.end()
    if start < len(body):
        found.append(Block(start, len(body)))
    return found


def events(body: bytes) -> list[tuple[Block, Event]]:
    """The blocks that dispatch an event, each with that event."""
    return [(block, block.event) for block in blocks(body) if block.event is not None]


def first_offset(body: bytes) -> int:
    """Where the first line begins: behind the BOM, which is one only as long as it stands in front of all."""
    return len(BOM) if body.startswith(BOM) else 0


def newline_at(body: bytes, offset: int) -> str:
    """The kind of line end that a line put in at ``offset`` is to have, so that it looks like its neighbours.

    It is the one right before the offset, or else the first one of the body. So it is never a CR in front of an LF,
    where the two would become one line end.
    """
    if offset <= first_offset(body):
        first = LINE_END.search(body)
        return first.group().decode() if first else "\n"
    if body[offset - 1 : offset] == b"\r":
        return "\r"
    return "\r\n" if body[max(0, offset - 2) : offset] == b"\r\n" else "\n"


def summary(stream: Stream) -> str:
    """What is in a stream, in a few words, for the text of an error."""
    there = [event.data if len(event.data) <= 40 else event.data[:37] + "…" for _, event in events(stream.body)]
    if not there:
        return f"the stream has {len(stream.body)} bytes and no event"
    shown = [repr(data) for data in there]
    if len(shown) > 5:
        shown[2:-2] = ["…"]
    return f"the stream has {len(stream.body)} bytes and {count(len(there), 'event')}: {', '.join(shown)}"


def count(number: int, what: str) -> str:
    """``1 event``, ``2 events``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


Position = int | Callable[[Stream], int]
"""A body offset in bytes (a negative one counts from the end, as in a slice), or a function that finds one."""


@dataclass(frozen=True)
class Place:
    """A function that finds a body offset in a stream, with a ``repr`` for reports."""

    name: str
    arguments: str
    function: Callable[[Stream], int] = field(repr=False)

    def __call__(self, stream: Stream) -> int:
        return self.function(stream)

    def __repr__(self) -> str:
        return f"{self.name}({self.arguments})"


def resolve(what: str, at: Position, stream: Stream, *, room: int = 0) -> int:
    """The body offset that a position stands for, with at least ``room`` bytes behind it.

    Raises ``ScenarioError`` where it lies outside the body.
    """
    size = len(stream.body)
    uncalled: tuple[object, ...] = (after_event, inside_event, after_text)
    if callable(at) and at in uncalled:
        name = arguments(at)
        raise ScenarioError(f"{what}: {name} was not called: write {name}(…)")
    given: object = at(stream) if callable(at) else at
    if not isinstance(given, int):
        raise ScenarioError(f"{what}: a position is a number of bytes or a function that finds one, not {given!r}")
    offset = given + size if given < 0 else given
    if not 0 <= offset <= size - room:
        raise ScenarioError(f"{what}: offset {given} is outside the body: {summary(stream)}")
    return offset


def after_event(number: int) -> Place:
    """Right behind the empty line of event ``number``, counted from 1; 0 is the start of the body."""
    whole_number("after_event(number)", number, 0)

    def find(stream: Stream) -> int:
        return numbered("after_event", number, stream).end if number else 0

    return Place("after_event", arguments(number), find)


def inside_event(number: int) -> Place:
    """The middle of the bytes of event ``number``, counted from 1: half of them stand before it."""
    whole_number("inside_event(number)", number, 1)

    def find(stream: Stream) -> int:
        block = numbered("inside_event", number, stream)
        return (block.start + block.end) // 2

    return Place("inside_event", arguments(number), find)


def after_text(text: str) -> Place:
    """Right behind the first place where ``text`` stands in the body, in UTF-8, as it is written there."""

    def find(stream: Stream) -> int:
        wanted = text.encode("utf-8", "surrogatepass")
        start = stream.body.find(wanted)
        if start < 0:
            raise ScenarioError(f"after_text: {text!r} is not in the body: {summary(stream)}")
        return start + len(wanted)

    return Place("after_text", arguments(text), find)


def numbered(what: str, number: int, stream: Stream) -> Block:
    """The block of event ``number``, counted from 1. Raises ``ScenarioError`` where there are fewer."""
    found = events(stream.body)
    if number > len(found):
        raise ScenarioError(f"{what}: there is no event {number}: {summary(stream)}")
    return found[number - 1][0]
