"""Loops that people write themselves: over the standard library, over aiohttp, and curl -N in a shell."""

from __future__ import annotations

import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from http.client import HTTPConnection
from urllib.parse import urlsplit

import aiohttp

from benchmarks.judged.sdks import BODY, HEADERS
from benchmarks.judged.sdks.chunks import text_of


def http_client(base_url: str) -> Iterator[str]:
    """https://docs.python.org/3/library/http.client.html#examples: the response as a file, line by line."""
    address = urlsplit(base_url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=30)
    try:
        headers = {**HEADERS, "Content-Type": "application/json"}
        connection.request("POST", f"{address.path}/chat/completions", json.dumps(BODY), headers)
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"HTTP {response.status}: {response.read().decode()}")
        for line in response:
            if line.startswith(b"data: "):
                data = line[6:].decode().strip()
                if data == "[DONE]":
                    return
                yield from text_of(data)
    finally:
        connection.close()


async def aiohttp_lines(base_url: str) -> AsyncIterator[str]:
    """https://docs.aiohttp.org/en/stable/streams.html#asynchronous-iteration-support: the body line by line."""
    async with (
        aiohttp.ClientSession(headers=HEADERS, raise_for_status=True) as session,
        session.post(f"{base_url}/chat/completions", json=BODY) as response,
    ):
        async for line in response.content:
            if line.startswith(b"data: "):
                data = line[6:].decode().strip()
                if data == "[DONE]":
                    return
                for text in text_of(data):
                    yield text


def curl(base_url: str) -> Iterator[str]:
    """https://curl.se/docs/manpage.html#-N: its output line by line, an exit code that is not 0 as an error."""
    words = ["curl", "-sS", "-N", "--fail-with-body", "--json", json.dumps(BODY), f"{base_url}/chat/completions"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            for line in process.stdout:
                if line.startswith("data: "):
                    data = line[6:].strip()
                    if data == "[DONE]":
                        return
                    yield from text_of(data)
            if process.wait():
                raise RuntimeError(process.stderr.read())
        finally:
            process.kill()
