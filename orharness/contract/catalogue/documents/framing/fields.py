"""framing: the fields of an event, known and unknown."""

from __future__ import annotations

from orharness.contract.catalogue.documents.framing.making import (
    BLOCK,
    DONE,
    GRAMMAR,
    OPENAI,
    STRANGE,
    UNKNOWN,
    rule,
)
from orharness.contract.catalogue.documents.words import (
    LAUNCHDARKLY,
    PARSER,
    PARSING_RULES,
    WPT,
    Document,
)

_NAMES = (
    rule(
        "names-in-another-case",
        "`Data` and `DATA` are fields that nobody knows.",
        "Data: <X>\ndata: <A>\nDATA: <X>\n\nData: <X>\n\ndata: <B>\n\n" + DONE,
        why="names of fields are compared without regard to case",
        source=f"{WPT}/format-field-parsing.any.js",
    ),
    rule(
        "names-that-begin-alike",
        "`datax`, `data_x`, `data-x` and `database` are fields that nobody knows.",
        "datax: <X>\ndata_x: <X>\ndata: <A>\n\ndata-x: <X>\n\ndatabase: <X>\ndata: <B>\n\n" + DONE,
        why=UNKNOWN,
        source=PARSER,
    ),
    rule(
        "names-that-end-alike",
        "`xdata`, `meta-data` and `dat` are fields that nobody knows.",
        "xdata: <X>\nmeta-data: <X>\ndata: <A>\n\ndat: <X>\n\nda-ta: <X>\ndata: <B>\n\n" + DONE,
        why=UNKNOWN,
        source=f"{WPT}/format-field-parsing.any.js",
    ),
    rule(
        "name-with-nul",
        "A NUL in a field's name makes it another one.",
        "data\0: <X>\ndata: <A>\n\n\0data: <X>\n\ndata: <B>\n\n" + DONE,
        why="a NUL is taken out of a line before it is read",
        source=f"{WPT}/format-field-parsing.any.js",
    ),
    rule(
        "unknown-field",
        "Fields that nobody knows beside the data.",
        "color: blue\ndata: <A>\nfoo:bar\n\nchannel: final\ndata: <B>\n\n" + DONE,
        why=UNKNOWN,
        source=f"{LAUNCHDARKLY}/tests_basic_parsing.go",
    ),
    rule(
        "unknown-field-with-json",
        "Fields that nobody knows whose value is a whole chunk.",
        "message: <X>\ndata: <A>\n\ndelta: <X>\n\ncontent: <X>\ndata: <B>\n\n" + DONE,
        why="the value of any field is taken for data",
    ),
    rule(
        "unknown-line",
        "A line of text without a colon is a field that nobody knows.",
        "just some text\ndata: <A>\n\nfoo\n\nbar\ndata: <B>\n\n" + DONE,
        why=UNKNOWN,
        source=f"{WPT}/format-field-unknown.any.js",
    ),
    rule(
        "bare-json-line",
        "A whole chunk on a line of its own is a field that nobody knows.",
        "<X>\ndata: <A>\n\n<X>\n\ndata: <B>\n\n" + DONE,
        why="a line without `data:` is given to the JSON parser",
        source=PARSER,
    ),
    rule(
        "bare-done-line",
        "`${end}` on a line of its own is a field that nobody knows: it ends nothing.",
        "data: <A>\n\n${end}\n\nextra: ${end}\ndata: <B>\n\n" + DONE,
        why="${end} is looked for in lines that are not data",
    ),
    rule(
        "empty-name",
        "A line that begins with a colon has no name and is a comment, also inside an event.",
        "data: <A>\n:<X>\n\n:\ndata: <B>\n\n" + DONE,
        why="a comment line (it begins with a colon) is given to the JSON parser",
    ),
    rule(
        "colons-in-values",
        "A value begins after the first colon and has the others.",
        "id: a:b:c\ndata: <A>\n\nextra: data: <X>\nid::\ndata: <B>\n\n" + DONE,
        why="a line is cut at another colon than its first",
    ),
    rule(
        "many-names-at-once",
        "Known, unknown and broken names in one event, with line ends of each kind.",
        "data: <A1>\rData: <X>\ndata\0: <X>\ndata: <A2>\r\nda-ta: <X>\rdata_5\n"
        "data\rdata:\r\n data: <X>\ndata:  \n\ndata: <B>\n\n" + DONE,
        why=UNKNOWN,
        source=f"{WPT}/format-field-parsing.any.js",
    ),
    rule(
        "unknown-between-data-lines",
        "Lines that nobody knows between the data lines of an event.",
        "data: <A1>\n data\ndata\nfoobar:xxx\njustsometext\n:a comment\ndata: <A2>\n\ndata: <B>\n\n" + DONE,
        why=UNKNOWN,
        source=f"{WPT}/format-field-unknown.any.js",
    ),
)

