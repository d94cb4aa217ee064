"""What changed of an answer's grammar is said, and what a model says differently is not."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from orharness.cassette import Interaction, RecordedRequest, load, save
from orharness.cli.app import app
from orharness.errors import OrharnessError
from orharness.recording.comparison import differences
from orharness.server.facade import SseServer
from orharness.stream import Chunk, Ending, Framing, Stream
from orharness.transforms import comments, truncate

REQUEST = RecordedRequest("POST", "https://llm.onerouter.pro/v1/chat/completions", (), b"{}")
STREAM_HEADERS = (("Content-Type", "text/event-stream"),)


def event(*, usage: dict[str, Any] | None = None, finish: str | None = None, **delta: Any) -> bytes:
    document: dict[str, Any] = {"id": "gen-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    document["choices"] = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: %b\n\n" % json.dumps(document | ({"usage": usage} if usage else {})).encode()


DONE = b"data: [DONE]\n\n"
FIRST, LAST = event(role="assistant", content=""), event(finish="stop", usage={"total_tokens": 3})
PLAIN = [FIRST, event(content="a"), event(content="b"), LAST, DONE]


def answer(chunks: Iterable[bytes], delay: float = 0.02, ending: Ending = Ending.EOF, **more: Any) -> Interaction:
    stream = Stream(tuple(Chunk(data, delay) for data in chunks), ending)
    return Interaction(REQUEST, headers=STREAM_HEADERS, stream=stream, ending_recorded=ending.value, **more)


@pytest.mark.parametrize(
    "now",
    [
        PLAIN,
        [
            FIRST,
            *(event(content=word) for word in ["other", "words,", "and", "many", "more", "of", "them"]),
            LAST,
            DONE,
        ],
        [FIRST, event(content="x"), event(finish="stop", usage={"total_tokens": 99}), DONE],
    ],
)
def test_other_words_are_no_change(now: list[bytes]) -> None:
    assert differences(answer(PLAIN), answer(now)) == []


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (
            [FIRST, event(content="a", reasoning="b"), *PLAIN[2:]],
            [
                "fields: choices[].delta.reasoning is new (text)",
                "order: events of delta.content + delta.reasoning are new",
            ],
        ),
        (
            [FIRST, event(content="a"), event(finish="stop", usage={"total_tokens": "3"}), DONE],
            ["fields: usage.total_tokens was number, and is text"],
        ),
        (
            [FIRST, event(content="a"), event(finish="stop"), DONE],
            [
                "fields: usage.total_tokens is gone (it was number)",
                "order: events of finish_reason are new",
                "order: events of finish_reason + usage are gone",
            ],
        ),
        (
            [FIRST, event(content="a"), event(finish="end_turn", usage={"total_tokens": 3}), DONE],
            ["fields: choices[].finish_reason has the new value end_turn (before: stop)"],
        ),
        (
            PLAIN[:-1],
            ["order: events of [DONE] are gone", "end: the last event for a client was [DONE], and is none"],
        ),
        (
            [FIRST, LAST, event(content="a"), DONE],
            [
                "order: finish_reason + usage comes after (empty) now",
                "order: delta.content comes after finish_reason + usage now",
                "order: [DONE] comes after delta.content now",
            ],
        ),
        ([b": ONEROUTER PROCESSING\n\n", *PLAIN], ["comments: ' ONEROUTER PROCESSING' is new"]),
    ],
)
def test_a_change_of_the_grammar_is_said(now: list[bytes], said: list[str]) -> None:
    assert differences(answer(PLAIN), answer(now)) == said


def test_heads_endings_and_pacing() -> None:
    before = answer(PLAIN * 2, head=0.2)
    whole = replace(before.stream, framing=Framing.LENGTH)
    assert differences(before, replace(before, status=429)) == ["status: 200 before, 429 now"]
    assert differences(before, replace(before, stream=whole)) == ["framing of the body: chunked before, length now"]
    assert differences(before, replace(before, headers=(("Content-Type", "text/plain"),))) == [
        "Content-Type: text/event-stream before, text/plain now"
    ]
    assert differences(before, answer(PLAIN * 2, ending=Ending.RESET, head=0.2)) == ["end: eof before, reset now"]
    assert differences(before, answer(PLAIN * 2, delay=0.03, head=0.5)) == []  # chance
    assert differences(answer(PLAIN * 2, head=0.002), answer(PLAIN * 2, head=0.045)) == []  # of a connection, perhaps
    assert differences(before, answer(PLAIN * 2, delay=0.2, head=2.0)) == [
        "pacing: the head came after 0.200 s, and comes after 2.000 s",
        "pacing: half of the gaps between chunks were below 0.020 s, and are below 0.200 s",
    ]
    assert differences(before, answer([b"".join(PLAIN[:4])] * 6, head=0.2))[-1] == (
        "pacing: a chunk had 1.0 events, and has 4.0"
    )
    assert differences(before, answer([], ending=Ending.RESET, status=None)) == ["status: 200 before, no response now"]
    refused = answer([], ending=Ending.RESET, status=None)
    assert differences(before, replace(refused, note="a did not answer: cannot connect")) == [
        "status: 200 before, no response now: a did not answer: cannot connect"
    ]


def test_named_events_and_documents() -> None:
    named = [b'event: message_start\ndata: {"type": "message_start"}\n\n', b'event: ping\ndata: {"type": "ping"}\n\n']
    assert differences(answer(named), answer(named[:1])) == ["order: events of ping are gone"]
    models = Interaction(REQUEST, headers=(("Content-Type", "application/json"),), stream=Stream.of(b'{"data": [1]}'))
    other = replace(models, stream=Stream.of(b'{"data": [1], "more": null}'))
    assert differences(models, models) == []
    assert differences(models, other) == ["fields: more is new (null)"]


def compare(file: Path, *upstreams: str) -> tuple[int, str, str]:
    make: Any = CliRunner
    apart = {"mix_stderr": False} if "mix_stderr" in signature(CliRunner).parameters else {}  # click before 8.2
    options = [part for one in upstreams for part in (one if " " in one else f"--upstream {one}").split()]
    result = make(**apart).invoke(app, ["cassette", "compare", str(file), *options])
    if isinstance(result.exception, OrharnessError):
        return 2, "", str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="the recorder is not stopped by a signal there")
def test_a_service_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, body = tmp_path / "a.yaml", b'{"model": "m", "messages": [], "stream": true}'
    asked = RecordedRequest(
        "POST", "https://gateway.example/api/v1/chat/completions?a=b", (("Content-Type", "application/json"),), body
    )
    with SseServer(pacing="instant") as server:
        server.chat("hello there, you all")
        recorded = _recorded_from(server, asked)
        cut = replace(recorded.stream, ending=Ending.ABORT)
        left = replace(recorded, ending_recorded="client_disconnected", stream=cut)
        save(file, [recorded, left])

    with SseServer(pacing="instant") as server:
        server.chat("quite other words")
        code, said, _ = compare(file, server.base_url)
        assert (code, re.sub(r"^.*pacing: .*\n", "", said, flags=re.M)) == (0 if not said else 1, "")
        (request,) = [call.exchange.request for call in server.calls]
        assert (request.path, request.query, request.body) == ("/v1/chat/completions", "a=b", body)

    with SseServer(pacing="instant") as server:
        server.chat("x", through=[comments(": ONEROUTER PROCESSING", every=1), truncate(-20, Ending.ABORT)])
        code, said, _ = compare(file, server.base_url)
    assert code == 1
    assert f"{file}: 1: POST /api/v1/chat/completions: end: eof before, abort now" in said
    assert "comments: ' ONEROUTER PROCESSING' is new" in said
    assert load(file)[0].stream == recorded.stream


def to_host(host: str, text: str = "{}") -> Interaction:
    return replace(
        answer(PLAIN), request=replace(REQUEST, uri=f"https://{host}/v1/chat/completions", body=text.encode())
    )


@pytest.mark.skipif(sys.platform == "win32", reason="the recorder is not stopped by a signal there")
def test_each_host_of_a_cassette_has_its_own_upstream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.yaml"
    bodies = [json.dumps({"model": name, "stream": True, "messages": []}) for name in ("a", "b", "c")]
    save(
        file,
        [to_host(host, body) for host, body in zip(("A.example", "b.example:8443", "a.example"), bodies, strict=True)],
    )
    monkeypatch.setenv("KEY_OF_B", "the-key-of-b")
    with SseServer(pacing="instant") as one, SseServer(pacing="instant") as other:
        one.chat("x")
        other.post("/v1/chat/completions").respond(json={"a": 1})
        given = (f"a.example={one.base_url}", f"b.example:8443={other.base_url}", "--key-env b.example:8443=KEY_OF_B")
        code, said, _ = compare(file, *given)
        assert [call.exchange.request.body.decode() for call in one.calls] == bodies[::2]
        (request,) = [call.exchange.request for call in other.calls]
        assert request.body.decode() == bodies[1]
        assert request.header("Authorization") == "Bearer the-key-of-b"
        assert all(call.exchange.request.header("Authorization") is None for call in one.calls)
    assert code == 1
    assert re.findall(r"a.yaml: (\d): .*Content-Type", said) == [
        "2"
    ]  # in the order of the cassette, not of the services


@pytest.mark.parametrize(
    ("upstreams", "said"),
    [
        (
            ["http://x/v1"],
            "a.yaml: requests went to a.example and b.example, and an --upstream without a name is for one host: write"
            " --upstream a.example=URL --upstream b.example=URL",
        ),
        (
            ["a.example=http://x/v1"],
            "requests went to b.example, and no --upstream is for them: write --upstream b.example",
        ),
        (["messages=http://x", "a.example=http://x/v1"], "requests went to b.example, and no --upstream is for them"),
        (
            ["c.example=http://x/v1"],
            "--upstream c.example=…: c.example is neither an API (chat, gemini, messages, ollama, responses) nor",
        ),
        (["a.example=http://x", "a.example=http://y"], "a.example=http://y: there is one already for a.example"),
        (["http://x", "http://y"], "--upstream http://y: there is one already; write HOST=http://y"),
        (["http://x", "a.example=http://x", "--key-env b.example=KEY"], "the key of b.example has no --upstream to go"),
    ],
)
def test_a_host_without_an_upstream_is_refused(tmp_path: Path, upstreams: list[str], said: str) -> None:
    file = tmp_path / "a.yaml"
    save(file, [to_host("a.example"), to_host("b.example")])
    code, _, told = compare(file, *upstreams)
    assert code == 2
    assert said in told
    assert "\n" not in told


def _recorded_from(server: SseServer, asked: RecordedRequest) -> Interaction:
    """The answer of a server, as a recorder would have kept it."""
    import httpx

    with httpx.stream("POST", server.base_url + "/chat/completions", content=asked.body) as response:
        chunks = tuple(Chunk(data) for data in response.iter_raw())
    headers = (("Content-Type", response.headers["Content-Type"]),)
    return Interaction(asked, headers=headers, stream=Stream(chunks))
