"""The journal's form, and reading a request's odd bytes."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orharness.journal import (
    Bill,
    Boundaries,
    Certainties,
    Certainty,
    Exchange,
    How,
    Outcome,
    Pacing,
    Request,
    journal_document,
)


def test_only_a_whole_answer_is_finished() -> None:
    assert {outcome for outcome in Outcome if outcome.finished} == {Outcome.COMPLETED, Outcome.LEFT_AT_END}
    assert {outcome for outcome in Outcome if outcome.finished is None} == {Outcome.LEFT}


@pytest.mark.parametrize("known", Certainty)
def test_what_is_not_sure_is_neither_finished_nor_unfinished(known: Certainty) -> None:
    completed = replace(LEFT, outcome=Outcome.COMPLETED, certainty=Certainties(outcome=known))
    cancelled = replace(LEFT, certainty=Certainties(outcome=known))
    sure = known in (Certainty.SEEN, Certainty.INFERRED)
    assert (completed.finished, cancelled.finished) == ((True, False) if sure else (None, None))


# -- the journal's form --------------------------------------------------------------------------------------------

KEYS = """id started_at request route status outcome how ended_after chunks_written bytes_written bytes_read pacing
boundaries faults difference bill certainty""".split()  # noqa: SIM905 - as DESIGN has them

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
    certainty=Certainties(Certainty.INFERRED, Certainty.SEEN, Certainty.AT_LEAST, Certainty.UNKNOWN),
)


def test_the_journals_form() -> None:
    document = json.loads(json.dumps(journal_document([LEFT])))
    assert document == {
        "format": 1,
        "dropped": 0,
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
                "certainty": {
                    "outcome": "inferred",
                    "how": "seen",
                    "bytes_read": "at_least",
                    "tokens_read": "unknown",
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
