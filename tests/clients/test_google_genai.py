"""Google's Python SDK against our server: it reads what was written, streamed and not, sync and async."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from orharness.dialects import GEMINI
from orharness.dialects.completion import Failure
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from orharness.sse import decode
from orharness.stream import Ending
from orharness.transforms import after_event, hold, per_byte, truncate
from tests.support.sdk_answers import ANSWERS, CALLS, TEXT, Read, answers, check_the_bill_of_a_cancel, expected
from tests.support.sdks import genai, google_credentials, google_errors, google_types

pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession")  # the SDK's own
ASKED: Any = {"model": "gemini-2.0-flash", "contents": "hi"}


@pytest.fixture
def server(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread) as server:
        yield server


@pytest.fixture
def client(server: SseServer) -> Iterator[genai.Client]:
    with client_of(server) as client:
        yield client


def client_of(server: SseServer) -> genai.Client:
    return genai.Client(**server.google)  # type: ignore[arg-type]


@asynccontextmanager
async def async_client_of(server: SseServer) -> AsyncIterator[Any]:
    client = client_of(server)
    try:
        yield client.aio
    finally:
        await client.aio.aclose()
        client.close()


def read(chunks: Iterable[google_types.GenerateContentResponse]) -> Read:
    """What the chunks of an answer say."""
    found = Read()
    for chunk in chunks:
        (candidate,) = chunk.candidates or []
        for part in (candidate.content and candidate.content.parts) or []:
            if part.thought:
                found.reasoning += part.text or ""
            else:
                found.text += part.text or ""
            if part.function_call:
                call = part.function_call
                found.tools.append((str(call.id), str(call.name), json.dumps(call.args, ensure_ascii=False)))
        usage = chunk.usage_metadata
        assert usage is not None
        made = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
        found.usage = (usage.prompt_token_count or 0, made)
        found.finish = candidate.finish_reason.value if candidate.finish_reason else found.finish
    return found


def meant(name: str) -> Read:
    return expected("gemini", name)


@answers
def test_a_stream_is_read_as_it_was_written(server: SseServer, client: genai.Client, name: str) -> None:
    route = server.gemini(**ANSWERS[name])
    assert read(client.models.generate_content_stream(**ASKED)) == meant(name)
    assert route.call.wait_ended(20).finished
    request = route.call.exchange.request
    assert (request.path, request.query) == ("/v1/models/gemini-2.0-flash:streamGenerateContent", "alt=sse")


@answers
@pytest.mark.asyncio
async def test_an_async_stream_is_read_as_it_was_written(server: SseServer, name: str) -> None:
    server.gemini(**ANSWERS[name])
    async with async_client_of(server) as client:
        assert read([chunk async for chunk in await client.models.generate_content_stream(**ASKED)]) == meant(name)


@answers
@pytest.mark.asyncio
async def test_an_answer_that_is_not_streamed_is_read_as_it_was_written(
    server: SseServer, client: genai.Client, name: str
) -> None:
    server.gemini(**ANSWERS[name])
    whole = client.models.generate_content(**ASKED)
    assert read([whole]) == meant(name)
    assert (whole.model_version, bool(whole.response_id)) == ("gemini-2.0-flash", True)
    async with async_client_of(server) as aclient:
        assert read([await aclient.models.generate_content(**ASKED)]) == meant(name)


@pytest.mark.slow
def test_a_stream_is_read_whatever_the_chunks(server: SseServer, client: genai.Client) -> None:
    server.gemini(TEXT, through=[per_byte()])
    assert read(client.models.generate_content_stream(**ASKED)) == meant("text")


def test_a_refusal_stops_for_safety(server: SseServer, client: genai.Client) -> None:
    route = server.gemini("", refusal="I would rather not.")
    *_, last = client.models.generate_content_stream(**ASKED)
    (candidate,) = last.candidates or []
    assert candidate.finish_reason is google_types.FinishReason.SAFETY
    assert candidate.finish_message is None  # this SDK drops what explains it
    assert GEMINI.fold(decode(route.call.exchange.body)).refusal == "I would rather not."


def test_a_prompt_that_is_blocked(server: SseServer, client: genai.Client) -> None:
    blocked = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 3}}
    server.post(GEMINI.paths[0]).stream(json.dumps(blocked))
    (chunk,) = client.models.generate_content_stream(**ASKED)
    assert chunk.prompt_feedback is not None
    assert chunk.prompt_feedback.block_reason is google_types.BlockedReason.PROHIBITED_CONTENT


def test_an_error_in_the_stream_reaches_the_caller(server: SseServer, client: genai.Client) -> None:
    server.gemini(TEXT, error=Failure("The model is overloaded.", 503, after=2))
    said: list[str] = []
    with pytest.raises(google_errors.ServerError, match="The model is overloaded") as raised:
        said.extend(chunk.text or "" for chunk in client.models.generate_content_stream(**ASKED))
    assert (raised.value.code, raised.value.status) == (503, "UNAVAILABLE")
    assert server.calls[0].exchange.status == 200


@pytest.mark.asyncio
async def test_an_answer_that_fails_has_the_status_of_its_error(server: SseServer, client: genai.Client) -> None:
    server.gemini("", error=Failure("slow down", 429))
    with pytest.raises(google_errors.ClientError, match="slow down") as raised:
        client.models.generate_content(**ASKED)
    assert (raised.value.code, raised.value.status) == (429, "RESOURCE_EXHAUSTED")
    async with async_client_of(server) as aclient:
        with pytest.raises(google_errors.ClientError, match="slow down"):
            await aclient.models.generate_content(**ASKED)


def test_what_no_route_answers_is_an_error_of_this_api(sse_thread: ServerThread) -> None:
    with (
        SseServer(sse_thread, strict=False) as server,
        client_of(server) as client,
        pytest.raises(google_errors.ClientError) as raised,
    ):
        client.models.generate_content(**ASKED)
    assert (raised.value.code, raised.value.status) == (404, "NOT_FOUND")


def test_what_the_api_refuses_is_refused(sse_thread: ServerThread) -> None:
    with SseServer(sse_thread, strict=False) as server, client_of(server) as client:
        route = server.gemini(TEXT)
        config = google_types.GenerateContentConfig(max_output_tokens=0)
        with pytest.raises(google_errors.ClientError, match="maxOutputTokens must be 1 or more"):
            list(client.models.generate_content_stream(**ASKED, config=config))
        assert route.calls == []


def test_a_turn_with_the_results_of_tools(server: SseServer, client: genai.Client) -> None:
    server.gemini("", tool_calls=CALLS[:1], when={"turn": 1})
    asked = server.gemini("It is sunny.", when={"last_user": {"contains": "weather"}})
    first = read([client.models.generate_content(model="m", contents="hi")])
    assert first.tools == [("call_1", "get_weather", '{"city": "Zürich"}')]
    contents: Any = [
        google_types.UserContent("What is the weather?"),
        google_types.ModelContent(google_types.Part.from_function_call(name="get_weather", args={"city": "Zürich"})),
        google_types.UserContent(
            google_types.Part.from_function_response(name="get_weather", response={"sky": "sunny"})
        ),
    ]
    again = read(client.models.generate_content_stream(model="m", contents=contents))
    assert again.text == "It is sunny."
    assert asked.call.finished


def test_a_key_is_sent_as_google_wants_it(sse_thread: ServerThread) -> None:
    with SseServer(sse_thread, gateway="google") as server, client_of(server) as client:
        server.gemini(TEXT)
        assert read(client.models.generate_content_stream(**ASKED)).text == TEXT


# Vertex AI: another base path, a project or a key


def key_of_vertex(server: SseServer) -> genai.Client:
    return genai.Client(vertexai=True, **server.google)  # type: ignore[arg-type]


def project_of_vertex(server: SseServer) -> genai.Client:
    options = google_types.HttpOptions(base_url=server.origin, api_version="v1")
    logged_in = google_credentials.Credentials("token")  # type: ignore[no-untyped-call]
    return genai.Client(vertexai=True, project="p", location="us-central1", credentials=logged_in, http_options=options)


of_vertex = pytest.mark.parametrize(
    ("make", "base"),
    [
        (key_of_vertex, "/v1beta1/publishers/google"),
        (project_of_vertex, "/v1/projects/p/locations/us-central1/publishers/google"),
    ],
)


@of_vertex
@answers
@pytest.mark.asyncio
async def test_vertex_is_read_as_it_was_written(
    sse_thread: ServerThread, make: Callable[[SseServer], genai.Client], base: str, name: str
) -> None:
    with SseServer(sse_thread, gateway="google") as server, make(server) as client:
        route = server.gemini(**ANSWERS[name], when={"model": "gemini-2.0-flash"})
        assert read(client.models.generate_content_stream(**ASKED)) == meant(name)
        assert read([client.models.generate_content(**ASKED)]) == meant(name)
        assert read([chunk async for chunk in await client.aio.models.generate_content_stream(**ASKED)]) == meant(name)
        await client.aio.aclose()
        asked = [(call.exchange.request.path, call.exchange.request.query) for call in route.calls]
        streamed, whole = (
            f"{base}/models/gemini-2.0-flash:{how}" for how in ("streamGenerateContent", "generateContent")
        )
        assert asked == [(streamed, "alt=sse"), (whole, ""), (streamed, "alt=sse")]


# Leaving


def test_a_stream_that_is_left_stops_the_model(server: SseServer, client: genai.Client) -> None:
    route = server.gemini(tokens=500, through=[hold(after=4)], provider="Anthropic")
    stream: Any = client.models.generate_content_stream(**ASKED)
    for _ in range(4):
        next(stream)
    with route.expect_disconnect(within=20):
        client.close()
    check_the_bill_of_a_cancel(route)


@pytest.mark.asyncio
async def test_an_async_stream_that_is_left_stops_the_model(server: SseServer) -> None:
    route = server.gemini(tokens=500, through=[hold(after=4)], provider="Anthropic")
    async with async_client_of(server) as client:
        stream = await client.models.generate_content_stream(**ASKED)
        for _ in range(4):
            await anext(stream)
        await stream.aclose()  # this SDK keeps the connection: what it reads from is not closed with it
        async with route.expect_disconnect(within=20):
            await client.aclose()
    check_the_bill_of_a_cancel(route)


def test_google_goes_on_without_its_client(server: SseServer, client: genai.Client) -> None:
    route = server.gemini(tokens=500, through=[hold(after=4)], provider="Google AI Studio")
    stream: Any = client.models.generate_content_stream(**ASKED)
    for _ in range(4):
        next(stream)
    with route.expect_disconnect(within=20):
        client.close()
    with pytest.raises(AssertionError, match="496 tokens"):
        route.call.assert_upstream_stopped()


def test_a_stream_that_is_cut_has_the_count_so_far(server: SseServer, client: genai.Client) -> None:
    """The SDK says nothing of the cut; what it read has the counts of the last chunk."""
    route = server.gemini(TEXT, through=[truncate(after_event(3), Ending.EOF)])
    found = read(client.models.generate_content_stream(**ASKED))
    assert (found.finish, found.usage) == (None, (8, 3))
    said = GEMINI.fold(decode(route.call.exchange.body))
    assert (said.complete, said.tokens_prompt, said.tokens_made) == (False, 8, 3)
