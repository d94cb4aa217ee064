"""The features of an event stream that can be taken away without changing what it says.

A client that fails a stream, and holds once one feature is gone, fails because of that feature. Each function here
takes the lines of a body and returns them without its feature. ``features_of`` keeps only those that are in the stream
and whose removal leaves what the stream says: every event, as the oracle reads it; or, of a feature of the API's JSON
(``Dialect.slips``), the text of the answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain

from orharness.dialects import Dialect
from orharness.dialects.dialect import Slip
from orharness.dialects.values import dumps
from orharness.frames import SSE
from orharness.sse import BOM, Event, decode


@dataclass(frozen=True)
class Line:
    """One line of a body, and what ends it: LF, CR, CRLF, or nothing at the end of the body."""

    text: bytes
    end: bytes

    @property
    def name(self) -> bytes:
        """The field's name; empty for a comment and for an empty line."""
        return self.text.partition(b":")[0]

    @property
    def is_comment(self) -> bool:
        """Whether it begins with a colon."""
        return self.text.startswith(b":")


Lines = list[Line]


@dataclass(frozen=True)
class Feature:
    """Something that a stream has, and that can be taken away.

    ``cause``: the mistake of a client that fails because of it; ``as_json``: where its JSON parser raised;
    ``as_error``: where it raised anything else; ``as_text``: where it yields text that was not sent. ``without``: the
    lines without it. ``put``: a plain answer's lines with it, in its commonest form; ``None`` where it has none.
    ``of_bytes``: it is about how the events are written, not what they say.
    """

    name: str
    cause: str
    without: Callable[[Lines], Lines]
    as_json: str = ""
    as_text: str = ""
    as_error: str = ""
    of_bytes: bool = True
    put: Callable[[Lines], Lines] | None = None

    def taken_from(self, body: bytes) -> bytes:
        """Return the body without the feature."""
        return joined(self.without(lines_of(body)))

    def put_into(self, body: bytes) -> bytes | None:
        """Return the body with the feature, saying what it said; ``None`` where it cannot have it."""
        changed = body if self.put is None else joined(self.put(lines_of(body)))
        return changed if changed != body and meaning(changed) == meaning(body) else None


_LINE = re.compile(rb"([^\r\n]*)(\r\n|\r|\n)")
_KNOWN = (b"data", b"event", b"id", b"retry")
_BLANKS = b" \t"
_LONG, _SHORT = 1_000, 60  # bytes of a comment whose length may matter, and of what is left of it
# What str.splitlines() takes for a line end and the format does not; and a backslash with an n.
_NO_LINE_ENDS = re.compile("[\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\0]|\\\\n")


def lines_of(body: bytes) -> Lines:
    """Return the lines of a body."""
    found = [Line(*match.groups()) for match in _LINE.finditer(body)]
    rest = body[sum(len(line.text) + len(line.end) for line in found) :]
    return [*found, Line(rest, b"")] if rest else found


def joined(lines: Iterable[Line]) -> bytes:
    """Return the body that has these lines."""
    return b"".join(line.text + line.end for line in lines)


def features_of(body: bytes, dialect: Dialect) -> list[Feature]:
    """Return the features that are in the body and can be taken from it, each alone, without changing what it says."""
    if dialect.frame is not SSE:
        return []
    found = []
    for feature in (*FEATURES, *map(_of_slip, dialect.slips)):
        changed = feature.taken_from(body)
        if changed != body and _says_the_same(body, changed, dialect, of_bytes=feature.of_bytes):
            found.append(feature)
    return found


def without(features: Iterable[Feature], body: bytes, dialect: Dialect) -> bytes | None:
    """Return the body without all of these features; ``None`` where that changes what it says."""
    of_bytes, changed = True, body
    for feature in features:
        of_bytes, changed = of_bytes and feature.of_bytes, feature.taken_from(changed)
    return changed if _says_the_same(body, changed, dialect, of_bytes=of_bytes) else None


def _says_the_same(body: bytes, other: bytes, dialect: Dialect, *, of_bytes: bool) -> bool:
    if of_bytes:
        return meaning(body) == meaning(other)
    return dialect.fold(decode(body)).text == dialect.fold(decode(other)).text


def _of_slip(slip: Slip) -> Feature:
    """Return what the dialect knows of its JSON as a feature of the lines that carry it."""

    def change(block: Lines) -> Lines:
        data = [line for line in block if line.name == b"data"]
        said = _parsed(b"\n".join(map(_value, data)).decode("utf-8", "replace"))
        if not isinstance(said, dict):
            return block
        changed = slip.without(said)
        if changed is None:
            return []
        if changed == said:
            return block
        one = Line(b"data: " + dumps(changed).encode(), data[-1].end)
        return [one if line is data[-1] else line for line in block if line is data[-1] or line.name != b"data"]

    return Feature(
        slip.name, slip.cause, _of_blocks(change), as_error=slip.as_error, as_text=slip.as_text, of_bytes=False
    )


