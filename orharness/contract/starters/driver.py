"""A driver: orharness tells it on stdin what to do, and it tells on stdout what came, one JSON object a line.

Check it with:  orharness check --driver 'python driver.py'
What you print for yourself belongs to stderr. A Python client needs no driver: orharness check FILE.py:NAME.
"""

from __future__ import annotations

import asyncio
import codecs
import json
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from urllib.parse import urlsplit

NAME = "my client"
VERSION = "0"


# ---- Your client: put its call here, in place of what this function does. -------------------------------------------
# It yields the text as it comes, raises what goes wrong (with a `status`, if HTTP said one), and is cancelled as any
# task is. What stands here works: it is a whole client on the standard library.
async def answer(base_url: str, api_key: str, model: str, prompt: str, told: dict[str, Any]) -> AsyncGenerator[str]:
    ask = {"model": model, "stream": True, "messages": [{"role": "user", "content": prompt}]}
    async with (
        aclosing(post(base_url + "/chat/completions", api_key, json.dumps(ask).encode())) as pieces,
        aclosing(events(pieces)) as found,
    ):
        async for kind, data in found:
            if data == "[DONE]":
                return
            if not data.strip() or data.startswith(":"):  # a heartbeat that some proxies send as data
                continue
            chunk = json.loads(data)
            choice: dict[str, Any] = next((one for one in chunk.get("choices") or () if not one.get("index")), {})
            content = (choice.get("delta") or {}).get("content")
            if isinstance(content, list):  # as Mistral sends it where the model thinks
                content = "".join(part.get("text", "") for part in content if part.get("type") == "text")
            if content:
                yield content
            failed = chunk.get("error") or choice.get("error") or choice.get("finish_reason") == "error"
            if failed or chunk.get("object") == "error" or kind == "error":
                raise ClientError(message_of(data))
            told["finish_reason"] = choice.get("finish_reason") or told.get("finish_reason")
            told["usage"] = chunk.get("usage") or told.get("usage")
    raise ClientError("the answer ended without [DONE]: it is not complete")


# ---- The end of your client. ----------------------------------------------------------------------------------------


class ClientError(Exception):
    status: int | None = None


def message_of(body: str) -> str:
    try:
        document = json.loads(body)
        return str((document.get("error") or document)["message"])
    except (ValueError, AttributeError, LookupError, TypeError):
        return body or "an error without a word"


async def events(pieces: AsyncGenerator[bytes]) -> AsyncGenerator[tuple[str, str]]:
    """The event stream format (html.spec.whatwg.org, "server-sent events"): type and data of each event."""
    decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode  # keeps what a boundary cuts
    begun, after_return = "", False
    kind, data = "message", list[str]()
    async for piece in pieces:
        text = decode(piece)
        if after_return and text:  # the line ended with CR: an LF that comes next belongs to it
            text, after_return = text.removeprefix("\n"), False
        after_return = after_return or text.endswith("\r")
        *lines, begun = re.split("\r\n|\r|\n", begun + text)  # and at nothing else
        for line in lines:
            field, _, value = line.partition(":")
            if field == "data":
                data.append(value.removeprefix(" "))
            elif field == "event":
                kind = value.removeprefix(" ")
            elif not line:
                if data:
                    yield kind, "\n".join(data)
                kind, data = "message", []


async def post(url: str, api_key: str, body: bytes) -> AsyncGenerator[bytes]:
    """The body of an event stream, as its bytes come. However it is left, the connection is closed."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port or 80)
    try:
        head = f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {api_key}\r\n"
        head += f"Content-Type: application/json\r\nAccept: text/event-stream\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        answered = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        headers = {name.lower(): value for name, value in re.findall(r"^([^:\r\n]+):[ \t]*(.*?)\r$", answered, re.M)}
        status = int(answered.split()[1])
        if status == 204:
            headers["content-length"] = "0"  # there is no body, whatever the head says
        if status != 200 or not headers.get("content-type", "").lower().startswith("text/event-stream"):
            error = ClientError(message_of(b"".join([piece async for piece in read(reader, headers)]).decode()))
            error.status = status
            raise error
        async for piece in read(reader, headers):
            yield piece
    finally:
        writer.close()


async def read(reader: asyncio.StreamReader, headers: dict[str, str]) -> AsyncGenerator[bytes]:
    """A body in each of HTTP's framings."""
    chunked = headers.get("transfer-encoding") == "chunked"
    if not chunked and "content-length" not in headers:
        while piece := await reader.read(65536):
            yield piece
        return
    while size := int(await reader.readuntil(b"\r\n") if chunked else headers["content-length"], 16 if chunked else 10):
        while size:
            if not (piece := await reader.read(min(size, 65536))):
                raise ClientError("the connection broke off")
            size -= len(piece)
            yield piece
        if not chunked:
            return
        await reader.readuntil(b"\r\n")


# ---- The protocol. --------------------------------------------------------------------------------------------------


def tell(number: int | None, event: str, **more: Any) -> None:
    print(json.dumps({"id": number, "event": event, **more}), flush=True)


async def run(number: int, asked: dict[str, Any]) -> None:
    told: dict[str, Any] = {}
    try:
        async with aclosing(answer(**asked, told=told)) as texts:
            async for text in texts:
                tell(number, "delta", text=text)
        tell(number, "end", **told)
    except asyncio.CancelledError:
        tell(number, "cancelled")
    except Exception as error:
        tell(number, "error", message=f"{type(error).__name__}: {error}", status=getattr(error, "status", None))


async def main() -> None:
    running: dict[int, asyncio.Task[None]] = {}
    tell(None, "hello", protocol=1, name=NAME, version=VERSION, capabilities=["cancel", "parallel"])
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        op, number = asked.pop("op"), asked.pop("id", None)
        if op == "stream":
            running[number] = asyncio.create_task(run(number, asked))
        elif op == "cancel" and number in running:
            running[number].cancel()
        elif op == "quit":
            break
        running = {number: task for number, task in running.items() if not task.done()}


if __name__ == "__main__":
    asyncio.run(main())
