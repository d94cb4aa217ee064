"""How a response body is divided into events: a ``Frame`` encodes events, finds them again, and says what it can hold.

========== ===================================== =======================================================
SSE        ``text/event-stream``                 a block of lines an event; comments, names, IDs, retry, a BOM
NDJSON     ``application/x-ndjson``              one JSON value a line
JSON_ARRAY ``application/json``                  one JSON array, an element an event
========== ===================================== =======================================================

The event of an NDJSON line or of an array's element is ``Event(data=<its JSON text>)``, without the blanks around it.
All offsets are byte offsets in the body.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple, Protocol

from orharness import sse
from orharness.errors import Inexpressible, ScenarioError
from orharness.sse import BOM, Comment, Event, Item, Retry

_LINE_END = re.compile(rb"\r\n|\r|\n")
_BLANKS = b" \t\r\n"  # the whitespace of JSON (RFC 8259, section 2)


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
        return (match.span() for match in _LINE_END.finditer(body))

    def newline_at(self, body: bytes, offset: int) -> str:
        """Return the line end for a line inserted at ``offset``: the one right before it, else the body's first."""
        if offset and body[offset - 1] == 0x0A:
            return "\r\n" if body[max(0, offset - 2) : offset] == b"\r\n" else "\n"
        return "\r\n" if _first_line_end(body) == b"\r\n" else "\n"

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


# -- SSE -----------------------------------------------------------------------------------------------------------


class _EventStream(Frame):
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
        for match in _LINE_END.finditer(body):
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
            return _first_line_end(body).decode()
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
        newline = _first_line_end(body, offset).decode()
        return "".join(line + newline for line in lines).encode()

    def ignores(self, line: str) -> bool:
        """Return whether a line inside an event has no effect on a client. Raises ``ScenarioError`` if not UTF-8."""
        if not line or _LINE_END.search(line.encode("utf-8", "replace")):
            return False
        written = sse.encode(line).removeprefix(b"data: ").removesuffix(b"\n")
        return sse.decode(written + b"data\n\n") == [Event()]


def _first_line_end(body: bytes, start: int = 0) -> bytes:
    match = _LINE_END.search(body, start)
    return match.group() if match else b"\n"


def _is_after_line_end(body: bytes, offset: int) -> bool:
    """Return whether a line begins at the offset: not between the CR and the LF of one line end."""
    return body[offset - 1 : offset] in (b"\r", b"\n") and body[offset - 1 : offset + 1] != b"\r\n"


def _two_line_ends(body: bytes, end: int) -> bool:
    """Return whether the last two line ends before ``end`` are adjacent."""
    return body.endswith((b"\n\n", b"\r\r", b"\n\r", b"\n\r\n", b"\r\r\n"), 0, end)


# -- NDJSON --------------------------------------------------------------------------------------------------------


class _Lines(Frame):
    """One JSON value a line. Lines end with LF or CRLF; lines of blanks alone are skipped.

    A last line without a line end is an event if it is a whole JSON value: httpx's ``iter_lines`` (ollama-python),
    ollama-js and JSON Lines readers all accept it. If it is cut short those readers raise, so it is not an event here.
    A line with a line end is an event whatever its content: reporting what is not JSON is the client's task.
    """

    def pieces(self, *items: Item | str, newline: str = "\n") -> list[bytes]:
        return [_utf8(self._line(item) + newline) for item in items]

    def _line(self, item: Item | str) -> str:
        data = _data_of(self, item)
        if "\n" in data or "\r" in data:
            raise ScenarioError(f"an event in {self.title} is one line: {data!r} has a line end in it")
        if not data.strip(_BLANKS.decode()):
            raise self.cannot("an event without data")
        return data

    def decoder(self) -> EventDecoder:
        return _LineDecoder()

    def blocks(self, body: bytes) -> list[Block]:
        found: list[Block] = []
        start = 0
        while (end := body.find(b"\n", start) + 1) > 0:
            if text := body[start:end].strip(_BLANKS):
                found.append(Block(start, end, _event(text)))
            start = end
        if text := body[start:].strip(_BLANKS):
            found.append(Block(start, len(body), _event(text) if _is_json(text) else None))
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


