"""A recording is replayed under another base path."""

from __future__ import annotations

import pytest

from orharness.cassette import Interaction, RecordedRequest
from orharness.journal import Request
from orharness.scenario.playback import interaction_routes, serving_routes


@pytest.mark.parametrize(
    ("recorded", "asked", "fits"),
    [
        ("/openai/v1/chat/completions", "/v1/chat/completions", True),  # Groq
        ("/openai/v1/chat/completions", "/openai/v1/chat/completions", True),
        ("/v1beta/openai/chat/completions", "/v1/chat/completions", True),  # Google
        ("/inference/v1/chat/completions", "/api/v1/chat/completions", True),  # Fireworks
        ("/openai/deployments/models/chat/completions", "/v1/chat/completions", True),  # Azure
        ("/v1/openai/chat/completions", "/v1/chat/completions", True),  # DeepInfra
        ("/openai/v1/completions", "/v1/completions", True),
        ("/openai/v1/models/meta/llama", "/v1/models/meta/llama", True),
        ("/openai/v1/chat/completions", "/v1/completions", False),
        ("/openai/v1/chat/completions", "/groq/v1/chat/completions", False),
        ("/v1/threads/t/messages", "/v1/messages", False),
        ("/v1/threads/t/messages", "/v1/threads/t/messages", True),
        ("/openai/v1/xmodels", "/v1/models", False),
    ],
)
def test_a_recording_is_found_whatever_base_path_its_gateway_has(recorded: str, asked: str, fits: bool) -> None:
    interaction = Interaction(RecordedRequest("POST", f"https://gateway{recorded}?a=b", body=b"{}"))
    for (route,) in (interaction_routes([interaction]), serving_routes([interaction])):
        found = route.difference(Request("POST", asked, body=b"{}"))
        assert (not found) == fits, found


def test_of_two_deployments_each_answers_its_own_requests() -> None:
    paths = [f"/openai/deployments/{name}/chat/completions" for name in ("one", "two")]
    both = [Interaction(RecordedRequest("POST", f"https://gateway{path}", body=b"{}")) for path in paths]
    for path, route in zip(paths, interaction_routes(both), strict=True):
        assert [not route.difference(Request("POST", one, body=b"{}")) for one in paths] == [
            one == path for one in paths
        ]


def test_of_two_gateways_in_one_cassette_the_one_that_is_asked_answers() -> None:
    paths = ("/openai/v1/chat/completions", "/v1/chat/completions")
    both = [Interaction(RecordedRequest("POST", f"https://gateway{path}", body=b"{}")) for path in paths]
    (route,) = serving_routes(both)
    for path, answers in zip(paths, route.replies, strict=True):
        assert [route.reply_to(Request("POST", path, body=b"{}"), turn)[0] for turn in range(2)] == [answers, answers]
