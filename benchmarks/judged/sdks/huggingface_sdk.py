"""Hugging Face's InferenceClient on an endpoint of one's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from huggingface_hub import AsyncInferenceClient, InferenceClient

from benchmarks.judged.sdks import KEY, MESSAGES


def chat(base_url: str) -> Iterator[str]:
    """https://huggingface.co/docs/huggingface_hub/guides/inference#openai-compatibility"""
    client = InferenceClient(base_url=base_url, api_key=KEY)
    for chunk in client.chat_completion(MESSAGES, model="m", stream=True):
        if chunk.choices:
            yield chunk.choices[0].delta.content or ""


async def chat_async(base_url: str) -> AsyncIterator[str]:
    """https://huggingface.co/docs/huggingface_hub/guides/inference#async-client"""
    async with AsyncInferenceClient(base_url=base_url, api_key=KEY) as client:
        async for chunk in await client.chat_completion(MESSAGES, model="m", stream=True):
            if chunk.choices:
                yield chunk.choices[0].delta.content or ""
