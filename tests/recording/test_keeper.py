"""The process of its own that searches for secrets and writes: what passes is in it before a client has it."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import shutil
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from orharness.cassette import load
from orharness.errors import CassetteError, ScenarioError
from orharness.recording import Recorder
from orharness.recording.apart import apart
from orharness.recording.exchange import MemoryLimits
from orharness.recording.messages import Unpacker, packed, packed_data
from orharness.recording.spool import Spool
from tests.support.recording_bench import (
    AWKWARD,
    KEY,
    PATIENCE,
    Wire,
    asking,
    awkward,
    chunks_of,
    dechunked,
    is_running,
    no_secrets_in,
    recording_process,
    serving,
    streaming,
    until,
    until_written,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no such process on Windows")


@asynccontextmanager
async def recorder_apart(upstream: str, to: Path, **options: Any) -> AsyncIterator[tuple[Recorder, int]]:
    """A recorder whose keeper is a process of its own, and the id of that."""
    with apart() as process:
        assert process is not None
        async with Recorder(upstream, to, apart=process, **options) as recorder:
            yield recorder, process.process.pid


def test_messages_cut_anywhere() -> None:
    sent: list[tuple[object, ...]] = [("add", 1, b"data: a\n\n", 0.5), ("close",), ("log", 30, "Grüße")]
    data = b"".join(packed(*one) for one in sent)
    sent += [("add", 2, b"data: b\n\n", 1.25), ("chunks", 2**40, b"", 0.0)]
    data += packed_data("add", 2, b"data: b\n\n", 1.25) + packed_data("chunks", 2**40, b"", 0.0)
    for size in (1, 2, 7, 30, len(data)):
        unpacker = Unpacker()
        found = [one for at in range(0, len(data), size) for one in unpacker.feed(data[at : at + size])]
        assert found == sent


@pytest.mark.slow
@pytest.mark.asyncio
async def test_what_passes_is_kept_there(to: Path) -> None:
    async with (
        serving(awkward) as upstream,
        recorder_apart(upstream.url, to) as (recorder, _),
    ):
        assert recorder.interactions == []
        for _ in range(2):
            async with asking(recorder.base_url, "/x", f"Authorization: Bearer {KEY}") as client:
                await client.head()
                assert dechunked(await client.rest()) == ([*AWKWARD, b"END"], b"")
        await until(lambda: recorder.recorded == 2)
        assert [(one.method, one.status, one.ending) for one in recorder.saved] == [("POST", 200, "eof")] * 2
        assert [chunks_of(one) for one in recorder.interactions] == [AWKWARD] * 2
        no_secrets_in(to.parent)
    assert [chunks_of(one) for one in load(to)] == [AWKWARD] * 2
    assert [path.name for path in to.parent.iterdir()] == ["a.yaml"]
    with pytest.raises(CassetteError, match=r"a\.yaml: this cassette exists; --overwrite replaces it"):
        async with recorder_apart("http://127.0.0.1:1/v1", to):
            pass


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_large_answer_waits_for_the_process(to: Path) -> None:
    """It is behind, since it searches; the recorder would hold without end what it has not taken."""
    small = MemoryLimits(large=0, behind=2**19)
    body = [b"data: %d %b\n\n" % (number, b"a" * 2**16) for number in range(32)]

    async def much(wire: Wire) -> None:
        wire.head()
        wire.chunks(*body)
        wire.last_chunk()

    waiting: list[int] = []
    async with serving(much) as upstream, recorder_apart(upstream.url, to, memory=small) as (recorder, _):
        keeper: Any = recorder._keeper
        async with asking(recorder.base_url) as client:
            await client.head()
            for expected in body:
                assert await client.chunk() == expected
                waiting.append(keeper._sent - keeper._taken)
    (found,) = load(to)
    assert chunks_of(found) == body
    assert max(waiting) < 2**20
    assert keeper._taken > 2**19


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_large_request_is_kept_and_hinders_nothing(to: Path) -> None:
    """It is one message, of many times what the socket has room for."""
    body = b'{"file": "%b"}' % (b"word " * 5_000_000)
    async with serving(awkward) as upstream, recorder_apart(upstream.url, to) as (recorder, _):
        async with asking(recorder.base_url, body=body) as client:
            await client.head()
            assert dechunked(await client.rest()) == ([*AWKWARD, b"END"], b"")
        await until(lambda: recorder.recorded == 1)
    (found,) = load(to)
    assert found.request.body == body


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_recorder_that_is_killed_loses_not_even_the_last_chunk_and_leaves_no_process(to: Path) -> None:
    async with (
        serving(streaming([], b"data: a\n\n", b"data: b\n\n")) as upstream,
        recording_process(upstream.url, to) as (process, base_url),
        asking(base_url) as client,
    ):
        await client.head()
        assert [await client.chunk(), await client.chunk()] == [b"data: a\n\n", b"data: b\n\n"]
        (keeper,) = children(process.pid)
        process.kill()
        await process.wait()
        async with recording_process(upstream.url, to) as (other, _):
            other.terminate()
            _, said = await other.communicate()
            assert b"recovered 1 response of a recorder that was killed" in said
        await until(lambda: not is_running(keeper))
    (found,) = load(to)
    assert chunks_of(found) == [b"data: a\n\n", b"data: b\n\n"]
    assert (found.ending_recorded, found.note) == (
        "abort",
        "the recorder was killed in the middle of it, or could not write the rest",
    )
    assert [path.name for path in to.parent.iterdir()] == ["a.yaml"]


def keeper_of(recorder: Recorder) -> int:
    """The id of the process that keeps what passes now."""
    keeper: Any = recorder._keeper
    process: int = keeper._apart.process.pid
    return process


async def kill_keeper(recorder: Recorder) -> None:
    """Kill the process that keeps what passes, and wait until another one has taken its place."""
    keeper: Any = recorder._keeper
    os.kill(killed := keeper_of(recorder), signal.SIGKILL)
    await until(lambda: keeper_of(recorder) != killed and keeper._up and keeper._answer.done())


@pytest.mark.slow
@pytest.mark.asyncio
async def test_where_the_process_is_killed_another_one_goes_on_and_nothing_is_lost(
    to: Path, caplog: pytest.LogCaptureFixture
) -> None:
    killed = asyncio.Event()

    async def two(wire: Wire) -> None:
        wire.head()
        wire.chunks(b"data: a\n\n", b'data: "sk-a-key-that-is-')  # of which the beginning of a key is held back
        await killed.wait()
        wire.chunks(b'long-enough"\n\n')
        wire.last_chunk()

    async with (
        serving(awkward, two, awkward) as upstream,
        recorder_apart(upstream.url, to) as (recorder, _),
    ):
        async with asking(recorder.base_url, "/0") as client:
            await client.rest()
        await until(lambda: recorder.recorded == 1)
        async with asking(recorder.base_url, "/1", f"Authorization: Bearer {KEY}") as client:
            await client.head()
            assert [await client.chunk(), await client.chunk()] == [b"data: a\n\n", b'data: "sk-a-key-that-is-']
            async with asking(recorder.base_url, "/2") as other:  # it ends before
                await other.rest()
            await until(lambda: recorder.recorded == 2)
            await kill_keeper(recorder)
            await kill_keeper(recorder)
            killed.set()
            assert dechunked(await client.rest()) == ([b'long-enough"\n\n', b"END"], b"")
    assert caplog.text.count("the process that writes it has ended (killed by signal 9); another one goes on") == 2
    zeroth, first, second = load(to)
    assert [one.request.path[-2:] for one in (zeroth, first, second)] == ["/0", "/1", "/2"]
    assert [chunks_of(zeroth), chunks_of(second)] == [AWKWARD] * 2
    assert first.stream.body == b'data: a\n\ndata: "REDACTED"\n\n'
    assert {one.ending_recorded for one in load(to)} == {"eof"}
    no_secrets_in(to.parent)
    assert [path.name for path in to.parent.iterdir()] == ["a.yaml"]


KILLS = 60 if os.environ.get("ORHARNESS_FULL") else 3
SEED = int(os.environ.get("ORHARNESS_SEED", "18"))


@pytest.mark.slow
@pytest.mark.asyncio
async def test_the_process_is_killed_at_random_moments_and_all_is_in_the_cassette(to: Path) -> None:
    """``ORHARNESS_FULL=1`` kills it 60 times. One recorder that goes on all the time."""
    chance = random.Random(SEED)
    bodies: dict[str, list[bytes]] = {}

    async def ask(recorder: Recorder, number: int) -> None:
        chunks, pause = chance.choice((1, 20, 200)), chance.choice((0, 0, 0.002, 0.01))
        path = f"/{number}/{chunks}/{pause}"
        bodies[path] = []
        async with asking(recorder.base_url, path) as client:
            await client.head()
            while data := await client.chunk():
                bodies[path].append(data)

    async def counts(wire: Wire) -> None:
        _, number, chunks, pause = wire.request.split(b" ")[1].decode().rsplit("/", 3)
        wire.head()
        for one in range(int(chunks)):
            wire.chunks(b"data: %b %d\n\n" % (number.encode(), one))
            if one % 8 == 7:
                await asyncio.sleep(float(pause))
        wire.last_chunk()

    async with serving(counts) as upstream, recorder_apart(upstream.url, to) as (recorder, _):
        for _ in range(KILLS):
            asked = [asyncio.create_task(ask(recorder, len(bodies) + number)) for number in range(chance.randint(1, 6))]
            await asyncio.sleep(chance.random() * 0.3)
            with suppress(ProcessLookupError):  # it may have been killed just now
                os.kill(keeper_of(recorder), signal.SIGKILL)
            await asyncio.gather(*asked)
            await asyncio.sleep(chance.choice((0, 0.3, 1.0)))
            with suppress(ProcessLookupError):
                os.kill(keeper_of(recorder), signal.SIGKILL)
    found = load(to)
    assert [one.request.path.partition("/v1")[2] for one in found] == [*bodies], f"seed {SEED}"
    assert [chunks_of(one) for one in found] == [*bodies.values()], f"seed {SEED}"
    assert {(one.ending_recorded, one.note) for one in found} == {("eof", None)}
    assert all(len(got) == int(path.split("/")[2]) for path, got in bodies.items())
    assert [path.name for path in to.parent.iterdir()] == ["a.yaml"]


@pytest.mark.slow
@pytest.mark.asyncio
async def test_of_a_large_answer_what_was_written_is_kept_where_the_process_is_killed(to: Path) -> None:
    """It is not held a second time; the loss is told."""
    killed = asyncio.Event()

    async def two(wire: Wire) -> None:
        wire.head()
        wire.chunks(b"data: a\n\n", b"data: b\n\n")
        await killed.wait()
        wire.chunks(b"data: c\n\n")
        wire.last_chunk()

    async def recorded() -> None:
        async with (
            serving(two) as upstream,
            recorder_apart(upstream.url, to, memory=MemoryLimits(large=15)) as (recorder, _),
            asking(recorder.base_url) as client,
        ):
            await client.head()
            assert [await client.chunk(), await client.chunk()] == [b"data: a\n\n", b"data: b\n\n"]
            await until_written(to.with_name("a.yaml.recording"), chunks=2)
            await kill_keeper(recorder)
            killed.set()
            assert dechunked(await client.rest()) == ([b"data: c\n\n", b"END"], b"")
            await kill_keeper(recorder)

    with pytest.raises(
        CassetteError, match=r"the rest of 1 answer of more than .* bytes is lost: the process that writ"
    ):
        await recorded()
    (found,) = load(to)
    assert chunks_of(found) == [b"data: a\n\n", b"data: b\n\n"]
    assert (found.ending_recorded, found.note) == ("abort", "the process that writes was killed in the middle of it")
    assert [path.name for path in to.parent.iterdir()] == ["a.yaml"]


@pytest.mark.slow
@pytest.mark.asyncio
async def test_where_no_other_process_can_go_on_that_is_told_and_hinders_no_stream(
    to: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = asyncio.Event()

    async def two(wire: Wire) -> None:
        wire.head()
        wire.chunks(b"data: a\n\n")
        await killed.wait()
        wire.chunks(b"data: b\n\n")
        wire.last_chunk()

    async def recorded() -> None:
        async with (
            serving(two) as upstream,
            recorder_apart(upstream.url, to) as (recorder, keeper),
            asking(recorder.base_url) as client,
        ):
            await client.head()
            assert await client.chunk() == b"data: a\n\n"
            await until_written(to.with_name("a.yaml.recording"), chunks=1)
            monkeypatch.setattr(sys, "executable", shutil.which("false"))  # no process starts
            with caplog.at_level(logging.ERROR):
                os.kill(keeper, signal.SIGKILL)
                await until(lambda: any(one.levelno == logging.ERROR for one in caplog.records))
            killed.set()
            assert dechunked(await client.rest()) == ([b"data: b\n\n", b"END"], b"")

    with pytest.raises(CassetteError, match=r"has ended \(exit code 1\); what it had not written yet is lost"):
        await recorded()
    assert caplog.text.count("what passes from now on is not recorded") == 1

    monkeypatch.undo()
    async with recorder_apart("http://127.0.0.1:1/v1", to):
        assert [chunks_of(one) for one in load(to)] == [[b"data: a\n\n"]]


@pytest.mark.slow
@pytest.mark.asyncio
async def test_what_cannot_be_started_is_refused_in_one_sentence(to: Path) -> None:
    async with recorder_apart("http://127.0.0.1:1/v1", to):
        with pytest.raises(CassetteError, match="another recorder is writing to this cassette"):
            async with recorder_apart("http://127.0.0.1:1/v1", to):
                pass
    with pytest.raises(ScenarioError, match=r"--filters is FILE\.py:NAME or MODULE:NAME, not 'x'"):
        async with recorder_apart("http://127.0.0.1:1/v1", to, filters="x", overwrite=True):
            pass


def test_a_recorder_that_may_have_been_killed_just_now_is_waited_for(tmp_path: Path) -> None:
    """Its process may not have noticed yet."""
    first = Spool(tmp_path / "spool")
    thread, opened = in_a_thread(lambda: Spool(tmp_path / "spool"))
    thread.join(0.05)
    assert opened == []
    first.close(keep=True)
    thread.join(PATIENCE)
    opened[0].close()


def in_a_thread(opens: Callable[[], Spool]) -> tuple[threading.Thread, list[Spool]]:
    opened: list[Spool] = []
    thread = threading.Thread(target=lambda: opened.append(opens()))
    thread.start()
    return thread, opened


@pytest.mark.parametrize("keep", [False, True])
def test_a_spool_that_is_soon_released_is_waited_for(tmp_path: Path, keep: bool) -> None:
    """The process of a recorder that was killed saves what it has. The file may be another one after that."""
    first = Spool(tmp_path / "spool")
    with pytest.raises(CassetteError, match="another recorder"):
        Spool(tmp_path / "spool", patience=0.0)
    first.share()
    thread, opened = in_a_thread(lambda: Spool(tmp_path / "spool", patience=0.0))
    thread.join(0.05)
    assert opened == []
    first.close(keep=keep)
    thread.join(PATIENCE)
    (second,) = opened
    assert (tmp_path / "spool").exists()
    with pytest.raises(CassetteError, match="another recorder"):
        Spool(tmp_path / "spool", patience=0.0)
    second.close()


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
