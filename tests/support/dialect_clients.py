"""Clients of Messages and Responses that are right, over raw HTTP, and ways to be wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from orharness.dialects import Dialect
from orharness.sse import Decoder, Event


class ApiError(Exception):
    """The answer is an error, or is not whole."""


Read = Callable[[Iterator[Any]], Iterator[str]]


def messages(events: Iterator[Any]) -> Iterator[str]:
    for event in events:
        match event.get("type"):
            case "error":
                raise ApiError(event)
            case "message_stop":
                return
            case "content_block_delta" if event["delta"].get("type", "text_delta") == "text_delta":
                yield event["delta"]["text"]
    raise ApiError("the answer is not whole")


def messages_of_any_delta(events: Iterator[Any]) -> Iterator[str]:
    """Takes thinking, arguments and news for text."""
    for event in events:
        if event.get("type") == "error":
            raise ApiError(event)
        if event.get("type") == "message_stop":
            return
        delta = event.get("delta", {})
        yield str(delta.get("text") or delta.get("thinking") or delta.get("partial_json") or "")


def messages_without_errors(events: Iterator[Any]) -> Iterator[str]:
    for event in events:
        if event.get("type") == "content_block_delta" and event["delta"]["type"] == "text_delta":
            yield event["delta"]["text"]


def responses(events: Iterator[Any]) -> Iterator[str]:
    for event in events:
        if "error" in event or event.get("type") in ("error", "response.failed"):
            raise ApiError(event)
        if event["type"] in ("response.completed", "response.incomplete"):
            return
        if event["type"] == "response.output_text.delta":
            yield event["delta"]
    raise ApiError("the answer is not whole")


def responses_of_any_delta(events: Iterator[Any]) -> Iterator[str]:
    for event in events:
        if "error" in event or event.get("type") in ("error", "response.failed"):
            raise ApiError(event)
        if event["type"] == "response.completed":
            return
        yield event.get("delta", "")


def responses_without_errors(events: Iterator[Any]) -> Iterator[str]:
    for event in events:
        if event.get("type") == "response.output_text.delta":
            yield event["delta"]


def client_of(dialect: Dialect, read: Read) -> Callable[[str], Iterator[str]]:
    """Return a client of the API that reads its events in this way."""

    def stream(base_url: str) -> Iterator[str]:
        at = urlsplit(base_url)
        with closing(HTTPConnection(str(at.hostname), at.port, timeout=60)) as connection:
            headers = {"Accept-Encoding": "identity", "Accept": "text/event-stream"}
            connection.request("POST", f"{at.path}{dialect.paths[0]}", json.dumps(dialect.example()), headers)
            response = connection.getresponse()
            with closing(response):
                if response.status != 200 or "event-stream" not in response.headers.get("Content-Type", ""):
                    raise ApiError(response.status)
                yield from filter(None, read(_events(response.read1)))

    return stream


def _events(read: Callable[[int], bytes]) -> Iterator[Any]:
    decoder = Decoder()
    while data := read(65536):
        for item in decoder.feed(data):
            if isinstance(item, Event) and item.data not in ("", "[DONE]"):
                yield json.loads(item.data)
