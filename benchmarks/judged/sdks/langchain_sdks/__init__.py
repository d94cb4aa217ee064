"""LangChain's chat models for other providers, a module each: a driver imports one of them, and not all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any


async def texts_of(model: Any) -> AsyncIterator[str]:
    """The texts of an answer, as they come."""
    async with aclosing(model.astream("hi")) as chunks:
        async for chunk in chunks:
            yield str(chunk.text)
