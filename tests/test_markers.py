"""Which event ends a stream, in each dialect."""

from __future__ import annotations

import json

import chat_dialect as chat
import pytest

from orharness.dialects import markers
from orharness.dialects.completion import Completion
from orharness.sse import Event


@pytest.mark.parametrize(
    ("path", "end"),
    [
        ("/v1/chat/completions", chat.is_end),
        ("/openai/deployments/x/chat/completions?api-version=2024-02-01", chat.is_end),
        ("/api/v1/responses/", markers.is_end_of_responses),
        ("/v1/messages?beta=true", markers.is_end_of_messages),
        ("/v1beta/models/gemini-2.0:streamGenerateContent?alt=sse", markers.is_never_the_end),
        ("/", markers.is_never_the_end),
    ],
)
def test_the_dialect_of_a_path(path: str, end: markers.Predicate) -> None:
    assert markers.end_of(path) is end


@pytest.mark.parametrize("type_", ["response.completed", "response.failed", "response.incomplete", "message_stop"])
def test_a_foreign_end_is_known_by_its_name_or_by_its_json(type_: str) -> None:
    assert markers.is_end_of_any(Event(type_, "{}"))
    assert markers.is_end_of_any(Event(data=f'{{"type": "{type_}"}}'))
    assert not markers.is_end_of_any(Event(data=f'{{"type": "{type_}'))
    assert not markers.is_end_of_any(Event(data=f'["{type_}"]'))
    assert not chat.is_end(Event(type_, "{}"))


@pytest.mark.parametrize("text", ["message_stop", '{"type":"message_stop"}', "response.completed", "[DONE]", " [DONE]"])
def test_a_chat_that_speaks_of_end_markers_goes_on(text: str) -> None:
    *before, _ = chat.events(Completion((text,)))
    odd = Event(data=json.dumps({"type": text, "choices": [{"delta": {"content": text}}]}))
    assert not any(map(markers.is_end_of_any, [*before, odd]))
    assert chat.fold(before).text == text


def test_a_responses_stream_that_lost_its_own_end_still_ends_at_done() -> None:
    assert markers.is_end_of_responses(Event(data="[DONE]"))
    assert not markers.is_end_of_messages(Event(data="[DONE]"))


ENDS = [
    Event(data="[DONE]"),
    *(Event(type_, json.dumps({"type": type_})) for type_ in (*markers.RESPONSES_ENDS, markers.MESSAGES_END)),
    Event("error", '{"type": "error", "code": "server_error", "message": "a", "param": null}'),  # Responses
    Event("error", '{"type": "error", "error": {"type": "overloaded_error", "message": "a"}}'),  # Messages
    Event(data='{"error": {"code": 502, "message": "a"}, "choices": []}'),
]


@pytest.mark.parametrize("end", ENDS, ids=str)
def test_a_client_may_leave_after_each_end_with_and_without_event_names(end: Event) -> None:
    assert markers.may_leave_after(end)
    assert markers.may_leave_after(Event(data=end.data))


@pytest.mark.parametrize(
    "data", ['{"type": "response.output_text.delta", "delta": "response.completed"}', '{"error": null}', "error", "{}"]
)
def test_to_leave_after_any_other_event_is_a_cancel(data: str) -> None:
    assert not markers.may_leave_after(Event(data=data))