class _LineDecoder:
    def __init__(self) -> None:
        self._line = bytearray()

    def feed(self, data: bytes) -> list[Item]:
        items: list[Item] = []
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._line += data[start:end]
            if text := bytes(self._line).strip(_BLANKS):
                items.append(_event(text))
            self._line.clear()
            start = end + 1
        self._line += data[start:]
        return items

    def finish(self) -> list[Item]:
        text = bytes(self._line).strip(_BLANKS)
        self._line.clear()
        return [_event(text)] if _is_json(text) else []


# -- JSON array ----------------------------------------------------------------------------------------------------


class _Elements(Frame):
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
        data = _utf8(_data_of(self, item))
        if not _is_json(data):
            raise ScenarioError(f"an event in {self.title} is JSON, and {data.decode()!r} is not")
        return data.strip(_BLANKS)

    def decoder(self) -> EventDecoder:
        return _ElementDecoder()

    def blocks(self, body: bytes) -> list[Block]:
        return _scanned(body)[0]

    def event_cuts(self, body: bytes) -> list[int]:
        # At the ends, so that a chunk ends where its event is complete; the comma comes with the next one.
        return [block.end for block in self.blocks(body)]

    def line_ends(self, body: bytes) -> Iterator[tuple[int, int]]:
        # Only those between the elements: inside one they are part of the event's data.
        blocks = self.blocks(body)
        gaps = zip((0, *(block.end for block in blocks)), (*(block.start for block in blocks), len(body)), strict=True)
        return (match.span() for start, end in gaps for match in _LINE_END.finditer(body, start, end))

    def newline_at(self, body: bytes, offset: int) -> str:
        return _first_line_end(body).decode()

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
        if not body.strip(_BLANKS):
            return at, b"[" + element + b"]"
        needs_comma = blocks and b"," not in body[blocks[-1].end : at]
        return at, b"," + self.newline_at(body, 0).encode() + element if needs_comma else element


class _Element(NamedTuple):
    start: int
    end: int
    text: bytes


def _scanned(body: bytes) -> tuple[list[Block], int | None]:
    """Return the blocks of an array, and the offset of the ``]`` that closes it."""
    scanner = _ElementScanner()
    found = scanner.feed(body)
    begun = scanner.begun
    found += scanner.finish()
    blocks = [Block(start, end, _event(text)) for start, end, text in found]
    if begun is not None and (not blocks or blocks[-1].start != begun):
        blocks.append(Block(begun, len(body)))
    return blocks, scanner.closing


class _ElementDecoder:
    def __init__(self) -> None:
        self._scanner = _ElementScanner()

    def feed(self, data: bytes) -> list[Item]:
        return [_event(element.text) for element in self._scanner.feed(data)]

    def finish(self) -> list[Item]:
        return [_event(element.text) for element in self._scanner.finish()]


_Scan = Callable[[bytes, int, list[_Element]], int]
_SKIPPED = re.compile(rb"[ \t\r\n]*")
_STRUCTURE = re.compile(rb'[\[\]{}]|"(?:[^"\\]|\\.)*+"|"', re.DOTALL)  # a lone quote: the string is unfinished
_DEPTH = {b"{": 1, b"[": 1, b"}": -1, b"]": -1}
_IN_STRING = re.compile(rb'["\\]')
_SCALAR_END = re.compile(rb"[ \t\r\n,\]]")


