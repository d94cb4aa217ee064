"""framing: what gateways send."""

from __future__ import annotations

from orharness.contract.catalogue.documents.framing.making import (
    BLOCK,
    CRLF,
    DONE,
    GRAMMAR,
    OPENAI,
    SPACE,
    STRANGE,
    rule,
)
from orharness.contract.catalogue.documents.words import (
    LAUNCHDARKLY,
    PARSING_RULES,
    PLAIN,
    Document,
)

_JSON = "https://www.rfc-editor.org/rfc/rfc8259"
_SIZES = [size + more for size in (1024, 4096, 8192, 16384, 65536) for more in (-1, 0, 1)]

_SENT_BY_GATEWAYS = (
    {
        "id": "framing/lf",
        "title": "Lines that end with LF.",
        "source": PARSING_RULES,
        "frame": "sse",
        "reply": {
            "events": [
                {
                    "raw": "data: ${text:Hello|role:assistant}\n\ndata: ${text:, world|role:assistant}\n\n"
                    "data: ${text:!|role:assistant}\n\ndata: ${text:|role:assistant|finish:stop}\n\n" + DONE
                }
            ]
        },
        "expect": {"text": PLAIN},
        "chunkings": ["per-event"],
        "plain": True,
    },
    rule(
        "crlf",
        "Lines that end with CRLF.",
        "data: <A>\r\n\r\ndata: <B>\r\n\r\ndata: ${end}\r\n\r\n",
        why=CRLF,
    ),
    rule(
        "no-space-after-colon",
        "`data:` without a space after the colon.",
        "data:<A>\n\ndata:<B>\n\ndata:${end}\n\n",
        why=SPACE,
    ),
    rule(
        "crlf-no-space-after-colon",
        "`data:` without a space, and lines that end with CRLF.",
        "data:<A>\r\n\r\ndata:<B>\r\n\r\ndata:${end}\r\n\r\n",
        why=SPACE,
    ),
    rule(
        "space-and-none",
        "`data:` with a space in one event and without one in the next: both mean the same.",
        "data:<A>\n\ndata: <B>\n\n" + DONE,
        why=SPACE,
        source=GRAMMAR,
    ),
    rule(
        "event-message",
        "`event: message` before the data: what an event is without it.",
        "event: message\ndata: <A>\n\nevent: message\ndata: <B>\n\n" + DONE,
        why=STRANGE,
    ),
    rule(
        "id",
        "`id` lines before the data.",
        "id: 1\ndata: <A>\n\nid: 2\ndata: <B>\n\nid: 3\n" + DONE,
        why=STRANGE,
        source=f"{LAUNCHDARKLY}/tests_basic_parsing.go",
    ),
    rule(
        "retry",
        "A `retry` line before the data.",
        "retry: 3000\ndata: <A>\n\ndata: <B>\n\n" + DONE,
        why=STRANGE,
    ),
    rule(
        "all-fields",
        "`id`, `event` and `retry` lines before the data of each event.",
        "id: 1\nevent: message\nretry: 3000\ndata: <A>\n\nid: 2\nevent: message\nretry: 3000\ndata: <B>\n\n" + DONE,
        why=STRANGE,
    ),
    rule(
        "fields-after-data",
        "`id` and `event` lines after the data of an event.",
        "data: <A>\nid: 1\nevent: message\n\ndata: <B>\nid: 2\nevent: message\n\n" + DONE,
        why=STRANGE,
        source=f"{LAUNCHDARKLY}/tests_basic_parsing.go",
    ),
    rule(
        "fields-without-space",
        "`id`, `event` and `data` lines without a space after the colon.",
        "id:1\nevent:message\ndata:<A>\n\nid:2\nevent:message\ndata:<B>\n\ndata:${end}\n\n",
        why=SPACE,
        source=f"{LAUNCHDARKLY}/tests_basic_parsing.go",
    ),
    rule(
        "fields-crlf",
        "`id` and `event` lines that end with CRLF.",
        "id: 1\r\nevent: message\r\ndata: <A>\r\n\r\ndata: <B>\r\nid: 2\r\n\r\ndata: ${end}\r\n\r\n",
        why=CRLF,
    ),
    rule(
        "blank-lines-between",
        "Further empty lines between two events.",
        "data: <A>\n\n\ndata: <B>\n\n\n\n" + DONE,
        why="an empty line that ends nothing is taken for an event",
        source=f"{LAUNCHDARKLY}/tests_linefeeds.go",
    ),
    rule(
        "blank-lines-crlf",
        "Further empty lines that end with CRLF between two events.",
        "data: <A>\r\n\r\n\r\ndata: <B>\r\n\r\n\r\n\r\ndata: ${end}\r\n\r\n",
        why=CRLF,
        source=f"{LAUNCHDARKLY}/tests_linefeeds.go",
    ),
    rule(
        "multi-byte",
        "Characters of two, three and four bytes.",
        "data: ${text:Ünïcode € 豆腐 известни 🥌}\n\n",
        "Ünïcode € 豆腐 известни 🥌",
        finished=True,
        why="characters outside ASCII are lost or changed",
        source=f"{LAUNCHDARKLY}/tests_basic_parsing.go",
    ),
    rule(
        "escaped-newlines",
        "Line ends that JSON escapes inside the text: they end no line of the stream.",
        "data: ${text:one\n\ntwo\r\nthree}\n\n",
        "one\n\ntwo\r\nthree",
        finished=True,
        why="a line end that is escaped in the JSON is taken for one of the stream",
        source=OPENAI,
    ),
    rule(
        "text-like-fields",
        "A text that looks like fields of the format.",
        "data: ${text:data: a: b; id: 1; event: x; : c}\n\n",
        "data: a: b; id: 1; event: x; : c",
        finished=True,
        why="the data are cut at a colon, or at a name inside them: a field's name ends at the first colon of its line",
    ),
    {
        "id": "framing/long-lines",
        "title": "Lines whose length is one below, at and above the sizes of common buffers, up to 64 KiB.",
        "source": f"{LAUNCHDARKLY}/tests_payload_sizes.go",
        "reply": {
            "events": [*({"text": "x", "fill": size} for size in _SIZES), {"finish": "stop"}, {"end": True}],
            "through": ["cut_at"],
        },
        "expect": {"sent": True},
        "chunkings": ["per-event"],
        "cause": "a line that is longer than a buffer is lost or cut",
        "broken_json": "a line that is longer than a buffer is lost or cut",
    },
)


