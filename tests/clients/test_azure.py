"""OpenAI's Python SDK for Azure against our server: its paths, its names of deployments, its key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from orharness.transforms import hold
from tests.support.sdks import openai

TEXT = "Grüße, 世界"
MESSAGES: Any = [{"role": "user", "content": "hi"}]
VERSION = "2024-10-21"


@pytest.fixture
def server(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread, gateway="azure") as server:
        yield server


def options(server: SseServer, **more: Any) -> dict[str, Any]:
    return {"azure_endpoint": server.origin, "api_key": "any", "api_version": VERSION, "max_retries": 0, **more}


@pytest.fixture
def client(server: SseServer) -> Iterator[openai.AzureOpenAI]:
    with openai.AzureOpenAI(**options(server)) as client:
        yield client


def text_of(chunks: Any) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def test_a_chat_of_a_deployment(server: SseServer, client: openai.AzureOpenAI) -> None:
    route = server.chat(TEXT, when={"model": "mine"})
    assert text_of(client.chat.completions.create(model="mine", messages=MESSAGES, stream=True)) == TEXT
    whole = client.chat.completions.create(model="mine", messages=MESSAGES)
    assert whole.choices[0].message.content == TEXT
    request = route.calls[0].exchange.request
    assert (request.path, request.query) == ("/openai/deployments/mine/chat/completions", f"api-version={VERSION}")
    assert request.header("api-key") is not None


def test_the_clients_deployment_answers_whatever_the_body_names(server: SseServer) -> None:
    server.chat(TEXT, when={"model": "mine"})
    with openai.AzureOpenAI(**options(server, azure_deployment="mine")) as client:
        chunks = list(client.chat.completions.create(model="another", messages=MESSAGES, stream=True))
    assert (text_of(chunks), {chunk.model for chunk in chunks if chunk.choices}) == (TEXT, {"mine"})


@pytest.mark.asyncio
async def test_an_async_chat(server: SseServer) -> None:
    server.chat(TEXT)
    async with openai.AsyncAzureOpenAI(**options(server)) as client:
        stream = await client.chat.completions.create(model="mine", messages=MESSAGES, stream=True)
        assert text_of([chunk async for chunk in stream]) == TEXT


@pytest.mark.slow
def test_responses(server: SseServer, client: openai.AzureOpenAI) -> None:
    route = server.responses(TEXT)
    with client.responses.stream(model="mine", input="hi") as stream:
        assert stream.get_final_response().output_text == TEXT
    assert route.call.exchange.request.path == "/openai/responses"


def test_a_response_in_the_background_is_cancelled_by_its_call(server: SseServer, client: openai.AzureOpenAI) -> None:
    server.responses(tokens=500, pace=1)
    made = client.responses.create(model="mine", input="hi", background=True)
    assert client.responses.cancel(made.id).status == "cancelled"


def test_the_newer_path_without_a_dated_version(server: SseServer) -> None:
    chat, responses = server.chat(TEXT), server.responses(TEXT)
    with openai.OpenAI(base_url=f"{server.origin}/openai/v1/", api_key="any") as client:
        assert text_of(client.chat.completions.create(model="m", messages=MESSAGES, stream=True)) == TEXT
        assert client.responses.create(model="m", input="hi").output_text == TEXT
    paths = [route.call.exchange.request.path for route in (chat, responses)]
    assert paths == ["/openai/v1/chat/completions", "/openai/v1/responses"]


def test_the_list_of_models(sse_thread: ServerThread) -> None:
    with SseServer(sse_thread, models=["mine"]) as server, openai.AzureOpenAI(**options(server)) as client:
        assert [model.id for model in client.models.list()] == ["mine"]


def test_what_is_refused_is_an_error_of_the_sdk(sse_thread: ServerThread) -> None:
    with (
        SseServer(sse_thread, gateway="azure", strict=False) as server,
        openai.AzureOpenAI(**options(server)) as client,
    ):
        server.chat(TEXT)
        with pytest.raises(openai.BadRequestError, match="role"):
            client.chat.completions.create(model="mine", messages=[{"role": "no", "content": ""}])  # type: ignore[misc, list-item]


def test_a_chat_that_is_left_stops_the_model(server: SseServer, client: openai.AzureOpenAI) -> None:
    route = server.chat(tokens=500, through=[hold(after=4)], provider="Azure")
    stream = client.chat.completions.create(model="mine", messages=MESSAGES, stream=True)
    next(stream)
    with route.expect_disconnect(within=20):
        stream.close()
    route.call.assert_upstream_stopped()
