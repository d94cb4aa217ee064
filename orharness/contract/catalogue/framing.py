"""framing: the rules of the event-stream format, each in bytes whose data are the chunks of a chat completion.

Most of these streams are made by no gateway: they belong to the profile WHATWG. Where the data reach a JSON parser, a
rule can be told by its effect only where JSON is not indifferent to it: a space or a line feed between two tokens is
not seen. One event comes in each chunk: how a client joins chunks is another family's business.
"""

from __future__ import annotations

from dataclasses import replace

from orharness.contract.catalogue.case import Case, Profile
from orharness.contract.catalogue.chunkings import PER_EVENT
from orharness.contract.catalogue.making import PARSING_RULES, PLAIN, PLAIN_ANSWER, WHATWG, chunk, fails, stream, yields
from orharness.sse import BOM, encode
from orharness.verdict import Expected

_GRAMMAR = f"{WHATWG}#parsing-an-event-stream"
_WPT = "https://github.com/web-platform-tests/wpt/blob/master/eventsource"
_LAUNCHDARKLY = "https://github.com/launchdarkly/sse-contract-tests/blob/main/ssetests"
_PARSER = "https://github.com/rexxars/eventsource-parser/blob/main/test/parse.test.ts"
_HTTPX_SSE = "https://github.com/florimondmanca/httpx-sse/blob/master/tests/test_event_source.py"
_OPENAI = "https://github.com/openai/openai-python/blob/main/tests/test_streaming.py"

_HELLO = "Hello world"
_A, _X = (chunk({"content": text}).encode() for text in ("Hello", " (not this)"))
_B = chunk({"content": " world"}, "stop").encode()  # an answer without a finish_reason may be taken for cut short
_HALF = _A.index(b'"choices"')
_WORDS = {
    b"<A>": _A,  # adds "Hello"
    b"<A1>": _A[:_HALF],  # its first part, to be continued between two tokens ...
    b"<A2>": _A[_HALF:],  # ... and the rest of it
    b"<B>": _B,  # adds " world"
    b"<X>": _X,  # adds what nobody must yield
}

_SPACE = "it looks for `data: ` with a space; the standard takes one space away if it is there"
_LINES = "an event of several data lines is read line by line: its data are all of them, joined by LF"
_UNKNOWN = "a line that is no data field is taken for data: a field's name is all before the first colon, to the letter"
_CR = "a CR alone is not taken for a line end: CR, LF and CRLF are"
_CRLF = "CRLF is taken for two line ends, or its CR for a part of the line"
_STRANGE = "a field other than data is taken for data, or stumbled over: it is to be read, or passed over"
_BLOCK = "a block without data is taken for an event: it is to be passed over"
_BOM = "a byte order mark in front of the stream is taken for a part of its first line"
_ONLY_LINE_ENDS = (
    "a line is ended at a character that ends none, as str.splitlines does: only CR, LF and CRLF end a line"
)
_BLANKS = "a line of blanks is taken for an empty one, as strip() does: only a line without characters ends an event"
_STRIPPED = "a line is stripped before it is read: blanks in front belong to the name, which nobody knows then"
_UTF_8 = "bytes that are no UTF-8 end the stream: each stands for U+FFFD, and the stream goes on"


def _words(template: bytes) -> bytes:
    for word, data in _WORDS.items():
        template = template.replace(word, data)
    return template


def _rule(
    name: str,
    title: str,
    body: bytes,
    text: str = _HELLO,
    *,
    why: str,
    source: str = PARSING_RULES,
    also: tuple[Expected, ...] = (),
    expected: Expected | None = None,
) -> Case:
    """A rule as a case. The body is as it is sent, but for the words in angle brackets."""
    return Case(
        f"framing/{name}",
        title,
        source,
        stream(_words(body)),
        expected or yields(text),
        also,
        profile=Profile.WHATWG,
        chunkings=(PER_EVENT,),
        cause=why,
        broken_json=why,
    )


_DONE = b"data: [DONE]\n\n"
_FINISHED = b"data: %b\n\n" % chunk({}, "stop").encode() + _DONE
_LONG = [  # each makes a line of that length
    "x" * (size + more - len("data: " + chunk({"content": ""})))
    for size in (1024, 4096, 8192, 16384, 65536)
    for more in (-1, 0, 1)
]

