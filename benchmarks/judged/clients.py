"""Real clients as functions of the base URL: each streams as its manual shows, and closes as its manual says.

What the manual leaves to the caller is left out here too: a verdict is about the client, not about our care.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from orharness.contract import Client

KEY = "sk-orharness"
MESSAGES = [{"role": "user", "content": "hi"}]
BODY: dict[str, Any] = {"model": "m", "messages": MESSAGES, "stream": True}
MESSAGE: dict[str, Any] = {"model": "m", "max_tokens": 1024, "messages": MESSAGES, "stream": True}
HEADERS = {"Authorization": f"Bearer {KEY}"}


def openai_sync(base_url: str) -> Iterator[str]:
    """https://github.com/openai/openai-python#streaming-responses"""
    stream = _openai(base_url).chat.completions.create(model="m", messages=MESSAGES, stream=True)
    with stream:
        for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                yield chunk.choices[0].delta.content


@cache
def _openai(base_url: str) -> Any:
    from openai import OpenAI

    return OpenAI(base_url=base_url, api_key=KEY)


async def openai_async(base_url: str) -> AsyncIterator[str]:
    """https://github.com/openai/openai-python#async-usage"""
    from openai import AsyncOpenAI

    async with AsyncOpenAI(base_url=base_url, api_key=KEY) as client:
        stream: Any = await client.chat.completions.create(**BODY)
        async with stream:
            async for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    yield chunk.choices[0].delta.content


def httpx_sse_sync(base_url: str) -> Iterator[str]:
    """https://github.com/florimondmanca/httpx-sse#quickstart"""
    import httpx
    from httpx_sse import connect_sse

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


def sseclient_py(base_url: str) -> Iterator[str]:
    """https://github.com/mpetazzoni/sseclient#usage"""
    import requests
    import sseclient

    url = f"{base_url}/chat/completions"
    with requests.post(url, json=BODY, headers=HEADERS, stream=True, timeout=30) as response:
        response.raise_for_status()
        for event in sseclient.SSEClient(response).events():
            if event.data == "[DONE]":
                break
            yield from text_of(event.data)


def requests_loop(base_url: str) -> Any:
    """https://openrouter.ai/docs/api-reference/streaming: the loop that gateways document, as the tests have it."""
    from tests.support.documented_clients import reading_loop

    return reading_loop(base_url)


async def langchain_async(base_url: str) -> AsyncIterator[str]:
    """https://docs.langchain.com/oss/python/langchain/models#stream"""
    from contextlib import aclosing

    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    model = ChatOpenAI(model="m", base_url=base_url, api_key=SecretStr(KEY))
    async with aclosing(model.astream("hi")) as stream:
        async for chunk in stream:
            yield str(chunk.text)


async def litellm_async(base_url: str) -> AsyncIterator[str]:
    """https://docs.litellm.ai/docs/completion/stream#async-completion"""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # otherwise it asks the network for its prices
    import litellm

    litellm.suppress_debug_info = True  # it prints a page for each error
    response = await litellm.acompletion(
        model="openai/m", messages=MESSAGES, stream=True, api_base=base_url, api_key=KEY
    )
    try:
        async for chunk in response:
            yield chunk.choices[0].delta.content or ""
    finally:
        await response.aclose()


def ollama_sync(base_url: str) -> Iterator[str]:
    """https://github.com/ollama/ollama-python#streaming-responses"""
    from ollama import Client as Ollama

    for chunk in Ollama(host=base_url.removesuffix("/v1")).chat(model="m", messages=MESSAGES, stream=True):
        yield chunk.message.content or ""


async def ollama_async(base_url: str) -> AsyncIterator[str]:
    """https://github.com/ollama/ollama-python#async-client"""
    from ollama import AsyncClient

    client = AsyncClient(host=base_url.removesuffix("/v1"))
    async for chunk in await client.chat(model="m", messages=MESSAGES, stream=True):
        yield chunk.message.content or ""


def google_genai_sync(base_url: str) -> Iterator[str]:
    """https://github.com/googleapis/python-genai#generate-content-synchronous-streaming, #close-a-client"""
    with _google(base_url) as client:
        for chunk in client.models.generate_content_stream(model="m", contents="hi"):
            yield chunk.text or ""


async def google_genai_async(base_url: str) -> AsyncIterator[str]:
    """https://github.com/googleapis/python-genai#generate-content-asynchronous-streaming, #close-a-client"""
    async with _google(base_url).aio as client:
        async for chunk in await client.models.generate_content_stream(model="m", contents="hi"):
            yield chunk.text or ""


def _google(base_url: str) -> Any:
    from google import genai

    return genai.Client(api_key=KEY, http_options={"base_url": base_url.removesuffix("/v1")})


def anthropic_sync(base_url: str) -> Iterator[str]:
    """https://github.com/anthropics/anthropic-sdk-python#streaming-responses"""
    with _anthropic(base_url).messages.create(**MESSAGE) as stream:
        for event in stream:
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                yield event.delta.text


@cache
def _anthropic(base_url: str) -> Any:
    from anthropic import Anthropic

    return Anthropic(base_url=base_url.removesuffix("/v1"), api_key=KEY)


