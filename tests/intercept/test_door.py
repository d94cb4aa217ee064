"""The proxy itself: whom it lets in, what it opens, what it passes on, and what it refuses."""

from __future__ import annotations

import asyncio
import base64
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from orharness.errors import ScenarioError
from orharness.intercept.authority import Authority, bundle
from orharness.intercept.door import Door, Target
from orharness.intercept.environment import proxy_environment
from tests.support.recording_bench import PATIENCE, Upstream, Wire, serving


async def says_its_head(wire: Wire) -> None:
    wire.raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(wire.request), wire.request))


@asynccontextmanager
async def opened(*hosts: str, only: bool = False) -> AsyncIterator[tuple[Door, list[Target], Upstream]]:
    asked: list[Target] = []
    async with serving(says_its_head) as upstream:

        async def port_for(target: Target) -> int:
            asked.append(target)
            return upstream.port

        door = Door(hosts, port_for, only=only)
        await door.start()
        try:
            async with asyncio.timeout(PATIENCE):
                yield door, asked, upstream
        finally:
            await door.stop()


def authorization(door: Door) -> str:
    url = urlsplit(door.url)
    return "Proxy-Authorization: Basic " + base64.b64encode(f"{url.username}:{url.password}".encode()).decode()


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def told(door: Door, *lines: str) -> bytes:
    """All that the proxy answers to a head."""
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(door.url).port)
    writer.write("\r\n".join([*lines, "", ""]).encode())
    try:
        return await reader.read()
    finally:
        await closed(writer)


@pytest.mark.asyncio
@pytest.mark.parametrize("sent", [[], ["Proxy-Authorization: Basic b3JoYXJuZXNzOng="], ["Proxy-Authorization: Bearer"]])
async def test_only_who_knows_the_password_is_let_in(sent: list[str]) -> None:
    async with opened("api.test") as (door, asked, upstream):
        for line in ("CONNECT api.test:443 HTTP/1.1", "GET http://api.test/ HTTP/1.1"):
            answer = await told(door, line, *sent)
            assert answer.startswith(b"HTTP/1.1 407 ")
            assert b"Proxy-Authenticate: Basic" in answer
        assert (asked, upstream.requests) == ([], [])


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("host", "base_url"),
    [
        ("api.test:443", "https://api.test"),
        ("API.test:8443", "https://api.test:8443"),
        ("sub.wild.test:443", "https://sub.wild.test"),
        ("[::1]:443", "https://[::1]"),
        ("10.1.2.3:443", "https://10.1.2.3"),
    ],
)
async def test_the_tls_of_a_named_host_is_opened(host: str, base_url: str) -> None:
    async with opened("api.test", "*.wild.test", "::1", "10.1.2.3") as (door, asked, _upstream):
        assert door.authority is not None
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(door.url).port)
        writer.write(f"CONNECT {host} HTTP/1.1\r\n{authorization(door)}\r\n\r\n".encode())
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        context = ssl.create_default_context(cadata=door.authority.certificate.decode())
        context.set_alpn_protocols(["h2", "http/1.1"])
        await writer.start_tls(context, server_hostname=urlsplit(f"//{host}").hostname)
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
        writer.write(b"GET /v1/a HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"GET /v1/a HTTP/1.1" in await reader.read()
        await closed(writer)
    assert [target.base_url for target in asked] == [base_url]


@pytest.mark.asyncio
async def test_plain_http_goes_on_without_what_is_the_proxys() -> None:
    async with opened("api.test") as (door, asked, upstream):
        lines = ["GET http://api.test:8080/v1/a?b=c HTTP/1.1", "Host: other.test", "Proxy-Connection: keep-alive"]
        answer = await told(door, *lines, authorization(door), "Connection: keep-alive", "X-Mine: 1")
    assert answer.startswith(b"HTTP/1.1 200 OK")
    (head,) = [wire.request.decode() for wire in upstream.requests]
    first = ["GET /v1/a?b=c HTTP/1.1", "Host: api.test:8080", "X-Mine: 1", "Connection: close"]
    assert head.split("\r\n")[:4] == first
    assert [target.base_url for target in asked] == ["http://api.test:8080"]


@pytest.mark.asyncio
async def test_any_other_host_is_passed_through_or_refused() -> None:
    async with opened("api.test") as (door, asked, upstream):
        place = f"127.0.0.1:{upstream.port}"
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(door.url).port)
        writer.write(f"CONNECT {place} HTTP/1.1\r\n{authorization(door)}\r\n\r\n".encode())
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        writer.write(b"GET /raw HTTP/1.1\r\n\r\n")
        assert b"GET /raw" in await reader.read()
        await closed(writer)
        assert asked == []
    async with opened("api.test", only=True) as (door, asked, upstream):
        place = f"127.0.0.1:{upstream.port}"
        for line in (f"CONNECT {place} HTTP/1.1", f"GET http://{place}/ HTTP/1.1"):
            answer = await told(door, line, authorization(door))
            assert answer.startswith(b"HTTP/1.1 403 ")
        assert door.refused == {"127.0.0.1": 2}
        assert (asked, upstream.requests) == ([], [])


