"""The clients of well-known SDKs: each hands over what the SDK says, and nothing of its own."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

import orharness
from orharness.contract import run
from orharness.contract.catalogue import cases_of
from orharness.dialects import DIALECTS
from orharness.errors import ScenarioError
from orharness.parts import Finish, Part, Reasoning, Text, ToolCall, Usage
from orharness.verdict import Result

# What the SDK does by design, or its documented loop does: services that number no calls are none of OpenAI's.
OF_OPENAI = {
    "parts/tool-calls-of-one-index",
    "parts/tool-calls-without-an-index",
    "parts/tool-call-of-a-growing-index",
}
SHOULDS = {"parts/thinking-parts"}
CHUNKS = [
    {"choices": [{"index": 0, "delta": {"content": "Hel", "reasoning_content": "Hm"}, "finish_reason": None}]},
    {"choices": [{"index": 1, "delta": {"content": "no"}}, {"index": 0, "delta": {"content": None}}]},
    {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f"}}]}}]},
    {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}}]},
    {"choices": [{"index": 0, "delta": {"content": [{"type": "text", "text": "lo"}]}, "finish_reason": "stop"}]},
    {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
]
SAID: list[Part] = [
    Reasoning("Hm"),
    Text("Hel"),
    Text("lo"),
    Finish("stop"),
    ToolCall("f", "{}", "a"),
    Usage(3, 2),
]


@pytest.mark.slow
@pytest.mark.parametrize("client", [orharness.clients.openai(), orharness.clients.openai_async()], ids=["", "async"])
def test_openais_sdk_is_judged_by_all_that_it_hands_over(client: Any) -> None:
    verdicts = run(client, only=["parts"])
    assert {one.case for one in verdicts if one.result is Result.NOT_APPLICABLE} == set()
    failed = {one.case for one in verdicts if one.result is Result.FAIL}
    assert failed <= OF_OPENAI | SHOULDS
    assert failed & OF_OPENAI


@pytest.mark.slow
def test_anthropics_sdk_reads_its_own_events() -> None:
    verdicts = run(orharness.clients.anthropic(), dialect="messages", only=["messages", "parts"])
    assert {one.case for one in verdicts if one.result is not Result.PASS} == set()
    assert len(verdicts) > 5
    assert cases_of(DIALECTS.named("messages"))


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning", "reasoning_details"])
def test_reasoning_is_read_from_each_key(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = [{"type": "reasoning.text", "text": "Hm"}] if key == "reasoning_details" else "Hm"
    chunk = {"choices": [{"index": 0, "delta": {"content": "", key: said}}]}
    litellm = SimpleNamespace(completion=lambda **_: [SimpleNamespace(model_dump=lambda: chunk)])
    monkeypatch.setitem(sys.modules, "litellm", litellm)
    assert list(orharness.clients.litellm()("http://127.0.0.1:1/v1")) == [Reasoning("Hm")]


def test_litellms_chunks_are_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def completion(**given: Any) -> Any:
        asked.update(given)
        return [SimpleNamespace(model_dump=lambda chunk=chunk: chunk) for chunk in CHUNKS]

    monkeypatch.setitem(sys.modules, "litellm", SimpleNamespace(completion=completion))
    assert list(orharness.clients.litellm(temperature=0)("http://127.0.0.1:1/v1")) == SAID
    assert (asked["api_base"], asked["stream"], asked["temperature"]) == ("http://127.0.0.1:1/v1", True, 0)


class Message:
    """As LangChain's: chunks are added, and the whole knows its calls."""

    def __init__(self, text: str, **more: Any) -> None:
        self.text, self.content, self.additional_kwargs = text, more.pop("content", text), more.pop("extra", {})
        self.tool_calls, self.response_metadata = more.pop("calls", []), more.pop("metadata", {})
        self.usage_metadata = more.pop("usage", None)

    def __add__(self, other: Message) -> Message:
        metadata = {**self.response_metadata, **other.response_metadata}
        usage = other.usage_metadata or self.usage_metadata
        return Message(self.text + other.text, calls=self.tool_calls + other.tool_calls, metadata=metadata, usage=usage)


