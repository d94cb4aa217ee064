"""The division of a body into events: what a frame can do, whatever its bytes look like."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

from orharness.errors import Inexpressible
from orharness.sse import Comment, Event, Item, Retry

LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Block:
    """The bytes of one event, ``start`` to ``end``; ``event`` is ``None`` if they dispatch none.

    In SSE: lines up to and including the empty line that ends them. A leading BOM comes before the first block, and
    further empty lines are between blocks. In NDJSON: a line with its line end. In a JSON array: an element, without
    the commas and blanks around it. The last block of a body may be unfinished.
    """

    start: int
    end: int
    event: Event | None = None


class EventDecoder(Protocol):
    """An incremental decoder. It never raises, and its work is linear in the bytes fed, also byte by byte."""

    def feed(self, data: bytes) -> list[Item]:
        """Return the items that the next bytes complete, in the order of the stream. The bytes may be cut anywhere."""

    def finish(self) -> list[Item]:
        """Return the items that the end of the body completes, and discard what remains unfinished."""


@dataclass(frozen=True)
class Frame:
    """The division of a body into events: how events become bytes and bytes become events.

    ``name`` is its name in documents, ``title`` its name in sentences. ``newlines`` are its possible line ends, ``bom``
    the byte order mark that may come first (empty: none). ``has_fields``: events have names, IDs, ``retry`` and fields
    that a client must ignore. ``encode`` and everything based on it raise ``ScenarioError`` for what the frame cannot
    express. Everything that reads a body accepts any bytes.
    """

    name: str
    title: str
    content_type: str
    newlines: tuple[str, ...] = ("\n", "\r\n")
    has_comments: bool = False
    has_fields: bool = False
    bom: bytes = b""

    def __repr__(self) -> str:
        return self.name.upper().replace("-", "_")

    # -- writing

    def pieces(self, *items: Item | str, newline: str = "\n") -> list[bytes]:
        """Encode each item as the piece that a server would write; joined, they are ``encode(*items)``.

        A ``str`` is the data of an event. ``newline`` is the line end to use.
        """
        raise NotImplementedError

    def encode(self, *items: Item | str, newline: str = "\n") -> bytes:
        """Encode a whole body. A ``str`` is the data of an event; ``newline`` is the line end to use."""
        return b"".join(self.pieces(*items, newline=newline))

    def ends_of(self, pieces: Sequence[bytes]) -> list[int]:
        """Return the offset after each event of a body that was encoded in these pieces."""
        return list(accumulate(map(len, pieces)))

    def cannot(self, thing: str, what: str = "") -> Inexpressible:
        """Return the error that this frame cannot express a thing; ``what`` names the transform."""
        return Inexpressible(f"{what}{': ' if what else ''}{self.title} has no form for {thing}")

    def lacks(self, item: Item | str) -> str:
        """Return the part of an item that this frame cannot express, as a noun phrase; empty if there is none."""
        match item:
            case Comment() if not self.has_comments:
                return "a comment"
            case Retry() if not self.has_fields:
                return "a retry"
            case Event(type=type_) if type_ != "message" and not self.has_fields:
                return "an event name"
            case Event(last_event_id=last_event_id) if last_event_id and not self.has_fields:
                return "an event ID"
        return ""

    # -- reading

    def decoder(self) -> EventDecoder:
        """Return a new incremental decoder."""
        raise NotImplementedError

    def blocks(self, body: bytes) -> list[Block]:
        """Return the blocks of a body, in order."""
        raise NotImplementedError

    def events(self, body: bytes) -> list[tuple[Block, Event]]:
        """Return the blocks that dispatch an event, each with that event."""
        return [(block, block.event) for block in self.blocks(body) if block.event is not None]

    def decode(self, body: bytes) -> list[Item]:
        """Return everything in a whole body."""
        return [item for _, item in self.decode_with_offsets(body)]

    def decode_with_offsets(self, body: bytes) -> list[tuple[int, Item]]:
        """Return everything in a whole body, each item with the offset of the first byte after it."""
        return [(block.end, event) for block, event in self.events(body)]

    # -- editing: where bytes may be put in or taken out

    def first_offset(self, body: bytes) -> int:
        """Return where the first line begins: after the BOM, if any."""
        return len(self.bom) if self.bom and body.startswith(self.bom) else 0

    def event_cuts(self, body: bytes) -> list[int]:
        """Return the offsets at which to cut a body so that each event is in a chunk of its own."""
        return [block.start for block in self.blocks(body)[1:]]

    def line_ends(self, body: bytes) -> Iterator[tuple[int, int]]:
        """Yield start and end of each line end that can be replaced by another without changing an event."""
        return (match.span() for match in LINE_END.finditer(body))

    def newline_at(self, body: bytes, offset: int) -> str:
        """Return the line end for a line inserted at ``offset``: the one right before it, else the body's first."""
        if offset and body[offset - 1] == 0x0A:
            return "\r\n" if body[max(0, offset - 2) : offset] == b"\r\n" else "\n"
        return "\r\n" if first_line_end(body) == b"\r\n" else "\n"

    def is_ended(self, body: bytes, block: Block) -> bool:
        """Return whether a block is finished, so that an empty line after it changes no event."""
        raise NotImplementedError

    def comment_at(self, body: bytes, offset: int, comment: Comment) -> bytes | None:
        """Return the bytes of a comment at ``offset``; ``None`` if it would change the events."""
        raise self.cannot("a comment")

    def fields_at(self, body: bytes, offset: int, lines: Sequence[str]) -> bytes:
        """Return the bytes of additional lines at the start of an event's block."""
        raise self.cannot("further fields")

    def without(self, body: bytes, gone: Sequence[Block]) -> list[tuple[int, int]]:
        """Return the spans to delete so that these blocks are gone and all others stay."""
        return [(block.start, block.end) for block in gone]

    def again(self, body: bytes, block: Block) -> bytes:
        """Return the bytes that repeat a block, to be inserted at its end."""
        return body[block.start : block.end]

    def one_more(self, body: bytes, item: Item | str) -> tuple[int, bytes]:
        """Return where one more item goes at the end of a body, and its bytes."""
        end = len(body)
        return end, self.encode(item, newline=self.newline_at(body, end))


def first_line_end(body: bytes, start: int = 0) -> bytes:
    """Return the first line end at or after ``start``; LF if there is none."""
    match = LINE_END.search(body, start)
    return match.group() if match else b"\n"
