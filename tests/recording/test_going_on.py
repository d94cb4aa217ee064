"""A recorder that was killed: the same command goes on. One whose parent was killed ends. A full disk is said."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orharness.cassette import RecordedRequest, load
from orharness.errors import CassetteError
from orharness.recording import Recorder
from orharness.recording.exchange import RecordedExchange
from orharness.recording.spool import Spool
from orharness.stream import Chunk
from tests.support.recording_bench import (
    AWKWARD,
    asking,
    awkward,
    chunks_of,
    contents,
    is_running,
    recording,
    recording_process,
    serving,
    started,
    streaming,
    until,
    until_written,
)


async def killed(to: Path, path: str = "/killed") -> None:
    """The real command, killed in the middle of its second response."""
    async with (
        serving(awkward, streaming([], b"data: a", b"\n\ndata: b\n\n")) as upstream,
        recording_process(upstream.url, to) as (process, base_url),
    ):
        spool = to.with_name("a.yaml.recording")
        async with asking(base_url, "/saved") as client:
            await client.rest()
        await until(lambda: to.exists() and not contents(spool))
        async with asking(base_url, path) as client:
            await client.head()
            await client.chunk()
            await client.chunk()
            await until_written(spool, chunks=2)
            process.send_signal(signal.SIGKILL)
            await process.wait()


@pytest.mark.slow
@pytest.mark.asyncio
async def test_the_same_command_goes_on_with_the_cassette(to: Path, caplog: pytest.LogCaptureFixture) -> None:
    await killed(to)
    with caplog.at_level(logging.WARNING):
        async with recording(to, awkward) as bench:
            assert [one.request.path for one in load(to)] == ["/v1/saved", "/v1/killed"]
            async with asking(bench.base_url, "/new") as client:
                await client.rest()
    assert "a.yaml: recovered 1 response of a recorder that was killed" in caplog.text
    found = load(to)
    assert [one.request.path for one in found] == ["/v1/saved", "/v1/killed", "/v1/new"]
    assert [chunks_of(one) for one in found] == [AWKWARD, [b"data: a", b"\n\ndata: b\n\n"], AWKWARD]
    assert [one.ending_recorded for one in found] == ["eof", "abort", "eof"]
    assert sorted(path.name for path in to.parent.iterdir()) == ["a.yaml"]


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_kill_between_two_responses_does_not_stop_the_next_recording(to: Path) -> None:
    async with serving(awkward) as upstream, recording_process(upstream.url, to) as (process, base_url):
        async with asking(base_url, "/saved") as client:
            await client.rest()
        await until(lambda: to.exists() and not contents(to.with_name("a.yaml.recording")))
        process.send_signal(signal.SIGKILL)
        await process.wait()
    async with recording(to, awkward) as bench, asking(bench.base_url, "/new") as client:
        await client.rest()
    assert [one.request.path for one in load(to)] == ["/v1/saved", "/v1/new"]


def an_exchange(order: int) -> RecordedExchange:
    return RecordedExchange(order, RecordedRequest("GET", f"http://a/{order}"), "2026-11-22T06:00:00Z", status=200)


@pytest.mark.asyncio
async def test_what_was_saved_before_the_spool_could_say_so_is_not_recovered_twice(to: Path) -> None:
    async with recording(to, awkward) as bench:
        async with asking(bench.base_url) as client:
            await client.rest()
        spool = to.with_name("a.yaml.recording")
        await until(lambda: to.exists() and not contents(spool))
        (saved,) = load(to)
    left = Spool(spool)
    exchange = RecordedExchange(0, saved.request, saved.recorded_at or "", status=200, headers=saved.headers)
    left.begin(exchange)
    for chunk in saved.stream.chunks:
        left.chunk(exchange, chunk)
    exchange.ending = "eof"
    left.end(exchange)
    left.close(keep=True)
    await started("http://127.0.0.1:1/v1", to)
    assert load(to) == [saved]


def in_place_of_it(to: Path) -> None:
    to.write_text("interactions: [")


@pytest.mark.asyncio
async def test_a_damaged_cassette_keeps_its_spool(to: Path) -> None:
    to.parent.mkdir()
    spool = Spool(to.with_name("a.yaml.recording"))
    spool.begin(an_exchange(0))
    spool.close(keep=True)
    held = contents(spool.path)
    in_place_of_it(to)
    with pytest.raises(CassetteError, match=r"a\.yaml: the file is not YAML"):
        await started("http://127.0.0.1:1/v1", to)
    assert contents(spool.path) == held


# No recorder outlives its parent


PARENT = """
import os, sys, time
from pathlib import Path
from orharness.recording import RecordingServer
server = RecordingServer("http://127.0.0.1:1/v1", Path(sys.argv[1]))
if sys.argv[2] == "fork" and os.fork() == 0:  # holds the pipe, too
    time.sleep(60)
    os._exit(0)
