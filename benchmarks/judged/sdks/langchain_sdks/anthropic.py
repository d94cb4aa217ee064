"""LangChain's ChatAnthropic."""

from __future__ import annotations

from collections.abc import AsyncIterator

from langchain_anthropic import ChatAnthropic

from benchmarks.judged.sdks import KEY, root
from benchmarks.judged.sdks.langchain_sdks import parts_of
from orharness.parts import Part


def stream(base_url: str) -> AsyncIterator[str | Part]:
    """https://docs.langchain.com/oss/python/integrations/chat/anthropic"""
    return parts_of(ChatAnthropic(model_name="m", base_url=root(base_url), api_key=KEY))
