"""boundaries: the same bytes, however they are cut. Delivered in lockstep, so that each boundary is real.

With the chunked framing each boundary is one of HTTP chunks and of segments; with ``LENGTH`` and ``CLOSE`` it is one of
segments alone; and HTTP chunks that come in one segment are written at once.
"""

from __future__ import annotations

from typing import Any

from orharness.contract.catalogue.case import Case, Profile
from orharness.contract.catalogue.chunkings import (
    AS_SENT,
    AT_RANDOM,
    BEFORE_BOM,
    EVERY_OFFSET,
    INSIDE_CRLF,
    MIDDLES,
    PER_BYTE,
    PER_EVENT,
    TENDER,
    TENDER_PAIRS,
    TWO_BYTES,
    WHOLE,
    Chunking,
)
from orharness.contract.catalogue.making import (
    KEEP_ALIVE,
    PARSING_RULES,
    TEXT,
    chat,
    chunk,
    delta,
    finish,
    inside,
    stream,
    yields,
)
from orharness.scenario import Piece
from orharness.sse import BOM, Comment, encode
from orharness.stream import Framing
from orharness.transforms import comments, newlines, split_at

_PART = "a part of an event is given to the JSON parser: it ends at its empty line, not where the bytes read end"
_CRLF = "a CRLF that a boundary cuts is taken for two line ends: the LF that comes next belongs to the CR before it"
_MANY = "of the events that come in one read some are lost: each of them ends at its own empty line"
_JOINED = "HTTP chunks come joined in one read, and only the first of them is taken: each says its own size"
_OPENAI = "https://github.com/openai/openai-python/blob/main/tests/test_streaming.py"
_LAUNCHDARKLY = "https://github.com/launchdarkly/sse-contract-tests/blob/main/ssetests"
_BASIC, _LINE_ENDS = "tests_basic_parsing.go", "tests_linefeeds.go"
_CHUNKED = "https://www.rfc-editor.org/rfc/rfc9112#section-7.1"
_LENGTH = "https://www.rfc-editor.org/rfc/rfc9112#section-6.3"
_PARSER = "https://github.com/rexxars/eventsource-parser/blob/main/test/parse.test.ts"

_COMPACT: tuple[Piece, ...] = (delta("ü世"), Comment(" PROCESSING"), chunk({"content": "🙂!"}, "stop"), "[DONE]")
_SAID = "ü世🙂!"
_CHUNK = chunk({"content": "ü世"}).encode()
_NEXT = chunk({"content": "🙂!"}, "stop").encode()
_HALF = _CHUNK.index(b'"choices"')
_TWO_LINES = b"data: %b\r\ndata: %b\r\n\r\n" % (_CHUNK[:_HALF], _CHUNK[_HALF:])
_WITH_CR = b": x\rid: 1\rdata: %b\r\rdata: %b\r\rdata: [DONE]\r\r" % (_CHUNK, _NEXT)
_WITH_BOM = BOM + b"data: %b\n\ndata: %b\n\ndata: [DONE]\n\n" % (_CHUNK, _NEXT)


def _chat(
    name: str, title: str, *through: object, chunkings: tuple[Chunking, ...] = (AS_SENT,), source: str = PARSING_RULES
) -> Case:
    """An answer as a gateway sends it, with characters of two, three and four bytes."""
    reply = chat(TEXT, *through)
    return Case(f"boundaries/{name}", title, source, reply, yields(TEXT), chunkings=chunkings, broken_json=_PART)


def _compact(
    name: str, title: str, *through: object, chunkings: tuple[Chunking, ...], why: str = _PART, **options: Any
) -> Case:
    """The same in as few bytes as can be, with a comment: two events and ``[DONE]``."""
    source = options.pop("source", PARSING_RULES)
    profile, cause = options.pop("profile", Profile.GATEWAY), options.pop("cause", None)
    reply = stream(*_COMPACT, through=through, **options)  # type: ignore[arg-type]
    return Case(
        f"boundaries/{name}",
        title,
        source,
        reply,
        yields(_SAID),
        profile=profile,
        chunkings=chunkings,
        cause=cause,
        broken_json=why,
    )


def _bytes(
    name: str,
    title: str,
    body: bytes,
    *chunkings: Chunking,
    why: str,
    source: str = PARSING_RULES,
    text: str = _SAID,
) -> Case:
    """What no gateway sends."""
    return Case(
        f"boundaries/{name}",
        title,
        source,
        stream(body),
        yields(text),
        profile=Profile.WHATWG,
        chunkings=chunkings,
        cause=why,
        broken_json=why,
    )


