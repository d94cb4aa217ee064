"""Right: passes the upstream's status and bytes on as they come, and closes the upstream's response in any case."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

app = FastAPI()
client = httpx.AsyncClient(
    base_url=os.environ["OPENAI_BASE_URL"],
    headers={
        "Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}",
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",  # the raw bytes are passed on, and not that header of the answer
    },
    timeout=None,
)


@app.post("/chat")
async def chat(request: Request) -> StreamingResponse:
    """Answers as the upstream does."""
    asked = client.build_request("POST", "/chat/completions", content=await request.body())
    answer = await client.send(asked, stream=True)
    kept = {name: answer.headers[name] for name in ("Content-Type", "Retry-After") if name in answer.headers}
    return StreamingResponse(_bytes(answer), answer.status_code, kept)


async def _bytes(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.aiter_raw():
            yield piece
    finally:
        await answer.aclose()
