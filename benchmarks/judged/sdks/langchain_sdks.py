"""LangChain's chat models for other providers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from langchain_anthropic import ChatAnthropic
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_mistralai import ChatMistralAI
from langchain_ollama import ChatOllama
from langchain_openrouter import ChatOpenRouter

from benchmarks.judged.sdks import KEY, root


def openrouter(base_url: str) -> AsyncIterator[str]:
    """https://docs.langchain.com/oss/python/integrations/chat/openrouter"""
    return _texts(ChatOpenRouter(model="m", base_url=base_url, api_key=KEY))


def mistral(base_url: str) -> AsyncIterator[str]:
    """https://docs.langchain.com/oss/python/integrations/chat/mistralai"""
    return _texts(ChatMistralAI(model_name="m", base_url=base_url, api_key=KEY))


def anthropic(base_url: str) -> AsyncIterator[str]:
    """https://docs.langchain.com/oss/python/integrations/chat/anthropic"""
    return _texts(ChatAnthropic(model_name="m", base_url=root(base_url), api_key=KEY))


def google(base_url: str) -> AsyncIterator[str]:
    """https://docs.langchain.com/oss/python/integrations/chat/google_generative_ai"""
    return _texts(ChatGoogleGenerativeAI(model="m", base_url=root(base_url), api_key=KEY))


def ollama(base_url: str) -> AsyncIterator[str]:
    """https://docs.langchain.com/oss/python/integrations/chat/ollama"""
    return _texts(ChatOllama(model="m", base_url=root(base_url)))


async def _texts(model: Any) -> AsyncIterator[str]:
    async with aclosing(model.astream("hi")) as chunks:
        async for chunk in chunks:
            yield str(chunk.text)
