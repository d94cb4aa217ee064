"""Each verb does what the Python handle of the same name does, and says what that says."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from typing import Any

import pytest

from orharness.errors import ClientFailure
from orharness.scenario.document import read
from orharness.server.control.options import Limits
from orharness.server.facade import SseServer
from tests.support.control import CHAT, HELD, Control, Stream, plain, whole
from tests.support.raw import eventually


def held(control: Control, document: object = HELD) -> tuple[str, str, Stream]:
    """The id of a session and of its route, and a stream that is held there."""
    session = control.open(document, pacing="recorded")  # whether or not anybody reads
    stream = Stream(session["base_url"])
    assert control.wait(session["id"], "held")["met"]
    return session["id"], session["routes"][0]["id"], stream


# -- routes ----------------------------------------------------------------------------------------------------------


def test_routes_come_and_go(control: Control) -> None:
    session = control.open(CHAT)
    at = f"/sessions/{session['id']}/routes"
    added = control.ask("POST", at, {"json": {"mine": 1}, "path": "/v1/mine"}).document["routes"]
    assert [one["name"] for one in added] == ["POST /v1/mine"]
    assert [one["id"] for one in control.ask("GET", at).document["routes"]] == ["r1", "r2"]
    assert control.ask("GET", f"{at}/r2").document == added[0]
    Stream(session["base_url"]).read()
    control.ask("DELETE", f"{at}/r1")
    assert control.ask("GET", f"{at}/r1").status == 404
    assert whole(session["base_url"]).status == 404
    again = control.ask("POST", at, CHAT).document["routes"]
    assert [one["id"] for one in again] == ["r3"]  # an id is never used again
    assert "Grüße" in Stream(session["base_url"]).read().decode()


def test_routes_of_the_default_session_are_those_of_the_python_server(server: SseServer, control: Control) -> None:
    server.chat("x")
    [route] = control.ask("GET", "/sessions/default/routes").document["routes"]
    assert route["name"] == "POST /chat/completions"
    control.ask("DELETE", f"/sessions/default/routes/{route['id']}")
    server.verify()


def test_a_route_that_is_not_strict_may_stay_unasked(control: Control) -> None:
    session = control.open()
    control.ask("POST", f"/sessions/{session['id']}/routes", CHAT, strict="false")
    assert control.ask("DELETE", f"/sessions/{session['id']}").status == 200


def test_release_opens_as_many_gates(control: Control) -> None:
    document = {"orharness": 1, "routes": [{"chat": {"tokens": 9}, "through": [{"hold": 2}, {"hold": 4}, {"hold": 6}]}]}
    session, route, stream = held(control, document)
    control.ask("POST", f"/sessions/{session}/routes/{route}/release", gates=2)
    assert control.wait(session, "held")["met"]
    control.ask("POST", f"/sessions/{session}/routes/{route}/release")
    assert stream.read().endswith(b"data: [DONE]\n\n")
    assert control.wait(session, "finished")["met"]


def test_where_a_document_is_wrong_is_a_pointer(control: Control) -> None:
    wrong = {"orharness": 1, "routes": [{"chat": "x"}, {"chat": "x", "through": [{"hodl": 3}]}]}
    refused = control.ask("POST", "/sessions", wrong)
    assert (refused.status, refused.document["pointer"]) == (422, "/routes/1/through/0")
    assert "did you mean hold?" in refused.document["detail"]


# -- calls -----------------------------------------------------------------------------------------------------------


def test_calls_are_those_of_a_route_and_of_what_came_later(control: Control) -> None:
    both = {"orharness": 1, "routes": [{"chat": "a", "when": {"model": "m"}}, {"chat": "b", "when": {"model": "n"}}]}
    session = control.open(both)
    at = f"/sessions/{session['id']}/calls"
    Stream(session["base_url"]).read()
    event = control.ask("GET", f"/sessions/{session['id']}").document["event"]
    Stream(session["base_url"]).read()
    calls = control.ask("GET", at).document["calls"]
    assert [one["id"] for one in calls] == ["000001", "000002"]
    assert [one["id"] for one in control.ask("GET", at, since=event).document["calls"]] == ["000002"]
    assert [one["route_id"] for one in calls] == ["r1", "r1"]
    assert control.ask("GET", at, route="r2").document["calls"] == []
    assert control.ask("GET", f"{at}/000002").document["request"] == calls[1]["request"]
    assert control.ask("GET", f"{at}/000003").status == 404


# -- waiting ---------------------------------------------------------------------------------------------------------


def test_a_call_is_waited_for(control: Control) -> None:
    session = control.open(CHAT)
    threading.Timer(0.1, lambda: Stream(session["base_url"]).read()).start()
    found = control.wait(session["id"], "call")
    assert found["met"]
    assert found["call"]["id"] == "000001"
    assert control.wait(session["id"], "finished")["call"]["finished"] is True


@pytest.mark.parametrize("condition", ["call", "held", "outcome", "finished"])
def test_what_does_not_happen_is_not_met_and_may_be_asked_again(control: Control, condition: str) -> None:
    session = control.open(CHAT)
    found = control.wait(session["id"], condition, timeout=0.05)
    assert (found["met"], found["final"]) == (False, False)
    assert found["text"].startswith("after 0.05 s")


def test_only_what_happens_after_an_event_counts(control: Control) -> None:
    session = control.open(CHAT)
    Stream(session["base_url"]).read()
    event = control.wait(session["id"], "outcome")["event"]
    assert control.wait(session["id"], "call", since=event, timeout=0)["met"] is False
    Stream(session["base_url"]).read()
    assert control.wait(session["id"], "call", since=event)["call"]["id"] == "000002"
    assert control.wait(session["id"], "call", number=2)["call"]["id"] == "000002"


def test_an_outcome_that_is_not_the_end_is_final(control: Control) -> None:
    session, _, stream = held(control)
    stream.close()
    found = control.wait(session, "finished")
    assert (found["met"], found["final"], found["call"]["outcome"]) == (False, True, "cancelled")


def test_a_wait_ends_with_its_client(control: Control) -> None:
    """Else each poll that is given up would go on for its time."""
    session = control.open(CHAT)
    connection = http.client.HTTPConnection("127.0.0.1", control.server.port, timeout=0.2)
    connection.request("GET", f"/_orharness/sessions/{session['id']}/wait?for=call&timeout=30")
    with pytest.raises(TimeoutError):
        connection.getresponse()
    connection.close()
    [log] = [one.log for one in control.server._origin.sessions.all() if one.id == session["id"]]
    eventually(lambda: not log.changes._waiting)


# -- leaving ---------------------------------------------------------------------------------------------------------


def test_a_client_that_leaves_in_time_has_left(control: Control) -> None:
    session, route, stream = held(control)
    event = control.ask("GET", f"/sessions/{session}").document["event"]
    stream.close()
    found = control.wait(session, "left", route=route, since=event, within=5)
    assert (found["met"], found["call"]["outcome"]) == (True, "cancelled")
    assert control.wait(session, "upstream")["met"]
    assert control.ask("DELETE", f"/sessions/{session}").document["passed"]


def test_a_call_that_was_over_before_is_not_the_blocks(control: Control) -> None:
    session, route, stream = held(control)
    stream.close()
    assert control.wait(session, "outcome")["met"]
    event = control.ask("GET", f"/sessions/{session}").document["event"]
    found = control.wait(session, "left", route=route, since=event)
    assert found["met"] is False
    assert "no call was open when the block began" in found["text"]


def test_one_that_does_not_leave_fails_with_the_text_of_expect_disconnect(server: SseServer, control: Control) -> None:
    session, [there] = control.open(HELD), [server.mount(one) for one in read(HELD).routes]
    streams = [Stream(one).read_events(3) for one in (session["base_url"], server.base_url)]
    assert control.wait(session["id"], "held")["met"]
    there.wait_held()
    found = control.wait(session["id"], "left", route="r1", within=0.1)
    assert (found["met"], found["final"]) == (False, True)
    with pytest.raises(ClientFailure) as failure, there.expect_disconnect(within=0.1):
        pass
    assert plain(found["text"]) == plain(str(failure.value))
    for one in streams:
        one.close()


def test_a_long_wait_for_leaving_is_asked_again_with_its_act(make_control: Callable[..., Control]) -> None:
    control = make_control(limits=Limits(poll=0.1))
    session, _, stream = held(control)
    first = control.wait(session, "left", within=60)
    assert (first["met"], first["final"]) == (False, False)
    again = control.wait(session, "left", within=60, act=first["act"])
    assert again["act"] == first["act"]
    stream.close()
    while not (found := control.wait(session, "left", within=60, act=first["act"]))["final"]:
        pass
    assert found["met"]


def test_a_model_that_goes_on_is_told_with_its_price(server: SseServer, control: Control) -> None:
    groq: dict[str, Any] = {"orharness": 1, "routes": [{**HELD["routes"][0], "provider": "Groq"}]}  # type: ignore[index]
    session, _, stream = held(control, groq)
    stream.close()
    assert control.wait(session, "left", within=5)["met"]
    found = control.wait(session, "upstream")
    assert found["met"] is False
    assert "Groq does not stop on cancel" in found["text"]
    assert control.wait(session, "upstream", leaked_tokens=1000)["met"]


# -- verdicts --------------------------------------------------------------------------------------------------------

EXPECTS = {"orharness": 1, "routes": [{"chat": "x", "expect": {"outcome": "cancelled"}}]}


@pytest.mark.parametrize("document", [CHAT, EXPECTS], ids=["never asked", "expects"])
@pytest.mark.parametrize("path", ["", "/elsewhere"])
def test_a_verdict_has_the_text_of_verify(server: SseServer, control: Control, document: Any, path: str) -> None:
    session = control.open(document)
    for route in read(document).routes:
        server.mount(route)
    for base_url in (session["base_url"], server.base_url):
        Stream(base_url + path).read()
    assert control.wait(session["id"], "outcome")["met"]
    server.calls[0].wait_ended()
    told = control.ask("DELETE", f"/sessions/{session['id']}")
    said = ""
    try:
        server.verify()
    except ClientFailure as failure:
        said = str(failure)
    assert (told.status == 200) is (said == "") is (document is CHAT and not path)
    assert plain(told.document.get("detail", "")) == plain(said)


def test_verify_can_be_repeated_and_the_session_goes_on(control: Control) -> None:
    session = control.open(CHAT)
    at = f"/sessions/{session['id']}/verify"
    assert [control.ask("POST", at).status for _ in range(2)] == [409, 409]
    Stream(session["base_url"]).read()
    assert control.ask("POST", at).document["passed"]


def test_an_answer_left_open_is_told_and_its_connection_ended(control: Control) -> None:
    session, _, stream = held(control)
    told = control.ask("DELETE", f"/sessions/{session}").document
    assert len(told["left_open"]) == 1
    assert "still open" in told["left_open"][0]
    with pytest.raises(Exception, match=r"IncompleteRead|Connection"):
        stream.read()


def test_the_default_session_is_not_ended(control: Control) -> None:
    refused = control.ask("DELETE", "/sessions/default")
    assert refused.status == 400
    assert "POST …/verify" in refused.document["detail"]
