"""The catalogue's data, checked without a client: each stream says what its case expects, by oracle and plain JSON."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from orharness.contract import CASES, FAMILIES, Case, Profile
from orharness.contract.catalogue import cases_of
from orharness.contract.catalogue.chunkings import BEFORE_BOM, INSIDE_CRLF, MIDDLES, TENDER, TWO_BYTES, Cuts
from orharness.contract.running.replies import reply_cut, representative
from orharness.dialects import DIALECTS
from orharness.dialects.chat.fold import fold
from orharness.frames import SSE
from orharness.journal import Request
from orharness.sse import BOM, Event, decode
from orharness.stream import Ending, Stream

MINE = ("framing", "boundaries", "comments", "transport")
STREAMS = [case for case in CASES if case.family in MINE]
each_stream = pytest.mark.parametrize("case", STREAMS, ids=[case.id for case in STREAMS])


def said(body: bytes) -> tuple[str, bool | None]:
    """The text of a body up to ``[DONE]``, and whether a strict client shows an error: ``None`` without ``[DONE]``."""
    text = ""
    for item in decode(body):
        if isinstance(item, Event):
            if item.data == "[DONE]":
                return text, False
            if not item.data:  # a heartbeat: it says nothing
                continue
            try:
                choices = json.loads(item.data)["choices"]
            except ValueError:
                return text, True
            text += "".join(choice["delta"].get("content") or "" for choice in choices)
    return text, None


def test_every_case_is_named_and_sourced() -> None:
    assert [name for name, number in Counter(case.id for case in CASES).items() if number > 1] == []
    assert [name for name, number in Counter(case.title for case in CASES).items() if number > 1] == []
    for case in CASES:
        assert re.fullmatch(r"[a-z]+/[a-z0-9]+(-[a-z0-9]+)*", case.id), case.id
        assert re.fullmatch(r"https://[a-z0-9.-]+(/[\w./-]*)?(#[\w.-]+)?", case.source), case.id
        assert re.fullmatch(r"[^a-z\s][^\n]*[^. ]\.", case.title), case.id


def test_there_are_enough_of_them() -> None:
    number = Counter(case.family for case in CASES)
    assert number["framing"] >= 80
    assert {family: number[family] for family in FAMILIES if number[family] < 5 and family in MINE} == {}


@pytest.mark.slow
@each_stream
def test_the_stream_says_what_is_expected(case: Case) -> None:
    text, error = said(representative(case).body)
    fitting = [one for one in (case.expected, *case.also) if one.text == text and error in (one.error, None)]
    assert fitting, (text, error)


@pytest.mark.slow
@each_stream
def test_cutting_changes_nothing_but_the_boundaries(case: Case) -> None:
    stream = representative(case)
    for chunking in case.chunkings:
        cuttings = list(chunking.cuts(stream, 0))
        assert cuttings, chunking.name
        for cuts in (cuttings[0], cuttings[-1]):
            cut = reply_cut(case, cuts).answer(Request("POST", "/", body=b'{"stream": true}')).stream
            assert cut.body == stream.body
            assert cuts is None or cut.boundaries[:-1] == tuple(cuts)


@each_stream
def test_what_gateways_do_not_send_is_not_demanded(case: Case) -> None:
    """No CR alone, no byte order mark, no broken UTF-8, no event of several data lines."""
    if case.profile is Profile.WHATWG:
        return
    body = representative(case).body
    assert not re.search(rb"\r(?!\n)", body)
    assert not body.startswith(BOM)
    assert body.decode()
    assert not re.search(rb"^data(:.*)?\r?\n(.*[^\r\n].*\r?\n)*data\b", body, re.MULTILINE)


def test_framing_is_not_failed_by_whoever_only_reads_bytes_badly() -> None:
    encoding = {"framing/multi-byte", "framing/normal-forms", "framing/rare-characters", "framing/bom-inside-text"}
    for case in CASES:
        if case.family in ("framing", "comments") and case.id not in encoding:
            assert (case.expected.text or "").replace("\ufffd", "").isascii(), case.id


def test_every_offset_means_every_offset() -> None:
    sweeps = {case.id: representative(case) for case in CASES if case.id.startswith("boundaries/every-offset")}
    assert len(sweeps["boundaries/every-offset-of-2k"].body) >= 2_000
    for name in ("boundaries/every-offset", "boundaries/every-offset-crlf"):
        body = sweeps[name].body
        assert len(body) <= 350
        assert all(part in body for part in ("ü".encode(), "世".encode(), "🙂".encode(), b": ping", b"[DONE]"))


# -- ways to cut ---------------------------------------------------------------------------------------------------

BODY = "data: é\r\n\r\n\ufeffdata: [DONE]\n\n".encode()


def pieces(cuts: Cuts, body: bytes = BODY) -> Iterator[bytes]:
    return (body[start:end] for start, end in pairwise((0, *(cuts or ()), len(body))))


def test_cuts_inside_line_ends_before_marks_and_in_the_middle() -> None:
    stream = Stream.of(BODY)
    [inside] = INSIDE_CRLF.cuts(stream, 0)
    assert list(pieces(inside)) == ["data: é\r".encode(), b"\n\r", BODY[11:]]
    [marks] = BEFORE_BOM.cuts(stream, 0)
    assert list(pieces(marks)) == ["data: é\r\n\r\n".encode(), BODY[12:]]
    [middles] = MIDDLES.cuts(stream, 0)
    assert [len(piece) for piece in pieces(middles)] == [6, 14, 9]
    assert [[len(piece) for piece in pieces(cuts)][:2] for cuts in TWO_BYTES.cuts(stream, 0)] == [[2, 2], [1, 2]]


def test_all_tender_places_are_cut_at_once() -> None:
    body = BODY.replace(BOM, b"")
    for cuts in TENDER.cuts(replace(Stream.of(body), end_marker=len(body)), 0):
        found = list(pieces(cuts, body))
        assert b"\r\n" not in b"|".join(found)
        assert b"data:" not in b"|".join(found)
        assert b"[DONE]" not in b"|".join(found)
        assert "é".encode() not in b"|".join(found)


def test_only_what_waits_is_slow() -> None:
    """Together less than 3 s, and none more than 2 s: a client is not to time out in the catalogue."""
    slow = {case.id: representative(case).duration for case in CASES if case.family in MINE}
    assert max(slow.values()) <= 2.0
    assert sum(slow.values()) <= 3.0
    assert all(representative(case).ending is not Ending.HANG for case in CASES if case.family == "framing")


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_an_answer_without_an_error_says_why_it_ended(case: Case) -> None:
    """A client may take an answer without a finish_reason for one that was cut short: no gateway leaves it out."""
    sent = representative(case)
    if case.cancel is None and case.expected.error is False and not sent.body.startswith(b"\x1f\x8b"):
        assert fold(decode(sent.body)).finish_reason is not None


# -- the end of a client's own read blocks ---------------------------------------------------------------------------

BLOCKS = [case for name in DIALECTS for case in cases_of(DIALECTS.named(name)) if "/blocks-of-" in case.id]


@pytest.mark.parametrize("case", BLOCKS, ids=lambda case: f"{case.dialect.name}-{case.id.partition('/')[2]}")
def test_a_long_answer_does_not_say_the_same_again_and_again(case: Case) -> None:
    """Some clients end an answer that does: it is not a model's."""
    if case.inapplicable is None:
        events = list(case.dialect.frame.decode(representative(case).body))
        assert len(events) > 30
        assert [one for one, other in pairwise(events) if one == other] == []


