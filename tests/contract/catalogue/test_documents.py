"""Case documents: plain data that any tool can hold, read for a dialect, with mistakes named by the case."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from orharness.contract import CASES, Case, parse
from orharness.contract.catalogue.script import pieces
from orharness.contract.catalogue.templates import filled
from orharness.contract.running.replies import representative
from orharness.dialects import CHAT, Part
from orharness.errors import ScenarioError
from orharness.sse import Comment, Event
from orharness.stream import Chunk, Ending
from orharness.verdict import Expected, Level

HELLO, END = CHAT.event_of(Part(text="Hello")), CHAT.event_of(Part(end=True))
assert HELLO is not None
assert END is not None
DATA = HELLO.data
DOCUMENT: Mapping[str, Any] = {
    "id": "mine/one",
    "title": "`${end}` comes at once.",
    "source": "https://example.org",
    "reply": {"events": [{"text": "Hello"}, {"finish": "stop"}, {"end": True}], "ending": "hang"},
    "expect": {"text": "Hello"},
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_case_is_the_same_after_its_document_was_sent_as_json(case: Case) -> None:
    again = parse(json.loads(json.dumps(case.document)), CHAT)
    assert representative(again) == representative(case)
    same = [
        "title",
        "source",
        "expected",
        "also",
        "level",
        "profile",
        "chunkings",
        "cancel",
        "requests",
        "runs",
        "plain",
    ]
    assert [getattr(again, name) for name in same] == [getattr(case, name) for name in same]


def test_what_a_document_says() -> None:
    case = parse(
        {
            **DOCUMENT,
            "also": [{"text": "", "error": True}, {"error": "allowed"}],
            "level": "SHOULD",
            "profile": "whatwg",
            "chunkings": ["per-byte", "as-sent"],
            "requests": "any",
            "cause": "`${end}` is not seen",
        },
        CHAT,
    )
    assert (case.family, case.title, case.cause) == ("mine", "`[DONE]` comes at once.", "`[DONE]` is not seen")
    assert (case.expected, case.also) == (Expected("Hello"), (Expected("", True), Expected(None, None)))
    assert (case.level, case.profile, case.requests) == (Level.SHOULD, "whatwg", None)
    assert [one.name for one in case.chunkings] == ["byte by byte", "as sent"]
    assert representative(case).ending is Ending.HANG


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"text": "Hello"}, HELLO),
        ({"end": True}, END),
        ({"data": "${end}x"}, Event(data="[DONE]x")),
        ({"comment": " ${end}"}, Comment(" [DONE]")),
        ({"event": "error", "data": "no"}, Event("error", "no")),
        ({"raw": "id: \udcff\ndata:${text:Hello}\n\n"}, b"id: \xff\ndata:" + DATA.encode() + b"\n\n"),
        ({"base64": "4oKs"}, "€".encode()),
        ({"comment": " x", "delay": 0.5}, Chunk(b": x\n\n", 0.5)),
        ({"raw": "abcdef", "cut": 2}, b"abcd"),
        ({"raw": "abcdef", "cut": 20}, b"abc"),
    ],
)
def test_what_an_item_is(item: dict[str, Any], expected: object) -> None:
    assert pieces([item], CHAT) == [expected]


def test_what_a_placeholder_is() -> None:
    cut = DATA.index('"choices"')
    assert filled("${text:Hello|first}", CHAT) == DATA[:cut]
    assert filled("${text:Hello|rest}", CHAT) == DATA[cut:]
    assert filled("${text:Hello|cut:15}", CHAT) == DATA[:-15]
    assert filled("${text:Hello}}", CHAT) == DATA + "}"
    assert filled('${text:a"b|verbatim}', CHAT) == DATA.replace("Hello", 'a"b')
    assert filled('${text:a"b}', CHAT) == DATA.replace("Hello", 'a\\"b')
    assert json.loads(filled("${text:Hello|lines}", CHAT).replace("\ndata: ", "\n")) == json.loads(DATA)
    assert json.loads(filled("${text:Hello|finish:stop}", CHAT))["choices"][0]["finish_reason"] == "stop"
    assert filled("$5 and {x} and ${other}", CHAT) == "$5 and {x} and ${other}"


def test_a_text_fills_a_line() -> None:
    [event] = pieces([{"text": "xy", "fill": 300}], CHAT)
    assert isinstance(event, Event)
    assert len(CHAT.frame.encode(event).partition(b"\n")[0]) == 300
    assert "xyxyx" in event.data


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"expects": {}}, "mine/one: a case has no key expects (did you mean 'expect'?)"),
        ({"chunkings": ["per-bite"]}, "mine/one: there is no chunking 'per-bite' (did you mean 'per-byte'?)"),
        ({"level": "must"}, "mine/one: level is MUST or SHOULD; not 'must'"),
        ({"reply": {"evnts": []}}, "mine/one: a reply has no key evnts; it takes body, error, gateway"),
        ({"reply": {"events": [{"txt": "x"}]}}, "mine/one: event 1 has no key txt"),
        ({"reply": {"events": [{"raw": "${text:x|frist}"}]}}, r"mine/one: a placeholder has no change 'frist'"),
        ({"reply": {"answer": {"text": "x"}, "through": ["per_bite"]}}, "mine/one: there is no transform 'per_bite'"),
    ],
)
def test_a_mistake_is_named_with_its_case(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse({**DOCUMENT, **change}, CHAT).reply()
    assert str(caught.value).startswith(said)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ScenarioError, match="mine/one: expect is missing"):
        parse({key: value for key, value in DOCUMENT.items() if key != "expect"}, CHAT)
