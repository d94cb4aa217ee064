"""Agent loops of the official SDKs: a reply depends on the conversation, and agents at once keep their turns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from orharness import Reply, SseServer, ToolCall
from orharness.server.thread import ServerThread
from tests.support.sdks import anthropic, ollama, openai

AGENTS = 4  # at once
PARAMETERS = {"type": "object", "properties": {}}
QUESTION = "What is the weather, and the time?"
WEATHER, CLOCK = ToolCall("weather", "{}"), ToolCall("clock", "{}")
ANSWER = "It rains at noon."
Agent = Callable[[SseServer, Callable[[], object]], list[str]]


def used(name: str) -> str:
    return {"weather": "rain", "clock": "noon"}[name]


def chat(server: SseServer, pause: Callable[[], object]) -> list[str]:
    """The tools that the model called in turn, and then its answer."""
    function = {"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}
    messages: list[Any] = [{"role": "user", "content": QUESTION}]
    said: list[str] = []
    with openai.OpenAI(**server.openai, max_retries=0) as client:
        while True:
            pause()
            asked: Any = {"model": "m", "messages": messages, "tools": [function]}
            message = client.chat.completions.create(**asked).choices[0].message
            if not message.tool_calls:
                return [*said, str(message.content)]
            messages.append(message.to_dict())
            for call in message.tool_calls:
                name = call.function.name
                said.append(name)
                messages.append({"role": "tool", "tool_call_id": call.id, "content": used(name)})


def messages(server: SseServer, pause: Callable[[], object]) -> list[str]:
    sent: list[Any] = [{"role": "user", "content": QUESTION}]
    said: list[str] = []
    with anthropic.Anthropic(**server.anthropic, max_retries=0) as client:
        while True:
            pause()
            asked: Any = {"tools": [{"name": "weather", "input_schema": PARAMETERS}], "messages": sent}
            with client.messages.stream(model="m", max_tokens=99, **asked) as stream:
                message = stream.get_final_message()
            calls = [block for block in message.content if block.type == "tool_use"]
            if not calls:
                return [*said, "".join(block.text for block in message.content if block.type == "text")]
            said += [call.name for call in calls]
            results = [{"type": "tool_result", "tool_use_id": call.id, "content": used(call.name)} for call in calls]
            sent += [{"role": "assistant", "content": message.content}, {"role": "user", "content": results}]


def responses(server: SseServer, pause: Callable[[], object], *, kept: bool = False) -> list[str]:
    """``kept``: the service keeps the conversation, and a request names the answer that it goes on from."""
    items: list[Any] = [{"role": "user", "content": QUESTION}]
    said: list[str] = []
    goes_on: dict[str, Any] = {}
    tool: Any = {"type": "function", "name": "weather", "parameters": PARAMETERS, "strict": False}
    with openai.OpenAI(**server.openai, max_retries=0) as client:
        while True:
            pause()
            response = client.responses.create(model="m", input=items, tools=[tool], **goes_on)
            calls = [item for item in response.output if item.type == "function_call"]
            if not calls:
                return [*said, response.output_text]
            said += [call.name for call in calls]
            results = [
                {"type": "function_call_output", "call_id": call.call_id, "output": used(call.name)} for call in calls
            ]
            items = results if kept else [*items, *(item.to_dict() for item in response.output), *results]
            goes_on = {"previous_response_id": response.id} if kept else {}


def responses_kept(server: SseServer, pause: Callable[[], object]) -> list[str]:
    return responses(server, pause, kept=True)


def lines(server: SseServer, pause: Callable[[], object]) -> list[str]:
    sent: list[Any] = [{"role": "user", "content": QUESTION}]
    said: list[str] = []
    tool: Any = {"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}
    with ollama.Client(host=server.origin) as client:
        while True:
            pause()
            message = client.chat("m", sent, tools=[tool]).message
            if not message.tool_calls:
                return [*said, str(message.content)]
            sent.append(message)
            for call in message.tool_calls:
                said.append(call.function.name)
                sent.append({"role": "tool", "tool_name": call.function.name, "content": used(call.function.name)})


def bounded(pause: Callable[[], object] = lambda: None) -> Callable[[], object]:
    """A pause that ends a loop which the server never ends."""
    turns = iter(range(9))

    def wait() -> object:
        assert next(turns, None) is not None, "the loop has no end"
        return pause()

    return wait


agents = pytest.mark.parametrize(
    "agent", [chat, messages, responses, responses_kept, lines], ids=lambda each: each.__name__
)


@pytest.fixture
def server(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread) as server:
        yield server


def replies() -> list[Reply]:
    called = [Reply.completion(None, "", tool_calls=(call,)) for call in (WEATHER, CLOCK)]
    return [*called, Reply.completion(None, ANSWER)]


@pytest.mark.slow
@agents
def test_agents_that_ask_at_the_same_time_do_not_take_each_others_turns(server: SseServer, agent: Agent) -> None:
    route = server.conversation(*replies())
    together = Barrier(AGENTS)  # each turn is asked for by all of them at once

    def run(_: int) -> list[str]:
        try:
            return agent(server, bounded(lambda: together.wait(20)))
        except BaseException:
            together.abort()  # nobody waits for one that has failed
            raise

    with ThreadPoolExecutor(AGENTS) as pool:
        found = list(pool.map(run, range(AGENTS)))
    assert found == [["weather", "clock", ANSWER]] * AGENTS
    assert len(route.calls) == 3 * AGENTS


@agents
def test_a_tool_that_is_called_twice_alike_is_two_turns(server: SseServer, agent: Agent) -> None:
    called = Reply.completion(None, "", tool_calls=(WEATHER,))
    server.conversation(called, called, Reply.completion(None, ANSWER))
    together = Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: agent(server, bounded(lambda: together.wait(20))), range(2)))
    assert found == [["weather", "weather", ANSWER]] * 2


def test_replies_in_order_are_taken_by_whoever_asks(server: SseServer) -> None:
    """What the conversation is for: in the order of the requests the second agent gets the answer of the first."""
    server.route("POST", "/chat/completions").replies(*replies())
    assert chat(server, bounded()) == ["weather", "clock", ANSWER]
    assert chat(server, bounded()) == [ANSWER]


@agents
def test_a_loop_of_conditions(server: SseServer, agent: Agent) -> None:
    if agent is responses_kept:  # such a request does not say which tool a result is from
        server.answer("", tool_calls=(CLOCK,), when={"has_tool_result": True, "tool_result": "rain"})
        server.answer(ANSWER, when={"tool_result": {"contains": "noon"}})
    else:
        server.answer("", tool_calls=(CLOCK,), when={"last_tool": "weather"})
        server.answer(ANSWER, when={"last_tool": "clock", "step": 2, "turn": 1})
    server.answer("", tool_calls=(WEATHER,), when={"tools": "weather", "has_tool_result": False})
    for _ in range(2):
        assert agent(server, bounded()) == ["weather", "clock", ANSWER]


DOCUMENT = {
    "orharness": 1,
    "routes": [
        {"when": {"tools": True, "has_tool_result": False}, "answer": {"tool_calls": [{"name": "weather"}]}},
        {"when": {"has_tool_result": True, "last_tool": {"matches": "^wea"}}, "answer": ANSWER},
        {
            "path": "/v1/messages",
            "by": "conversation",
            "replies": [{"answer": {"tool_calls": [{"name": "clock"}]}}, {"answer": "Noon."}],
        },
    ],
}


def test_a_document_says_it_too(server: SseServer, tmp_path: Any) -> None:
    (tmp_path / "loop.json").write_text(json.dumps(DOCUMENT))
    server.scenario(tmp_path / "loop.json", strict=False)
    for _ in range(2):
        assert chat(server, bounded()) == ["weather", ANSWER]
        assert lines(server, bounded()) == ["weather", ANSWER]


def test_a_request_that_is_repeated_gets_the_same_reply_again(server: SseServer) -> None:
    server.conversation(*replies())
    with openai.OpenAI(**server.openai, max_retries=0) as client:
        for _ in range(3):
            first = client.chat.completions.create(model="m", messages=[{"role": "user", "content": QUESTION}])
            assert first.choices[0].message.tool_calls
