"""Frameworks of agents, as one call that streams text: Pydantic AI, Agno, LlamaIndex."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from agno.agent import Agent as AgnoAgent
from agno.models.openai.like import OpenAILike as AgnoModel
from llama_index.llms.openai_like import OpenAILike
from openai import AsyncOpenAI
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.models.openrouter import OpenRouterModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openrouter import OpenRouterProvider

from benchmarks.judged.sdks import KEY


def pydantic_ai(base_url: str) -> AsyncIterator[str]:
    """https://ai.pydantic.dev/output/#streaming-text"""
    return _streamed(OpenAIChatModel("m", provider=OpenAIProvider(base_url=base_url, api_key=KEY)))


def pydantic_ai_openrouter(base_url: str) -> AsyncIterator[str]:
    """https://ai.pydantic.dev/models/openrouter/: each chunk is validated once more, as one of OpenRouter's"""
    client = AsyncOpenAI(base_url=base_url, api_key=KEY)
    return _streamed(OpenRouterModel("openai/m", provider=OpenRouterProvider(openai_client=client)))


async def _streamed(model: Any) -> AsyncIterator[str]:
    async with Agent(model).run_stream("hi") as result:
        async for text in result.stream_text(delta=True, debounce_by=None):
            yield text


async def agno(base_url: str) -> AsyncIterator[str]:
    """https://docs.agno.com/basics/agents/running-agents: async, with stream=True"""
    agent = AgnoAgent(model=AgnoModel(id="m", base_url=base_url, api_key=KEY), telemetry=False)
    async for event in agent.arun("hi", stream=True):
        if event.event == "RunContent":
            yield str(event.content or "")
        if event.event == "RunError":
            raise RuntimeError(event.content)


async def llama_index(base_url: str) -> AsyncIterator[str]:
    """https://developers.llamaindex.ai/python/framework/module_guides/models/llms/usage_standalone/: async, streamed"""
    model = OpenAILike(model="m", api_base=base_url, api_key=KEY, is_chat_model=True)
    async for chunk in await model.astream_complete("hi"):
        yield chunk.delta or ""