_SENT_BY_GATEWAYS = (
    Case(
        "framing/lf",
        "Lines that end with LF.",
        PARSING_RULES,
        stream(b"".join(map(encode, PLAIN_ANSWER))),
        yields(PLAIN),
        chunkings=(PER_EVENT,),
        plain=True,
    ),
    _rule("crlf", "Lines that end with CRLF.", b"data: <A>\r\n\r\ndata: <B>\r\n\r\ndata: [DONE]\r\n\r\n", why=_CRLF),
    _rule(
        "no-space-after-colon",
        "`data:` without a space behind the colon.",
        b"data:<A>\n\ndata:<B>\n\ndata:[DONE]\n\n",
        why=_SPACE,
    ),
    _rule(
        "crlf-no-space-after-colon",
        "`data:` without a space, and lines that end with CRLF.",
        b"data:<A>\r\n\r\ndata:<B>\r\n\r\ndata:[DONE]\r\n\r\n",
        why=_SPACE,
    ),
    _rule(
        "space-and-none",
        "`data:` with a space in one event and without one in the next: both mean the same.",
        b"data:<A>\n\ndata: <B>\n\n" + _DONE,
        why=_SPACE,
        source=_GRAMMAR,
    ),
    _rule(
        "event-message",
        "`event: message` before the data: what an event is without it.",
        b"event: message\ndata: <A>\n\nevent: message\ndata: <B>\n\n" + _DONE,
        why=_STRANGE,
    ),
    _rule(
        "id",
        "`id` lines before the data.",
        b"id: 1\ndata: <A>\n\nid: 2\ndata: <B>\n\nid: 3\n" + _DONE,
        why=_STRANGE,
        source=f"{_LAUNCHDARKLY}/tests_basic_parsing.go",
    ),
    _rule("retry", "A `retry` line before the data.", b"retry: 3000\ndata: <A>\n\ndata: <B>\n\n" + _DONE, why=_STRANGE),
    _rule(
        "all-fields",
        "`id`, `event` and `retry` lines before the data of each event.",
        b"id: 1\nevent: message\nretry: 3000\ndata: <A>\n\nid: 2\nevent: message\nretry: 3000\ndata: <B>\n\n" + _DONE,
        why=_STRANGE,
    ),
    _rule(
        "fields-behind-data",
        "`id` and `event` lines behind the data of an event.",
        b"data: <A>\nid: 1\nevent: message\n\ndata: <B>\nid: 2\nevent: message\n\n" + _DONE,
        why=_STRANGE,
        source=f"{_LAUNCHDARKLY}/tests_basic_parsing.go",
    ),
    _rule(
        "fields-without-space",
        "`id`, `event` and `data` lines without a space behind the colon.",
        b"id:1\nevent:message\ndata:<A>\n\nid:2\nevent:message\ndata:<B>\n\ndata:[DONE]\n\n",
        why=_SPACE,
        source=f"{_LAUNCHDARKLY}/tests_basic_parsing.go",
    ),
    _rule(
        "fields-crlf",
        "`id` and `event` lines that end with CRLF.",
        b"id: 1\r\nevent: message\r\ndata: <A>\r\n\r\ndata: <B>\r\nid: 2\r\n\r\ndata: [DONE]\r\n\r\n",
        why=_CRLF,
    ),
    _rule(
        "blank-lines-between",
        "Further empty lines between two events.",
        b"data: <A>\n\n\ndata: <B>\n\n\n\n" + _DONE,
        why="an empty line that ends nothing is taken for an event",
        source=f"{_LAUNCHDARKLY}/tests_linefeeds.go",
    ),
    _rule(
        "blank-lines-crlf",
        "Further empty lines that end with CRLF between two events.",
        b"data: <A>\r\n\r\n\r\ndata: <B>\r\n\r\n\r\n\r\ndata: [DONE]\r\n\r\n",
        why=_CRLF,
        source=f"{_LAUNCHDARKLY}/tests_linefeeds.go",
    ),
    _rule(
        "multi-byte",
        "Characters of two, three and four bytes.",
        f"data: {chunk({'content': 'Ünïcode € 豆腐 известни 🥌'})}\n\n".encode() + _FINISHED,
        "Ünïcode € 豆腐 известни 🥌",
        why="characters outside ASCII are lost or changed",
        source=f"{_LAUNCHDARKLY}/tests_basic_parsing.go",
    ),
    _rule(
        "escaped-newlines",
        "Line ends that JSON escapes inside the text: they end no line of the stream.",
        f"data: {chunk({'content': 'one' + chr(10) * 2 + 'two' + chr(13) + chr(10) + 'three'})}\n\n".encode()
        + _FINISHED,
        "one\n\ntwo\r\nthree",
        why="a line end that is escaped in the JSON is taken for one of the stream",
        source=_OPENAI,
    ),
    _rule(
        "text-like-fields",
        "A text that looks like fields of the format.",
        f"data: {chunk({'content': 'data: a: b; id: 1; event: x; : c'})}\n\n".encode() + _FINISHED,
        "data: a: b; id: 1; event: x; : c",
        why="the data are cut at a colon, or at a name inside them: a field's name ends at the first colon of its line",
    ),
    _rule(
        "long-lines",
        "Lines whose length is one below, at and above the sizes of common buffers, up to 64 KiB.",
        b"".join(b"data: %b\n\n" % chunk({"content": text}).encode() for text in _LONG) + _FINISHED,
        "".join(_LONG),
        why="a line that is longer than a buffer is lost or cut",
        source=f"{_LAUNCHDARKLY}/tests_payload_sizes.go",
    ),
)

