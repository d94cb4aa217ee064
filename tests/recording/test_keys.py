"""A key passes through and is never written."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import re
import signal
import zlib
from pathlib import Path

import pytest

from orharness.cassette import header, load
from orharness.recording import Recorder
from orharness.redaction import spans_in
from orharness.sse import Event, decode
from tests.support.recording_bench import (
    KEY,
    Wire,
    asking,
    awkward,
    chunks_of,
    contents,
    dechunked,
    no_secrets_in,
    port_of,
    recording,
    recording_process,
    serving,
    started,
    streaming,
    until_written,
)


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["Authorization", "x-api-key", "api-key", "X-Goog-Api-Key"])
async def test_the_clients_key_passes_through_and_is_never_written(to: Path, name: str) -> None:
    async def repeats_it(wire: Wire) -> None:
        wire.head(f"X-You-Said: {KEY}", "Set-Cookie: cookie=1")
        wire.chunks(b"data: you said " + KEY[:9].encode(), KEY[9:].encode() + b"\n\n")
        wire.chunks(b"data: and " + KEY.encode() + b"\n\n")
        await until_written(to.with_name("a.yaml.recording"), chunks=3)
        no_secrets_in(to.parent)
        wire.last_chunk()

    async with recording(to, repeats_it) as bench:
        value = f"Bearer {KEY}" if name == "Authorization" else KEY
        async with asking(bench.base_url, f"/x?key={KEY}&a=1", f"{name}: {value}", "Cookie: cookie=2") as client:
            assert (await client.rest()).count(KEY.encode()) == 2  # the header and the chunk that hold it whole
        assert bench.upstream.requests[0].header(name) == value
        assert bench.upstream.requests[0].request.startswith(f"POST /v1/x?key={KEY}&a=1 ".encode())

    no_secrets_in(to.parent)
    (found,) = load(to)
    assert chunks_of(found) == [b"data: you said REDACTED", b"\n\n", b"data: and REDACTED\n\n"]
    assert header(found.headers, "X-You-Said") == "REDACTED"
    assert found.request.uri.endswith("/v1/x?a=1")


BASIC = base64.b64encode(f"{KEY}:".encode()).decode()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/x", f"Authorization: Basic {BASIC}"),
        ("/x", f'Authorization: Token token="{KEY}"'),
        ("/x", f"Authorization: Digest response={KEY}, uri=/v1/chat/completions"),
        ("/x", f"Authorization: Bearer {KEY}, Basic x"),
        ("/x", f"Cookie: session={KEY}; theme=dark"),
        ("/x", f"X-Auth: {KEY}"),
        (f"/x?client_secret={KEY}", ""),
        (f"/x?x-goog-api-key={KEY}", ""),
        (f"/x?sig={KEY}", ""),
    ],
)
async def test_a_key_is_known_wherever_the_client_puts_it(to: Path, path: str, sent: str) -> None:
    """A server that refuses a key often repeats it, and so may the client."""

    async def repeats_it(wire: Wire) -> None:
        wire.head()
        wire.chunks(f"data: wrong key {KEY} for /v1/chat/completions\n\n".encode())
        await until_written(to.with_name("a.yaml.recording"), chunks=1)
        no_secrets_in(to.parent)
        wire.last_chunk()

    async with (
        recording(to, repeats_it) as bench,
        asking(bench.base_url, path, *filter(None, [sent]), body=f'{{"my key": "{KEY}"}}'.encode()) as client,
    ):
        await client.rest()

    no_secrets_in(to.parent)
    (found,) = load(to)
    assert chunks_of(found) == [b"data: wrong key REDACTED for /v1/chat/completions\n\n"]


@pytest.mark.slow
@pytest.mark.asyncio
@pytest.mark.parametrize("user", [KEY, f"{KEY}:", f"me:{KEY}"])
async def test_a_key_in_the_address_of_the_upstream_is_known(to: Path, user: str) -> None:
    async def repeats_it(wire: Wire) -> None:
        wire.head()
        wire.chunks(f"data: wrong key {KEY}\n\n".encode())
        wire.last_chunk()

    async with serving(repeats_it) as upstream:
        address = upstream.url.replace("//", f"//{user}@")
        async with Recorder(address, to) as recorder, asking(recorder.base_url, "/x") as client:
            await client.rest()

    no_secrets_in(to.parent)
    (found,) = load(to)
    assert chunks_of(found) == [b"data: wrong key REDACTED\n\n"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        ([], ("Authorization", f"Bearer {KEY}")),
        (["Authorization: Bearer unused"], ("Authorization", f"Bearer {KEY}")),
        (["x-api-key: unused"], ("x-api-key", KEY)),
        (["Authorization: Bearer unused", "api-key: unused"], ("api-key", KEY)),
    ],
)
async def test_a_key_from_the_environment_replaces_the_clients(
    to: Path, monkeypatch: pytest.MonkeyPatch, sent: list[str], arrives: tuple[str, str]
) -> None:
    monkeypatch.setenv("THE_KEY", KEY)
    async with recording(to, awkward, key_env="THE_KEY") as bench:
        async with asking(bench.base_url, "/chat/completions", *sent, "Cookie: a=b") as client:
            await client.rest()
        (wire,) = bench.upstream.requests
        assert wire.header(arrives[0]) == arrives[1]
        assert b"unused" not in wire.request
        assert wire.header("Cookie") == "a=b"

    no_secrets_in(to.parent)


def deltas(*texts: str) -> list[bytes]:
    return [f'data: {{"choices": [{{"delta": {{"content": "{text}"}}}}]}}\n\n'.encode() for text in texts]


def gzipped(*chunks: bytes) -> list[bytes]:
    """Each chunk so that it can be decoded when it has come."""
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    packed = [packer.compress(chunk) + packer.flush(zlib.Z_SYNC_FLUSH) for chunk in chunks]
    return [*packed, packer.flush()]


HIDDEN = deltas(f"a {KEY} b")


SPLIT_KEY = deltas("a ", *KEY, " b")


ECHOES: dict[str, tuple[list[str], list[bytes], list[bytes]]] = {  # headers, what is sent, what is kept
    "escaped": ([], deltas(f"a {KEY}".replace("-", "\\u002d")), deltas("a REDACTED")),
    "split over deltas": ([], SPLIT_KEY, deltas("a ", "REDACTED", *[""] * (len(KEY) - 1), " b")),
    "split over chunks": ([], [HIDDEN[0][:53], HIDDEN[0][53:]], [deltas("a REDACTED")[0][:-7], b' b"}}]}\n\n']),
    "base64": ([], [base64.b64encode(f"{KEY[:3]}{KEY}..".encode())], [b"c2stREDACTEDC4u"]),
    "gzip": (["Content-Encoding: gzip"], gzipped(*HIDDEN), deltas("a REDACTED b")),
    "gzip and split": (
        ["Content-Encoding: gzip"],
        gzipped(*SPLIT_KEY),
        deltas("a ", "REDACTED", *[""] * (len(KEY) - 1), " b"),
    ),
    "deflate": (["Content-Encoding: deflate"], [zlib.compress(HIDDEN[0])], deltas("a REDACTED b")),
    "gzip without it": (["Content-Encoding: gzip"], gzipped(*deltas("a")), deltas("a")),
}


def spooled(spool: Path) -> bytes:
    """The body that the recorder's spool holds of its only exchange, as it will be recovered."""
    chunks: list[bytes] = []
    for line in map(json.loads, contents(spool).splitlines()):
        if "data" in line:
            chunks.append(base64.b64decode(line["data"]))
        elif "more" in line:
            chunks[line["chunk"]] += base64.b64decode(line["more"])
    return b"".join(chunks)