@pytest.mark.asyncio
@pytest.mark.parametrize("line", ["GET / HTTP/1.1", "CONNECT HTTP/1.1", "nonsense", "GET ftp://a/ HTTP/1.1"])
async def test_what_is_no_request_to_a_proxy_ends_the_connection(line: str) -> None:
    async with opened("api.test") as (door, asked, _):
        assert await told(door, line, authorization(door)) == b""
        assert asked == []


@pytest.mark.asyncio
async def test_a_host_that_cannot_be_reached_is_a_502() -> None:
    async with opened("api.test") as (door, _, _upstream):
        answer = await told(door, "CONNECT 127.0.0.1:1 HTTP/1.1", authorization(door))
    assert answer.startswith(b"HTTP/1.1 502 ")


@pytest.mark.asyncio
async def test_a_dead_proxy_of_the_user_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("https_proxy", "http://me:secret@127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    async with opened("api.test") as (door, _, _upstream):
        for _ in range(2):
            answer = await told(door, "CONNECT other.test:443 HTTP/1.1", authorization(door))
            assert b"the proxy 127.0.0.1:1, which https_proxy names, cannot be reached: Connection refused" in answer
    (said,) = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert said.startswith("other.test: the proxy 127.0.0.1:1, which https_proxy names, cannot be reached")
    assert "secret" not in said


async def _no_port(_: Target) -> int:
    return 0


@pytest.mark.parametrize("given", ["https://api.test/v1", "api.test:8443", "api.test/v1", "*", "*api.test", "", "a..b"])
def test_what_is_no_host_cannot_be_intercepted(given: str) -> None:
    with pytest.raises(ScenarioError, match=r"--intercept is a host such as api\.example\.com, or .*; not '"):
        Door([given], _no_port)


def test_names_and_addresses_are_hosts() -> None:
    given = ["API.test.", "*.api.test", "localhost", "127.0.0.1", "::1", "grüße.test", "a_b.test"]
    assert Door(given, _no_port).hosts == ["api.test", *given[1:]]


def test_without_trustme_the_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(ScenarioError, match=r"pip install trustme \(the extra intercept\)"):
        Authority()


def test_the_bundle_holds_the_roots_that_are_trusted_already_and_ours(tmp_path: Path) -> None:
    mine = tmp_path / "mine.pem"
    mine.write_bytes(b"MINE")
    found = bundle(b"OURS", {"SSL_CERT_FILE": str(mine), "REQUESTS_CA_BUNDLE": str(mine)})
    assert found.startswith(b"MINE\n")
    assert found.endswith(b"\nOURS")
    assert found.count(b"MINE") == 1
    assert b"BEGIN CERTIFICATE" in bundle(b"", {})
    with pytest.raises(ScenarioError, match="cannot be read"):
        bundle(b"", {"SSL_CERT_FILE": str(tmp_path / "none.pem")})


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ""),
        ("internal.example,api.test", "internal.example"),
        (".test", ""),
        ("*", ""),
        ("test:443,10.0.0.1", "10.0.0.1"),
        ("notapi.test", "notapi.test"),
    ],
)
def test_no_proxy_takes_no_named_host_past_the_proxy(tmp_path: Path, given: str, kept: str) -> None:
    found = proxy_environment("http://a", b"PEM", tmp_path, ["api.test"], {"NO_PROXY": given, "NODE_OPTIONS": "-r x"})
    assert found["NO_PROXY"] == found["no_proxy"] == ",".join(filter(None, [kept, "127.0.0.1,localhost,::1"]))
    assert found["HTTPS_PROXY"] == found["http_proxy"] == "http://a"
    assert found["NODE_OPTIONS"].startswith("-r x --require ")
    assert Path(found["NODE_EXTRA_CA_CERTS"]).read_bytes() == b"PEM"


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
@pytest.mark.parametrize("given", ["192.0.2.2", "internal.example,.test", "*"])
def test_where_nothing_is_to_reach_the_network_only_loopback_is_not_proxied(
    tmp_path: Path, name: str, given: str
) -> None:
    environment = {name: given, "ALL_PROXY": "http://proxy.example:3128"}
    found = proxy_environment("http://a", b"PEM", tmp_path, ["api.test"], environment, only=True)
    assert found["NO_PROXY"] == found["no_proxy"] == "127.0.0.1,localhost,::1"
    assert found["ALL_PROXY"] == found["all_proxy"] == "http://a"


def test_without_hosts_there_are_no_certificates(tmp_path: Path) -> None:
    assert "SSL_CERT_FILE" not in proxy_environment("http://a", None, tmp_path, [], {})
