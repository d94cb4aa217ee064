"""A hundred secrets of twenty kinds are planted wherever one can be, both ways: none of them reaches the disk."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from orharness.cassette import load
from orharness.redaction.escapes import unescaped
from orharness.sse import Event, decode
from tests.support.planted import Planted, opaque, with_a_name, with_a_shape
from tests.support.recording_bench import Wire, asking, files_in, recording, until_written

ROUNDS = 5  # each plants 20 kinds: 100 values


def delta(text: str) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}).encode() + b"\n\n"


def arguments(text: str) -> bytes:
    call = {"index": 0, "function": {"arguments": text}}
    return b"data: " + json.dumps({"choices": [{"delta": {"tool_calls": [call]}}]}).encode() + b"\n\n"


def pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def in_a_body(text: str) -> list[bytes]:
    """One text in each dress that a body has for it, as chunks."""
    escaped = "".join(f"\\u{ord(one):04x}" for one in text)
    return [
        delta(f"whole {text} ."),
        *(delta(one) for one in pieces(f"split {text} .", 5)),
        *(delta(one) for one in f"in characters {text} ."),
        *(arguments(one) for one in pieces(json.dumps({"note": f"see {text} ."}), 7)),
        f'data: {{"a": "escaped {escaped} ."}}\n\n'.encode(),
        f"data: in an address https://a.example/?q={quote(text, safe='')}\n\n".encode(),
        b'data: {"a": "' + base64.b64encode(f"encoded {text} .".encode()) + b'"}\n\n',
        *(one.encode() for one in pieces(f": a comment {text} .\n\n", 11)),  # split over chunks alone
        json.dumps({"error": {"message": f"not valid: {text} .", "code": 401}}).encode() + b"\n\n",
    ]


def by_name(planted: Planted) -> list[bytes]:
    document = {"a": [{planted.name: planted.value}], "b": 1}
    return [
        b"data: " + json.dumps(document).encode() + b"\n\n",
        b"data: " + json.dumps({"a": {planted.name: {"b": [planted.value]}}}).encode() + b"\n\n",
        b"data: " + json.dumps({"name": planted.name, "value": planted.value}).encode() + b"\n\n",
        *(arguments(one) for one in pieces(json.dumps(document), 4)),
        json.dumps(document, indent=2).encode() + b"\n\n",
        f"data: failed with {document}\n\n".encode(),
    ]


class Canaries:
    """What was planted, and the search for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.values: dict[str, str] = {}  # and the kind of each

    def plant(self, planted: Planted) -> str:
        self.values[planted.value] = planted.kind
        return str(planted)

    def on_disk(self) -> dict[str, str]:
        """Those that are in a file in any form that can be read back, and where."""
        found = {}
        for path, data in files_in(self.folder):
            for text in texts_of(path, data):
                for value, kind in self.values.items():
                    if value.encode() in text:
                        found[f"{kind} {value}"] = path.name
        return found


