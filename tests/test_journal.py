"""``decide`` row by row, the journal's form, and reading a request's odd bytes."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orharness.journal import (
    Bill,
    Boundaries,
    Disconnect,
    Exchange,
    How,
    Observation,
    Outcome,
    Pacing,
    Request,
    decide,
    journal_document,
)

FIN = Disconnect(2.0, How.FIN)
SENT = Observation(end=90, written=100, ended_at=1.0)  # 90: behind [DONE]; 10 bytes more behind it
HALF = Observation(end=90, written=50, read=50)

# -- decide: the rows of DESIGN's table, and their edges -----------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "outcome"),
    [
        pytest.param(replace(SENT, read=100, all_read=True), Outcome.COMPLETED, id="all was played and read"),
        pytest.param(replace(SENT, read=100, all_read=True, disconnect=FIN), Outcome.COMPLETED, id="then it left"),
        pytest.param(SENT, Outcome.COMPLETED, id="all was played, and nobody can tell what was read"),
        pytest.param(Observation(end=0, ended_at=0.0), Outcome.COMPLETED, id="an empty body"),
        pytest.param(replace(SENT, read=90, all_read=False), None, id="all was played, and bytes lie unread"),
        pytest.param(
            replace(SENT, read=90, all_read=False, disconnect=FIN), Outcome.LEFT_AT_END, id="left at the end marker"
        ),
        pytest.param(
            replace(SENT, read=95, all_read=False, disconnect=FIN), Outcome.LEFT_AT_END, id="left behind the end marker"
        ),
        pytest.param(
            replace(SENT, read=89, all_read=False, disconnect=FIN), Outcome.CANCELLED, id="left one byte before it"
        ),
        pytest.param(replace(HALF, disconnect=FIN), Outcome.CANCELLED, id="left in the middle"),
        pytest.param(
            replace(HALF, written=90, read=None, disconnect=FIN), Outcome.LEFT_AT_END, id="blind: written counts"
        ),
        pytest.param(
            replace(HALF, written=89, read=None, disconnect=FIN), Outcome.CANCELLED, id="blind, one byte before"
        ),
        pytest.param(
            replace(HALF, written=90, read=0, disconnect=FIN), Outcome.CANCELLED, id="written to the end, nothing read"
        ),
        pytest.param(replace(HALF, fault_at=1.0), Outcome.FAULTED, id="a fault"),
        pytest.param(replace(HALF, fault_at=1.0, disconnect=FIN), Outcome.FAULTED, id="a fault, then it left"),
        pytest.param(replace(HALF, fault_at=2.0, disconnect=FIN), Outcome.FAULTED, id="a fault at the same moment"),
        pytest.param(replace(HALF, fault_at=2.1, disconnect=FIN), Outcome.CANCELLED, id="it left, then a fault"),
        pytest.param(replace(SENT, fault_at=0.9, all_read=True), Outcome.FAULTED, id="a fault, then the end"),
        pytest.param(
            replace(HALF, all_read=False, test_ended=True), Outcome.ABANDONED, id="the test ends, bytes unread"
        ),
        pytest.param(replace(HALF, all_read=True, test_ended=True), Outcome.STILL_OPEN, id="the test ends, all read"),
        pytest.param(replace(HALF, test_ended=True), Outcome.STILL_OPEN, id="the test ends, unknown"),
        pytest.param(replace(SENT, all_read=False, test_ended=True), Outcome.ABANDONED, id="played whole, unread"),
        pytest.param(replace(HALF, test_ended=True, disconnect=FIN), Outcome.CANCELLED, id="it left, the test ends"),
        pytest.param(replace(HALF, test_ended=True, fault_at=1.0), Outcome.FAULTED, id="a fault, the test ends"),
        pytest.param(HALF, None, id="under way"),
        pytest.param(Observation(end=0, begun=False), None, id="nothing begun"),
        pytest.param(
            Observation(end=0, begun=False, disconnect=FIN), Outcome.CANCELLED, id="left before anything began"
        ),
        pytest.param(Observation(end=0, begun=False, test_ended=True), Outcome.STILL_OPEN, id="never begun"),
        pytest.param(Observation(end=0, matched=False), Outcome.UNMATCHED, id="no route"),
        pytest.param(
            replace(SENT, matched=False, disconnect=FIN, fault_at=0.0), Outcome.UNMATCHED, id="no route at all"
        ),
    ],
)
def test_the_outcome(seen: Observation, outcome: Outcome | None) -> None:
    assert decide(seen) is outcome


@pytest.mark.parametrize("how", How)
def test_how_it_left_decides_nothing(how: How) -> None:
    assert decide(replace(HALF, disconnect=Disconnect(2.0, how))) is Outcome.CANCELLED


def test_only_a_whole_answer_is_finished() -> None:
    assert {outcome for outcome in Outcome if outcome.finished} == {Outcome.COMPLETED, Outcome.LEFT_AT_END}


SIZE = 12


@st.composite
def histories(draw: st.DrawFn) -> list[Observation]:
    """What a server can see one after the other: writes, reads, then the end, a fault, a leaving, the test's end.

    Nothing is written or read behind an end, a fault or a leaving; what was seen at a moment is never unseen.
    """
    blind = draw(st.booleans())
    end = draw(st.integers(0, SIZE))
    seen = Observation(end=end, begun=draw(st.booleans()), all_read=None if blind else True, read=None if blind else 0)
    history, now = [seen], 0.0
    for event in draw(st.lists(st.sampled_from(["write", "read", "end", "fault", "leave", "test"]), max_size=12)):
        now += draw(st.sampled_from([0.0, 0.5]))
        over = seen.ended_at is not None or seen.fault_at is not None
        if event == "write" and seen.begun and not over and not seen.disconnect and seen.written < SIZE:
            seen = replace(seen, written=seen.written + draw(st.integers(1, SIZE - seen.written)))
            seen = seen if blind else replace(seen, all_read=False)
        elif event == "read" and seen.read is not None and not seen.disconnect:
            read = draw(st.integers(seen.read, seen.written))
            seen = replace(seen, read=read, all_read=read == seen.written)
        elif event == "end" and seen.begun and seen.written == SIZE and not over and not seen.disconnect:
            seen = replace(seen, ended_at=now)
        elif event == "fault" and seen.begun and not over and not seen.disconnect:
            seen = replace(seen, fault_at=now)
        elif event == "leave" and not seen.disconnect:
            seen = replace(seen, disconnect=Disconnect(now, How.FIN))
        elif event == "test":
            seen = replace(seen, test_ended=True)
            history.append(seen)
            break
        history.append(seen)
    return history


@given(histories())
def test_what_was_decided_is_never_decided_otherwise(history: list[Observation]) -> None:
    outcomes = [outcome for outcome in map(decide, history) if outcome is not None]
    assert len(set(outcomes)) <= 1
    if history[-1].test_ended or history[-1].disconnect:
        assert outcomes  # nothing stays open then


@given(histories())
def test_only_an_answer_that_reached_its_end_is_finished(history: list[Observation]) -> None:
    for seen in history:
        taken = seen.written if seen.read is None else seen.read
        outcome = decide(seen)
        if outcome is not None and outcome.finished:
            assert taken >= seen.end
            assert seen.begun
        if outcome is Outcome.CANCELLED:
            assert taken < seen.end or not seen.begun


# -- the journal's form --------------------------------------------------------------------------------------------

KEYS = """id started_at request route status outcome how ended_after chunks_written bytes_written bytes_read pacing
boundaries faults difference bill""".split()  # noqa: SIM905 - as DESIGN has them

LEFT = Exchange(
    id="000001",
    started_at="2026-11-22T06:00:00Z",
    request=Request("POST", "/v1/chat/completions", (("Accept", "*/*"),), '{"model":"ü"}'.encode(), "a=1"),
    route="POST /chat/completions",
    status=200,
    outcome=Outcome.CANCELLED,
    how=How.HALF_CLOSE,
    left_after=0.25,
    ended_after=0.2500004,
    chunks_written=3,
    bytes_written=30,
    bytes_read=20,
    pacing=Pacing.LOCKSTEP,
    boundaries=Boundaries(2, 1),
    faults=("truncate",),
    difference="body.model is missing",
    bill=Bill(8, 10, 3, None, 10, True, 0.002),
    body=b"0123456789" * 4,
)


def test_the_journals_form() -> None:
    document = json.loads(json.dumps(journal_document([LEFT])))
    assert document == {
        "format": 1,
        "exchanges": [
            {
                "id": "000001",
                "started_at": "2026-11-22T06:00:00Z",
                "request": {
                    "method": "POST",
                    "path": "/v1/chat/completions",
                    "headers": {"Accept": "*/*"},
                    "body": '{"model":"ü"}',
                },
                "route": "POST /chat/completions",
                "status": 200,
                "outcome": "cancelled",
                "how": "half_close",
                "ended_after": 0.25,
                "chunks_written": 3,
                "bytes_written": 30,
                "bytes_read": 20,
                "pacing": "lockstep",
                "boundaries": {"proven": 2, "assumed": 1},
                "faults": ["truncate"],
                "difference": "body.model is missing",
                "bill": {
                    "tokens_prompt": 8,
                    "tokens_made": 10,
                    "tokens_written": 3,
                    "tokens_read": None,
                    "tokens_billed": 10,
                    "cancelled": True,
                    "cost": 0.002,
                    "counted": "tokens",
                },
            }
        ],
    }
    assert LEFT.unsent == b"0123456789"


def test_what_is_unknown_or_undecided_is_null() -> None:
    written = Exchange("1", "2026-11-22T06:00:00Z", Request("GET", "/")).to_json()
    assert list(written) == KEYS
    unknown = {"route", "status", "outcome", "how", "ended_after", "bytes_read", "pacing", "difference", "bill"}
    assert {key for key, value in written.items() if value is None} == unknown
    assert json.loads(json.dumps(written)) == written


@pytest.mark.parametrize(
    "name", ["Authorization", "authorization", "Proxy-Authorization", "Cookie", "X-API-Key", "api-key"]
)
def test_what_authenticates_is_hidden(name: str) -> None:
    request = Request("GET", "/", ((name, "sk-secret"), ("X-Title", "shown")))
    assert request.to_json()["headers"] == {name: "[hidden]", "X-Title": "shown"}
    assert request.header(name) == "sk-secret"  # a condition may still ask for it


@given(st.builds(Exchange, id=st.text(), started_at=st.text(), request=st.builds(
    Request, st.text(), st.text(), st.lists(st.tuples(st.text(), st.text())).map(tuple), st.binary()
)))  # fmt: skip
def test_any_exchange_can_be_written_as_json(exchange: Exchange) -> None:
    assert list(json.loads(json.dumps(exchange.to_json()))) == KEYS


def test_every_field_of_a_bill_is_written() -> None:
    assert set(LEFT.to_json()["bill"]) == {field.name for field in fields(Bill)}


# -- a request -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"", None),
        (b"{", None),
        (b"\xff\xfe", None),
        (b'"\xff"', None),
        (b"null", None),
        (b"[1]", [1]),
        ('{"a": "ü"}'.encode(), {"a": "ü"}),
        ('{"a": "ü"}'.encode("utf-16"), {"a": "ü"}),
        ("\ufeff[]".encode(), []),
        (b"[" * 100_000, None),
        (b"9" * 5_000, None),
    ],
)
def test_a_body_as_json(body: bytes, value: object) -> None:
    assert Request("POST", "/", body=body).json == value


@given(st.binary())
def test_no_body_is_too_odd_to_be_read(body: bytes) -> None:
    request = Request("POST", "/", body=body)
    assert request.json == request.json or body  # NaN is JSON to Python
    assert request.text.encode("utf-8") is not None


def test_a_body_as_text_shows_what_is_not_utf_8() -> None:
    assert Request("POST", "/", body="ü".encode() + b"\xff").text == "ü\ufffd"


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("", {}),
        ("a=1&b=&c", {"a": "1", "b": "", "c": ""}),
        ("a=1&a=2", {"a": "2"}),
        ("q=a+b%20c%C3%BC&%zz=%ff", {"q": "a b cü", "%zz": "\ufffd"}),
        ("&&=&;", {"": "", ";": ""}),
    ],
)
def test_the_parameters_of_a_query(query: str, parameters: dict[str, str]) -> None:
    assert Request("GET", "/", query=query).parameters == parameters


def test_a_header_is_found_whatever_its_case_the_first_of_them() -> None:
    request = Request("GET", "/", (("X-One", "1"), ("x-one", "2")))
    assert (request.header("x-ONE"), request.header("X-Two")) == ("1", None)
