"""Frames: each finds the same events however a body is cut, and says what it has no form for."""

from __future__ import annotations

import copy
import json
import pickle
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orharness import frames
from orharness.errors import ScenarioError
from orharness.frames import FRAMES, JSON_ARRAY, NDJSON, SSE, Block, Frame, lines, scanner
from orharness.sse import BOM, Comment, Event, Item, Retry
from orharness.stream import Stream
from tests.support.examples import examples
from tests.support.stream_strategies import json_texts, sse_bytes

JSON_FRAMES = [NDJSON, JSON_ARRAY]
every_frame = pytest.mark.parametrize("frame", FRAMES.values(), ids=repr)
each_json_frame = pytest.mark.parametrize("frame", JSON_FRAMES, ids=repr)

# name: (body, the data of each event, the offset after each)
LINES: dict[str, tuple[bytes, list[tuple[int, str]]]] = {
    "nothing": (b"", []),
    "one": (b'{"a":1}\n', [(8, '{"a":1}')]),
    "CRLF": (b'{"a":1}\r\n{"b":2}\r\n', [(9, '{"a":1}'), (18, '{"b":2}')]),
    "empty lines are skipped": (b"\n1\n\n\r\n \t\n2\n", [(3, "1"), (11, "2")]),
    "blanks around a value go": (b" 1 \r\r\n", [(6, "1")]),
    "a CR alone is not a line end": (b"[1,\r2]\n", [(7, "[1,\r2]")]),
    "other line ends of Unicode are text": ('"a\u2028b\u0085c"\n'.encode(), [(11, '"a\u2028b\u0085c"')]),
    "a last line without a line end": (b"1\n2", [(2, "1"), (3, "2")]),
    "a last line that is cut short": (b'{"a":1}\n{"b":', [(8, '{"a":1}')]),
    "a line that is not JSON is the client's to report": (b"[DONE]\n", [(7, "[DONE]")]),
    "bytes that are not UTF-8": (b'"\xff"\n', [(4, '"\ufffd"')]),
    "a BOM is part of the line": (BOM + b"1\n", [(5, "\ufeff1")]),
}
ELEMENTS: dict[str, tuple[bytes, list[tuple[int, str]]]] = {
    "nothing": (b"", []),
    "empty": (b"[]", []),
    "blank": (b" \r\n[ \t\n] ", []),
    "one": (b'[{"a":1}]', [(8, '{"a":1}')]),
    "as Gemini writes it": (b'[{\n  "a": 1\n}\n,\r\n{\n}\n]\n', [(13, '{\n  "a": 1\n}'), (20, "{\n}")]),
    "brackets and quotes in strings": (rb'[{"a":"}]\"{["},["\\"]]', [(15, r'{"a":"}]\"{["}'), (22, r'["\\"]')]),
    "nested": (b'[{"a":[{},[]]},[[]]]', [(14, '{"a":[{},[]]}'), (19, "[[]]")]),
    "scalars": (b'[1 ,"a,]\\"",true\n,null]', [(2, "1"), (11, '"a,]\\""'), (16, "true"), (22, "null")]),
    "a scalar at the end of the body": (b"[1,23", [(2, "1"), (5, "23")]),
    "a scalar that is cut short": (b"[1,tru", [(2, "1")]),
    "an element that is cut short": (b'[{"a":1},{"b":"', [(8, '{"a":1}')]),
    "no closing bracket": (b'[{"a":1},', [(8, '{"a":1}')]),
    "a missing comma ends the reading": (b"[{} {},{}]", [(3, "{}")]),
    "so it does between numbers": (b"[1 22,3]", [(2, "1")]),
    "two commas end the reading": (b"[{},,{}]", [(3, "{}")]),
    "a first comma": (b"[,{}]", []),
    "after the end nothing counts": (b"[{}],{}][{}]", [(3, "{}")]),
    "no array": (b'{"a":1}', []),
    "a BOM": (BOM + b"[{}]", []),
    "a word that is not JSON": (b"[1,nope,2]", [(2, "1")]),
    "bytes that are not UTF-8": (b'["\xff\xe4\xb8"]', [(6, '"\ufffd\ufffd"')]),
}
RULES: list[tuple[Frame, str, bytes, list[tuple[int, str]]]] = [(NDJSON, name, *rule) for name, rule in LINES.items()]
RULES += [(JSON_ARRAY, name, *rule) for name, rule in ELEMENTS.items()]


def fed(frame: Frame, *pieces: bytes) -> list[Item]:
    decoder = frame.decoder()
    found = [item for piece in pieces for item in decoder.feed(piece)]
    return found + decoder.finish()


