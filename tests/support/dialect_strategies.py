"""Completions that a dialect can express, and what a reader must make of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from hypothesis import strategies as st

from orharness.dialects import CHAT, GEMINI, MESSAGES, OLLAMA, RESPONSES, Dialect
from orharness.dialects.answer import Answer
from orharness.dialects.completion import Completion, Failure, ToolCall, Usage
from orharness.dialects.dialect import Carried
from orharness.dialects.gemini.errors import code_of as number_of
from orharness.dialects.messages.errors import word_of
from orharness.dialects.responses.words import code_of
from orharness.dialects.values import dumps
from orharness.errors import ScenarioError
from orharness.gateways import GATEWAYS

DIALECTS = [CHAT, MESSAGES, RESPONSES, GEMINI, OLLAMA]
WHOLE_CALLS = {GEMINI, OLLAMA}  # their tool calls come whole, with arguments that are a JSON object
gateways = st.sampled_from(list(GATEWAYS.values()))
texts = st.text(st.characters(codec="utf-8"), max_size=40)
words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=9)
arguments = texts | st.just('{"city": "Zürich", "days": [1, 2]}')
objects = st.dictionaries(texts, st.recursive(texts | st.integers() | st.none(), st.lists, max_leaves=3)).map(
    json.dumps
)
codes: st.SearchStrategy[int | str] = st.sampled_from([400, 429, 500, 502, 529, "overloaded_error", "server_error"])


@st.composite
def completions(draw: st.DrawFn, dialect: Dialect) -> Completion:
    """An answer that the dialect can express, in whatever of an answer it has a form for."""
    made = Completion(
        tokens=tuple(draw(st.lists(words, max_size=6))),
        reasoning=draw(texts),
        tool_calls=tuple(draw(_calls(dialect))),
        refusal=draw(st.just("") | texts),
        finish_reason=draw(st.none() | st.sampled_from(["stop", "length", "content_filter", "tool_calls"])),
        usage=draw(st.none() | st.builds(Usage, st.integers(0, 99), st.integers(9, 99), st.integers(0, 9))),
    )
    if Carried.OTHERS in dialect.carries:
        made = replace(made, others=tuple(draw(st.lists(st.lists(words, max_size=4).map(tuple), max_size=2))))
    if not _is_expressible(dialect, made):
        made = replace(made, refusal="", finish_reason=None)
    if not draw(st.booleans()):
        return made
    after = draw(st.none() | st.integers(0, len(made.pieces)))
    failed = replace(made, error=Failure(draw(words), draw(codes), after))
    return failed if _is_expressible(dialect, failed) else made


def _calls(dialect: Dialect) -> st.SearchStrategy[list[ToolCall]]:
    said = objects if dialect in WHOLE_CALLS else arguments
    call = st.builds(ToolCall, st.text("abc_", min_size=1), said, st.none() | st.just("call_1"))
    return st.lists(call, max_size=3, unique_by=lambda call: call.name)


def _is_expressible(dialect: Dialect, completion: Completion) -> bool:
    try:
        dialect.check(completion)
    except ScenarioError:
        return False
    return True


def meaning(answer: Answer) -> Answer:
    """The part of an answer that a completion says: not the gateway's ids, nor the API's own words.

    With an error, some gateways of a chat send ``[DONE]`` all the same, and ``error`` as the finish reason.
    """
    plain = {index: replace(choice, native_finish_reason=None) for index, choice in answer.choices.items()}
    if answer.error is not None:
        plain = {index: replace(one, finish_reason=_unless_error(one.finish_reason)) for index, one in plain.items()}
    complete = answer.complete and answer.error is None
    return replace(answer, choices=plain, complete=complete, usage=None, id=None, model=None, provider=None)


def _unless_error(finish_reason: str | None) -> str | None:
    return None if finish_reason == "error" else finish_reason


_CODES: dict[Dialect, Callable[[int | str], int | str | None]] = {
    CHAT: lambda code: code,
    MESSAGES: word_of,
    RESPONSES: code_of,
    GEMINI: number_of,
    OLLAMA: lambda code: None,  # it has a message alone
}


def expected(dialect: Dialect, completion: Completion) -> Answer:
    """What a reader must make of it; an error's HTTP status comes as the API's word for it, an object as its JSON."""
    answer = Answer.of(completion)
    if dialect in WHOLE_CALLS:
        calls = tuple(replace(call, arguments=dumps(json.loads(call.arguments))) for call in answer.tool_calls)
        answer = replace(answer, choices={0: replace(answer.first, tool_calls=calls)})
    if answer.error is None:
        return answer
    assert answer.error.code is not None
    return replace(answer, error=replace(answer.error, code=_CODES[dialect](answer.error.code)))
