"""An aiohttp relay. Right with ``handler_cancellation``; without it (the default) its handler hears of no leaving."""

from __future__ import annotations

import os
import sys

import aiohttp
from aiohttp import web

UPSTREAM = os.environ["OPENAI_BASE_URL"]
HEADERS = {"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"}


async def chat(request: web.Request) -> web.StreamResponse:
    """Answers as the upstream does."""
    question = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    body = await request.json() if request.can_read_body else question
    async with (
        aiohttp.ClientSession(headers=HEADERS) as session,
        session.post(f"{UPSTREAM}/chat/completions", json=body) as answer,
    ):
        kept = {name: answer.headers[name] for name in ("Content-Type", "Retry-After") if name in answer.headers}
        response = web.StreamResponse(status=answer.status, headers=kept)
        await response.prepare(request)
        async for piece in answer.content.iter_any():
            await response.write(piece)
        return response


if __name__ == "__main__":
    port, *flags = sys.argv[1:]
    app = web.Application()
    app.router.add_post("/chat", chat)
    app.router.add_get("/chat", chat)
    web.run_app(app, host="127.0.0.1", port=int(port), handler_cancellation="--handler-cancellation" in flags)
