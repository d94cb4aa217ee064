"""chat: the text itself, how the JSON around it is written, and how long it is."""

from __future__ import annotations

import json
from typing import Any

from orharness.dialects.chat.cases.making import (
    CHAT,
    PARSING_RULES,
    Document,
    case,
    delta,
    event,
    finish,
    said,
    stream,
    yields,
)
from orharness.dialects.chat.parts import HEAD, chunk

JSON = "https://www.rfc-editor.org/rfc/rfc8259#section-7"
_SEPARATORS = "one\u2028two\u0085three\u2029four"
_SPLIT_LINES = (
    "a line is ended at U+2028, U+2029 or U+0085, as str.splitlines, httpx's iter_lines and aiter_lines do:"
    " only CR, LF and CRLF end a line"
)
_TRIMMED = "blanks at the ends of a token are cut off: they are part of the text"
_BIG = "x" * 1024 * 1024
_MANY = [f"{number} " for number in range(10_000)]


def _raw(content: str) -> Document:
    """Return a chunk whose content is this JSON string, exactly as written."""
    return event(chunk({"content": "?"}).replace('"?"', f'"{content}"'))


def _document(content: str) -> dict[str, Any]:
    return {
        "object": "chat.completion.chunk",
        "choices": [{"delta": {"content": content, "role": "assistant"}, "index": 0, "finish_reason": None}],
        **HEAD,
    }


def _spaced(content: str) -> Document:
    return event(json.dumps(_document(content), separators=(" , ", " : ")))


def _over_lines(content: str) -> Document:
    """Return an event in which each line of the indented JSON is a data line."""
    return event(json.dumps(_document(content), indent=1))


CASES: tuple[Document, ...] = (
    # -- the text itself
    case(
        "leading-spaces",
        "Tokens that begin and end with blanks, the first and the last one too.",
        CHAT,
        said(delta("  Hello"), delta(" big "), delta(" world  ")),
        yields("  Hello big  world  "),
        cause=_TRIMMED,
    ),
    case(
        "blank-tokens",
        "Tokens of nothing but blanks and line ends.",
        CHAT,
        said(delta("\n"), delta("Hello"), delta(" "), delta("\t"), delta("\n\n"), delta("world"), delta("\n")),
        yields("\nHello \t\n\nworld\n"),
        cause=_TRIMMED,
    ),
    case(
        "repeated-tokens",
        "The same chunk again and again, to the byte.",
        CHAT,
        said(*[{"role": "assistant", "content": "ha"}] * 5),
        yields("ha" * 5),
    ),
    case(
        "falsy-texts",
        "Tokens that look like nothing: 0, null, false, undefined, None.",
        CHAT,
        said(*map(delta, ("0", " null", " false", " undefined", " None"))),
        yields("0 null false undefined None"),
    ),
    case(
        "text-like-a-stream",
        "Text that looks like the lines of an event stream.",
        CHAT,
        said(*map(delta, ("data: x", "\n\n", ": y", "\n", "event: error", "\r\n", 'data: {"error": 1}'))),
        yields('data: x\n\n: y\nevent: error\r\ndata: {"error": 1}'),
        chunkings=["as-sent", "per-byte"],
    ),
    case(
        "escapes",
        "Every escape that JSON knows.",
        JSON,
        said(_raw(r"\" \\ \/ \b \f \n \r \t \u00fc")),
        yields('" \\ / \b \f \n \r \t ü'),
    ),
    case(
        "escaped-surrogates",
        "A character beyond U+FFFF, escaped as a pair of surrogates.",
        JSON,
        said(_raw(r"smile \ud83d\ude42"), delta("!")),
        yields("smile 🙂!"),
        chunkings=["as-sent", "per-byte"],
    ),
    case(
        "escaped-nul",
        "U+0000, escaped.",
        JSON,
        said(_raw(r"a\u0000b"), delta("c")),
        yields("a\0bc"),
    ),
    case(
        "escaped-separators",
        "U+2028 and the control characters that Python takes for line ends, escaped.",
        JSON,
        said(_raw(r"a\u2028b\u000bc\u000cd\u001ce\u0085f")),
        yields("a\u2028b\vc\fd\x1ce\x85f"),
        broken_json=_SPLIT_LINES,
    ),
    case(
        "unicode-line-separators",
        "U+2028, U+2029 and U+0085 inside the data: they end no line.",
        PARSING_RULES,
        stream(delta(_SEPARATORS), finish(), "[DONE]"),
        yields(_SEPARATORS),
        broken_json=_SPLIT_LINES,
    ),
    case(
        "byte-order-mark-in-the-text",
        "U+FEFF inside the text, and at the start of a token: it is a character like any other.",
        PARSING_RULES,
        said(delta("a\ufeffb"), delta("\ufeffc")),
        yields("a\ufeffb\ufeffc"),
    ),
    case(
        "joined-characters",
        "Characters that are put together over several tokens: a family, a flag, an accent.",
        CHAT,
        said(*map(delta, ("👨", "\u200d", "👩", "🇨", "🇭", "e", "\u0301"))),
        yields("👨\u200d👩🇨🇭e\u0301"),
        chunkings=["as-sent", "per-byte"],
    ),
    # -- how the JSON is written, and how much of it there is
    case(
        "spaced-json",
        "JSON with blanks between its tokens, and its keys in another order.",
        JSON,
        stream(*map(_spaced, ("Hello", " world")), finish(), "[DONE]"),
        yields("Hello world"),
    ),
    case(
        "json-over-several-lines",
        "JSON over several data lines: they are one event.",
        PARSING_RULES,
        stream(*map(_over_lines, ("Hello", " world")), finish(), "[DONE]"),
        yields("Hello world"),
        profile="whatwg",
        broken_json="each data line is given to the JSON parser: those of one event belong together, line ends between",
    ),
    case(
        "long-event",
        "One event of 1 MiB.",
        PARSING_RULES,
        said({"text": "Hello "}, {"text": _BIG}, {"text": " world"}),
        yields(f"Hello {_BIG} world"),
        patience=10,
        broken_json="a line is cut where a buffer ends: a line has no greatest length",
        cause="a line is cut or thrown away where a buffer ends: a line has no greatest length",
    ),
    case(
        "many-events",
        "10,000 small events.",
        CHAT,
        stream(*({"text": text} for text in _MANY), finish(), "[DONE]", through=[{"coalesce": 100}]),
        yields("".join(_MANY)),
        patience=10,
    ),
)
