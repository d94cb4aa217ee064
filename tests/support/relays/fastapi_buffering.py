"""Wrong: it collects the whole answer (to log it, say) before it sends the first byte."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from openai import AsyncOpenAI

app = FastAPI()
client = AsyncOpenAI(max_retries=0)


@app.post("/chat")
async def chat(body: dict[str, Any]) -> StreamingResponse:
    """Answers with the model's event stream, all at once."""
    return StreamingResponse(_events(body), media_type="text/event-stream")


async def _events(body: dict[str, Any]) -> AsyncIterator[str]:
    async with await client.chat.completions.create(**{**body, "stream": True}) as stream:
        events = [f"data: {chunk.model_dump_json(exclude_unset=True)}\n\n" async for chunk in stream]
    yield "".join([*events, "data: [DONE]\n\n"])
