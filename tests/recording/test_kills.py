"""The real command is killed at random moments, and started again: nothing that a client received is lost.

A few kills here. ``ORHARNESS_FULL=1 python -m pytest tests/recording/test_kills.py`` makes 200.
"""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import suppress
from pathlib import Path

import pytest

from orharness.cassette import load
from tests.support.recording_bench import Wire, asking, recording_process, serving

KILLS = 200 if os.environ.get("ORHARNESS_FULL") else 4
SEED = int(os.environ.get("ORHARNESS_SEED", "18"))


def chunk(stream: int, number: int) -> bytes:
    return b"data: %d %d\n\n" % (stream, number)


async def counts(wire: Wire) -> None:
    """As many chunks as the path asks for, some of them at once."""
    path = wire.request.split(b" ")[1].decode()
    stream, size, seed = map(int, path.split("/")[-3:])
    chance = random.Random(seed)
    wire.head()
    for number in range(size):
        wire.chunks(chunk(stream, number))
        if chance.random() < 0.3:
            await asyncio.sleep(chance.random() * 0.01)
    wire.last_chunk()


async def read(base_url: str, path: str, received: list[bytes]) -> None:
    """Read a stream to its end, or to that of the recorder."""
    with suppress(asyncio.IncompleteReadError, ConnectionError, ValueError):
        async with asking(base_url, path) as client:
            await client.head()
            while data := await client.chunk():
                received.append(data)


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_kill_at_any_moment_loses_nothing(to: Path) -> None:
    chance = random.Random(SEED)
    received: dict[int, list[bytes]] = {}  # by the number of the stream
    run_of: dict[int, int] = {}

    async with serving(counts) as upstream:
        for run in range(KILLS):
            async with recording_process(upstream.url, to) as (process, base_url):
                assert base_url, "it goes on with what the one before has left"
                streams = range(len(received), len(received) + chance.randint(1, 6))
                received |= {stream: [] for stream in streams}
                run_of |= dict.fromkeys(streams, run)
                paths = [f"/{stream}/{chance.choice((1, 5, 60))}/{chance.randrange(10**6)}" for stream in streams]
                reading = [
                    asyncio.create_task(read(base_url, path, received[stream]))
                    for stream, path in zip(streams, paths, strict=True)
                ]
                await asyncio.sleep(chance.random() * 0.25)
                process.kill()
                await process.wait()
                await asyncio.gather(*reading)
        async with recording_process(upstream.url, to) as (process, base_url):
            process.terminate()
            _, said = await process.communicate()
            assert process.returncode == 0, said
        # A recorder that is killed leaves its connections in the middle of a request.
        upstream.errors[:] = [one for one in upstream.errors if not isinstance(one, EOFError | ConnectionError)]

    kept: dict[int, bytes] = {}
    for one in load(to):
        stream = int(one.request.path.split("/")[-3])
        assert stream not in kept, "it was saved twice"
        kept[stream] = one.stream.body
        # What was recorded is what came, with its boundaries, as far as it goes.
        assert [found.data for found in one.stream.chunks] == [
            chunk(stream, number) for number in range(len(one.stream.chunks))
        ]
    assert [run_of[stream] for stream in kept] == sorted(run_of[stream] for stream in kept)
    for stream, data in received.items():
        # A chunk is written down just after it was passed on: the very last one may be lost.
        assert kept.get(stream, b"").startswith(b"".join(data[:-1])), f"stream {stream} of seed {SEED}"
    assert not list(to.parent.glob("*.unsaved*"))
    assert sum(map(len, received.values())) > KILLS, "the kills came too early to show anything"
