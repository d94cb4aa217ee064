"""framing: where lines and events end, and what the data lines of an event make together."""

from __future__ import annotations

from orharness.contract.catalogue.documents.framing.making import (
    BLANKS,
    CR,
    CRLF,
    DONE,
    GRAMMAR,
    HTTPX_SSE,
    LINES,
    ONLY_LINE_ENDS,
    OPENAI,
    SPACE,
    STRIPPED,
    UNKNOWN,
    rule,
)
from orharness.contract.catalogue.documents.words import (
    LAUNCHDARKLY,
    PARSER,
    PARSING_RULES,
    WPT,
    Document,
    fails,
)

_LINE_ENDS = (
    rule(
        "cr",
        "Lines that end with CR alone.",
        "data: <A>\r\rdata: <B>\r\rdata: ${end}\r\r",
        why=CR,
    ),
    rule(
        "cr-several-data-lines",
        "An event of two data lines that end with CR alone.",
        "data: <A1>\rdata: <A2>\r\rdata: <B>\r\rdata: ${end}\r\r",
        why=CR,
        source=f"{LAUNCHDARKLY}/tests_linefeeds.go",
    ),
    rule(
        "blank-lines-cr",
        "Further empty lines that end with CR alone.",
        "data: <A>\r\r\rdata: <B>\r\r\r\rdata: ${end}\r\r",
        why=CR,
        source=f"{LAUNCHDARKLY}/tests_linefeeds.go",
    ),
    rule(
        "mixed-line-ends",
        "Each event with line ends of another kind.",
        "data: <A>\r\n\r\ndata: <B>\r\rdata: ${end}\n\n",
        why=CR,
        source=GRAMMAR,
    ),
    rule(
        "mixed-line-ends-in-an-event",
        "Each line of an event with another line end.",
        "id: 1\rdata: <A1>\r\nevent: message\ndata: <A2>\r\ndata: \r\r\ndata: <B>\n\r" + DONE,
        why=CR,
        source=GRAMMAR,
    ),
    rule(
        "lf-cr",
        "A LF and a CR after it are two line ends: they end an event.",
        "data: <A>\n\rdata: <B>\n\r" + DONE,
        why=CR,
    ),
    rule(
        "crlf-cr",
        "A CRLF and a CR after it are two line ends: they end an event.",
        "data: <A>\r\n\rdata: <B>\r\n\r" + DONE,
        why=CR,
        source=f"{WPT}/format-newlines.any.js",
    ),
    rule(
        "cr-crlf",
        "A CR and a CRLF after it are two line ends: they end an event.",
        "data: <A>\r\r\ndata: <B>\r\r\n" + DONE,
        why=CR,
        source=PARSER,
    ),
    rule(
        "crlf-is-one-line-end",
        "An event of two data lines that end with CRLF: one CRLF ends a line, and no event.",
        "data: <A1>\r\ndata: <A2>\r\n\r\ndata: <B>\r\n\r\ndata: ${end}\r\n\r\n",
        why=CRLF,
        source=f"{WPT}/format-newlines.any.js",
    ),
    rule(
        "leading-blank-lines",
        "Empty lines before the first event.",
        "\n\n\r\n\ndata: <A>\n\ndata: <B>\n\n" + DONE,
        why="an empty line that ends nothing is taken for an event",
        source=PARSER,
    ),
    rule(
        "many-blank-lines",
        "100 empty lines between two events.",
        "data: <A>\n\n" + 100 * "\n" + "data: <B>\n\n" + DONE,
        why="an empty line that ends nothing is taken for an event",
    ),
    rule(
        "line-of-a-space",
        "A line of one space is a field without a meaning, and no empty line: it ends no event.",
        "data: <A1>\n \ndata: <A2>\n\ndata: <B>\n\n" + DONE,
        why=BLANKS,
    ),
    rule(
        "line-of-a-tab",
        "A line of one tab is a field without a meaning, and no empty line: it ends no event.",
        "data: <A1>\n\t\ndata: <A2>\n\ndata: <B>\n\n" + DONE,
        why=BLANKS,
    ),
)


def _no_line_end(name: str, title: str, character: str, source: str = PARSING_RULES) -> Document:
    """The character in a comment and in a field nobody knows, each time with what looks like data after it."""
    not_data = f"{character}data: <X>\n"
    ignored = f": x{not_data}extra: x{not_data}"
    body = ignored + "data: <A>\n\n" + ignored + "\ndata: <B>\n\n" + DONE
    return rule(name, f"{title} ends no line.", body, why=ONLY_LINE_ENDS, source=source)


_NO_LINE_ENDS = (
    _no_line_end("vertical-tab", "A vertical tab (U+000B)", "\x0b"),
    _no_line_end("form-feed", "A form feed (U+000C)", "\x0c"),
    _no_line_end("file-separator", "A file separator (U+001C)", "\x1c"),
    _no_line_end("group-separator", "A group separator (U+001D)", "\x1d"),
    _no_line_end("record-separator", "A record separator (U+001E)", "\x1e"),
    _no_line_end("next-line", "A next line (U+0085)", "\x85"),
    _no_line_end("line-separator", "A line separator (U+2028)", "\u2028", HTTPX_SSE),
    _no_line_end("paragraph-separator", "A paragraph separator (U+2029)", "\u2029", OPENAI),
    _no_line_end("escaped-line-end", "A backslash with an n after it", "\\n"),
    _no_line_end("nul-character", "A NUL (U+0000)", "\0", f"{WPT}/format-null-character.any.js"),
)

