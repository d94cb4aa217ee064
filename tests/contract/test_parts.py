"""What a client says besides text: judged where it says it at all, and never a pass where it does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

import orharness
from orharness.contract import CASES, cases_of, run
from orharness.contract.driving.kept import KeptCalls
from orharness.contract.running.replies import representative
from orharness.dialects import DIALECTS
from orharness.dialects.completion import ToolCall, Usage
from orharness.parts import KINDS, Finish, Part, Reasoning, Refusal, Text, differs, folded, kind_of, part_of
from orharness.server.thread import ServerThread
from orharness.verdict import Result
from tests.support.correct_clients import Parts, correct, correct_parts

PARTS = [case for case in CASES if case.family == "parts"]
OTHERS = [dialect for dialect in DIALECTS.values() if dialect is not DIALECTS.default]
OF_OTHERS = [case for dialect in OTHERS for case in cases_of(dialect) if case.family == "parts"]


@pytest.mark.parametrize("case", PARTS, ids=lambda one: one.id)
def test_our_own_reader_is_right_on_each(case: Any) -> None:
    answer = case.dialect.fold(case.dialect.frame.decode(representative(case).body))
    wanted = folded(case.expected.parts)
    usage = answer.usage and Usage(answer.usage["prompt_tokens"], answer.usage["completion_tokens"])
    read = {
        "tool_call": list(answer.tool_calls),
        "finish": answer.finish_reason,
        "usage": usage,
        "reasoning": answer.reasoning,
        "refusal": answer.refusal,
    }
    assert answer.text == case.expected.text
    assert [kind for kind, value in wanted.items() if differs(kind, value, read[kind])] == []


@pytest.mark.parametrize("case", [*OF_OTHERS], ids=lambda one: one.id)
def test_so_is_that_of_each_other_api(case: Any) -> None:
    answer = case.dialect.fold(case.dialect.frame.decode(representative(case).body))
    wanted = folded(case.expected.parts)
    read = {
        "tool_call": list(answer.tool_calls),
        "finish": answer.first.native_finish_reason,
        "usage": Usage(answer.tokens_prompt or 0, answer.tokens_made or 0),
        "reasoning": answer.reasoning,
    }
    assert answer.text == case.expected.text
    assert [kind for kind, value in wanted.items() if differs(kind, value, read[kind])] == []


def test_a_client_that_says_all_of_it_passes(sse_thread: ServerThread) -> None:
    verdicts = run(correct_parts, only="parts", thread=sse_thread, patience=10.0)
    assert [(one.case, one.evidence) for one in verdicts if one.result is not Result.PASS] == []
    assert len(verdicts) == len(PARTS)


def test_a_client_that_says_nothing_of_it_is_not_judged(sse_thread: ServerThread) -> None:
    verdicts = run(correct, only="parts", thread=sse_thread, patience=10.0)
    assert {one.result for one in verdicts} == {Result.NOT_APPLICABLE}
    assert {one.note for one in verdicts} == {
        f"the client says nothing of {title}"
        for title in ("tool calls", "why the model stopped", "usage", "reasoning", "refusals")
    }


def test_only_what_it_says_is_judged(sse_thread: ServerThread) -> None:
    class FinishAlone(Parts):
        """It says why the model stopped, and nothing else."""

        def feed(self, data: bytes) -> Iterator[Any]:
            return (one for one in super().feed(data) if isinstance(one, str | Finish))

    def client(base_url: str) -> Iterator[Any]:
        return correct(base_url, FinishAlone)

    verdicts = run(client, only="parts", thread=sse_thread, patience=10.0)
    passed = {one.case for one in verdicts if one.result is Result.PASS}
    assert passed == {case.id for case in PARTS if set(folded(case.expected.parts)) == {"finish"}}
    assert {one.result for one in verdicts if one.case not in passed} == {Result.NOT_APPLICABLE}


def test_what_is_said_wrongly_is_shown(sse_thread: ServerThread) -> None:
    def client(base_url: str) -> Iterator[Any]:
        for part in correct_parts(base_url):
            yield Usage(part.prompt_tokens, 0) if isinstance(part, Usage) and part.completion_tokens == 2 else part

    [verdict] = run(client, only="parts/usage-in-each-chunk", thread=sse_thread, patience=10.0)
    assert verdict.evidence is not None
    assert "usage: Usage(prompt_tokens=3, completion_tokens=2" in verdict.evidence.expected
    assert "completion_tokens=0" in verdict.evidence.got


def test_arguments_that_an_sdk_has_parsed_are_compared_by_what_they_mean(sse_thread: ServerThread) -> None:
    """LangChain and Anthropic's SDK hand over a dict: the blanks that the model wrote are no longer known."""

    def client(base_url: str) -> Iterator[Any]:
        for part in correct_parts(base_url):
            if isinstance(part, ToolCall) and part.arguments:
                yield ToolCall(part.name, json.dumps(json.loads(part.arguments), indent=2), part.id)
            else:
                yield part

    verdicts = run(client, only="parts/", thread=sse_thread, patience=10.0)
    assert [one.case for one in verdicts if one.result is Result.FAIL] == []


