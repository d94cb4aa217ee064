"""The frame of NDJSON: one JSON value a line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orharness.errors import ScenarioError
from orharness.frames.frame import Block, EventDecoder, Frame
from orharness.frames.values import BLANKS, data_of, event_of, is_json, utf8_of
from orharness.sse import Item


class Lines(Frame):
    """One JSON value a line. Lines end with LF or CRLF; lines of blanks alone are skipped.

    A last line without a line end is an event if it is a whole JSON value: httpx's ``iter_lines`` (ollama-python),
    ollama-js and JSON Lines readers all accept it. If it is cut short those readers raise, so it is not an event here.
    A line with a line end is an event whatever its content: reporting what is not JSON is the client's task.
    """

    def pieces(self, *items: Item | str, newline: str = "\n") -> list[bytes]:
        return [utf8_of(self._line(item) + newline) for item in items]

    def _line(self, item: Item | str) -> str:
        data = data_of(self, item)
        if "\n" in data or "\r" in data:
            raise ScenarioError(f"an event in {self.title} is one line: {data!r} has a line end in it")
        if not data.strip(BLANKS.decode()):
            raise self.cannot("an event without data")
        return data

    def decoder(self) -> EventDecoder:
        return LineDecoder()

    def blocks(self, body: bytes) -> list[Block]:
        found: list[Block] = []
        start = 0
        while (end := body.find(b"\n", start) + 1) > 0:
            if text := body[start:end].strip(BLANKS):
                found.append(Block(start, end, event_of(text)))
            start = end
        if text := body[start:].strip(BLANKS):
            found.append(Block(start, len(body), event_of(text) if is_json(text) else None))
        return found

    def line_ends(self, body: bytes) -> Iterator[tuple[int, int]]:
        return (match.span() for match in re.finditer(rb"\r?\n", body))

    def is_ended(self, body: bytes, block: Block) -> bool:
        return body.endswith(b"\n", 0, block.end)

    def again(self, body: bytes, block: Block) -> bytes:
        line = body[block.start : block.end]
        return line if self.is_ended(body, block) else self.newline_at(body, block.end).encode() + line

    def one_more(self, body: bytes, item: Item | str) -> tuple[int, bytes]:
        end, line = super().one_more(body, item)
        unended = end and not body.endswith(b"\n")
        return end, self.newline_at(body, end).encode() + line if unended else line


class LineDecoder:
    """Finds the lines of a body that comes in pieces."""

    def __init__(self) -> None:
        self._line = bytearray()

    def feed(self, data: bytes) -> list[Item]:
        items: list[Item] = []
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._line += data[start:end]
            if text := bytes(self._line).strip(BLANKS):
                items.append(event_of(text))
            self._line.clear()
            start = end + 1
        self._line += data[start:]
        return items

    def finish(self) -> list[Item]:
        text = bytes(self._line).strip(BLANKS)
        self._line.clear()
        return [event_of(text)] if is_json(text) else []


NDJSON = Lines("ndjson", "NDJSON", "application/x-ndjson")
