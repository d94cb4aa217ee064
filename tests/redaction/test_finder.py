"""Where a secret is in a body: in whatever form, wherever the body is cut, over however many events it is split."""

from __future__ import annotations

import base64
import gc
import gzip
import json
import re
import tracemalloc
import zlib
from collections.abc import Callable, Iterable
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orharness.codings import ContentDecoder
from orharness.redaction import SecretFinder, cut, hide, spans_in
from orharness.sse import Event, decode

KEY = "sk-a/key+that-is_long=enough"
SECRETS = [KEY, KEY + "-and-longer"]


def redacted(body: bytes) -> bytes:
    return cut(body, 0, len(body), spans_in(body, SECRETS))


def escaped(text: str, form: str, only: str = "") -> str:
    return "".join(form.format(ord(one)) if not only or one in only else one for one in text)


FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "unicode": lambda key: escaped(key, "\\u{:04x}"),
    "upper unicode": lambda key: escaped(key, "\\u{:04X}", "-/_"),
    "json in json": lambda key: escaped(key, "\\\\u{:04x}", "-"),
    "json in json in json": lambda key: escaped(key, "\\\\\\\\u{:04x}", "-"),
    "slash": lambda key: key.replace("/", "\\/"),
    "slash in json in json": lambda key: key.replace("/", "\\\\\\/"),
    "hex": lambda key: escaped(key, "\\x{:02x}"),
    "url": lambda key: quote(key, safe=""),
    "url in lower case": lambda key: quote(key, safe="").replace("%2F", "%2f"),
    "url twice": lambda key: quote(quote(key, safe=""), safe=""),
    "whole url": lambda key: escaped(key, "%{:02X}"),
    "html": lambda key: escaped(key, "&#{};", "+/="),
    "html in hex": lambda key: escaped(key, "&#x{:X};", "+/="),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("around", [("", ""), ("data: ", "\n\n"), ('data: {"a": "b ', ' c"}\r\n\r\n'), ("<p>", "</p>")])
def test_each_form_of_a_secret_is_replaced_and_nothing_else(form: str, around: tuple[str, str]) -> None:
    before, after = around
    assert redacted(f"{before}{FORMS[form](KEY)}{after}".encode()) == f"{before}REDACTED{after}".encode()


@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize("after", range(3))
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_at_any_offset(before: int, after: int, encode: Callable[[bytes], bytes]) -> None:
    text = b"me:x"[:before] + KEY.encode() + b"xyz"[:after]
    found = redacted(b'{"a": "' + encode(text) + b'"}').decode()
    assert "REDACTED" in found
    rest = found.replace("REDACTED", "").split('"')[3]
    assert len(rest) <= 13  # what is around the key, and a character that holds bits of both at either end


def test_a_text_without_the_secret_stays_as_it_is() -> None:
    body = b'data: {"a": "\\u002d %2D \\/ sk-a/key \\\\ \\ud83d\\ude00"}\n\n'
    assert redacted(body) == body
    assert hide("\udce8 caf\u00e9 sk-a", SECRETS) == "\udce8 caf\u00e9 sk-a"


def chat(text: str, index: int | None = None) -> object:
    return {"id": "gen-s", "choices": [{"delta": {"content": text}} | ({} if index is None else {"index": index})]}


WAYS: dict[str, Callable[[str], object]] = {
    "chat": chat,
    "tool call": lambda text: {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": text}}]}}]},
    "responses": lambda text: {"type": "response.output_text.delta", "output_index": 0, "delta": text},
    "messages": lambda text: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
    "gemini": lambda text: {"candidates": [{"content": {"parts": [{"text": text}]}}]},
}


def events(documents: Iterable[object]) -> bytes:
    return b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in documents)


