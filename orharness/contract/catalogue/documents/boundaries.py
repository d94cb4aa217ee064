"""boundaries: the same bytes, however they are cut. Delivered in lockstep, so that each boundary is real.

With the chunked framing each boundary is one of HTTP chunks and of segments; with ``length`` and ``close`` it is one of
segments alone; and HTTP chunks that come in one segment are written at once. Where a client reads in blocks of a size
of its own, all is sent at once, and what is critical lies across the ends of its blocks.
"""

from __future__ import annotations

from typing import Any

from orharness.contract.catalogue.documents.words import KEEP_ALIVE, LAUNCHDARKLY, PARSER, PARSING_RULES, TEXT, Document

_PART = "a part of an event is given to the JSON parser: it ends at its empty line, not where the bytes read end"
_CRLF = "a CRLF that a boundary cuts is taken for two line ends, or none: the LF that comes next belongs to its CR"
_MANY = "of the events that come in one read some are lost: each of them ends at its own empty line"
_JOINED = "HTTP chunks come joined in one read, and only the first of them is taken: each says its own size"
_OPENAI = "https://github.com/openai/openai-python/blob/main/tests/test_streaming.py"
_BASIC, _LINE_ENDS = f"{LAUNCHDARKLY}/tests_basic_parsing.go", f"{LAUNCHDARKLY}/tests_linefeeds.go"
_CHUNKED = "https://www.rfc-editor.org/rfc/rfc9112#section-7.1"
_PYTHON_READS = "https://docs.python.org/3/library/io.html#io.DEFAULT_BUFFER_SIZE"
_LENGTH = "https://www.rfc-editor.org/rfc/rfc9112#section-6.3"

_COMPACT: list[Document] = [
    {"text": "ü世"},
    {"comment": " ping", "optional": True},
    {"text": "🙂!", "finish": "stop"},
    {"end": True},
]
_SAID = "ü世🙂!"
_A, _B = "${text:ü世}", "${text:🙂!|finish:stop}"
_WITH_BOM = f"\ufeffdata: {_A}\n\ndata: {_B}\n\ndata: ${{end}}\n\n"
_LF_LINES: Document = {"newlines": "\n"}  # as most services write; Gemini ends its lines with CRLF
_CRLF_LINES: Document = {"newlines": "\r\n"}


def _case(name: str, title: str, reply: Document, text: str, source: str = PARSING_RULES, **more: Any) -> Document:
    return {
        "id": f"boundaries/{name}",
        "title": title,
        "source": source,
        "reply": reply,
        "expect": {"text": text},
        "broken_json": _PART,
        **more,
    }


def _answer(name: str, title: str, *through: Any, **more: Any) -> Document:
    """Return an answer as a gateway sends it, with characters of two, three and four bytes."""
    return _case(name, title, {"answer": {"text": TEXT}, "through": list(through)}, TEXT, **more)


def _compact(name: str, title: str, *through: Any, sent: Document | None = None, **more: Any) -> Document:
    """Return the same in as few bytes as can be, with a comment: two events and the end."""
    return _case(name, title, {"events": _COMPACT, "through": list(through), **(sent or {})}, _SAID, **more)


def _bytes(name: str, title: str, raw: str, *chunkings: str, why: str, text: str = _SAID, **more: Any) -> Document:
    """Return what no gateway sends."""
    rest = {"profile": "whatwg", "chunkings": list(chunkings), "cause": why, "broken_json": why, **more}
    return _case(name, title, {"events": [{"raw": raw}]}, text, frame="sse", **rest)


def _letters(letters: list[str]) -> list[Document]:
    return [*({"text": letter} for letter in letters), {"finish": "stop"}, {"end": True}]


