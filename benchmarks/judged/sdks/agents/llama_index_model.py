"""LlamaIndex."""

from __future__ import annotations

from collections.abc import AsyncIterator

from llama_index.llms.openai_like import OpenAILike

from benchmarks.judged.sdks import KEY


async def stream(base_url: str) -> AsyncIterator[str]:
    """https://developers.llamaindex.ai/python/framework/module_guides/models/llms/usage_standalone/: async, streamed"""
    model = OpenAILike(model="m", api_base=base_url, api_key=KEY, is_chat_model=True)
    async for chunk in await model.astream_complete("hi"):
        yield chunk.delta or ""
