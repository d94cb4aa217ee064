"""The recorder's own end: what it keeps, and what the next one recovers from its spool."""

from __future__ import annotations

import asyncio
import base64
import logging
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from orharness.cassette import RecordedRequest, load
from orharness.errors import CassetteError
from orharness.recording import Recorder
from orharness.recording.exchange import RecordedExchange
from orharness.recording.secrets import Redaction
from orharness.recording.spool import Spool
from orharness.stream import Chunk
from tests.support.recording_bench import (
    AWKWARD,
    BODILESS,
    KEY,
    PATIENCE,
    Wire,
    asking,
    awkward,
    bodiless,
    chunks_of,
    contents,
    no_secrets_in,
    recording,
    recording_process,
    serving,
    started,
    streaming,
    until,
    until_written,
)


@pytest.mark.asyncio
async def test_what_goes_on_when_the_recorder_stops_is_kept(to: Path) -> None:
    left: list[float] = []
    async with (
        recording(to, streaming(left, b"data: a\n\n")) as bench,
        asyncio.timeout(PATIENCE),
        asking(bench.base_url) as client,
    ):
        await client.head()
        await client.chunk()
        await bench.recorder.__aexit__()
        assert await client.rest() == b""

    assert left
    (found,) = load(to)
    assert chunks_of(found) == [b"data: a\n\n"]
    assert found.ending_recorded == "abort"
    assert found.note == "the recorder was stopped in the middle of it"


@pytest.mark.slow
@pytest.mark.asyncio
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_well(to: Path, number: signal.Signals) -> None:
    left: list[float] = []
    async with (
        serving(streaming(left, b"data: a\n\n")) as upstream,
        recording_process(upstream.url, to) as (process, base_url),
        asking(base_url) as client,
    ):
        await client.head()
        await client.chunk()
        process.send_signal(number)
        said, complained = await process.communicate()
        assert (process.returncode, said) == (0, b"")
        assert b"Traceback" not in complained

    assert [found.ending_recorded for found in load(to)] == ["abort"]
    assert [path.name for path in to.parent.iterdir()] == ["a.yaml"]


