"""Ollama's client for Python."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from ollama import AsyncClient, Client

from benchmarks.judged.sdks import MESSAGES, root


def chat(base_url: str) -> Iterator[str]:
    """https://github.com/ollama/ollama-python#streaming-responses"""
    for chunk in Client(host=root(base_url)).chat(model="m", messages=MESSAGES, stream=True):
        yield chunk.message.content or ""


async def chat_async(base_url: str) -> AsyncIterator[str]:
    """https://github.com/ollama/ollama-python#async-client"""
    client = AsyncClient(host=root(base_url))
    async for chunk in await client.chat(model="m", messages=MESSAGES, stream=True):
        yield chunk.message.content or ""