@pytest.mark.asyncio
@pytest.mark.parametrize("echo", ECHOES)
async def test_a_key_that_is_hidden_in_the_response_is_never_written(to: Path, echo: str) -> None:
    headers, sent, kept = ECHOES[echo]
    spool = to.with_name("a.yaml.recording")
    fragments = [KEY[at : at + 6] for at in range(len(KEY) - 5)]  # its first five characters are nothing

    async def repeats_it(wire: Wire) -> None:
        wire.head(*headers)
        for number, chunk in enumerate(sent, 1):
            wire.chunks(chunk)
            await until_written(spool, chunks=number)
            assert spans_in(spooled(spool), fragments) == []
        wire.last_chunk()

    async with (
        recording(to, repeats_it) as bench,
        asking(bench.base_url, "/x", f"Authorization: Bearer {KEY}") as client,
    ):
        await client.head()
        assert dechunked(await client.rest()) == ([*sent, b"END"], b"")  # the client has it as it came

    (found,) = load(to)  # which also compares the sizes with the body
    assert chunks_of(found) == kept
    assert header(found.headers, "Content-Encoding") is None
    coding = headers[0].partition(": ")[2] if headers else None
    decoded = f"the response's body came with the content coding {coding}, and is kept decoded"
    assert found.note == (decoded if coding else None)
    for item in decode(found.stream.body):
        assert isinstance(item, Event)
        assert json.loads(item.data)


