"""Messages, Responses, Gemini and Ollama at a server: faces, refusals, bills, time lines, the environment."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from orharness.dialects import GEMINI, MESSAGES, OLLAMA, RESPONSES, Asked, Dialect
from orharness.dialects.completion import Completion
from orharness.gateways import ONEROUTER
from orharness.relay.process import SseProcess
from orharness.report.contents import contents
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from orharness.sse import decode, encode
from orharness.stream import Stream
from orharness.transforms import corrupt, hold
from tests.support.raw import Raw

LAST_CHUNK = b"0\r\n\r\n"
APIS = (MESSAGES, RESPONSES, GEMINI, OLLAMA)
apis = pytest.mark.parametrize("dialect", APIS, ids=lambda each: each.name)


@pytest.fixture
def server(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread, strict=False) as server:
        yield server


def post(server: SseServer, path: str, body: object) -> tuple[int, bytes]:
    """The status of the answer, and its body with the framing of chunks."""
    with Raw(server) as raw:
        raw.post(path, body, "Connection: close\r\n")
        raw.read_all()
        return int(raw.head.split(" ")[1]), raw.body


def message_of(dialect: Dialect, body: bytes) -> str:
    """What the document of an error says; Ollama's is that alone."""
    error = json.loads(body)["error"]
    return str(error if dialect is OLLAMA else error["message"])


def target(dialect: Dialect) -> str:
    """Path and query of a short request for a stream."""
    asked = dialect.example_request
    return f"{asked.path}?{asked.query}"


def test_each_face_answers_its_own_path_only(server: SseServer) -> None:
    routes = (server.messages("x"), server.responses("x"), server.ollama("x"))
    assert [route.name for route in routes] == ["POST /messages", "POST /responses", "POST /api/chat"]
    assert post(server, "/v1/chat/completions", {"stream": True})[0] == 404
    assert post(server, "/api/generate", {"model": "m", "prompt": "hi"})[0] == 404
    bodied = (MESSAGES, RESPONSES, OLLAMA)
    for dialect, key, value in zip(bodied, ("type", "object", "done"), ("message", "response", True), strict=True):
        for prefix in ("/v1", "/api/v1", ""):
            status, body = post(server, prefix + dialect.paths[0], {**dialect.example(), "stream": False})
            assert (status, json.loads(body)[key]) == (200, value)


def test_gemini_answers_both_of_its_methods_for_any_model(server: SseServer) -> None:
    route = server.gemini("one two")
    assert route.name == "POST /models/{model}:{streamGenerateContent|generateContent}"
    status, body = post(server, "/v1beta/models/gemini-2.0-flash:generateContent", GEMINI.example())
    whole = json.loads(body)
    assert (status, whole["modelVersion"], whole["candidates"][0]["finishReason"]) == (200, "gemini-2.0-flash", "STOP")
    asked = "/v1beta/models/gemini-2.0-flash:streamGenerateContent"
    with Raw(server) as raw:
        raw.post(f"{asked}?alt=sse", GEMINI.example())
        raw.read_until(LAST_CHUNK)
        assert "Content-Type: text/event-stream" in raw.head
    with Raw(server) as raw:
        raw.post(asked, GEMINI.example())
        raw.read_until(LAST_CHUNK)
        assert "Content-Type: application/json" in raw.head
    bodies = [call.exchange.body for call in route.calls[1:]]
    chunks = json.loads(bodies[1])
    assert [json.loads(block[6:]) for block in bodies[0].split(b"\r\n\r\n")[:-1]] == chunks
    assert "".join(chunk["candidates"][0]["content"]["parts"][0]["text"] for chunk in chunks) == "one two"
    assert {chunk["modelVersion"] for chunk in chunks} == {"gemini-2.0-flash"}
    bills = [call.bill for call in route.calls if call.wait_ended(20)]
    assert [(bill.tokens_made, bill.counted) for bill in bills if bill] == [(2, "tokens")] * 3
    assert post(server, "/v1beta/models/gemini-2.0-flash:countTokens", GEMINI.example())[0] == 404


VERTEX = "publishers/google/models/g:streamGenerateContent?alt=sse"
AZURE = "api-version=2024-10-21"


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/projects/p/locations/us-central1/{VERTEX}",
        f"/v1beta1/projects/p/locations/global/{VERTEX}",
        f"/v1beta1/{VERTEX}",
        "/v1beta1/models/g:streamGenerateContent?alt=sse",
    ],
)
def test_gemini_answers_at_the_paths_of_vertex(server: SseServer, path: str) -> None:
    route = server.gemini("one two", when={"model": "g"})
    status, body = post(server, path, GEMINI.example())
    assert (status, b'"modelVersion":"g"' in body) == (200, True)
    assert route.call.exchange.request.path == path.partition("?")[0]
    assert post(server, path, {"contents": []})[0] == 400  # refused as at Gemini's own path
    assert post(server, path.replace("/models/", "/endpoints/"), GEMINI.example())[0] == 404


