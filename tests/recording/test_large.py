"""Answers that are too large to be held in memory, here those of more than a few bytes."""

from __future__ import annotations

import asyncio
import errno
import gzip
import logging
import os
import re
import sys
from pathlib import Path

import pytest

from orharness.cassette import RecordedRequest, load
from orharness.cassette.scan import scan
from orharness.errors import CassetteError
from orharness.recording.exchange import MemoryLimits, RecordedExchange
from orharness.recording.spool import Spool
from tests.support.recording_bench import (
    AWKWARD,
    KEY,
    Wire,
    ask_at_once,
    asking,
    awkward,
    chunks_of,
    contents,
    files_in,
    numbered,
    recording,
    recording_process,
    serving,
    until,
)

SMALL = MemoryLimits(large=20)


@pytest.mark.asyncio
async def test_a_large_answer_is_kept_with_its_chunks(to: Path) -> None:
    async with recording(to, awkward, memory=SMALL) as bench:
        for _ in range(2):
            async with asking(bench.base_url) as client:
                await client.rest()
        await until(lambda: bench.recorder.saved)
        assert bench.recorder.saved[0].summary == f"{len(AWKWARD)} chunks, {len(b''.join(AWKWARD))} bytes"

    for one in load(to):
        assert chunks_of(one) == AWKWARD
    assert [path.name for path in to.parent.iterdir()] == ["a.yaml"]


def test_a_large_body_is_not_held_in_memory() -> None:
    exchange = RecordedExchange(0, RecordedRequest("GET", "http://a/"), "", status=200, large=20)
    for number in range(4):
        exchange.add(b"data: %d\n\n" % number, 0.5 * number)
    assert exchange.chunks == []
    assert exchange.delays.tolist() == [0, 0.5, 0.5, 0.5]


@pytest.mark.asyncio
async def test_large_answers_at_once_do_not_mix(to: Path) -> None:
    async with recording(to, numbered(8, 0.002), memory=SMALL) as bench:
        await ask_at_once(bench, 12)

    found = load(to)
    assert sorted(one.request.body for one in found) == sorted(b"data: %d" % number for number in range(12))
    for one in found:
        assert chunks_of(one) == [one.request.body + b" %d\n\n" % number for number in range(8)]


@pytest.mark.parametrize("coded", [False, True])
@pytest.mark.asyncio
async def test_a_secret_in_a_large_answer_is_not_kept(to: Path, coded: bool) -> None:
    body = b"".join(
        b'data: {"choices": [{"delta": {"content": "%c"}}]}\n\n' % one for one in f"the key is {KEY}, really".encode()
    )
    body += b"data: %b and an unfinished line" % KEY.encode()
    sent = gzip.compress(body) if coded else body
    cut = len(sent) * 2 // 3

    async def tells(wire: Wire) -> None:
        length = f"Content-Length: {len(sent) + 7}"  # which never come
        wire.head(length, *(["Content-Encoding: gzip"] if coded else []), chunked=False)
        wire.raw(sent[:cut])
        await asyncio.sleep(0.01)
        wire.raw(sent[cut:])
        wire.close()

    async with (
        recording(to, tells, memory=SMALL) as bench,
        asking(bench.base_url, "/x", f"Authorization: Bearer {KEY}") as client,
    ):
        assert (await client.rest()).endswith(sent)

    (found,) = load(to)
    assert found.stream.body.count(b"REDACTED") == 2
    assert found.stream.body.endswith(b"data: REDACTED and an unfinished line")
    assert found.stream.announced == len(found.stream.body) + 7
    assert found.ending_recorded == "abort"
    assert not any(name == "Content-Encoding" for name, _ in found.headers)
    assert (found.note is None) is not coded
    assert all(KEY.encode() not in data for _, data in files_in(to.parent))
    assert not list(scan(to))


@pytest.mark.asyncio
async def test_a_large_answer_that_cannot_be_searched_is_not_kept(to: Path) -> None:
    async def packs(wire: Wire) -> None:
        wire.head("Content-Encoding: unheard-of")
        wire.chunks(b"a" * 50, b"b" * 50)
        wire.last_chunk()

    async with recording(to, packs, memory=SMALL) as bench, asking(bench.base_url) as client:
        await client.rest()
    (found,) = load(to)
    assert found.stream.body == b""
    assert "its content coding is unknown here" in (found.note or "")


@pytest.mark.asyncio
async def test_a_large_answer_that_the_disk_has_no_room_for_is_told(
    to: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    append = Spool._append

    def full(spool: Spool, line: bytes) -> None:
        if b'"data"' in line and b"in three" not in contents(spool.path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        append(spool, line)

    monkeypatch.setattr(Spool, "_append", full)
    with (
        caplog.at_level(logging.ERROR),
        pytest.raises(CassetteError, match="keeps only the beginning of what"),
    ):
        async with recording(to, awkward, memory=SMALL) as bench, asking(bench.base_url) as client:
            await client.rest()
    assert "No space left on device; the rest of an answer of 62 bytes is lost" in caplog.text


def peak(pid: int) -> int:
    """The most bytes of memory that a process and its children have had (the sum of their peaks)."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    (own,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(own) * 1024 + sum(peak(int(child)) for child in children)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
@pytest.mark.asyncio
async def test_a_large_answer_takes_little_memory(to: Path) -> None:
    piece, pieces = b"data: " + b"word " * 3000 + b"\n\n", 700

    async def small_then_large(wire: Wire) -> None:
        wire.head()
        for _ in range(1 if wire.body == b"1" else pieces):
            wire.chunks(piece)
            await wire.drained()
        wire.last_chunk()

    async with (
        serving(small_then_large) as upstream,
        recording_process(upstream.url, to) as (process, base_url),
    ):
        peaks: list[int] = []
        for body in (b"1", b"2"):
            async with asking(base_url, body=body) as client:
                await client.head()
                while await client.chunk():
                    pass
            await until(lambda: to.exists() and contents(to).count(b"ending: eof") == len(peaks) + 1)
            peaks.append(peak(process.pid))
    size = len(piece) * pieces
    assert size > 10_000_000
    assert peaks[1] - peaks[0] < 2 * size  # it was six times the size
