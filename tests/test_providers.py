"""Who stops on cancel, and the names by which they are found."""

from __future__ import annotations

import pytest

from orharness.errors import ScenarioError
from orharness.providers import PROVIDERS, Provider, asked_for, lookup


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
def test_each_is_found_whatever_its_case_and_punctuation(provider: Provider) -> None:
    assert lookup(provider.name) is provider
    assert lookup(provider.name.upper().replace(" ", "-")) is provider
    assert lookup(provider.name.lower().replace(" ", "_") + ".") is provider


def test_the_lists_are_those_of_the_gateways_and_ollama() -> None:
    stopping = {provider.name for provider in PROVIDERS if provider.stops_on_cancel}
    assert len(stopping) == 24 + len({"Ollama"})
    assert len(PROVIDERS) - len(stopping) == 24
    assert {"Ollama", "OpenAI", "Azure", "Anthropic", "DeepSeek", "XAI"} <= stopping
    assert not {"AWS Bedrock", "Groq", "Google", "Google AI Studio", "Mistral"} & stopping


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(
        ScenarioError, match=r"no provider is named 'Antropic', the nearest is Anthropic; for one of your"
    ):
        lookup("Antropic")
    with pytest.raises(
        ScenarioError, match=r"no provider is named 'xyzzy'; for one of your own pass Provider\('xyzzy'"
    ):
        lookup("xyzzy")


def test_own_entries_go_before_those_that_are_known() -> None:
    mine = Provider("My GPU", stops_on_cancel=False)
    corrected = Provider("OpenAI", stops_on_cancel=False)
    assert lookup(mine) is mine
    assert lookup("my gpu", own=[mine]) is mine
    assert lookup("openai", own=[corrected]) is corrected


@pytest.mark.parametrize(
    ("preferences", "name"),
    [
        (None, None),
        ("Groq", None),
        ({}, None),
        ({"order": []}, None),
        ({"order": "Groq"}, None),
        ({"order": [1, None]}, None),
        ({"sort": "price"}, None),
        ({"order": ["groq", "OpenAI"]}, "Groq"),
        ({"only": ["mistral"]}, "Mistral"),
        ({"order": ["Groq", "Azure"], "only": ["azure", "OpenAI"]}, "Azure"),
        ({"order": ["Groq"], "only": ["OpenAI"]}, "OpenAI"),
    ],
)
def test_a_request_chooses_as_openrouter_routes(preferences: object, name: str | None) -> None:
    chosen = asked_for(preferences)
    assert (None if chosen is None else chosen.name) == name
