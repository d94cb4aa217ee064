"""LangChain's ChatMistralAI."""

from __future__ import annotations

from collections.abc import AsyncIterator

from langchain_mistralai import ChatMistralAI

from benchmarks.judged.sdks import KEY
from benchmarks.judged.sdks.langchain_sdks import parts_of
from orharness.parts import Part


def stream(base_url: str) -> AsyncIterator[str | Part]:
    """https://docs.langchain.com/oss/python/integrations/chat/mistralai"""
    return parts_of(ChatMistralAI(model_name="m", base_url=base_url, api_key=KEY))