@pytest.mark.slow
@pytest.mark.parametrize("case", BLOCKS, ids=lambda case: f"{case.dialect.name}-{case.id.partition('/')[2]}")
def test_what_a_case_is_about_lies_across_the_ends_of_blocks(case: Case) -> None:
    if case.inapplicable is not None:
        assert case.dialect.frame is not SSE
        return
    size, inside = re.fullmatch(r"boundaries/blocks-of-(\d+)k-inside-a-(\w+)", case.id).groups()  # type: ignore[union-attr]
    assert case.control is not None
    for body, expected, about in [
        (representative(case).body, case.expected, True),
        (case.control.reply().answer(case.dialect.example_request).stream.body, case.control.expected, False),
    ]:
        ends = range(int(size) * 1024, len(body), int(size) * 2048)
        assert len(ends) >= 2
        assert ("世".encode() in body) is (inside == "character")
        assert (b"\r\n" in body) is (inside == "crlf" or case.dialect.newline == "\r\n")
        assert case.dialect.fold(case.dialect.frame.decode(body)).text == expected.text
        for end in ends[: 3 if size != "64" else 2]:
            found = {
                "character": body[end] & 0xC0 == 0x80,
                "crlf": body[end - 1 : end + 1] == b"\r\n",
                "field": re.fullmatch(rb"\n(da|ev)[a-z]", body[end - 3 : end + 1]) is not None,
            }
            assert found[inside] is about
            assert about or inside != "field" or body[:end].endswith((b"\n\n", b"\r\n\r\n"))
