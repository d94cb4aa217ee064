"""A stream under way can be held, released and cut, and the journal says by whom."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from typing import Any

import pytest

from orharness.server.control.options import Limits
from tests.support.control import CHAT, HELD, Control, Stream
from tests.support.raw import eventually

PACED = {"orharness": 1, "routes": [{"chat": {"tokens": 40}, "through": [{"pace": 0.01}], "provider": "Anthropic"}]}
SLOW = {"orharness": 1, "routes": [{"chat": {"tokens": 40}, "through": [{"pace": 30}], "provider": "Anthropic"}]}


def begun(control: Control, document: object, **query: object) -> tuple[str, Stream]:
    session = control.open(document, **query)
    return session["id"], Stream(session["base_url"])


def call(control: Control, session: str, verb: str = "", **query: object) -> Any:
    method = "POST" if verb else "GET"
    return control.ask(method, f"/sessions/{session}/calls/000001{verb}", query=query).document


@pytest.mark.parametrize("pacing", ["recorded", "lockstep"])
def test_a_stream_is_held_before_its_next_chunk_and_goes_on(control: Control, pacing: str) -> None:
    session, stream = begun(control, PACED, pacing=pacing)
    stream.read_events(2)
    call(control, session, "/hold")
    found = control.wait(session, "held")
    assert found["met"]
    at = found["call"]["bytes_written"]
    assert 0 < at < found["call"]["stream_size"]
    assert call(control, session)["bytes_written"] == at
    call(control, session, "/release")
    assert stream.read().endswith(b"data: [DONE]\n\n")
    assert control.wait(session, "outcome")["call"]["outcome"] == "completed"
    assert call(control, session)["held_at"] is None


def test_a_hold_is_once_for_each_stream(control: Control) -> None:
    session, stream = begun(control, PACED, pacing="recorded")
    call(control, session, "/hold")
    call(control, session, "/hold")
    assert control.wait(session, "held")["met"]
    call(control, session, "/release")
    assert stream.read().endswith(b"data: [DONE]\n\n")


def test_a_release_takes_back_a_hold_that_no_stream_has_come_to(control: Control) -> None:
    session, stream = begun(control, PACED, pacing="recorded")
    call(control, session, "/hold")
    call(control, session, "/release")
    assert stream.read().endswith(b"data: [DONE]\n\n")


def test_release_opens_the_gate_at_which_a_stream_is_held(control: Control) -> None:
    session, stream = begun(control, HELD, pacing="recorded")
    assert control.wait(session, "held")["met"]
    call(control, session, "/release")
    assert stream.read().endswith(b"data: [DONE]\n\n")


def test_a_gate_of_a_route_that_was_taken_away_cannot_be_opened(control: Control) -> None:
    session, stream = begun(control, HELD, pacing="recorded")
    assert control.wait(session, "held")["met"]
    assert control.ask("DELETE", f"/sessions/{session}/routes/r1").status == 200
    refused = control.ask("POST", f"/sessions/{session}/calls/000001/release")
    assert refused.status == 400
    assert refused.document["detail"].endswith("a route that was taken away: only cut ends it")
    assert call(control, session, "/cut")["outcome"] == "faulted"
    stream.close()


@pytest.mark.parametrize(("by", "error"), [("fin", http.client.IncompleteRead), ("rst", ConnectionResetError)])
@pytest.mark.parametrize("document", [SLOW, HELD], ids=["between two chunks", "at a gate"])
def test_a_response_is_cut(control: Control, document: object, by: str, error: type[Exception]) -> None:
    session, stream = begun(control, document, pacing="recorded")
    eventually(lambda: call(control, session)["status"] == 200)
    cut = call(control, session, "/cut", by=by)
    with pytest.raises(error):
        stream.read()
    assert cut["outcome"] == "faulted"
    assert cut["certainty"]["outcome"] == "seen"
    assert cut["faults"] == [f"cut by hand: {'abort' if by == 'fin' else 'reset'}"]
    assert control.ask("POST", f"/sessions/{session}/verify").status == 200
    refused = control.ask("POST", f"/sessions/{session}/calls/000001/cut")
    assert (refused.status, refused.document["detail"].split(":")[0]) == (400, "the call 000001 is over")


@pytest.mark.parametrize("left", [False, True], ids=["cut", "left"])
def test_a_held_stream_can_be_cut_and_left(control: Control, left: bool) -> None:
    session, stream = begun(control, PACED, pacing="recorded")
    call(control, session, "/hold")
    assert control.wait(session, "held")["met"]
    if left:
        stream.close()
    else:
        call(control, session, "/cut")
    assert control.wait(session, "outcome")["call"]["outcome"] == ("cancelled" if left else "faulted")
    stream.close()


@pytest.mark.parametrize("verb", ["hold", "release", "cut"])
def test_what_is_over_is_left_alone(control: Control, verb: str) -> None:
    session, stream = begun(control, CHAT)
    stream.read()
    assert control.wait(session, "outcome")["met"]
    before = call(control, session)
    assert control.ask("POST", f"/sessions/{session}/calls/000001/{verb}").status == 400
    assert call(control, session) == before


def test_a_session_holds_so_many_streams_by_hand_and_no_more(make_control: Callable[..., Control]) -> None:
    control = make_control(limits=Limits(held=1))
    session = control.open(SLOW)
    streams = [Stream(session["base_url"]) for _ in range(2)]
    at = f"/sessions/{session['id']}/calls"
    assert control.ask("POST", f"{at}/000001/hold").status == 200
    assert control.ask("POST", f"{at}/000002/hold").status == 429
    assert control.ask("POST", f"{at}/000001/cut").status == 200
    assert control.ask("POST", f"{at}/000002/hold").status == 200
    for one in streams:
        one.close()