_LINE_ENDS = (
    _rule("cr", "Lines that end with CR alone.", b"data: <A>\r\rdata: <B>\r\rdata: [DONE]\r\r", why=_CR),
    _rule(
        "cr-several-data-lines",
        "An event of two data lines that end with CR alone.",
        b"data: <A1>\rdata: <A2>\r\rdata: <B>\r\rdata: [DONE]\r\r",
        why=_CR,
        source=f"{_LAUNCHDARKLY}/tests_linefeeds.go",
    ),
    _rule(
        "blank-lines-cr",
        "Further empty lines that end with CR alone.",
        b"data: <A>\r\r\rdata: <B>\r\r\r\rdata: [DONE]\r\r",
        why=_CR,
        source=f"{_LAUNCHDARKLY}/tests_linefeeds.go",
    ),
    _rule(
        "mixed-line-ends",
        "Each event with line ends of another kind.",
        b"data: <A>\r\n\r\ndata: <B>\r\rdata: [DONE]\n\n",
        why=_CR,
        source=_GRAMMAR,
    ),
    _rule(
        "mixed-line-ends-in-an-event",
        "Each line of an event with another line end.",
        b"id: 1\rdata: <A1>\r\nevent: message\ndata: <A2>\r\ndata: \r\r\ndata: <B>\n\r" + _DONE,
        why=_CR,
        source=_GRAMMAR,
    ),
    _rule(
        "lf-cr",
        "A LF and a CR behind it are two line ends: they end an event.",
        b"data: <A>\n\rdata: <B>\n\r" + _DONE,
        why=_CR,
    ),
    _rule(
        "crlf-cr",
        "A CRLF and a CR behind it are two line ends: they end an event.",
        b"data: <A>\r\n\rdata: <B>\r\n\r" + _DONE,
        why=_CR,
        source=f"{_WPT}/format-newlines.any.js",
    ),
    _rule(
        "cr-crlf",
        "A CR and a CRLF behind it are two line ends: they end an event.",
        b"data: <A>\r\r\ndata: <B>\r\r\n" + _DONE,
        why=_CR,
        source=_PARSER,
    ),
    _rule(
        "crlf-is-one-line-end",
        "An event of two data lines that end with CRLF: one CRLF ends a line, and no event.",
        b"data: <A1>\r\ndata: <A2>\r\n\r\ndata: <B>\r\n\r\ndata: [DONE]\r\n\r\n",
        why=_CRLF,
        source=f"{_WPT}/format-newlines.any.js",
    ),
    _rule(
        "leading-blank-lines",
        "Empty lines before the first event.",
        b"\n\n\r\n\ndata: <A>\n\ndata: <B>\n\n" + _DONE,
        why="an empty line that ends nothing is taken for an event",
        source=_PARSER,
    ),
    _rule(
        "many-blank-lines",
        "100 empty lines between two events.",
        b"data: <A>\n\n" + 100 * b"\n" + b"data: <B>\n\n" + _DONE,
        why="an empty line that ends nothing is taken for an event",
    ),
    _rule(
        "line-of-a-space",
        "A line of one space is a field without a meaning, and no empty line: it ends no event.",
        b"data: <A1>\n \ndata: <A2>\n\ndata: <B>\n\n" + _DONE,
        why=_BLANKS,
    ),
    _rule(
        "line-of-a-tab",
        "A line of one tab is a field without a meaning, and no empty line: it ends no event.",
        b"data: <A1>\n\t\ndata: <A2>\n\ndata: <B>\n\n" + _DONE,
        why=_BLANKS,
    ),
)


def _no_line_end(name: str, title: str, character: str, source: str = PARSING_RULES) -> Case:
    """The character in a comment and in a field nobody knows, each time with what looks like data behind it."""
    ignored = f": x{character}data: <X>\nextra: x{character}data: <X>\n".encode()
    body = ignored + b"data: <A>\n\n" + ignored + b"\ndata: <B>\n\n" + _DONE
    return _rule(name, f"{title} ends no line.", body, why=_ONLY_LINE_ENDS, source=source)