def texts_of(path: Path, data: bytes) -> Iterator[bytes]:
    yield data
    bodies = [data]
    if path.suffix == ".recording":
        chunks: list[bytes] = []
        for line in map(json.loads, data.splitlines()):
            yield json.dumps(line).encode()
            if "data" in line:
                chunks.append(base64.b64decode(line["data"]))
            elif "more" in line:
                chunks.append(base64.b64decode(line["more"]))
            elif "request" in line:
                bodies.append(base64.b64decode(line["request"]["body"]))
        bodies.append(b"".join(chunks))
    elif path.suffix == ".yaml":
        for one in load(path):
            bodies += [one.request.body, one.stream.body]
    for body in bodies:
        yield body
        yield unescaped(body)
        yield b"".join(map(joined, decode(body)))
        for run in re.findall(rb"[A-Za-z0-9+/_-]{24,}", body):
            yield base64.urlsafe_b64decode(run.translate(bytes.maketrans(b"+/", b"-_"))[: len(run) // 4 * 4])


def joined(item: object) -> bytes:
    """The text of a delta, or the arguments of its tool call."""
    if not isinstance(item, Event) or not item.data.startswith('{"choices"'):
        return b""
    found = json.loads(item.data)["choices"][0]["delta"]
    text = found["content"] if "content" in found else found["tool_calls"][0]["function"]["arguments"]
    assert isinstance(text, str)
    return text.encode()


@pytest.mark.long
@pytest.mark.asyncio
@pytest.mark.slow
@pytest.mark.parametrize("way", ["there", "back"])
async def test_no_canary_reaches_the_disk(to: Path, way: str, caplog: pytest.LogCaptureFixture) -> None:
    canaries = Canaries(to.parent)
    to.parent.mkdir(exist_ok=True)
    rounds = [(with_a_shape.__wrapped__(), with_a_name.__wrapped__()) for _ in range(ROUNDS)]
    turn = iter(rounds)

    async def answers(wire: Wire) -> None:
        if way == "there":
            wire.head()
            wire.chunks(b"data: " + wire.request.replace(b"\r\n", b" ") + b"\n\n", *wire.body.splitlines(keepends=True))
            chunks = 1 + len(wire.body.splitlines())
        else:
            shaped, named = next(turn)
            headers = [f"X-Own-{number}: {canaries.plant(one)}" for number, one in enumerate(shaped)]
            sent = [chunk for one in shaped for chunk in in_a_body(canaries.plant(one))]
            canaries.values |= {one.value: one.kind for one in named}
            sent += [chunk for one in named for chunk in by_name(one)]
            account, code, key, cookie = map(canaries.plant, opaque.__wrapped__())
            headers += [f"X-Account: {account}", f"Set-Cookie: session={cookie}"]
            location = f"Location: https://a.example/x?code={code}&a=b&key={key}"
            packed = wire.header("X-Gzip") is not None
            wire.head(*headers, location, *(["Content-Encoding: gzip"] * packed))
            sent = [gzip.compress(b"".join(sent))] if packed else sent
            wire.chunks(*sent)
            chunks = len(sent)
        await until_written(to.with_name("a.yaml.recording"), chunks=chunks)
        assert canaries.on_disk() == {}
        wire.last_chunk()

    async with recording(to, answers) as bench:
        for number, (shaped, named) in enumerate(rounds):
            headers, body, path = [f"X-Gzip: {number}"] if number % 2 else [], b"{}", "/x"
            if way == "there":
                names = ["Referer", "Cookie", "Authorization", "User-Agent", *(f"X-Mine-{at}" for at in range(30))]
                turned = [*shaped[number * 4 :], *shaped[: number * 4]]
                headers = [f"{name}: {canaries.plant(one)}" for one, name in zip(turned, names, strict=False)]
                body = b"".join(chunk for one in shaped for chunk in in_a_body(str(one)))
                body += b"".join(chunk for one in named for chunk in by_name(one))
                canaries.values |= {one.value: one.kind for one in named}
                path += "?" + "&".join(f"p{at}={quote(str(one), safe='')}" for at, one in enumerate(shaped[number::5]))
                path += f"&client_secret={named[0].value}&sig={named[1].value}&X-Amz-Credential={named[2].value}"
                account, code, key, cookie = map(canaries.plant, opaque.__wrapped__())
                path += f"&code={code}&key={key}"
                headers += [f"X-Account: {account}", f"X-Cookies: session={cookie}"]
            async with asking(bench.base_url, path, *headers, body=body) as client:
                assert (await client.rest()).startswith(b"HTTP/1.1 200 OK")
    assert len(canaries.values) >= 20 * ROUNDS
    assert len(set(canaries.values.values())) >= 20
    assert canaries.on_disk() == {}
    assert [one for one in canaries.values if one in caplog.text] == []
    for found in load(to):
        assert b"REDACTED" in (found.request.body if way == "there" else found.stream.body)
