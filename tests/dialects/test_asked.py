"""What a request asks for in each API, and what the API refuses."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orharness.dialects import CHAT, GEMINI, MESSAGES, OLLAMA, RESPONSES, Asked, Dialect, Refused
from orharness.dialects.conversation import Conversation, ToolResult
from orharness.dialects.tokens import tokens_of
from orharness.frames import JSON_ARRAY, SSE
from orharness.gateways import ANTHROPIC, GOOGLE, ONEROUTER, OPENAI, Gateway
from orharness.journal import Request
from tests.support.dialect_strategies import DIALECTS

USER = {"role": "user", "content": "hi"}
RAINS = Conversation(1, (ToolResult("f", "it rains"),))  # and the user speaks again before the model does
MESSAGE: dict[str, Any] = {"model": "m", "max_tokens": 100, "messages": [USER]}
RESPONSE: dict[str, Any] = {"model": "m", "input": "hi"}
CONTENT: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def asked(dialect: Dialect, body: object, gateway: Gateway = ONEROUTER, **headers: str) -> Asked:
    sent = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return dialect.asked(Request("POST", dialect.example_path, sent, json.dumps(body).encode()), gateway)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.name)
def test_the_example_of_each_is_taken_and_asks_for_a_stream(dialect: Dialect) -> None:
    assert asked(dialect, dialect.example()).stream


def test_what_a_message_is_asked_for_with() -> None:
    told = {
        "model": "m",
        "max_tokens": 100,
        "stream": True,
        "system": [{"type": "text", "text": "be brief"}],
        "tools": [{"name": "f", "input_schema": {}}, {"type": "web_search_20250305", "name": "web_search"}],
        "provider": {"only": ["x"]},
        "messages": [
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "it rains"}]},
            {"role": "assistant", "content": "So."},
            {"role": "user", "content": [{"type": "text", "text": "two "}, {"type": "text", "text": "more"}]},
        ],
    }
    tokens = sum(len(tokens_of(text)) for text in ("be brief", "one", "So.", "two ", "more"))
    expected = Asked(True, "m", {"only": ["x"]}, tokens, True, 2, "two more", ("f", "web_search"), Conversation(2))
    assert asked(MESSAGES, told) == expected


def test_what_a_response_is_asked_for_with() -> None:
    told = {
        "model": "m",
        "stream": True,
        "instructions": "be brief",
        "tools": [{"type": "function", "name": "f"}, {"type": "web_search"}],
        "input": [
            {"role": "developer", "content": "no jokes"},
            {"role": "user", "content": "one"},
            {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "1", "output": "it rains"},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "two"}]},
        ],
    }
    tokens = sum(len(tokens_of(text)) for text in ("be brief", "no jokes", "one", "two"))
    assert asked(RESPONSES, told) == Asked(True, "m", None, tokens, True, 2, "two", ("f",), RAINS)
    plain = asked(RESPONSES, RESPONSE)
    assert (plain.stream, plain.turn, plain.last_user, plain.prompt_tokens) == (False, 1, "hi", 1)


def test_what_ollama_is_asked_for_with() -> None:
    told = {
        "model": "m",
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "one"},
            {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]},
            {"role": "tool", "tool_name": "f", "content": "it rains"},
            {"role": "user", "content": "two"},
        ],
    }
    tokens = sum(len(tokens_of(text)) for text in ("be brief", "one", "it rains", "two"))
    assert asked(OLLAMA, told) == Asked(True, "m", None, tokens, True, 2, "two", ("f",), RAINS, "/api/chat")


def test_an_answer_of_ollama_is_a_stream_unless_it_is_said_otherwise() -> None:
    for stream in ({}, {"stream": None}, {"stream": True}):
        assert asked(OLLAMA, {"model": "m", **stream}).stream
    assert not asked(OLLAMA, {"model": "m", "stream": False}).stream


def test_the_other_endpoint_of_ollama_is_asked_with_a_prompt() -> None:
    body = json.dumps({"model": "m", "prompt": "one two", "system": "be brief"}).encode()
    found = OLLAMA.asked(Request("POST", "/api/generate", body=body), ONEROUTER)
    assert (found.turn, found.last_user, found.prompt_tokens, found.endpoint) == (1, "one two", 4, "/api/generate")
    for missing in (b"{}", b'{"model": ""}'):
        with pytest.raises(Refused, match="model '' not found") as refused:
            OLLAMA.asked(Request("POST", "/api/generate", body=missing), ONEROUTER)
        assert refused.value.status == 404
    with pytest.raises(Refused, match="missing request body"):
        OLLAMA.asked(Request("POST", "/api/generate"), ONEROUTER)


REFUSED: list[tuple[Dialect, object, str]] = [
    (MESSAGES, [], "a message is asked for with a JSON object"),
    (MESSAGES, {}, "model is required"),
    (MESSAGES, {"model": 1}, "model must be a string, not 1"),
    (MESSAGES, {"model": "m"}, "max_tokens is required"),
    (MESSAGES, {**MESSAGE, "max_tokens": True}, "max_tokens must be an integer, not true"),
    (MESSAGES, {**MESSAGE, "max_tokens": 0}, "max_tokens must be 1 or more, not 0"),
    (MESSAGES, {**MESSAGE, "messages": None}, "messages is required"),
    (MESSAGES, {**MESSAGE, "messages": []}, "messages: at least one message is required"),
    (MESSAGES, {**MESSAGE, "messages": ["hi"]}, 'messages[0] must be an object, not "hi"'),
    (
        MESSAGES,
        {**MESSAGE, "messages": [{"content": "hi"}]},
        "messages[0].role must be one of user, assistant, not null",
    ),
    (
        MESSAGES,
        {**MESSAGE, "messages": [{"role": "system", "content": "x"}]},
        "messages[0].role: system is a parameter of the request, not a role of a message",
    ),
    (MESSAGES, {**MESSAGE, "messages": [{"role": "user"}]}, "messages[0].content is required"),
    (
        MESSAGES,
        {**MESSAGE, "messages": [USER, {"role": "user", "content": [{"text": "x"}]}]},
        "messages[1].content[0].type is required",
    ),
    (MESSAGES, {**MESSAGE, "stream": "yes"}, 'stream must be true or false, not "yes"'),
    (MESSAGES, {**MESSAGE, "system": 1}, "system must be a string or a list, not 1"),
    (MESSAGES, {**MESSAGE, "tools": [{}]}, "tools[0].name is required"),
    (
        MESSAGES,
        {**MESSAGE, "thinking": {"type": "enabled", "budget_tokens": 100}},
        "thinking.budget_tokens must be 1024 or more, and less than max_tokens",
    ),
    (RESPONSES, "hi", "a response is asked for with a JSON object"),
    (RESPONSES, {"input": "hi"}, "model is required"),
    (RESPONSES, {"model": "m"}, "input is required"),
    (RESPONSES, {"model": "m", "input": 1}, "input must be a string or a list, not 1"),
    (RESPONSES, {"model": "m", "input": [1]}, "input[0] must be an object, not 1"),
    (
        RESPONSES,
        {"model": "m", "input": [{"role": "tool", "content": "x"}]},
        'input[0].role must be one of user, assistant, system, developer, not "tool"',
    ),
    (RESPONSES, {"model": "m", "input": [{"type": 5}]}, "input[0].type must be a string, not 5"),
    (RESPONSES, {**RESPONSE, "stream": 1}, "stream must be true or false, not 1"),
    (RESPONSES, {**RESPONSE, "max_output_tokens": 15}, "max_output_tokens must be 16 or more, not 15"),
    (RESPONSES, {**RESPONSE, "tools": [{"name": "f"}]}, "tools[0].type is required"),
    (RESPONSES, {**RESPONSE, "tools": [{"type": "function"}]}, "tools[0].name is required"),
    (RESPONSES, {**RESPONSE, "stream_options": {}}, "stream_options is for a request with stream: true only"),
    (
        RESPONSES,
        {**RESPONSE, "background": True, "store": False},
        "background: true needs a response that is stored: store must not be false",
    ),
    (OLLAMA, [], "an answer is asked for with a JSON object"),
    (OLLAMA, {"messages": [USER]}, "model is required"),
    (OLLAMA, {"model": 1}, "model must be a string, not 1"),
    (OLLAMA, {"model": "m", "stream": "yes"}, 'stream must be true or false, not "yes"'),
    (OLLAMA, {"model": "m", "messages": "hi"}, 'messages must be a list, not "hi"'),
    (OLLAMA, {"model": "m", "messages": ["hi"]}, 'messages[0] must be an object, not "hi"'),
    (OLLAMA, {"model": "m", "messages": [{"role": 1}]}, "messages[0].role must be a string, not 1"),
    (
        OLLAMA,
        {"model": "m", "messages": [{"role": "user", "content": [{"type": "text"}]}]},
        'messages[0].content must be a string, not [{"type": "text"}]',
    ),
    (OLLAMA, {"model": "m", "top_logprobs": 21}, "top_logprobs must be between 0 and 20"),
    (OLLAMA, {"model": "m", "options": []}, "options must be an object, not []"),
    (OLLAMA, {"model": "m", "tools": [{"function": {"name": 1}}]}, "tools[0].function.name must be a string, not 1"),
    (GEMINI, [], "content is asked for with a JSON object"),
    (GEMINI, {}, "contents is required"),
    (GEMINI, {"contents": []}, "contents: at least one content is required"),
    (GEMINI, {"contents": "hi"}, 'contents must be a list, not "hi"'),
    (GEMINI, {"contents": ["hi"]}, 'contents[0] must be an object, not "hi"'),
    (
        GEMINI,
        {"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]},
        'contents[0].role must be one of user, model, not "assistant"',
    ),
    (GEMINI, {"contents": [{"role": "user"}]}, "contents[0].parts is required"),
    (GEMINI, {"contents": [{"parts": []}]}, "contents[0].parts: at least one part is required"),
    (GEMINI, {"contents": [{"parts": [{"text": 5}]}]}, "contents[0].parts[0].text must be a string, not 5"),
    (GEMINI, {**CONTENT, "system_instruction": "brief"}, 'systemInstruction must be an object, not "brief"'),
    (
        GEMINI,
        {**CONTENT, "generationConfig": {"temperature": "hot"}},
        'generationConfig.temperature must be a number or an integer, not "hot"',
    ),
    (
        GEMINI,
        {**CONTENT, "generationConfig": {"max_output_tokens": 0}},
        "generationConfig.maxOutputTokens must be 1 or more, not 0",
    ),
    (GEMINI, {**CONTENT, "tools": [5]}, "tools[0] must be an object, not 5"),
    (
        GEMINI,
        {**CONTENT, "tools": [{"functionDeclarations": [{}]}]},
        "tools[0].functionDeclarations[0].name is required",
    ),
    (CHAT, 5, "a chat completion is asked for with a JSON object"),
    (CHAT, {"model": 5}, "model must be a string, not 5"),
    (CHAT, {"messages": "hi"}, 'messages must be a list, not "hi"'),
    (CHAT, {"messages": [USER, None]}, "messages[1] must be an object, not null"),
    (
        CHAT,
        {"messages": [{"role": "boss", "content": "x"}]},
        'messages[0].role must be one of system, developer, user, assistant, tool, function, not "boss"',
    ),
    (CHAT, {"messages": [{"role": "user", "content": 1}]}, "messages[0].content must be a string or a list, not 1"),
    (CHAT, {"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id is required"),
    (CHAT, {"stream": "true"}, 'stream must be true or false, not "true"'),
    (CHAT, {"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name is required"),
]


@pytest.mark.parametrize(("dialect", "body", "said"), REFUSED)
def test_what_an_api_refuses_is_refused_in_one_sentence(dialect: Dialect, body: object, said: str) -> None:
    with pytest.raises(Refused) as refused:
        asked(dialect, body)
    assert (refused.value.status, refused.value.reason) == (400, said)
    assert (refused.value.asked is None) is (not isinstance(body, dict))


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        (CHAT, {}),
        (CHAT, {"stream": True}),
        (CHAT, {"model": "m", "messages": [], "stream": True}),
        (CHAT, {"stream": None, "messages": [{"role": "assistant", "content": None}]}),
        (MESSAGES, {**MESSAGE, "max_tokens": 4096, "thinking": {"type": "enabled", "budget_tokens": 1024}}),
        (MESSAGES, {**MESSAGE, "thinking": {"type": "adaptive"}, "metadata": None, "unknown": 1}),
        (RESPONSES, {"prompt": {"id": "pmpt_1"}}),
        (RESPONSES, {"model": "m", "previous_response_id": "resp_1"}),
        (RESPONSES, {**RESPONSE, "input": []}),
        (OLLAMA, {"model": "m"}),
        (OLLAMA, {"model": "m", "think": "high", "keep_alive": -1, "format": {}, "messages": [{"role": "x"}]}),
        (
            GEMINI,
            {**CONTENT, "systemInstruction": {"parts": [{"text": "x"}]}, "unknown": 1, "tools": [{"googleSearch": {}}]},
        ),
        (GEMINI, {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "eA=="}}]}]}),
    ],
)
def test_what_an_api_takes_is_taken(dialect: Dialect, body: object) -> None:
    asked(dialect, body)


def test_what_content_is_asked_for_with() -> None:
    told = {
        "system_instruction": {"parts": [{"text": "be brief"}]},
        "tools": [{"function_declarations": [{"name": "f"}]}, {"googleSearch": {}}],
        "provider": {"only": ["x"]},
        "contents": [
            {"parts": [{"text": "one"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"text": "it rains"}}}]},
            {"role": "model", "parts": [{"text": "So."}]},
            {"role": "user", "parts": [{"text": "two "}, {"text": "more"}]},
        ],
    }
    tokens = sum(len(tokens_of(text)) for text in ("be brief", "one", "So.", "two more"))
    common = ({"only": ["x"]}, tokens, True, 2, "two more", ("f",), Conversation(2))

    def at(path: str, query: str = "") -> Asked:
        return GEMINI.asked(Request("POST", path, body=json.dumps(told).encode(), query=query), ONEROUTER)

    streamed = "/v1beta/models/gemini-2.0-flash:streamGenerateContent"
    assert at(streamed, "alt=sse") == Asked(True, "gemini-2.0-flash", *common, frame=SSE)
    assert at(streamed) == Asked(True, "gemini-2.0-flash", *common, frame=JSON_ARRAY)
    assert at("/v1/projects/p/models/google/g:1:generateContent").model == "google/g:1"
    assert not at("/v1beta/models/m:generateContent").stream


def test_google_itself_wants_a_key() -> None:
    asked(GEMINI, CONTENT)
    asked(GEMINI, CONTENT, GOOGLE, x_goog_api_key="k")
    GEMINI.asked(Request("POST", GEMINI.example_path, body=json.dumps(CONTENT).encode(), query="key=k"), GOOGLE)
    with pytest.raises(Refused, match="the header x-goog-api-key is required") as refused:
        asked(GEMINI, CONTENT, GOOGLE)
    assert refused.value.status == 403


def test_openai_alone_is_known_to_refuse_options_of_a_stream_without_one() -> None:
    body = {"model": "m", "messages": [USER], "stream_options": {"include_usage": True}}
    asked(CHAT, body)
    with pytest.raises(Refused, match="stream_options"):
        asked(CHAT, body, OPENAI)


@pytest.mark.parametrize("missing", ["model", "messages"])
def test_openai_alone_is_known_to_refuse_a_chat_without_a_model_or_messages(missing: str) -> None:
    body = {name: value for name, value in {"model": "m", "messages": [USER]}.items() if name != missing}
    asked(CHAT, body)
    with pytest.raises(Refused, match=f"^{missing} is required$"):
        asked(CHAT, body, OPENAI)


def test_anthropic_itself_wants_to_be_told_the_version() -> None:
    asked(MESSAGES, MESSAGE)
    asked(MESSAGES, MESSAGE, ANTHROPIC, anthropic_version="2023-06-01")
    with pytest.raises(Refused, match="the header anthropic-version is required"):
        asked(MESSAGES, MESSAGE, ANTHROPIC)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "model",
                    "max_tokens",
                    "messages",
                    "role",
                    "content",
                    "type",
                    "input",
                    "tools",
                    "thinking",
                    "stream",
                    "system",
                    *("contents", "parts", "text", "functionDeclarations", "generation_config", "systemInstruction"),
                ]
            ),
            inner | st.sampled_from(["user", "function", "tool"]),
            max_size=6,
        )
    ),
    max_leaves=20,
)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.name)
@given(json_values)
def test_any_request_is_taken_or_refused(dialect: Dialect, body: object) -> None:
    with suppress(Refused):
        assert isinstance(asked(dialect, body), Asked)
