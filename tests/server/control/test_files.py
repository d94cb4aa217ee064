"""A file that is sent plays: a cassette, a scenario, a HAR. Anything else is refused with a sentence."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from orharness.cassette import Interaction, RecordedRequest, save
from orharness.stream import Chunk
from orharness.stream import Stream as Body
from tests.support.control import CHAT, Control, Stream

EVENTS = b'data: {"choices": [{"delta": {"content": "Z\xc3\xbcrich"}}]}\n\ndata: [DONE]\n\n'
SCENARIO = """
orharness: 1
routes:
- chat: from a file
"""


def cassette(folder: Path) -> str:
    request = RecordedRequest("POST", "https://llm.example/v1/chat/completions", body=b"{}")
    headers = (("Content-Type", "text/event-stream"),)
    save(folder / "answer.yaml", [Interaction(request, headers=headers, stream=Body((Chunk(EVENTS),)))])
    return (folder / "answer.yaml").read_text("utf-8")


def entry(status: int = 200, **content: Any) -> dict[str, Any]:
    return {
        "request": {
            "method": "POST",
            "url": "https://llm.example/v1/chat/completions",
            "headers": [{"name": ":authority", "value": "llm.example"}, {"name": "Accept", "value": "*/*"}],
            "postData": {"mimeType": "application/json", "text": "{}"},
        },
        "response": {
            "status": status,
            "headers": [
                {"name": "content-type", "value": "text/event-stream"},
                {"name": "content-encoding", "value": "br"},
                {"name": "content-length", "value": "7"},
            ],
            "content": {"size": len(EVENTS), "mimeType": "text/event-stream", **content},
        },
    }


def har(*entries: dict[str, Any]) -> str:
    return json.dumps({"log": {"version": "1.2", "entries": list(entries)}})


def play(control: Control, name: str, text: str, session: str = "default") -> Any:
    return control.ask("POST", f"/sessions/{session}/files", {"name": name, "text": text})


def played(control: Control) -> bytes:
    return Stream(control.server.base_url).read()


def test_a_scenario_comes_before_what_was_there(control: Control) -> None:
    control.server.answer("of the test")
    answered = play(control, "scenario.yaml", SCENARIO)
    assert (answered.status, answered.document["form"]) == (201, "scenario")
    [route] = answered.document["routes"]
    assert route["name"] == "POST /chat/completions"
    assert b"from" in played(control)
    control.ask("DELETE", f"/sessions/default/routes/{route['id']}")
    assert b"of" in played(control)
    assert len(control.server.calls) == 2


def test_a_scenario_as_json_plays(control: Control) -> None:
    assert play(control, "scenario.json", json.dumps(CHAT)).document["form"] == "scenario"


def test_a_cassette_plays_byte_for_byte(control: Control, tmp_path: Path) -> None:
    assert play(control, "answer.yaml", cassette(tmp_path)).document["form"] == "cassette"
    assert played(control) == EVENTS
    assert played(control) == EVENTS  # any number of times


@pytest.mark.parametrize(
    "content",
    [{"text": EVENTS.decode()}, {"text": base64.b64encode(EVENTS).decode(), "encoding": "base64"}],
    ids=["text", "base64"],
)
def test_a_har_plays_one_chunk_an_event(control: Control, content: dict[str, Any]) -> None:
    aborted = entry(0)
    answered = play(control, "session.har", har(aborted, entry(**content)))
    assert answered.document["form"] == "har"
    assert played(control) == EVENTS
    [call] = control.ask("GET", "/sessions/default/calls").document["calls"]
    assert call["chunks"] == 2


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "a.txt",
            "just a text",
            "a.txt: this is not a cassette (ours, vcrpy's, pytest-recording's), HAR",
        ),
        ("a.yaml", "a: [", "a.yaml: this is not a cassette"),
        ("a.yaml", "orharness: 1\nroutes:\n- chat: {tokns: 3}\n", "a.yaml:3: routes[0]"),
        ("a.yaml", "orharness: 7\nroutes: []\n", "a.yaml:1: orharness: the version of this form is 1"),
        ("a.yaml", "interactions: [{}]\nversion: 1\n", "a.yaml: interactions[0].response: this key is missing"),
        ("a.har", har(), "a.har: there is no answer in it that can be played"),
        ("a.har", har({"request": {}}), "log.entries[0].response: this key is missing"),
        ("a.har", har(entry(0)), "a.har: there is no answer in it that can be played"),
        (
            "a.yaml",
            "orharness: 1\nroutes:\n- {path: /v1/x, cassette: /etc/passwd}\n",
            "is not read: a document",
        ),
    ],
)
def test_what_cannot_be_played_is_refused(control: Control, name: str, text: str, said: str) -> None:
    refused = play(control, name, text)
    assert refused.status == 422
    assert said in refused.document["detail"]
    assert control.ask("GET", "/sessions/default/routes").document["routes"] == []


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        {"name": "a"},
        {"name": 1, "text": "x"},
        {"name": "a", "text": "", "x": 1},
        {"name": "a", "text": "\ud800"},
    ],
)
def test_a_file_is_a_name_and_a_text(control: Control, document: object) -> None:
    assert control.ask("POST", "/sessions/default/files", document).status == 400
