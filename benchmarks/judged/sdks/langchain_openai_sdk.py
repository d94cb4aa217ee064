"""LangChain's ChatOpenAI."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from benchmarks.judged.sdks import KEY


async def stream(base_url: str) -> AsyncIterator[str]:
    """https://docs.langchain.com/oss/python/langchain/models#stream"""
    model = ChatOpenAI(model="m", base_url=base_url, api_key=SecretStr(KEY))
    async with aclosing(model.astream("hi")) as chunks:
        async for chunk in chunks:
            yield str(chunk.text)