class _ElementScanner:
    """Finds the elements of one array, incrementally. Each byte is read once, or twice in an unfinished string.

    The state is the method that reads the next bytes: it takes the bytes and a position, and returns the position up to
    which it has read.
    """

    def __init__(self) -> None:
        self.begun: int | None = None  # the offset at which the unfinished element begins
        self.closing: int | None = None  # the offset of the closing bracket
        self._scan: _Scan = self._opening
        self._fed = 0
        self._text = bytearray()  # the unfinished element
        self._depth = 0

    def feed(self, data: bytes) -> list[_Element]:
        found: list[_Element] = []
        position = 0
        while position < len(data):
            position = self._scan(data, position, found)
        self._fed += len(data)
        return found

    def finish(self) -> list[_Element]:
        found: list[_Element] = []
        # Only a scalar can be complete before its end was seen.
        if self._scan == self._scalar and _is_json(bytes(self._text)):
            self._complete(0, found)
        self._scan = self._rest
        return found

    def _opening(self, data: bytes, at: int, found: list[_Element]) -> int:
        at = _skipped(data, at)
        if at < len(data):
            self._scan = self._first if data[at] == 0x5B else self._rest
        return at + 1

    def _first(self, data: bytes, at: int, found: list[_Element]) -> int:
        at = _skipped(data, at)
        if data[at : at + 1] == b"]":
            return self._close(at)
        return self._value(data, at, found)

    def _value(self, data: bytes, at: int, found: list[_Element]) -> int:
        at = _skipped(data, at)
        if at == len(data):
            return at
        byte = data[at : at + 1]
        if byte in b",]}:":
            self._scan = self._rest
            return at
        self.begun = self._fed + at
        if byte == b'"':
            self._text += byte
            self._scan = self._string
            return at + 1
        self._scan = self._nested if byte in b"{[" else self._scalar
        return at

    def _nested(self, data: bytes, at: int, found: list[_Element]) -> int:
        match = _STRUCTURE.search(data, at)
        end = match.end() if match else len(data)
        self._text += data[at:end]
        byte = match.group() if match else b""
        if byte == b'"':
            self._scan = self._string
        elif byte in _DEPTH:
            self._depth += _DEPTH[byte]
            if not self._depth:
                self._complete(end, found)
        return end

    def _string(self, data: bytes, at: int, found: list[_Element]) -> int:
        match = _IN_STRING.search(data, at)
        end = match.end() if match else len(data)
        self._text += data[at:end]
        if match and match.group() == b"\\":
            self._scan = self._escaped
        elif match and self._depth:
            self._scan = self._nested
        elif match:
            self._complete(end, found)
        return end

    def _escaped(self, data: bytes, at: int, found: list[_Element]) -> int:
        self._text += data[at : at + 1]
        self._scan = self._string
        return at + 1

    def _scalar(self, data: bytes, at: int, found: list[_Element]) -> int:
        match = _SCALAR_END.search(data, at)
        end = match.start() if match else len(data)
        self._text += data[at:end]
        if match and _is_json(bytes(self._text)):
            self._complete(end, found)
        elif match:
            self._scan = self._rest
        return end

    def _after(self, data: bytes, at: int, found: list[_Element]) -> int:
        at = _skipped(data, at)
        byte = data[at : at + 1]
        if byte == b"]":
            return self._close(at)
        if byte:
            self._scan = self._value if byte == b"," else self._rest
        return at + 1

    def _rest(self, data: bytes, at: int, found: list[_Element]) -> int:
        return len(data)

    def _complete(self, end: int, found: list[_Element]) -> None:
        assert self.begun is not None
        found.append(_Element(self.begun, self._fed + end, bytes(self._text)))
        self.begun = None
        self._text.clear()
        self._scan = self._after

    def _close(self, at: int) -> int:
        self.closing = self._fed + at
        self._scan = self._rest
        return at + 1


def _skipped(data: bytes, at: int) -> int:
    match = _SKIPPED.match(data, at)
    return match.end() if match else at


# -- both kinds of JSON --------------------------------------------------------------------------------------------


def _event(text: bytes) -> Event:
    return Event(data=text.decode("utf-8", "replace"))


def _data_of(frame: Frame, item: Item | str) -> str:
    if lacking := frame.lacks(item):
        raise frame.cannot(lacking)
    if isinstance(item, str):
        return item
    assert isinstance(item, Event)  # the frame refuses all other items
    return item.data


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ScenarioError(f"a response body is UTF-8 and cannot hold a lone surrogate: {error}") from error


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text.decode("utf-8", "replace"))  # given bytes, it would guess the encoding
    except (ValueError, RecursionError):
        return False
    return True


SSE = _EventStream(
    "sse",
    "an event stream",
    "text/event-stream",
    newlines=("\n", "\r", "\r\n"),
    has_comments=True,
    has_fields=True,
    bom=BOM,
)
NDJSON = _Lines("ndjson", "NDJSON", "application/x-ndjson")
JSON_ARRAY = _Elements("json-array", "a JSON array", "application/json", newlines=("\n", "\r", "\r\n"))

FRAMES: dict[str, Frame] = {frame.name: frame for frame in (SSE, NDJSON, JSON_ARRAY)}


def frame_of(content_type: str | None, frames: Iterable[Frame] = (SSE, NDJSON)) -> Frame:
    """Return the first of the frames that has a content type, else that of an event stream.

    A body of ``application/json`` is most often one document, so an array is not guessed.
    """
    plain = _media_type(content_type or "")
    return next((one for one in frames if _media_type(one.content_type) == plain), SSE)


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()
