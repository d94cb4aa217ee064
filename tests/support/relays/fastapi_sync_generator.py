"""Wrong: the generator is a sync one. It runs in a thread, where no cancel reaches it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from openai import OpenAI

app = FastAPI()
client = OpenAI(max_retries=0)


@app.post("/chat")
def chat(body: dict[str, Any]) -> StreamingResponse:
    """Answers with the model's event stream."""
    return StreamingResponse(_events(body), media_type="text/event-stream")


def _events(body: dict[str, Any]) -> Iterator[str]:
    with client.chat.completions.create(**{**body, "stream": True}) as stream:
        for chunk in stream:
            yield f"data: {chunk.model_dump_json(exclude_unset=True)}\n\n"
    yield "data: [DONE]\n\n"
