"""What the suite tests: a small assistant over the OpenAI SDK, sync and async, and a reader of its own over httpx."""

from __future__ import annotations

import json

import httpx
import openai

MODEL = "SmolLM2-135M-Instruct"
ASKED = {"model": MODEL, "temperature": 0, "seed": 1, "max_tokens": 12, "user": "jane"}


def messages(question: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}]


def answer(client: openai.OpenAI, question: str) -> str:
    return client.chat.completions.create(messages=messages(question), **ASKED).choices[0].message.content


def pieces(client: openai.OpenAI, question: str) -> list[str]:
    with client.chat.completions.create(messages=messages(question), stream=True, **ASKED) as stream:
        return [text for chunk in stream if chunk.choices and (text := chunk.choices[0].delta.content)]


def tokens(client: openai.OpenAI, question: str) -> int:
    options = {"stream": True, "stream_options": {"include_usage": True}}
    with client.chat.completions.create(messages=messages(question), **options, **ASKED) as stream:
        return next(chunk.usage.completion_tokens for chunk in stream if chunk.usage)


async def answer_async(client: openai.AsyncOpenAI, question: str) -> str:
    completion = await client.chat.completions.create(messages=messages(question), **ASKED)
    return completion.choices[0].message.content


async def pieces_async(client: openai.AsyncOpenAI, question: str) -> list[str]:
    async with await client.chat.completions.create(messages=messages(question), stream=True, **ASKED) as stream:
        return [text async for chunk in stream if chunk.choices and (text := chunk.choices[0].delta.content)]


def read_by_hand(base_url: str, api_key: str, question: str) -> str:
    body = {**ASKED, "messages": messages(question), "stream": True}
    headers = {"Authorization": f"Bearer {api_key}"}
    with httpx.stream("POST", f"{base_url}/chat/completions", json=body, headers=headers, timeout=60) as response:
        data = [line.removeprefix("data: ") for line in response.iter_lines() if line.startswith("data: ")]
    deltas = [json.loads(one)["choices"][0]["delta"] for one in data if one != "[DONE]"]
    return "".join(delta.get("content") or "" for delta in deltas)
