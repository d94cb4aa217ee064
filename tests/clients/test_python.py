"""The harness used in anger: SDKs and HTTP libraries that nobody here wrote, read, stopped and judged."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import aiohttp
import httpx
import pytest
import requests

from orharness.contract import CASES, Client, run
from orharness.journal import Outcome
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from orharness.transforms import after_text, comments, hold, per_byte, split_at
from orharness.verdict import Result
from tests.support.correct_clients import Answer, check
from tests.support.documented_clients import cancelling_thread, reading_loop
from tests.support.sdks import openai
from tests.support.selections import OF_THE_GATEWAY

TEXT = "Grüße, 世界"
MESSAGES: Any = [{"role": "user", "content": "hi"}]
BODY = {"model": "m", "messages": MESSAGES, "stream": True}
KEY = {"Authorization": "Bearer x"}
KEEP_ALIVE = ": ONEROUTER PROCESSING"


# Each client as its manual has it, closed by `with`.


def openai_sync(base_url: str) -> Iterator[str]:
    with (
        openai.OpenAI(base_url=base_url, api_key="x", max_retries=0) as client,
        client.chat.completions.create(model="m", messages=MESSAGES, stream=True) as stream,
    ):
        for chunk in stream:
            for choice in chunk.choices:
                if choice.delta.content:
                    yield choice.delta.content


async def openai_async(base_url: str) -> AsyncIterator[str]:
    async with (
        openai.AsyncOpenAI(base_url=base_url, api_key="x", max_retries=0) as client,
        await client.chat.completions.create(model="m", messages=MESSAGES, stream=True) as stream,
    ):
        async for chunk in stream:
            for choice in chunk.choices:
                if choice.delta.content:
                    yield choice.delta.content


def httpx_sync(base_url: str) -> Iterator[str]:
    answer = Answer()
    with httpx.stream("POST", f"{base_url}/chat/completions", json=BODY, headers=KEY, timeout=60) as response:
        check(response.status_code, response.headers.get("Content-Type"), response.read)
        for data in response.iter_bytes():
            yield from answer.feed(data)
            if answer.done:
                return
    answer.end()


def requests_sync(base_url: str) -> Iterator[str]:
    answer = Answer()
    with requests.post(f"{base_url}/chat/completions", json=BODY, headers=KEY, stream=True, timeout=60) as response:
        check(response.status_code, response.headers.get("Content-Type"), lambda: response.content)
        # iter_content(chunk_size=None) would wait for the end of a body that is not chunked.
        while data := response.raw.read1(65536, decode_content=True):
            yield from answer.feed(data)
            if answer.done:
                return
    answer.end()


async def aiohttp_async(base_url: str) -> AsyncIterator[str]:
    answer = Answer()
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{base_url}/chat/completions", json=BODY, headers=KEY) as response,
    ):
        check(response.status, response.headers.get("Content-Type"), lambda: b"")
        async for data in response.content.iter_any():
            for text in answer.feed(data):
                yield text
            if answer.done:
                return
    answer.end()


CLIENTS: dict[str, Client] = {
    client.__name__: client for client in (openai_sync, openai_async, httpx_sync, requests_sync, aiohttp_async)
}
each_client = pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)


@pytest.fixture
def server(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread) as server:
        yield server


def _read(client: Client, base_url: str) -> str:
    result = client(base_url)
    if hasattr(result, "__aiter__"):

        async def read() -> str:
            return "".join([piece async for piece in result])

        return asyncio.run(read())
    return "".join(result)


@pytest.mark.slow
@each_client
def test_it_reads_every_byte_alone_with_comments_in_between(server: SseServer, client: Client) -> None:
    reply = server.chat(TEXT, through=[per_byte(), comments(KEEP_ALIVE, every=2, before=3)])
    assert _read(client, server.base_url) == TEXT
    assert reply.call.finished
    exchange = reply.call.exchange
    assert exchange.chunks_written == exchange.stream_size
    assert exchange.boundaries.assumed <= 1  # whoever leaves at [DONE] leaves before the last one could be proven


@each_client
def test_it_finishes_in_every_pacing(sse_thread: ServerThread, client: Client) -> None:
    for pacing in ("lockstep", "recorded", "instant"):
        with SseServer(sse_thread, pacing=pacing) as server:
            reply = server.chat(TEXT)
            assert _read(client, server.base_url) == TEXT
            assert reply.call.wait_ended(20).finished, pacing


@pytest.mark.long
@pytest.mark.slow
@each_client
def test_a_correct_client_passes_what_gateways_send(sse_thread: ServerThread, client: Client) -> None:
    verdicts = run(client, only=OF_THE_GATEWAY, thread=sse_thread)  # all of it: tests/contract/test_real_clients.py
    failed = {verdict.case for verdict in verdicts if verdict.counts}
    assert failed == (OF_THE_SDK if client in (openai_sync, openai_async) else set())
    # Only a cancel inside a read is out of a synchronous iterator's reach, and these clients yield text alone.
    silent = {case.id for case in CASES if case.family == "parts"}
    missing = [verdict.case for verdict in verdicts if verdict.result is Result.NOT_APPLICABLE]
    not_applicable = [one for one in missing if one not in silent]
    inside = [case.id for case in CASES if case.cancel is not None and case.cancel.inside_read]
    assert not_applicable in ([], inside)


# What the openai SDK itself does, whatever its user writes: it looks neither at the content type nor at how a stream
# ends, so that a body without an event is an empty answer to it, and half an answer a whole one. A block without data
# is JSON to it.
OF_THE_SDK = {
    "framing/retry-alone",
    "framing/comment-after-an-id",
    "errors/json-error-with-200",
    "errors/json-error-with-200-openrouter",
    "errors/json-answer",
    "errors/html-with-200",
    "errors/text-with-200",
    "errors/empty-with-200",
    "errors/comments-with-200",
    "errors/truncated-between-events",
    "errors/truncated-inside-an-event",
    "errors/truncated-after-a-comment",
    "errors/truncated-close-delimited",
    "errors/truncated-content-length",
    "errors/truncated-after-the-role",
}


# --- the documented loops ---------------------------------------------------------------------------------------------


def _failed(client: Client, thread: ServerThread, *only: str) -> dict[str, str]:
    verdicts = run(client, only=only, thread=thread, patience=0.5)
    return {one.case: one.evidence.reason for one in verdicts if one.result is Result.FAIL and one.evidence}


@pytest.mark.slow
def test_what_is_wrong_with_the_documented_reading_loop(sse_thread: ServerThread) -> None:
    wrong = ["boundaries/one-event-a-chunk", "framing/no-space-after-colon", "chat/usage-without-choices"]
    deaf = ["done/connection-left-open", "done/event-after"]
    right = ["done/clean-end", "done/inside-content", "cancellation"]
    failed = _failed(reading_loop, sse_thread, *wrong, *deaf, *right)
    assert "read as Latin-1" in failed["boundaries/one-event-a-chunk"]
    assert "data: ` with a space" in failed["framing/no-space-after-colon"]
    assert "first of an empty list" in failed["chat/usage-without-choices"]
    assert "[DONE] is not obeyed" in failed["done/connection-left-open"]
    assert "goes on after [DONE]" in failed["done/event-after"]
    # What it does right: it ends with the response, and its `with` closes the connection.
    assert set(failed) == {*wrong, *deaf}


@pytest.mark.slow
def test_what_is_wrong_with_the_documented_cancelling_thread(sse_thread: ServerThread) -> None:
    failed = _failed(cancelling_thread, sse_thread, "cancellation")
    assert "it waits for bytes that do not come" in failed["cancellation/while-silent"]
    # While events come, the next one wakes it: that is why nobody noticed.
    assert "cancellation/between-events" not in failed


def openai_left_open(base_url: str) -> Iterator[str]:
    """As its manual begins: without ``with``."""
    client = openai.OpenAI(base_url=base_url, api_key="x", max_retries=0)
    for chunk in client.chat.completions.create(model="m", messages=MESSAGES, stream=True):
        for choice in chunk.choices:
            yield choice.delta.content or ""


async def openai_async_left_open(base_url: str) -> AsyncIterator[str]:
    client = openai.AsyncOpenAI(base_url=base_url, api_key="x", max_retries=0)
    async for chunk in await client.chat.completions.create(model="m", messages=MESSAGES, stream=True):
        for choice in chunk.choices:
            yield choice.delta.content or ""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # what is closed by nobody complains when it is collected
@pytest.mark.parametrize("client", [openai_left_open, openai_async_left_open])
def test_a_response_that_is_closed_by_nobody_is_found(client: Client, sse_thread: ServerThread) -> None:
    failed = _failed(client, sse_thread, "cancellation/between-events")
    gc.collect()  # here, and not in the middle of another test
    assert "closing the client does not close its connection" in failed["cancellation/between-events"]


# --- leaving, as each library's users do it ---------------------------------------------------------------------------


def test_break_leaks_until_the_garbage_collector_comes(server: SseServer) -> None:
    reply = server.chat(tokens=500)
    with openai.OpenAI(**server.openai, max_retries=0) as client:
        stream = client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
        for _ in stream:
            break
        with pytest.raises(AssertionError, match="did not leave within"), reply.expect_disconnect(within=0.05):
            pass
        with pytest.raises(AssertionError, match="the client has not left: the model goes on"):
            reply.call.assert_upstream_stopped()
        with reply.expect_disconnect(within=20):
            stream.close()
    reply.call.assert_upstream_stopped()


def test_cancelling_a_task_inside_a_read_stops_the_upstream(server: SseServer) -> None:
    reply = server.chat(tokens=500, through=[hold(after=3)])

    async def main() -> None:
        task = asyncio.ensure_future(_consume(openai_async(server.base_url)))
        while not (reply.calls and reply.call.exchange.held_at):  # noqa: ASYNC110 - seen by the server's thread
            await asyncio.sleep(0.001)
        async with reply.expect_disconnect(within=20):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    reply.call.assert_upstream_stopped()
    assert reply.call.outcome is Outcome.CANCELLED
    assert reply.call.exchange.chunks_written == 3


async def _consume(pieces: AsyncIterator[str]) -> None:
    async for _ in pieces:
        pass


def test_finished_inside_an_event_loop_needs_no_turn_of_it(server: SseServer) -> None:
    reply = server.chat(TEXT)

    async def main() -> bool:
        async with openai.AsyncOpenAI(**server.openai, max_retries=0) as client:
            stream = await client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
            async for _ in stream:
                pass
            return reply.call.finished

    assert asyncio.run(main())


@pytest.mark.parametrize("make", [openai_sync, httpx_sync, requests_sync])
def test_a_generator_closed_between_reads_stops_the_upstream(
    server: SseServer, make: Callable[[str], Iterator[str]]
) -> None:
    reply = server.chat(tokens=500, through=[hold(after=4)])
    pieces = make(server.base_url)
    next(pieces)
    with reply.expect_disconnect(within=20):
        pieces.close()  # type: ignore[attr-defined]
    reply.call.assert_upstream_stopped()


def test_the_sdk_sees_errors_before_and_inside_the_stream(server: SseServer) -> None:
    server.post("/chat/completions", when={"model": "limited"}).respond(
        429, json={"error": {"code": 429, "message": "slow down"}}, headers={"Retry-After": "7"}
    )
    with openai.OpenAI(**server.openai, max_retries=0) as client:
        with pytest.raises(openai.RateLimitError) as raised:
            client.chat.completions.create(model="limited", messages=MESSAGES, stream=True)
        assert raised.value.response.headers["Retry-After"] == "7"


def test_a_cut_character_is_what_the_client_really_gets(server: SseServer) -> None:
    server.chat("ü", through=[split_at(lambda stream: after_text("ü")(stream) - 1)])
    seen = []
    with httpx.stream("POST", f"{server.base_url}/chat/completions", json=BODY) as response:
        seen = list(response.iter_raw())
    assert any(piece.endswith(b"\xc3") for piece in seen)
    assert any(piece.startswith(b"\xbc") for piece in seen)