@pytest.mark.asyncio
async def test_a_body_in_which_the_key_cannot_be_looked_for_is_not_kept(
    to: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def unknown(wire: Wire) -> None:
        wire.head("Content-Encoding: compress")
        wire.chunks(b"\x8b\x03\x80", b"abcdefgh\x03")
        if wire.header("Authorization"):
            await until_written(to.with_name("a.yaml.recording"), chunks=2)
            assert spooled(to.with_name("a.yaml.recording")) == b""
        wire.last_chunk()

    async with recording(to, unknown) as bench:
        async with asking(bench.base_url, "/x", f"Authorization: Bearer {KEY}") as client:
            assert b"abcdefgh" in await client.rest()
        async with asking(bench.base_url, "/x") as client:  # what looks like a key is still to be looked for
            await client.rest()

    for kept in load(to):
        assert (chunks_of(kept), header(kept.headers, "Content-Encoding")) == ([], None)
        assert kept.note is not None
        assert kept.note.startswith("the response's body is not kept: its content coding is unknown here or damaged")
    assert [record.getMessage().endswith(kept.note or "") for record in caplog.records] == [True, True]


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_body_that_is_not_kept_is_a_loss_that_the_command_tells(to: Path) -> None:
    async def unknown(wire: Wire) -> None:
        wire.head("Content-Encoding: compress")
        wire.chunks(b"\x8b\x03\x80")
        wire.last_chunk()

    async with serving(unknown) as upstream, recording_process(upstream.url, to) as (process, base_url):
        async with asking(base_url) as client:
            await client.rest()
        process.send_signal(signal.SIGINT)
        _, told = await process.communicate()
        assert process.returncode == 1
        said = " ".join(told.decode().split())
        assert "200: its body is not kept" in said
        assert "1 answer recorded, of which 1 has no body" in said


@pytest.mark.asyncio
async def test_a_key_that_is_hidden_in_the_request_is_never_written(to: Path) -> None:
    basic = base64.b64encode(f"me:{KEY}".encode()).decode()
    spool = to.with_name("a.yaml.recording")

    async def repeats_all(wire: Wire) -> None:
        wire.head(f"X-Path: {wire.request.split()[1].decode()}")
        wire.chunks(f"data: {KEY}\n\n".encode())
        await until_written(spool, chunks=1)
        no_secrets_in(to.parent)
        wire.last_chunk()

    path = f"/x/{KEY}?a={KEY}&b={KEY.replace('-', '%2D')}&key={KEY}"
    async with recording(to, repeats_all) as bench:
        for sent in ((f"Authorization: Basic {basic}",), (f"Authorization: Bearer {KEY}", f"X-Again: {basic}"), ()):
            async with asking(bench.base_url, path, *sent, body=json.dumps({"a": KEY, "b": [*KEY]}).encode()) as client:
                await client.rest()
        packed = gzip.compress(KEY.encode())
        async with asking(bench.base_url, path, "Content-Encoding: gzip", body=packed) as client:
            await client.rest()
        assert bench.upstream.requests[-1].body == packed

    no_secrets_in(to.parent)
    *plain, compressed = load(to)
    for found in plain:
        assert found.request.uri.endswith("/v1/x/REDACTED?a=REDACTED&b=REDACTED")
        assert json.loads(found.request.body) == {"a": "REDACTED", "b": ["REDACTED", *[""] * (len(KEY) - 1)]}
        assert found.stream.body == b"data: REDACTED\n\n"
    assert (compressed.request.body, header(compressed.request.headers, "Content-Encoding")) == (b"REDACTED", None)
    assert basic not in contents(to).decode()


@pytest.mark.asyncio
async def test_what_is_said_of_an_error_holds_no_key(
    to: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def garbles_it(wire: Wire) -> None:
        wire.raw(f"HTTP/1.1 200 OK\r\nno colon, but {KEY}\r\n\r\n".encode())

    monkeypatch.setenv("THE_KEY", KEY)
    async with recording(to, garbles_it, key_env="THE_KEY") as bench:
        async with asking(bench.base_url, f"/x?key={KEY}") as client:
            answer = await client.rest()
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(bench.base_url))
        writer.write(f"GET / HTTP/1.1\r\nno colon, but {KEY}\r\n\r\n".encode())
        refused = await reader.read()
        writer.close()
        await writer.wait_closed()

    assert answer.startswith(b"HTTP/1.1 502 ")
    assert refused.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 "))
    assert len(caplog.records) == 2
    assert spans_in(answer + refused + caplog.text.encode(), [KEY]) == []


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_recorder_that_is_killed_leaves_no_key_either(to: Path) -> None:
    sent = gzipped(*deltas("a", *KEY, " b", "c"))[:-1]
    async with (
        serving(streaming([], *sent, headers=["Content-Encoding: gzip"])) as upstream,
        recording_process(upstream.url, to) as (process, base_url),
        asking(base_url, "/x", f"Authorization: Bearer {KEY}") as client,
    ):
        await client.head()
        await until_written(to.with_name("a.yaml.recording"), chunks=len(sent))
        process.kill()
        await process.wait()
    no_secrets_in(to.parent)

    await started("http://127.0.0.1:1/v1", to)
    (found,) = load(to)
    texts = [json.loads(item.data) for item in decode(found.stream.body) if isinstance(item, Event)]
    text = "".join(one["choices"][0]["delta"]["content"] for one in texts)
    assert re.fullmatch(rf"a{KEY[:5]}(REDACTED)? bc", text)
    assert header(found.headers, "Content-Encoding") is None
