"""OpenAI's Python SDK, Responses, against our server: it reads what was written, streamed and not, sync and async."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from orharness.dialects.completion import Failure
from orharness.gateways import ErrorShape
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from orharness.transforms import hold
from tests.support.sdk_answers import ANSWERS, TEXT, Read, answers, check_the_bill_of_a_cancel, expected
from tests.support.sdks import openai

ASKED: Any = {"model": "m", "input": "hi"}


@pytest.fixture(params=["onerouter", "openrouter", "openai"])
def server(request: pytest.FixtureRequest, sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread, gateway=request.param) as server:
        yield server


@pytest.fixture
def client(server: SseServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(**server.openai, max_retries=0) as client:
        yield client


def read(response: Any) -> Read:
    """What a response says."""
    found = Read(text=response.output_text, finish=response.status)
    found.usage = (response.usage.input_tokens, response.usage.output_tokens)
    for item in response.output:
        if item.type == "reasoning":
            found.reasoning += "".join(part.text for part in item.summary)
        if item.type == "function_call":
            found.tools.append((item.call_id, item.name, item.arguments))
    return found


def gathered(events: list[Any]) -> Read:
    """What raw events say: the deltas, and the response at the end."""
    found, calls = Read(), {}
    for event in events:
        match event.type:
            case "response.output_text.delta":
                found.text += event.delta
            case "response.reasoning_summary_text.delta":
                found.reasoning += event.delta
            case "response.output_item.added" if event.item.type == "function_call":
                calls[event.output_index] = [event.item.call_id, event.item.name, ""]
            case "response.function_call_arguments.delta":
                calls[event.output_index][2] += event.delta
            case "response.completed" | "response.incomplete":
                found.finish = event.response.status
                found.usage = (event.response.usage.input_tokens, event.response.usage.output_tokens)
    found.tools = [(one, name, arguments) for one, name, arguments in calls.values()]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    return found


def meant(name: str) -> Read:
    return expected("responses", name)


@answers
def test_a_stream_is_read_as_it_was_written(server: SseServer, client: openai.OpenAI, name: str) -> None:
    route = server.responses(**ANSWERS[name])
    with client.responses.create(**ASKED, stream=True) as raw:
        events = list(raw)
    assert gathered(events) == meant(name)
    assert read(events[-1].response) == meant(name)
    assert route.call.wait_ended(20).finished


@pytest.mark.parametrize("name", ["text", "all of it"])  # of an incomplete response its helper says that it failed
def test_the_helper_reads_a_stream_as_it_was_written(server: SseServer, client: openai.OpenAI, name: str) -> None:
    server.responses(**ANSWERS[name])
    with client.responses.stream(**ASKED) as stream:
        assert read(stream.get_final_response()) == meant(name)


@answers
@pytest.mark.asyncio
async def test_an_async_stream_is_read_as_it_was_written(server: SseServer, name: str) -> None:
    server.responses(**ANSWERS[name])
    async with (
        openai.AsyncOpenAI(**server.openai, max_retries=0) as client,
        await client.responses.create(**ASKED, stream=True) as raw,
    ):
        assert gathered([event async for event in raw]) == meant(name)


@answers
@pytest.mark.asyncio
async def test_an_answer_that_is_not_streamed_is_read_as_it_was_written(
    server: SseServer, client: openai.OpenAI, name: str
) -> None:
    server.responses(**ANSWERS[name])
    assert read(client.responses.create(**ASKED)) == meant(name)
    async with openai.AsyncOpenAI(**server.openai, max_retries=0) as aclient:
        assert read(await aclient.responses.create(**ASKED)) == meant(name)


def test_a_refusal_is_a_part_of_its_own(server: SseServer, client: openai.OpenAI) -> None:
    server.responses("", refusal="I would rather not.")
    with client.responses.stream(**ASKED) as stream:
        (message,) = stream.get_final_response().output
    assert message.type == "message"
    assert [part.to_dict() for part in message.content] == [{"type": "refusal", "refusal": "I would rather not."}]


def test_an_error_in_the_stream_is_an_event_and_the_response_has_failed(
    server: SseServer, client: openai.OpenAI
) -> None:
    server.responses(TEXT, error=Failure("gone", 502, after=2))
    with client.responses.create(**ASKED, stream=True) as raw:
        *_, error, failed = raw
    assert (error.type, error.code, error.message) == ("error", "server_error", "gone")
    assert failed.type == "response.failed"
    assert failed.response.error is not None
    assert (failed.response.error.code, failed.response.error.message) == ("server_error", "gone")


def test_an_error_in_the_form_of_a_chat_is_raised(server: SseServer, client: openai.OpenAI) -> None:
    server.responses(TEXT, error=Failure("gone", 502, after=2, shape=ErrorShape.BARE))
    with client.responses.create(**ASKED, stream=True) as raw, pytest.raises(openai.APIError, match="gone"):
        list(raw)


def test_an_answer_that_fails_has_the_status_of_its_error(server: SseServer, client: openai.OpenAI) -> None:
    server.responses("", error=Failure("slow down", 429))
    with pytest.raises(openai.RateLimitError, match="slow down"):
        client.responses.create(**ASKED)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"input": "hi"}, "model is required"),
        ({"model": "m"}, "input is required"),
        ({"model": "m", "input": [{"role": "boss", "content": "x"}]}, r"input\[0\].role must be one of user"),
        ({**ASKED, "max_output_tokens": 1}, "max_output_tokens must be 16 or more"),
        ({**ASKED, "stream_options": {"include_obfuscation": False}}, "stream_options is for a request with"),
    ],
)
def test_what_the_api_refuses_is_refused(sse_thread: ServerThread, asked: Any, said: str) -> None:
    with SseServer(sse_thread, strict=False) as server:
        route = server.responses(TEXT)
        with (
            openai.OpenAI(**server.openai, max_retries=0) as client,
            pytest.raises(openai.BadRequestError, match=said),
        ):
            client.responses.create(**asked)
        assert route.calls == []


def test_a_stream_that_is_left_stops_the_model(server: SseServer, client: openai.OpenAI) -> None:
    route = server.responses(tokens=500, through=[hold(after=8)], provider="OpenAI")
    with client.responses.create(**ASKED, stream=True) as stream:
        for _ in range(4):
            next(event for event in stream if event.type == "response.output_text.delta")
        with route.expect_disconnect(within=20):
            stream.close()
    check_the_bill_of_a_cancel(route)


def test_one_route_answers_each_api_in_its_own_form(server: SseServer, client: openai.OpenAI) -> None:
    server.answer(TEXT)
    assert client.responses.create(**ASKED).output_text == TEXT
    chat = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
    assert chat.choices[0].message.content == TEXT
