"""LangChain's ChatOpenRouter."""

from __future__ import annotations

from collections.abc import AsyncIterator

from langchain_openrouter import ChatOpenRouter

from benchmarks.judged.sdks import KEY
from benchmarks.judged.sdks.langchain_sdks import parts_of
from orharness.parts import Part


def stream(base_url: str) -> AsyncIterator[str | Part]:
    """https://docs.langchain.com/oss/python/integrations/chat/openrouter"""
    return parts_of(ChatOpenRouter(model="m", base_url=base_url, api_key=KEY))
