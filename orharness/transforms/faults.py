"""Faults: what goes wrong on the way. Each is one small function that knows no other.

What stands before a fault is untouched, and the stream says its name and the body offset where it begins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from orharness.errors import ScenarioError
from orharness.sse import Event, Item, encode
from orharness.stream import Edit, Ending, Stream, Transform, edit
from orharness.transforms.families import Family, step
from orharness.transforms.layout import Block, Position, blocks, events, newline_at, resolve, summary

Marker = str | Callable[[Event], bool]
"""Which events are meant: those with this data (blanks around it not counted), or those of which a function says so."""


@step(Family.FAULT)
def truncate(at: Position, ending: Ending = Ending.EOF) -> Transform:
    """Nothing from ``at`` on, and then ``ending``.

    A Content-Length still promises the whole body, but for ``Ending.EOF``: there it says what is sent.
    """
    return lambda stream: _cut("truncate", stream, at, ending)


@step(Family.FAULT)
def hang(at: Position) -> Transform:
    """Nothing from ``at`` on, and the connection stays open. A Content-Length still promises the whole body."""
    return lambda stream: _cut("hang", stream, at, Ending.HANG)


@step(Family.FAULT)
def drop(marker: Marker) -> Transform:
    """Each event that the marker means is missing: its whole block, with any comment lines in it."""

    def transform(stream: Stream) -> Stream:
        gone = _marked("drop", marker, stream)
        dropped = edit(stream, (Edit(block.start, block.end) for block in gone))
        return _noted("drop", gone[0].start, stream, dropped)

    return transform


@step(Family.FAULT)
def repeat(marker: Marker) -> Transform:
    """The first event that the marker means comes a second time, right behind itself."""

    def transform(stream: Stream) -> Stream:
        block = _marked("repeat", marker, stream)[0]
        again = Edit(block.end, block.end, stream.body[block.start : block.end])
        return _noted("repeat", block.end, stream, edit(stream, [again]))

    return transform


@step(Family.FAULT)
def append(event: Item | str | bytes) -> Transform:
    """One more event (comment, retry; a ``str`` is its data, ``bytes`` are as they are) behind everything else."""

    def transform(stream: Stream) -> Stream:
        end = len(stream.body)
        data = event if isinstance(event, bytes) else encode(event, newline=newline_at(stream.body, end))
        return _noted("append", end, stream, edit(stream, [Edit(end, end, data)]))

    return transform


@step(Family.FAULT)
def corrupt(at: Position) -> Transform:
    """The byte at ``at`` has its lowest bit turned over: still as long, mostly still text, and wrong."""

    def transform(stream: Stream) -> Stream:
        offset = resolve("corrupt", at, stream, room=1)
        wrong = bytes([stream.body[offset] ^ 1])
        return _noted("corrupt", offset, stream, edit(stream, [Edit(offset, offset + 1, wrong)]))

    return transform


@step(Family.FAULT)
def invalid_utf8(at: Position) -> Transform:
    """A byte that stands nowhere in UTF-8 (0xFF) is put in at ``at``. A decoder makes U+FFFD of it."""

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
        # What lies behind the cut is never reached: it must not be found in the journal.
        faults=tuple(fault for fault in stream.faults if fault.at < offset),
        gates=tuple(gate for gate in stream.gates if gate <= offset),
        end_marker=None if marker is None or marker > offset else marker,
    )
    return kept.with_fault(name, offset, ends=True)


def _noted(name: str, at: int, before: Stream, after: Stream) -> Stream:
    """The stream with its fault named, and without an end marker where the fault left no such event."""
    if before.end_marker is not None and _behind(before, before.end_marker) != _behind(after, after.end_marker):
        after = replace(after, end_marker=None)
    return after.with_fault(name, at)


def _behind(stream: Stream, offset: int | None) -> tuple[str, str] | None:
    """Type and data of the event that ends at the offset."""
    return next(((event.type, event.data) for block, event in events(stream.body) if block.end == offset), None)


def _marked(what: str, marker: Marker, stream: Stream) -> list[Block]:
    wanted = _predicate(marker)
    found = [block for block in blocks(stream.body) if block.event is not None and wanted(block.event)]
    if not found:
        named = f"with the data {marker.strip()!r}" if isinstance(marker, str) else "that the marker means"
        raise ScenarioError(f"{what}: there is no event {named}: {summary(stream)}")
    return found


def _predicate(marker: Marker) -> Callable[[Event], bool]:
    if isinstance(marker, str):
        text = marker.strip()
        return lambda event: event.data.strip() == text
    return marker
