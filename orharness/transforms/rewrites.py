"""Rewrites: other bytes for the same events. What a client must not even notice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import ceil

from orharness.errors import ScenarioError
from orharness.sse import BOM, Comment, Event, decode, encode
from orharness.stream import Chunk, Edit, Stream, Transform, edit
from orharness.transforms.families import Family, Turn, finite, step, whole_number
from orharness.transforms.layout import LINE_END, blocks, events, first_offset, newline_at

_MOST_IN_ONE_PAUSE = 100_000
_IGNORED = ("x-extra: 1", "extra", "Data: ignored", "retry: soon")


@step(Family.REWRITE)
def comments(text: str, every: int = 1, before: int = 0) -> Transform:
    """A comment block (the line and an empty line) behind every ``every``-th event, and ``before`` of them in front.

    ``text`` may be given with its colon, as it stands on the wire (``": ONEROUTER PROCESSING"``), or without, which
    puts ``": "`` before it. ``every=0`` writes none behind events. Raises ``ScenarioError`` for a text of two lines.
    """
    whole_number("comments(every=)", every, 0)
    whole_number("comments(before=)", before, 0)
    comment = _comment(text)

    def transform(stream: Stream) -> Stream:
        body = stream.body
        places = [first_offset(body)] * before
        if every:
            places += [block.end for block, _ in events(body)[every - 1 :: every]]
        return edit(stream, (Edit(at, at, encode(comment, newline=newline_at(body, at))) for at in places))

    return transform


@step(Family.REWRITE, Turn.LAST)
def heartbeat(seconds: float, text: str = ": keep-alive") -> Transform:
    """A comment in a chunk of its own after every ``seconds`` of silence, as long as the next chunk does not come.

    Only where it cannot change the events: at the start of a line, and not between a CR and its LF or before a BOM; in
    other silences nothing is sent. It is a whole block between two blocks, and a single line within one. It is applied
    behind all other transforms, since it fills the silences that timing makes; total and order of what was there stay.
    It does not speak in a silence without end (a gate, ``Ending.HANG``).

    Raises ``ScenarioError`` unless ``seconds`` is above 0.
    """
    finite("heartbeat(seconds)", seconds)
    if not seconds:
        raise ScenarioError("heartbeat(seconds) is above 0")
    comment = _comment(text)

    def transform(stream: Stream) -> Stream:
        starts = (0, *stream.boundaries)
        beats = [
            _beats(chunk.delay, seconds) if _is_line_start(stream.body, start) else 0
            for start, chunk in zip(starts, stream.chunks, strict=False)
        ]
        edits = (
            Edit(start, start, _beat(stream.body, start, comment))
            for start, number in zip(starts, beats, strict=False)
            for _ in range(number)
        )
        beaten = edit(stream, edits)
        # What is put in between two chunks is a chunk of its own, so the result's chunks are known by counting.
        pairs = zip(beaten.chunks, _delays(stream.chunks, beats, seconds), strict=True)
        return replace(beaten, chunks=tuple(Chunk(chunk.data, delay) for chunk, delay in pairs))

    return transform


@step(Family.REWRITE)
def newlines(newline: str) -> Transform:
    r"""Every line end as ``"\n"``, ``"\r"`` or ``"\r\n"``.

    A CRLF that is cut by a chunk boundary counts as one, which then comes with its LF: nothing arrives earlier.
    """
    if newline not in ("\n", "\r", "\r\n"):
        raise ScenarioError(f"newlines takes LF, CR or CRLF, not {newline!r}")
    wanted = newline.encode()

    def transform(stream: Stream) -> Stream:
        # One that is right already is left alone: a chunk boundary inside it stays.
        found = (match for match in LINE_END.finditer(stream.body) if match.group() != wanted)
        return edit(stream, (one for match in found for one in _line_end(match.start(), match.end(), wanted)))

    return transform


@step(Family.REWRITE)
def bom() -> Transform:
    """A byte order mark in front of everything, in a chunk of its own; a stream that has one keeps it."""

    def transform(stream: Stream) -> Stream:
        return stream if stream.body.startswith(BOM) else edit(stream, [Edit(0, 0, BOM)])

    return transform


@step(Family.REWRITE)
def blank_lines(number: int = 1) -> Transform:
    """So many further empty lines behind each block."""
    whole_number("blank_lines(number)", number, 0)

    def transform(stream: Stream) -> Stream:
        body = stream.body
        # The last block may lack its own empty line, and a first one would complete it.
        ends = (block.end for block in blocks(body) if _is_ended(body, block.end))
        return edit(stream, (Edit(end, end, newline_at(body, end).encode() * number) for end in ends))

    return transform


@step(Family.REWRITE)
def extra_fields(*lines: str) -> Transform:
    """Lines that a client has to ignore, at the start of each event's block.

    By default a field that nobody knows, one without a colon, a known name in another case, and a ``retry`` that is no
    number. Raises ``ScenarioError`` for a line that means something.
    """
    for line in lines:
        if not _is_ignored(line):
            raise ScenarioError(f"extra_fields takes lines that a client has to ignore, and {line!r} is none")

    def transform(stream: Stream) -> Stream:
        return edit(stream, (_extra(stream.body, block.start, lines or _IGNORED) for block, _ in events(stream.body)))

    return transform


def _comment(text: str) -> Comment:
    comment = Comment(text[1:] if text.startswith(":") else f" {text}")
    encode(comment)  # raises for what is no comment, here where it is written and not when it is played
    return comment


def _line_end(start: int, end: int, wanted: bytes) -> Iterator[Edit]:
    """The new line end in the place of the last byte of the old one."""
    if end - start == 2:
        yield Edit(start, end - 1)
    yield Edit(end - 1, end, wanted)


def _is_ignored(line: str) -> bool:
    if not line or LINE_END.search(line.encode("utf-8", "replace")):
        return False
    return decode(encode(line).removeprefix(b"data: ").removesuffix(b"\n") + b"data\n\n") == [Event()]


def _extra(body: bytes, start: int, lines: tuple[str, ...]) -> Edit:
    match = LINE_END.search(body, start)
    newline = match.group().decode() if match else "\n"
    return Edit(start, start, "".join(line + newline for line in lines).encode())


def _is_ended(body: bytes, end: int) -> bool:
    """Whether the two last line ends before ``end`` stand side by side."""
    return body.endswith((b"\n\n", b"\r\r", b"\n\r", b"\n\r\n", b"\r\r\n"), 0, end)


def _beats(delay: float, seconds: float) -> int:
    """How many comments come before the next chunk; none at the same moment as the chunk itself."""
    if delay > seconds * _MOST_IN_ONE_PAUSE:
        raise ScenarioError(f"heartbeat({seconds}) would speak over {_MOST_IN_ONE_PAUSE} times in a pause of {delay} s")
    return max(0, ceil(delay / seconds) - 1)


def _beat(body: bytes, start: int, comment: Comment) -> bytes:
    """The comment as it may stand at the start of a line: an empty line within a block would dispatch its event."""
    newline = newline_at(body, start)
    block = encode(comment, newline=newline)
    between = start == first_offset(body) or _is_ended(body, start)
    return block if between else block.removesuffix(newline.encode())


def _is_line_start(body: bytes, offset: int) -> bool:
    first = first_offset(body)
    if offset <= first:
        return offset == first
    return body[offset - 1 : offset] in (b"\r", b"\n") and body[offset - 1 : offset + 1] != b"\r\n"


def _delays(chunks: tuple[Chunk, ...], beats: list[int], seconds: float) -> Iterator[float]:
    for chunk, number in zip(chunks, beats, strict=True):
        yield from [seconds] * number
        yield max(0.0, chunk.delay - number * seconds)