_SENT_BY_GATEWAYS = (
    _answer("one-event-a-chunk", "One event in each chunk.", chunkings=["per-event"]),
    _answer("all-in-one-chunk", "All events in one chunk.", chunkings=["whole"], source=_BASIC),
    _answer("byte-by-byte", "Each byte in a chunk of its own.", chunkings=["per-byte"]),
    _answer("two-bytes-a-chunk", "Two bytes in each chunk.", chunkings=["two-bytes"], source=_LINE_ENDS),
    _answer(
        "at-random",
        "Chunks of 1 to 24 bytes by chance.",
        {"optional": {"comments": {"text": KEEP_ALIVE}}},
        chunkings=["at-random"],
    ),
    _answer(
        "inside-a-character",
        "A chunk boundary inside a character of two, three and four bytes.",
        {"split_at": [{"inside_text": character} for character in "ü世🙂"]},
        source=_OPENAI,
    ),
    _answer(
        "inside-a-field-name",
        "A chunk boundary inside `data:`.",
        _LF_LINES,
        {"split_at": [2, {"after_text": "\nda"}, -11]},
        frame="sse",
    ),
    _answer(
        "after-the-colon",
        "A chunk boundary between `data:` and its space.",
        _LF_LINES,
        {"split_at": [5, {"after_text": "\ndata:"}, -9]},
        frame="sse",
    ),
    _answer(
        "between-newlines",
        "A chunk boundary between the two line ends after an event.",
        _LF_LINES,
        {"split_at": [{"after_text": "\n"}, -1]},
        frame="sse",
    ),
    _answer(
        "inside-a-comment",
        "A chunk boundary inside a comment, after its colon and before its line end.",
        {"comments": {"text": KEEP_ALIVE, "before": 1}},
        {"split_at": [1, {"after_text": "PROC"}, {"after_text": "PROCESSING"}]},
    ),
    _answer("inside-the-end-marker", "A chunk boundary inside `${end}`.", {"split_at": [-8, -5, -3]}),
    _answer("crlf-byte-by-byte", "CRLF line ends, each byte alone.", _CRLF_LINES, chunkings=["per-byte"]),
    _answer("crlf-in-two", "A chunk boundary inside each CRLF.", _CRLF_LINES, chunkings=["inside-crlf"], source=PARSER),
    _case(
        "lines-alone",
        "Each line in a chunk of its own, the empty one of an event, too.",
        {
            "events": [
                {"raw": raw}
                for line in (f"data: {_A}", ": PROCESSING", f"data: {_B}", "data: ${end}")
                for raw in (f"{line}\n", "\n")
            ]
        },
        _SAID,
        source=_OPENAI,
        frame="sse",
    ),
    _case(
        "many-in-one-chunk",
        "100 events in one chunk.",
        {"events": _letters([f"{number} " for number in range(100)])},
        "".join(f"{number} " for number in range(100)),
        source=_BASIC,
        chunkings=["whole"],
        cause=_MANY,
    ),
    _case(
        "event-and-a-half",
        "Chunks that end in the middle of an event and begin with the rest of it.",
        {"events": _letters(list("abcdefgh"))},
        "abcdefgh",
        chunkings=["middles"],
        cause=_MANY,
    ),
    _compact("every-offset", "One cut, at every offset.", chunkings=["every-offset"]),
    _compact(
        "every-offset-crlf",
        "One cut, at every offset of a stream with CRLF.",
        _CRLF_LINES,
        chunkings=["every-offset"],
        profile="whatwg",
    ),
    _compact("pairs", "Two cuts where it hurts, one in each of two neighbours.", chunkings=["tender-pairs"]),
    _compact(
        "pairs-crlf",
        "Two cuts where it hurts in a stream with CRLF.",
        _CRLF_LINES,
        chunkings=["tender-pairs", "tender"],
    ),
    _compact(
        "chunks-in-one-segment",
        "HTTP chunks that cut the body, and come joined in one segment.",
        sent={"pacing": "instant"},
        chunkings=["per-event", "tender", "per-byte"],
        source=_CHUNKED,
        cause=_JOINED,
        broken_json=_JOINED,
    ),
    _compact(
        "segments-of-a-length",
        "Segments that cut a body whose length is announced, without HTTP chunks.",
        sent={"framing": "length"},
        chunkings=["per-byte", "tender", "tender-pairs"],
        source=_LENGTH,
    ),
    _compact(
        "segments-until-close",
        "Segments that cut a body that ends with the connection, without HTTP chunks.",
        sent={"framing": "close"},
        chunkings=["per-byte", "tender"],
        source=_LENGTH,
    ),
)

