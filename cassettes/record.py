"""Records the cassettes of this folder from a real model, through our own recorder.

    python cassettes/record.py [NAME…]

Each is as small as it can be and still show what it is for. ``tests/support/real_model.py`` says what to install.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from orharness.cassette import load  # noqa: E402
from orharness.recording import Recorder  # noqa: E402
from tests.support import real_model  # noqa: E402

PORT = 8080  # llama.cpp's own: it stands in the addresses of the cassettes, which would change with every recording


def chat(content: str, **more: object) -> dict[str, Any]:
    """A request that the model answers the same way each time."""
    messages = [{"role": "user", "content": content}]
    return {"model": real_model.MODEL, "messages": messages, "stream": True, "temperature": 0, "seed": 1, **more}


@asynccontextmanager
async def asking(base_url: str, body: dict[str, Any]) -> AsyncIterator[AsyncIterator[bytes]]:
    """The answer, HTTP chunk by HTTP chunk; to leave the block is to leave the server."""
    async with (
        httpx.AsyncClient(trust_env=False, timeout=60) as client,
        client.stream("POST", f"{base_url}/chat/completions", json=body) as answer,
    ):
        yield answer.aiter_raw()


async def read_all(base_url: str, body: dict[str, Any]) -> str:
    async with asking(base_url, body) as chunks:
        return b"".join([chunk async for chunk in chunks]).decode()


async def non_ascii(base_url: str, origin: str) -> None:
    """Characters of two and three bytes, in tokens of their own."""
    said = await read_all(base_url, chat("Repeat exactly: Grüße, 世界", max_tokens=24))
    expect("Grüße, 世界" in text_of(said), said)


async def usage(base_url: str, origin: str) -> None:
    """The last chunk has no choices, but the numbers of tokens."""
    said = await read_all(base_url, chat("Say hi.", max_tokens=6, stream_options={"include_usage": True}))
    expect('"choices":[],' in said and '"usage":{' in said, said)


async def keep_alive(base_url: str, origin: str) -> None:
    """Comments while the model reads a long question, which takes it a while."""
    numbers = " ".join(map(str, range(1, 70)))
    said = await read_all(base_url, chat(f"{numbers} What is the next number?", max_tokens=5))
    expect(said.startswith(":\n\n:\n\n"), said)


async def cancelled(base_url: str, origin: str) -> None:
    """The client leaves in the middle, and the model stops."""
    async with asking(base_url, chat("Tell me a long story.", max_tokens=900)) as chunks:
        for _ in range(8):
            await anext(chunks)
        expect(real_model.is_generating(origin), "the model had stopped before")
    for _ in range(200):
        if not real_model.is_generating(origin):
            break
        await asyncio.sleep(0.01)
    made = real_model.tokens_made(origin)
    expect(not real_model.is_generating(origin) and made < 60, f"the model went on: {made} tokens")


SESSIONS: dict[str, Callable[[str, str], Awaitable[None]]] = {
    "non-ascii": non_ascii,
    "usage": usage,
    "keep-alive": keep_alive,
    "cancelled": cancelled,
}


def text_of(said: str) -> str:
    events = (json.loads(line[6:]) for line in said.splitlines() if line.startswith("data: {"))
    return "".join(event["choices"][0]["delta"].get("content") or "" for event in events if event["choices"])


def expect(condition: object, otherwise: str) -> None:
    if not condition:
        raise SystemExit(f"this is not what was to be recorded: {otherwise}")


async def record(name: str) -> None:
    path = HERE / f"{name}.yaml"
    with real_model.serving(port=PORT, ping=1) as origin:
        async with Recorder(f"{origin}/v1", path, overwrite=True) as recorder:
            await SESSIONS[name](recorder.base_url, origin)
    (found,) = load(path)
    print(f"{path.name}: {len(found.stream.chunks)} chunks in {found.stream.duration:.2f} s, {found.ending_recorded}")


if __name__ == "__main__":
    if reason := real_model.missing():
        raise SystemExit(reason)
    for one in sys.argv[1:] or SESSIONS:
        asyncio.run(record(one))
