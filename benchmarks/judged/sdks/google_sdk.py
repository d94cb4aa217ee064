"""Google's Gen AI SDK for Python."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from google import genai

from benchmarks.judged.sdks import KEY, root


def generate(base_url: str) -> Iterator[str]:
    """https://github.com/googleapis/python-genai#generate-content-synchronous-streaming, #close-a-client"""
    with _client(base_url) as client:
        for chunk in client.models.generate_content_stream(model="m", contents="hi"):
            yield chunk.text or ""


async def generate_async(base_url: str) -> AsyncIterator[str]:
    """https://github.com/googleapis/python-genai#generate-content-asynchronous-streaming, #close-a-client"""
    async with _client(base_url).aio as client:
        async for chunk in await client.models.generate_content_stream(model="m", contents="hi"):
            yield chunk.text or ""


def _client(base_url: str) -> Any:
    return genai.Client(api_key=KEY, http_options={"base_url": root(base_url)})
