"""LiteLLM's SDK: several providers' chat completions behind one call."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

from benchmarks.judged.sdks import BODY, KEY
from benchmarks.judged.sdks.besides import USAGE, Besides
from orharness.parts import Part

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # otherwise it asks the network for its prices
import litellm

litellm.suppress_debug_info = True  # it prints a page for each error


async def completion_async(base_url: str) -> AsyncIterator[str | Part]:
    """https://docs.litellm.ai/docs/completion/stream#async-completion"""
    async for said in _streamed("openai/m", base_url):
        yield said


def completion(base_url: str) -> Iterator[str | Part]:
    """https://docs.litellm.ai/docs/completion/stream#streaming-responses"""
    besides = Besides()
    for chunk in litellm.completion(**_asked("openai/m", base_url)):
        yield _text_of(chunk)
        yield from besides.take(chunk)
    yield from besides.end()


async def openrouter(base_url: str) -> AsyncIterator[str | Part]:
    """https://docs.litellm.ai/docs/providers/openrouter: async, closed, as in ``completion_async``

    The synchronous stream has no close(), and all calls share one httpx client: where the garbage collector closes a
    stream that was left while another call holds the lock of httpcore's pool, in the same thread, that call waits for
    itself, and every later one for it. So what it does in one run depends on when the collector comes.
    """
    async for said in _streamed("openrouter/m", base_url):
        yield said


async def _streamed(model: str, base_url: str) -> AsyncIterator[str | Part]:
    besides = Besides()
    response = await litellm.acompletion(**_asked(model, base_url))
    try:
        async for chunk in response:
            yield _text_of(chunk)
            for part in besides.take(chunk):
                yield part
        for part in besides.end():
            yield part
    finally:
        await response.aclose()


def _text_of(chunk: Any) -> str:
    """By its manual on usage, a stream that was asked for it may have a chunk without choices."""
    return (chunk.choices and chunk.choices[0].delta.content) or ""


def _asked(model: str, base_url: str) -> dict[str, Any]:
    return {**BODY, "model": model, "stream_options": USAGE, "api_base": base_url, "api_key": KEY}
