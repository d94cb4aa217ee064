"""OpenRouter's SDK for Python, which validates each chunk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from openrouter import OpenRouter

from benchmarks.judged.sdks import KEY, MESSAGES


def chat(base_url: str) -> Iterator[str]:
    """https://openrouter.ai/docs/sdks/python; `error` in a chunk: https://openrouter.ai/docs/api-reference/streaming"""
    with OpenRouter(api_key=KEY, server_url=base_url) as client:
        asked: Any = client.chat
        with asked.send(model="m", messages=MESSAGES, stream=True) as chunks:
            for chunk in chunks:
                if chunk.error:
                    raise RuntimeError(chunk.error.message)
                if chunk.choices:
                    yield chunk.choices[0].delta.content or ""


async def chat_async(base_url: str) -> AsyncIterator[str]:
    """https://openrouter.ai/docs/sdks/python; `error` in a chunk: https://openrouter.ai/docs/api-reference/streaming"""
    async with OpenRouter(api_key=KEY, server_url=base_url) as client:
        asked: Any = client.chat
        async with await asked.send_async(model="m", messages=MESSAGES, stream=True) as chunks:
            async for chunk in chunks:
                if chunk.error:
                    raise RuntimeError(chunk.error.message)
                if chunk.choices:
                    yield chunk.choices[0].delta.content or ""
