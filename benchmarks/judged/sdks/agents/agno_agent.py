"""Agno."""

from __future__ import annotations

from collections.abc import AsyncIterator

from agno.agent import Agent
from agno.models.openai.like import OpenAILike

from benchmarks.judged.sdks import KEY


async def stream(base_url: str) -> AsyncIterator[str]:
    """https://docs.agno.com/basics/agents/running-agents: async, with stream=True"""
    agent = Agent(model=OpenAILike(id="m", base_url=base_url, api_key=KEY), telemetry=False)
    async for event in agent.arun("hi", stream=True):
        if event.event == "RunContent":
            yield str(event.content or "")
        if event.event == "RunError":
            raise RuntimeError(event.content)
