"""The frame of a JSON array: one array, an element an event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orharness.errors import ScenarioError
from orharness.frames.frame import LINE_END, Block, EventDecoder, Frame, first_line_end
from orharness.frames.scanner import ElementScanner
from orharness.frames.values import BLANKS, data_of, event_of, is_json, utf8_of
from orharness.sse import Item


class Elements(Frame):
    """One JSON array, written element by element, as Gemini sends it without ``alt=sse``.

    An event is complete at the last byte of its element: its closing brace, bracket or quote. A number, ``true``,
    ``false`` or ``null`` is complete at the byte after it, or at the end of the body. Bytes that break the array (no
    ``[``, a missing comma, a word that is not JSON, anything after the ``]``) end the reading; the events before stay.
    """

    def pieces(self, *items: Item | str, newline: str = "\n") -> list[bytes]:
        texts = [self._element(item) for item in items] or [b""]
        pieces = [(b"," + newline.encode() if number else b"[") + text for number, text in enumerate(texts)]
        return [*pieces[:-1], pieces[-1] + b"]"]

    def ends_of(self, pieces: Sequence[bytes]) -> list[int]:
        *before, last = super().ends_of(pieces) or [0]
        return [*before, last - 1] if pieces else []  # the bracket that closes the array comes after its last element

    def _element(self, item: Item | str) -> bytes:
        data = utf8_of(data_of(self, item))
        if not is_json(data):
            raise ScenarioError(f"an event in {self.title} is JSON, and {data.decode()!r} is not")
        return data.strip(BLANKS)

    def decoder(self) -> EventDecoder:
        return ElementDecoder()

    def blocks(self, body: bytes) -> list[Block]:
        return _scanned(body)[0]

    def event_cuts(self, body: bytes) -> list[int]:
        # At the ends, so that a chunk ends where its event is complete; the comma comes with the next one.
        return [block.end for block in self.blocks(body)]

    def line_ends(self, body: bytes) -> Iterator[tuple[int, int]]:
        # Only those between the elements: inside one they are part of the event's data.
        blocks = self.blocks(body)
        gaps = zip((0, *(block.end for block in blocks)), (*(block.start for block in blocks), len(body)), strict=True)
        return (match.span() for start, end in gaps for match in LINE_END.finditer(body, start, end))

    def newline_at(self, body: bytes, offset: int) -> str:
        return first_line_end(body).decode()

    def is_ended(self, body: bytes, block: Block) -> bool:
        return block.event is not None

    def without(self, body: bytes, gone: Sequence[Block]) -> list[tuple[int, int]]:
        """Return the spans: each element with the comma before it; if none before it stays, with the one after it."""
        spans: list[tuple[int, int]] = []
        wanted = {block.start for block in gone}
        blocks = self.blocks(body)
        kept = False
        for number, block in enumerate(blocks):
            if block.start not in wanted:
                kept = True
            elif kept:
                spans.append((blocks[number - 1].end, block.end))
            else:
                last = number + 1 == len(blocks)
                spans.append((block.start, block.end if last else blocks[number + 1].start))
        return spans

    def again(self, body: bytes, block: Block) -> bytes:
        return b"," + self.newline_at(body, 0).encode() + body[block.start : block.end]

    def one_more(self, body: bytes, item: Item | str) -> tuple[int, bytes]:
        blocks, closing = _scanned(body)
        element = self._element(item)
        at = len(body) if closing is None else closing
        if not body.strip(BLANKS):
            return at, b"[" + element + b"]"
        needs_comma = blocks and b"," not in body[blocks[-1].end : at]
        return at, b"," + self.newline_at(body, 0).encode() + element if needs_comma else element


def _scanned(body: bytes) -> tuple[list[Block], int | None]:
    """Return the blocks of an array, and the offset of the ``]`` that closes it."""
    scanner = ElementScanner()
    found = scanner.feed(body)
    begun = scanner.begun
    found += scanner.finish()
    blocks = [Block(start, end, event_of(text)) for start, end, text in found]
    if begun is not None and (not blocks or blocks[-1].start != begun):
        blocks.append(Block(begun, len(body)))
    return blocks, scanner.closing


class ElementDecoder:
    """Finds the elements of a body that comes in pieces."""

    def __init__(self) -> None:
        self._scanner = ElementScanner()

    def feed(self, data: bytes) -> list[Item]:
        return [event_of(element.text) for element in self._scanner.feed(data)]

    def finish(self) -> list[Item]:
        return [event_of(element.text) for element in self._scanner.finish()]


JSON_ARRAY = Elements("json-array", "a JSON array", "application/json", newlines=("\n", "\r", "\r\n"))