_DATA_LINES = (
    rule(
        "two-data-lines",
        "An event of two data lines: they are joined.",
        "data: <A1>\ndata: <A2>\n\ndata: <B>\n\n" + DONE,
        why=LINES,
        source=OPENAI,
    ),
    rule(
        "a-line-a-token",
        "An event of many data lines, cut wherever JSON allows a line end.",
        "data: ${text:Hello|lines}\n\ndata: <B>\n\n" + DONE,
        why=LINES,
        source=OPENAI,
    ),
    rule(
        "spec-example-stock",
        "The standard's first example: an event of three data lines, one of them with a sign.",
        "data: <A1>\ndata: <A2>\ndata:  \n\ndata: <B>\n\n" + DONE,
        why=LINES,
        source=GRAMMAR,
    ),
    rule(
        "data-lines-joined-by-lf",
        "Two data lines are joined by a LF: a JSON string that is cut by it is none.",
        "data: <A>\n\ndata: ${text: (\ndata: not this)|verbatim}\n\n" + DONE,
        why="the data lines of an event are joined by nothing: a LF stands between them",
        expect=fails("Hello"),
        also=({"text": "Hello"}, {"text": "Hello (\nnot this)"}),  # passed over, or read by a parser that allows it
        source=GRAMMAR,
    ),
    rule(
        "lines-without-an-empty-one",
        "Two whole chunks on two lines of one event: together they are not JSON.",
        "data: <A>\n\ndata: <X>\ndata: <X>\n\n" + DONE,
        why="each data line is taken for an event: an event ends at its empty line",
        expect=fails("Hello"),
        also=({"text": "Hello"},),  # passed over
    ),
    rule(
        "data-line-empty-at-the-start",
        "An empty data line before the others of an event.",
        "data:\ndata: <A>\n\ndata:\ndata: <B>\n\n" + DONE,
        why=LINES,
        source=f"{LAUNCHDARKLY}/tests_linefeeds.go",
    ),
    rule(
        "data-line-empty-in-the-middle",
        "Empty data lines between the others of an event, with and without a space.",
        "data: <A1>\ndata: \ndata:\ndata: <A2>\n\ndata: <B>\n\n" + DONE,
        why=LINES,
        source=OPENAI,
    ),
    rule(
        "data-line-empty-at-the-end",
        "An empty data line after the others of an event.",
        "data: <A>\ndata:\n\ndata: <B>\ndata: \n\n" + DONE,
        why=LINES,
        source=f"{WPT}/format-leading-space.any.js",
    ),
    rule(
        "data-without-colon",
        "A line `data` without a colon is an empty data line.",
        "data\ndata: <A>\n\ndata: <B>\ndata\n\n" + DONE,
        why=LINES,
        source=f"{WPT}/format-field-data.any.js",
    ),
    rule(
        "data-lines-apart",
        "Other fields between the data lines of an event.",
        "data: <A1>\nid: 1\nextra: x\nevent: message\nretry: 3000\ndata: <A2>\n\ndata: <B>\n\n" + DONE,
        why=LINES,
    ),
    rule(
        "empty-data",
        "An event whose data are empty: what is not JSON may be passed over, or be an error.",
        "data: <A>\n\ndata:\n\ndata: <B>\n\n" + DONE,
        why="an event without text ends the answer, and nobody is told",
        also=(fails("Hello"),),
        source=f"{WPT}/format-field-data.any.js",
    ),
    rule(
        "spec-example-empty-data",
        "The standard's third example: `data` alone, twice, and once more without an empty line after it.",
        "data: <A>\n\ndata\n\ndata\ndata\n\ndata: <B>\n\n" + DONE + "data:\n",
        why="an event without text ends the answer, and nobody is told",
        also=(fails("Hello"),),
        source=GRAMMAR,
    ),
)

_SPACES = (
    rule(
        "two-spaces",
        "Two spaces after the colon: one is taken away, and JSON does not mind the other.",
        "data:  <A>\n\ndata:  <B>\n\n" + DONE,
        why=SPACE,
        source=f"{LAUNCHDARKLY}/tests_basic_parsing.go",
    ),
    rule(
        "tab-after-colon",
        "A tab after the colon belongs to the data, and JSON does not mind it.",
        "data:\t<A>\n\ndata: \t<B>\n\n" + DONE,
        why=SPACE,
        source=f"{WPT}/format-leading-space.any.js",
    ),
    rule(
        "trailing-blanks",
        "Blanks at the end of a line belong to the data, and JSON does not mind them.",
        "data: <A> \n\ndata: <B>\t \n\n" + DONE,
        why="blanks after the data are stumbled over",
    ),
    rule(
        "space-before-the-name",
        "A space before `data`: the field's name is another one, and the line is passed over.",
        " data: <X>\ndata: <A>\n\n data: <X>\n\ndata: <B>\n\n" + DONE,
        why=STRIPPED,
        source=f"{WPT}/format-field-unknown.any.js",
    ),
    rule(
        "tab-before-the-name",
        "A tab before `data`: the field's name is another one, and the line is passed over.",
        "\tdata: <X>\ndata: <A>\n\n\tdata: <X>\n\ndata: <B>\n\n" + DONE,
        why=STRIPPED,
    ),
    rule(
        "space-before-the-colon",
        "A space before the colon: the field's name is another one, and the line is passed over.",
        "data : <X>\ndata: <A>\n\ndata : <X>\n\ndata: <B>\n\n" + DONE,
        why=UNKNOWN,
    ),
)

CASES: tuple[Document, ...] = (*_LINE_ENDS, *_NO_LINE_ENDS, *_DATA_LINES, *_SPACES)