def one_by_one(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


@pytest.mark.parametrize(("frame", "name", "body", "expected"), RULES, ids=[f"{rule[0]}-{rule[1]}" for rule in RULES])
def test_rule_however_it_is_cut(frame: Frame, name: str, body: bytes, expected: list[tuple[int, str]]) -> None:
    events = [Event(data=data) for _, data in expected]
    assert frame.decode_with_offsets(body) == [(offset, Event(data=data)) for offset, data in expected]
    assert frame.decode(body) == events
    assert fed(frame, body) == events
    assert fed(frame, *one_by_one(body)) == events
    for cut in range(len(body) + 1):
        assert fed(frame, body[:cut], b"", body[cut:]) == events, f"cut at {cut}"


_TOKENS = [b"{", b"}", b"[", b"]", b",", b'"', b"\\", b":", b"1", b"true", b" ", b"\n", b"\r", b"\r\n", b"\xff", b"{}"]
_tokens = st.lists(st.sampled_from(_TOKENS), max_size=20).map(b"".join)
anything = st.one_of(sse_bytes, _tokens, _tokens.map(lambda body: b"[" + body), st.binary(max_size=12))


@examples(400)
@given(st.sampled_from(list(FRAMES.values())), anything, st.data())
def test_cuts_never_matter(frame: Frame, body: bytes, data: st.DataObject) -> None:
    expected = fed(frame, body)
    assert frame.decode(body) == expected
    assert fed(frame, *one_by_one(body)) == expected
    cuts = [0, *sorted(data.draw(st.lists(st.integers(0, len(body))))), len(body)]
    assert fed(frame, *(body[start:end] for start, end in pairwise(cuts))) == expected


@pytest.mark.slow
@examples(400)
@given(st.sampled_from(list(FRAMES.values())), anything)
def test_the_bytes_up_to_an_offset_are_what_an_event_takes(frame: Frame, body: bytes) -> None:
    for number, (block, event) in enumerate(frame.events(body), 1):
        before = [item for item in frame.decode(body[: block.end]) if isinstance(item, Event)]
        assert len(before) == number
        assert before[-1] == event


@examples(400)
@given(st.sampled_from(list(FRAMES.values())), anything)
def test_blocks_are_in_order_and_hold_the_events(frame: Frame, body: bytes) -> None:
    blocks = frame.blocks(body)
    places = [place for block in blocks for place in (block.start, block.end)]
    assert places == sorted(places)
    assert all(block.start < block.end <= len(body) for block in blocks)
    assert [block.event for block in blocks if block.event] == [i for i in frame.decode(body) if isinstance(i, Event)]


@every_frame
def test_an_event_comes_with_its_last_byte(frame: Frame) -> None:
    body = frame.encode('{"a":1}', '{"b":2}', '{"c":3}')
    decoder = frame.decoder()
    came = [number + 1 for number, byte in enumerate(one_by_one(body)) if decoder.feed(byte)]
    assert came == [offset for offset, _ in frame.decode_with_offsets(body)]


class Counted(bytearray):
    """The unfinished element, which counts the bytes that are put into it or read out of it."""

    work = 0

    def __iadd__(self, more: Any) -> Counted:  # type: ignore[misc]
        Counted.work += len(more)
        return super().__iadd__(more)

    def __bytes__(self) -> bytes:
        Counted.work += len(self)
        return b"".join([self])


@pytest.mark.parametrize("size", [1, 7, 100_000])
@each_json_frame
def test_the_work_is_linear_however_it_is_cut(frame: Frame, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (lines, scanner):
        monkeypatch.setattr(module, "bytearray", Counted, raising=False)
    body = frame.encode(*(json.dumps({"text": "x\\" * 5_000, "number": n}) for n in range(5)))
    Counted.work = 0
    decoder = frame.decoder()
    found = [item for at in range(0, len(body), size) for item in decoder.feed(body[at : at + size])]
    assert len(found) == 5
    assert len(body) <= Counted.work <= 3 * len(body)


# -- writing -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@given(st.sampled_from(JSON_FRAMES), st.lists(json_texts), st.sampled_from(["\n", "\r\n"]))
def test_what_is_encoded_is_decoded(frame: Frame, some: list[str], newline: str) -> None:
    body = frame.encode(*some, newline=newline)
    assert frame.decode(body) == [Event(data=text) for text in some]
    assert len(frame.pieces(*some, newline=newline)) == (len(some) or int(frame is JSON_ARRAY))
    if frame is JSON_ARRAY:
        assert json.loads(body) == [json.loads(text) for text in some]
    else:
        assert [json.loads(line) for line in body.splitlines()] == [json.loads(text) for text in some]


def test_pieces() -> None:
    assert SSE.pieces("a", Comment("c")) == [b"data: a\n\n", b":c\n\n"]
    assert NDJSON.pieces("1", "2", newline="\r\n") == [b"1\r\n", b"2\r\n"]
    assert JSON_ARRAY.pieces("1", "2", "3") == [b"[1", b",\n2", b",\n3]"]
    assert [frame.encode() for frame in FRAMES.values()] == [b"", b"", b"[]"]


@pytest.mark.parametrize(
    ("frame", "item", "says"),
    [
        (NDJSON, Comment(" c"), "NDJSON has no form for a comment"),
        (JSON_ARRAY, Comment(" c"), "a JSON array has no form for a comment"),
        (NDJSON, Retry(1), "NDJSON has no form for a retry"),
        (NDJSON, Event("t", "1"), "NDJSON has no form for an event name"),
        (JSON_ARRAY, Event(data="1", last_event_id="7"), "a JSON array has no form for an event ID"),
        (NDJSON, " ", "NDJSON has no form for an event without data"),
        (NDJSON, "[1,\n2]", r"an event in NDJSON is one line: '\[1,\\n2\]' has a line end in it"),
        (NDJSON, "\ud800", "cannot hold a lone surrogate"),
        (JSON_ARRAY, "[DONE]", r"an event in a JSON array is JSON, and '\[DONE\]' is not"),
    ],
)
def test_what_a_frame_has_no_form_for(frame: Frame, item: Item | str, says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        frame.encode(item)


@every_frame
def test_a_frame_is_a_value(frame: Frame) -> None:
    assert pickle.loads(pickle.dumps(frame)) == copy.deepcopy(frame) == frame
    assert [frame == other for other in FRAMES.values()].count(True) == 1
    assert getattr(frames, repr(frame)) is FRAMES[frame.name] is frame
    assert Stream.of(b"x", frame=frame) != Stream.of(b"x", frame=JSON_ARRAY if frame is SSE else SSE)


def test_a_block_without_an_event_is_what_is_unfinished() -> None:
    assert NDJSON.blocks(b"1\n{") == [Block(0, 2, Event(data="1")), Block(2, 3)]
    assert JSON_ARRAY.blocks(b"[1, {") == [Block(1, 2, Event(data="1")), Block(4, 5)]
