"""LiteLLM's SDK: several providers' chat completions behind one call."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

from benchmarks.judged.sdks import KEY, MESSAGES

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # otherwise it asks the network for its prices
import litellm

litellm.suppress_debug_info = True  # it prints a page for each error


async def completion_async(base_url: str) -> AsyncIterator[str]:
    """https://docs.litellm.ai/docs/completion/stream#async-completion"""
    response = await litellm.acompletion(
        model="openai/m", messages=MESSAGES, stream=True, api_base=base_url, api_key=KEY
    )
    try:
        async for chunk in response:
            yield chunk.choices[0].delta.content or ""
    finally:
        await response.aclose()


def completion(base_url: str) -> Iterator[str]:
    """https://docs.litellm.ai/docs/completion/stream#streaming-responses"""
    for chunk in litellm.completion(model="openai/m", messages=MESSAGES, stream=True, api_base=base_url, api_key=KEY):
        yield chunk.choices[0].delta.content or ""


async def openrouter(base_url: str) -> AsyncIterator[str]:
    """https://docs.litellm.ai/docs/providers/openrouter: async, closed, as in ``completion_async``

    The synchronous stream has no close(), and all calls share one httpx client: where the garbage collector closes a
    stream that was left while another call holds the lock of httpcore's pool, in the same thread, that call waits for
    itself, and every later one for it. So what it does in one run depends on when the collector comes.
    """
    response = await litellm.acompletion(
        model="openrouter/m", messages=MESSAGES, stream=True, api_base=base_url, api_key=KEY
    )
    try:
        async for chunk in response:
            yield chunk.choices[0].delta.content or ""
    finally:
        await response.aclose()