@pytest.mark.parametrize("method", ["streamRawPredict", "rawPredict"])
def test_messages_answer_at_the_path_of_vertex(sse_thread: ServerThread, method: str) -> None:
    path = f"/v1/projects/p/locations/us-east5/publishers/anthropic/models/claude@1:{method}"
    body = {**MESSAGES.example(), "stream": method == "streamRawPredict", "anthropic_version": "vertex-2023-10-16"}
    del body["model"]
    with SseServer(sse_thread, strict=False, gateway="anthropic") as server:
        route = server.messages("one two", when={"model": "claude@1"})
        status, said = post(server, path, body)
        assert (status, b'"model":"claude@1"' in said, b"text_delta" in said) == (200, True, body["stream"])
        del body["anthropic_version"]
        assert post(server, path, body)[0] == 400
        assert len(route.calls) == 1


@pytest.mark.parametrize("path", [f"/openai/deployments/d/chat/completions?{AZURE}", "/openai/v1/chat/completions"])
def test_chat_answers_at_the_paths_of_azure(sse_thread: ServerThread, path: str) -> None:
    """In Azure's older path the deployment is the model, whatever the body names; it names none, or the same."""
    deployed = "deployments" in path
    body = {"messages": [{"role": "user", "content": "hi"}], "stream": True, **({} if deployed else {"model": "d"})}
    with SseServer(sse_thread, strict=False, gateway="azure") as server:
        other, route = server.chat("another"), server.chat("one two", when={"model": "d"})
        assert post(server, path, body)[0] == 200
        assert post(server, path, {**body, "messages": 3})[0] == 400
        assert b'"model":"d"' in route.call.exchange.body
        if deployed:
            assert post(server, path, {**body, "model": "no"})[0] == 200
            assert post(server, path.replace("/d/", "/another/"), {**body, "model": "d"})[0] == 200
        assert [len(one.calls) for one in (route, other)] == ([2, 1] if deployed else [1, 0])


@pytest.mark.parametrize("path", [f"/openai/responses?{AZURE}", "/openai/v1/responses"])
def test_responses_answer_at_the_paths_of_azure(server: SseServer, path: str) -> None:
    server.responses("one two")
    status, body = post(server, path, {**RESPONSES.example(), "background": True})
    identifier = json.loads(body.partition(b"data: ")[2].partition(b"\n")[0])["response"]["id"]
    cancel = path.replace("responses", f"responses/{identifier}/cancel")
    assert (status, post(server, cancel, {})[0]) == (200, 200)


def test_the_tokens_of_a_faulty_array_of_gemini_are_found_in_its_elements(server: SseServer) -> None:
    route = server.gemini(tokens=9, through=[corrupt(-1), hold(after=4)], provider="Anthropic")
    with Raw(server) as raw:
        raw.post(GEMINI.example_request.path, GEMINI.example())
        while raw.received.count(b"responseId") < 4:
            raw.read()
        route.wait_held(20)
    assert route.call.wait_ended(20) == "cancelled"
    bill = route.call.bill
    assert bill is not None
    assert (bill.tokens_written, bill.tokens_made, bill.counted) == (4, 4, "tokens")


def test_a_path_that_only_ends_like_an_endpoint_is_the_users(server: SseServer) -> None:
    path = f"/mine{GEMINI.example_request.path}"
    server.post(f"/mine/v1beta{GEMINI.paths[0]}").stream("mine")
    assert post(server, path, [1])[0] == 200
    assert post(server, GEMINI.example_request.path, [1])[0] == 400


def test_the_list_of_models_is_in_the_form_of_the_prefix_that_is_asked(server: SseServer) -> None:
    found = {}
    for prefix in ("/v1", "/v1beta", "/api/v1", ""):
        with Raw(server) as raw:
            raw.request("GET", f"{prefix}/models", headers="Connection: close\r\n")
            raw.read_all()
            found[prefix] = sorted(json.loads(raw.body))
    assert found == {
        "/v1": ["data", "object"],
        "/v1beta": ["models"],
        "/api/v1": ["data", "object"],
        "": ["data", "object"],
    }


@apis
def test_what_is_refused_takes_no_reply_and_is_in_the_journal(server: SseServer, dialect: Dialect) -> None:
    route = server.answer("x")
    missing = "contents" if dialect is GEMINI else "model"
    status, body = post(server, target(dialect), {**dialect.example(), missing: None})
    assert (status, message_of(dialect, body)) == (400, f"{missing} is required")
    if dialect is GEMINI:
        assert json.loads(body)["error"]["status"] == "INVALID_ARGUMENT"
    elif dialect is not OLLAMA:
        assert json.loads(body)["error"]["type"] == "invalid_request_error"
    assert route.calls == []
    assert server.calls[0].exchange.difference == f"{missing} is required"


