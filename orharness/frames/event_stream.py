"""The frame of an event stream: blocks of lines, with comments, names, IDs, ``retry`` and a BOM."""

from __future__ import annotations

from collections.abc import Sequence

from orharness import sse
from orharness.frames.frame import LINE_END, Block, Frame, first_line_end
from orharness.sse import BOM, Comment, Event, Item


class EventStream(Frame):
    """The format of the WHATWG standard. ``orharness.sse`` is the oracle; this class finds positions in its bytes."""

    def pieces(self, *items: Item | str, newline: str = "\n") -> list[bytes]:
        return [sse.encode_one(item, newline) for item in items]

    def encode(self, *items: Item | str, newline: str = "\n") -> bytes:
        return sse.encode(*items, newline=newline)

    def decoder(self) -> sse.Decoder:
        return sse.Decoder()

    def decode(self, body: bytes) -> list[Item]:
        return sse.decode(body)

    def decode_with_offsets(self, body: bytes) -> list[tuple[int, Item]]:
        return sse.decode_with_offsets(body)

    def blocks(self, body: bytes) -> list[Block]:
        found: list[Block] = []
        decoder = sse.Decoder()
        fed = 0
        start = line = self.first_offset(body)
        for match in LINE_END.finditer(body):
            if match.start() == line:  # an empty line
                if line > start:
                    items = decoder.feed(body[fed : match.end()])
                    event = next((item for item in items if isinstance(item, Event)), None)
                    found.append(Block(start, match.end(), event))
                    fed = match.end()
                start = match.end()
            line = match.end()
        if start < len(body):
            found.append(Block(start, len(body)))
        return found

    def newline_at(self, body: bytes, offset: int) -> str:
        # Never a CR before an LF: the two would become one line end.
        if offset <= self.first_offset(body):
            return first_line_end(body).decode()
        if body[offset - 1 : offset] == b"\r":
            return "\r"
        return "\r\n" if body[max(0, offset - 2) : offset] == b"\r\n" else "\n"

    def is_ended(self, body: bytes, block: Block) -> bool:
        return _two_line_ends(body, block.end)

    def comment_at(self, body: bytes, offset: int, comment: Comment) -> bytes | None:
        first = self.first_offset(body)
        if not (offset == first or (offset > first and _is_after_line_end(body, offset))):
            return None
        newline = self.newline_at(body, offset)
        block = sse.encode(comment, newline=newline)
        # Within a block it is a single line: an empty line would dispatch the block's event.
        return block if offset == first or _two_line_ends(body, offset) else block.removesuffix(newline.encode())

    def fields_at(self, body: bytes, offset: int, lines: Sequence[str]) -> bytes:
        newline = first_line_end(body, offset).decode()
        return "".join(line + newline for line in lines).encode()

    def ignores(self, line: str) -> bool:
        """Return whether a line inside an event has no effect on a client. Raises ``ScenarioError`` if not UTF-8."""
        if not line or LINE_END.search(line.encode("utf-8", "replace")):
            return False
        written = sse.encode(line).removeprefix(b"data: ").removesuffix(b"\n")
        return sse.decode(written + b"data\n\n") == [Event()]


def _is_after_line_end(body: bytes, offset: int) -> bool:
    """Return whether a line begins at the offset: not between the CR and the LF of one line end."""
    return body[offset - 1 : offset] in (b"\r", b"\n") and body[offset - 1 : offset + 1] != b"\r\n"


def _two_line_ends(body: bytes, end: int) -> bool:
    """Return whether the last two line ends before ``end`` are adjacent."""
    return body.endswith((b"\n\n", b"\r\r", b"\n\r", b"\n\r\n", b"\r\r\n"), 0, end)


SSE = EventStream(
    "sse",
    "an event stream",
    "text/event-stream",
    newlines=("\n", "\r", "\r\n"),
    has_comments=True,
    has_fields=True,
    bom=BOM,
)
