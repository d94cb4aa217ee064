"""The judges of the relay check, on what was seen: no IO."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from orharness.dialects import DIALECTS
from orharness.journal import Bill, Exchange, Outcome, Request
from orharness.relay import added, asking, judge, texts, whole
from orharness.relay.cases import CASES, SHORT, UNICODE
from orharness.relay.check import verdict_of
from orharness.relay.reasons import kind_of
from orharness.relay.response import ResponseEnd
from orharness.relay.seen import Buffering, Leaving, Seen
from orharness.relay.views import AnswerForm, form_of, says
from orharness.scenario import Reply
from orharness.sse import Event, encode
from orharness.verdict import Evidence, Result

WHOLE = Seen("http://u/v1", status=200, content_type="text/event-stream", ended=ResponseEnd.CLEAN)


def chat(*texts: str, end: bool = True) -> bytes:
    events = [Event(data=f'{{"choices":[{{"delta":{{"content":"{text}"}},"finish_reason":null}}]}}') for text in texts]
    return encode(*events, *(["[DONE]"] if end else []))


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (chat("a"), AnswerForm.CHAT),
        (b'data: {"delta":"a"}\n\n', AnswerForm.EVENTS),
        (b"plain text", AnswerForm.OTHER),
        (b'{"choices":1}\n', AnswerForm.OTHER),
        (b"data: [1]\n\n", AnswerForm.EVENTS),
    ],
)
def test_the_form_is_told_by_what_is_there(content: bytes, form: AnswerForm) -> None:
    assert form_of(content) is form


@pytest.mark.parametrize(
    "content",
    [
        "Grüße, 世界".encode(),
        'data: {"text":"Grüße, 世"}\n\ndata: {"text":"界"}\n\n'.encode(),
        b'data: {"a":{"b":["Gr\\u00fc"]}}\n\ndata: {"a":{"b":["\\u00dfe, \\u4e16\\u754c"]}}\n\n',
        "data: Grüße, \n\ndata: 世界\n\n".encode(),
        '0:"Grüße, "\n0:"世界"\nd:{"finishReason":"stop"}\n'.encode(),
        '{"t":"Grüße"}\n{"t":", 世界"}\n'.encode(),
    ],
)
def test_a_text_is_found_in_any_form(content: bytes) -> None:
    assert says(content, "Grüße, 世界")
    assert not says(content, "Grüße; 世界")


@pytest.mark.parametrize("name", [name for name in DIALECTS if name != DIALECTS.default.name])
def test_a_relay_that_passes_on_the_events_of_another_api_is_not_said_to_change_them(name: str) -> None:
    frame, sent = DIALECTS[name].frame, Reply.completion(name, SHORT).answer(DIALECTS[name].example_request)
    seen = replace(WHOLE, content_type=frame.content_type, content=sent.stream.body)
    told = f"the relay sends events of {name}: this case is about chat completion chunks"
    of_chunks = (judge.end_marker, judge.no_end_marker, whole.role, added.only_messages)
    assert {judge.chunks(seen, tokens=SHORT), *(by(seen) for by in of_chunks)} == {told}


def test_events_are_those_of_an_event_stream_whatever_the_content_type_says() -> None:
    assert replace(WHOLE, content=chat("a"), content_type="application/json").dialect is DIALECTS.default


def test_a_separator_ends_no_line_of_json() -> None:
    assert says('{"t":"a\u2028"}\n{"t":"b"}\n'.encode(), "a\u2028b")


def test_what_did_not_come_out_has_no_form() -> None:
    assert (judge.end_marker(WHOLE), whole.role(replace(WHOLE, content=chat("a")))) == (
        "nothing came out",
        "the upstream was not asked",
    )


def reason_of(found: Evidence | str | None) -> str:
    assert isinstance(found, Evidence)
    return found.reason


def test_the_text_s_judge_tells_what_happened_to_it() -> None:
    def judged(text: str, **changes: object) -> str:
        seen = replace(WHOLE, content_type="text/plain", content=text.encode(), **changes)  # type: ignore[arg-type]
        return reason_of(texts.text(seen, sent="".join(UNICODE), tokens=UNICODE))

    words = list(UNICODE)
    assert "text is lost: 1 of 6 tokens, first '🙂 '" in judged("".join(words[:2] + words[3:]))
    assert judged("".join([*words, words[0]])[1:] + words[1]) == "text comes out twice"
    assert judged("".join([words[1], words[0], *words[2:]])) == "the order is changed"
    assert judged(" and ".join(words)) == "something is put in between the tokens"
    assert judged("", status=500) == "the relay answers with an error, though its upstream does not"
    assert judged("", ended=None) == "the answer does not end, though the upstream's has"
    assert judged("", ended=ResponseEnd.CUT) == "the connection is cut, though the upstream's answer ends in order"
    assert judged("", problem="the relay does not answer in HTTP: x") == "what came out is not HTTP"


def test_the_end_marker_s_judge() -> None:
    assert judge.end_marker(replace(WHOLE, content=chat("a"))) is None
    behind = judge.end_marker(replace(WHOLE, content=chat("a") + chat("b", end=False)))
    assert reason_of(behind) == "[DONE] is not the last"
    assert judge.no_end_marker(replace(WHOLE, content=chat("a", end=False))) is None


@pytest.mark.parametrize(
    ("content", "changes", "seen"),
    [
        (b"", {"status": 502}, True),
        (b"some text", {"ended": ResponseEnd.CUT}, True),
        (b"some text", {"ended": ResponseEnd.RESET}, True),
        (b'data: {"error":"broken"}\n\n', {}, True),
        (b'event: error\ndata: {"message":"broken"}\n\n', {}, True),
        (b"data: [ERROR] broken\n\n", {}, True),
        (b"the model said: Error 502", {"content_type": "text/plain"}, True),
        (b'data: {"delta":"a","error":null}\n\n', {}, False),  # a field that says there is none
        (b'data: {"delta":"a","error_code":0,"errors":{}}\n\n', {}, False),
        (b'data: {"delta":"a","error_code":0.5}\n\n', {}, True),
        (b'data: {"delta":"a","errors": []}\n\n', {}, False),
        (b'data: {"delta":"a"}\n\n{"error":"broken"}\n\n', {}, False),  # no field of any event: nobody gets it
        (b"some text", {}, False),
        (chat("a", end=False), {}, True),  # a reader of chunks misses the end
        (chat("a"), {}, False),
        (chat("a", end=False).replace(b":null", b':"stop"'), {}, False),
        (b"", {"status": None, "ended": None}, False),
        (b"error", {"problem": "no HTTP"}, False),
    ],
)
def test_what_counts_as_an_error_that_can_be_seen(content: bytes, changes: dict[str, object], seen: bool) -> None:
    assert (judge.error_visible(replace(WHOLE, content=content, **changes)) is None) is seen  # type: ignore[arg-type]


def test_an_error_event_that_is_dropped_is_not_told_by_what_is_missing() -> None:
    cut = replace(WHOLE, content=chat("a", end=False))
    assert "the upstream's error event is dropped" in reason_of(judge.error_told(cut))
    assert judge.error_told(replace(cut, ended=ResponseEnd.CUT)) is None
    assert judge.error_told(replace(cut, content=cut.content + b'data: {"error":"broken"}\n\n')) is None
    assert judge.error_told(replace(cut, status=502)) is None
    assert "a part for the whole" in reason_of(judge.error_told(replace(cut, content=chat("a"))))


def test_the_words_for_one_and_for_many() -> None:
    one = replace(WHOLE, buffering=Buffering(3, "tok003 ", 1))
    found = judge.each_event(one, number=6)
    assert found is not None
    assert "it came only when 1 more event was sent" in found.got
    assert "nothing had come so far" in found.got
    late = asking.left(replace(WHOLE, leaving=Leaving(None, 3, 2)))
    assert isinstance(late, Evidence)
    assert late.got.startswith("only when it had sent 2 events more")
    assert asking.left(replace(WHOLE, leaving=Leaving(0.001, 3))) is None


def test_who_answers_without_asking_is_not_judged() -> None:
    cached = replace(WHOLE, content=chat("a"))
    for case in CASES:
        verdict = verdict_of(case, cached)
        assert verdict.result is Result.NOT_APPLICABLE
        assert verdict.note.startswith("the relay answers without asking its upstream")
    assert asking.answers_itself(replace(cached, status=503)) is None  # it refuses
    assert asking.answers_itself(replace(cached, exchanges=(asked(1),))) is None


def test_a_relay_that_leaves_late_is_not_said_to_go_on() -> None:
    for outcome, said in (
        (Outcome.CANCELLED, "the relay leaves, but late"),
        (Outcome.STILL_OPEN, "the upstream goes on"),
    ):
        exchange = replace(asked(1), outcome=outcome)
        found = asking.left(replace(WHOLE, exchanges=(exchange,), leaving=Leaving(None, 3)))
        assert reason_of(found).startswith(said)


def asked(number: int, messages: object = "hi", *, billed: bool = True, stream: bool = True) -> Exchange:
    body = json.dumps({"messages": messages, "stream": stream}).encode()
    bill = Bill(1, 2, 2, 2, 2, cancelled=False, cost=0.001) if billed else None
    request = Request("POST", "/v1/chat/completions", body=body)
    return Exchange(f"{number}", f"2026-01-01T00:00:0{number}+00:00", request, bill=bill, left_after=0.5)


@pytest.mark.parametrize(
    ("exchanges", "leaving", "times"),
    [
        ([asked(1)], None, None),
        ([asked(1), asked(2, "another")], None, None),
        ([asked(1, billed=False), asked(2, billed=False)], None, None),
        ([asked(1, billed=False), asked(2)], None, None),  # the retry of what was refused is billed once
        ([asked(1, billed=False), asked(2), asked(3)], None, 2),
        ([asked(1), asked(2, billed=False)], None, None),
        ([asked(1), asked(2), asked(3)], None, 3),
        ([asked(1), asked(2, "another")], Leaving(0.001), 2),  # nobody is there to read that stream
        ([asked(1), asked(2, "a title", stream=False)], Leaving(0.001), None),
        ([asked(1)], Leaving(0.001, asked=0), None),
    ],
)
def test_what_counts_as_asking_again(exchanges: list[Exchange], leaving: Leaving | None, times: int | None) -> None:
    seen = replace(WHOLE, exchanges=tuple(exchanges), leaving=leaving)
    found = asking.asked_once(seen)
    assert (found is None) is (times is None)
    assert found is None or f"asked {times} times" in found.got
    late = asking.left(seen)
    assert (late is not None) is (times is not None and leaving is not None)
    assert not isinstance(late, Evidence) or "asked again 0.500 s after that" in late.got


def test_the_count_is_said_where_another_judge_found_something() -> None:
    found = Evidence("x", "y", "z")
    assert asking.counted(found, replace(WHOLE, exchanges=(asked(1),))) == found
    counted = asking.counted(found, replace(WHOLE, exchanges=(asked(1), asked(2), asked(3))))
    assert (
        counted.got
        == "y\nthe upstream was asked 3 times for one request of the browser: all 3 are billed, $0.003000 in all"
    )
    assert asking.counted(counted, replace(WHOLE, exchanges=(asked(1), asked(2), asked(3)))) == counted


def test_the_marks_of_a_run_are_told_apart() -> None:
    for tokens in (SHORT, UNICODE):
        assert not any(one in other for one in tokens for other in tokens if one != other)


@pytest.mark.parametrize(
    ("headers", "says", "not_said"),
    [
        ({}, ["http-proxy", "proxy_ignore_client_abort", "r.Context()", "WSGI"], ["haproxy"]),
        ({"server": "nginx/1.22.1"}, ["proxy_ignore_client_abort"], ["generator", "haproxy"]),
        ({"server": "uvicorn"}, ["make it async"], ["WSGI", "nginx", "Go"]),
        ({"server": "Werkzeug/3.0 Python/3.11"}, ["has no cure", "under ASGI"], ["nginx", "Node"]),
        ({"server": "gunicorn"}, ["has no cure"], ["nginx"]),
        ({"server": "WSGIServer/0.2 CPython/3.11"}, ["has no cure"], ["nginx"]),
        ({"server": "Python/3.11 aiohttp/3.14.5"}, ["handler_cancellation"], ["nginx", "Node"]),
        ({"x-powered-by": "Express"}, ["proxyReq.destroy()"], ["aiohttp", "nginx"]),
        ({"server": "Caddy"}, ["http-proxy", "WSGI"], []),
    ],
)
def test_the_reason_is_that_of_the_server_where_it_says_what_it_is(
    headers: dict[str, str], says: list[str], not_said: list[str]
) -> None:
    found = asking.left(replace(WHOLE, leaving=Leaving(None, 3), kind=kind_of(headers)))
    assert isinstance(found, Evidence)
    assert all(word in found.reason for word in says)
    assert not any(word in found.reason for word in not_said)


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({}, ["haproxy needs `option abortonclose`", "handler_cancellation=True", "res.on('close'", "no cure"]),
        ({"server": "Werkzeug/3.0 Python/3.11"}, ["no cure", "under ASGI"]),
        ({"server": "Python/3.11 aiohttp/3.14.5"}, ["handler_cancellation=True"]),
    ],
)
def test_the_cure_of_who_notices_late_is_that_of_the_server(headers: dict[str, str], says: list[str]) -> None:
    found = asking.left(replace(WHOLE, leaving=Leaving(None, 3, 1), kind=kind_of(headers)))
    assert isinstance(found, Evidence)
    assert found.reason.startswith("the relay notices only when it has something to write")
    assert all(word in found.reason for word in says)
    assert ("haproxy" in found.reason) is (not headers)


def test_a_status_that_becomes_a_success_is_no_fault_for_whoever_reads_it() -> None:
    assert judge.fault_kept(replace(WHOLE, status=502)) is None
    assert "success" in reason_of(judge.fault_kept(WHOLE))
    assert judge.limit_kept(replace(WHOLE, status=429)) is None
    assert "limit" in reason_of(judge.limit_kept(replace(WHOLE, status=500)))
