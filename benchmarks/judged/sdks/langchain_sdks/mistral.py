"""LangChain's ChatMistralAI."""

from __future__ import annotations

from collections.abc import AsyncIterator

from langchain_mistralai import ChatMistralAI

from benchmarks.judged.sdks import KEY
from benchmarks.judged.sdks.langchain_sdks import texts_of


def stream(base_url: str) -> AsyncIterator[str]:
    """https://docs.langchain.com/oss/python/integrations/chat/mistralai"""
    return texts_of(ChatMistralAI(model_name="m", base_url=base_url, api_key=KEY))
