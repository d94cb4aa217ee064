"""Right: an async generator over the openai SDK. What it cannot do is pass an error's status on: its head is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from openai import AsyncOpenAI

app = FastAPI()
client = AsyncOpenAI(max_retries=0)  # OPENAI_BASE_URL and OPENAI_API_KEY say where


@app.post("/chat")
async def chat(body: dict[str, Any]) -> StreamingResponse:
    """Answers with the model's event stream."""
    return StreamingResponse(_events(body), media_type="text/event-stream")


async def _events(body: dict[str, Any]) -> AsyncIterator[str]:
    finished = False
    async with await client.chat.completions.create(**{**body, "stream": True}) as stream:
        async for chunk in stream:
            finished = finished or any(choice.finish_reason for choice in chunk.choices)
            yield f"data: {chunk.model_dump_json(exclude_unset=True)}\n\n"
    if not finished:  # the SDK ends its loop as if all were well
        raise ConnectionError("the model's answer was cut off")
    yield "data: [DONE]\n\n"