@pytest.mark.slow
@pytest.mark.asyncio
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_responses_without_a_body_are_kept_however_many_and_a_signal_still_ends_it(
    to: Path, number: signal.Signals
) -> None:
    """In a process of its own: a recorder that spins would also stop a test in the same event loop."""
    asked = [name.split() for name in BODILESS for _ in range(3)]
    async with serving(bodiless) as upstream, recording_process(upstream.url, to) as (process, base_url):
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            for method, status in asked:
                answer = await client.request(method, f"{base_url}/{status}")
                assert (answer.status_code, answer.content) == (int(status), b"")
        process.send_signal(number)
        await process.communicate()
        assert process.returncode == 0

    found = load(to)
    assert [(one.request.method, str(one.status)) for one in found] == [tuple(one) for one in asked]
    assert {(one.stream.body, one.ending_recorded) for one in found} == {(b"", "eof")}


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_kill_loses_nothing(to: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with (
        serving(awkward, streaming([], b"data: a", b"\n\ndata: b\n\n")) as upstream,
        recording_process(upstream.url, to) as (process, base_url),
    ):
        spool = to.with_name("a.yaml.recording")
        async with asking(base_url) as client:
            await client.rest()
        await until(lambda: to.exists() and not contents(spool))
        async with asking(base_url, "/y", f"Authorization: Bearer {KEY}", body=b"\xff") as client:
            await client.head()
            await client.chunk()
            await client.chunk()
            await until_written(spool, chunks=2)
            process.send_signal(signal.SIGKILL)
            await process.wait()
    no_secrets_in(to.parent)
    assert [chunks_of(found) for found in load(to)] == [AWKWARD]

    with caplog.at_level(logging.WARNING):
        async with Recorder("http://127.0.0.1:1/v1", to, overwrite=True):
            assert contents(spool) == b""

    (found,) = load(to.with_name("a.recovered.yaml"))
    assert chunks_of(found) == [b"data: a", b"\n\ndata: b\n\n"]
    assert found.request.uri.endswith("/v1/y")
    assert found.request.body == b"\xff"
    assert found.ending_recorded == "abort"
    assert found.note == "the recorder was killed in the middle of it, or could not write the rest"
    assert "a.recovered.yaml: recovered 1 response of a recorder that was killed" in caplog.text
    assert sorted(path.name for path in to.parent.iterdir()) == ["a.recovered.yaml", "a.yaml"]
    assert [chunks_of(found) for found in load(to)] == [AWKWARD]


def an_exchange(order: int) -> RecordedExchange:
    return RecordedExchange(order, RecordedRequest("GET", f"http://a/{order}"), "2026-11-22T06:00:00Z", status=200)


def test_the_spool_forgets_what_is_saved_and_knows_the_order_of_the_requests(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    for order in (2, 1, 0):
        spool.begin(an_exchange(order))
    spool.chunk(an_exchange(2), Chunk(b"data: a\n\n", 0.5))
    ended = an_exchange(2)
    ended.ending = "reset"
    spool.end(ended)
    spool.saved(an_exchange(1))

    first, last = spool.recover()
    assert (first.request.uri, first.ending_recorded) == ("http://a/0", "abort")
    assert (last.request.uri, last.ending_recorded, last.note) == ("http://a/2", "reset", None)
    assert last.stream.chunks == (Chunk(b"data: a\n\n", 0.5),)
    spool.clear()
    assert spool.recover() == []
    spool.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [1, 5, 9, 40])
def test_a_secret_that_is_cut_is_neither_in_the_spool_nor_recovered(tmp_path: Path, size: int) -> None:
    body = f"data: s {KEY}{KEY} and {KEY[:-1]} sk\n\ndata: {KEY}\n\n".encode()
    spool = Spool(tmp_path / "spool")
    exchange = an_exchange(0)
    exchange.redaction = Redaction((KEY, KEY + "-and-longer"))
    spool.begin(exchange)
    chunks = [Chunk(body[at : at + size], 0.5) for at in range(0, len(body), size)]
    for chunk in chunks:
        spool.chunk(exchange, chunk)
        (found,) = spool.recover()
        written = b"".join(
            base64.b64decode(one) for one in re.findall(rb'"(?:data|more)": "([^"]*)"', contents(spool.path))
        )
        assert KEY.encode() not in found.stream.body + written
        assert all(one.data for one in found.stream.chunks)
    spool.end(exchange)

    (found,) = spool.recover()
    assert found.stream.body == body.replace(KEY.encode(), b"REDACTED")
    assert sum(one.delay for one in found.stream.chunks) == pytest.approx(0.5 * len(chunks))
    if size == 40:
        assert len(found.stream.chunks) == len(chunks)
    spool.close()


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_line_that_was_half_written_is_no_loss_of_the_others(to: Path) -> None:
    async with (
        serving(streaming([], b"data: a\n\n")) as upstream,
        recording_process(upstream.url, to) as (process, base_url),
        asking(base_url) as client,
    ):
        await client.head()
        await client.chunk()
        await until_written(to.parent / "a.yaml.recording", chunks=1)
        process.kill()
        await process.wait()
    with to.with_name("a.yaml.recording").open("ab") as spool:
        spool.write(b'{"order": 0, "delay": 0.1, "da')

    await started("http://127.0.0.1:1/v1", to)
    assert [found.stream.body for found in load(to)] == [b"data: a\n\n"]
    with pytest.raises(CassetteError, match="this cassette exists"):  # there is nothing left to recover
        await started("http://127.0.0.1:1/v1", to)


BOTH = b"data: a\n\ndata: c\n\n"


TWO_RESTS = "the rest of GET http://a/0, the rest of GET http://a/1 is lost"


def a_spool(path: Path) -> Spool:
    """Two exchanges that take turns, and a third that is in the cassette. Lines 1 to 9."""
    spool, (first, second, third) = Spool(path), map(an_exchange, range(3))
    spool.begin(first)
    spool.begin(second)
    spool.chunk(first, Chunk(b"data: a\n\n", 0.5))
    spool.chunk(second, Chunk(b"data: b\n\n", 0.5))
    spool.begin(third)
    spool.chunk(first, Chunk(b"data: c\n\n", 0.5))
    spool.saved(third)
    first.ending = second.ending = "eof"
    spool.end(first)
    spool.end(second)
    return spool


@pytest.mark.parametrize(
    ("number", "damaged", "found", "said"),
    [
        (3, lambda line: line[:20], {0: b"", 1: b"data: b\n\n"}, "the rest of GET http://a/0 is lost"),
        (6, lambda line: line[:20], {0: b"data: a\n\n", 1: b"data: b\n\n"}, "the rest of GET http://a/0 is lost"),
        (8, lambda line: line[:-9], {0: BOTH, 1: b"data: b\n\n"}, "the rest of GET http://a/0 is lost"),
        (1, lambda line: line[:-9], {1: b"data: b\n\n"}, "a whole response is lost"),
        (1, lambda line: b"\0", {1: b"data: b\n\n"}, "nothing is known to be lost; line 3 .* a whole response is lost"),
        (4, lambda line: line[5:], {0: b"data: a\n\n", 1: b""}, TWO_RESTS),
        (4, lambda line: b"", {0: b"data: a\n\n", 1: b""}, TWO_RESTS),
        (5, lambda line: line[:20], {0: BOTH, 1: b"data: b\n\n"}, "nothing is known to be lost"),
        (7, lambda line: line[:12], {0: BOTH, 1: b"data: b\n\n", 2: b""}, "the rest of GET http://a/2 is lost"),
    ],
)
def test_a_damaged_line_of_the_spool_ends_its_response_and_is_reported(
    tmp_path: Path, number: int, damaged: Callable[[bytes], bytes], found: dict[int, bytes], said: str
) -> None:
    """What is recovered is always the beginning of what came: no response with a hole in its middle."""
    spool = a_spool(tmp_path / "spool")
    lines = contents(spool.path).split(b"\n")
    lines[number - 1] = damaged(lines[number - 1])
    spool.path.write_bytes(b"\n".join(lines))

    recovered = spool.recover()
    assert {int(one.request.uri[-1]): one.stream.body for one in recovered} == found
    assert re.fullmatch(f"line {number} is damaged: {said}", spool.damage or "")
    cut = {int(one.request.uri[-1]) for one in recovered if one.ending_recorded == "abort"}
    assert cut == {int(order) for order in re.findall(r"the rest of GET http://a/(\d)", said)}
    for one in recovered:
        expected = f"line {number} of the recorder's spool is damaged: what followed is lost"
        assert one.note == (expected if one.ending_recorded == "abort" else None)
    spool.close()


@pytest.mark.parametrize("lost", [b"\0", b"\xff"])
def test_a_damage_that_spans_several_lines_ends_all_their_responses(tmp_path: Path, lost: bytes) -> None:
    """As of a block of the disk. It begins in a line of the first exchange, and the second one's next line is in it."""
    spool = a_spool(tmp_path / "spool")
    data = contents(spool.path)
    lines = data.split(b"\n")
    start = len(b"\n".join(lines[:2])) + 20
    end = len(b"\n".join(lines[:4])) - 5
    spool.path.write_bytes(data[:start] + lost * (end - start) + data[end:])

    recovered = spool.recover()
    assert [(one.stream.body, one.ending_recorded) for one in recovered] == [(b"", "abort"), (b"", "abort")]
    assert spool.damage == f"line 3 is damaged: {TWO_RESTS}"
    spool.close()


def test_zeros_at_the_end_of_the_spool_are_damage(tmp_path: Path) -> None:
    """Where the machine lost power, the file may have its size and not its last bytes."""
    spool = a_spool(tmp_path / "spool")
    data = contents(spool.path)
    size = len(b"\n".join(data.split(b"\n")[:5])) + 30
    spool.path.write_bytes(data[:size] + bytes(len(data) - size))

    recovered = spool.recover()
    assert [(one.stream.body, one.ending_recorded) for one in recovered] == [
        (b"data: a\n\n", "abort"),
        (b"data: b\n\n", "abort"),
        (b"", "abort"),
    ]
    assert spool.damage is not None
    assert spool.damage.startswith("line 6 is damaged: the rest of")
    spool.close()


def test_a_chunk_that_is_no_base64_is_damage(tmp_path: Path) -> None:
    spool = a_spool(tmp_path / "spool")
    lines = contents(spool.path).split(b"\n")
    lines[2] = lines[2].replace(b'"data": "ZG', b'"data": "Z*G')
    spool.path.write_bytes(b"\n".join(lines))

    assert spool.recover()[0].stream.body == b""
    assert spool.damage == "line 3 is damaged: the rest of GET http://a/0 is lost"
    spool.close()


@pytest.mark.slow
def test_a_spool_that_ends_within_a_line_is_not_damaged(tmp_path: Path) -> None:
    spool = a_spool(tmp_path / "spool")
    whole = contents(spool.path)
    for size in range(len(whole)):
        spool.path.write_bytes(whole[:size])
        spool.recover()
        assert spool.damage is None
    assert [one.ending_recorded for one in spool.recover()] == ["eof", "eof"]  # only the last line end is missing
    spool.close()


@pytest.mark.asyncio
async def test_a_damaged_spool_is_reported_and_kept(to: Path, caplog: pytest.LogCaptureFixture) -> None:
    to.parent.mkdir(exist_ok=True)
    spool = a_spool(to.with_name("a.yaml.recording"))
    spool.close(keep=True)
    lines = contents(spool.path).split(b"\n")
    lines[2] = lines[2][:-9]
    spool.path.write_bytes(b"\n".join(lines))

    await started("http://127.0.0.1:1/v1", to)
    unsaved = to.with_name("a.yaml.recording.unsaved")
    assert contents(unsaved) == b"\n".join(lines)
    assert f"{unsaved}: keeps what an earlier recorder had: line 3 is damaged: the rest of" in caplog.text
    assert len(load(to)) == 2


@pytest.mark.asyncio
async def test_a_reason_that_is_no_utf8_is_kept_as_latin1(to: Path) -> None:
    async def oddly(wire: Wire) -> None:
        wire.raw(b"HTTP/1.1 200 Tr\xe8s bien\r\nTransfer-Encoding: chunked\r\n\r\n")
        wire.chunks(b"data: a\n\n")
        wire.last_chunk()

    async with recording(to, oddly) as bench, asking(bench.base_url) as client:
        await client.rest()
    assert [found.reason for found in load(to)] == ["Très bien"]


@pytest.mark.asyncio
async def test_an_exchange_that_cannot_be_saved_stops_neither_the_others_nor_the_recorder(
    to: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a.yaml.recording.unsaved", "a.yaml.recording.unsaved-2"):
        to.parent.mkdir(exist_ok=True)
        spool = Spool(to.with_name("a.yaml.recording"))
        for order, uri in enumerate(("http://a/\udcff", "http://a/b")):
            exchange = an_exchange(order)
            exchange.request = RecordedRequest("GET", uri)
            spool.begin(exchange)
        damaged = b'{"order": 7, "request": 3, "response": 4}\n{"order": 1, "ending": "odd", "note": null}\n'
        spool.close(keep=True)
        with spool.path.open("ab") as file:
            file.write(damaged if name[-1] == "2" else b"[]\n")
        held = contents(spool.path)

        caplog.clear()
        await started("http://127.0.0.1:1/v1", to, overwrite=True)
        assert contents(to.with_name(name)) == held
        assert f"{name}: keeps what an earlier recorder had: " in caplog.text
        assert caplog.text.encode()  # the address is not UTF-8, but what is said of it is
        assert "Traceback" not in caplog.text

    assert [found.request.uri for found in load(to.with_name("a.recovered.yaml"))] == ["http://a/b"]


async def recorded_into_a_folder(to: Path) -> None:
    async with recording(to, awkward) as bench, asking(bench.base_url) as client:
        in_place_of_the_file(to)
        await client.rest()


def in_place_of_the_file(to: Path) -> None:
    to.mkdir()


@pytest.mark.asyncio
async def test_what_cannot_be_saved_stays_in_the_spool(to: Path) -> None:
    with pytest.raises(CassetteError, match=r"the file cannot be written: .*a\.yaml\.recording keeps what is not"):
        await recorded_into_a_folder(to)

    other = Path(shutil.move(to.with_name("a.yaml.recording"), to.with_name("b.yaml.recording"))).with_suffix("")
    await started("http://127.0.0.1:1/v1", other)
    (found,) = load(other)
    assert chunks_of(found) == AWKWARD
    assert (found.ending_recorded, found.note) == ("eof", None)


@pytest.mark.asyncio
async def test_an_old_client(to: Path) -> None:
    async with recording(to, awkward) as bench:
        port = int(bench.base_url.split(":")[2].partition("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /v1/models HTTP/1.0\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()

    assert answer.partition(b"\r\n\r\n")[2] == b"".join(AWKWARD)
    assert chunks_of(load(to)[0]) == AWKWARD


@pytest.mark.asyncio
async def test_a_client_that_waits_to_be_asked_for_the_body(to: Path) -> None:
    async with recording(to, awkward) as bench:
        port = int(bench.base_url.split(":")[2].partition("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(PATIENCE):
            writer.write(b"POST /v1/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n")
            writer.write(b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"{}")
            assert (await reader.read()).endswith(b"0\r\n\r\n")
        writer.close()
        await writer.wait_closed()
        assert bench.upstream.requests[0].header("Expect") is None

    assert load(to)[0].request.body == b"{}"
