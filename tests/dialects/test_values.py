"""JSON that is encoded once for many texts."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orharness.dialects import values
from orharness.dialects.values import Json, dumps, template
from orharness.journal import Request
from orharness.scenario import Reply

TEXTS = st.text() | st.sampled_from(['"', "\\", "\ue000", "\n", "\u2028", "世界 🙂"])


@given(TEXTS, TEXTS, TEXTS)
@example("\ue000", "a", "b")
@example("\ue000\ue000", "\ue000", "")
def test_a_template_is_the_value_encoded(beside: str, one: str, other: str) -> None:
    def make(text: str) -> Json:
        return {"beside": beside, "delta": {"content": text}, "details": [{"text": text}, beside]}

    encoded = template(make)
    assert encoded(one) == dumps(make(one))
    assert encoded(other) == dumps(make(other))


def test_a_value_without_the_text_is_the_same_for_each() -> None:
    assert template(lambda text: {"a": 1})("x") == '{"a":1}'


@pytest.mark.parametrize("dialect", ["chat"])
def test_the_chunks_of_an_answer_are_encoded_once_a_kind(dialect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[object] = []
    encode = values._encode

    def counted(value: object) -> str:
        encoded.append(value)
        return encode(value)

    monkeypatch.setattr(values, "_encode", counted)
    reply = Reply.completion(dialect, tokens=500, reasoning="why not, " * 50)
    first = len(encoded)
    reply.answer(Request("POST", "/v1/chat/completions", body=json.dumps({"model": "m", "stream": True}).encode()))
    assert first < 20
    assert len(encoded) < 40