def strings_in(value: object) -> str:
    if isinstance(value, dict | list):
        return "".join(map(strings_in, value.values() if isinstance(value, dict) else value))
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize("size", [1, 2, 5, 15, 27])
@pytest.mark.parametrize("way", WAYS)
def test_a_secret_that_is_split_over_events(way: str, size: int) -> None:
    text = f"you said {KEY}, didn't you"
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    body = events(map(WAYS[way], pieces)) + b"data: [DONE]\n\n"

    found = [event.data for event in decode(redacted(body)) if isinstance(event, Event)]
    assert len(found) == len(pieces) + 1
    assert found.pop() == "[DONE]"
    texts = [json.loads(one) for one in found]  # each event stays valid JSON
    before, whole = map(strings_in, (WAYS[way](""), texts))
    assert "".join(whole.split(before) if before else whole) == text.replace(KEY, "REDACTED")


def test_two_choices_whose_pieces_alternate() -> None:
    body = events(chat(text, index) for one in KEY for index, text in enumerate((one, "other")))
    found = redacted(body)
    assert found.count(b"REDACTED") == 1
    assert found.count(b"other") == len(KEY)


@pytest.mark.parametrize(
    "body",
    [
        "\n".join(json.dumps({"message": {"content": one}}) for one in KEY).encode(),
        json.dumps([WAYS["gemini"](one) for one in KEY]).encode(),
        json.dumps([WAYS["gemini"](one) for one in KEY], indent=2).encode(),
        json.dumps({"tokens": list(KEY)}).encode(),
        "\r\n\r\n".join(f"data: {one}" for one in KEY).encode(),
        b"\xef\xbb\xbf" + events(map(chat, KEY)),
        events(chat(one, 0 if at else None) for at, one in enumerate(KEY)),
        events({"usage": {"index": at % 2}, "delta": {"text": one}} for at, one in enumerate(KEY)),
    ],
    ids=[
        "lines",
        "array",
        "indented array",
        "list",
        "plain data",
        "after a BOM",
        "index missing once",
        "index elsewhere",
    ],
)
def test_a_secret_that_is_split_over_other_things(body: bytes) -> None:
    assert redacted(body).count(b"REDACTED") == 1


def test_an_event_whose_json_has_no_end_does_not_change_how_the_next_ones_are_read() -> None:
    body = b'data: {"a": [{"b":\n\n' + b"".join(b"data: %c\n\n" % one for one in KEY.encode())
    assert redacted(body).count(b"REDACTED") == 1


def test_escapes_and_splits_together() -> None:
    body = b'data: {"d": "a sk-a\\/key\\u002b"}\n\ndata: {"d": "that-is\\u005flong\\u003denough b"}\n\n'
    assert redacted(body) == b'data: {"d": "a REDACTED"}\n\ndata: {"d": " b"}\n\n'


BODIES = [
    events(map(chat, [f"a {KEY[:7]}", "", KEY[7:9], f"{KEY[9:]} b", "sk-a", KEY])),
    f"data: {escaped(KEY, '%{:02X}')}\r\n\r\ndata: {KEY}{KEY}-and-longer\r\r: {KEY}".encode(),
    json.dumps({"a": [KEY, {"b": [*KEY]}]}, indent=1).encode(),
    f'{{"broken": "b\n\n{KEY}'.encode(),
]


@pytest.mark.parametrize("body", BODIES)
def test_the_same_is_found_wherever_the_body_is_cut(body: bytes) -> None:
    whole = spans_in(body, SECRETS)
    for size in (1, 2, 3, 7, 64):
        finder = SecretFinder(SECRETS)
        for at in range(0, len(body), size):
            finder.feed(body[at : at + size])
        finder.finish()
        assert finder.spans == whole, size


@pytest.mark.parametrize("body", BODIES)
def test_of_what_is_known_nothing_is_secret(body: bytes) -> None:
    """As a spool is written: each part as soon as it is known, so that no more than ``sk-a/`` can be put together."""
    finder, written, before = SecretFinder(SECRETS), b"", 0
    for at in range(len(body)):
        finder.feed(body[at : at + 1])
        now = finder.known
        assert before <= now <= at + 1
        written += cut(body[before:now], before, now, finder.spans)
        before = now
    finder.finish()
    assert finder.known == len(body)
    written += cut(body[before:], before, len(body), finder.spans)
    assert spans_in(written, [KEY[at : at + 6] for at in range(len(KEY) - 5)]) == []


UNITS = st.text("ab", min_size=1, max_size=3)


