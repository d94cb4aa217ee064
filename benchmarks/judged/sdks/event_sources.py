"""Readers of events: requests-sse, and aiohttp-sse-client2."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from aiohttp_sse_client2 import client as aiohttp_sse
from requests_sse import EventSource

from benchmarks.judged.sdks import BODY, HEADERS
from benchmarks.judged.sdks.chunks import text_of


def requests_sse(base_url: str) -> Iterator[str]:
    """https://github.com/overcat/requests-sse#usage"""
    url = f"{base_url}/chat/completions"
    with EventSource(url, method="POST", json=BODY, headers=HEADERS, timeout=30) as source:
        for event in source:
            if event.data == "[DONE]":
                break
            yield from text_of(event.data)


async def aiohttp_sse_client(base_url: str) -> AsyncIterator[str]:
    """https://github.com/compasstech/aiohttp-sse-client2#usage"""
    url = f"{base_url}/chat/completions"
    async with aiohttp_sse.EventSource(url, option={"method": "POST"}, json=BODY, headers=HEADERS) as source:
        async for event in source:
            if event.data == "[DONE]":
                break
            for text in text_of(event.data):
                yield text