_IDS = (
    rule(
        "spec-example-ids",
        "The standard's second example: a comment, an id, an id that is taken back, and two spaces.",
        ": test stream\n\ndata: <A1>\ndata: <A2>\nid: 1\n\ndata: \ndata:  <B>\nid\n\n" + DONE,
        why=STRANGE,
        source=GRAMMAR,
    ),
    rule(
        "id-with-nul",
        "An id with a NUL in it is passed over, and its event is not.",
        "id: a\0b\ndata: <A>\n\ndata: <B>\nid: 12\0\n\n" + DONE,
        why=STRANGE,
        source=f"{WPT}/format-field-id-null.window.js",
    ),
    rule(
        "id-empty",
        "An empty id, with a colon and without.",
        "id: 1\ndata: <A>\n\nid:\ndata: <B>\n\nid\n" + DONE,
        why=STRANGE,
        source=f"{WPT}/format-field-id-2.any.js",
    ),
    rule(
        "id-alone",
        "A block of nothing but an id.",
        "id: 42\n\ndata: <A>\n\nid: 43\n\ndata: <B>\n\n" + DONE,
        why=BLOCK,
        source=PARSER,
    ),
    rule(
        "id-not-ascii",
        "An id of characters outside ASCII, and one that is very long.",
        "id: …豆腐\n" + "data: <A>\n\nid: " + 10_000 * "9" + "\ndata: <B>\n\n" + DONE,
        why=STRANGE,
        source=f"{WPT}/format-field-id.any.js",
    ),
    rule(
        "id-twice",
        "Two ids in one event.",
        "id: 1\nid: 2\ndata: <A>\nid: 3\n\ndata: <B>\n\n" + DONE,
        why=STRANGE,
    ),
)

_TYPES = (
    rule(
        "event-empty",
        "An empty `event` field, with a colon and without: the event is a message.",
        "event:\ndata: <A>\n\nevent\ndata: <B>\n\n" + DONE,
        why=STRANGE,
        source=f"{WPT}/format-field-event-empty.any.js",
    ),
    rule(
        "event-alone",
        "A block of nothing but an event's name is not an event.",
        "event: ping\n\ndata: <A>\n\nevent: ping\n\nevent:\n\ndata: <B>\n\n" + DONE,
        why=BLOCK,
        source=OPENAI,
    ),
    rule(
        "event-named-done",
        "A block of nothing but `event: done` is not an event, and does not end the answer.",
        "data: <A>\n\nevent: done\n\ndata: <B>\n\n" + DONE,
        why=BLOCK,
    ),
    rule(
        "event-forgotten",
        "The name of a block without data does not go over to the next event.",
        "event: error\n\ndata: <A>\n\nevent: ping\n\ndata: <B>\n\n" + DONE,
        why="the name of an event goes over to the next one: an empty line forgets it",
    ),
    rule(
        "event-twice",
        "Of two names of one event the last one counts.",
        "event: ping\nevent: message\ndata: <A>\n\nevent: ping\ndata: <B>\nevent: message\n\n" + DONE,
        why="the first of two names of an event counts: the last one does",
    ),
    rule(
        "event-named",
        "Chunks in events with a name of their own: a client may take them, or pass over what it does not know.",
        "event: chunk\ndata: <B>\n\ndata: <A0>\n\n" + DONE,
        " worldHello",
        why=STRANGE,
        also=({"text": "Hello"},),
        source=f"{WPT}/format-field-event.any.js",
    ),
    rule(
        "event-named-not-carried-over",
        "The event after one with a name is a message again.",
        "event: message\ndata: <A>\n\ndata: <B>\n\nevent: message\n" + DONE,
        why="the name of an event goes over to the next one: an empty line forgets it",
        source=f"{WPT}/format-field-event.any.js",
    ),
)


def _retry(name: str, title: str, *values: str, source: str = PARSING_RULES) -> Document:
    """Each of the values before the data of an event, and after those of the next."""
    lines = "".join(f"retry{value}\n" for value in values)
    body = lines + "data: <A>\n\ndata: <B>\n" + lines + "\n" + DONE
    return rule(
        name, title, body, why="a retry field is stumbled over: what is not a number is passed over", source=source
    )


_RETRIES = (
    _retry("retry-empty", "An empty `retry`, with a colon and without.", ":", "", ": ", source=PARSER),
    _retry(
        "retry-not-a-number",
        "A `retry` that is not a number is passed over.",
        ": 1000x",
        ": soon",
        ": 0x10",
        ": 1 000",
        source=f"{WPT}/format-field-retry-bogus.any.js",
    ),
    _retry("retry-signed", "A `retry` with a sign or a point is not a number.", ": -5", ": +5", ": 1.5", ": 1e3"),
    _retry("retry-other-digits", "A `retry` of digits outside ASCII is not a number.", ": ١٢", ": ²", ": 1２"),
    _retry("retry-huge", "A `retry` of 5,000 digits.", ": " + "9" * 5_000),
    _retry("retry-zeros", "A `retry` of zeros.", ": 0", ": 000", ": 0001"),
)

CASES: tuple[Document, ...] = (*_NAMES, *_IDS, *_TYPES, *_RETRIES)
