"""The dialects together: which one is spoken at a path or in a stream, and after which events a client may leave."""

from __future__ import annotations

import json

import pytest

from orharness.dialects import CHAT, DIALECTS, GEMINI, MESSAGES, RESPONSES, Dialect
from orharness.dialects.completion import Completion
from orharness.sse import Comment, Event, Item
from tests.support import chat_dialect as chat


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/v1/chat/completions", CHAT),
        ("/openai/deployments/x/chat/completions?api-version=2024-02-01", CHAT),
        ("/api/v1/responses/", RESPONSES),
        ("/v1/messages?beta=true", MESSAGES),
        ("/v1/messages/count_tokens", None),
        ("/v1beta/models/gemini-2.0:streamGenerateContent?alt=sse", GEMINI),
        ("/v1beta1/projects/p/locations/l/publishers/google/models/gemini-2.0:generateContent", GEMINI),
        ("/v1beta/models/gemini-2.0:countTokens", None),
        ("/v1beta/models/gemini-2.0:generateContents", None),
        ("/v1beta/models/:streamGenerateContent", None),
        ("/", None),
    ],
)
def test_the_dialect_of_a_path(path: str, dialect: Dialect | None) -> None:
    assert DIALECTS.at(path) is dialect


@pytest.mark.parametrize(
    ("items", "dialect"),
    [
        ([Comment(""), Event(data='{"type":"response.created"}')], RESPONSES),
        ([Event("keepalive", '{"type":"keepalive","sequence_number":0}')], RESPONSES),
        ([Event("ping", '{"type": "ping"}'), Event("error", '{"type":"error","error":{}}')], MESSAGES),
        ([Event("message_start", "{}")], MESSAGES),
        ([Event(data='{"choices":[]}')], CHAT),
        ([Event(data="[DONE]")], CHAT),
        ([Event(data='{"type":"message_stop","choices":[]}')], CHAT),
        ([Event(data='{"error":{"message":"no"}}')], None),
        ([Event(data='{"candidates":[]}')], GEMINI),
        ([Event(data='{"usageMetadata":{}}')], GEMINI),
        ([Event(data='{"error":{"code":503,"message":"no","status":"UNAVAILABLE"}}')], None),
        ([], None),
    ],
)
def test_the_dialect_of_a_stream_is_that_of_its_first_event_that_is_known(
    items: list[Item], dialect: Dialect | None
) -> None:
    assert DIALECTS.of(items) is dialect


def test_a_chat_with_a_field_of_gemini_is_a_chat() -> None:
    odd = Event(data='{"choices":[],"usageMetadata":{}}')
    assert not GEMINI.is_own(odd)
    assert GEMINI.is_own(Event(data='{"usageMetadata":{}}'))


ENDS = {RESPONSES: ("response.completed", "response.failed", "response.incomplete"), MESSAGES: ("message_stop",)}


@pytest.mark.parametrize(("dialect", "type_"), [(one, type_) for one, types in ENDS.items() for type_ in types])
def test_an_end_is_known_by_its_name_or_by_its_json(dialect: Dialect, type_: str) -> None:
    assert dialect.is_end(Event(type_, "{}"))
    assert dialect.is_end(Event(data=f'{{"type": "{type_}"}}'))
    assert not dialect.is_end(Event(data=f'{{"type": "{type_}'))
    assert not dialect.is_end(Event(data=f'["{type_}"]'))
    assert not chat.is_end(Event(type_, "{}"))


@pytest.mark.parametrize("text", ["message_stop", '{"type":"message_stop"}', "response.completed", "[DONE]", " [DONE]"])
def test_a_chat_that_speaks_of_end_markers_goes_on(text: str) -> None:
    *before, _ = chat.events(Completion((text,)))
    odd = Event(data=json.dumps({"type": text, "choices": [{"delta": {"content": text}}]}))
    assert not any(map(DIALECTS.is_terminal, [*before, odd]))
    assert chat.fold(before).text == text


def test_a_responses_stream_that_lost_its_own_end_still_ends_at_done() -> None:
    assert RESPONSES.is_end(Event(data="[DONE]"))
    assert not MESSAGES.is_end(Event(data="[DONE]"))


TERMINAL = [
    Event(data="[DONE]"),
    *(Event(type_, json.dumps({"type": type_})) for types in ENDS.values() for type_ in types),
    Event("error", '{"type": "error", "code": "server_error", "message": "a", "param": null}'),  # Responses
    Event("error", '{"type": "error", "error": {"type": "overloaded_error", "message": "a"}}'),  # Messages
    Event(data='{"error": {"code": 502, "message": "a"}, "choices": []}'),
    Event(data='{"candidates": [{"finishReason": "STOP", "index": 0}]}'),
    Event(data='{"promptFeedback": {"blockReason": "SAFETY"}}'),
    Event(data='{"error": {"code": 503, "message": "a", "status": "UNAVAILABLE"}}'),
]


@pytest.mark.parametrize("end", TERMINAL, ids=str)
def test_a_client_may_leave_after_each_end_with_and_without_event_names(end: Event) -> None:
    assert DIALECTS.is_terminal(end)
    assert DIALECTS.is_terminal(Event(data=end.data))


def test_a_failed_response_is_an_error_also_without_a_reason() -> None:
    failed = Event(data='{"type":"response.failed","response":{"status":"failed"}}')
    answer = RESPONSES.fold([failed])
    assert (answer.error is None, answer.complete) == (False, False)
    assert RESPONSES.error_of(Event("response.failed", "{}")) is not None


@pytest.mark.parametrize(
    "data",
    [
        *('{"type": "response.output_text.delta", "delta": "response.completed"}', '{"error": null}', "error", "{}"),
        *(
            '{"candidates": [{"content": {"parts": [{"text": "finishReason"}]}}]}',
            '{"candidates": [], "promptFeedback": {}}',
        ),
        *(
            '{"candidates": [{"finishReason": "FINISH_REASON_UNSPECIFIED"}]}',
            '{"candidates": [{"finishReason": null}]}',
        ),
    ],
)
def test_to_leave_after_any_other_event_is_a_cancel(data: str) -> None:
    assert not DIALECTS.is_terminal(Event(data=data))