async def anthropic_async(base_url: str) -> AsyncIterator[str]:
    """https://github.com/anthropics/anthropic-sdk-python#async-usage"""
    from anthropic import AsyncAnthropic

    async with AsyncAnthropic(base_url=base_url.removesuffix("/v1"), api_key=KEY) as client:
        stream: Any = await client.messages.create(**MESSAGE)
        async with stream:
            async for event in stream:
                if event.type == "content_block_delta" and event.delta.type == "text_delta":
                    yield event.delta.text


def anthropic_helper(base_url: str) -> Iterator[str]:
    """https://github.com/anthropics/anthropic-sdk-python#streaming-helpers"""
    asked = {name: value for name, value in MESSAGE.items() if name != "stream"}
    with _anthropic(base_url).messages.stream(**asked) as stream:
        yield from stream.text_stream
        stream.get_final_message()


def responses_sync(base_url: str) -> Iterator[str]:
    """https://github.com/openai/openai-python#streaming-responses"""
    with _openai(base_url).responses.create(model="m", input="hi", stream=True) as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                yield event.delta


async def responses_async(base_url: str) -> AsyncIterator[str]:
    """https://github.com/openai/openai-python#async-usage"""
    from openai import AsyncOpenAI

    async with AsyncOpenAI(base_url=base_url, api_key=KEY) as client:
        stream: Any = await client.responses.create(model="m", input="hi", stream=True)
        async with stream:
            async for event in stream:
                if event.type == "response.output_text.delta":
                    yield event.delta


def responses_helper(base_url: str) -> Iterator[str]:
    """https://platform.openai.com/docs/guides/streaming-responses, and the SDK's examples/responses/streaming.py"""
    with _openai(base_url).responses.stream(model="m", input="hi") as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                yield event.delta
        stream.get_final_response()


def text_of(data: str) -> Iterator[str]:
    """The text of one chunk; an error in the stream is raised."""
    chunk = json.loads(data)
    if "error" in chunk:
        raise RuntimeError(f"the stream tells of an error: {chunk['error']}")
    for choice in chunk["choices"][:1]:
        if content := choice["delta"].get("content"):
            yield content


@dataclass(frozen=True)
class Judged:
    """A client under judgement: what it is called, what it needs, and the function, or the driver under node."""

    name: str
    packages: tuple[str, ...]
    function: Client | None = None
    node: str | None = None  # its name in benchmarks/node/judged.mjs
    dialect: str = "chat"

    @property
    def missing(self) -> list[str]:
        """The Python packages that it needs and this environment does not have."""
        return [] if self.node else [package for package in self.packages if installed(package) is None]

    @property
    def versions(self) -> str:
        """What was judged: ``openai 3.54.0``."""
        return ", ".join(f"{package} {installed(package) or '?'}" for package in self.packages)


def installed(package: str) -> str | None:
    """The version of a Python package in this environment, ``None`` where it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _python(name: str, function: Callable[[str], Any], *packages: str, dialect: str = "chat") -> Judged:
    return Judged(name, packages, function, dialect=dialect)


CLIENTS = (
    _python("openai", openai_sync, "openai"),
    _python("openai-async", openai_async, "openai"),
    _python("httpx-sse", httpx_sse_sync, "httpx-sse", "httpx"),
    _python("langchain-openai", langchain_async, "langchain-openai", "openai"),
    _python("litellm", litellm_async, "litellm", "openai"),
    _python("sseclient-py", sseclient_py, "sseclient-py", "requests"),
    _python("requests-loop", requests_loop, "requests"),
    Judged("openai-node", ("openai",), node="openai"),
    Judged("ai-sdk", ("ai", "@ai-sdk/openai-compatible"), node="ai"),
    Judged("eventsource-parser", ("eventsource-parser",), node="eventsource-parser"),
    _python("anthropic", anthropic_sync, "anthropic", dialect="messages"),
    _python("anthropic-async", anthropic_async, "anthropic", dialect="messages"),
    _python("anthropic-helper", anthropic_helper, "anthropic", dialect="messages"),
    Judged("anthropic-node", ("@anthropic-ai/sdk",), node="anthropic", dialect="messages"),
    Judged("anthropic-node-helper", ("@anthropic-ai/sdk",), node="anthropic-helper", dialect="messages"),
    _python("openai-responses", responses_sync, "openai", dialect="responses"),
    _python("openai-responses-async", responses_async, "openai", dialect="responses"),
    _python("openai-responses-helper", responses_helper, "openai", dialect="responses"),
    Judged("openai-responses-node", ("openai",), node="responses", dialect="responses"),
    Judged("openai-responses-node-helper", ("openai",), node="responses-helper", dialect="responses"),
    _python("google-genai", google_genai_sync, "google-genai", dialect="gemini"),
    _python("google-genai-async", google_genai_async, "google-genai", dialect="gemini"),
    Judged("google-genai-node", ("@google/genai",), node="google", dialect="gemini"),
    _python("ollama", ollama_sync, "ollama", dialect="ollama"),
    _python("ollama-async", ollama_async, "ollama", dialect="ollama"),
    Judged("ollama-node", ("ollama",), node="ollama", dialect="ollama"),
)
