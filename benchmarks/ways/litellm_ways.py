"""litellm: https://docs.litellm.ai/docs/completion/stream"""

from __future__ import annotations

import asyncio
import os
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # otherwise it asks the network for its prices

import litellm

from benchmarks.ways.app import API_KEY, MESSAGES, App


def _request(app: App) -> dict[str, Any]:
    return {
        "model": "openai/m",
        "messages": MESSAGES,
        "stream": True,
        "api_base": app.base_url,
        "api_key": API_KEY,
        "max_retries": 0,
    }


def sync_break(app: App) -> None:
    response = litellm.completion(**_request(app))
    for _ in response:
        if app.stopped:
            break


async def async_break(app: App) -> None:
    response = await litellm.acompletion(**_request(app))
    async for _ in response:
        if app.stopped:
            break


async def async_aclose(app: App) -> None:
    response = await litellm.acompletion(**_request(app))
    app.on_stop(response.aclose)
    async for _ in response:
        pass


async def async_cancel(app: App) -> None:
    async def read() -> None:
        response = await litellm.acompletion(**_request(app))
        async for _ in response:
            pass

    task = asyncio.create_task(read())
    app.on_stop(task.cancel)
    await task
