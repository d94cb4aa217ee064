"""Wrong: a task of its own reads the upstream into a queue. Who cancels the response cancels not the task."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from openai import AsyncOpenAI

app = FastAPI()
client = AsyncOpenAI(max_retries=0)
tasks: set[asyncio.Task[None]] = set()


@app.post("/chat")
async def chat(body: dict[str, Any]) -> StreamingResponse:
    """Answers with what the task has put into the queue."""
    queue: asyncio.Queue[str | None] = asyncio.Queue()
    task = asyncio.create_task(_fill(queue, body))
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return StreamingResponse(_drain(queue), media_type="text/event-stream")


async def _fill(queue: asyncio.Queue[str | None], body: dict[str, Any]) -> None:
    try:
        async with await client.chat.completions.create(**{**body, "stream": True}) as stream:
            async for chunk in stream:
                queue.put_nowait(f"data: {chunk.model_dump_json(exclude_unset=True)}\n\n")
        queue.put_nowait("data: [DONE]\n\n")
    finally:
        queue.put_nowait(None)


async def _drain(queue: asyncio.Queue[str | None]) -> AsyncIterator[str]:
    while (event := await queue.get()) is not None:
        yield event
