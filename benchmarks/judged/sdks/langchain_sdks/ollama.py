"""LangChain's ChatOllama."""

from __future__ import annotations

from collections.abc import AsyncIterator

from langchain_ollama import ChatOllama

from benchmarks.judged.sdks import root
from benchmarks.judged.sdks.langchain_sdks import texts_of


def stream(base_url: str) -> AsyncIterator[str]:
    """https://docs.langchain.com/oss/python/integrations/chat/ollama"""
    return texts_of(ChatOllama(model="m", base_url=root(base_url)))
