"""Mistral's SDK for Python: chat completions, whose chunks it validates."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from mistralai.client import Mistral

from benchmarks.judged.sdks import KEY, MESSAGES, root
from benchmarks.judged.sdks.besides import Besides
from orharness.parts import Part


def chat(base_url: str) -> Iterator[str | Part]:
    """https://github.com/mistralai/client-python#server-sent-event-streaming"""
    besides = Besides()
    with Mistral(api_key=KEY, server_url=root(base_url)) as client:
        asked: Any = client.chat
        with asked.stream(model="m", messages=MESSAGES) as events:
            for event in events:
                if event.data.choices:
                    yield event.data.choices[0].delta.content or ""
                yield from besides.take(event.data)
    yield from besides.end()


async def chat_async(base_url: str) -> AsyncIterator[str | Part]:
    """https://github.com/mistralai/client-python#server-sent-event-streaming"""
    besides = Besides()
    async with Mistral(api_key=KEY, server_url=root(base_url)) as client:
        asked: Any = client.chat
        async with await asked.stream_async(model="m", messages=MESSAGES) as events:
            async for event in events:
                if event.data.choices:
                    yield event.data.choices[0].delta.content or ""
                for part in besides.take(event.data):
                    yield part
    for part in besides.end():
        yield part
