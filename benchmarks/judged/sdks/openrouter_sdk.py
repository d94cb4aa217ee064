"""OpenRouter's SDK for Python, which validates each chunk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from openrouter import OpenRouter

from benchmarks.judged.sdks import KEY, MESSAGES
from benchmarks.judged.sdks.besides import Besides
from orharness.parts import Part


def chat(base_url: str) -> Iterator[str | Part]:
    """https://openrouter.ai/docs/sdks/python; `error` in a chunk: https://openrouter.ai/docs/api-reference/streaming"""
    besides = Besides()
    with OpenRouter(api_key=KEY, server_url=base_url) as client:
        asked: Any = client.chat
        with asked.send(model="m", messages=MESSAGES, stream=True) as chunks:
            for chunk in chunks:
                if chunk.error:
                    raise RuntimeError(chunk.error.message)
                if chunk.choices:
                    yield chunk.choices[0].delta.content or ""
                yield from besides.take(chunk)
    yield from besides.end()


async def chat_async(base_url: str) -> AsyncIterator[str | Part]:
    """https://openrouter.ai/docs/sdks/python; `error` in a chunk: https://openrouter.ai/docs/api-reference/streaming"""
    besides = Besides()
    async with OpenRouter(api_key=KEY, server_url=base_url) as client:
        asked: Any = client.chat
        async with await asked.send_async(model="m", messages=MESSAGES, stream=True) as chunks:
            async for chunk in chunks:
                if chunk.error:
                    raise RuntimeError(chunk.error.message)
                if chunk.choices:
                    yield chunk.choices[0].delta.content or ""
                for part in besides.take(chunk):
                    yield part
    for part in besides.end():
        yield part
