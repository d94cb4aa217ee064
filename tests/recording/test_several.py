"""Several exchanges at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from orharness.cassette import load
from tests.support.recording_bench import (
    AWKWARD,
    Wire,
    ask_at_once,
    asking,
    awkward,
    chunks_of,
    contents,
    numbered,
    recording,
    until,
)


@pytest.mark.asyncio
async def test_exchanges_stand_in_the_order_of_their_requests(to: Path) -> None:
    second_ended = asyncio.Event()

    async def first(wire: Wire) -> None:
        wire.head()
        wire.chunks(b"data: first\n\n")
        await second_ended.wait()
        wire.last_chunk()

    async def second(wire: Wire) -> None:
        wire.head()
        wire.chunks(b"data: second\n\n")
        wire.last_chunk()

    async with recording(to, first, second) as bench, asking(bench.base_url) as one:
        await one.head()
        async with asking(bench.base_url) as other:
            await other.rest()
        await until(lambda: bench.recorder.recorded)
        assert [found.stream.body for found in load(to)] == [b"data: second\n\n"]
        await until(lambda: b'{"order": 1, "saved": true}' in contents(to.with_name("a.yaml.recording")))
        second_ended.set()
        await one.rest()

    assert [found.stream.body for found in load(to)] == [b"data: first\n\n", b"data: second\n\n"]


@pytest.mark.asyncio
async def test_many_at_once(to: Path) -> None:
    async with recording(to, numbered(10, 0.01)) as bench:
        await ask_at_once(bench, 30)

    found = load(to)
    assert found == bench.recorder.interactions
    assert sorted(one.request.body for one in found) == sorted(b"data: %d" % number for number in range(30))
    for one in found:
        assert chunks_of(one) == [one.request.body + b" %d\n\n" % number for number in range(10)]


@pytest.mark.asyncio
async def test_two_requests_on_one_connection(to: Path) -> None:
    async with recording(to, awkward) as bench, httpx.AsyncClient() as client:
        for _ in range(2):
            answer = await client.post(bench.base_url + "/chat/completions", json={})
            assert answer.content == b"".join(AWKWARD)

    assert [chunks_of(found) for found in load(to)] == [AWKWARD, AWKWARD]