def test_langchains_messages_are_parts() -> None:
    calls = [{"name": "f", "args": {"city": "Zürich"}, "id": "a"}]
    messages = [
        Message("Hel", extra={"reasoning_content": "Hm"}),
        Message("lo", calls=calls, metadata={"finish_reason": "stop"}),
        Message("", usage={"input_tokens": 3, "output_tokens": 2}),
    ]
    client = orharness.clients.langchain(lambda **given: SimpleNamespace(stream=lambda _: messages))
    assert list(client("http://127.0.0.1:1/v1")) == [
        Text("Hel"),
        Reasoning("Hm"),
        Text("lo"),
        Text(""),
        ToolCall("f", '{"city": "Zürich"}', "a"),
        Finish("stop"),
        Usage(3, 2),
    ]


def test_so_are_those_of_langchains_model_for_anthropic() -> None:
    thinking = [{"type": "thinking", "thinking": "Hm", "index": 0}, {"type": "text", "text": ""}, "lo"]
    messages = [Message("", content=thinking), Message("lo", metadata={"stop_reason": "max_tokens"})]
    client = orharness.clients.langchain(lambda **given: SimpleNamespace(stream=lambda _: messages))
    assert list(client("http://127.0.0.1:1/v1")) == [Text(""), Reasoning("Hm"), Text("lo"), Finish("max_tokens")]


OPENAI, ANTHROPIC = "Completions.create of openai", "Messages.stream of anthropic"


@pytest.mark.slow  # the SDKs are imported
@pytest.mark.parametrize(
    ("make", "option", "said"),
    [
        (
            orharness.clients.openai,
            "tiemout",
            f"openai knows no tiemout= (did you mean timeout=?); its options are those of {OPENAI}",
        ),
        (orharness.clients.openai, "quality", f"openai knows no quality=; its options are those of {OPENAI}"),
        (
            orharness.clients.openai_async,
            "temprature",
            "openai_async knows no temprature= (did you mean temperature=?)",
        ),
        (orharness.clients.anthropic, "max_token", "anthropic knows no max_token= (did you mean max_tokens=?)"),
        (orharness.clients.anthropic, "max_retries", "anthropic: max_retries= is an option of the SDK's client"),
    ],
)
def test_an_option_that_the_sdk_does_not_take_is_refused(make: Any, option: str, said: str) -> None:
    make(timeout=3)
    with pytest.raises(ScenarioError) as raised:
        make(**{option: 3})
    assert str(raised.value).startswith(f"orharness.clients.{said}")


def test_litellm_takes_options_of_any_name_but_a_misspelt_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def completion(model: str, timeout: float = 1, top_p: float = 1, **options: Any) -> None: ...

    monkeypatch.setitem(sys.modules, "litellm", SimpleNamespace(completion=completion))
    orharness.clients.litellm(timeout=1, top_k=3)
    with pytest.raises(ScenarioError, match=r"litellm knows no tiemout= \(did you mean timeout=\?\)"):
        orharness.clients.litellm(tiemout=1)


@pytest.mark.slow  # openai is imported
def test_langchains_options_are_its_fields_and_those_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"request_timeout": SimpleNamespace(alias="timeout"), "temperature": SimpleNamespace(alias=None)}
    fake = SimpleNamespace(ChatOpenAI=SimpleNamespace(model_fields=fields))
    monkeypatch.setitem(sys.modules, "langchain_openai", fake)
    orharness.clients.langchain(timeout=1, request_timeout=1, parallel_tool_calls=True)
    with pytest.raises(ScenarioError, match=r"langchain knows no tiemout= \(did you mean timeout=\?\)"):
        orharness.clients.langchain(tiemout=1)


def test_options_of_a_client_that_is_given_are_checked_by_its_own_call() -> None:
    def create(*, model: str, messages: Any, stream: bool, stream_options: Any, rings: int) -> None: ...

    def make(**_: Any) -> Any:
        return SimpleNamespace(chat=SimpleNamespace(completions=SimpleNamespace(create=create)))

    with pytest.raises(ScenarioError, match=r"openai knows no ringz= \(did you mean rings=\?\)"):
        list(orharness.clients.openai(make, ringz=3)("http://127.0.0.1:1/v1"))


def test_without_the_sdk_nothing_is_known_of_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "litellm", None)
    with pytest.raises(ImportError):
        list(orharness.clients.litellm(tiemout=1)("http://127.0.0.1:1/v1"))