_KIB = 1024
_WHERE = "where a read block ends inside of it, at a multiple of {} KiB"
_CUT = {
    "character": f"a character is lost {_WHERE}: each block is decoded by itself",
    "crlf": f"a CRLF is taken for two line ends, or for none, {_WHERE}",
    "field": f"a line is lost, or read in two, {_WHERE}",
}


def _blocks(size: int, inside: str, title: str, **more: Any) -> Document:
    """Return an answer, all sent at once, whose events lie so that the blocks in which a client reads it end badly."""
    ends = {"size": size * _KIB, "times": 3 if size < 64 else 2}
    sending = {"pacing": "instant"}
    # The control has the same character or line end: a client that fails it wherever it is holds in neither.
    at_the_ends = {"inside": "events"} if inside == "field" else {"inside": "text", "away": inside}
    control = {
        "reply": {"blocks": {**ends, **at_the_ends}, **sending},
        "expect": {"sent": True},
        "cause": _CUT[inside].format(size),
    }
    return {
        "id": f"boundaries/blocks-of-{size}k-inside-a-{inside}",
        "title": title.format(size),
        "source": _PYTHON_READS,
        "reply": {"blocks": {**ends, "inside": inside}, **sending},
        "expect": {"sent": True},
        "control": control,
        "chunkings": ["whole"],
        **more,
    }


_AT_BLOCKS = tuple(
    document
    for size in (8, 16, 64)
    for document in (
        _blocks(size, "character", "A character across the end of a client's own read block of {} KiB."),
        _blocks(size, "crlf", "A CRLF across the end of a client's own read block of {} KiB.", frame="sse"),
        _blocks(size, "field", "A line across the end of a client's own read block of {} KiB.", frame="sse"),
    )
)

_EXOTIC = (
    _case(
        "every-offset-of-2k",
        "One cut, at every offset of a recorded-like stream of 2 KB.",
        {
            "answer": {"text": ["Grü", "ße", ", ", "世", "界 ", "🙂!"]},
            "through": [{"optional": {"comments": {"text": KEEP_ALIVE, "every": 3, "before": 1}}}],
        },
        TEXT,
        profile="whatwg",
        chunkings=["every-offset"],
    ),
    _bytes(
        "every-offset-cr",
        "One cut, at every offset of a stream with CR.",
        f": x\rid: 1\rdata: {_A}\r\rdata: {_B}\r\rdata: ${{end}}\r\r",
        "every-offset",
        why=_CRLF,
    ),
    _bytes(
        "cr-byte-by-byte",
        "CR line ends, each byte alone.",
        f": x\rid: 1\rdata: {_A}\r\rdata: {_B}\r\rdata: ${{end}}\r\r",
        "per-byte",
        "two-bytes",
        source=PARSER,
        why=_CRLF,
    ),
    _bytes(
        "crlf-inside-an-event",
        "One cut, at every offset of an event of two data lines with CRLF: a LF that comes later ends no event.",
        "data: ${text:ü世|first}\r\ndata: ${text:ü世|rest}\r\n\r\n" + f"data: {_B}\r\n\r\ndata: ${{end}}\r\n\r\n",
        "every-offset",
        "per-byte",
        source=PARSER,
        why=_CRLF,
    ),
    _bytes(
        "bom-byte-by-byte",
        "A byte order mark that boundaries cut.",
        _WITH_BOM,
        "per-byte",
        "two-bytes",
        source=f"{LAUNCHDARKLY}/tests_bom.go",
        why="a byte order mark that a boundary cuts is taken for a part of the first line",
    ),
    _bytes(
        "bom-in-front-of-a-chunk",
        "U+FEFF at the beginning of a later chunk is not a byte order mark.",
        _WITH_BOM.replace("世", "世\ufeff"),
        "before-bom",
        text="ü世\ufeff🙂!",
        why="a byte order mark is taken away in front of each chunk: it is one only in front of all",
    ),
)

CASES: tuple[Document, ...] = (*_SENT_BY_GATEWAYS, *_AT_BLOCKS, *_EXOTIC)