def meaning(body: bytes) -> list[tuple[str, object]]:
    """Return what the events of a body say, as the oracle reads it: type and data, JSON parsed; empty data left out."""
    events = [item for item in decode(body) if isinstance(item, Event) and item.data.strip()]
    return [(one.type, _parsed(one.data)) for one in events]


def difference(body: bytes, other: bytes) -> int:
    """Return the first offset at which two bodies differ."""
    length = min(len(body), len(other))
    return next((at for at in range(length) if body[at] != other[at]), length)


def _parsed(data: str) -> object:
    try:
        return json.loads(data)
    except ValueError:
        return data.strip()


# -- blocks --------------------------------------------------------------------------------------------------------


def _blocks(lines: Lines) -> Iterator[Lines]:
    """Yield the lines of each block, the empty line that ends it included; a further empty line is one by itself."""
    block: Lines = []
    for line in lines:
        block.append(line)
        if not line.text:
            yield block
            block = []
    if block:
        yield block


def _of_blocks(change: Callable[[Lines], Lines]) -> Callable[[Lines], Lines]:
    """Return a change of lines that changes each block by itself."""
    return lambda lines: list(chain.from_iterable(map(change, _blocks(lines))))


def _left_out(unwanted: Callable[[Line], bool]) -> Callable[[Lines], Lines]:
    """Return a change that leaves out lines, and the empty line of a block of which nothing else is left."""

    def change(block: Lines) -> Lines:
        kept = [line for line in block if not (line.text and unwanted(line))]
        return [] if len(kept) < len(block) and not any(line.text for line in kept) else kept

    return _of_blocks(change)


def _has_data(block: Lines) -> bool:
    return any(line.name == b"data" for line in block)


def _value(line: Line) -> bytes:
    return line.text.partition(b":")[2].removeprefix(b" ")


# -- each feature ---------------------------------------------------------------------------------------------------


def _no_bom(lines: Lines) -> Lines:
    first, *rest = lines or [Line(b"", b"")]
    return [Line(first.text.removeprefix(BOM), first.end), *rest]


def _with_line_feeds(ends: bytes) -> Callable[[Lines], Lines]:
    return lambda lines: [Line(line.text, b"\n") if line.end == ends else line for line in lines]


def _no_strange_characters(lines: Lines) -> Lines:
    """Remove strange characters from lines that mean nothing, and write them as JSON escapes in data."""
    changed = []
    for line in lines:
        text = line.text.decode("utf-8", "surrogateescape")
        if line.name == b"data":
            text = _NO_LINE_ENDS.sub(lambda found: found[0] if "\\" in found[0] else f"\\u{ord(found[0]):04x}", text)
        else:
            text = _NO_LINE_ENDS.sub("_", text)
        changed.append(Line(text.encode("utf-8", "surrogateescape"), line.end))
    return changed


def _is_ignored_field(line: Line) -> bool:
    harmless = line.name in (b"id", b"retry") or (line.name == b"event" and _value(line) in (b"", b"message"))
    return harmless and not line.is_comment


def _no_long_comments(lines: Lines) -> Lines:
    return [
        Line(line.text[:_SHORT], line.end) if line.is_comment and len(line.text) > _LONG else line for line in lines
    ]


def _no_ignored_fields(block: Lines) -> Lines:
    return [line for line in block if not _is_ignored_field(line)] if _has_data(block) else block


def _no_blocks_without_data(block: Lines) -> Lines:
    fields = [line for line in block if line.text and not line.is_comment]
    return block if _has_data(block) or not fields else []


def _no_empty_data(block: Lines) -> Lines:
    data = [_value(line) for line in block if line.name == b"data"]
    return [] if data and not b"".join(data).strip() else block


def _no_further_blank_lines(lines: Lines) -> Lines:
    kept: Lines = []
    for line in lines:
        if line.text or (kept and kept[-1].text):
            kept.append(line)
    return kept


def _one_space(lines: Lines) -> Lines:
    return [
        Line(b"data: " + line.text[5:].strip(_BLANKS), line.end) if line.text.startswith(b"data:") else line
        for line in lines
    ]


def _one_data_line(block: Lines) -> Lines:
    data = [line for line in block if line.name == b"data"]
    if len(data) < 2:
        return block
    try:
        whole = json.dumps(json.loads(b"\n".join(map(_value, data))), ensure_ascii=False, separators=(",", ":"))
    except ValueError:
        return block
    one = Line(b"data: " + whole.encode(), data[-1].end)
    return [one if line is data[-1] else line for line in block if line is data[-1] or line.name != b"data"]


def _valid_utf_8(lines: Lines) -> Lines:
    return [Line(line.text.decode("utf-8", "replace").encode(), line.end) for line in lines]


