"""Faults: damage in transit. Each is one small function that depends on no other.

Everything before a fault is untouched, and the stream names the fault with the body offset where it begins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from orharness.errors import ScenarioError
from orharness.frames import Block
from orharness.sse import Event, Item
from orharness.stream import Edit, Ending, Stream, Transform, edit
from orharness.transforms.families import Family, step
from orharness.transforms.layout import Position, resolve, summary

Marker = str | Callable[[Event], bool]
"""The events that are meant: those with this data (outer blanks ignored), or those for which a function is true."""


@step(Family.FAULT)
def truncate(at: Position, ending: Ending = Ending.EOF) -> Transform:
    """Send nothing from ``at`` on, and end the response with ``ending``.

    A Content-Length still announces the whole body, except with ``Ending.EOF``, where it is what is sent. Raises
    ``ScenarioError`` for an unknown ending.
    """
    if ending not in list(Ending):
        raise ScenarioError(f"truncate(ending) is one of {', '.join(Ending)}, not {ending!r}")
    return lambda stream: _cut("truncate", stream, at, Ending(ending))


@step(Family.FAULT)
def hang(at: Position) -> Transform:
    """Send nothing from ``at`` on, and keep the connection open. A Content-Length still announces the whole body."""
    return lambda stream: _cut("hang", stream, at, Ending.HANG)


@step(Family.FAULT)
def drop(marker: Marker) -> Transform:
    """Omit each event that the marker matches: its whole block, with any comment lines in it."""

    def transform(stream: Stream) -> Stream:
        spans = stream.frame.without(stream.body, _marked("drop", marker, stream))
        dropped = edit(stream, (Edit(start, end) for start, end in spans))
        return _noted("drop", spans[0][0], stream, dropped)

    return transform


@step(Family.FAULT)
def repeat(marker: Marker) -> Transform:
    """Send the first event that the marker matches a second time, right after itself."""

    def transform(stream: Stream) -> Stream:
        block = _marked("repeat", marker, stream)[0]
        again = Edit(block.end, block.end, stream.frame.again(stream.body, block))
        return _noted("repeat", block.end, stream, edit(stream, [again]))

    return transform


@step(Family.FAULT)
def append(event: Item | str | bytes) -> Transform:
    """Send one more event after everything else; in a JSON array, as its last element.

    ``event`` may be a comment or a retry; a ``str`` is an event's data, and ``bytes`` are sent as they are, at the very
    end. Raises ``ScenarioError`` for an item that the stream's frame cannot express.
    """

    def transform(stream: Stream) -> Stream:
        frame, body = stream.frame, stream.body
        if isinstance(event, bytes):
            at, data = len(body), event
        elif lacking := frame.lacks(event):
            raise frame.cannot(lacking, "append")
        else:
            at, data = frame.one_more(body, event)
        return _noted("append", at, stream, edit(stream, [Edit(at, at, data)]))

    return transform


@step(Family.FAULT)
def corrupt(at: Position) -> Transform:
    """Flip the lowest bit of the byte at ``at``: the length stays, and text mostly stays text."""

    def transform(stream: Stream) -> Stream:
        offset = resolve("corrupt", at, stream, room=1)
        wrong = bytes([stream.body[offset] ^ 1])
        return _noted("corrupt", offset, stream, edit(stream, [Edit(offset, offset + 1, wrong)]))

    return transform


@step(Family.FAULT)
def invalid_utf8(at: Position) -> Transform:
    """Insert the byte 0xFF, which UTF-8 never has, at ``at``. A decoder turns it into U+FFFD."""

    def transform(stream: Stream) -> Stream:
        offset = resolve("invalid_utf8", at, stream)
        return _noted("invalid_utf8", offset, stream, edit(stream, [Edit(offset, offset, b"\xff")]))

    return transform


def _cut(name: str, stream: Stream, at: Position, ending: Ending) -> Stream:
    offset = resolve(name, at, stream)
    whole = len(stream.body) if stream.announced is None else stream.announced
    marker = stream.end_marker
    kept = replace(
        edit(stream, [Edit(offset, len(stream.body))]),
        ending=ending,
        announced=whole,
        # What comes after the cut is never reached, so the journal must not name it.
        faults=tuple(fault for fault in stream.faults if fault.at < offset),
        gates=tuple(gate for gate in stream.gates if gate <= offset),
        end_marker=None if marker is None or marker > offset else marker,
    )
    return kept.with_fault(name, offset, ends=True)


def _noted(name: str, at: int, before: Stream, after: Stream) -> Stream:
    """Name the fault in the stream; remove the end marker if the fault has destroyed that event."""
    if before.end_marker is not None:
        ended, ends = _event_at(before, before.end_marker), _event_at(after, after.end_marker)
        same = ended is not None and ends is not None and _said(ended[1]) == _said(ends[1])
        after = replace(after, end_marker=ends[0].end if same and ends is not None else None)
    return after.with_fault(name, at)


def _said(event: Event) -> tuple[str, str]:
    return event.type, event.data


def _event_at(stream: Stream, offset: int | None) -> tuple[Block, Event] | None:
    """Return the event whose bytes end at the offset, or reach over it: a line end may have been added to them."""
    found = stream.frame.events(stream.body)
    return next((one for one in found if offset is not None and one[0].start < offset <= one[0].end), None)


def _marked(what: str, marker: Marker, stream: Stream) -> list[Block]:
    wanted = _predicate(marker)
    found = [block for block, event in stream.frame.events(stream.body) if wanted(event)]
    if not found:
        named = f"with the data {marker.strip()!r}" if isinstance(marker, str) else "that the marker means"
        raise ScenarioError(f"{what}: there is no event {named}: {summary(stream)}")
    return found


def _predicate(marker: Marker) -> Callable[[Event], bool]:
    if isinstance(marker, str):
        text = marker.strip()
        return lambda event: event.data.strip() == text
    return marker
