"""openai, the Python SDK: https://github.com/openai/openai-python#streaming-responses"""

from __future__ import annotations

import asyncio

from openai import AsyncOpenAI, OpenAI

from benchmarks.ways.app import API_KEY, MESSAGES, App


def _client(app: App) -> OpenAI:
    return app.keep(OpenAI(base_url=app.base_url, api_key=API_KEY, max_retries=0))


def _async_client(app: App) -> AsyncOpenAI:
    return app.keep(AsyncOpenAI(base_url=app.base_url, api_key=API_KEY, max_retries=0))


def sync_break(app: App) -> None:
    stream = _client(app).chat.completions.create(model="m", messages=MESSAGES, stream=True)
    for _ in stream:
        if app.stopped:
            break


def sync_with(app: App) -> None:
    with _client(app).chat.completions.create(model="m", messages=MESSAGES, stream=True) as stream:
        for _ in stream:
            if app.stopped:
                break


def sync_close_from_a_thread(app: App) -> None:
    stream = _client(app).chat.completions.create(model="m", messages=MESSAGES, stream=True)
    app.on_stop(stream.close)
    for _ in stream:
        pass


async def async_break(app: App) -> None:
    stream = await _async_client(app).chat.completions.create(model="m", messages=MESSAGES, stream=True)
    async for _ in stream:
        if app.stopped:
            break


async def async_with(app: App) -> None:
    async with await _async_client(app).chat.completions.create(model="m", messages=MESSAGES, stream=True) as stream:
        async for _ in stream:
            if app.stopped:
                break


async def async_close(app: App) -> None:
    stream = await _async_client(app).chat.completions.create(model="m", messages=MESSAGES, stream=True)
    app.on_stop(stream.close)
    async for _ in stream:
        pass


async def async_cancel(app: App) -> None:
    async def read() -> None:
        stream = await _async_client(app).chat.completions.create(model="m", messages=MESSAGES, stream=True)
        async for _ in stream:
            pass

    task = asyncio.create_task(read())
    app.on_stop(task.cancel)
    await task
