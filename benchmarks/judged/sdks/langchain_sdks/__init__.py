"""LangChain's chat models for other providers, a module each: a driver imports one of them, and not all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from benchmarks.judged.sdks.besides import Besides
from orharness.parts import Part


async def texts_of(model: Any) -> AsyncIterator[str]:
    """The texts of an answer, as they come."""
    async with aclosing(model.astream("hi")) as chunks:
        async for chunk in chunks:
            yield str(chunk.text)


async def parts_of(model: Any) -> AsyncIterator[str | Part]:
    """The texts of an answer, as they come, and what else it says."""
    besides = Besides(messages=True)
    async with aclosing(model.astream("hi")) as chunks:
        async for chunk in chunks:
            yield str(chunk.text)
            for part in besides.take(chunk):
                yield part
    for part in besides.end():
        yield part