print(server._process.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and fork are of POSIX")
@pytest.mark.parametrize("forks", ["", "fork"])
def test_a_recorder_ends_with_its_parent_and_the_next_one_records(tmp_path: Path, forks: str) -> None:
    to = tmp_path / "a.yaml"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(to), forks], stdout=subprocess.PIPE, process_group=0)
    assert parent.stdout is not None
    recorder = int(parent.stdout.readline())
    assert is_running(recorder)
    try:
        parent.kill()
        parent.wait()
        asyncio.run(until(lambda: not is_running(recorder)))
        asyncio.run(started("http://127.0.0.1:1/v1", to))
    finally:
        parent.stdout.close()
        os.killpg(parent.pid, signal.SIGKILL) if forks else None


# A full disk


class FullDisk:
    """A spool's file on a disk that has room for so many bytes."""

    def __init__(self, file: Any, room: int) -> None:
        self._file = file
        self.room = room

    def write(self, data: bytes) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written: int = self._file.write(data[: self.room])
        self.room -= written
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@pytest.mark.parametrize("room", [0, 30, 100, 170])
def test_a_full_disk_leaves_no_hole_in_an_exchange(tmp_path: Path, room: int, caplog: pytest.LogCaptureFixture) -> None:
    spool = Spool(tmp_path / "spool")
    first, second = an_exchange(0), an_exchange(1)
    spool.begin(first)

    spool._file = disk = FullDisk(spool._file, room)  # type: ignore[assignment]
    for number in range(5):
        spool.chunk(first, Chunk(b"data: %d\n\n" % number, 0.1))
    assert "No space left on device; what is going on now would not survive a kill" in caplog.text
    assert len(caplog.records) == 1
    assert "keeps only the beginning of what is not in the cassette: No space left" in spool.holds
    disk.room = 10**6  # there is room again, but not for what would follow a hole
    spool.chunk(first, Chunk(b"data: later\n\n", 0.1))
    spool.begin(second)
    spool.chunk(second, Chunk(b"data: b\n\n", 0.1))
    found = {one.request.uri[-1]: one.stream.body for one in spool.recover()}
    whole = b"".join(b"data: %d\n\n" % number for number in range(5))
    assert found["1"] == b"data: b\n\n"
    assert whole.startswith(found["0"])
    assert len(found["0"]) < len(whole)

    spool.close()


def test_a_line_of_which_a_part_was_written_is_not_taken_for_a_whole_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """``write`` returns how much it wrote: a disk with room for a part of a line raises nothing."""
    spool = Spool(tmp_path / "spool")
    first = an_exchange(0)
    spool.begin(first)
    spool.chunk(first, Chunk(b"data: 0\n\n", 0.1))
    spool._file = disk = FullDisk(spool._file, 30)  # type: ignore[assignment]
    spool.chunk(first, Chunk(b"data: 1\n\n", 0.1))
    assert "No space left on device" in caplog.text
    disk.room = 10**6
    spool.chunk(first, Chunk(b"data: 2\n\n", 0.1))
    spool.begin(an_exchange(1))
    assert [one.stream.body for one in spool.recover()] == [b"data: 0\n\n", b""]
    spool.close()


@pytest.mark.asyncio
async def test_what_is_said_of_a_full_disk_is_true(
    to: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async def recorded() -> None:
        async with recording(to, awkward) as bench, asking(bench.base_url) as client:
            await client.rest()

    with monkeypatch.context() as patched:
        patched.setattr("orharness.cassette.files.write_whole", full)
        with pytest.raises(CassetteError, match=r"No space left on device; .*a\.yaml\.recording keeps what is not in"):
            await recorded()
    async with Recorder("http://127.0.0.1:1/v1", to):
        assert [chunks_of(one) for one in load(to)] == [AWKWARD]
    assert "a.yaml: recovered 1 response of a recorder that was killed or could not write" in caplog.text


def test_the_note_of_an_answer_whose_rest_could_not_be_written_does_not_say_that_anything_was_killed(
    tmp_path: Path,
) -> None:
    spool = Spool(tmp_path / "spool")
    exchange = an_exchange(0)
    spool.begin(exchange)
    spool.chunk(exchange, Chunk(b"data: 0\n\n", 0.1))
    spool._file = FullDisk(spool._file, 0)  # type: ignore[assignment]
    spool.end(exchange)
    (found,) = spool.recover()
    assert found.note == "the recorder was killed in the middle of it, or could not write the rest"
    spool.close()


@pytest.mark.asyncio
async def test_what_could_not_be_saved_is_saved_at_the_end_if_there_is_room_again(
    to: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async with recording(to, awkward) as bench:
        with monkeypatch.context() as patched:
            patched.setattr("orharness.cassette.files.write_whole", full)
            async with asking(bench.base_url) as client:
                await client.rest()
            await until(lambda: "No space left" in caplog.text)
    assert [chunks_of(one) for one in load(to)] == [AWKWARD]
    assert sorted(path.name for path in to.parent.iterdir()) == ["a.yaml"]