_NO_LINE_ENDS = (
    _no_line_end("vertical-tab", "A vertical tab (U+000B)", "\x0b"),
    _no_line_end("form-feed", "A form feed (U+000C)", "\x0c"),
    _no_line_end("file-separator", "A file separator (U+001C)", "\x1c"),
    _no_line_end("group-separator", "A group separator (U+001D)", "\x1d"),
    _no_line_end("record-separator", "A record separator (U+001E)", "\x1e"),
    _no_line_end("next-line", "A next line (U+0085)", "\x85"),
    _no_line_end("line-separator", "A line separator (U+2028)", "\u2028", _HTTPX_SSE),
    _no_line_end("paragraph-separator", "A paragraph separator (U+2029)", "\u2029", _OPENAI),
    _no_line_end("escaped-line-end", "A backslash with an n behind it", "\\n"),
    _no_line_end("nul-character", "A NUL (U+0000)", "\0", f"{_WPT}/format-null-character.any.js"),
)

_DATA_LINES = (
    _rule(
        "two-data-lines",
        "An event of two data lines: they are joined.",
        b"data: <A1>\ndata: <A2>\n\ndata: <B>\n\n" + _DONE,
        why=_LINES,
        source=_OPENAI,
    ),
    _rule(
        "a-line-a-token",
        "An event of many data lines, cut wherever JSON allows a line end.",
        b"".join(b"data: %b\n" % line for line in _A.replace(b",", b",\n").replace(b"{", b"{\n").split(b"\n"))
        + b"\ndata: <B>\n\n"
        + _DONE,
        why=_LINES,
        source=_OPENAI,
    ),
    _rule(
        "spec-example-stock",
        "The standard's first example: an event of three data lines, one of them with a sign.",
        b"data: <A1>\ndata: <A2>\ndata:  \n\ndata: <B>\n\n" + _DONE,
        why=_LINES,
        source=_GRAMMAR,
    ),
    _rule(
        "data-lines-joined-by-lf",
        "Two data lines are joined by a LF: a JSON string that is cut by it is none.",
        _words(b"data: <A>\n\ndata: <X>\n\n").replace(b" (not", b" (\ndata: not") + _DONE,
        why="the data lines of an event are joined by nothing: a LF stands between them",
        expected=fails("Hello"),
        also=(yields("Hello"), yields("Hello (\nnot this)")),  # passed over, or read by a parser that allows it
        source=_GRAMMAR,
    ),
    _rule(
        "lines-without-an-empty-one",
        "Two whole chunks on two lines of one event: together they are no JSON.",
        b"data: <A>\n\ndata: <X>\ndata: <X>\n\n" + _DONE,
        why="each data line is taken for an event: an event ends at its empty line",
        expected=fails("Hello"),
        also=(yields("Hello"),),  # passed over
    ),
    _rule(
        "data-line-empty-at-the-start",
        "An empty data line before the others of an event.",
        b"data:\ndata: <A>\n\ndata:\ndata: <B>\n\n" + _DONE,
        why=_LINES,
        source=f"{_LAUNCHDARKLY}/tests_linefeeds.go",
    ),
    _rule(
        "data-line-empty-in-the-middle",
        "Empty data lines between the others of an event, with and without a space.",
        b"data: <A1>\ndata: \ndata:\ndata: <A2>\n\ndata: <B>\n\n" + _DONE,
        why=_LINES,
        source=_OPENAI,
    ),
    _rule(
        "data-line-empty-at-the-end",
        "An empty data line behind the others of an event.",
        b"data: <A>\ndata:\n\ndata: <B>\ndata: \n\n" + _DONE,
        why=_LINES,
        source=f"{_WPT}/format-leading-space.any.js",
    ),
    _rule(
        "data-without-colon",
        "A line `data` without a colon is an empty data line.",
        b"data\ndata: <A>\n\ndata: <B>\ndata\n\n" + _DONE,
        why=_LINES,
        source=f"{_WPT}/format-field-data.any.js",
    ),
    _rule(
        "data-lines-apart",
        "Other fields between the data lines of an event.",
        b"data: <A1>\nid: 1\nextra: x\nevent: message\nretry: 3000\ndata: <A2>\n\ndata: <B>\n\n" + _DONE,
        why=_LINES,
    ),
    _rule(
        "empty-data",
        "An event whose data are empty: what is no JSON may be passed over, or be an error.",
        b"data: <A>\n\ndata:\n\ndata: <B>\n\n" + _DONE,
        why="an event without text ends the answer, and nobody is told",
        also=(fails("Hello"),),
        source=f"{_WPT}/format-field-data.any.js",
    ),
    _rule(
        "spec-example-empty-data",
        "The standard's third example: `data` alone, twice, and once more without an empty line behind it.",
        b"data: <A>\n\ndata\n\ndata\ndata\n\ndata: <B>\n\n" + _DONE + b"data:\n",
        why="an event without text ends the answer, and nobody is told",
        also=(fails("Hello"),),
        source=_GRAMMAR,
    ),
)

