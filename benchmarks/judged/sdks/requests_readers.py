"""Readers of events over requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import requests
import sseclient

from benchmarks.judged.sdks import BODY, HEADERS
from benchmarks.judged.sdks.chunks import text_of
from tests.support.documented_clients import reading_loop


def sseclient_py(base_url: str) -> Iterator[str]:
    """https://github.com/mpetazzoni/sseclient#usage"""
    url = f"{base_url}/chat/completions"
    with requests.post(url, json=BODY, headers=HEADERS, stream=True, timeout=30) as response:
        response.raise_for_status()
        for event in sseclient.SSEClient(response).events():
            if event.data == "[DONE]":
                break
            yield from text_of(event.data)


def documented_loop(base_url: str) -> Any:
    """https://openrouter.ai/docs/api-reference/streaming: the loop that gateways document, as the tests have it."""
    return reading_loop(base_url)
