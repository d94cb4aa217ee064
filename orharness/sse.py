"""Server-Sent Events on bytes: an encoder, and the oracle that decides what a client must make of a stream.

Both follow the WHATWG HTML standard, section 9.2.6 "Interpreting an event stream"
(https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation). The names (field, comment,
dispatch, last event ID) are the standard's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from orharness.errors import ScenarioError

BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"[\r\n]")
_LINE_ENDS_IN_TEXT = re.compile("\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Event:
    """One dispatched event."""

    type: str = "message"
    """The ``event`` field, ``message`` if there is none."""
    data: str = ""
    """The ``data`` fields, joined by LF."""
    last_event_id: str = ""
    """The stream's last event ID at the moment of the dispatch."""


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment line; ``text`` is everything after its colon, a leading space included."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """One valid ``retry`` field: the time to wait before reconnecting."""

    seconds: float
    """``inf`` for more digits than a float can hold."""


Item = Event | Comment | Retry


def encode(*items: Item | str, newline: str = "\n") -> bytes:
    """Return the items as an event stream, each a block that ends with an empty line.

    A ``str`` is the data of an event of type ``message``. ``newline`` ends each line: LF, CR or CRLF. An event's
    ``last_event_id`` is written as an ``id`` field if it is not empty. Data with any kind of line end becomes one
    ``data`` field a line, so a CR inside it is read back as LF: the format cannot express it. Raises ``ScenarioError``
    for what the format cannot express: a line end in a comment, a type or an id, a NUL in an id, a negative or infinite
    retry, a lone surrogate.
    """
    text = "".join(_block(item, newline) for item in items)
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ScenarioError(f"an event stream is UTF-8 and cannot hold a lone surrogate: {error}") from error


def encode_one(item: Item | str, newline: str = "\n") -> bytes:
    """Return what ``encode`` returns for one item. Of a plain event, as there are thousands in a stream, fast."""
    if type(item) is Event and not item.last_event_id:
        name, data = item.type, item.data
        if "\n" not in data and "\r" not in data and "\n" not in name and "\r" not in name:
            head = "" if name == "message" else f"event: {name}{newline}"
            try:
                return f"{head}data: {data}{newline}{newline}".encode()
            except UnicodeEncodeError:  # encode has a sentence for it
                pass
    return encode(item, newline=newline)


def _block(item: Item | str, newline: str) -> str:
    lines = _lines(Event(data=item) if isinstance(item, str) else item)
    return "".join(line + newline for line in (*lines, ""))


def _lines(item: Item) -> list[str]:
    match item:
        case Comment(text):
            return [":" + _one_line(text, "a comment")]
        case Retry(seconds):
            if not 0 <= seconds < float("inf"):
                raise ScenarioError(f"retry takes a finite number of seconds from 0 up, not {seconds}")
            return [f"retry: {round(seconds * 1000)}"]
        case Event(type_, data, last_event_id):
            head = [] if type_ == "message" else [f"event: {_one_line(type_, 'an event type')}"]
            if "\0" in last_event_id:
                raise ScenarioError("an event id cannot hold NUL: the standard ignores such a field")
            if last_event_id:
                head.append(f"id: {_one_line(last_event_id, 'an event id')}")
            return head + [f"data: {line}" for line in _LINE_ENDS_IN_TEXT.split(data)]


def _one_line(text: str, what: str) -> str:
    if _LINE_ENDS_IN_TEXT.search(text):
        raise ScenarioError(f"{what} is one line: {text!r} has a line end in it")
    return text


class Decoder:
    """The oracle: an incremental decoder of an event stream that follows the standard to the letter.

    ``feed`` takes the next bytes, cut anywhere, and returns what they complete: an event at its empty line, a comment
    or a retry at the end of its own line. A CR ends a line at once, without waiting for a possible LF. It never raises
    on any input, and its work is linear in the bytes fed, also byte by byte.
    """

    def __init__(self) -> None:
        self._line = bytearray()  # the unfinished line
        self._at_start = True  # no line has ended yet: a BOM may still come first
        self._after_cr = False  # the line end may still turn out to be CRLF
        self._data: list[str] = []
        self._type = ""
        self._last_event_id = ""

    def feed(self, data: bytes) -> list[Item]:
        """Return what the bytes complete, in the order of the stream."""
        items: list[Item] = []
        position = 0
        if self._after_cr and data:
            self._after_cr = False
            position = int(data[0] == 0x0A)
        while match := _LINE_END.search(data, position):
            self._line += data[position : match.start()]
            self._end_line(items)
            position = match.end()
            if match.group() == b"\r":
                if position == len(data):
                    self._after_cr = True
                elif data[position] == 0x0A:
                    position += 1
        self._line += data[position:]
        return items

    def finish(self) -> list[Item]:
        """Discard an unfinished line and block at the end of the stream, as the standard says: nothing is completed."""
        self._line.clear()
        self._data.clear()
        self._type = ""
        self._after_cr = False
        return []

    def _end_line(self, items: list[Item]) -> None:
        if self._at_start:
            self._at_start = False
            if self._line.startswith(BOM):
                del self._line[: len(BOM)]
        # Line ends are ASCII, so a line decodes to the same characters as within the whole stream.
        line = self._line.decode("utf-8", "replace")
        self._line.clear()
        if not line:
            self._dispatch(items)
        elif line.startswith(":"):
            items.append(Comment(line[1:]))
        else:
            name, _, value = line.partition(":")
            self._field(name, value.removeprefix(" "), items)

    def _field(self, name: str, value: str, items: list[Item]) -> None:
        match name:
            case "data":
                self._data.append(value)
            case "event":
                self._type = value
            case "id" if "\0" not in value:
                self._last_event_id = value
            case "retry" if value.isascii() and value.isdigit():
                # float, since int() refuses more than 4,300 digits and the standard sets no limit.
                items.append(Retry(float(value) / 1000))

    def _dispatch(self, items: list[Item]) -> None:
        if self._data:
            items.append(Event(self._type or "message", "\n".join(self._data), self._last_event_id))
            self._data.clear()
        self._type = ""


def decode(data: bytes) -> list[Item]:
    """Return all items of a whole stream."""
    return Decoder().feed(data)


def decode_with_offsets(data: bytes) -> list[tuple[int, Item]]:
    """Return all items of a whole stream, each with the offset of the first byte after it.

    An event is complete after its empty line, a comment after its line end. A CRLF counts whole.
    """
    decoder = Decoder()
    found: list[tuple[int, Item]] = []
    start = 0
    while match := _LINE_END.search(data, start):
        end = match.end()
        if match.group() == b"\r" and data[end : end + 1] == b"\n":
            end += 1
        found.extend((end, item) for item in decoder.feed(data[start:end]))
        start = end
    return found
