"""httpx: https://www.python-httpx.org/quickstart/#streaming-responses, https://www.python-httpx.org/async/"""

from __future__ import annotations

import asyncio

import httpx

from benchmarks.ways.app import BODY, App


def sync_with(app: App) -> None:
    with httpx.stream("POST", app.url, json=BODY, timeout=60) as response:
        for _ in response.iter_lines():
            if app.stopped:
                break


def sync_send(app: App) -> None:
    client = app.keep(httpx.Client(timeout=60))
    response = client.send(client.build_request("POST", app.url, json=BODY), stream=True)
    for _ in response.iter_lines():
        if app.stopped:
            break


def sync_close_from_a_thread(app: App) -> None:
    with httpx.stream("POST", app.url, json=BODY, timeout=60) as response:
        app.on_stop(response.close)
        for _ in response.iter_lines():
            pass


async def async_with(app: App) -> None:
    client = app.keep(httpx.AsyncClient(timeout=60))
    async with client.stream("POST", app.url, json=BODY) as response:
        async for _ in response.aiter_lines():
            if app.stopped:
                break


async def async_aclose(app: App) -> None:
    client = app.keep(httpx.AsyncClient(timeout=60))
    response = await client.send(client.build_request("POST", app.url, json=BODY), stream=True)
    app.on_stop(response.aclose)
    async for _ in response.aiter_lines():
        pass


async def async_cancel(app: App) -> None:
    client = app.keep(httpx.AsyncClient(timeout=60))

    async def read() -> None:
        async with client.stream("POST", app.url, json=BODY) as response:
            async for _ in response.aiter_lines():
                pass

    task = asyncio.create_task(read())
    app.on_stop(task.cancel)
    await task