@apis
def test_a_route_that_plays_what_its_user_wrote_is_no_api(server: SseServer, dialect: Dialect) -> None:
    server.post(dialect.paths[0]).stream("mine")
    status, body = post(server, target(dialect), {"jsonrpc": "2.0"})
    assert (status, b"data: mine" in body) == (200, True)
    assert post(server, target(dialect), [1])[0] == 400


@apis
def test_a_request_that_no_route_answers_gets_the_difference_in_the_apis_form(
    server: SseServer, dialect: Dialect
) -> None:
    server.answer("x", when={"model": "another", "last_user": {"contains": "weather"}})
    status, body = post(server, target(dialect), dialect.example())
    said = message_of(dialect, body)
    assert status == 404
    assert "last_user: expected a text that contains 'weather', got 'hi'" in said


@apis
def test_the_tokens_of_a_whole_answer_are_billed(server: SseServer, dialect: Dialect) -> None:
    route = server.answer("one two three")
    with Raw(server) as raw:
        raw.post(target(dialect), dialect.example())
        raw.read_until(LAST_CHUNK)
        generation = next((line for line in raw.head.splitlines() if line.startswith("X-Generation-Id")), "")
    route.call.wait_ended(20)
    bill = route.call.bill
    assert bill is not None
    assert (bill.tokens_made, bill.tokens_read, bill.tokens_billed, bill.counted) == (3, 3, 3, "tokens")
    with Raw(server) as raw:
        raw.request("GET", f"/v1/generation?id={generation.partition(': ')[2]}", headers="Connection: close\r\n")
        raw.read_all()
    assert json.loads(raw.body)["data"]["tokens_completion"] == 3


@apis
def test_each_line_of_a_time_line_says_something_of_its_own(dialect: Dialect) -> None:
    stream = dialect.stream(Completion.of("one two", reasoning="hm"), ONEROUTER, Asked())
    said = [" | ".join(part.text for part in content.parts) for content in contents(stream)]
    so_far = {GEMINI: (" | usage 8 + 1 tokens", " | usage 8 + 2 tokens")}.get(dialect, ("", ""))
    assert f'reasoning "hm"{so_far[0]}' in said
    assert f'"one"{so_far[1]}' in said
    assert all(len(line) < 90 for line in said), said
    if dialect is MESSAGES:
        assert said[0] == "usage 8 tokens"
        assert said[1] == "content_block_start: 0 thinking"
        assert said[-2].startswith("finish: stop | usage 8 + 3 tokens")
        assert said[-1].endswith('{"type":"message_stop"}')
    elif dialect is GEMINI:
        assert said[-1] == "finish: stop | usage 8 + 3 tokens | thoughtSignature STOP"
    elif dialect is OLLAMA:
        assert said[-1] == "finish: stop | usage 8 + 3 tokens | done: true stop openai/gpt-4o-mini"
    else:
        assert said[0] == "response.created: in_progress"
        assert said[2] == "response.output_item.added: 0 reasoning"
        assert said[-1] == "finish: stop | usage 8 + 3 tokens | response.completed: completed"


def test_a_process_finds_each_sdks_address_in_its_environment(server: SseServer) -> None:
    script = (
        "import os, socket, time; print(*(os.environ[name] for name in ('OPENAI_BASE_URL', 'ANTHROPIC_BASE_URL',"
        " 'GOOGLE_GEMINI_BASE_URL', 'GOOGLE_VERTEX_BASE_URL', 'OLLAMA_HOST',"
        " 'OPENAI_API_KEY', 'ANTHROPIC_API_KEY', 'GEMINI_API_KEY')),"
        " flush=True);"
        " server = socket.create_server(('127.0.0.1', int(os.environ['PORT']))); time.sleep(60)"
    )
    with SseProcess([sys.executable, "-c", script], server=server) as process:
        said = process.output.split()
    assert said == [server.base_url, *[server.origin] * 4, *["sk-orharness"] * 3]
    assert server.anthropic == {"base_url": server.origin, "api_key": "sk-orharness"}
    assert server.google == {"http_options": {"base_url": server.origin}, "api_key": "sk-orharness"}


def test_a_cancelled_message_that_was_recorded_has_no_count_of_tokens(server: SseServer) -> None:
    """The placeholder of message_start is not billed: events stand for the tokens, as they were sent."""
    whole = MESSAGES.stream(Completion.of("one two three four"), ONEROUTER, Asked())
    cut = Stream.of(*[encode(one) for one in decode(whole.body)][:-3])
    route = server.post("/messages").stream(cut, provider="Groq")
    with Raw(server) as raw:
        raw.post("/v1/messages", MESSAGES.example())
        raw.read_until(LAST_CHUNK)
    route.call.wait_ended(20)
    bill = route.call.bill
    assert bill is not None
    assert (bill.tokens_prompt, bill.tokens_made, bill.counted) == (8, 4, "events")
