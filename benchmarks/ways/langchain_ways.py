"""langchain-openai: https://docs.langchain.com/oss/python/langchain/models#stream"""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_openai import ChatOpenAI

from benchmarks.ways.app import API_KEY, App


def _model(app: App, **options: Any) -> ChatOpenAI:
    return app.keep(ChatOpenAI(base_url=app.base_url, api_key=API_KEY, model="m", max_retries=0, **options))


def sync_break(app: App) -> None:
    for _ in _model(app).stream("hi"):
        if app.stopped:
            break


async def async_break(app: App) -> None:
    async for _ in _model(app).astream("hi"):
        if app.stopped:
            break


async def async_aclose(app: App) -> None:
    stream = _model(app).astream("hi")
    async for _ in stream:
        if app.stopped:
            await stream.aclose()
            break


async def async_cancel(app: App) -> None:
    async def read() -> None:
        async for _ in _model(app).astream("hi"):
            pass

    task = asyncio.create_task(read())
    app.on_stop(task.cancel)
    await task


async def async_cancel_without_chunk_timeout(app: App) -> None:
    """Its timeout between chunks is an ``asyncio.wait_for``, which before Python 3.12 can swallow a cancel."""

    async def read() -> None:
        async for _ in _model(app, stream_chunk_timeout=None).astream("hi"):
            pass

    task = asyncio.create_task(read())
    app.on_stop(task.cancel)
    await task