_SPACES = (
    _rule(
        "two-spaces",
        "Two spaces behind the colon: one is taken away, and JSON does not mind the other.",
        b"data:  <A>\n\ndata:  <B>\n\n" + _DONE,
        why=_SPACE,
        source=f"{_LAUNCHDARKLY}/tests_basic_parsing.go",
    ),
    _rule(
        "tab-behind-colon",
        "A tab behind the colon belongs to the data, and JSON does not mind it.",
        b"data:\t<A>\n\ndata: \t<B>\n\n" + _DONE,
        why=_SPACE,
        source=f"{_WPT}/format-leading-space.any.js",
    ),
    _rule(
        "trailing-blanks",
        "Blanks at the end of a line belong to the data, and JSON does not mind them.",
        b"data: <A> \n\ndata: <B>\t \n\n" + _DONE,
        why="blanks behind the data are stumbled over",
    ),
    _rule(
        "space-before-the-name",
        "A space before `data`: the field's name is another one, and the line is passed over.",
        b" data: <X>\ndata: <A>\n\n data: <X>\n\ndata: <B>\n\n" + _DONE,
        why=_STRIPPED,
        source=f"{_WPT}/format-field-unknown.any.js",
    ),
    _rule(
        "tab-before-the-name",
        "A tab before `data`: the field's name is another one, and the line is passed over.",
        b"\tdata: <X>\ndata: <A>\n\n\tdata: <X>\n\ndata: <B>\n\n" + _DONE,
        why=_STRIPPED,
    ),
    _rule(
        "space-before-the-colon",
        "A space before the colon: the field's name is another one, and the line is passed over.",
        b"data : <X>\ndata: <A>\n\ndata : <X>\n\ndata: <B>\n\n" + _DONE,
        why=_UNKNOWN,
    ),
)

_NAMES = (
    _rule(
        "names-in-another-case",
        "`Data` and `DATA` are fields that nobody knows.",
        b"Data: <X>\ndata: <A>\nDATA: <X>\n\nData: <X>\n\ndata: <B>\n\n" + _DONE,
        why="names of fields are compared without regard to case",
        source=f"{_WPT}/format-field-parsing.any.js",
    ),
    _rule(
        "names-that-begin-alike",
        "`datax`, `data_x`, `data-x` and `database` are fields that nobody knows.",
        b"datax: <X>\ndata_x: <X>\ndata: <A>\n\ndata-x: <X>\n\ndatabase: <X>\ndata: <B>\n\n" + _DONE,
        why=_UNKNOWN,
        source=_PARSER,
    ),
    _rule(
        "names-that-end-alike",
        "`xdata`, `meta-data` and `dat` are fields that nobody knows.",
        b"xdata: <X>\nmeta-data: <X>\ndata: <A>\n\ndat: <X>\n\nda-ta: <X>\ndata: <B>\n\n" + _DONE,
        why=_UNKNOWN,
        source=f"{_WPT}/format-field-parsing.any.js",
    ),
    _rule(
        "name-with-nul",
        "A NUL in a field's name makes it another one.",
        b"data\0: <X>\ndata: <A>\n\n\0data: <X>\n\ndata: <B>\n\n" + _DONE,
        why="a NUL is taken out of a line before it is read",
        source=f"{_WPT}/format-field-parsing.any.js",
    ),
    _rule(
        "unknown-field",
        "Fields that nobody knows beside the data.",
        b"color: blue\ndata: <A>\nfoo:bar\n\nchannel: final\ndata: <B>\n\n" + _DONE,
        why=_UNKNOWN,
        source=f"{_LAUNCHDARKLY}/tests_basic_parsing.go",
    ),
    _rule(
        "unknown-field-with-json",
        "Fields that nobody knows whose value is a whole chunk.",
        b"message: <X>\ndata: <A>\n\ndelta: <X>\n\ncontent: <X>\ndata: <B>\n\n" + _DONE,
        why="the value of any field is taken for data",
    ),
    _rule(
        "unknown-line",
        "A line of text without a colon is a field that nobody knows.",
        b"just some text\ndata: <A>\n\nfoo\n\nbar\ndata: <B>\n\n" + _DONE,
        why=_UNKNOWN,
        source=f"{_WPT}/format-field-unknown.any.js",
    ),
    _rule(
        "bare-json-line",
        "A whole chunk on a line of its own is a field that nobody knows.",
        b"<X>\ndata: <A>\n\n<X>\n\ndata: <B>\n\n" + _DONE,
        why="a line without `data:` is given to the JSON parser",
        source=_PARSER,
    ),
    _rule(
        "bare-done-line",
        "`[DONE]` on a line of its own is a field that nobody knows: it ends nothing.",
        b"data: <A>\n\n[DONE]\n\nextra: [DONE]\ndata: <B>\n\n" + _DONE,
        why="[DONE] is looked for in lines that are no data",
    ),
    _rule(
        "empty-name",
        "A line that begins with a colon has no name and is a comment, also inside an event.",
        b"data: <A>\n:<X>\n\n:\ndata: <B>\n\n" + _DONE,
        why="a comment line (it begins with a colon) is given to the JSON parser",
    ),
    _rule(
        "colons-in-values",
        "A value begins behind the first colon and has the others.",
        b"id: a:b:c\ndata: <A>\n\nextra: data: <X>\nid::\ndata: <B>\n\n" + _DONE,
        why="a line is cut at another colon than its first",
    ),
    _rule(
        "many-names-at-once",
        "Known, unknown and broken names in one event, with line ends of each kind.",
        b"data: <A1>\rData: <X>\ndata\0: <X>\ndata: <A2>\r\nda-ta: <X>\rdata_5\n"
        b"data\rdata:\r\n data: <X>\ndata:  \n\ndata: <B>\n\n" + _DONE,
        why=_UNKNOWN,
        source=f"{_WPT}/format-field-parsing.any.js",
    ),
    _rule(
        "unknown-between-data-lines",
        "Lines that nobody knows between the data lines of an event.",
        b"data: <A1>\n data\ndata\nfoobar:xxx\njustsometext\n:a comment\ndata: <A2>\n\ndata: <B>\n\n" + _DONE,
        why=_UNKNOWN,
        source=f"{_WPT}/format-field-unknown.any.js",
    ),
)

