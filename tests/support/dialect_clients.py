"""Clients of the APIs beside chat that are right, over raw HTTP, and ways to be wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from orharness.dialects import Dialect
from orharness.parts import Finish, Reasoning, ToolCall, Usage
from orharness.sse import Event


class ApiError(Exception):
    """The answer is an error, or is not whole."""


Read = Callable[[Iterator[Any]], Iterator[Any]]


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


def messages_with_parts(events: Iterator[Any], count: Callable[[list[int]], int] = max) -> Iterator[Any]:
    """Say tools, thinking, the stop reason and the usage as well. ``count``: what to tell of all counts that came."""
    calls: dict[int, list[str]] = {}
    counts: dict[str, list[int]] = {"input_tokens": [], "output_tokens": []}
    stop = ""
    for event in events:
        usage = event.get("usage") or event.get("message", {}).get("usage") or {}
        for name in counts.keys() & usage.keys():
            counts[name].append(usage[name])
        match event:
            case {"type": "error"}:
                raise ApiError(event)
            case {"type": "message_stop"}:
                break
            case {"type": "content_block_start", "index": index, "content_block": {"type": "tool_use"} as block}:
                calls[index] = [block["name"], "", block["id"]]
            case {"type": "content_block_delta", "index": index, "delta": {"partial_json": piece}}:
                calls[index][1] += piece
            case {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": text}}:
                yield Reasoning(text)
            case {"type": "content_block_delta", "delta": {"type": "text_delta", "text": text}}:
                yield text
            case {"type": "message_delta", "delta": {"stop_reason": str(reason)}}:
                stop = reason
    else:
        raise ApiError("the answer is not whole")
    yield from (ToolCall(*call) for call in calls.values())
    yield Finish(stop)
    yield Usage(*map(count, counts.values()))


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


def messages_that_know_all(events: Iterator[Any]) -> Iterator[str]:
    """Knows every delta and stop reason of the first years, and expects one message_delta."""
    ended = 0
    for event in events:
        match event.get("type"):
            case "error":
                raise ApiError(event)
            case "message_stop":
                return
            case "content_block_delta":
                yield {
                    "text_delta": event["delta"].get("text", ""),
                    "input_json_delta": "",
                    "thinking_delta": "",
                    "signature_delta": "",
                }[event["delta"]["type"]]
            case "message_delta":
                ended += 1
                {"end_turn", "max_tokens", "stop_sequence", "tool_use"}.remove(event["delta"]["stop_reason"])
                assert ended == 1
    raise ApiError("the answer is not whole")


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


def responses_in_order(events: Iterator[Any]) -> Iterator[str]:
    """Expects the second event to be response.in_progress, and knows each field of a delta."""
    known = {"type", "item_id", "output_index", "content_index", "delta", "logprobs", "sequence_number"}
    for number, event in enumerate(events):
        if "error" in event or event.get("type") in ("error", "response.failed"):
            raise ApiError(event)
        assert number != 1 or event["type"] == "response.in_progress"
        if event["type"] in ("response.completed", "response.incomplete"):
            return
        if event["type"] == "response.output_text.delta":
            assert known >= set(event)
            yield event["delta"]
    raise ApiError("the answer is not whole")


def responses_without_errors(events: Iterator[Any]) -> Iterator[str]:
    for event in events:
        if event.get("type") == "response.output_text.delta":
            yield event["delta"]


def _parts(chunk: Any) -> tuple[list[Any], str | None]:
    """The parts of a chunk of Gemini, and why the answer ends."""
    if "error" in chunk:
        raise ApiError(chunk)
    if chunk.get("promptFeedback", {}).get("blockReason") and not chunk.get("candidates"):
        raise ApiError(chunk)
    candidate: Any = next(iter(chunk.get("candidates", [])), {})
    return candidate.get("content", {}).get("parts", []), candidate.get("finishReason")


def gemini(chunks: Iterator[Any]) -> Iterator[str]:
    for chunk in chunks:
        parts, finish = _parts(chunk)
        yield from (part["text"] for part in parts if "text" in part and not part.get("thought"))
        if finish:
            return
    raise ApiError("the answer is not whole")


def gemini_of_any_part(chunks: Iterator[Any]) -> Iterator[str]:
    """Takes thoughts, arguments and news for text."""
    for chunk in chunks:
        parts, finish = _parts(chunk)
        for part in parts:
            yield from (str(each) for name, each in part.items() if name not in ("thought", "thoughtSignature"))
        if finish:
            return
    raise ApiError("the answer is not whole")


def gemini_of_the_first_part(chunks: Iterator[Any]) -> Iterator[str]:
    """Takes each chunk for one with a candidate, a content and one part."""
    for chunk in chunks:
        if "error" in chunk:
            raise ApiError(chunk)
        candidate = chunk["candidates"][0]
        part = candidate["content"]["parts"][0]
        yield "" if part.get("thought") else part.get("text", "")
        if "finishReason" in candidate:
            return
    raise ApiError("the answer is not whole")


def gemini_without_errors(chunks: Iterator[Any]) -> Iterator[str]:
    for chunk in chunks:
        for candidate in chunk.get("candidates", ()):
            for part in candidate.get("content", {}).get("parts", ()):
                yield "" if part.get("thought") else part.get("text", "")


def ollama(lines: Iterator[Any]) -> Iterator[str]:
    for line in lines:
        if "error" in line:
            raise ApiError(line)
        yield line["message"]["content"]
        if line["done"]:
            return
    raise ApiError("the answer is not whole")


def ollama_of_anything_said(lines: Iterator[Any]) -> Iterator[str]:
    """Takes thinking and arguments for text."""
    for line in lines:
        if "error" in line:
            raise ApiError(line)
        message = line["message"]
        calls = (str(call["function"]["arguments"]) for call in message.get("tool_calls", ()))
        yield from (message["content"], message.get("thinking", ""), *calls)
        if line["done"]:
            return


def ollama_without_the_last_line(lines: Iterator[Any]) -> Iterator[str]:
    for line in lines:
        if "error" in line:
            raise ApiError(line)
        if line["done"]:
            return
        yield line["message"]["content"]


def ollama_without_errors(lines: Iterator[Any]) -> Iterator[str]:
    for line in lines:
        if "message" in line:
            yield line["message"]["content"]


def client_of(dialect: Dialect, read: Read, *, by_name: bool = False) -> Callable[[str], Iterator[str]]:
    """Return a client of the API that reads its events in this way.

    ``by_name``: as the official SDK of Messages, it passes over each event that is not named as its type.
    """

    def stream(base_url: str) -> Iterator[str]:
        at = urlsplit(base_url)
        with closing(HTTPConnection(str(at.hostname), at.port, timeout=60)) as connection:
            kind = dialect.frame.content_type
            headers = {"Accept-Encoding": "identity", "Accept": kind}
            path = f"{at.path}{dialect.example_path}?{dialect.example_query}"
            connection.request("POST", path, json.dumps(dialect.example()), headers)
            response = connection.getresponse()
            with closing(response):
                if response.status != 200 or kind not in response.headers.get("Content-Type", ""):
                    raise ApiError(response.status)
                yield from filter(None, read(_events(dialect, response.read1, by_name)))

    return stream


def _events(dialect: Dialect, read: Callable[[int], bytes], by_name: bool) -> Iterator[Any]:
    decoder = dialect.frame.decoder()
    body = b""
    while data := read(65536):
        body += data
        for item in decoder.feed(data):
            if isinstance(item, Event) and item.data not in ("", "[DONE]"):
                said = json.loads(item.data)
                if not by_name or item.type == said["type"]:
                    yield said
    _, blank, rest = body.rpartition(b"\n\n" if b"\r" not in body else b"\r\n\r\n")
    if blank and rest.startswith(b"{"):  # Gemini's error without an event around it
        yield json.loads(rest)
