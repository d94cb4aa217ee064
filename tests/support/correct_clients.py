"""Clients that are right: all that a client of a streamed chat completion has to mind, and nothing else.

``Answer`` makes text of bytes and knows no connection; ``correct`` reads with ``http.client``, ``correct_async`` with
asyncio's streams. Both pass every case of the contract in both profiles.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from email.message import Message
from http.client import HTTPConnection, HTTPResponse, parse_headers
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from orharness.dialects.chat.calls import Calls
from orharness.dialects.completion import Usage
from orharness.parts import Finish, Reasoning, Refusal

ASK = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]})
HEADERS = {"Content-Type": "application/json", "Accept": "text/event-stream", "Accept-Encoding": "identity"}


class AnswerError(Exception):
    """The answer is an error, or is not whole. What had been yielded before it stays true."""


class Answer:
    """One answer: its bytes go in, cut anywhere, and its text comes out. ``done`` is set by ``[DONE]``."""

    def __init__(self) -> None:
        self.done = False
        self.finished = False  # a finish_reason came
        self._rest = b""  # of a line whose end has not come
        self._after_cr = False
        self._first = True
        self._data: list[str] = []
        self._type = ""

    def feed(self, data: bytes) -> Iterator[str]:
        """The text of the events that these bytes complete."""
        for line in self.lines(data):
            if line:
                self.field(line)
            else:
                yield from self.dispatch()
            if self.done:
                return

    def lines(self, data: bytes) -> Iterator[str]:
        """The lines that these bytes complete. A CR ends a line at once; a LF that comes next belongs to it."""
        if self._after_cr:
            data = data.removeprefix(b"\n")
        self._after_cr = data.endswith(b"\r")
        *ended, self._rest = re.split(b"\r\n|\r|\n", self._rest + data)
        for line in ended:  # whole lines, so no character is cut
            text = line.decode("utf-8", "replace")
            yield text.removeprefix("\ufeff") if self._first else text
            self._first = False

    def field(self, line: str) -> None:
        """Only data and event matter here; a comment is a field without a name."""
        name, _, value = line.partition(":")
        if name == "data":
            self._data.append(value.removeprefix(" "))
        elif name == "event":
            self._type = value.removeprefix(" ")

    def dispatch(self) -> Iterator[str]:
        """An empty line ends an event; without data it is none."""
        lines, type_ = self._data, self._type
        self._data, self._type = [], ""
        if lines:
            yield from self.event(type_, "\n".join(lines))

    def event(self, type_: str, data: str) -> Iterator[str]:
        """The text of one event. What is not JSON raises: text would be missing, and nobody would know."""
        if data == "[DONE]":
            self.done = True
        elif type_ == "error":
            raise AnswerError(data)
        elif data.strip() and not data.startswith(":"):  # a heartbeat that comes as data says nothing
            yield from self.chunk(json.loads(data))

    def chunk(self, chunk: dict[str, Any]) -> Iterator[str]:
        """The text of one chunk: the content of choice 0, where there is one."""
        if chunk.get("error") or chunk.get("object") == "error":
            raise AnswerError(chunk.get("error") or chunk)
        for choice in chunk.get("choices") or ():
            if choice.get("index", 0) == 0:
                yield from self.text(choice.get("delta") or {})
                self.finish(choice.get("finish_reason"))

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        """What a delta adds to the text."""
        content = delta.get("content")
        if isinstance(content, list):
            content = "".join(part.get("text", "") for part in content if part.get("type") == "text")
        if content:
            yield content

    def finish(self, reason: str | None) -> None:
        """The reason for which the model stopped; usage and ``[DONE]`` still come."""
        if reason == "error":
            raise AnswerError("the model broke off")
        self.finished = self.finished or reason is not None

    def end(self) -> None:
        """The body is over without ``[DONE]``."""
        if not self.finished:
            raise AnswerError("the stream ended before the answer did")


def check(status: int, content_type: str | None, read: Callable[[], bytes]) -> None:
    """Raises for every response that is not an event stream. ``read`` gives its body."""
    if status != 200 or not (content_type or "").lower().startswith("text/event-stream"):
        raise AnswerError(f"HTTP {status}, {content_type}: {read()!r}")


def check_coding(headers: Message) -> None:
    """Raises for compressed bytes: they were not asked for."""
    if (coding := headers.get("Content-Encoding", "identity")) != "identity":
        raise AnswerError(f"{coding} was not asked for")


# -- synchronous ---------------------------------------------------------------------------------------------------


@contextmanager
def asked(base_url: str, ask: str = ASK, headers: Mapping[str, str] = HEADERS) -> Iterator[HTTPResponse]:
    """The response to the question; leaving the block closes the connection."""
    address = urlsplit(base_url)
    with closing(HTTPConnection(address.hostname or "", address.port, timeout=60)) as connection:
        connection.request("POST", f"{address.path}/chat/completions", ask, headers)
        with closing(connection.getresponse()) as response:
            yield response


def reads(response: HTTPResponse) -> Iterator[bytes]:
    """The bytes of the body as they come."""
    while data := response.read1(65536):
        yield data


def text_of(response: HTTPResponse, answer: Answer) -> Iterator[str]:
    """The text in the body, as it comes; ends at ``[DONE]``."""
    for data in reads(response):
        yield from answer.feed(data)
        if answer.done:
            return
    answer.end()


def correct(base_url: str, make_answer: Callable[[], Answer] = Answer) -> Iterator[str]:
    """The text of the answer, as it comes; closing the iterator closes the connection."""
    with asked(base_url) as response:
        check(response.status, response.headers["Content-Type"], response.read)
        check_coding(response.headers)
        yield from text_of(response, make_answer())


class Parts(Answer):
    """An answer with all that it says, as the parts that a client may yield: tool calls whole, at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = Calls()
        self.said: list[Any] = []

    def feed(self, data: bytes) -> Iterator[Any]:
        yield from super().feed(data)
        yield from self.said
        self.said.clear()
        if self.done:
            yield from self.calls.joined()

    def chunk(self, chunk: dict[str, Any]) -> Iterator[str]:
        yield from super().chunk(chunk)
        if usage := chunk.get("usage"):
            self.said.append(Usage(usage["prompt_tokens"], usage["completion_tokens"]))

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        yield from super().text(delta)
        thinking = [part for one in self.parts_of(delta) for part in one.get("thinking", ())]
        details = delta.get("reasoning_details") or ()
        listed = "".join(one.get("text") or "" for one in (*thinking, *details))
        if reasoning := delta.get("reasoning_content") or delta.get("reasoning") or listed:
            self.said.append(Reasoning(reasoning))
        if delta.get("refusal"):
            self.said.append(Refusal(delta["refusal"]))
        for position, call in enumerate(delta.get("tool_calls") or ()):
            function = call.get("function") or {}
            name, arguments = function.get("name") or "", function.get("arguments") or ""
            self.calls.take(call.get("index"), call.get("id"), name, arguments, position)

    @staticmethod
    def parts_of(delta: dict[str, Any]) -> list[dict[str, Any]]:
        content = delta.get("content")
        return content if isinstance(content, list) else []

    def finish(self, reason: str | None) -> None:
        super().finish(reason)
        if reason:
            self.said.append(Finish(reason))