_SENT_BY_GATEWAYS = (
    _chat("one-event-a-chunk", "One event in each chunk.", chunkings=(PER_EVENT,)),
    _chat("all-in-one-chunk", "All events in one chunk.", chunkings=(WHOLE,), source=f"{_LAUNCHDARKLY}/{_BASIC}"),
    _chat("byte-by-byte", "Each byte in a chunk of its own.", chunkings=(PER_BYTE,)),
    _chat(
        "two-bytes-a-chunk", "Two bytes in each chunk.", chunkings=(TWO_BYTES,), source=f"{_LAUNCHDARKLY}/{_LINE_ENDS}"
    ),
    _chat("at-random", "Chunks of 1 to 24 bytes by chance.", comments(KEEP_ALIVE), chunkings=(AT_RANDOM,)),
    _chat(
        "inside-a-character",
        "A chunk boundary inside a character of two, three and four bytes.",
        split_at(inside("Gr", 1), inside('"content":" 世', -1), inside("🙂", -2)),
        source=_OPENAI,
    ),
    _chat(
        "inside-a-field-name",
        "A chunk boundary inside `data:`.",
        split_at(2, inside("\n\nda", 0), -11),
    ),
    _chat(
        "behind-the-colon",
        "A chunk boundary between `data:` and its space.",
        split_at(5, inside("\n\ndata:", 0), -9),
    ),
    _chat(
        "between-newlines",
        "A chunk boundary between the two line ends behind an event.",
        split_at(inside("null}]}\n", 0), -1),
    ),
    _chat(
        "inside-a-comment",
        "A chunk boundary inside a comment, behind its colon and before its line end.",
        comments(KEEP_ALIVE, before=1),
        split_at(1, inside("PROC", 0), inside("PROCESSING", 0)),
    ),
    _chat("inside-the-end-marker", "A chunk boundary inside `[DONE]`.", split_at(-8, -5, -3)),
    _chat("crlf-byte-by-byte", "CRLF line ends, each byte alone.", newlines("\r\n"), chunkings=(PER_BYTE,)),
    _chat(
        "crlf-in-two", "A chunk boundary inside each CRLF.", newlines("\r\n"), chunkings=(INSIDE_CRLF,), source=_PARSER
    ),
    Case(
        "boundaries/lines-alone",
        "Each line in a chunk of its own, the empty one of an event, too.",
        _OPENAI,
        stream(*(piece for item in _COMPACT for piece in (encode(item)[:-1], b"\n"))),  # type: ignore[arg-type]
        yields(_SAID),
        broken_json=_PART,
    ),
    Case(
        "boundaries/many-in-one-chunk",
        "100 events in one chunk.",
        f"{_LAUNCHDARKLY}/{_BASIC}",
        stream(*(delta(f"{number} ") for number in range(100)), finish(), "[DONE]"),
        yields("".join(f"{number} " for number in range(100))),
        chunkings=(WHOLE,),
        cause=_MANY,
        broken_json=_PART,
    ),
    Case(
        "boundaries/event-and-a-half",
        "Chunks that end in the middle of an event and begin with the rest of it.",
        PARSING_RULES,
        stream(*(delta(letter) for letter in "abcdefgh"), finish(), "[DONE]"),
        yields("abcdefgh"),
        chunkings=(MIDDLES,),
        cause=_MANY,
        broken_json=_PART,
    ),
    _compact("every-offset", "One cut, at every offset.", chunkings=(EVERY_OFFSET,)),
    _compact(
        "every-offset-crlf",
        "One cut, at every offset of a stream with CRLF.",
        newlines("\r\n"),
        chunkings=(EVERY_OFFSET,),
        profile=Profile.WHATWG,
    ),
    _compact("pairs", "Two cuts where it hurts, one in each of two neighbours.", chunkings=(TENDER_PAIRS,)),
    _compact(
        "pairs-crlf",
        "Two cuts where it hurts in a stream with CRLF.",
        newlines("\r\n"),
        chunkings=(TENDER_PAIRS, TENDER),
    ),
    _compact(
        "chunks-in-one-segment",
        "HTTP chunks that cut the body, and come joined in one segment.",
        pacing="instant",
        chunkings=(PER_EVENT, TENDER, PER_BYTE),
        source=_CHUNKED,
        cause=_JOINED,
        why=_JOINED,
    ),
    _compact(
        "segments-of-a-length",
        "Segments that cut a body whose length is announced, without HTTP chunks.",
        framing=Framing.LENGTH,
        chunkings=(PER_BYTE, TENDER, TENDER_PAIRS),
        source=_LENGTH,
    ),
    _compact(
        "segments-until-close",
        "Segments that cut a body that ends with the connection, without HTTP chunks.",
        framing=Framing.CLOSE,
        chunkings=(PER_BYTE, TENDER),
        source=_LENGTH,
    ),
)

_EXOTIC = (
    Case(
        "boundaries/every-offset-of-2k",
        "One cut, at every offset of a recorded-like stream of 2 KB.",
        PARSING_RULES,
        chat(["Grü", "ße", ", ", "世", "界 ", "🙂!"], comments(KEEP_ALIVE, every=3, before=1)),
        yields(TEXT),
        profile=Profile.WHATWG,
        chunkings=(EVERY_OFFSET,),
        broken_json=_PART,
    ),
    _bytes("every-offset-cr", "One cut, at every offset of a stream with CR.", _WITH_CR, EVERY_OFFSET, why=_CRLF),
    _bytes(
        "cr-byte-by-byte", "CR line ends, each byte alone.", _WITH_CR, PER_BYTE, TWO_BYTES, source=_PARSER, why=_CRLF
    ),
    _bytes(
        "crlf-inside-an-event",
        "One cut, at every offset of an event of two data lines with CRLF: a LF that comes later ends no event.",
        _TWO_LINES + b"data: %b\r\n\r\ndata: [DONE]\r\n\r\n" % _NEXT,
        EVERY_OFFSET,
        PER_BYTE,
        source=_PARSER,
        why=_CRLF,
    ),
    _bytes(
        "bom-byte-by-byte",
        "A byte order mark that boundaries cut.",
        _WITH_BOM,
        PER_BYTE,
        TWO_BYTES,
        source=f"{_LAUNCHDARKLY}/tests_bom.go",
        why="a byte order mark that a boundary cuts is taken for a part of the first line",
    ),
    _bytes(
        "bom-in-front-of-a-chunk",
        "U+FEFF at the beginning of a later chunk is no byte order mark.",
        _WITH_BOM.replace("世".encode(), "世\ufeff".encode()),
        BEFORE_BOM,
        text="ü世\ufeff🙂!",
        why="a byte order mark is taken away in front of each chunk: it is one only in front of all",
    ),
)

CASES: tuple[Case, ...] = (*_SENT_BY_GATEWAYS, *_EXOTIC)
