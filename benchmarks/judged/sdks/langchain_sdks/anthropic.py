"""LangChain's ChatAnthropic."""

from __future__ import annotations

from collections.abc import AsyncIterator

from langchain_anthropic import ChatAnthropic

from benchmarks.judged.sdks import KEY, root
from benchmarks.judged.sdks.langchain_sdks import texts_of


def stream(base_url: str) -> AsyncIterator[str]:
    """https://docs.langchain.com/oss/python/integrations/chat/anthropic"""
    return texts_of(ChatAnthropic(model_name="m", base_url=root(base_url), api_key=KEY))
