"""The oracle against the standard's rules, against itself under every cut, and against a foreign implementation.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Callable
from itertools import pairwise
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orharness import sse
from orharness.errors import ScenarioError
from orharness.frames import SSE
from orharness.sse import BOM, Comment, Decoder, Event, Item, Retry, decode, decode_with_offsets, encode, encode_one
from tests.support.places import SUPPORT
from tests.support.stream_strategies import items, sse_bytes

M = "message"
INFINITE = float("inf")

# name: (bytes, what they mean)
RULES: dict[str, tuple[bytes, list[Item]]] = {
    "nothing": (b"", []),
    "one event": (b"data: x\n\n", [Event(M, "x")]),
    "LF": (b"data: a\ndata: b\n\n", [Event(M, "a\nb")]),
    "CR": (b"data: a\rdata: b\r\r", [Event(M, "a\nb")]),
    "CRLF": (b"data: a\r\ndata: b\r\n\r\n", [Event(M, "a\nb")]),
    "line ends mixed": (b"data: a\rdata: b\r\ndata: c\n\rdata: d\n\r\n", [Event(M, "a\nb\nc"), Event(M, "d")]),
    "CR LF is one line end, LF CR two": (b"data: a\n\rdata: b\n\n", [Event(M, "a"), Event(M, "b")]),
    "CRLF does not dispatch": (b"data: a\r\ndata: b\r\n", []),
    "one space after the colon goes": (b"data:  x\ndata:y\ndata: \ndata:\n\n", [Event(M, " x\ny\n\n")]),
    "a tab stays": (b"data:\tx\n\n", [Event(M, "\tx")]),
    "no space before the colon": (b"data : x\n\n", []),
    "no space before the name": (b" data: x\n\n", []),
    "a colon in the value": (b"data: a: b\n\n", [Event(M, "a: b")]),
    "a field without a colon": (b"data\n\n", [Event(M, "")]),
    "two without a colon": (b"data\ndata\n\n", [Event(M, "\n")]),
    "the standard's own example": (b"data\n\ndata\ndata\n\ndata:", [Event(M, ""), Event(M, "\n")]),
    "names are case sensitive": (b"Data: x\nDATA: x\nEvent: x\n\n", []),
    "unknown fields": (b"foo: bar\ndata: x\nfoo\n\n", [Event(M, "x")]),
    "a comment": (b": hello\n\n", [Comment(" hello")]),
    "an empty comment": (b":\n\n", [Comment("")]),
    "a comment alone dispatches nothing": (b":\n\n:\n\n", [Comment(""), Comment("")]),
    "a comment inside an event": (b"data: a\n: c\ndata: b\n\n", [Comment(" c"), Event(M, "a\nb")]),
    "a comment that looks like data": (b":data: x\n\n", [Comment("data: x")]),
    "an event type": (b"event: t\ndata: x\n\ndata: y\n\n", [Event("t", "x"), Event(M, "y")]),
    "the last event type counts": (b"event: a\nevent: b\ndata: x\n\n", [Event("b", "x")]),
    "an empty event type is message": (b"event: a\nevent:\ndata: x\n\n", [Event(M, "x")]),
    "a type without data is forgotten": (b"event: t\n\ndata: x\n\n", [Event(M, "x")]),
    "no data, no dispatch": (b"event: t\nid: 1\n\n", []),
    "an id stays": (b"id: 1\ndata: x\n\ndata: y\n\n", [Event(M, "x", "1"), Event(M, "y", "1")]),
    "an id is taken back by an empty one": (b"id: 1\ndata: x\n\nid\ndata: y\n\n", [Event(M, "x", "1"), Event(M, "y")]),
    "an id set by a block without data": (b"id: 1\n\ndata: x\n\n", [Event(M, "x", "1")]),
    "an id with NUL is ignored": (b"id: 1\nid: a\0b\ndata: x\n\n", [Event(M, "x", "1")]),
    "NUL in data stays": (b"data: a\0b\n\n", [Event(M, "a\0b")]),
    "retry": (b"retry: 2500\n\n", [Retry(2.5)]),
    "retry comes at the end of its line": (b"retry: 10\n", [Retry(0.01)]),
    "retry with leading zeros": (b"retry: 007\n", [Retry(0.007)]),
    "retry that is not a number": (
        b"retry: soon\nretry: 1s\nretry: -1\nretry: +1\nretry: 1.5\nretry:  1\nretry: 1_0\n",
        [],
    ),
    "retry without a number": (b"retry\nretry:\nretry: \n", []),
    "retry in other digits": ("retry: ١٢\nretry: ²\nretry: \uff11\n".encode(), []),
    "retry of 5,000 digits": (b"retry: " + b"9" * 5000 + b"\n", [Retry(INFINITE)]),
    "retry of 5,000 zeros": (b"retry: " + b"0" * 5000 + b"1\n", [Retry(0.001)]),
    "a BOM in front": (BOM + b"data: x\n\n", [Event(M, "x")]),
    "only one BOM": (BOM + BOM + b"data: x\n\ndata: y\n\n", [Event(M, "y")]),
    "a BOM in front of a comment": (BOM + b":c\n", [Comment("c")]),
    "a BOM and an empty line": (BOM + b"\ndata: x\n\n", [Event(M, "x")]),
    "a BOM further on": (b"\n" + BOM + b"data: x\n\n", []),
    "a BOM in data": (b"data: " + BOM + b"x\n\n", [Event(M, "\ufeffx")]),
    "part of a BOM": (BOM[:2] + b"data: x\n\ndata: y\n\n", [Event(M, "y")]),
    "bytes that are not UTF-8": (b"data: \xff\xe4\xb8\n\n", [Event(M, "\ufffd\ufffd")]),
    "a truncated character before a line end": (b"data: \xe4\xb8\ndata: \xad\n\n", [Event(M, "\ufffd\n\ufffd")]),
    "overlong and surrogate forms": (b"data: \xc0\x80\xed\xa0\x80\n\n", [Event(M, "\ufffd" * 5)]),
    "UTF-8": ("data: Grüße, 世界 🎉\n\n".encode(), [Event(M, "Grüße, 世界 🎉")]),
    "no other line ends": (
        "data: a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\n\n".encode(),
        [Event(M, "a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg")],
    ),
    "an unfinished block": (b"data: x\n\ndata: y\n", [Event(M, "x")]),
    "an unfinished line": (b"data: x\n\ndata: y", [Event(M, "x")]),
    "empty lines": (b"\n\n\r\r\r\n\r\ndata: x\n\n\n\n\n", [Event(M, "x")]),
    "the end marker": (b'data: {"a": 1}\n\ndata: [DONE]\n\n', [Event(M, '{"a": 1}'), Event(M, "[DONE]")]),
}


def fed(*pieces: bytes) -> list[Item]:
    decoder = Decoder()
    found = [item for piece in pieces for item in decoder.feed(piece)]
    decoder.finish()
    return found


def one_by_one(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


@pytest.mark.parametrize("name", RULES)
def test_rule_however_it_is_cut(name: str) -> None:
    data, expected = RULES[name]
    assert fed(data) == expected
    assert fed(*one_by_one(data)) == expected
    for cut in range(len(data) + 1):
        assert fed(data[:cut], b"", data[cut:]) == expected, f"cut at {cut}"


@given(sse_bytes, st.data())
def test_cuts_never_matter(data: bytes, draw: st.DataObject) -> None:
    expected = fed(data)
    assert fed(*one_by_one(data)) == expected
    cuts = [0, *sorted(draw.draw(st.lists(st.integers(0, len(data))))), len(data)]
    assert fed(*(data[start:end] for start, end in pairwise(cuts))) == expected
    assert [item for _, item in decode_with_offsets(data)] == expected


@pytest.mark.parametrize("data", [b"data: x\r\r", b"data: x\n\r", b"data: x\r\n\r"])
def test_a_cr_dispatches_at_once(data: bytes) -> None:
    decoder = Decoder()
    assert decoder.feed(data) == [Event(M, "x")]
    assert decoder.feed(b"\n") == []  # which may have been the rest of a CRLF
    assert decoder.feed(b"data: y\n\n") == [Event(M, "y")]


def test_each_item_comes_with_its_own_line() -> None:
    decoder = Decoder()
    came = {
        i: found for i, byte in enumerate(one_by_one(b":c\nretry: 1\ndata: x\n\n")) if (found := decoder.feed(byte))
    }
    assert came == {2: [Comment("c")], 11: [Retry(0.001)], 20: [Event(M, "x")]}


def test_finish_discards_what_is_unfinished() -> None:
    decoder = Decoder()
    assert decoder.feed(b"data: x\nevent: t\nda") == []
    decoder.finish()
    assert decoder.feed(b"\n\n") == []


@pytest.mark.parametrize(
    ("data", "offsets"),
    [
        (b"data: x\n\n:c\n\n", [9, 12]),
        (b"data: x\r\n\r\n:c\r\n", [11, 15]),
        (b"data: x\r\r:c\r", [9, 12]),
        (BOM + b"data: x\n\n\n\ndata: y\n\n", [12, 23]),
        (b"data: x\n", []),
    ],
)
def test_offsets_stand_right_behind_each_item(data: bytes, offsets: list[int]) -> None:
    assert [offset for offset, _ in decode_with_offsets(data)] == offsets


@given(sse_bytes)
def test_the_bytes_up_to_an_offset_are_what_the_item_takes(data: bytes) -> None:
    for number, (offset, _) in enumerate(decode_with_offsets(data), 1):
        assert len(decode(data[:offset])) == number


# -- encode --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "data"),
    [
        ("x", b"data: x\n\n"),
        ("", b"data: \n\n"),
        ("a\nb", b"data: a\ndata: b\n\n"),
        (Event("t", "x", "7"), b"event: t\nid: 7\ndata: x\n\n"),
        (Comment(" c"), b": c\n\n"),
        (Comment(), b":\n\n"),
        (Retry(2.5), b"retry: 2500\n\n"),
        (Retry(0), b"retry: 0\n\n"),
    ],
)
def test_encode(item: Item | str, data: bytes) -> None:
    assert encode(item) == data
    assert encode(item, newline="\r\n") == data.replace(b"\n", b"\r\n")


@given(st.lists(items), st.sampled_from(["\n", "\r", "\r\n"]))
def test_what_is_encoded_is_decoded(some: list[Item], newline: str) -> None:
    assert decode(encode(*some, newline=newline)) == some


def test_any_line_end_in_data_is_read_back_as_lf() -> None:
    assert decode(encode("a\rb\r\nc\nd")) == [Event(M, "a\nb\nc\nd")]


def test_only_the_three_line_ends_split_data() -> None:
    text = "a\u2028b\u2029c\u0085d\x0be\x0cf"
    assert encode(text) == f"data: {text}\n\n".encode()


@given(
    st.builds(
        Event, st.sampled_from(["message", "", "ping", "a\nb", "\r"]), st.text(max_size=5), st.sampled_from(["", "7"])
    ),
    st.sampled_from(["\n", "\r", "\r\n"]),
)
@example(Event(data="a\r\nb"), "\n")
@example(Event(data="\ud800"), "\n")
def test_one_item_is_encoded_as_among_others(event: Event, newline: str) -> None:
    try:
        expected = encode(event, newline=newline)
    except ScenarioError as error:
        with pytest.raises(ScenarioError, match=re.escape(str(error))):
            encode_one(event, newline)
    else:
        assert encode_one(event, newline) == expected


@pytest.mark.parametrize(
    ("item", "says"),
    [
        (Comment("a\nb"), "a comment is one line"),
        (Comment("a\rb"), "a comment is one line"),
        (Event("a\nb"), "an event type is one line"),
        (Event(M, "x", "a\nb"), "an event id is one line"),
        (Event(M, "x", "a\0b"), "cannot hold NUL"),
        (Retry(-1), "from 0 up, not -1"),
        (Retry(INFINITE), "from 0 up, not inf"),
        (Retry(float("nan")), "from 0 up, not nan"),
        ("\ud800", "lone surrogate"),
    ],
)
def test_encode_refuses_what_the_format_cannot_hold(item: Item | str, says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        encode(item)


# -- work ----------------------------------------------------------------------------------------------------------


class CountedLine(bytearray):
    """The unfinished line of a decoder, which counts the bytes that are put into it or taken out."""

    work = 0

    def __iadd__(self, more: object) -> CountedLine:
        assert isinstance(more, bytes)
        CountedLine.work += len(more)
        return super().__iadd__(more)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        CountedLine.work += len(self)
        return super().decode(encoding, errors)

    def startswith(self, *_: object) -> bool:
        raise AssertionError("a line is looked at when it ends, not at each byte")


class CountedLineEnd:
    """The search for a line end, which counts the bytes it looks at."""

    work = 0

    def search(self, data: bytes, position: int) -> object:
        match = LINE_END.search(data, position)
        CountedLineEnd.work += (match.end() if match else len(data)) - position
        return match


LINE_END = sse._LINE_END


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("data", [b"data: " + b"x" * 50_000 + b"\n\n", b"data: x\n\n" * 5_000, b"\r" * 50_000])
def test_work_is_linear(size: int, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = Decoder()
    decoder.feed(b"\n")  # the first line alone is looked at for a BOM
    monkeypatch.setattr(CountedLine, "work", 0)
    monkeypatch.setattr(CountedLineEnd, "work", 0)
    monkeypatch.setattr(sse, "_LINE_END", CountedLineEnd())
    decoder._line = CountedLine()
    for start in range(0, len(data), size):
        decoder.feed(data[start : start + size])
    assert CountedLine.work <= 2 * len(data)
    assert CountedLineEnd.work <= len(data)


# -- a foreign implementation --------------------------------------------------------------------------------------

Foreign = Callable[[list[list[bytes]]], list[dict[str, list[object]]]]


@pytest.fixture(scope="session")
def eventsource_parser(tmp_path_factory: pytest.TempPathFactory) -> Foreign:
    """eventsource-parser under node: many streams in one go, each a list of chunks."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are needed to compare with eventsource-parser")
    folder = tmp_path_factory.mktemp("foreign")
    for source in (SUPPORT / "foreign").iterdir():
        shutil.copy(source, folder)
    install = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
    installed = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=120)
    if installed.returncode:
        pytest.skip(f"npm could not install eventsource-parser: {installed.stderr[-500:]}")

    def run(streams: list[list[bytes]]) -> list[dict[str, list[object]]]:
        lines = "".join(json.dumps([b64encode(chunk).decode() for chunk in chunks]) + "\n" for chunks in streams)
        command = [node, "parse.mjs"]
        done = subprocess.run(command, cwd=folder, input=lines.encode(), capture_output=True, timeout=120, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


# Where eventsource-parser 3.1.1 is known to be away from the standard. In all other things it must agree.
#
# - It keeps a line that ends with a CR until the next bytes come, so an event that ends with a CR comes late, or at the
#   end of a stream never. Each stream is given TAIL, which both read.
# - `id` is what the event's own block says, not the stream's last event ID, and an id in a block without data is lost.
#   So the id compared is that of the block, read on its own.
# - It works on strings, and takes the characters U+00EF U+00BB U+00BF (a BOM read as Latin-1) in front for a BOM.
#
# Two things are not deviations, but reported in another way: a comment comes without its leading space, a retry as an
# integer of milliseconds (JSON has no word for infinity, and says null).
TAIL = b"\n\n:tail\n\n"
LATIN_BOM = "ï»¿".encode()


def as_foreign(data: bytes) -> dict[str, list[object]]:
    """What our decoder sees, told as eventsource-parser does."""
    found = decode(data)
    # The empty line in front keeps a second BOM from being taken for a first one.
    alone = [item for block in SSE.blocks(data) for item in decode(b"\n" + data[block.start : block.end])]
    retries = [item.seconds for item in found if isinstance(item, Retry)]
    return {
        "events": [[item.type, item.data, item.last_event_id] for item in alone if isinstance(item, Event)],
        "comments": [item.text.removeprefix(" ") for item in found if isinstance(item, Comment)],
        "retries": [None if seconds == INFINITE else pytest.approx(seconds * 1000) for seconds in retries],
    }


def assert_agrees(foreign: Foreign, bodies: list[bytes], cut: Callable[[bytes], list[bytes]]) -> None:
    theirs = foreign([cut(body + TAIL) for body in bodies])
    for body, seen in zip(bodies, theirs, strict=True):
        assert seen == as_foreign(body + TAIL), body


def chance_bodies(number: int) -> list[bytes]:
    chance = Random(20261122)
    words = [
        *(
            b"\r",
            b"\n",
            b"\r\n",
            b"\n\n",
            b"\r\r",
            b":",
            b" ",
            b"data",
            b"data:",
            b"data: x",
            b"event",
            b"event: t",
            b"id",
        ),
        *(
            b"id: 1",
            b"id: \0",
            b"retry",
            b"retry: 12",
            BOM,
            b"\xef",
            b"\xbb\xbf",
            b"\0",
            b"\xff",
            b"\xe4\xb8",
            "ü".encode(),
        ),
        *("\u2028".encode(), b"\x0b", b"\xc2\x85", b"Data: x", b"x"),
    ]
    return [b"".join(chance.choices(words, k=chance.randint(0, 30))) for _ in range(number)]


@pytest.mark.slow
@pytest.mark.parametrize("cut", [lambda data: [data], one_by_one], ids=["whole", "byte by byte"])
def test_agrees_with_eventsource_parser(eventsource_parser: Foreign, cut: Callable[[bytes], list[bytes]]) -> None:
    assert_agrees(eventsource_parser, [data for data, _ in RULES.values()], cut)
    assert_agrees(eventsource_parser, chance_bodies(3000), cut)


@pytest.mark.slow
def test_agrees_with_eventsource_parser_when_cut_anywhere(eventsource_parser: Foreign) -> None:
    data = BOM + "id: 1\r\ndata: ü\r\rdata: 界\n: c\n\revent: t\rdata: 🎉\r\n\r\n".encode()
    theirs = eventsource_parser([[data[:cut], data[cut:] + TAIL] for cut in range(len(data) + 1)])
    assert theirs == [as_foreign(data + TAIL)] * len(theirs)


@pytest.mark.slow
def test_known_deviations_of_eventsource_parser(eventsource_parser: Foreign) -> None:
    late, lost_id, latin_bom = eventsource_parser(
        [[b"data: x\r\r"], [b"id: 1\n\ndata: x\n\n"], [LATIN_BOM + b"data: x\n\n"]]
    )
    assert late["events"] == []  # ours: test_a_cr_dispatches_at_once
    assert lost_id["events"] == [["message", "x", ""]]  # ours: "an id set by a block without data"
    assert latin_bom["events"] == [["message", "x", ""]]
    assert decode(LATIN_BOM + b"data: x\n\n") == []
