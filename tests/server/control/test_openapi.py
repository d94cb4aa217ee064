"""The OpenAPI document: shipped as it is made, valid, and kept by the server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from orharness.server.control.openapi import SHIPPED, document, text
from orharness.server.control.table import VERBS
from orharness.server.control.verbs import Verb
from tests.support.control import CHAT, HELD, Control, Stream, check_against_document


def test_the_shipped_document_is_the_one_that_the_table_makes() -> None:
    assert SHIPPED.read_text("utf-8") == text(), "run: python -m orharness.server.control.openapi"


def test_it_is_served(control: Control) -> None:
    assert control.ask("GET", "/openapi.json").document == json.loads(text())


@pytest.mark.slow
def test_it_is_openapi_3_1() -> None:
    validator = pytest.importorskip("openapi_spec_validator")
    validator.validate(json.loads(text()))


@pytest.mark.slow
def test_every_schema_is_one() -> None:
    for schema in document()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_operation_has_a_verb() -> None:
    operations = {one["operationId"] for path in document()["paths"].values() for one in path.values()}
    assert operations == {verb.name for verb in VERBS}
    assert len(operations) == len(VERBS)


@pytest.mark.parametrize("verb", [one for one in VERBS if one.answers is not None], ids=lambda verb: verb.name)
def test_every_verb_answers_as_it_promises(control: Control, verb: Verb) -> None:
    """``Control`` holds each answer against the document; the event streams have tests of their own."""
    stream = None
    if verb.run.__module__.endswith(".steering"):  # what is over cannot be steered
        session = control.open(HELD, pacing="recorded")
        stream = Stream(session["base_url"])
    else:
        session = control.open(CHAT)
        Stream(session["base_url"]).read()
        assert control.wait(session["id"], "outcome")["met"]
    path = verb.path.removeprefix("/_orharness").format(session=session["id"], route="r1", call="000001")
    query: dict[str, Any] = {"for": "call"} if verb.name == "wait" else {}
    document = {"name": "a.json", "text": json.dumps(CHAT)} if verb.name == "playFile" else CHAT
    answered = control.ask(verb.method, path, document if verb.body_required else None, query=query)
    if stream is not None:
        stream.close()
    assert answered.status == verb.status
    assert answered.headers["content-type"] == "application/json"


def test_an_answer_that_breaks_its_promise_is_seen() -> None:
    verb = next(one for one in VERBS if one.name == "showRoute")
    route = {"id": "r1", "name": "", "method": "", "path": None, "strict": True, "calls": 0}
    check_against_document(verb, 200, "application/json", json.dumps(route).encode())
    for wrong in ({**route, "calls": "0"}, {**route, "more": 1}, {"id": "r1"}):
        with pytest.raises(Exception, match=r"is not of type|was unexpected|is a required"):
            check_against_document(verb, 200, "application/json", json.dumps(wrong).encode())
    with pytest.raises(KeyError):
        check_against_document(verb, 418, "application/json", b"{}")
