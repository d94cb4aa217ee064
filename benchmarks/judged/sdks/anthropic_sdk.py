"""Anthropic's SDK for Python."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any

from anthropic import Anthropic, AsyncAnthropic

from benchmarks.judged.sdks import KEY, MESSAGES, root
from orharness.clients import end_of
from orharness.parts import Part, Reasoning

_ASKED: dict[str, Any] = {"model": "m", "max_tokens": 1024, "messages": MESSAGES}


def messages(base_url: str) -> Iterator[str]:
    """https://github.com/anthropics/anthropic-sdk-python#streaming-responses"""
    with _client(base_url).messages.create(**_ASKED, stream=True) as stream:
        for event in stream:
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                yield event.delta.text


async def messages_async(base_url: str) -> AsyncIterator[str]:
    """https://github.com/anthropics/anthropic-sdk-python#async-usage"""
    async with AsyncAnthropic(base_url=root(base_url), api_key=KEY) as client:
        stream: Any = await client.messages.create(**_ASKED, stream=True)
        async with stream:
            async for event in stream:
                if event.type == "content_block_delta" and event.delta.type == "text_delta":
                    yield event.delta.text


def messages_helper(base_url: str) -> Iterator[str | Part]:
    """https://github.com/anthropics/anthropic-sdk-python#streaming-helpers"""
    with _client(base_url).messages.stream(**_ASKED) as stream:
        yield from stream.text_stream
        message = stream.get_final_message()
    yield from (Reasoning(block.thinking) for block in message.content if block.type == "thinking")
    yield from end_of(message)


@cache
def _client(base_url: str) -> Any:
    return Anthropic(base_url=root(base_url), api_key=KEY)
