"""Relays that are wrong about the head of a response: its codings, length, status, and the upstream's own headers."""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp import web

from tests.support.relay_apps import Handler, begun, right, upstream

HEADS: dict[str, Handler] = {}


def relay(handler: Handler) -> Handler:
    HEADS[handler.__name__] = handler
    return handler


async def packed(request: web.Request, *, unpack: bool, said: bool) -> web.StreamResponse:
    """The upstream may compress; ``unpack``: what it sends is unpacked; ``said``: its Content-Encoding is passed on."""
    url = request.headers["X-Upstream"] + "/chat/completions"
    async with (
        aiohttp.ClientSession(auto_decompress=unpack) as session,
        session.post(url, json=await request.json()) as answer,
    ):
        names = ("Content-Type", *(["Content-Encoding"] if said else []))
        headers = {name: answer.headers[name] for name in names if name in answer.headers}
        response = web.StreamResponse(status=answer.status, headers=headers)
        await response.prepare(request)
        async for piece in answer.content.iter_any():
            await response.write(piece)
        return response


@relay
async def unpacks(request: web.Request) -> web.StreamResponse:
    return await packed(request, unpack=True, said=False)


@relay
async def passes_gzip_on(request: web.Request) -> web.StreamResponse:
    return await packed(request, unpack=False, said=True)


@relay
async def hides_gzip(request: web.Request) -> web.StreamResponse:
    return await packed(request, unpack=False, said=False)


@relay
async def says_gzip(request: web.Request) -> web.StreamResponse:
    return await packed(request, unpack=True, said=True)


@relay
async def passes_headers_on(request: web.Request) -> web.StreamResponse:
    async with upstream(request) as answer:
        framing = ("transfer-encoding", "content-length")
        headers = [(name, value) for name, value in answer.headers.items() if name.lower() not in framing]
        response = web.StreamResponse(status=answer.status, headers=headers)
        await response.prepare(request)
        async for piece in answer.content.iter_any():
            await response.write(piece)
        return response


@relay
async def error_without_end(request: web.Request) -> web.StreamResponse:
    """An error of its own, with the length of the upstream's."""
    async with upstream(request) as answer:
        if answer.status == 200:
            response = await begun(request, answer)
            async for piece in answer.content.iter_any():
                await response.write(piece)
            return response
        length = answer.headers["Content-Length"]
    assert request.transport is not None
    request.transport.write(f"HTTP/1.1 {answer.status} Error\r\nContent-Length: {length}\r\n\r\n{{}}".encode())
    await asyncio.Event().wait()
    raise AssertionError


@relay
async def redirects(request: web.Request) -> web.StreamResponse:
    async with upstream(request) as answer:
        await answer.read()
    raise web.HTTPTemporaryRedirect("/elsewhere")


@relay
async def spells_its_type(request: web.Request) -> web.StreamResponse:
    """Right: media types have no case."""
    async with upstream(request) as answer:
        response = await begun(request, answer, "Text/Event-Stream; Charset=UTF-8" if answer.status == 200 else "")
        async for piece in answer.content.iter_any():
            await response.write(piece)
        return response


@relay
async def says_json(request: web.Request) -> web.StreamResponse:
    async with upstream(request) as answer:
        response = await begun(request, answer, "application/json")
        async for piece in answer.content.iter_any():
            await response.write(piece)
        return response


@relay
async def fails_on_long_lines(request: web.Request) -> web.StreamResponse:
    """As Go's bufio.Scanner does."""
    rest = b""
    async with upstream(request) as answer:
        response = await begun(request, answer)
        async for piece in answer.content.iter_any():
            *lines, rest = (rest + piece).split(b"\n")
            if any(len(line) > 64 * 1024 for line in (*lines, rest)):
                raise ValueError("token too long")
            await response.write(b"".join(line + b"\n" for line in lines))
        return response


relay(right)
