"""LangChain's ChatOpenAI."""

from __future__ import annotations

from collections.abc import AsyncIterator

from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from benchmarks.judged.sdks import KEY
from benchmarks.judged.sdks.langchain_sdks import parts_of
from orharness.parts import Part


def stream(base_url: str) -> AsyncIterator[str | Part]:
    """https://docs.langchain.com/oss/python/langchain/models#stream"""
    model = ChatOpenAI(model="m", base_url=base_url, api_key=SecretStr(KEY), stream_usage=True)
    return parts_of(model)
