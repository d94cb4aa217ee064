"""Thirty tests on cassettes that were recorded from a real model: ten questions, each by three clients.

``python -m benchmarks.offline`` runs them. To record them anew, start the model of ``tests/support/real_model.py`` on
port 8080, and run ``pytest benchmarks/offline/suite.py --sse-record-mode=rewrite
--sse-upstream=http://127.0.0.1:8080/v1``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest

from orharness import SseServer, random_chunks

MODEL = "SmolLM2-135M-Instruct"
QUESTIONS = {
    "hello": "Say hello.",
    "color": "Name a color.",
    "sum": "What is two plus two?",
    "fruit": "Name a fruit.",
    "german": "Say good morning in German.",
    "accents": "Repeat: Grüße, café, naïve.",
    "emoji": "Answer with one emoji.",
    "list": "List three animals.",
    "code": "Write a line of Python.",
    "quote": 'Repeat this: "a\\b"',
}


def _body(question: str) -> dict[str, Any]:
    messages = [{"role": "user", "content": question}]
    return {"model": MODEL, "messages": messages, "temperature": 0, "seed": 1, "max_tokens": 8, "stream": True}


@pytest.mark.sse_cassette(delays=False)
@pytest.mark.parametrize("name", QUESTIONS)
def test_sync(sse_server: SseServer, name: str, record_property: Callable[[str, object], None]) -> None:
    with (
        openai.OpenAI(**sse_server.openai) as client,
        client.chat.completions.create(**_body(QUESTIONS[name])) as stream,
    ):
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    record_property("text", text)
    assert text


@pytest.mark.asyncio
@pytest.mark.sse_cassette(delays=False)
@pytest.mark.parametrize("name", QUESTIONS)
async def test_async(sse_server: SseServer, name: str, record_property: Callable[[str, object], None]) -> None:
    async with (
        openai.AsyncOpenAI(**sse_server.openai) as client,
        await client.chat.completions.create(**_body(QUESTIONS[name])) as stream,
    ):
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
    record_property("text", text)
    assert text


@pytest.mark.sse_cassette(delays=False, through=[random_chunks(7)])
@pytest.mark.parametrize("name", QUESTIONS)
def test_by_hand(sse_server: SseServer, name: str, record_property: Callable[[str, object], None]) -> None:
    with httpx.stream("POST", sse_server.url_for("/v1/chat/completions"), json=_body(QUESTIONS[name])) as response:
        data = [line.removeprefix("data: ") for line in response.iter_lines() if line.startswith("data: ")]
    assert data[-1] == "[DONE]"
    deltas = [json.loads(one)["choices"][0]["delta"] for one in data[:-1]]
    record_property("text", "".join(delta.get("content") or "" for delta in deltas))
    assert deltas
