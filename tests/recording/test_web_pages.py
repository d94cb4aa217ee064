"""A recorder that adds a key does not trust web pages."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from orharness.cassette import header, load
from orharness.errors import ScenarioError
from orharness.recording import Recorder
from tests.support.recording_bench import KEY, PATIENCE, Wire, asking, hangs_up, port_of, recording

OWN = "http://127.0.0.1:{port}"


DEV_SERVER = "http://localhost:3000"


async def says_a(wire: Wire) -> None:
    wire.head("Access-Control-Allow-Origin: https://upstream.example", "Vary: Accept")
    wire.chunks(b"data: a\n\n")
    wire.last_chunk()


@pytest.mark.asyncio
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"Origin": "https://evil.example", "Content-Type": "text/plain"}, "--allow-origin https://evil.example"),
        ({"Origin": DEV_SERVER, "Sec-Fetch-Site": "same-site"}, "--allow-origin http://localhost:3000 allows it"),
        ({"Origin": "http://127.0.0.1:1"}, "--allow-origin http://127.0.0.1:1 allows it"),
        ({"Origin": "https://127.0.0.1:{port}"}, "--allow-origin https://127.0.0.1:{port} allows it"),
        ({"Origin": "null"}, "--allow-origin null allows it"),
        ({"Origin": ""}, "it cannot be allowed"),
        ({"Sec-Fetch-Site": "cross-site"}, "a cross-site request"),
        ({"Sec-Fetch-Site": "same-site"}, "a same-site request"),
        ({"Host": "evil.example"}, "for the host evil.example"),
        (
            {"Host": "evil.example:{port}", "Origin": "http://evil.example:{port}"},
            "for the host evil.example:",
        ),  # rebound
        ({"Host": "127.0.0.1.evil.example:{port}"}, "for the host 127.0.0.1.evil.example:"),
        ({"Host": "127.0.0.1:1"}, "for the host 127.0.0.1:1"),
        ({"Host": "127.0.0.1"}, "for the host 127.0.0.1"),
        ({"Host": ""}, "for the host"),
    ],
)
async def test_a_web_page_cannot_spend_the_key(
    to: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    method: str,
    headers: dict[str, str],
    why: str,
) -> None:
    monkeypatch.setenv("THE_KEY", KEY)
    async with recording(to, says_a, key_env="THE_KEY", allow_origins=["http://friend.example"]) as bench:
        port = str(port_of(bench.base_url))
        sent = {name: value.replace("{port}", port) for name, value in headers.items()}
        sent |= {"Access-Control-Request-Method": "POST"} if method == "OPTIONS" else {}
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            answer = await client.request(
                method, bench.base_url + "/chat/completions", headers=sent, content=b"a" * 2**20
            )

        assert bench.upstream.requests == []

    assert answer.status_code == 403
    assert why.replace("{port}", port) in answer.json()["error"]["message"]
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert [record.getMessage() for record in caplog.records] == [answer.json()["error"]["message"]]
    assert list(to.parent.iterdir()) == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "localhost:{port}"},
        {"Host": "LOCALHOST:{port}"},
        {"Host": "127.1.2.3:{port}"},
        {"Host": "[::1]:{port}"},
        {"Host": "friend.example:{port}"},
        {"Origin": OWN, "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://friend.example", "Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_any_other_client_may_spend_it(
    to: Path, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    monkeypatch.setenv("THE_KEY", KEY)
    async with recording(to, says_a, key_env="THE_KEY", allow_origins=["http://friend.example:80/"]) as bench:
        port = str(port_of(bench.base_url))
        sent = {name: value.replace("{port}", port) for name, value in headers.items()}
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            answer = await client.post(bench.base_url + "/chat/completions", headers=sent, json={})
        assert bench.upstream.requests[0].header("Authorization") == f"Bearer {KEY}"

    assert answer.text == "data: a\n\n"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("target", "host", "forwarded"),
    [
        ("http://127.0.0.1:{port}/v1/x?a=b", "evil.example", b"POST /v1/x?a=b HTTP/1.1"),
        ("http://me:pw@127.0.0.1:{port}/v1/x", "127.0.0.1:{port}", b"POST /v1/x HTTP/1.1"),
        ("HTTP://127.0.0.1:{port}?a=http://b/c", "evil.example", b"POST /v1/?a=http://b/c HTTP/1.1"),
        ("/v1/x?a=http://evil.example/y", "127.0.0.1:{port}", b"POST /v1/x?a=http://evil.example/y HTTP/1.1"),
        ("http://evil.example/v1/x", "127.0.0.1:{port}", None),
        ("/v1/x", "evil.example", None),
    ],
)
async def test_a_target_with_a_host_counts_instead_of_the_header(
    to: Path, monkeypatch: pytest.MonkeyPatch, target: str, host: str, forwarded: bytes | None
) -> None:
    """RFC 9112, section 3.2.2: a server has to accept it, and to ignore ``Host``."""
    monkeypatch.setenv("THE_KEY", KEY)
    async with recording(to, says_a, key_env="THE_KEY") as bench:
        port = port_of(bench.base_url)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        lines = ("POST {target} HTTP/1.1", "Host: {host}", "Content-Length: 2", "Connection: close", "", "{{}}")
        head = "\r\n".join(lines).format(target=target, host=host).replace("{port}", str(port))
        writer.write(head.encode())
        async with asyncio.timeout(PATIENCE):
            answer = await reader.read()
        writer.close()
        asked = [one.request.partition(b"\r\n")[0] for one in bench.upstream.requests]
    assert asked == ([] if forwarded is None else [forwarded])
    assert answer.startswith(b"HTTP/1.1 403 " if forwarded is None else b"HTTP/1.1 200 ")
    assert [one.request.uri.partition("//")[2].partition("/")[2] for one in (load(to) if forwarded else [])] == (
        [] if forwarded is None else [forwarded.split()[1].decode()[1:]]
    )


@pytest.mark.asyncio
async def test_a_recorder_without_a_key_forwards_what_any_page_asks(to: Path) -> None:
    page = {"Origin": "https://any.example", "Host": "any.example", "Sec-Fetch-Site": "cross-site"}
    async with recording(to, says_a) as bench, httpx.AsyncClient() as client:
        answer = await client.post(bench.base_url + "/chat/completions", headers=page, json={})

    assert answer.headers["Access-Control-Allow-Origin"] == "https://upstream.example"


@pytest.mark.asyncio
async def test_an_allowed_page_can_ask_and_read_the_answer(to: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", KEY)
    page = {"Origin": DEV_SERVER, "Sec-Fetch-Site": "same-site"}
    asks = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
        "Access-Control-Request-Private-Network": "true",
    }
    async with (
        recording(to, says_a, hangs_up, key_env="THE_KEY", allow_origins=[DEV_SERVER]) as bench,
        httpx.AsyncClient(timeout=PATIENCE) as client,
    ):
        preflight = await client.options(bench.base_url + "/chat/completions", headers=page | asks)
        assert bench.upstream.requests == []
        answer = await client.post(bench.base_url + "/chat/completions", headers=page, json={})
        failed = await client.post(bench.base_url + "/chat/completions", headers=page, json={})

    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == DEV_SERVER
    assert preflight.headers["Access-Control-Allow-Methods"] == "POST"
    assert preflight.headers["Access-Control-Allow-Headers"] == "authorization,content-type"
    assert preflight.headers["Access-Control-Allow-Private-Network"] == "true"
    assert answer.text == "data: a\n\n"
    for one in (answer, failed):
        assert one.headers.get_list("Access-Control-Allow-Origin") == [DEV_SERVER]
    assert answer.headers.get_list("Vary") == ["Accept", "Origin"]
    found, nothing = load(to)
    assert nothing.status is None  # no response head came
    assert header(found.headers, "Access-Control-Allow-Origin") == "https://upstream.example"


@pytest.mark.parametrize("origin", ["localhost:3000", "http://a/b", "http://", "*", "http://*.a", "http://a:x", ""])
def test_what_is_not_an_origin(to: Path, origin: str) -> None:
    with pytest.raises(ScenarioError, match=r"an origin is such as http://localhost:3000"):
        Recorder("http://127.0.0.1:1/v1", to, allow_origins=[origin])


@pytest.mark.asyncio
async def test_a_short_key_is_no_secret(to: Path) -> None:
    async def says_test(wire: Wire) -> None:
        wire.head()
        wire.chunks(b"data: this is a test\n\n")
        wire.last_chunk()

    async with (
        recording(to, says_test) as bench,
        asking(bench.base_url, "/x", "Authorization: Bearer test") as client,
    ):
        await client.rest()

    assert load(to)[0].stream.body == b"data: this is a test\n\n"