_IDS = (
    _rule(
        "spec-example-ids",
        "The standard's second example: a comment, an id, an id that is taken back, and two spaces.",
        b": test stream\n\ndata: <A1>\ndata: <A2>\nid: 1\n\ndata: \ndata:  <B>\nid\n\n" + _DONE,
        why=_STRANGE,
        source=_GRAMMAR,
    ),
    _rule(
        "id-with-nul",
        "An id with a NUL in it is passed over, and its event is not.",
        b"id: a\0b\ndata: <A>\n\ndata: <B>\nid: 12\0\n\n" + _DONE,
        why=_STRANGE,
        source=f"{_WPT}/format-field-id-null.window.js",
    ),
    _rule(
        "id-empty",
        "An empty id, with a colon and without.",
        b"id: 1\ndata: <A>\n\nid:\ndata: <B>\n\nid\n" + _DONE,
        why=_STRANGE,
        source=f"{_WPT}/format-field-id-2.any.js",
    ),
    _rule(
        "id-alone",
        "A block of nothing but an id.",
        b"id: 42\n\ndata: <A>\n\nid: 43\n\ndata: <B>\n\n" + _DONE,
        why=_BLOCK,
        source=_PARSER,
    ),
    _rule(
        "id-not-ascii",
        "An id of characters outside ASCII, and one that is very long.",
        "id: …豆腐\n".encode() + b"data: <A>\n\nid: " + 10_000 * b"9" + b"\ndata: <B>\n\n" + _DONE,
        why=_STRANGE,
        source=f"{_WPT}/format-field-id.any.js",
    ),
    _rule(
        "id-twice",
        "Two ids in one event.",
        b"id: 1\nid: 2\ndata: <A>\nid: 3\n\ndata: <B>\n\n" + _DONE,
        why=_STRANGE,
    ),
)