@pytest.mark.parametrize(
    ("arguments", "differ"),
    [
        ('{"b": [1, true], "a": null}', False),
        ('{"a":null,"b":[1,true]}', False),
        ('{"a":null,"b":[1,1]}', True),
        ('{"a":null,"b":[true,1]}', True),
        ('{"a":null,"b":[1,true]', True),
        ("[" * 10**6, True),
    ],
)
def test_arguments_mean_the_same_or_not(arguments: str, *, differ: bool) -> None:
    expected, got = (ToolCall("f", text) for text in ('{"a":null,"b":[1,true]}', arguments))
    assert differs("tool_call", [expected], [got]) is differ


def test_calls_may_be_handed_over_in_any_order() -> None:
    """The AI SDK hands over each as soon as its arguments are whole, whatever its index."""
    one, other = ToolCall("f", "{}", "1"), ToolCall("g", "{}", "2")
    assert not differs("tool_call", [one, other], [other, one])
    assert differs("tool_call", [one, other], [one, one])
    assert differs("tool_call", [one, one], [one, other])


class Keeps:
    """It yields text, and keeps its tool calls in a list: a new one for each run, or one for all."""

    def __init__(self, *, afresh: bool, wrong: bool) -> None:
        self.calls: list[object] = []
        self._afresh, self._wrong = afresh, wrong

    def __call__(self, base_url: str) -> Iterator[str]:
        if self._afresh:
            self.calls = []
        for part in correct_parts(base_url):
            if isinstance(part, ToolCall):
                arguments = part.arguments * (1 + self._wrong)
                self.calls.append({"name": part.name, "arguments": arguments} if self._afresh else part)
            elif isinstance(part, str):
                yield part


@pytest.mark.parametrize(("afresh", "wrong"), [(True, False), (False, False), (True, True)])
def test_calls_that_a_client_keeps_are_judged(sse_thread: ServerThread, *, afresh: bool, wrong: bool) -> None:
    verdicts = run(Keeps(afresh=afresh, wrong=wrong), only="parts", thread=sse_thread, patience=10.0)
    judged = {one.case: one.result for one in verdicts if one.result is not Result.NOT_APPLICABLE}
    about_calls = {case.id for case in PARTS if set(folded(case.expected.parts)) == {"tool_call"}}
    assert set(judged) == about_calls
    assert (Result.FAIL in judged.values()) == wrong


@pytest.mark.parametrize("calls", [None, "x", ("a",), ["a"], [{"name": "a"}], [{"name": 1, "arguments": "{}"}]])
def test_what_is_no_list_of_calls_is_left_alone(calls: object) -> None:
    client = SimpleNamespace(calls=calls)
    assert KeptCalls(client).added() == []


@pytest.mark.parametrize(
    "part",
    [Text("a"), Reasoning("a"), Refusal("a"), ToolCall("f", "{}", "1"), Usage(1, 2), Finish("stop")],
)
def test_a_part_may_be_a_dict(part: Part) -> None:
    given = {"type": kind_of(part), **{name: getattr(part, name) for name in part.__slots__}}
    assert part_of(given) == part == part_of(part)
    assert type(part) is KINDS[kind_of(part)]


@pytest.mark.parametrize(
    "given", [None, 3, {}, {"type": "texts"}, {"type": "text"}, {"type": "text", "text": 3}, ["a"]]
)
def test_what_is_no_part_is_none(given: object) -> None:
    assert part_of(given) is None


def test_a_dict_that_is_yielded_is_a_part(sse_thread: ServerThread) -> None:
    def client(base_url: str) -> Iterator[Any]:
        for one in correct_parts(base_url):
            yield {"type": "finish", "reason": one.reason} if isinstance(one, Finish) else one

    verdicts = run(client, only=["parts/finish", "parts/finish-length"], thread=sse_thread, patience=10.0)
    assert [one.result for one in verdicts] == [Result.PASS, Result.PASS]


def test_the_classes_are_public() -> None:
    assert {orharness.Text, orharness.Reasoning, orharness.Refusal, orharness.Finish} < set(KINDS.values())
