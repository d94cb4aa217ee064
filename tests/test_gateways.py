"""The gateways as data, and finding them."""

from __future__ import annotations

import pytest

from orharness.errors import ScenarioError
from orharness.gateways import GATEWAYS, ONEROUTER, OPENAI, OPENROUTER, Gateway, lookup


@pytest.mark.parametrize(
    ("name", "gateway"),
    [
        ("onerouter", ONEROUTER),
        ("OneRouter", ONEROUTER),
        ("one-router", ONEROUTER),
        (" ONE_ROUTER. ", ONEROUTER),
        ("Open Router", OPENROUTER),
        ("OPENAI", OPENAI),
        ("open.ai", OPENAI),
    ],
)
def test_a_gateway_is_found_whatever_the_case_and_punctuation(name: str, gateway: Gateway) -> None:
    assert lookup(name) is gateway


@pytest.mark.parametrize(
    ("name", "nearest"), [("onerooter", "onerouter"), ("Open-Ruter", "openrouter"), ("openia", "openai")]
)
def test_an_unknown_gateway_is_told_the_nearest_name(name: str, nearest: str) -> None:
    with pytest.raises(ScenarioError, match=f"did you mean '{nearest}'") as error:
        lookup(name)
    assert repr(name) in str(error.value)


@pytest.mark.parametrize("name", ["", "zzz", "日本"])
def test_a_name_far_from_all_is_told_all_of_them(name: str) -> None:
    with pytest.raises(
        ScenarioError,
        match=r"known are onerouter, openrouter, openai, anthropic, google, groq, azure, deepseek, vllm, llamacpp$",
    ) as error:
        lookup(name)
    assert "did you mean" not in str(error.value)


def test_each_gateway_is_known_by_its_own_name_and_title() -> None:
    for name, gateway in GATEWAYS.items():
        assert lookup(name) is lookup(gateway.title) is gateway


def test_the_keep_alive_comments_are_the_lines_that_are_sent() -> None:
    comments = {gateway.name: gateway.comment for gateway in GATEWAYS.values() if gateway.comment is not None}
    assert comments == {
        "onerouter": ": ONEROUTER PROCESSING",
        "openrouter": ": OPENROUTER PROCESSING",
        "deepseek": ": keep-alive",
        "llamacpp": ":",
    }
