"""What real services sent, folded. The expected values were read in the files, not made by the code under test."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from orharness.dialects import DIALECTS
from orharness.dialects.answer import ReportedError
from orharness.dialects.completion import Completion, Failure, ToolCall, Usage
from orharness.gateways import AZURE as AZURE_API
from orharness.gateways import DEEPSEEK, OPENAI, OPENROUTER, VLLM, Gateway
from orharness.gateways import GROQ as GROQ_API
from orharness.sse import Comment, Event, Item, decode
from tests.support import chat_dialect as chat


@dataclass(frozen=True)
class Recorded:
    """What one recorded stream says; ``usage``: prompt and completion tokens."""

    file: str
    text: str = ""
    finish: str | None = "stop"
    usage: tuple[int, int] | None = None
    model: str = ""
    comments: int = 0
    native: str | None = None
    provider: str | None = None
    calls: tuple[ToolCall, ...] = ()
    complete: bool = True
    number: int = 0


AZURE, GROQ = "azure-four-streams", "groq-named-error-event"
RECORDED = [
    Recorded(
        AZURE,
        "Why did the OpenTelemetry project become a stand-up comedian?\n\nBecause it wanted to trace its steps and "
        "observe its laughter-per-minute rate!",
        model="gpt-35-turbo",
    ),
    Recorded(
        AZURE,
        "Why did the developer break up with OpenTelemetry?\n\nBecause it kept tracing their every move! 😄",
        model="gpt-4.1-mini-2025-04-14",
        number=1,
    ),
    Recorded(
        AZURE,
        "Why did the developer bring OpenTelemetry to the party?\n\nBecause they wanted to trace every move and make "
        "sure nothing slipped through the cracks!",
        model="gpt-4.1-mini-2025-04-14",
        number=2,
    ),
    Recorded(
        AZURE,
        "Why did the developer bring OpenTelemetry to the party?\n\nBecause they wanted to trace all the fun from "
        "start to finish!",
        model="gpt-4.1-mini-2025-04-14",
        number=3,
    ),
    Recorded("crusoe-chat", "1, 2, 3, 4, 5", "stop", (46, 14), "meta-llama/Llama-3.3-70B-Instruct"),
    Recorded(
        "deepseek-reasoning-content",
        "Hello there! 😊 How can I help you today?",
        "stop",
        (6, 212),
        "deepseek-reasoner",
    ),
    Recorded(GROQ, finish=None, model="openai/gpt-oss-120b", complete=False),
    Recorded(
        GROQ,
        "",
        "tool_calls",
        (304, 49),
        "openai/gpt-oss-120b",
        calls=(ToolCall("get_something_by_name", '{"name":"example"}', "fc_bfb39741-3748-4def-9886-a93fc9c64a90"),),
        number=1,
    ),
    Recorded(
        GROQ,
        "The tool returned the expected result for the valid call.",
        "stop",
        (339, 58),
        "openai/gpt-oss-120b",
        number=2,
    ),
    Recorded("huggingface-router-cancelled", "Paris", "stop", (40, 2), "meta-llama/llama-3.1-8b-instruct", number=1),
    Recorded(
        "openai-tool-calls",
        "",
        "tool_calls",
        (53, 15),
        "gpt-4o-mini-2024-07-18",
        calls=(ToolCall("get_capital", '{"country":"UK"}', "call_ZR5UUuTt3pf61kjwAJIYdVMj"),),
    ),
    Recorded(
        "openai-tool-calls", "The capital of the UK is London.", "stop", (78, 9), "gpt-4o-mini-2024-07-18", number=1
    ),
    Recorded(
        "openai-usage-empty-choices", "The capital of Mexico is Mexico City.", "stop", (14, 8), "gpt-4o-2024-08-06"
    ),
    Recorded(
        "openrouter-30-comments",
        "I recommend naming your Python retry library `resilix`, as it conveys resilience and is modern and brandable.",
        "stop",
        (888, 74),
        "openai/gpt-4o-mini",
        comments=30,
        native="stop",
        provider="OpenAI",
    ),
    Recorded(
        "openrouter-mid-stream-error",
        "",
        "length",
        (43, 10),
        "minimax/minimax-m2:free",
        comments=17,
        native="length",
        provider="Minimax",
    ),
    Recorded(
        "openrouter-reasoning",
        "2 + 2 = 4",
        "stop",
        (43, 36),
        "anthropic/claude-sonnet-4.5",
        comments=4,
        native="stop",
        provider="Google",
    ),
    Recorded(
        "openrouter-web-search",
        "https://github.com/pydantic/pydantic-ai ",
        "stop",
        (8174, 30),
        "openai/gpt-4.1-mini",
        comments=5,
        native="completed",
        provider="OpenAI",
    ),
]


def recorded_items(folder: Path, file: str, number: int = 0) -> list[Item]:
    """The items of one recorded stream, of an interaction by its number."""
    cassette = yaml.safe_load((folder / f"{file}.yaml").read_text(encoding="utf-8"))
    body = cassette["interactions"][number]["response"]["body"]["string"]
    return decode(body.encode())


@pytest.mark.slow
@pytest.mark.parametrize("expected", RECORDED, ids=lambda each: f"{each.file}-{each.number}")
def test_a_recorded_stream_is_folded(recordings: Path, expected: Recorded) -> None:
    items = recorded_items(recordings, expected.file, expected.number)
    answer = chat.fold(items)
    assert answer.problems == ()
    assert answer.text == expected.text
    assert (answer.finish_reason, answer.native_finish_reason) == (expected.finish, expected.native)
    assert (answer.model, answer.provider) == (expected.model, expected.provider)
    assert answer.tool_calls == expected.calls
    assert answer.complete == expected.complete
    usage = answer.usage
    assert (usage and (usage["prompt_tokens"], usage["completion_tokens"])) == expected.usage
    assert sum(isinstance(item, Comment) for item in items) == expected.comments


def test_openrouters_error_in_the_stream(recordings: Path) -> None:
    answer = chat.fold(recorded_items(recordings, "openrouter-mid-stream-error"))
    assert answer.error == ReportedError(400, "Token limit reached")
    assert answer.reasoning == "We need to respond to a greeting. The user"
    assert answer.id == "gen-1762179802-UN8pkJI4AGZvryk0kFnb"


def test_groqs_named_error_event(recordings: Path) -> None:
    items = recorded_items(recordings, "groq-named-error-event")
    answer = chat.fold(items)
    assert answer.error is not None
    assert answer.error.code == "tool_use_failed"
    assert answer.error.message.startswith("Tool call validation failed: tool call validation failed: parameters for")
    assert answer.reasoning.startswith("We need to call the tool with invalid parameters first, then second call with")
    assert answer.reasoning.endswith('d call with name: "test". Let\'s do that.')
    assert len(answer.reasoning) == 412
    last = items[-1]
    assert isinstance(last, Event)
    assert last.type == "error"
    assert not any(chat.is_end(item) for item in items if isinstance(item, Event))


def test_deepseeks_reasoning_content(recordings: Path) -> None:
    answer = chat.fold(recorded_items(recordings, "deepseek-reasoning-content"))
    assert answer.reasoning.startswith('Hmm, the user just said "Hello". It\'s a simple greeting but I wonder if')
    assert answer.reasoning.endswith("not reply further - and that's okay too.")
    assert len(answer.reasoning) == 882
    assert answer.usage is not None
    assert answer.usage["completion_tokens_details"] == {"reasoning_tokens": 198}


def test_openrouters_reasoning_stands_in_two_fields_and_counts_once(recordings: Path) -> None:
    answer = chat.fold(recorded_items(recordings, "openrouter-reasoning"))
    assert answer.reasoning == "This is a simple arithmetic question. 2+2 equals 4."
    items = recorded_items(recordings, "openrouter-reasoning-2")
    long = chat.fold(items)
    assert sum(isinstance(item, Comment) for item in items) == 22
    assert len(long.reasoning) == 1425
    assert long.reasoning.startswith("**Interpreting User Intent**\n\nI'm zeroing in on the core of the query.")
    assert len(long.text) == 446
    assert long.text.startswith(
        "That's a clever way to put it! You're right, it is a bit of a trick question for an AI.\n"
    )
    assert (long.finish_reason, long.native_finish_reason, long.complete) == ("stop", "STOP", True)
    assert long.usage == {"prompt_tokens": 13, "completion_tokens": 1003, "total_tokens": 1016}


@pytest.mark.parametrize(
    ("file", "number", "dialect", "at"),
    [
        ("openai-usage-empty-choices", 0, "chat", -1),
        ("openrouter-mid-stream-error", 0, "chat", -1),
        ("openai-responses", 0, "responses", -1),
        ("openai-responses", 1, "responses", -1),
        # [DONE] comes after it, but the answer is complete before.
        ("openrouter-responses-empty-comment", 1, "responses", -2),
        ("anthropic-messages", 0, "messages", -1),
        ("gemini-crlf", 0, "gemini", -1),
    ],
)
def test_the_end_of_a_recorded_stream(recordings: Path, file: str, number: int, dialect: str, at: int) -> None:
    events = [item for item in recorded_items(recordings, file, number) if isinstance(item, Event)]
    found = DIALECTS.of(events)
    assert found is not None
    assert found.name == dialect
    ends = [index for index, event in enumerate(events) if any(one.is_end(event) for one in DIALECTS.values())]
    assert ends[:1] == [len(events) + at]


def chunks_of(items: Iterable[Item]) -> list[dict[str, Any]]:
    data = [item.data for item in items if isinstance(item, Event) and item.type == "message"]
    return [json.loads(one) for one in data if one != "[DONE]"]


SENT = Completion.of("Hello there", usage=Usage(6, 212), reasoning="Hm")
OF_A_GATEWAY = [
    (GROQ_API, GROQ, 1),
    (AZURE_API, AZURE, 0),
    (DEEPSEEK, "deepseek-reasoning-content", 0),
    (VLLM, "crusoe-chat", 0),
    (OPENAI, "openai-usage-empty-choices", 0),
    (OPENROUTER, "openrouter-reasoning", 0),
]


@pytest.mark.parametrize(("gateway", "file", "number"), OF_A_GATEWAY, ids=lambda one: getattr(one, "name", one))
def test_each_field_that_a_gateway_sends_here_was_sent_by_it(
    recordings: Path, gateway: Gateway, file: str, number: int
) -> None:
    theirs = chunks_of(recorded_items(recordings, file, number))
    ours = chunks_of(chat.events(SENT, gateway, include_usage=True))
    of_chunks = {name for one in theirs for name in one} | {"usage"}
    of_choices = {name for one in theirs for choice in one["choices"] for name in choice}
    of_deltas = {name for one in theirs for choice in one["choices"] for name in choice["delta"]}
    spoken = {"reasoning", "reasoning_content", "reasoning_details"}  # by models that reason: not each of these does
    assert {name for one in ours for name in one} - {"error"} <= of_chunks
    assert {name for one in ours for choice in one["choices"] for name in choice} <= of_choices
    assert {name for one in ours for choice in one["choices"] for name in choice["delta"]} - spoken <= of_deltas
    if of_deltas & spoken:
        assert {name for one in ours for choice in one["choices"] for name in choice["delta"]} & spoken <= of_deltas


COUNTED = [*OF_A_GATEWAY[2:-1], (OPENROUTER, "openrouter-30-comments", 0)]


@pytest.mark.parametrize(("gateway", "file", "number"), COUNTED, ids=lambda one: getattr(one, "name", one))
def test_the_usage_is_where_the_gateway_has_it(recordings: Path, gateway: Gateway, file: str, number: int) -> None:
    """With the finish_reason, in a chunk of its own without choices, or with one empty choice; null before, or not."""

    def places(chunks: list[dict[str, Any]]) -> tuple[object, bool]:
        (counted,) = (one for one in chunks if one.get("usage"))
        choices = counted["choices"]
        finish = choices[0]["finish_reason"] if choices else None
        first = next(n for n, one in enumerate(chunks) if any(each["finish_reason"] for each in one["choices"]))
        return (len(choices), finish, chunks.index(counted) - first), "usage" in chunks[0]

    theirs = chunks_of(recorded_items(recordings, file, number))
    assert places(chunks_of(chat.events(SENT, gateway, include_usage=True))) == places(theirs)


def test_azures_first_chunk_is_the_recorded_one(recordings: Path) -> None:
    assert chunks_of(chat.events(SENT, AZURE_API))[0] == chunks_of(recorded_items(recordings, AZURE))[0]


def test_groqs_error_is_of_the_recorded_form(recordings: Path) -> None:
    theirs, ours = recorded_items(recordings, GROQ)[-1], chat.error_events(Failure("No", 400), GROQ_API)[-1]
    assert isinstance(theirs, Event)
    assert (ours.type, set(json.loads(ours.data)["error"])) <= (theirs.type, set(json.loads(theirs.data)["error"]))