def _kept(name: str, title: str, text: str, plain: str, *, why: str, source: str) -> Document:
    """Return a case about a text that must arrive as it was sent. ``plain``: one that the same change leaves alone."""
    ending: list[Document] = [{"finish": "stop"}, {"end": True}]
    return {
        "id": f"framing/{name}",
        "title": title,
        "source": source,
        "reply": {"events": [{"text": text}, *ending]},
        "expect": {"text": text},
        "chunkings": ["per-event"],
        "control": {"reply": {"events": [{"text": plain}, *ending]}, "expect": {"text": plain}, "cause": why},
    }


_TEXTS = (
    _kept(
        "text-like-html",
        "A text that looks like HTML: its references and tags stay as they are.",
        "In HTML, &amp; is written for &, &lt;b&gt; for <b>, &#39; for an apostrophe.",
        "In HTML, some characters are written as a reference.",
        why="a text with references or tags of HTML is changed: it is to stay as it was sent",
        source=f"{_JSON}#section-7",
    ),
    _kept(
        "normal-forms",
        "Characters that Unicode's normal forms change: an e and its accent, a whole ü, the ohm sign, a ligature, x².",
        "Cafe\u0301 Müller, 3 \u2126, \ufb01\u00a0x²",
        "Café Müller, 3 Ω",
        why="characters that a normal form of Unicode changes are changed or lost: each is to stay as it was sent",
        source=f"{_JSON}#section-8.3",
    ),
)

# What services and proxies were reported to send; the sources are the reports.
_REPORTED = (
    rule(
        "retry-alone",
        "A block of nothing but a `retry`.",
        "retry: 10000\n\ndata: <A>\n\nretry: 1\n\ndata: <B>\n\n" + DONE,
        why=BLOCK,
        source="https://github.com/openai/openai-java/issues/804",
    ),
    rule(
        "comment-after-an-id",
        "A comment and its empty line after an event that had an id: they are not an event.",
        "id: 1\ndata: <A>\n\n: ping\n\nid: 2\ndata: <B>\n\n: ping\n\n" + DONE,
        why=BLOCK,
        source="https://github.com/openai/openai-python/issues/2722",
    ),
    rule(
        "empty-data-as-heartbeat",
        "`data:` without a value between two events, as proxies send it to keep the connection alive.",
        "data: <A>\n\ndata:\n\ndata: <B>\n\n" + DONE,
        why="an event whose data are empty is read as a part of the answer: it is to be passed over",
        source="https://github.com/ericc-ch/copilot-api/issues/88",
    )
    | {"level": "SHOULD"},
)

CASES: tuple[Document, ...] = (*_SENT_BY_GATEWAYS, *_TEXTS, *_REPORTED)
