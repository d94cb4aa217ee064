"""The contents of each chunk of a stream, decoded: events, comments, and what a boundary cuts in two."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from orharness.dialects import DIALECTS, Dialect
from orharness.dialects.answer import Answer, Choice
from orharness.sse import Comment, Event, Item, Retry
from orharness.stream import Stream
from orharness.verdict import BOUNDARY, quote

_BLANK = b"\r\n"


class PartKind(StrEnum):
    """The kind of a part of a chunk."""

    TEXT = "text"
    REASONING = "reasoning"
    TOOL = "tool"
    USAGE = "usage"
    FINISH = "finish"
    END = "end"
    ERROR = "error"
    EVENT = "event"  # any other dispatched event
    COMMENT = "comment"
    RETRY = "retry"
    BYTES = "bytes"  # a piece of an item that a boundary cuts in two
    CUT = "cut"  # a character that the boundary after the chunk cuts in two


@dataclass(frozen=True, slots=True)
class ContentPart:
    """One item in a chunk, in words."""

    kind: PartKind
    text: str


@dataclass(frozen=True, slots=True)
class Content:
    """One chunk: ``at`` seconds since the head, ``gap`` since the previous one, ``size`` bytes from byte ``start``."""

    at: float
    gap: float
    start: int
    size: int
    parts: tuple[ContentPart, ...]


@dataclass(frozen=True, slots=True)
class _Span:
    """The bytes of one item, without the empty lines before it, up to the line end that completes it."""

    start: int
    end: int
    item: Item | None


def contents(stream: Stream) -> list[Content]:
    """Return the contents of each chunk, in order."""
    spans = _spans(stream)
    dialect = dialect_of(stream)
    found = []
    moment, start, first = 0.0, 0, 0
    for chunk in stream.chunks:
        moment += chunk.delay
        end = start + len(chunk.data)
        while first < len(spans) and spans[first].end <= start:
            first += 1
        parts = [*_parts(stream.body, start, end, spans, first, dialect), *_cut(stream.body, end)]
        found.append(Content(moment, chunk.delay, start, end - start, tuple(_joined(parts))))
        start = end
    return found


def dialect_of(stream: Stream) -> Dialect:
    """Return the dialect of a stream, the default one if nothing in it identifies one."""
    return DIALECTS.of(stream.frame.decode(stream.body)) or DIALECTS.default


def _spans(stream: Stream) -> list[_Span]:
    body = stream.body
    found = []
    start = 0
    for end, item in stream.frame.decode_with_offsets(body):
        found.append(_Span(_after_blank(body, start), end, item))
        start = end
    start = _after_blank(body, start)
    return found if start == len(body) else [*found, _Span(start, len(body), None)]


def _after_blank(body: bytes, start: int) -> int:
    while start < len(body) and body[start] in _BLANK:
        start += 1
    return start


def _parts(
    body: bytes, start: int, end: int, spans: list[_Span], first: int, dialect: Dialect
) -> Iterator[ContentPart]:
    index = first
    while index < len(spans) and spans[index].start < end:
        span = spans[index]
        if span.start < start or span.end > end or span.item is None:
            yield _piece(body, start, end, span)
        if span.item is not None and span.end <= end:
            yield from describe(span.item, dialect)
        index += 1
    if index == first:
        yield ContentPart(PartKind.BYTES, quote(body[start:end]))


def _piece(body: bytes, start: int, end: int, span: _Span) -> ContentPart:
    piece = quote(body[max(start, span.start) : min(end, span.end)])
    before = BOUNDARY if span.start < start else ""
    after = BOUNDARY if span.end > end else ""
    return ContentPart(PartKind.BYTES, f"{before}{piece}{after}")


def describe(item: Item, dialect: Dialect) -> list[ContentPart]:
    """Return an item in words: what a client of the dialect would take from it, or the item itself."""
    match item:
        case Comment(text):
            return [ContentPart(PartKind.COMMENT, f":{shown(text)}")]
        case Retry(seconds):
            return [ContentPart(PartKind.RETRY, f"retry {seconds:g} s")]
        case Event():
            return _answered(item, dialect) or [_other(item, dialect)]


def _answered(event: Event, dialect: Dialect) -> list[ContentPart]:
    answer = dialect.fold([event])
    if answer.error is not None:
        code = "" if answer.error.code is None else f" {answer.error.code}"
        return [ContentPart(PartKind.ERROR, f"error{code}: {shown(answer.error.message)}")]
    parts = [part for index, choice in answer.choices.items() for part in _chosen(choice, index)]
    if answer.usage is not None:
        parts.append(ContentPart(PartKind.USAGE, _usage(answer)))
    return [*parts, ContentPart(PartKind.END, _other(event, dialect).text)] if answer.complete else parts


def _usage(answer: Answer) -> str:
    counted = [f"{count}" for count in (answer.tokens_prompt, answer.tokens_made) if count is not None]
    return f"usage {' + '.join(counted)} tokens" if counted else "usage"


def _chosen(choice: Choice, index: int) -> Iterator[ContentPart]:
    of = f" of choice {index}" if index else ""
    if choice.text:
        yield ContentPart(PartKind.TEXT, f'"{shown(choice.text)}"{of}')
    if choice.reasoning:
        yield ContentPart(PartKind.REASONING, f'reasoning "{shown(choice.reasoning)}"{of}')
    if choice.refusal:
        yield ContentPart(PartKind.TEXT, f'refusal "{shown(choice.refusal)}"{of}')
    for call in choice.tool_calls:
        yield ContentPart(PartKind.TOOL, f"tool {shown(call.name or '…')} {shown(call.arguments)}{of}".rstrip())
    if choice.finish_reason:
        yield ContentPart(PartKind.FINISH, f"finish: {shown(choice.finish_reason)}{of}")


def _other(event: Event, dialect: Dialect) -> ContentPart:
    named = "" if event.type == "message" else f"{shown(event.type)}: "
    brief = dialect.brief(event)
    return ContentPart(PartKind.EVENT, named + shown(event.data if brief is None else brief))


def shown(text: str) -> str:
    """Return text quoted as bytes are, so that nothing in a stream can move a cursor."""
    return quote(text.encode("utf-8", "surrogatepass"))


def _cut(body: bytes, cut: int) -> Iterator[ContentPart]:
    """Yield the character that a boundary at this offset cuts in two."""
    start = cut
    while 0 < start < len(body) and cut - start < 3 and body[start] & 0xC0 == 0x80:
        start -= 1
    for end in range(cut + 1, min(start + 4, len(body)) + 1) if start < cut else ():
        try:
            character = body[start:end].decode()
        except UnicodeDecodeError:
            continue
        yield ContentPart(
            PartKind.CUT, f"cuts {shown(character)} {quote(body[start:cut])}{BOUNDARY}{quote(body[cut:end])}"
        )
        return


def _joined(parts: list[ContentPart]) -> Iterator[ContentPart]:
    """Join equal comments in a row into one, with their number."""
    position = 0
    while position < len(parts):
        part, run = parts[position], 1
        while part.kind is PartKind.COMMENT and parts[position + run : position + run + 1] == [part]:
            run += 1
        yield part if run == 1 else ContentPart(part.kind, f"{part.text} ({run} times)")
        position += run
