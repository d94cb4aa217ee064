"""Mistral's SDK for Python: chat completions, whose chunks it validates."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from mistralai.client import Mistral

from benchmarks.judged.sdks import KEY, MESSAGES, root


def chat(base_url: str) -> Iterator[str]:
    """https://github.com/mistralai/client-python#server-sent-event-streaming"""
    with Mistral(api_key=KEY, server_url=root(base_url)) as client:
        asked: Any = client.chat
        with asked.stream(model="m", messages=MESSAGES) as events:
            for event in events:
                if event.data.choices:
                    yield event.data.choices[0].delta.content or ""


async def chat_async(base_url: str) -> AsyncIterator[str]:
    """https://github.com/mistralai/client-python#server-sent-event-streaming"""
    async with Mistral(api_key=KEY, server_url=root(base_url)) as client:
        asked: Any = client.chat
        async with await asked.stream_async(model="m", messages=MESSAGES) as events:
            async for event in events:
                if event.data.choices:
                    yield event.data.choices[0].delta.content or ""
