"""Anthropic's Python SDK against our server: it reads what was written, streamed and not, sync and async."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from orharness.dialects import MESSAGES, Asked
from orharness.dialects.completion import Completion, Failure
from orharness.gateways import ANTHROPIC
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from orharness.sse import Event, decode
from orharness.stream import Ending
from orharness.transforms import hold, truncate
from tests.support.sdk_answers import ANSWERS, CALLS, TEXT, Read, answers, check_the_bill_of_a_cancel, expected
from tests.support.sdks import anthropic

ASKED: Any = {"model": "m", "max_tokens": 2000, "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def server(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread) as server:
        yield server


@pytest.fixture
def client(server: SseServer) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(**server.anthropic, max_retries=0) as client:
        yield client


def read(message: Any) -> Read:
    """What a message says."""
    found = Read(finish=message.stop_reason, usage=(message.usage.input_tokens, message.usage.output_tokens))
    for block in message.content:
        match block.type:
            case "text":
                found.text += block.text
            case "thinking":
                assert block.signature
                found.reasoning += block.thinking
            case "tool_use":
                found.tools.append((block.id, block.name, json.dumps(block.input, ensure_ascii=False)))
    return found


def gathered(events: list[Any]) -> Read:
    """What raw events say, put together as the manual has it."""
    found, json_parts = Read(), {}
    for event in events:
        match event.type:
            case "content_block_start" if event.content_block.type == "tool_use":
                json_parts[event.index] = [event.content_block.id, event.content_block.name, ""]
            case "content_block_delta":
                match event.delta.type:
                    case "text_delta":
                        found.text += event.delta.text
                    case "thinking_delta":
                        found.reasoning += event.delta.thinking
                    case "input_json_delta":
                        json_parts[event.index][2] += event.delta.partial_json
            case "message_delta":
                found.finish = event.delta.stop_reason
                found.usage = (event.usage.input_tokens, event.usage.output_tokens)
    found.tools = [(one, name, arguments) for one, name, arguments in json_parts.values()]
    return found


def meant(name: str) -> Read:
    return expected("messages", name)


@answers
def test_a_stream_is_read_as_it_was_written(server: SseServer, client: anthropic.Anthropic, name: str) -> None:
    route = server.messages(**ANSWERS[name])
    with client.messages.stream(**ASKED) as stream:
        assert read(stream.get_final_message()) == meant(name)
    with client.messages.create(**ASKED, stream=True) as raw:
        assert gathered(list(raw)) == meant(name)
    assert all(call.wait_ended(20) == "completed" for call in route.calls)


@answers
@pytest.mark.asyncio
async def test_an_async_stream_is_read_as_it_was_written(server: SseServer, name: str) -> None:
    server.messages(**ANSWERS[name])
    async with anthropic.AsyncAnthropic(**server.anthropic, max_retries=0) as client:
        async with client.messages.stream(**ASKED) as stream:
            assert read(await stream.get_final_message()) == meant(name)
        async with await client.messages.create(**ASKED, stream=True) as raw:
            assert gathered([event async for event in raw]) == meant(name)


@answers
@pytest.mark.asyncio
async def test_an_answer_that_is_not_streamed_is_read_as_it_was_written(
    server: SseServer, client: anthropic.Anthropic, name: str
) -> None:
    server.messages(**ANSWERS[name])
    assert read(client.messages.create(**ASKED)) == meant(name)
    async with anthropic.AsyncAnthropic(**server.anthropic, max_retries=0) as aclient:
        assert read(await aclient.messages.create(**ASKED)) == meant(name)


def test_pings_change_nothing(server: SseServer, client: anthropic.Anthropic) -> None:
    written = MESSAGES.write(Completion.of(TEXT), ANTHROPIC, Asked())
    ping = Event("ping", '{"type": "ping"}')
    assert written.events[2].type == "ping"  # as Anthropic sends it
    server.post("/messages").stream(*(one for event in written.events for one in (ping, event)))
    with client.messages.stream(**ASKED) as stream:
        assert read(stream.get_final_message()) == meant("text")


def test_a_refusal_is_explained(server: SseServer, client: anthropic.Anthropic) -> None:
    server.messages("", refusal="I would rather not.")
    with client.messages.stream(**ASKED) as stream:
        message = stream.get_final_message()
    assert message.stop_reason == "refusal"
    assert message.stop_details is not None
    assert message.stop_details.explanation == "I would rather not."


def test_an_error_in_the_stream_reaches_the_caller(server: SseServer, client: anthropic.Anthropic) -> None:
    server.messages(TEXT, error=Failure("Overloaded", 529, after=2))
    said: list[str] = []
    with client.messages.stream(**ASKED) as stream, pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        said.extend(stream.text_stream)
    assert "".join(said) == "Grüße,"


def test_an_answer_that_fails_has_the_status_of_its_error(server: SseServer, client: anthropic.Anthropic) -> None:
    server.messages("", error=Failure("slow down", 429))
    with pytest.raises(anthropic.RateLimitError, match="slow down"):
        client.messages.create(**ASKED)


def test_what_no_route_answers_is_an_error_of_this_api(sse_thread: ServerThread) -> None:
    with SseServer(sse_thread, strict=False) as server:
        client = anthropic.Anthropic(**server.anthropic, max_retries=0)
        with pytest.raises(anthropic.NotFoundError) as raised:
            client.messages.create(**ASKED)
        client.close()
    assert isinstance(raised.value.body, dict)
    assert raised.value.body["error"]["type"] == "not_found_error"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"messages": []}, "messages: at least one message is required"),
        ({"max_tokens": 0}, "max_tokens must be 1 or more"),
        ({"messages": [{"role": "system", "content": "be brief"}]}, "system is a parameter of the request"),
    ],
)
def test_what_the_api_refuses_is_refused(sse_thread: ServerThread, wrong: dict[str, Any], said: str) -> None:
    with SseServer(sse_thread, strict=False) as server:
        route = server.messages(TEXT)
        with (
            anthropic.Anthropic(**server.anthropic, max_retries=0) as client,
            pytest.raises(anthropic.BadRequestError, match=said),
        ):
            client.messages.create(**{**ASKED, **wrong})
        assert route.calls == []


def test_a_turn_with_the_results_of_tools(server: SseServer, client: anthropic.Anthropic) -> None:
    server.messages("", tool_calls=CALLS[:1], when={"turn": 1})
    asked = server.messages("It is sunny.", when={"last_user": {"contains": "weather"}})
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": "sunny"}
    use = {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {}}
    messages: Any = [
        {"role": "user", "content": "What is the weather?"},
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [result]},
    ]
    tools: Any = [{"name": "get_weather", "input_schema": {"type": "object"}}]
    first = client.messages.create(model="m", max_tokens=9, messages=messages[:1])
    assert first.stop_reason == "tool_use"
    again = client.messages.create(model="m", max_tokens=9, messages=messages, tools=tools)
    assert read(again).text == "It is sunny."
    assert asked.call.finished


# Leaving


def test_a_stream_that_is_left_stops_the_model_and_keeps_the_placeholder(
    server: SseServer, client: anthropic.Anthropic
) -> None:
    route = server.messages(tokens=500, through=[hold(after=7)], provider="Anthropic")
    with client.messages.stream(**ASKED) as stream:
        for _ in range(4):
            next(stream.text_stream)
        with route.expect_disconnect(within=20):
            stream.close()
        usage = stream.current_message_snapshot.usage
    assert usage.output_tokens == 1  # of message_start: the API counts again in message_delta, which never came
    check_the_bill_of_a_cancel(route)


def test_what_a_stop_does_not_stop_is_billed(server: SseServer, client: anthropic.Anthropic) -> None:
    route = server.messages(tokens=500, through=[hold(after=7)], provider="Groq")
    with client.messages.stream(**ASKED) as stream:
        for _ in range(4):
            next(stream.text_stream)
        with route.expect_disconnect(within=20):
            stream.close()
    with pytest.raises(AssertionError, match="496 tokens"):
        route.call.assert_upstream_stopped()


def test_a_stream_that_is_cut_has_no_count_of_its_own(server: SseServer, client: anthropic.Anthropic) -> None:
    """Our own reading of it: the placeholder of message_start is not a count."""
    route = server.messages(TEXT, through=[truncate(600, Ending.EOF)])
    with client.messages.create(**ASKED, stream=True) as raw:
        list(raw)
    said = MESSAGES.fold(decode(route.call.exchange.body))
    assert (said.complete, said.tokens_prompt, said.tokens_made) == (False, 8, None)


# Vertex AI: another path, and the model in it


@answers
def test_vertex_is_read_as_it_was_written(sse_thread: ServerThread, name: str) -> None:
    with SseServer(sse_thread, gateway="anthropic") as server:
        base_url = f"{server.origin}/v1"
        vertex = anthropic.AnthropicVertex(
            region="us-east5", project_id="p", access_token="any", base_url=base_url, max_retries=0
        )
        with vertex as client:
            route = server.messages(**ANSWERS[name], when={"model": "m"})
            with client.messages.stream(**ASKED) as stream:
                assert read(stream.get_final_message()) == expected("messages", name)
            assert read(client.messages.create(**ASKED)) == expected("messages", name)
        paths = [call.exchange.request.path.rpartition("/")[2] for call in route.calls]
        assert paths == ["m:streamRawPredict", "m:rawPredict"]
