"""OpenAI's SDK for Python: chat completions and Responses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any

from openai import AsyncOpenAI, OpenAI

from benchmarks.judged.sdks import BODY, KEY
from benchmarks.judged.sdks.besides import USAGE, Besides
from orharness.parts import Part


def chat(base_url: str) -> Iterator[str | Part]:
    """https://github.com/openai/openai-python#streaming-responses"""
    besides = Besides()
    with _client(base_url).chat.completions.create(**BODY, stream_options=USAGE) as stream:
        for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                yield chunk.choices[0].delta.content
            yield from besides.take(chunk)
    yield from besides.end()


async def chat_async(base_url: str) -> AsyncIterator[str | Part]:
    """https://github.com/openai/openai-python#async-usage"""
    besides = Besides()
    async with AsyncOpenAI(base_url=base_url, api_key=KEY) as client:
        stream: Any = await client.chat.completions.create(**BODY, stream_options=USAGE)
        async with stream:
            async for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    yield chunk.choices[0].delta.content
                for part in besides.take(chunk):
                    yield part
    for part in besides.end():
        yield part


def responses(base_url: str) -> Iterator[str]:
    """https://github.com/openai/openai-python#streaming-responses"""
    with _client(base_url).responses.create(model="m", input="hi", stream=True) as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                yield event.delta


async def responses_async(base_url: str) -> AsyncIterator[str]:
    """https://github.com/openai/openai-python#async-usage"""
    async with AsyncOpenAI(base_url=base_url, api_key=KEY) as client:
        stream: Any = await client.responses.create(model="m", input="hi", stream=True)
        async with stream:
            async for event in stream:
                if event.type == "response.output_text.delta":
                    yield event.delta


def responses_helper(base_url: str) -> Iterator[str]:
    """https://platform.openai.com/docs/guides/streaming-responses, and the SDK's examples/responses/streaming.py"""
    with _client(base_url).responses.stream(model="m", input="hi") as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                yield event.delta
        stream.get_final_response()


@cache
def _client(base_url: str) -> Any:
    return OpenAI(base_url=base_url, api_key=KEY)
