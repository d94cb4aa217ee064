"""LangChain's ChatGoogleGenerativeAI."""

from __future__ import annotations

from collections.abc import AsyncIterator

from langchain_google_genai import ChatGoogleGenerativeAI

from benchmarks.judged.sdks import KEY, root
from benchmarks.judged.sdks.langchain_sdks import texts_of


def stream(base_url: str) -> AsyncIterator[str]:
    """https://docs.langchain.com/oss/python/integrations/chat/google_generative_ai"""
    return texts_of(ChatGoogleGenerativeAI(model="m", base_url=root(base_url), api_key=KEY))
