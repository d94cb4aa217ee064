"""Relays that send events on by a timer, or change what is said of the time to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from aiohttp import web

from tests.support.relay_apps import Handler, begun, right, upstream

TIMES: dict[str, Handler] = {}
BATCH = 0.2  # seconds


def relay(handler: Handler) -> Handler:
    TIMES[handler.__name__] = handler
    return handler


async def batched(request: web.Request, *, at_ticks: bool) -> web.StreamResponse:
    """What comes in a while is sent at its end: one that begins with the first of it, or that of a clock."""
    async with upstream(request) as answer:
        response, kept, loop = await begun(request, answer), bytearray(), asyncio.get_running_loop()
        reading = asyncio.ensure_future(answer.content.readany())
        until = loop.time() + BATCH if at_ticks else None
        try:
            while True:
                await asyncio.wait({reading}, timeout=None if until is None else max(0.0, until - loop.time()))
                if reading.done():
                    if not (piece := reading.result()):
                        break
                    kept += piece
                    until = until or loop.time() + BATCH
                    reading = asyncio.ensure_future(answer.content.readany())
                if until is not None and loop.time() >= until:
                    if kept:
                        await response.write(bytes(kept))
                    kept.clear()
                    until = loop.time() + BATCH if at_ticks else None
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await reading
        await response.write(bytes(kept) or b"\n")
        return response


@relay
async def collects_for_a_while(request: web.Request) -> web.StreamResponse:
    return await batched(request, at_ticks=False)


@relay
async def sends_at_ticks(request: web.Request) -> web.StreamResponse:
    return await batched(request, at_ticks=True)


@relay
async def stumbles(request: web.Request) -> web.StreamResponse:
    """Right: some events are late, as on a busy machine, and not all."""
    async with upstream(request) as answer:
        response = await begun(request, answer)
        number = 0
        async for piece in answer.content.iter_any():
            number += 1
            if number % 5:
                await asyncio.sleep(BATCH)
            await response.write(piece)
        return response


async def refused(request: web.Request, said: Mapping[str, str]) -> web.StreamResponse:
    """An upstream that refuses is told with other headers."""
    async with upstream(request) as answer:
        if answer.status == 200:
            response = await begun(request, answer)
            async for piece in answer.content.iter_any():
                await response.write(piece)
            return response
        return web.Response(status=answer.status, body=await answer.read(), headers=dict(said))


@relay
async def drops_retry_after(request: web.Request) -> web.StreamResponse:
    return await refused(request, {})


@relay
async def multiplies_retry_after(request: web.Request) -> web.StreamResponse:
    """Seconds are taken for milliseconds."""
    return await refused(request, {"Retry-After": "1000"})


@relay
async def empties_retry_after(request: web.Request) -> web.StreamResponse:
    return await refused(request, {"Retry-After": ""})


relay(right)
