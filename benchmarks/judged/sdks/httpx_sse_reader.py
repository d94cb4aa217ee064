"""httpx-sse: the events of an httpx response."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
from httpx_sse import aconnect_sse, connect_sse

from benchmarks.judged.sdks import BODY, HEADERS
from benchmarks.judged.sdks.chunks import text_of


def events(base_url: str) -> Iterator[str]:
    """https://github.com/florimondmanca/httpx-sse#quickstart"""
    url = f"{base_url}/chat/completions"
    with (
        httpx.Client(headers=HEADERS, timeout=30) as client,
        connect_sse(client, "POST", url, json=BODY) as source,
    ):
        source.response.raise_for_status()
        for event in source.iter_sse():
            if event.data == "[DONE]":
                break
            yield from text_of(event.data)


async def events_async(base_url: str) -> AsyncIterator[str]:
    """https://github.com/florimondmanca/httpx-sse#async-support"""
    url = f"{base_url}/chat/completions"
    async with (
        httpx.AsyncClient(headers=HEADERS, timeout=30) as client,
        aconnect_sse(client, "POST", url, json=BODY) as source,
    ):
        source.response.raise_for_status()
        async for event in source.aiter_sse():
            if event.data == "[DONE]":
                break
            for text in text_of(event.data):
                yield text
