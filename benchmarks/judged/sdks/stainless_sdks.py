"""SDKs that are generated as OpenAI's is: Groq's and Together's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
from groq import Groq
from together import Together

from benchmarks.judged.sdks import BODY, KEY, root
from benchmarks.judged.sdks.besides import Besides
from orharness.parts import Part


def groq(base_url: str) -> Iterator[str | Part]:
    """https://github.com/groq/groq-python#streaming-responses; its paths begin with /openai, which is taken away."""

    def elsewhere(request: httpx.Request) -> None:
        request.url = httpx.URL(str(request.url).replace("/openai/v1/", "/v1/"))

    with Groq(
        base_url=root(base_url), api_key=KEY, http_client=httpx.Client(event_hooks={"request": [elsewhere]})
    ) as client:
        yield from _said(client.chat.completions.create(**BODY))


def together(base_url: str) -> Iterator[str | Part]:
    """https://github.com/togethercomputer/together-py#streaming-responses"""
    with Together(base_url=root(base_url), api_key=KEY) as client:
        yield from _said(client.chat.completions.create(**BODY))


def _said(stream: Any) -> Iterator[str | Part]:
    besides = Besides()
    with stream:
        for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                yield chunk.choices[0].delta.content
            yield from besides.take(chunk)
    yield from besides.end()
