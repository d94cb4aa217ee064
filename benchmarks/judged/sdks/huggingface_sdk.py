"""Hugging Face's InferenceClient on an endpoint of one's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from huggingface_hub import AsyncInferenceClient, InferenceClient

from benchmarks.judged.sdks import KEY, MESSAGES
from benchmarks.judged.sdks.besides import Besides
from orharness.parts import Part


def chat(base_url: str) -> Iterator[str | Part]:
    """https://huggingface.co/docs/huggingface_hub/guides/inference#openai-compatibility"""
    client = InferenceClient(base_url=base_url, api_key=KEY)
    besides = Besides()
    for chunk in client.chat_completion(MESSAGES, model="m", stream=True):
        if chunk.choices:
            yield chunk.choices[0].delta.content or ""
        yield from besides.take(chunk)
    yield from besides.end()


async def chat_async(base_url: str) -> AsyncIterator[str | Part]:
    """https://huggingface.co/docs/huggingface_hub/guides/inference#async-client"""
    besides = Besides()
    async with AsyncInferenceClient(base_url=base_url, api_key=KEY) as client:
        async for chunk in await client.chat_completion(MESSAGES, model="m", stream=True):
            if chunk.choices:
                yield chunk.choices[0].delta.content or ""
            for part in besides.take(chunk):
                yield part
    for part in besides.end():
        yield part