def correct_parts(base_url: str, make_answer: Callable[[], Answer] = Parts) -> Iterator[Any]:
    """The same as ``correct``, with all the parts that the answer has."""
    return correct(base_url, make_answer)


# -- asynchronous --------------------------------------------------------------------------------------------------


async def correct_async(base_url: str) -> AsyncGenerator[str, None]:
    """The same in asyncio: closing it, or cancelling the task that reads it, closes the connection."""
    address = urlsplit(base_url)
    answer = Answer()
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(_request(address.path, address.netloc))
        status, headers = _head(await reader.readuntil(b"\r\n\r\n"))
        check(status, headers["Content-Type"], lambda: b"")
        check_coding(headers)
        async for data in _body(reader, headers):
            for text in answer.feed(data):
                yield text
            if answer.done:
                return
        answer.end()
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _request(path: str, host: str) -> bytes:
    fields = {"Host": host, "Content-Length": str(len(ASK)), **HEADERS}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {path}/chat/completions HTTP/1.1\r\n{head}\r\n{ASK}".encode()


def _head(head: bytes) -> tuple[int, Message]:
    line, _, fields = head.partition(b"\r\n")
    return int(line.split()[1]), parse_headers(BytesIO(fields))


async def _body(reader: asyncio.StreamReader, headers: Message) -> AsyncGenerator[bytes, None]:
    """The bytes of the body as they come (RFC 9112, section 6). Raises where it ends before its framing does."""
    if headers.get("Transfer-Encoding") == "chunked":
        while size := int(await reader.readuntil(b"\n"), 16):
            yield (await reader.readexactly(size + 2))[:-2]
        return
    left = int(headers.get("Content-Length", 2**63))
    while left and (data := await reader.read(min(left, 65536))):
        left -= len(data)
        yield data
    if left and "Content-Length" in headers:
        raise AnswerError(f"{left} bytes are missing")