_TYPES = (
    _rule(
        "event-empty",
        "An empty `event` field, with a colon and without: the event is a message.",
        b"event:\ndata: <A>\n\nevent\ndata: <B>\n\n" + _DONE,
        why=_STRANGE,
        source=f"{_WPT}/format-field-event-empty.any.js",
    ),
    _rule(
        "event-alone",
        "A block of nothing but an event's name is no event.",
        b"event: ping\n\ndata: <A>\n\nevent: ping\n\nevent:\n\ndata: <B>\n\n" + _DONE,
        why=_BLOCK,
        source=_OPENAI,
    ),
    _rule(
        "event-named-done",
        "A block of nothing but `event: done` is no event, and does not end the answer.",
        b"data: <A>\n\nevent: done\n\ndata: <B>\n\n" + _DONE,
        why=_BLOCK,
    ),
    _rule(
        "event-forgotten",
        "The name of a block without data does not go over to the next event.",
        b"event: error\n\ndata: <A>\n\nevent: ping\n\ndata: <B>\n\n" + _DONE,
        why="the name of an event goes over to the next one: an empty line forgets it",
    ),
    _rule(
        "event-twice",
        "Of two names of one event the last one counts.",
        b"event: ping\nevent: message\ndata: <A>\n\nevent: ping\ndata: <B>\nevent: message\n\n" + _DONE,
        why="the first of two names of an event counts: the last one does",
    ),
    _rule(
        "event-named",
        "Chunks in events with a name of their own: a client may take them, or pass over what it does not know.",
        b"event: chunk\ndata: <B>\n\ndata: <A>\n\n" + _DONE,
        " worldHello",
        why=_STRANGE,
        also=(yields("Hello"),),
        source=f"{_WPT}/format-field-event.any.js",
    ),
    _rule(
        "event-named-not-carried-over",
        "The event behind one with a name is a message again.",
        b"event: message\ndata: <A>\n\ndata: <B>\n\nevent: message\n" + _DONE,
        why="the name of an event goes over to the next one: an empty line forgets it",
        source=f"{_WPT}/format-field-event.any.js",
    ),
)


def _retry(name: str, title: str, *values: str, source: str = PARSING_RULES) -> Case:
    """Each of the values before the data of an event, and behind those of the next."""
    lines = b"".join(f"retry{value}\n".encode() for value in values)
    body = lines + b"data: <A>\n\ndata: <B>\n" + lines + b"\n" + _DONE
    return _rule(
        name, title, body, why="a retry field is stumbled over: what is no number is passed over", source=source
    )


_RETRIES = (
    _rule(
        "retry-alone",
        "A block of nothing but a `retry`.",
        b"retry: 10000\n\ndata: <A>\n\nretry: 1\n\ndata: <B>\n\n" + _DONE,
        why=_BLOCK,
        source=_HTTPX_SSE,
    ),
    _retry("retry-empty", "An empty `retry`, with a colon and without.", ":", "", ": ", source=_PARSER),
    _retry(
        "retry-not-a-number",
        "A `retry` that is no number is passed over.",
        ": 1000x",
        ": soon",
        ": 0x10",
        ": 1 000",
        source=f"{_WPT}/format-field-retry-bogus.any.js",
    ),
    _retry("retry-signed", "A `retry` with a sign or a point is no number.", ": -5", ": +5", ": 1.5", ": 1e3"),
    _retry("retry-other-digits", "A `retry` of digits outside ASCII is no number.", ": ١٢", ": ²", ": 1２"),
    _retry("retry-huge", "A `retry` of 5,000 digits.", ": " + "9" * 5_000),
    _retry("retry-zeros", "A `retry` of zeros.", ": 0", ": 000", ": 0001"),
)

_BOMS = (
    _rule(
        "bom",
        "A byte order mark in front of the stream is passed over.",
        BOM + b"data: <A>\n\ndata: <B>\n\n" + _DONE,
        why=_BOM,
        source=f"{_WPT}/format-bom.any.js",
    ),
    _rule(
        "bom-before-event",
        "A byte order mark in front of an `event` line.",
        BOM + b"event: message\nid: abc\ndata: <A>\n\ndata: <B>\n\n" + _DONE,
        why=_BOM,
        source=f"{_LAUNCHDARKLY}/tests_bom.go",
    ),
    _rule(
        "bom-before-comment",
        "A byte order mark in front of a comment.",
        BOM + b": comment\ndata: <A>\n\ndata: <B>\n\n" + _DONE,
        why=_BOM,
        source=f"{_LAUNCHDARKLY}/tests_bom.go",
    ),
    _rule(
        "bom-before-blank-line",
        "A byte order mark in front of an empty line.",
        BOM + b"\ndata: <A>\n\ndata: <B>\n\n" + _DONE,
        why=_BOM,
    ),
    _rule(
        "bom-several-data-lines",
        "A byte order mark in front of an event of two data lines.",
        BOM + b"data: <A1>\r\ndata: <A2>\r\n\r\ndata: <B>\r\n\r\n" + _DONE,
        why=_BOM,
        source=f"{_LAUNCHDARKLY}/tests_bom.go",
    ),
    _rule(
        "bom-twice",
        "Of two byte order marks in front, the second one belongs to the first line, which nobody knows then.",
        BOM + BOM + b"data: <X>\n\ndata: <A>\n\ndata: <B>\n\n" + _DONE,
        why="more than one byte order mark is taken away",
        source=f"{_WPT}/format-bom-2.any.js",
    ),
    _rule(
        "bom-later",
        "A byte order mark in front of a later line belongs to that line, which nobody knows then.",
        b"data: <A>\n\n" + BOM + b"data: <X>\n\ndata: <B>\n\n" + _DONE,
        why="a byte order mark is taken away inside the stream: it is one only in front of all",
        source=f"{_WPT}/format-bom.any.js",
    ),
    _rule(
        "bom-inside-text",
        "U+FEFF inside the text belongs to the text.",
        f"data: {chunk({'content': chr(0xFEFF) + 'Hello'})}\n\n".encode() + b"data: <B>\n\n" + _DONE,
        "\ufeffHello world",
        why="a byte order mark is taken away inside the stream: it is one only in front of all",
        source=f"{_LAUNCHDARKLY}/tests_bom.go",
    ),
)

