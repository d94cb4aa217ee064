"""Ollama's Python SDK against our server: it reads what was written, streamed and not, sync and async."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from orharness.dialects.completion import Failure
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from orharness.transforms import hold, per_byte
from tests.support.sdk_answers import ANSWERS, CALLS, TEXT, Read, answers, check_the_bill_of_a_cancel, expected
from tests.support.sdks import ollama

ASKED: Any = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
PROMPTED: Any = {"model": "m", "prompt": "hi"}
SPOKEN = ("text", "too long")  # /api/generate has no tools


@pytest.fixture
def server(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread) as server:
        yield server


@pytest.fixture
def client(server: SseServer) -> Iterator[ollama.Client]:
    with ollama.Client(host=server.origin) as client:
        yield client


def read(lines: Iterable[Any]) -> Read:
    """What the lines of a chat say."""
    found = Read()
    for line in lines:
        found.text += line.message.content
        found.reasoning += line.message.thinking or ""
        for call in line.message.tool_calls or ():
            arguments = json.dumps(call.function.arguments, ensure_ascii=False)
            found.tools.append(("", call.function.name, arguments))  # this SDK knows no ids
        if line.done:
            found.finish, found.usage = line.done_reason, (line.prompt_eval_count, line.eval_count)
    return found


def meant(name: str) -> Read:
    found = expected("ollama", name)
    found.tools = [("", tool, arguments) for _, tool, arguments in found.tools]
    return found


@answers
def test_a_stream_is_read_as_it_was_written(server: SseServer, client: ollama.Client, name: str) -> None:
    route = server.ollama(**ANSWERS[name])
    assert read(client.chat(**ASKED, stream=True)) == meant(name)
    assert route.call.wait_ended(20).finished


@answers
@pytest.mark.asyncio
async def test_an_async_stream_is_read_as_it_was_written(server: SseServer, name: str) -> None:
    server.ollama(**ANSWERS[name])
    async with ollama.AsyncClient(host=server.origin) as client:
        assert read([line async for line in await client.chat(**ASKED, stream=True)]) == meant(name)


@answers
@pytest.mark.asyncio
async def test_an_answer_that_is_not_streamed_is_read_as_it_was_written(
    server: SseServer, client: ollama.Client, name: str
) -> None:
    server.ollama(**ANSWERS[name])
    assert read([client.chat(**ASKED)]) == meant(name)
    async with ollama.AsyncClient(host=server.origin) as aclient:
        assert read([await aclient.chat(**ASKED)]) == meant(name)


@pytest.mark.parametrize("name", SPOKEN)
@pytest.mark.asyncio
async def test_the_other_endpoint_is_read_as_it_was_written(
    server: SseServer, client: ollama.Client, name: str
) -> None:
    server.post("/api/generate").ollama(**ANSWERS[name])
    async with ollama.AsyncClient(host=server.origin) as aclient:
        for lines in (
            list(client.generate(**PROMPTED, stream=True)),
            [client.generate(**PROMPTED)],
            [line async for line in await aclient.generate(**PROMPTED, stream=True)],
        ):
            last, wanted = lines[-1], meant(name)
            assert "".join(line.response or "" for line in lines) == wanted.text
            assert (last.done_reason, (last.prompt_eval_count, last.eval_count)) == (wanted.finish, wanted.usage)


def test_a_stream_is_read_whatever_the_chunks(server: SseServer, client: ollama.Client) -> None:
    server.ollama(TEXT, through=[per_byte()])
    assert read(client.chat(**ASKED, stream=True)) == meant("text")


def test_a_line_separator_comes_as_an_escape_as_ollama_writes_it(server: SseServer, client: ollama.Client) -> None:
    """The SDK splits lines at it where it comes as itself."""
    server.ollama("one\u2028two")
    assert read(client.chat(**ASKED, stream=True)).text == "one\u2028two"


def test_an_error_in_the_stream_reaches_the_caller(server: SseServer, client: ollama.Client) -> None:
    server.ollama(TEXT, error=Failure("out of memory", 500, after=2))
    said: list[str] = []
    with pytest.raises(ollama.ResponseError, match="out of memory"):
        said.extend(line.message.content or "" for line in client.chat(**ASKED, stream=True))
    assert server.calls[0].exchange.status == 200


def test_an_answer_that_fails_has_the_status_of_its_error(server: SseServer, client: ollama.Client) -> None:
    server.ollama("", error=Failure("slow down", 429))
    with pytest.raises(ollama.ResponseError, match="slow down") as raised:
        client.chat(**ASKED)
    assert raised.value.status_code == 429


def test_what_the_api_refuses_is_refused(sse_thread: ServerThread) -> None:
    with SseServer(sse_thread, strict=False) as server, ollama.Client(host=server.origin) as client:
        route = server.answer(TEXT)
        with pytest.raises(ollama.ResponseError, match="top_logprobs must be between 0 and 20") as raised:
            client.chat(**ASKED, top_logprobs=21)
        assert raised.value.status_code == 400
        assert route.calls == []


def test_the_models_are_listed(sse_thread: ServerThread) -> None:
    with SseServer(sse_thread, models=["a/b", "c"]) as server, ollama.Client(host=server.origin) as client:
        assert [model.model for model in client.list().models] == ["a/b", "c"]


def test_a_turn_with_the_results_of_tools(server: SseServer, client: ollama.Client) -> None:
    server.ollama("", tool_calls=CALLS[:1], when={"json": {"messages": [{"role": "user"}]}})
    again = server.ollama("It is sunny.", when={"last_user": {"contains": "weather"}})
    messages: list[Any] = [{"role": "user", "content": "What is the weather?"}]
    said = client.chat("m", messages).message
    assert said.tool_calls is not None
    messages += [said, {"role": "tool", "tool_name": said.tool_calls[0].function.name, "content": "sunny"}]
    assert client.chat("m", messages).message.content == "It is sunny."
    assert again.call.finished


# Leaving


def test_a_stream_that_is_left_stops_the_model(server: SseServer, client: ollama.Client) -> None:
    route = server.ollama(tokens=500, through=[hold(after=4)], provider="Ollama")
    stream: Any = client.chat(**ASKED, stream=True)
    for _ in range(4):
        next(stream)
    with route.expect_disconnect(within=20):
        stream.close()
    check_the_bill_of_a_cancel(route)


def test_what_a_stop_does_not_stop_is_billed(server: SseServer, client: ollama.Client) -> None:
    route = server.ollama(tokens=500, through=[hold(after=4)], provider="Groq")
    stream: Any = client.chat(**ASKED, stream=True)
    for _ in range(4):
        next(stream)
    with route.expect_disconnect(within=20):
        stream.close()
    with pytest.raises(AssertionError, match="496 tokens"):
        route.call.assert_upstream_stopped()