@given(
    secret=st.builds(
        lambda unit, times, end: unit * times + end, UNITS, st.integers(25, 120), st.text("ab", min_size=1)
    ),
    before=st.text("ab", max_size=150),
    size=st.integers(1, 200),
)
@settings(max_examples=50)
def test_a_long_secret_that_repeats_itself_is_found_wherever_strings_cut_it(
    secret: str, before: str, size: int
) -> None:
    text = f"{before}{secret}"
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    body = b"".join(b"data: " + json.dumps({"a": piece}).encode() + b"\n\n" for piece in pieces)
    found = cut(body, 0, len(body), spans_in(body, [secret]))
    kept = "".join(json.loads(event.data)["a"] for event in decode(found) if isinstance(event, Event))
    places = [at for at in range(len(text)) if text.startswith(secret, at)]
    secret_at = {at + offset for at in places for offset in range(len(secret))}
    shown = "".join("*" if at in secret_at else one for at, one in enumerate(text))
    assert re.sub("(REDACTED)+", "*", kept) == re.sub(r"\*+", "*", shown)


def test_a_secret_of_many_bytes_takes_memory_in_proportion() -> None:
    gc.collect()
    tracemalloc.start()
    try:
        finder = SecretFinder([f"{'a' * 20_000}{number}" for number in range(2)])
        finder.feed(b"data: x\n")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 5_000_000


def test_the_unfinished_end_of_a_body_is_all_that_waits() -> None:
    finder = SecretFinder(SECRETS)
    finder.feed(events([chat("a"), chat("sk-a/"), chat("b"), {"finish_reason": "stops"}]) + b"data: {")
    assert finder.known == len(events([chat("a"), chat("sk-a/"), chat("b"), {"finish_reason": "stops"}]))


@pytest.mark.parametrize("size", [1, 7, 16, 17, 18, 300])
@pytest.mark.parametrize("secret", ["aab" * 200, "k" * 400 + "-1", "0123456789abcdefg"])
def test_a_long_secret_is_found_wherever_events_split_it(secret: str, size: int) -> None:
    text = f"aaab{secret[:20]} {secret}."
    body = events(chat(text[at : at + size]) for at in range(0, len(text), size))
    found = [json.loads(event.data) for event in decode(cut(body, 0, len(body), spans_in(body, [secret])))]  # type: ignore[union-attr]
    assert "".join(one["choices"][0]["delta"]["content"] for one in found) == text.replace(secret, "REDACTED")


def test_a_very_long_secret_does_not_take_long() -> None:
    """As the value of a header of 200 KB: all of its beginnings were kept once, which were gigabytes."""
    secret = "ab1" * 70_000
    assert hide(f"not {secret[:-1]} but {secret}", [secret]) == f"not {secret[:-1]} but REDACTED"


# Content codings


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("codings", "packed"),
    [
        (None, b"data: a\n\n"),
        ("identity", b"data: a\n\n"),
        ("gzip", gzip.compress(b"data: a\n\n", mtime=0)),
        ("X-GZIP", gzip.compress(b"data: ", mtime=0) + gzip.compress(b"a\n\n", mtime=0)),
        ("deflate", zlib.compress(b"data: a\n\n")),
        ("deflate", deflated(b"data: a\n\n")),
        ("deflate, gzip", gzip.compress(zlib.compress(b"data: a\n\n"), mtime=0)),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_codings_are_undone_wherever_the_body_is_cut(codings: str | None, packed: bytes, size: int) -> None:
    decoder = ContentDecoder(codings)
    found = b"".join(decoder.feed(packed[at : at + size]) for at in range(0, len(packed), size))
    assert (found, decoder.readable) == (b"data: a\n\n", True)


@pytest.mark.parametrize(("codings", "packed"), [("compress", b"a"), ("gzip, zstd", b"a"), ("gzip", b"data: a\n\n")])
def test_what_cannot_be_undone(codings: str, packed: bytes) -> None:
    decoder = ContentDecoder(codings)
    assert decoder.feed(packed) == b""
    assert not decoder.readable
    assert decoder.feed(packed) == b""
