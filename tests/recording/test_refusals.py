"""What is refused, and what is said of it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from pathlib import Path

import httpx
import pytest

from orharness.cassette import load, save
from orharness.errors import CassetteError, ScenarioError
from orharness.recording import Recorder
from tests.support.recording_bench import asking, awkward, contents, hangs_up, recording, serving, started


def test_what_cannot_be_recorded_from(to: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("THE_KEY", raising=False)
    for upstream in ("host/v1", "ftp://host/v1", "", "http://", "http://["):
        with pytest.raises(ScenarioError, match="upstream"):
            Recorder(upstream, to)
    with pytest.raises(ScenarioError, match="the environment variable THE_KEY is to hold the upstream's key, but"):
        Recorder("http://127.0.0.1:1/v1", to, key_env="THE_KEY")


@pytest.mark.asyncio
async def test_a_cassette_that_exists_is_not_recorded_over(to: Path) -> None:
    save(to, [])

    with pytest.raises(CassetteError, match=r"a\.yaml: this cassette exists; --overwrite replaces it"):
        await started("http://127.0.0.1:1/v1", to)
    assert [path.name for path in to.parent.iterdir()] == ["a.yaml"]


@pytest.mark.asyncio
async def test_overwrite_replaces_it_with_the_first_exchange_and_not_before(to: Path) -> None:
    put_a_file(to, b"not a cassette")
    await started("http://127.0.0.1:1/v1", to, overwrite=True)
    assert contents(to) == b"not a cassette"

    async with recording(to, awkward, overwrite=True) as bench, asking(bench.base_url) as client:
        await client.rest()
    assert len(load(to)) == 1


def put_a_file(path: Path, data: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(data)


@pytest.mark.slow  # the other one may have been killed just now: it is waited for
@pytest.mark.asyncio
async def test_two_recorders_do_not_share_a_cassette(to: Path) -> None:
    async with Recorder("http://127.0.0.1:1/v1", to):
        with pytest.raises(CassetteError, match="another recorder is writing to this cassette"):
            await started("http://127.0.0.1:1/v1", to)


@pytest.mark.asyncio
async def test_a_port_that_is_taken(to: Path) -> None:
    async with serving(awkward) as upstream:
        with pytest.raises(ScenarioError, match=rf"cannot listen on 127\.0\.0\.1, port {upstream.port}: "):
            await started(upstream.url, to, port=upstream.port)
    assert list(to.parent.iterdir()) == []


@pytest.mark.asyncio
async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CassetteError, match="the file cannot be written"):
        await started("http://127.0.0.1:1/v1", tmp_path / "file" / "a.yaml")


@pytest.mark.asyncio
async def test_an_upstream_that_is_not_there(to: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(hangs_up) as upstream:
        with socket.create_server(("127.0.0.1", 0)) as reserved:
            closed = f"http://127.0.0.1:{reserved.getsockname()[1]}/v1"
        for url in (closed, upstream.url):
            caplog.clear()
            with caplog.at_level(logging.WARNING):
                async with Recorder(url, to) as recorder, httpx.AsyncClient() as client:
                    answer = await client.post(recorder.base_url + "/chat/completions", json={})

            assert answer.status_code == 502
            error = answer.json()["error"]
            assert list(error) == ["code", "message", "type", "param"]
            assert error["code"] == 502
            assert error["message"].startswith(f"{url} did not answer: ")
            assert [record.getMessage() for record in caplog.records] == [error["message"]]
            os.unlink(to)  # noqa: PTH108 - what is recorded of it: test_before_the_head


@pytest.mark.asyncio
async def test_a_password_in_the_upstream_is_not_told(to: Path, caplog: pytest.LogCaptureFixture) -> None:
    upstream = "http://me:password@127.0.0.1:1/v1"
    async with Recorder(upstream, to) as recorder, httpx.AsyncClient() as client:
        answer = await client.post(recorder.base_url + "/chat/completions", json={})

    assert answer.status_code == 502
    assert "password" not in answer.text + caplog.text


@pytest.mark.asyncio
async def test_what_is_no_http(to: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with recording(to, awkward) as bench:
        port = int(bench.base_url.split(":")[2].partition("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nno colon\r\n\r\n")
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    assert b" 400 " in head.partition(b"\r\n")[0]
    assert list(json.loads(body)["error"]) == ["code", "message", "type", "param"]
    assert [record.exc_info for record in caplog.records] == [None]
    assert caplog.records[0].getMessage().startswith("a client sent what is not HTTP: ")
    assert list(to.parent.iterdir()) == []
