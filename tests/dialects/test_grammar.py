"""The grammars: real streams obey them, and each clause is broken by a stream that breaks just it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orharness.cassette import load
from orharness.dialects import CHAT, GEMINI, MESSAGES, OLLAMA, RESPONSES, Asked, Dialect
from orharness.dialects import DIALECTS as KNOWN
from orharness.dialects.completion import Completion, ToolCall
from orharness.gateways import OPENAI
from orharness.sse import Event
from tests.support.dialect_strategies import DIALECTS

# What real services send against the letter of a specification: the recording, and the clauses.
KNOWN_DEVIATIONS = {
    "openai-responses": {"responses/sequence"},  # of March 2025: it had no numbers yet
    "openrouter-responses-empty-comment": {"responses/named"},
}
JUDGED = 24  # recorded streams of these dialects


def test_each_recorded_stream_obeys_its_grammar_or_the_clause_is_named(recordings: Path) -> None:
    judged = 0
    for path in sorted(recordings.glob("*.yaml")):
        for number, interaction in enumerate(load(path)):
            dialect = KNOWN.at(interaction.request.path)
            if dialect is None:
                continue  # a list of models, or a description of one
            items = interaction.stream.frame.decode(interaction.stream.body)
            assert KNOWN.of(items) is dialect, (path.stem, number)
            assert dialect.grammar is not None
            judged += 1
            found = dialect.grammar.check(items)
            broken = {deviation.clause.name for deviation in found}
            assert broken == KNOWN_DEVIATIONS.get(path.stem, set()), (path.stem, number, *map(str, found))
            assert dialect.fold(items).problems == ()
    assert judged == JUDGED


WHOLE = Completion(
    ("Hel", "lo"), "hm hm", (ToolCall("f", '{"a": 1}'), ToolCall("g", "{}")), refusal="", model="m", id="x"
)
Edit = Callable[[list[Event]], list[Event]]


def of(dialect: Dialect, completion: Completion = WHOLE) -> list[Event]:
    return list(dialect.write(completion, OPENAI, Asked(wants_usage=True)).events)


def at(kind: str, events: list[Event], nth: int = 0) -> int:
    """The number of the nth event of a kind."""
    return [index for index, event in enumerate(events) if event.type == kind][nth]


def without(kind: str, nth: int = 0) -> Edit:
    def edit(events: list[Event]) -> list[Event]:
        number = at(kind, events, nth)
        return renumbered(events[:number] + events[number + 1 :])

    return edit


def again(kind: str, nth: int = 0) -> Edit:
    def edit(events: list[Event]) -> list[Event]:
        number = at(kind, events, nth)
        return renumbered([*events[: number + 1], *events[number:]])

    return edit


def first(kind: str, **data: Any) -> Edit:
    return lambda events: renumbered([Event(kind, json.dumps({"type": kind, **data})), *events])


def last(*added: Event) -> Edit:
    return lambda events: renumbered([*events, *added])


def changed(kind: str, change: Callable[[Any], None], nth: int = 0) -> Edit:
    def edit(events: list[Event]) -> list[Event]:
        number = at(kind, events, nth)
        data = json.loads(events[number].data)
        change(data)
        return [*events[:number], Event(events[number].type, json.dumps(data)), *events[number + 1 :]]

    return edit


def renumbered(events: list[Event]) -> list[Event]:
    """With sequence numbers that are right again, where there are any."""
    return [
        Event(event.type, json.dumps({**data, "sequence_number": number}))
        if "sequence_number" in (data := _data(event))
        else event
        for number, event in enumerate(events)
    ]


def _data(event: Event) -> dict[str, Any]:
    try:
        value = json.loads(event.data)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def moved(kind: str, to: int) -> Edit:
    def edit(events: list[Event]) -> list[Event]:
        number = at(kind, events)
        rest = events[:number] + events[number + 1 :]
        return renumbered([*rest[:to], events[number], *rest[to:]])

    return edit


def named(kind: str, name: str) -> Edit:
    return lambda events: [Event(name if event.type == kind else event.type, event.data) for event in events]


def of_choice(delta: Any, finish: str | None = None) -> Event:
    return Event(data=json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}))


def delta(index: int, type_: str) -> Event:
    data = {"type": "content_block_delta", "index": index, "delta": {"type": type_, "text": "x"}}
    return Event("content_block_delta", json.dumps(data))


ERROR = Event("error", '{"type":"error","error":{"type":"api_error","message":"no"}}')
FLAT = Event("error", '{"type":"error","code":"x","message":"no","sequence_number":0}')
DONE = Event(data="[DONE]")
DELTA, START, STOP = "content_block_delta", "content_block_start", "content_block_stop"
TEXT, ITEM = "response.output_text", "response.output_item"
CALL = "response.function_call_arguments"


CUT = Event(data='{"error":{"code":503,"message":"no","status":"UNAVAILABLE"}}')


def part_added(**part: Any) -> Edit:
    """With this in the first part of the second chunk."""

    def edit(events: list[Event]) -> list[Event]:
        data = json.loads(events[1].data)
        data["candidates"][0]["content"]["parts"][0].update(part)
        return [events[0], Event(data=json.dumps(data)), *events[2:]]

    return edit


def _called(call: Any) -> Event:
    return Event(data=json.dumps({"candidates": [{"content": {"parts": [{"functionCall": call}]}}]}))


def totalled(total: int) -> Edit:
    """With this total in the usage of the second chunk."""

    def edit(events: list[Event]) -> list[Event]:
        data = json.loads(events[1].data)
        data["usageMetadata"]["totalTokenCount"] = total
        return [events[0], Event(data=json.dumps(data)), *events[2:]]

    return edit


def _of_another_block(data: Any) -> None:
    data["content_block"] = {"type": "image_generation"}


def line(nth: int, edit: Callable[[Any], object]) -> Edit:
    """An edit of the nth line."""

    def edited(events: list[Event]) -> list[Event]:
        data = _data(events[nth])
        edit(data)
        return [Event(data=json.dumps(data)) if event is events[nth] else event for event in events]

    return edited


def _function(data: Any) -> Any:
    return data["message"]["tool_calls"][0]["function"]


LINE_ERROR = Event(data='{"error":"no"}')
BROKEN: list[tuple[Dialect, Edit, set[str]]] = [
    (MESSAGES, without("message_start"), {"messages/first"}),
    (MESSAGES, again("message_start"), {"messages/blocks"}),  # LiteLLM 33859
    (MESSAGES, moved("message_start", 1), {"messages/first", "messages/blocks"}),  # CLIProxyAPI 530
    (MESSAGES, without("message_delta"), {"messages/blocks"}),
    (MESSAGES, without("message_stop"), {"messages/ending"}),
    (MESSAGES, again("message_stop"), {"messages/last"}),
    (MESSAGES, last(Event("message_delta", '{"type":"message_delta"}')), {"messages/last"}),  # CLIProxyAPI 4544
    (MESSAGES, last(DONE), {"messages/last"}),
    (MESSAGES, lambda events: [*events[:4], ERROR, *events[4:5]], {"messages/after-error"}),
    (MESSAGES, without(START), {"messages/blocks", "messages/opened", "messages/index"}),
    (MESSAGES, without(STOP), {"messages/blocks"}),
    (MESSAGES, changed(DELTA, lambda data: data.update(index=7)), {"messages/opened"}),
    (MESSAGES, again(STOP), {"messages/blocks", "messages/once"}),
    (MESSAGES, changed(DELTA, lambda data: data["delta"].update(type="text_delta")), {"messages/thinking"}),
    (MESSAGES, again(DELTA, 2), {"messages/signature"}),
    (MESSAGES, changed(DELTA, lambda data: data["delta"].update(type="thinking_delta"), 3), {"messages/text"}),
    (MESSAGES, changed(DELTA, lambda data: data["delta"].update(type="text_delta"), 6), {"messages/tool"}),
    (MESSAGES, changed(START, _of_another_block), {"messages/other"}),
    (MESSAGES, named(DELTA, "message"), {"messages/named"}),
    (MESSAGES, again("ping"), set()),
    (MESSAGES, moved("ping", 0), set()),
    (
        MESSAGES,
        changed("message_start", lambda data: data["message"].pop("content")),
        {"messages/content"},
    ),  # cc-switch
    (RESPONSES, without("response.created"), {"responses/first"}),
    (RESPONSES, first("keepalive", sequence_number=0), {"responses/first"}),
    (RESPONSES, without("response.in_progress"), {"responses/progress"}),
    (RESPONSES, without("response.completed"), {"responses/terminal"}),
    (RESPONSES, again("response.completed"), {"responses/last"}),
    (RESPONSES, last(DONE), set()),
    (RESPONSES, last(DONE, DONE), {"responses/done"}),
    (RESPONSES, lambda events: renumbered([*events[:3], FLAT, *events[3:4]]), {"responses/failed"}),
    (RESPONSES, without(f"{ITEM}.added"), {"responses/added"}),
    (RESPONSES, without(f"{ITEM}.done"), {"responses/reasoning"}),
    (RESPONSES, without(f"{ITEM}.done", 1), {"responses/message"}),
    (RESPONSES, without(f"{ITEM}.done", 2), {"responses/call-done"}),
    (RESPONSES, without(f"{CALL}.done"), {"responses/call"}),
    (RESPONSES, again(f"{ITEM}.done"), {"responses/item-done"}),
    (
        RESPONSES,
        changed(f"{ITEM}.added", lambda data: data["item"].update(type="web_search_call")),
        {"responses/other"},
    ),
    (RESPONSES, without("response.content_part.added"), {"responses/part-added"}),
    (RESPONSES, without(f"{TEXT}.done"), {"responses/part"}),
    (RESPONSES, again(f"{TEXT}.done"), {"responses/text-done"}),
    (RESPONSES, again("response.content_part.done"), {"responses/part-done"}),
    (RESPONSES, changed(f"{TEXT}.delta", lambda data: data.update(sequence_number=1)), {"responses/sequence"}),
    (RESPONSES, changed(f"{TEXT}.delta", lambda data: data.pop("sequence_number")), {"responses/sequence"}),
    (RESPONSES, named(f"{TEXT}.delta", "message"), {"responses/named"}),
    (OLLAMA, lambda events: [], {"ollama/first"}),
    (OLLAMA, lambda events: events[:-1], {"ollama/done"}),
    (OLLAMA, lambda events: [*events, events[-1]], {"ollama/last"}),
    (OLLAMA, lambda events: [*events[:2], LINE_ERROR, *events[2:3]], {"ollama/after-error"}),
    (OLLAMA, lambda events: [*events[:2], Event(data="[]"), *events[2:]], {"ollama/object"}),
    (OLLAMA, line(0, lambda data: data.update(done="no")), {"ollama/object"}),
    (OLLAMA, lambda events: [Event(data='{"error":{"message":"no"}}')], {"ollama/object"}),
    (OLLAMA, line(0, lambda data: data.pop("message")), {"ollama/content"}),
    (OLLAMA, line(-1, lambda data: data["message"].pop("content")), {"ollama/content"}),
    (OLLAMA, line(-2, lambda data: _function(data).update(arguments='{"a": 1}')), {"ollama/call"}),
    (OLLAMA, line(-2, lambda data: _function(data).pop("name")), {"ollama/call"}),
    (OLLAMA, line(-1, lambda data: data.pop("done_reason")), {"ollama/reason"}),
    (OLLAMA, line(0, lambda data: data.update(done_reason="stop")), {"ollama/reason"}),
    (OLLAMA, line(0, lambda data: data.update(eval_count=1)), {"ollama/counts"}),
    (OLLAMA, line(-1, lambda data: data.pop("eval_count")), set()),
    (GEMINI, lambda events: [DONE], {"gemini/first"}),
    (GEMINI, lambda events: [], {"gemini/first"}),
    (GEMINI, lambda events: [Event(data='{"promptFeedback":{"blockReason":"SAFETY"}}')], set()),
    (GEMINI, lambda events: events[:-1], {"gemini/finish"}),
    (GEMINI, last(DONE), {"gemini/last"}),
    (GEMINI, lambda events: [*events, events[0]], {"gemini/last"}),
    (GEMINI, lambda events: [*events[:2], CUT], set()),
    (GEMINI, lambda events: [*events[:2], CUT, *events[2:3]], {"gemini/after-error"}),
    (GEMINI, lambda events: [events[0], Event(data=": keep-alive"), *events[1:]], {"gemini/json"}),
    (GEMINI, lambda events: [Event("chunk", events[0].data), *events[1:]], {"gemini/unnamed"}),
    (GEMINI, lambda events: [Event("message", events[0].data, "7"), *events[1:]], {"gemini/unnamed"}),
    (GEMINI, part_added(functionCall={"name": "f", "args": {}}), {"gemini/part"}),
    (GEMINI, part_added(thoughtSignature="c2ln"), set()),
    (GEMINI, lambda events: [_called({"args": {}}), events[-1]], {"gemini/call"}),
    (GEMINI, lambda events: [_called({"name": "f", "args": '{"a'}), events[-1]], {"gemini/call"}),
    (GEMINI, lambda events: [_called({"name": "f"}), events[-1]], set()),
    (GEMINI, totalled(1), {"gemini/usage"}),
    (CHAT, lambda events: [DONE], {"chat/first"}),
    (CHAT, lambda events: events[:-1], {"chat/done"}),
    (CHAT, last(DONE), {"chat/last"}),
    (CHAT, lambda events: [*events[:3], ERROR, *events[3:4]], {"chat/after-error"}),
    (CHAT, lambda events: [of_choice({"content": "x"}), DONE], {"chat/finish"}),
    (CHAT, lambda events: [*events[:-1], of_choice({"content": "x"}), DONE], {"chat/finished"}),
    (CHAT, lambda events: [*events[:5], Event(data=": keepalive"), *events[5:]], {"chat/json"}),
    (
        CHAT,
        lambda events: [of_choice({"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}, "stop"), DONE],
        {"chat/call"},
    ),
    (
        CHAT,
        lambda events: [of_choice({"tool_calls": [{"id": "a", "function": {"name": "f"}}]}, "stop"), DONE],
        {"chat/call-index"},
    ),
]


@pytest.mark.parametrize(("dialect", "edit", "clauses"), BROKEN)
def test_a_stream_that_breaks_a_rule_is_told_the_clause(dialect: Dialect, edit: Edit, clauses: set[str]) -> None:
    assert dialect.grammar is not None
    assert dialect.grammar.check(of(dialect)) == []
    found = dialect.grammar.check(edit(of(dialect)))
    assert {deviation.clause.name for deviation in found} == clauses, list(map(str, found))


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.name)
def test_each_clause_is_broken_by_one_of_them_and_has_a_source(dialect: Dialect) -> None:
    assert dialect.grammar is not None
    broken = set().union(*(clauses for each, _, clauses in BROKEN if each is dialect))
    assert broken == set(dialect.grammar.clauses)
    assert all(clause.source and clause.says for clause in dialect.grammar.clauses.values())


def test_a_deviation_names_the_event_what_it_is_and_what_the_clause_says() -> None:
    assert MESSAGES.grammar is not None
    (found,) = MESSAGES.grammar.check([*of(MESSAGES), DONE])
    assert str(found) == (
        f"event {len(of(MESSAGES)) + 1} is [DONE], where nothing may come;"
        " messages/last: message_stop is the last event, and there is no [DONE]"
    )


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.name)
def test_a_stream_without_events_is_no_answer(dialect: Dialect) -> None:
    assert dialect.grammar is not None
    (found,) = dialect.grammar.check([])
    assert (found.number, found.clause.name) == (0, f"{dialect.name}/first")


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda each: each.name)
def test_what_is_not_known_is_passed_over(dialect: Dialect) -> None:
    assert dialect.grammar is not None
    events = of(dialect)
    if dialect is MESSAGES:
        added = [Event("news", '{"type":"news"}'), delta(0, "news_delta")]
        assert dialect.grammar.check([*events[:3], *added, *events[3:]]) == []
        assert dialect.fold([*events[:3], *added, *events[3:]]) == dialect.fold(events)
    if dialect is GEMINI:
        news = Event(data='{"news":{"text":"no"}}')
        assert dialect.grammar.check([*events[:3], news, *events[3:]]) == []
        assert dialect.fold([*events[:3], news, *events[3:]]) == dialect.fold(events)
    if dialect is RESPONSES:
        news = Event("response.news", '{"type":"response.news","sequence_number":0}')
        assert dialect.grammar.check(renumbered([*events[:3], news, *events[3:]])) == []
