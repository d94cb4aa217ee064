"""Pydantic AI."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from openai import AsyncOpenAI
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.models.openrouter import OpenRouterModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openrouter import OpenRouterProvider

from benchmarks.judged.sdks import KEY


def openai(base_url: str) -> AsyncIterator[str]:
    """https://ai.pydantic.dev/output/#streaming-text"""
    return _streamed(OpenAIChatModel("m", provider=OpenAIProvider(base_url=base_url, api_key=KEY)))


def openrouter(base_url: str) -> AsyncIterator[str]:
    """https://ai.pydantic.dev/models/openrouter/: each chunk is validated once more, as one of OpenRouter's"""
    client = AsyncOpenAI(base_url=base_url, api_key=KEY)
    return _streamed(OpenRouterModel("openai/m", provider=OpenRouterProvider(openai_client=client)))


async def _streamed(model: Any) -> AsyncIterator[str]:
    async with Agent(model).run_stream("hi") as result:
        async for text in result.stream_text(delta=True, debounce_by=None):
            yield text
