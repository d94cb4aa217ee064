"""Real input: what a real model sends, through our recorder; and the cassettes that were recorded so."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.model_behind_recorder import WITHIN, stop_a_model
from orharness.cassette import CLIENT_DISCONNECTED, Interaction, load
from orharness.dialects import Asked
from orharness.dialects.chat import write as chat
from orharness.dialects.completion import Completion
from orharness.gateways import LLAMA_CPP
from orharness.recording import Recorder
from orharness.server.facade import SseServer
from orharness.sse import Comment, Event, decode
from orharness.stream import Ending, Framing
from tests.support import real_model
from tests.support.places import ROOT
from tests.support.recording_bench import asking, chunks_of, dechunked, until

CASSETTES = ROOT / "cassettes"
QUESTION = {"role": "user", "content": "Repeat exactly: Grüße, 世界"}


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """The model's own address."""
    reason = real_model.missing()
    if reason and os.environ.get("ORHARNESS_REAL_MODEL"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    with real_model.serving() as address:
        yield address


def asked(**more: object) -> bytes:
    """The body of a request that the model answers the same way each time."""
    return json.dumps({"messages": [QUESTION], "stream": True, "temperature": 0, "seed": 1, **more}).encode()


def text_of(interaction: Interaction) -> str:
    items = decode(interaction.stream.body)
    events = [json.loads(item.data) for item in items if isinstance(item, Event) and item.data != "[DONE]"]
    return "".join(event["choices"][0]["delta"].get("content") or "" for event in events if event["choices"])


@pytest.mark.slow
@pytest.mark.asyncio
async def test_the_recording_is_what_the_client_received(origin: str, tmp_path: Path) -> None:
    async with (
        Recorder(f"{origin}/v1", tmp_path / "a.yaml") as recorder,
        asking(recorder.base_url, body=asked(max_tokens=24)) as client,
    ):
        await client.head()
        received, left = dechunked(await client.rest())

    (found,) = load(tmp_path / "a.yaml")
    assert (received, left) == ([*chunks_of(found), b"END"], b"")
    assert len(received) > 5
    assert "Grüße, 世界" in text_of(found)
    assert found.stream.body.endswith(b"data: [DONE]\n\n")
    assert (found.ending_recorded, found.stream.framing) == ("eof", Framing.CHUNKED)
    assert found.stream.duration > 0


@pytest.mark.asyncio
async def test_a_cancel_through_the_recorder_stops_the_model(origin: str, tmp_path: Path) -> None:
    before = real_model.tokens_made(origin)
    async with Recorder(f"{origin}/v1", tmp_path / "a.yaml") as recorder:
        async with asking(recorder.base_url, body=asked(max_tokens=800, ignore_eos=True)) as client:
            await client.head()
            for _ in range(5):
                await client.chunk()
            assert await asyncio.to_thread(real_model.is_generating, origin)
        await until(lambda: not real_model.is_generating(origin))

    (found,) = load(tmp_path / "a.yaml")
    assert found.ending_recorded == CLIENT_DISCONNECTED
    assert len(found.stream.chunks) >= 5
    assert real_model.tokens_made(origin) - before < 400


@pytest.mark.slow
@pytest.mark.asyncio
async def test_it_stops_within_the_stated_time(origin: str, tmp_path: Path) -> None:
    async with Recorder(f"{origin}/v1", tmp_path / "a.yaml") as recorder:
        stopped = await stop_a_model(origin, recorder.base_url)
    assert stopped.seconds < WITHIN
    assert stopped.leaked < 400  # of 800


@pytest.mark.asyncio
async def test_an_answer_without_a_stream_and_the_list_of_models(origin: str, tmp_path: Path) -> None:
    async with Recorder(f"{origin}/v1", tmp_path / "a.yaml") as recorder:
        async with asking(recorder.base_url, body=asked(max_tokens=4, stream=False)) as client:
            await client.head()
            received = json.loads(await client.rest())
        models = await get(recorder.base_url, "/v1/models")

    answer, listed = load(tmp_path / "a.yaml")
    assert json.loads(answer.stream.body) == received
    assert received["usage"]["completion_tokens"] == 4
    assert (listed.request.method, listed.stream.body) == ("GET", models)
    assert answer.stream.framing is listed.stream.framing is Framing.LENGTH


@pytest.mark.slow
@pytest.mark.asyncio
async def test_the_gateway_of_its_name_sends_what_it_sends(origin: str, tmp_path: Path) -> None:
    async with Recorder(f"{origin}/v1", tmp_path / "a.yaml") as recorder:
        with_usage = asked(max_tokens=4, stream_options={"include_usage": True})
        for body in (with_usage, json.dumps({"stream": True}).encode()):
            async with asking(recorder.base_url, body=body) as client:
                await client.head()
                await client.rest()
    streamed, refused = load(tmp_path / "a.yaml")
    theirs = [
        json.loads(one.data) for one in decode(streamed.stream.body) if isinstance(one, Event) and "{" in one.data
    ]
    events = chat.write(Completion.of("Hello"), LLAMA_CPP, Asked(wants_usage=True)).events
    ours = [json.loads(one.data) for one in events if "{" in one.data]

    def counted(chunks: list[dict[str, Any]]) -> list[tuple[int, bool]]:
        return [(len(one["choices"]), bool(one["usage"])) for one in chunks if "usage" in one]

    assert counted(ours) == counted(theirs) == [(0, True)]
    assert {name for one in ours for name in one} <= {name for one in theirs for name in one}
    assert [one["choices"][0]["finish_reason"] is None for one in ours[-3:-1]] == [True, False]
    assert [one["choices"][0]["finish_reason"] is None for one in theirs[-3:-1]] == [True, False]
    error = json.loads(refused.stream.body)["error"]
    assert list(chat.error_document(LLAMA_CPP, 400, error["message"])["error"].items()) == list(error.items())


async def get(base_url: str, path: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(base_url.split(":")[2].partition("/")[0]))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.partition(b"\r\n\r\n")[2]


# The cassettes that come with the project


def shipped(name: str) -> Interaction:
    (found,) = load(CASSETTES / f"{name}.yaml")
    return found


@pytest.mark.parametrize("name", ["non-ascii", "usage", "keep-alive", "cancelled"])
def test_a_shipped_cassette_is_timed_and_tells_nothing_of_where_it_was_made(name: str) -> None:
    text = (CASSETTES / f"{name}.yaml").read_text("utf-8")
    found = shipped(name)

    assert found.timed
    assert found.stream.framing is Framing.CHUNKED
    assert 0 < found.stream.duration < 6
    assert found.request.uri == "http://127.0.0.1:8080/v1/chat/completions"
    assert f'"model":"{real_model.MODEL}"' in found.stream.body.decode()
    assert "      string: |+\n" in text  # it reads as it was sent
    assert not re.search(r"/home|/root|/tmp|/work|\.gguf|site-packages|authorization", text, re.I)


def test_non_ascii() -> None:
    found = shipped("non-ascii")

    assert "Grüße, 世界" in text_of(found)
    assert any(not chunk.isascii() for chunk in chunks_of(found))
    assert found.ending_recorded == "eof"


def test_usage() -> None:
    last = decode(shipped("usage").stream.body)[-2]

    assert isinstance(last, Event)
    assert json.loads(last.data)["choices"] == []
    assert json.loads(last.data)["usage"]["completion_tokens"] == 6


def test_keep_alive() -> None:
    found = shipped("keep-alive")
    items = decode(found.stream.body)
    comments = [item for item in items if isinstance(item, Comment)]

    assert items[: len(comments)] == comments == [Comment("")] * len(comments)
    assert len(comments) >= 2
    assert chunks_of(found)[: len(comments)] == [b":\n\n"] * len(comments)
    assert all(chunk.delay > 0.9 for chunk in found.stream.chunks[: len(comments)])


def test_cancelled() -> None:
    found = shipped("cancelled")

    assert found.ending_recorded == CLIENT_DISCONNECTED
    assert found.stream.ending is Ending.ABORT
    assert b"[DONE]" not in found.stream.body


async def recorded_again(found: Interaction, server: SseServer, to: Path) -> Interaction:
    async with Recorder(server.base_url, to) as recorder, asking(recorder.base_url, body=found.request.body) as client:
        await client.rest()
    (again,) = load(to)
    return again


@pytest.mark.slow
@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["non-ascii", "usage", "keep-alive", "cancelled"])
async def test_a_replay_that_is_recorded_again_is_the_recording(
    name: str, sse_server: SseServer, tmp_path: Path
) -> None:
    """A busy machine may be late once or twice; a replay that does not keep the times is late each time."""
    found = shipped(name)
    times = [chunk.delay for chunk in found.stream.chunks]
    for attempt in range(3):
        sse_server.cassette(CASSETTES / f"{name}.yaml", pacing="recorded")  # it plays each interaction once
        again = await recorded_again(found, sse_server, tmp_path / f"{attempt}.yaml")
        assert chunks_of(again) == chunks_of(found)
        assert (again.status, again.stream.framing) == (found.status, found.stream.framing)
        assert again.stream.ending is found.stream.ending
        seen = [chunk.delay for chunk in again.stream.chunks]
        if [*seen, sum(seen)] == pytest.approx([*times, sum(times)], abs=0.1):
            return
    assert [*seen, sum(seen)] == pytest.approx([*times, sum(times)], abs=0.1)
