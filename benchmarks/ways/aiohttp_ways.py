"""aiohttp: https://docs.aiohttp.org/en/stable/client_quickstart.html#streaming-response-content"""

from __future__ import annotations

import asyncio

import aiohttp

from benchmarks.ways.app import BODY, App


async def async_break(app: App) -> None:
    session = app.keep(aiohttp.ClientSession())
    response = await session.post(app.url, json=BODY)
    async for _ in response.content:
        if app.stopped:
            break


async def async_with(app: App) -> None:
    session = app.keep(aiohttp.ClientSession())
    async with session.post(app.url, json=BODY) as response:
        async for _ in response.content:
            if app.stopped:
                break


async def async_close(app: App) -> None:
    session = app.keep(aiohttp.ClientSession())
    response = await session.post(app.url, json=BODY)
    app.on_stop(response.close)
    async for _ in response.content:
        pass


async def async_cancel(app: App) -> None:
    session = app.keep(aiohttp.ClientSession())

    async def read() -> None:
        async with session.post(app.url, json=BODY) as response:
            async for _ in response.content:
                pass

    task = asyncio.create_task(read())
    app.on_stop(task.cancel)
    await task