_ENCODING = (
    _rule(
        "invalid-utf8-in-comment",
        "Bytes that are no UTF-8 in a comment.",
        b": \xff\xfe\xc3(\ndata: <A>\n\n:\x80\n\ndata: <B>\n\n" + _DONE,
        why=_UTF_8,
    ),
    _rule(
        "invalid-utf8-in-field",
        "Bytes that are no UTF-8 in fields that do not matter.",
        b"id: \xff\nextra: \xe4\xb8\ndata: <A>\n\n\xf0\x9f: x\ndata: <B>\n\n" + _DONE,
        why=_UTF_8,
    ),
    _rule(
        "invalid-utf8-in-text",
        "A byte that is no UTF-8 in the text stands for U+FFFD.",
        _words(b"data: <A>\n\ndata: <B>\n\n").replace(b"world", b"w\xffrld") + _DONE,
        "Hello w\ufffdrld",
        why=_UTF_8,
    ),
    _rule(
        "cut-character-in-text",
        "The beginning of a character that is not continued stands for one U+FFFD.",
        _words(b"data: <A>\n\ndata: <B>\n\n").replace(b"world", b"w\xf0\x9f\x99 \xe4\xb8rld") + _DONE,
        "Hello w\ufffd \ufffdrld",
        why=_UTF_8,
        source="https://encoding.spec.whatwg.org/#utf-8-decoder",
    ),
    _rule(
        "overlong-characters-in-text",
        "Overlong forms and surrogates are no UTF-8: each of their bytes stands for U+FFFD.",
        _words(b"data: <A>\n\ndata: <B>\n\n").replace(b"world", b"w\xc0\xafr\xed\xa0\x80ld") + _DONE,
        "Hello w\ufffd\ufffdr\ufffd\ufffd\ufffdld",
        why=_UTF_8,
        source="https://encoding.spec.whatwg.org/#utf-8-decoder",
    ),
    _rule(
        "rare-characters",
        "Characters without a meaning and the last one there is: U+FFFE, U+FFFF, U+10FFFF, U+FFFD itself.",
        f"data: {chunk({'content': chr(0xFFFE) + chr(0xFFFF) + chr(0x10FFFF) + chr(0xFFFD)})}\n\n".encode() + _FINISHED,
        "\ufffe\uffff\U0010ffff\ufffd",
        why="characters outside ASCII are lost or changed",
    ),
    _rule(
        "nul-in-values",
        "A NUL in a comment, in an id and in a field nobody knows.",
        b":\0\nextra: \0\nid: \0\ndata: <A>\n\n:\0\n\ndata: <B>\n\n" + _DONE,
        why="a NUL ends a text, or the stream: it is a character like any other",
        source=f"{_WPT}/format-null-character.any.js",
    ),
)


def _unfinished(name: str, title: str, rest: bytes) -> Case:
    """There is no ``[DONE]`` either, so that an error is in order."""
    return _rule(
        name,
        title,
        b"data: <A>\n\ndata: <B>\n\n" + rest,
        why="what stands behind the last empty line is taken for an event: it is thrown away when the stream ends",
        expected=Expected(_HELLO, error=None),
        source=f"{_WPT}/format-data-before-final-empty-line.any.js",
    )


_ENDS = (
    _unfinished(
        "unfinished-block", "The stream ends in a block without its empty line: it is no event.", b"data: <X>\n"
    ),
    _unfinished("unfinished-line", "The stream ends inside a line: its block is no event.", b"id: 1\ndata: <X>"),
    _unfinished("unfinished-json", "The stream ends inside an event.", b"data: " + _X[:-9]),
)

CASES: tuple[Case, ...] = (
    *(replace(case, profile=Profile.GATEWAY) for case in _SENT_BY_GATEWAYS),
    *_LINE_ENDS,
    *_NO_LINE_ENDS,
    *_DATA_LINES,
    *_SPACES,
    *_NAMES,
    *_IDS,
    *_TYPES,
    *_RETRIES,
    *_BOMS,
    *_ENCODING,
    *_ENDS,
)
