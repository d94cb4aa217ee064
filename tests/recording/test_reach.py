"""How the recorder reaches a server: certificates, addresses, proxies; and the headers that it sends there."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import httpx
import pytest

from orharness.cassette import load
from orharness.errors import OrharnessError, ScenarioError
from orharness.recording import Recorder
from orharness.recording.reach import Reach, addresses_of
from orharness.server.proxies import proxy_for
from tests.support.recording_bench import Wire, asking, awkward, recording, serving
from tests.support.tls_upstream import CHUNKS, tls_upstream


@pytest.fixture(autouse=True)
def _no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


async def posted(base_url: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(base_url + "/chat/completions", content=b"{}")


@pytest.mark.asyncio
async def test_an_authority_of_its_own(to: Path, tmp_path: Path) -> None:
    with tls_upstream(tmp_path) as upstream:
        addresses = addresses_of([upstream.resolve])
        async with Recorder(f"https://{upstream.host}/v1", to, reach=Reach(addresses=addresses)) as recorder:
            answer = await posted(recorder.base_url)
        said = answer.json()["error"]["message"]
        assert answer.status_code == 502
        assert "its certificate is not trusted: " in said
        assert said.endswith("--ca FILE names the authority that signed it")

        reach = Reach(upstream.ca, addresses)
        async with Recorder(f"https://{upstream.host}/v1", to, overwrite=True, reach=reach) as recorder:
            answer = await posted(recorder.base_url)
        assert answer.content == b"".join(CHUNKS)
    (found,) = load(to)
    assert (found.request.uri, found.stream.body) == (upstream.url, b"".join(CHUNKS))


@pytest.mark.parametrize(
    ("contents", "said"), [(None, "cannot be read: No such file"), (b"nonsense", "not a file of certificates")]
)
def test_what_is_no_file_of_certificates(tmp_path: Path, contents: bytes | None, said: str) -> None:
    if contents is not None:
        (tmp_path / "a.pem").write_bytes(contents)
    with pytest.raises(ScenarioError, match=said):
        Reach(tmp_path / "a.pem").tls()


@pytest.mark.asyncio
async def test_a_recorder_that_cannot_begin_leaves_no_file(to: Path, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"--ca .*cannot be read"):
        async with Recorder("https://a.test/v1", to, reach=Reach(tmp_path / "none.pem")):
            pass
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises((OSError, OrharnessError)):
        async with Recorder("https://a.test/v1", to, port=taken.getsockname()[1]):
            pass
    assert not to.parent.exists() or list(to.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("a.test=127.0.0.1", ("127.0.0.1", None)),
        ("A.test=127.0.0.1:80", ("127.0.0.1", 80)),
        ("a.test=::1", None),
        ("a.test=[::1]:80", ("::1", 80)),
        ("a.test=b.test:443", ("b.test", 443)),
        ("a.test", None),
        ("=127.0.0.1", None),
        ("a.test=127.0.0.1:x", None),
    ],
)
def test_addresses(given: str, address: tuple[str, int | None] | None) -> None:
    if address is None:
        with pytest.raises(ScenarioError, match="--resolve is HOST=ADDRESS"):
            addresses_of([given])
    else:
        assert addresses_of([given]) == {"a.test": address}


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert proxy_for("https", "a.test") is None
    monkeypatch.setenv(name, "http://me:secret@proxy.test:3128")
    assert proxy_for("https", "a.test") == "http://me:secret@proxy.test:3128"
    monkeypatch.setenv("NO_PROXY", "a.test")
    assert proxy_for("https", "a.test") is None
    assert proxy_for("https", "b.test") is not None
    monkeypatch.setenv(name, "socks5://proxy.test")
    with pytest.raises(ScenarioError, match="speaks socks5, which is not supported"):
        proxy_for("https", "b.test")


@pytest.mark.parametrize(
    "given", ["http://me:secret@proxy.test:abc", "http://", "proxy.test:99999", "http://[::1", ":0"]
)
def test_what_is_no_address_of_a_proxy_is_said(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", given)
    with pytest.raises(
        ScenarioError, match=r"^what HTTPS_PROXY names is not the address of a proxy: write http://HOST"
    ) as e:
        proxy_for("https", "b.test")
    assert "secret" not in str(e.value)


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY"])
async def test_the_upstream_is_asked_by_way_of_it(to: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    async with serving(awkward) as proxy:
        monkeypatch.setenv(name.lower(), f"http://127.0.0.1:{proxy.port}")
        async with Recorder("http://a.test/v1", to) as recorder, asking(recorder.base_url) as client:
            await client.rest()
        (asked,) = proxy.requests
    assert asked.request.startswith(b"POST http://a.test/v1/chat/completions HTTP/1.1\r\n")


@pytest.mark.asyncio
async def test_a_proxy_that_cannot_be_used_is_one_sentence(to: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "socks5://proxy.test")
    async with Recorder("http://a.test/v1", to) as recorder:
        answer = await posted(recorder.base_url)
    assert answer.status_code == 502
    assert "speaks socks5" in answer.json()["error"]["message"]


@pytest.mark.asyncio
@pytest.mark.parametrize(("upstream", "name"), [("http://a.test/v1", "HTTP_PROXY"), ("https://a.test/v1", "ALL_PROXY")])
async def test_a_dead_proxy_is_named_with_its_variable(
    to: Path, monkeypatch: pytest.MonkeyPatch, upstream: str, name: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv(name.lower(), f"http://me:secret@127.0.0.1:{port}")
    async with Recorder(upstream, to) as recorder:
        answer = await posted(recorder.base_url)
    why = (
        f"{upstream} did not answer: the proxy 127.0.0.1:{port}, which {name.lower()} names, cannot be reached:"
        f" Connection refused; correct {name.lower()}, or name the host in NO_PROXY"
    )
    assert answer.json()["error"]["message"] == why
    (found,) = load(to)
    assert (found.note, found.ending_recorded) == (why, "reset")


@pytest.mark.asyncio
async def test_an_address_of_resolve_is_named_where_it_refuses(to: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    async with Recorder("https://a.test/v1", to, reach=Reach(addresses={"a.test": ("127.0.0.1", port)})) as recorder:
        said = (await posted(recorder.base_url)).json()["error"]["message"]
    where = f"cannot connect to 127.0.0.1:{port}, which --resolve gives: Connection refused"
    assert said == f"https://a.test/v1 did not answer: {where}"


@pytest.mark.asyncio
async def test_a_proxy_that_refuses_is_not_taken_for_the_upstream(to: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuses(wire: Wire) -> None:
        wire.raw(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    async with serving(refuses) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        async with Recorder("https://a.test/v1", to) as recorder:
            said = (await posted(recorder.base_url)).json()["error"]["message"]
    place = f"the proxy 127.0.0.1:{proxy.port}, which https_proxy names"
    assert said == f"https://a.test/v1 did not answer: {place}, refused: 407 Proxy Authentication Required"


@pytest.mark.asyncio
async def test_the_certificate_of_another_host(to: Path, tmp_path: Path) -> None:
    """An authority that is known does not help there."""
    with tls_upstream(tmp_path) as upstream:
        reach = Reach(upstream.ca, {"other.test": ("127.0.0.1", upstream.port)})
        async with Recorder("https://other.test/v1", to, reach=reach) as recorder:
            said = (await posted(recorder.base_url)).json()["error"]["message"]
    assert "its certificate is of another host: " in said
    assert "--ca" not in said


def test_a_port_that_there_is_not() -> None:
    with pytest.raises(ScenarioError, match=r"--resolve a\.test=1\.2\.3\.4:99999: a port is a number from 1 to 65535"):
        addresses_of(["a.test=1.2.3.4:99999"])


@pytest.mark.asyncio
async def test_a_long_header_passes_both_ways(to: Path) -> None:
    long = f"X-Long: {'a' * 40_000}"

    async def answers(wire: Wire) -> None:
        wire.head(long)
        wire.chunks(b"data: [DONE]\n\n")
        wire.last_chunk()

    async with recording(to, answers) as bench, asking(bench.base_url, "/chat/completions", long) as client:
        assert long.encode() in await client.head()
        await client.rest()
    assert long.encode() in bench.upstream.requests[0].request


@pytest.mark.asyncio
async def test_headers_that_are_repeated_pass_as_they_are(to: Path) -> None:
    async def answers(wire: Wire) -> None:
        wire.head("X-Ratelimit-Limit: 1", "X-Ratelimit-Limit: 2")
        wire.chunks(b"data: [DONE]\n\n")
        wire.last_chunk()

    lines = ["Accept: a", "X-Between: b", "Accept: c", "Cookie: d=1", "Cookie: e=2"]
    async with recording(to, answers) as bench, asking(bench.base_url, "/chat/completions", *lines) as client:
        head = (await client.head()).decode()
        await client.rest()
    sent = bench.upstream.requests[0].request.decode().split("\r\n")
    assert [line for line in sent if line in lines] == lines
    assert [line for line in head.split("\r\n") if "ratelimit" in line.lower()] == [
        "X-Ratelimit-Limit: 1",
        "X-Ratelimit-Limit: 2",
    ]


@pytest.mark.asyncio
async def test_a_door_means_its_server_whatever_the_path(to: Path) -> None:
    async with recording(to, awkward, doors=True) as bench:
        origin = bench.upstream.url.removesuffix("/v1")
        port = await bench.recorder.door(origin)
        assert await bench.recorder.door(origin) == port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /other/v1/messages?a=b HTTP/1.1\r\nHost: api.test\r\nContent-Length: 2\r\n\r\n{}")
        await reader.readuntil(b"[DONE]")
        writer.close()
    (found,) = load(to)
    assert found.request.uri == f"{origin}/other/v1/messages?a=b"