def _ascii(lines: Lines) -> Lines:
    """Write the characters outside ASCII as JSON escapes."""
    return [_escaped(line) if line.name == b"data" and not line.text.isascii() else line for line in lines]


def _escaped(line: Line) -> Line:
    try:
        return Line(b"data: " + json.dumps(json.loads(_value(line)), separators=(",", ":")).encode(), line.end)
    except ValueError:
        return line


# -- each as it is commonly sent ------------------------------------------------------------------------------------


def _comment_blocks(block: Lines) -> Lines:
    end = block[-1].end
    return [Line(b": keep-alive", end), Line(b"", end), *block]


def _ids(block: Lines) -> Lines:
    return [Line(b"id: 1", block[-1].end), *block] if _has_data(block) else block


def _no_spaces(lines: Lines) -> Lines:
    return [Line(b"data:" + _value(line), line.end) if line.name == b"data" else line for line in lines]


def _with_line_ends(ends: bytes) -> Callable[[Lines], Lines]:
    return lambda lines: [Line(line.text, ends) for line in lines]


LONG_COMMENTS = "long-comments"
FEATURES: tuple[Feature, ...] = (
    Feature("bom", "a byte order mark in front of the stream is taken for a part of its first line", _no_bom),
    Feature(
        "crlf",
        "CRLF is taken for two line ends, or its CR for a part of the line",
        _with_line_feeds(b"\r\n"),
        put=_with_line_ends(b"\r\n"),
    ),
    Feature(
        "cr",
        "a CR alone is not taken for a line end: CR, LF and CRLF are",
        _with_line_feeds(b"\r"),
        put=_with_line_ends(b"\r"),
    ),
    Feature(
        "strange-characters",
        "a line is ended at a character that ends none, as str.splitlines does: only CR, LF and CRLF end a line",
        _no_strange_characters,
    ),
    Feature(
        "blank",
        "a line of blanks is taken for an empty one, as strip() does: only a line without characters ends an event",
        _left_out(lambda line: not line.text.strip(_BLANKS)),
    ),
    Feature(
        "indented",
        "a line is stripped before it is read: blanks in front belong to the name, and no field has that name",
        _left_out(lambda line: line.text[:1] in (b" ", b"\t") and bool(line.text.strip(_BLANKS))),
    ),
    Feature(
        "unknown-fields",
        "a line that is not a data field is taken for one: a field's name is all that is before the first colon",
        _left_out(lambda line: not line.is_comment and line.name.removeprefix(BOM) not in _KNOWN),
    ),
    Feature(LONG_COMMENTS, "a comment is stumbled over for its length", _no_long_comments),
    Feature(
        "comments",
        "a comment line (it begins with a colon) is stumbled over: it is to be passed over",
        lambda lines: [line for line in lines if not line.is_comment],
        as_json="a comment line (it begins with a colon) is given to the JSON parser",
        as_text="a comment is taken for text",
        put=_of_blocks(_comment_blocks),
    ),
    Feature(
        "comment-blocks",
        "a block without data is taken for an event: it is to be passed over",
        _left_out(lambda line: line.is_comment),
    ),
    Feature(
        "ignored-fields",
        "a field other than data is taken for data, or stumbled over: it is to be read, or passed over",
        _of_blocks(_no_ignored_fields),
        put=_of_blocks(_ids),
    ),
    Feature(
        "blocks-without-data",
        "a block without data is taken for an event: it is to be passed over",
        _of_blocks(_no_blocks_without_data),
    ),
    Feature(
        "empty-data",
        "an event whose data are empty is read as a part of the answer: it is to be passed over",
        _of_blocks(_no_empty_data),
        as_json="empty data are given to the JSON parser: an event with empty data is to be passed over",
    ),
    Feature("blank-lines", "an empty line that ends nothing is taken for an event", _no_further_blank_lines),
    Feature(
        "spaces",
        "it looks for `data: ` with a space; the standard takes one space away if it is there",
        _one_space,
        put=_no_spaces,
    ),
    Feature(
        "data-lines",
        "an event of several data lines is read line by line: its data are all of them, joined by LF",
        _of_blocks(_one_data_line),
    ),
    Feature(
        "invalid-utf-8",
        "bytes that are not UTF-8 end the stream: each stands for U+FFFD, and the stream goes on",
        _valid_utf_8,
    ),
    Feature("not-ascii", "characters outside ASCII are lost or changed", _ascii),
)
"""All of them, the plainest first: the first one whose removal makes the client hold is the cause."""


@cache
def told_causes(dialect: Dialect) -> frozenset[str]:
    """Return every cause that a report can name for the features of a dialect's streams."""
    known = (*FEATURES, *map(_of_slip, dialect.slips))
    return frozenset(
        one for feature in known for one in (feature.cause, feature.as_json, feature.as_text, feature.as_error)
    )
