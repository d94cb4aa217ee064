"""What the documents of the family framing are made with: one rule of the format, and the causes of its fails."""

from __future__ import annotations

from orharness.contract.catalogue.documents.words import (
    PARSING_RULES,
    WHATWG,
    Document,
)

GRAMMAR = f"{WHATWG}#parsing-an-event-stream"
HTTPX_SSE = "https://github.com/florimondmanca/httpx-sse/blob/master/tests/test_event_source.py"
OPENAI = "https://github.com/openai/openai-python/blob/main/tests/test_streaming.py"
HELLO = "Hello world"
MARK = "\ufeff"  # the byte order mark
DONE = "data: ${end}\n\n"
_WORDS = {
    "<A>": "${text:Hello}",  # adds "Hello"
    "<A0>": "${text:Hello|role:assistant}",  # the same where it may be the first that a client reads
    "<A1>": "${text:Hello|first}",  # its first part, to be continued between two tokens ...
    "<A2>": "${text:Hello|rest}",  # ... and the rest of it
    "<B>": "${text: world|finish:stop}",  # adds " world": an answer without a reason may be taken for cut short
    "<X>": "${text: (not this)}",  # adds what nobody must yield
}

SPACE = "it looks for `data: ` with a space; the standard takes one space away if it is there"
LINES = "an event of several data lines is read line by line: its data are all of them, joined by LF"
UNKNOWN = "a line that is not a data field is taken for one: a field's name is all that is before the first colon"
CR = "a CR alone is not taken for a line end: CR, LF and CRLF are"
CRLF = "CRLF is taken for two line ends, or its CR for a part of the line"
STRANGE = "a field other than data is taken for data, or stumbled over: it is to be read, or passed over"
BLOCK = "a block without data is taken for an event: it is to be passed over"
BOM = "a byte order mark in front of the stream is taken for a part of its first line"
ONLY_LINE_ENDS = (
    "a line is ended at a character that ends none, as str.splitlines does: only CR, LF and CRLF end a line"
)
BLANKS = "a line of blanks is taken for an empty one, as strip() does: only a line without characters ends an event"
STRIPPED = "a line is stripped before it is read: blanks in front belong to the name, which nobody knows then"
UTF_8 = "bytes that are not UTF-8 end the stream: each stands for U+FFFD, and the stream goes on"


def _spelled(raw: str) -> str:
    """Return the bytes with placeholders instead of the words in angle brackets."""
    for word, placeholder in _WORDS.items():
        raw = raw.replace(word, placeholder)
    return raw


def rule(
    name: str,
    title: str,
    raw: str,
    text: str = HELLO,
    *,
    why: str,
    source: str = PARSING_RULES,
    also: tuple[Document, ...] = (),
    expect: Document | None = None,
    finished: bool = False,
) -> Document:
    """Return a rule as a case: ``raw`` is what is sent, but for its placeholders; ``finished``: then finish and end."""
    ending = [{"finish": "stop"}, {"end": True}] if finished else []
    return {
        "id": f"framing/{name}",
        "title": title,
        "source": source,
        "frame": "sse",
        "profile": "whatwg",
        "reply": {"events": [{"raw": _spelled(raw)}, *ending], **({"through": ["cut_at"]} if finished else {})},
        "expect": expect or {"text": text},
        **({"also": list(also)} if also else {}),
        "chunkings": ["per-event"],
        "cause": why,
        "broken_json": why,
    }


DONE = "data: ${end}\n\n"
