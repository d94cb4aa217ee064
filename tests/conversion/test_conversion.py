"""Recordings of other tools, read as what they say, and written as the files of others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orharness.cassette import Interaction, RecordedRequest, header, load, save
from orharness.conversion import interactions_in, read, written
from orharness.conversion.source import OtherRecording
from orharness.errors import CassetteError
from orharness.scenario.document import read as read_scenario
from orharness.sse import Event, decode
from orharness.stream import Chunk, Ending, Framing, Stream
from orharness.yamlfile import load_document
from tests.support import other_recordings as others
from tests.support.cassette_samples import an_interaction
from tests.support.other_recordings import ASKED, BODY, EVENTS, URL, har


def read_from(tmp_path: Path, data: bytes, **given: Any) -> OtherRecording:
    (tmp_path / "recorded").write_bytes(data)
    return read(tmp_path / "recorded", **given)


UNKNOWN = "https://unknown.invalid/v1/chat/completions"
NO_REQUEST = "the request was not recorded: its path is that of the API that the events are of (chat)"
NO_HEAD = "status and headers were not recorded: 200 and the content type are what the body needs"
LOST = "the file holds the data of the events: their names, comments and the end marker were not recorded"


@pytest.mark.parametrize(
    ("form", "data", "uri", "asked", "events", "note"),
    [
        ("ruby-vcr", others.RUBY, URL, ASKED, 3, None),
        ("go-vcr", others.GO, URL, ASKED, 3, "the whole exchange took 60.5005 s"),
        ("har", har(), URL, ASKED, 3, None),
        ("curl", others.CURL, UNKNOWN, b"", 3, NO_REQUEST),
        ("sse", BODY, UNKNOWN, b"", 3, f"{NO_REQUEST}; {NO_HEAD}"),
        ("ai-sdk-chunks", others.CHUNKS, UNKNOWN, b"", 2, f"{NO_REQUEST}; {NO_HEAD}; {LOST}"),
    ],
)
def test_what_another_tool_recorded_is_read_and_what_it_does_not_know_is_said(
    tmp_path: Path, form: str, data: bytes, uri: str, asked: bytes, events: int, note: str | None
) -> None:
    source = read_from(tmp_path, data)

    assert source.form == form
    [found] = source.interactions
    assert (found.request.method, found.request.uri, found.request.body) == ("POST", uri, asked)
    assert (found.status, header(found.headers, "content-type")) == (200, "text/event-stream")
    assert found.stream.body == b"".join(f"{event}\n\n".encode() for event in EVENTS[:events])
    assert len(found.stream.chunks) == events  # one an event
    assert (found.timed, found.note) == (False, note)
    assert not any(name.lower() in ("content-encoding", "transfer-encoding") for name, _ in found.headers)


def test_what_a_source_knows_of_time_is_kept(tmp_path: Path) -> None:
    [ruby] = read_from(tmp_path, others.RUBY).interactions
    [of_har] = read_from(tmp_path, har()).interactions

    assert ruby.recorded_at == "2025-01-01T00:00:00Z"
    assert (of_har.recorded_at, of_har.head) == ("2025-01-01T00:00:00.000Z", 0.25)


def test_the_user_may_say_what_was_asked(tmp_path: Path) -> None:
    [found] = read_from(tmp_path, BODY, url=URL, body=ASKED).interactions

    assert (found.request.uri, found.request.body) == (URL, ASKED)
    assert (found.note or "").startswith("the request was not recorded: its address was given; ")
    with pytest.raises(
        CassetteError, match=r"the request was not recorded, and its events are of no known API: .* --url"
    ):
        read_from(tmp_path, b"data: hello\n\n")


def test_ruby_writes_bytes_in_two_ways(tmp_path: Path) -> None:
    old = others.RUBY.partition(b"      string: |+\n")
    rest = old[2].partition(b"\n  recorded_at")
    for packed in (b"      string: !binary |-\n        aGnDvA==\n", b"      base64_string: aGnDvA==\n"):
        [found] = read_from(tmp_path, old[0] + packed + rest[1] + rest[2]).interactions
        assert found.stream.body == "hiü".encode()


@pytest.mark.parametrize(("given", "seconds"), [("500.5ms", "0.5005"), ("1h1m", "3660"), ("250000000", "0.25")])
def test_durations_of_go(tmp_path: Path, given: str, seconds: str) -> None:
    [found] = read_from(tmp_path, others.GO.replace(b"1m0.5005s", given.encode())).interactions
    assert found.note == f"the whole exchange took {seconds} s"
    with pytest.raises(CassetteError, match="duration: this is not a duration as Go writes it: '5 moons'"):
        read_from(tmp_path, others.GO.replace(b"1m0.5005s", b"5 moons"))


# --- HAR --------------------------------------------------------------------------------------------------------------


def test_mitmproxy_reads_a_stream_without_a_charset_as_latin_1(tmp_path: Path) -> None:
    content = {
        "size": 60,
        "compression": len(BODY) - 60,
        "text": BODY.decode("latin-1"),
        "mimeType": "text/event-stream",
    }
    response = {**json.loads(har())["log"]["entries"][1]["response"], "content": content}
    [found] = read_from(tmp_path, har(response=response)).interactions
    assert found.stream.body == BODY


def test_a_browser_joins_the_values_of_a_header_by_line_ends(tmp_path: Path) -> None:
    headers = [{"name": "vary", "value": "Origin\nAccept"}, {"name": "via", "value": "a\r\nb\rc"}]
    response = {**json.loads(har())["log"]["entries"][1]["response"], "headers": headers, "statusText": "all\nfine"}
    [found] = read_from(tmp_path, har(response=response)).interactions
    assert found.headers == (("vary", "Origin"), ("vary", "Accept"), ("via", "a"), ("via", "b c"))
    save(tmp_path / "a.yaml", [found])
    assert load(tmp_path / "a.yaml")[0].reason == "all fine"


def test_a_browser_may_have_kept_the_events_alone(tmp_path: Path) -> None:
    response = {
        **json.loads(har())["log"]["entries"][1]["response"],
        "content": {"size": 9, "mimeType": "text/event-stream"},
    }
    kept = [
        {"time": 100.0, "eventName": "message", "eventId": "", "data": "a\nb"},
        {"time": 100.25, "eventName": "ping", "eventId": "7", "data": "c"},
    ]
    [found] = read_from(tmp_path, har(response=response, _eventSourceMessages=kept)).interactions
    assert found.stream.chunks == (Chunk(b"data: a\ndata: b\n\n"), Chunk(b"event: ping\nid: 7\ndata: c\n\n", 0.25))
    assert (
        found.note == "the body is made of the events that the browser kept: comments and raw bytes were not recorded"
    )


def test_what_cannot_be_an_exchange_is_left_out_and_named(tmp_path: Path) -> None:
    source = read_from(tmp_path, har(response={"status": 0}))
    assert source.interactions == ()
    assert source.notes == (
        "log.entries[1]: there was no response; it is left out",
        "1 of 2 entries are what a page loads, and are left out",
    )
    response = {**json.loads(har())["log"]["entries"][1]["response"], "content": {"size": 9}}
    assert "log.entries[1]: its body was not kept; it is left out" in read_from(tmp_path, har(response=response)).notes


# --- scenarios --------------------------------------------------------------------------------------------------------


def document_of(source: OtherRecording) -> Any:
    data, _ = written(source, "scenario")
    document = load_document(data, "written").value
    read_scenario(document)
    return document


def test_aimocks_fixtures_are_routes(tmp_path: Path) -> None:
    source = read_from(tmp_path, others.AIMOCK)

    assert source.notes == (
        "fixtures hold no bytes: what is sent is made in the form of whichever API asks",
        "fixtures[4]: no counterpart in a scenario: match.toolCallId; it is left out",
        "fixtures[5]: no counterpart in a scenario: response.embedding; it is left out",
        "fixtures[6]: no counterpart in a scenario: streamingProfile.jitter",
    )
    joke, wave, busy, gravity = document_of(source)["routes"]
    assert joke["when"] == {"last_user": {"contains": "joke"}}
    assert joke["replies"] == [{"answer": {"pieces": ["on", "e"]}}, {"answer": "two", "delay": 0.02}]
    assert wave["when"] == {"tools": "wave", "has_tool_result": False}
    assert wave["answer"]["tool_calls"] == [{"name": "wave", "arguments": '{"hands": 2}', "id": "c1"}]
    assert wave["answer"]["usage"] == {"prompt_tokens": 3, "completion_tokens": 4}
    assert (busy["status"], busy["json"]) == (429, {"error": {"message": "slow down"}})
    assert (gravity["answer"], gravity["head"], gravity["delay"]) == ("falls", 0.2, 0.025)


def test_the_ai_sdks_parts_are_an_answer(tmp_path: Path) -> None:
    source = read_from(tmp_path, others.PARTS)

    [route] = document_of(source)["routes"]
    assert route["answer"]["pieces"] == ["Grü", "ße"]
    assert (route["answer"]["reasoning"], route["answer"]["tool_calls"][0]["name"]) == ("They greet.", "wave")
    assert source.notes[-1] == "no counterpart in a scenario, and left out: source"
    with pytest.raises(CassetteError, match="ai-sdk-parts holds no recorded bytes, as cassette needs them"):
        written(source, "cassette")


def test_an_interaction_is_a_route_that_plays_the_same_bytes(tmp_path: Path) -> None:
    stream = Stream((Chunk(BODY[:9], 0.5), Chunk(BODY[9:])), Ending.ABORT, Framing.CLOSE)
    one = an_interaction(request=RecordedRequest("POST", URL, (), ASKED))
    timed = Interaction(one.request, 200, "OK", (("Content-Type", "text/event-stream"),), stream, 0.25, "abort")
    plain = Interaction(
        RecordedRequest("GET", f"{URL}?a=1", body=b"raw"), 404, "", (("X-Request-Id", "r"),), Stream.of(b"{}")
    )
    data, lost = written(OtherRecording("x", (timed, plain)), "scenario")

    first, second = read_scenario(load_document(data, "written").value).routes
    assert (first.method, first.path, first.when) == ("POST", "/v1/chat/completions", {"json": json.loads(ASKED)})
    answer = first.replies[0].answer(_request(ASKED))
    assert (answer.stream.chunks, answer.stream.ending, answer.head) == (stream.chunks, Ending.ABORT, 0.25)
    assert dict(answer.headers) == {"Content-Type": "text/event-stream"}
    other = second.replies[0].answer(_request(b""))
    assert (other.status, other.stream.body, dict(other.headers)["X-Request-Id"]) == (404, b"{}", "r")
    assert lost == [f"GET {URL}?a=1: its body is not JSON, so its route answers any body"]


def _request(body: bytes) -> Any:
    from orharness.journal import Request

    return Request("POST", "/v1/chat/completions", body=body)


# --- files of others --------------------------------------------------------------------------------------------------


def _saved(tmp_path: Path, *interactions: Interaction) -> Path:
    save(tmp_path / "a.yaml", interactions)
    return tmp_path / "a.yaml"


def test_a_har_of_ours_is_the_whole_recording(tmp_path: Path) -> None:
    request = RecordedRequest("POST", f"{URL}?a=1", (("Content-Type", "application/json"),), ASKED)
    stream = Stream((Chunk(BODY[:9], 0.25), Chunk(BODY[9:] + b"\xff", 0.5)), Ending.RESET, Framing.CLOSE)
    headers = (("Content-Type", "text/event-stream"), ("X-Request-Id", "1"), ("X-Request-Id", "2"))
    one = Interaction(request, 200, "OK", headers, stream, 0.125, "reset", "2026-01-01T00:00:00Z", note="a note")
    two = an_interaction(request=RecordedRequest("GET", URL))
    before = load(_saved(tmp_path, one, two))
    data, lost = written(OtherRecording("cassette", tuple(before)), "har")

    assert lost == []
    [first, _] = json.loads(data)["log"]["entries"]
    assert (first["timings"]["wait"], first["timings"]["receive"]) == (125, 750)
    assert list(read_from(tmp_path, data).interactions) == before


def test_an_event_stream_is_the_body(tmp_path: Path) -> None:
    source = read_from(tmp_path, others.RUBY)
    data, lost = written(source, "sse")

    assert data == BODY
    assert lost == ["request, status, headers, chunk boundaries, times and ending are not in an event stream"]
    with pytest.raises(CassetteError, match=r"there are 2: choose one with --interaction"):
        written(OtherRecording("x", source.interactions * 2), "sse")
    plain = Interaction(RecordedRequest("GET", URL), 200, "", (("Content-Type", "application/json"),), Stream.of(b"{}"))
    with pytest.raises(CassetteError, match="answers application/json, which is not an event stream"):
        written(OtherRecording("x", (plain,)), "sse")


KEY = "sk-or-v1-0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("form", ["cassette", "har", "sse", "scenario"])
def test_no_key_is_in_what_is_written(tmp_path: Path, form: str) -> None:
    data = others.RUBY.replace("Grüße".encode(), f"{KEY} jane.doe@gmail.com".encode()).replace(
        b'"stream"', b'"api_key":"%s","stream"' % KEY.encode()
    )
    data = data.replace(b"completions\n", b"completions?key=%s\n" % KEY.encode()).replace(
        b"      Content-Type", b"      X-Account:\n      - acme\n      Content-Type"
    )
    source = read_from(tmp_path, data)
    assert KEY in source.interactions[0].stream.body.decode()

    text = written(source, form)[0].decode()
    assert KEY not in text
    assert "acme" not in text
    assert "jane.doe" in text
    assert "jane.doe" not in written(source, form, personal=True)[0].decode()
    if form in ("cassette", "har"):
        assert "acme" in written(source, form, keep_headers=["x-account"])[0].decode()


# --- which form a file has --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"hello", b"{}", b"[]", b"{ not json", b"\xff\xfe", b"- a\n"])
def test_any_other_file_is_refused_with_what_is_read(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(CassetteError, match="HAR, what `curl -i -N` prints") as raised:
        interactions_in(tmp_path / "a")
    assert str(raised.value).startswith(str(tmp_path / "a"))
    with pytest.raises(CassetteError):
        read(tmp_path / "a")


def test_a_damaged_cassette_is_that_and_nothing_else(tmp_path: Path) -> None:
    path = _saved(tmp_path, an_interaction())
    path.write_bytes(path.read_bytes().replace(b"code: 200", b"code: 201"))
    with pytest.raises(CassetteError, match="something in it was changed or lost") as raised:
        interactions_in(path)
    assert "HAR" not in str(raised.value)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(CassetteError):
        interactions_in(path)


@pytest.mark.parametrize("data", [b"orharness: 1\nroutes:\n- chat: hello\n", b'{"orharness": 1, "routes": []}'])
def test_a_scenario_document_is_that_and_nothing_else(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(CassetteError, match="this is a scenario document, not a cassette: play it with") as raised:
        interactions_in(tmp_path / "a")
    assert "HAR" not in str(raised.value)


def test_what_holds_no_bytes_is_refused_with_the_command(tmp_path: Path) -> None:
    (tmp_path / "fixtures.json").write_bytes(others.AIMOCK)
    with pytest.raises(CassetteError, match=r"aimock holds no recorded bytes: .*convert .*fixtures.json --as scenario"):
        interactions_in(tmp_path / "fixtures.json")


def test_a_chosen_form_is_the_only_one(tmp_path: Path) -> None:
    with pytest.raises(CassetteError, match="this is not of the form har"):
        read_from(tmp_path, BODY, form="har")
    with pytest.raises(CassetteError, match=r"'hra' is not a form that is read .did you mean 'har'?"):
        read_from(tmp_path, BODY, form="hra")


def test_lines_of_a_model_that_speaks_ndjson_are_its_body(tmp_path: Path) -> None:
    said = b'{"model":"m","message":{"role":"assistant","content":"hi"},"done":false}\n'
    body = said + b'{"model":"m","done":true,"done_reason":"stop"}\n'
    [found] = read_from(tmp_path, body).interactions
    assert (found.stream.body, found.request.path) == (body, "/api/chat")
    assert len(found.stream.chunks) == 2


def test_events_of_ours_survive(tmp_path: Path) -> None:
    [found] = read_from(tmp_path, others.GO).interactions
    assert [item.data for item in decode(found.stream.body) if isinstance(item, Event)][-1] == "[DONE]"
