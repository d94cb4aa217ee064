"""Ten clients with a limit on the silence of a stream, set as their manuals say: ``LIMIT`` seconds of the environment.

SDKs and HTTP libraries with the loop around them that people write; ``benchmarks.liveness`` judges them.
"""

from __future__ import annotations

import asyncio
import json
import os
import urllib.request
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import orharness

LIMIT = float(os.environ.get("LIMIT", "10"))
_BODY: dict[str, Any] = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
_HEADERS = {"Authorization": "Bearer sk-orharness", "Content-Type": "application/json", "Accept": "text/event-stream"}


class CutError(Exception):
    """The body ended before its end marker."""


def _texts(lines: Iterable[bytes | str]) -> Iterator[str]:
    """The texts of the lines of an answer. Raises where it ends without ``[DONE]``."""
    for line in lines:
        text, done = _text(line)
        if done:
            return
        if text:
            yield text
    raise CutError


def _text(line: bytes | str) -> tuple[str, bool]:
    """What a line says: its text, and whether it is the end marker."""
    said = line.decode() if isinstance(line, bytes) else line
    data = said.strip().removeprefix("data:").strip()
    if not said.startswith("data:") or not data:
        return "", False
    if data == "[DONE]":
        return "", True
    return "".join(one["delta"].get("content") or "" for one in json.loads(data)["choices"]), False


openai_sync = orharness.clients.openai(timeout=LIMIT)
openai_async = orharness.clients.openai_async(timeout=LIMIT)
anthropic_sync = orharness.clients.anthropic(timeout=LIMIT)


async def anthropic_async(base_url: str) -> AsyncIterator[str]:
    """``AsyncAnthropic.messages.stream``."""
    import anthropic

    async with anthropic.AsyncAnthropic(base_url=base_url.removesuffix("/v1"), api_key="sk-orharness") as sdk:
        asked: Any = {"model": "m", "max_tokens": 99, "messages": _BODY["messages"], "timeout": LIMIT}
        async with sdk.messages.stream(**asked) as answer:
            async for text in answer.text_stream:
                yield text


def httpx_sync(base_url: str) -> Iterator[str]:
    """``httpx.stream``, whose timeout is one for each read."""
    import httpx

    url = f"{base_url}/chat/completions"
    with httpx.stream("POST", url, json=_BODY, headers=_HEADERS, timeout=LIMIT) as response:
        yield from _texts(response.iter_lines())


async def httpx_async(base_url: str) -> AsyncIterator[str]:
    """The same with ``httpx.AsyncClient``."""
    import httpx

    async with (
        httpx.AsyncClient(timeout=LIMIT) as client,
        client.stream("POST", f"{base_url}/chat/completions", json=_BODY, headers=_HEADERS) as response,
    ):
        async for line in response.aiter_lines():
            text, done = _text(line)
            if done:
                return
            yield text
    raise CutError


def requests_lines(base_url: str) -> Iterator[str]:
    """``requests.post(stream=True)`` and ``iter_lines``, in small blocks: by default it waits for 512 bytes."""
    import requests

    url = f"{base_url}/chat/completions"
    with requests.post(url, json=_BODY, headers=_HEADERS, stream=True, timeout=LIMIT) as response:
        yield from _texts(response.iter_lines(chunk_size=1))


async def aiohttp_lines(base_url: str) -> AsyncIterator[str]:
    """``aiohttp`` with ``sock_read``."""
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=None, sock_read=LIMIT)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(f"{base_url}/chat/completions", json=_BODY, headers=_HEADERS) as response,
    ):
        async for line in response.content:
            text, done = _text(line)
            if done:
                return
            yield text
    raise CutError


def http_client(base_url: str) -> Iterator[str]:
    """``http.client`` with the timeout of its socket."""
    address = urlsplit(base_url)
    with closing(HTTPConnection(address.hostname or "", address.port, timeout=LIMIT)) as connection:
        connection.request("POST", f"{address.path}/chat/completions", json.dumps(_BODY), _HEADERS)
        yield from _texts(iter(connection.getresponse().readline, b""))


async def in_all(base_url: str) -> AsyncIterator[str]:
    """``asyncio.timeout`` around the whole answer of ``httpx_async``: the limit that people set by mistake."""
    async with asyncio.timeout(LIMIT):
        async for text in httpx_async(base_url):
            yield text


def urllib_lines(base_url: str) -> Iterator[str]:
    """``urllib.request.urlopen``."""
    request = urllib.request.Request(f"{base_url}/chat/completions", json.dumps(_BODY).encode(), _HEADERS)
    with urllib.request.urlopen(request, timeout=LIMIT) as response:
        yield from _texts(response)
