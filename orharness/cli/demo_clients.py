"""The two clients of the demo, based on the standard library alone: a correct one, and a widespread naive one."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from threading import Event
from typing import Any
from urllib.parse import urlsplit

from orharness import sse
from orharness.errors import OrharnessError

_ASK = {"model": "smollm2", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
_TIMEOUT = 30.0  # seconds without a byte
_HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer sk-orharness"}


@dataclass(frozen=True, slots=True)
class ClientRead:
    """What one read returned, and when, on the monotonic clock."""

    at: float
    data: bytes


def ask(base_url: str, body: bytes | None = None) -> tuple[HTTPConnection, HTTPResponse]:
    """Send a chat request and wait for the response head."""
    address = urlsplit(base_url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=_TIMEOUT)
    try:
        connection.request("POST", f"{address.path}/chat/completions", body or json.dumps(_ASK).encode(), _HEADERS)
        return connection, connection.getresponse()
    except BaseException:
        connection.close()
        raise


def reads(response: HTTPResponse) -> Iterator[ClientRead]:
    """Yield each read of the body: at most one HTTP chunk."""
    while data := response.read1():
        yield ClientRead(time.monotonic(), data)


def text_of(data: str) -> str:
    """Return the text that a chat chunk adds; raise an error in the stream."""
    chunk: Any = json.loads(data)
    if "error" in chunk:
        raise OrharnessError(f"the stream reported an error: {chunk['error']}")
    return "".join(choice["delta"].get("content") or "" for choice in chunk.get("choices", ()))


def correct(base_url: str) -> Generator[str, None, None]:
    """Yield the text: decodes by the standard, stops at ``[DONE]``, and closes its connection in every case."""
    connection, response = ask(base_url)
    decoder = sse.Decoder()
    try:
        for read in reads(response):
            for event in decoder.feed(read.data):
                if not isinstance(event, sse.Event):
                    continue
                if event.data == "[DONE]":
                    return
                if text := text_of(event.data):
                    yield text
    finally:
        response.close()
        connection.close()


class Naive:
    """The loop on OpenRouter's pages, on a session whose connections stay open until the session ends.

    Its faults are real ones: bytes become text read by read, ``[DONE]`` ends only the inner loop, ``data:`` is expected
    with a space after it, a chunk without choices is not expected, and the response is never closed.
    """

    def __init__(self) -> None:
        self.answered = Event()  # set at the first response head
        self._session: list[tuple[HTTPConnection, HTTPResponse]] = []

    def __call__(self, base_url: str) -> Iterator[str]:
        connection, response = ask(base_url)
        self._session.append((connection, response))
        self.answered.set()
        buffer = ""
        for read in reads(response):
            buffer += read.data.decode("utf-8", "replace")
            while "\n" in buffer:
                line, _, buffer = buffer.partition("\n")
                if line.strip().startswith("data: "):
                    data = line.strip()[6:]
                    if data == "[DONE]":
                        break
                    try:
                        content = json.loads(data)["choices"][0]["delta"].get("content")
                    except json.JSONDecodeError:
                        continue
                    if content:
                        yield content

    def close(self) -> None:
        """End the session."""
        for connection, response in self._session:
            response.close()
            connection.close()
        self._session.clear()
