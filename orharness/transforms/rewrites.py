"""Rewrites: other bytes for the same events, which a client must not notice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat
from math import ceil

from orharness.errors import ScenarioError
from orharness.frames import SSE
from orharness.sse import Comment
from orharness.stream import Chunk, Edit, Stream, Transform, edit
from orharness.transforms.families import Family, Turn, finite, step, whole_number

_MOST_IN_ONE_PAUSE = 100_000
_IGNORED = ("x-extra: 1", "extra", "Data: ignored", "retry: soon")


@step(Family.REWRITE)
def comments(text: str, every: int = 1, before: int = 0) -> Transform:
    """Insert a comment block (the line and an empty line) after each ``every``-th event, and ``before`` at the start.

    ``text`` begins with its colon, as on the wire (``": ONEROUTER PROCESSING"``); if not, ``": "`` is put before it.
    ``every=0`` writes none after events. Raises ``ScenarioError`` for a text of two lines, and for a stream whose frame
    has no comments.
    """
    whole_number("comments(every=)", every, 0)
    whole_number("comments(before=)", before, 0)
    comment = _comment(text)

    def transform(stream: Stream) -> Stream:
        frame, body = stream.frame, stream.body
        if not frame.has_comments:
            raise frame.cannot("a comment", "comments")
        places = [frame.first_offset(body)] * before
        if every:
            places += [block.end for block, _ in frame.events(body)[every - 1 :: every]]
        return edit(stream, (Edit(at, at, frame.encode(comment, newline=frame.newline_at(body, at))) for at in places))

    return transform


@step(Family.REWRITE, Turn.LAST)
def heartbeat(seconds: float, text: str = ": keep-alive") -> Transform:
    """Send a comment in a chunk of its own after every ``seconds`` of silence, until the next chunk comes.

    It is sent only where it cannot change the events: at the start of a line, but not between a CR and its LF or before
    a BOM. It is a whole block between two blocks, and a single line within one. It is applied after the other families,
    since it fills the silences that timing makes; the total time and the existing order stay. It does not fill a
    silence without end (a gate, ``Ending.HANG``). Raises ``ScenarioError`` unless ``seconds`` is above 0, and for a
    stream whose frame has no comments.
    """
    finite("heartbeat(seconds)", seconds)
    if not seconds:
        raise ScenarioError("heartbeat(seconds) is above 0")
    comment = _comment(text)

    def transform(stream: Stream) -> Stream:
        frame, body = stream.frame, stream.body
        if not frame.has_comments:
            raise frame.cannot("a comment", "heartbeat")
        starts = (0, *stream.boundaries)
        written: list[bytes | None] = []
        beats: list[int] = []
        for start, chunk in zip(starts, stream.chunks, strict=False):
            data = frame.comment_at(body, start, comment) if chunk.delay > seconds else None
            written.append(data)
            beats.append(0 if data is None else _beats(chunk.delay, seconds))
        spoken = zip(starts, written, beats, strict=False)
        edits = (Edit(start, start, data) for start, data, number in spoken for data in repeat(data or b"", number))
        beaten = edit(stream, edits)
        # What is inserted between two chunks is a chunk of its own, so the result's chunks are found by counting.
        pairs = zip(beaten.chunks, _delays(stream.chunks, beats, seconds), strict=True)
        return replace(beaten, chunks=tuple(Chunk(chunk.data, delay) for chunk, delay in pairs))

    return transform


@step(Family.REWRITE)
def newlines(newline: str) -> Transform:
    r"""Write every line end as ``"\n"``, ``"\r"`` or ``"\r\n"``; in a JSON array, those between its elements.

    A CRLF that is cut by a chunk boundary is one line end, which is sent with its LF: nothing arrives earlier. Raises
    ``ScenarioError`` for another ``newline``, and for one that the stream's frame does not have.
    """
    if newline not in ("\n", "\r", "\r\n"):
        raise ScenarioError(f"newlines takes LF, CR or CRLF, not {newline!r}")
    wanted = newline.encode()

    def transform(stream: Stream) -> Stream:
        frame, body = stream.frame, stream.body
        if newline not in frame.newlines:
            raise frame.cannot(f"the line end {newline!r}", "newlines")
        # Leave a line end that is right already: a chunk boundary inside it stays.
        found = ((start, end) for start, end in frame.line_ends(body) if body[start:end] != wanted)
        return edit(stream, (one for start, end in found for one in _line_end(start, end, wanted)))

    return transform


@step(Family.REWRITE)
def bom() -> Transform:
    """Send a byte order mark first, in a chunk of its own; a stream that has one keeps it.

    Raises ``ScenarioError`` for a stream whose frame has none.
    """

    def transform(stream: Stream) -> Stream:
        mark = stream.frame.bom
        if not mark:
            raise stream.frame.cannot("a byte order mark", "bom")
        return stream if stream.body.startswith(mark) else edit(stream, [Edit(0, 0, mark)])

    return transform


@step(Family.REWRITE)
def blank_lines(number: int = 1) -> Transform:
    """Insert ``number`` additional empty lines after each event, and after comments alone."""
    whole_number("blank_lines(number)", number, 0)

    def transform(stream: Stream) -> Stream:
        frame, body = stream.frame, stream.body
        # An empty line would complete an unfinished block.
        ends = (block.end for block in frame.blocks(body) if frame.is_ended(body, block))
        return edit(stream, (Edit(end, end, frame.newline_at(body, end).encode() * number) for end in ends))

    return transform


@step(Family.REWRITE)
def extra_fields(*lines: str) -> Transform:
    """Insert lines that a client has to ignore at the start of each event's block.

    By default: an unknown field, one without a colon, a known name in another case, and a ``retry`` that is not a
    number. Raises ``ScenarioError`` for a line that a client must not ignore, and for a stream whose frame has no
    fields.
    """
    for line in lines:
        if not SSE.ignores(line):
            raise ScenarioError(f"extra_fields takes lines that a client has to ignore, and {line!r} is not one")
    extra = lines or _IGNORED

    def transform(stream: Stream) -> Stream:
        frame, body = stream.frame, stream.body
        if not frame.has_fields:
            raise frame.cannot("further fields", "extra_fields")
        starts = (block.start for block, _ in frame.events(body))
        return edit(stream, (Edit(start, start, frame.fields_at(body, start, extra)) for start in starts))

    return transform


def _comment(text: str) -> Comment:
    comment = Comment(text[1:] if text.startswith(":") else f" {text}")
    SSE.encode(comment)  # an invalid comment raises here, where it is written, and not when it is played
    return comment


def _line_end(start: int, end: int, wanted: bytes) -> Iterator[Edit]:
    """Yield the edits that replace a line end: the new one takes the place of the last byte of the old one."""
    if end - start == 2:
        yield Edit(start, end - 1)
    yield Edit(end - 1, end, wanted)


def _beats(delay: float, seconds: float) -> int:
    """Return the number of comments before the next chunk; none is sent at the same moment as the chunk itself."""
    if delay > seconds * _MOST_IN_ONE_PAUSE:
        raise ScenarioError(
            f"heartbeat({seconds}) would send over {_MOST_IN_ONE_PAUSE} comments in a pause of {delay} s"
        )
    return max(0, ceil(delay / seconds) - 1)


def _delays(chunks: tuple[Chunk, ...], beats: list[int], seconds: float) -> Iterator[float]:
    for chunk, number in zip(chunks, beats, strict=True):
        yield from [seconds] * number
        yield max(0.0, chunk.delay - number * seconds)
