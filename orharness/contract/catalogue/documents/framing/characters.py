"""framing: byte order marks, UTF-8, and the end of the stream."""

from __future__ import annotations

from orharness.contract.catalogue.documents.framing.making import (
    BOM,
    DONE,
    HELLO,
    MARK,
    UTF_8,
    rule,
)
from orharness.contract.catalogue.documents.words import (
    LAUNCHDARKLY,
    WPT,
    Document,
    may_fail,
)

_BOMS = (
    rule(
        "bom",
        "A byte order mark in front of the stream is passed over.",
        MARK + "data: <A>\n\ndata: <B>\n\n" + DONE,
        why=BOM,
        source=f"{WPT}/format-bom.any.js",
    ),
    rule(
        "bom-before-event",
        "A byte order mark in front of an `event` line.",
        MARK + "event: message\nid: abc\ndata: <A>\n\ndata: <B>\n\n" + DONE,
        why=BOM,
        source=f"{LAUNCHDARKLY}/tests_bom.go",
    ),
    rule(
        "bom-before-comment",
        "A byte order mark in front of a comment.",
        MARK + ": comment\ndata: <A>\n\ndata: <B>\n\n" + DONE,
        why=BOM,
        source=f"{LAUNCHDARKLY}/tests_bom.go",
    ),
    rule(
        "bom-before-blank-line",
        "A byte order mark in front of an empty line.",
        MARK + "\ndata: <A>\n\ndata: <B>\n\n" + DONE,
        why=BOM,
    ),
    rule(
        "bom-several-data-lines",
        "A byte order mark in front of an event of two data lines.",
        MARK + "data: <A1>\r\ndata: <A2>\r\n\r\ndata: <B>\r\n\r\n" + DONE,
        why=BOM,
        source=f"{LAUNCHDARKLY}/tests_bom.go",
    ),
    rule(
        "bom-twice",
        "Of two byte order marks in front, the second one belongs to the first line, which nobody knows then.",
        MARK + MARK + "data: <X>\n\ndata: <A>\n\ndata: <B>\n\n" + DONE,
        why="more than one byte order mark is taken away",
        source=f"{WPT}/format-bom-2.any.js",
    ),
    rule(
        "bom-later",
        "A byte order mark in front of a later line belongs to that line, which nobody knows then.",
        "data: <A>\n\n" + MARK + "data: <X>\n\ndata: <B>\n\n" + DONE,
        why="a byte order mark is taken away inside the stream: it is one only in front of all",
        source=f"{WPT}/format-bom.any.js",
    ),
    rule(
        "bom-inside-text",
        "U+FEFF inside the text belongs to the text.",
        "data: ${text:\ufeffHello}\n\n" + "data: <B>\n\n" + DONE,
        "\ufeffHello world",
        why="a byte order mark is taken away inside the stream: it is one only in front of all",
        source=f"{LAUNCHDARKLY}/tests_bom.go",
    ),
)

_ENCODING = (
    rule(
        "invalid-utf8-in-comment",
        "Bytes that are not UTF-8 in a comment.",
        ": \udcff\udcfe\udcc3(\ndata: <A>\n\n:\udc80\n\ndata: <B>\n\n" + DONE,
        why=UTF_8,
    ),
    rule(
        "invalid-utf8-in-field",
        "Bytes that are not UTF-8 in fields that do not matter.",
        "id: \udcff\nextra: \udce4\udcb8\ndata: <A>\n\n\udcf0\udc9f: x\ndata: <B>\n\n" + DONE,
        why=UTF_8,
    ),
    rule(
        "invalid-utf8-in-text",
        "A byte that is not UTF-8 in the text stands for U+FFFD.",
        "data: <A>\n\ndata: ${text: w\udcffrld|finish:stop}\n\n" + DONE,
        "Hello w\ufffdrld",
        why=UTF_8,
    ),
    rule(
        "cut-character-in-text",
        "The beginning of a character that is not continued stands for one U+FFFD.",
        "data: <A>\n\ndata: ${text: w\udcf0\udc9f\udc99 \udce4\udcb8rld|finish:stop}\n\n" + DONE,
        "Hello w\ufffd \ufffdrld",
        why=UTF_8,
        source="https://encoding.spec.whatwg.org/#utf-8-decoder",
    ),
    rule(
        "overlong-characters-in-text",
        "Overlong forms and surrogates are not UTF-8: each of their bytes stands for U+FFFD.",
        "data: <A>\n\ndata: ${text: w\udcc0\udcafr\udced\udca0\udc80ld|finish:stop}\n\n" + DONE,
        "Hello w\ufffd\ufffdr\ufffd\ufffd\ufffdld",
        why=UTF_8,
        source="https://encoding.spec.whatwg.org/#utf-8-decoder",
    ),
    rule(
        "rare-characters",
        "Characters without a meaning and the last one there is: U+FFFE, U+FFFF, U+10FFFF, U+FFFD itself.",
        "data: ${text:\ufffe\uffff\U0010ffff\ufffd}\n\n",
        "\ufffe\uffff\U0010ffff\ufffd",
        finished=True,
        why="characters outside ASCII are lost or changed",
    ),
    rule(
        "nul-in-values",
        "A NUL in a comment, in an id and in a field nobody knows.",
        ":\0\nextra: \0\nid: \0\ndata: <A>\n\n:\0\n\ndata: <B>\n\n" + DONE,
        why="a NUL ends a text, or the stream: it is a character like any other",
        source=f"{WPT}/format-null-character.any.js",
    ),
)


def _unfinished(name: str, title: str, rest: str) -> Document:
    """There is no ``${end}`` either, so that an error is in order."""
    return rule(
        name,
        title,
        "data: <A>\n\ndata: <B>\n\n" + rest,
        why="what stands after the last empty line is taken for an event: it is thrown away when the stream ends",
        expect=may_fail(HELLO),
        source=f"{WPT}/format-data-before-final-empty-line.any.js",
    )


_ENDS = (
    _unfinished(
        "unfinished-block",
        "The stream ends in a block without its empty line: it is not an event.",
        "data: <X>\n",
    ),
    _unfinished("unfinished-line", "The stream ends inside a line: its block is not an event.", "id: 1\ndata: <X>"),
    _unfinished("unfinished-json", "The stream ends inside an event.", "data: ${text: (not this)|cut:9}"),
)

CASES: tuple[Document, ...] = (*_BOMS, *_ENCODING, *_ENDS)
