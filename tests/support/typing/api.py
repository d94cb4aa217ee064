"""What type checkers must take, and what they must refuse: never run, only checked (``test_typing.py``).

Each line with ``# wrong`` is an error to mypy and to pyright; no other line is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import orharness
from orharness import (
    Chunk,
    Comment,
    Ending,
    Event,
    Failure,
    Framing,
    How,
    MakeSseProcess,
    MakeSseServer,
    Outcome,
    Pacing,
    Provider,
    RelayClient,
    Reply,
    Request,
    SseContract,
    SseProcess,
    SseRelayClient,
    SseServer,
    Stream,
    ToolCall,
    Usage,
    boundary,
    comments,
    hold,
    jitter,
    pace,
    per_byte,
    rechunk,
    split_at,
    stall,
    truncate,
)


def asked_well(request: Request) -> bool:
    return request.header("x") is not None


def chat(sse_server: SseServer) -> None:
    sse_server.chat("hi")
    sse_server.chat(["h", "i"], when={"model": "a/b"}, through=[per_byte(), comments(": x", every=2)])
    sse_server.chat(tokens=5, when=asked_well, provider="Groq", pace=0.01, price=0.0, gateway="openai")
    sse_server.chat("", provider=Provider("Mine", stops_on_cancel=True), tool_calls=[ToolCall("f", "{}")])
    sse_server.chat("hi", reasoning="hm", usage=Usage(1, 2), model="m", id="x", error=Failure(after=1), others=[["b"]])
    sse_server.chat("hi", ending="abort", framing=Framing.LENGTH, pacing=Pacing.INSTANT, headers={"A": "b"}, head=0.1)
    sse_server.answer("hi", finish_reason="length", delay=0.1, headers=[("A", "b")])
    sse_server.messages("hi", when={"turn": 1}, through=[per_byte()], gateway="anthropic", reasoning="hm")
    sse_server.responses(tokens=5, provider="Groq")

    sse_server.chat(5)  # wrong
    sse_server.messages(toekns=5)  # wrong
    sse_server.responses(5)  # wrong
    sse_server.chat(toekns=5)  # wrong
    sse_server.chat(tokens="5")  # wrong
    sse_server.chat("hi", provider=None)  # wrong
    sse_server.chat("hi", provider=5)  # wrong
    sse_server.chat("hi", gateway=5)  # wrong
    sse_server.chat("hi", through=5)  # wrong
    sse_server.chat("hi", through=per_byte())  # wrong
    sse_server.chat("hi", through=[per_byte])  # wrong
    sse_server.chat("hi", pacing=5)  # wrong
    sse_server.chat("hi", ending=False)  # wrong
    sse_server.chat("hi", head="1")  # wrong
    sse_server.chat("hi", price="1")  # wrong
    sse_server.chat("hi", when=5)  # wrong
    sse_server.chat("hi", tool_calls=["f"])  # wrong
    sse_server.chat("hi", usage=5)  # wrong
    sse_server.chat("hi", error="down")  # wrong
    sse_server.chat("hi", headers=5)  # wrong
    sse_server.answer(5)  # wrong
    sse_server.answer("hi", jsn={})  # wrong


def routes(sse_server: SseServer) -> None:
    route = sse_server.post("/v1/x", when={"turn": 2})
    route.chat("hi", tokens=None)
    route.answer("hi")
    route.stream("a", b"data: b\n\n", Event(data="c"), Comment(" d"), Chunk(b"e", 0.1), delay=0.1, status=201)
    route.stream(Stream(), provider=None, pace=0.1, dialect="chat", default_headers=False, encoding="gzip")
    route.respond()
    route.respond(429, json={"error": {}}, headers={"Retry-After": "1"}, head=0.1)
    route.respond(text="x")
    route.respond(body=b"x")
    route.replies(Reply.chat("a"), Reply.stream("b"), Reply.respond(500))
    route.cassette("a.yaml", through=[rechunk(7)], pacing="instant", provider="Groq", pace=0.0, price=1)
    sse_server.cassette(Path("a.yaml"))
    sse_server.get("/v1/x").respond(204)
    sse_server.route("PUT", "/v1/x").respond(204)
    route.chat(5)  # wrong
    route.chat(toekns=5)  # wrong
    route.answer("hi", toekns=5)  # wrong
    route.stream(5)  # wrong
    route.stream("a", paicng="instant")  # wrong
    route.stream("a", gateway="openai")  # wrong
    route.stream("a", status="200")  # wrong
    route.stream("a", default_headers="no")  # wrong
    route.respond(jsn={})  # wrong
    route.respond("200")  # wrong
    route.respond(200, {})  # wrong
    route.respond(text=b"x")  # wrong
    route.respond(body="x")  # wrong
    route.replies("a")  # wrong
    route.cassette("a.yaml", pacng="instant")  # wrong
    route.cassette(5)  # wrong
    sse_server.cassette("a.yaml", provder="Groq")  # wrong
    sse_server.post(5)  # wrong
    sse_server.post("/x", wen={})  # wrong
    Reply.chat(toekns=5)  # wrong
    Reply.completion("chat", "x", toekns=5)  # wrong
    Reply.stream("x", toekns=5)  # wrong
    Reply.respond(jsn={})  # wrong


async def handles(sse_server: SseServer) -> None:
    route = sse_server.chat("hi", through=[hold(after=1)])
    with route.expect_disconnect(within=0.2) as left:
        route.release()
    async with route.expect_disconnect():
        route.release(2)
    left.call.assert_upstream_stopped(leaked_tokens=2)
    ended: Outcome = route.wait_call(timeout=1, number=1).wait_ended(timeout=2.0)
    again: Outcome = await route.call.wait_ended_async(2.0)
    known: Outcome | None = route.call.outcome
    finished: bool = route.call.finished
    finished = route.call.wait_finished(timeout=1.0)
    finished = await route.call.wait_finished_async(1)
    del ended, again, known, finished
    route.expect_disconnect(within="0.2")  # wrong
    route.expect_disconnect(witin=0.2)  # wrong
    route.release("all")  # wrong
    route.wait_call(timeout="1")  # wrong
    route.wait_call(number="1")  # wrong
    route.call.wait_ended("1")  # wrong
    await route.call.wait_ended_async(timeout="1")  # wrong
    route.call.assert_upstream_stopped("2")  # wrong
    route.call.finishd  # wrong
    route.call.wait_finished("1")  # wrong
    await route.call.wait_finished_async(timeout="1")  # wrong


def servers(make_sse_server: MakeSseServer) -> None:
    made: SseServer = make_sse_server(
        gateway="openai", pacing="instant", strict=False, leaks="error", through=[pace(1)]
    )
    SseServer(models=["a/b"], hold_limit=None, host="::1", port=8080)
    key: str = made.openai["api_key"]
    address: str = made.anthropic["base_url"]
    del key, address
    make_sse_server(gatway="openai")  # wrong
    make_sse_server(strict="no")  # wrong
    make_sse_server(gateway=None)  # wrong
    make_sse_server("openai")  # wrong
    SseServer(gatway="openai")  # wrong
    SseServer(pacing=5)  # wrong
    SseServer(port="80")  # wrong
    SseServer(models=5)  # wrong
    made.openai["key"]  # wrong
    made.anthropic["key"]  # wrong


def relays(sse_process: MakeSseProcess, sse_relay_client: SseRelayClient, sse_server: SseServer) -> None:
    app: SseProcess = sse_process(["node", "x.mjs"], env={"A": "b"}, cwd=Path(), timeout=5, server=sse_server)
    with sse_relay_client(f"{app.url}/chat", json={}, method="GET", headers={"A": "b"}, timeout=1) as browser:
        events: list[Event] = browser.read_events(2, timeout=1)
        status: int = browser.read_head(timeout=1)
        known: int | None = browser.status
        browser.leave("rst")
        browser.leave(How.FIN)
        del events, status, known
    sse_process("node x.mjs", sever=sse_server)  # wrong
    sse_process(5)  # wrong
    sse_process(["x"], port="1")  # wrong
    sse_process(["x"], env={"A": 1})  # wrong
    sse_relay_client("http://x", jsn={})  # wrong
    sse_relay_client(5)  # wrong
    sse_relay_client("http://x", timeout="1")  # wrong
    RelayClient("http://x", body="x")  # wrong
    SseProcess(["x"], sever=sse_server)  # wrong
    browser.read_events("2")  # wrong
    browser.leave(5)  # wrong
    browser.read_head("1")  # wrong
    must_be_known: int = browser.status  # wrong
    del must_be_known


def stream(base_url: str) -> Iterator[str]:
    yield base_url


async def stream_async(base_url: str) -> AsyncIterator[str]:
    yield base_url


def contract(sse_contract: SseContract) -> None:
    sse_contract.check_parsing(stream)
    sse_contract.check_done(stream_async)
    sse_contract.check_errors(lambda base_url: [base_url])
    sse_contract.check_cancellation(stream)
    sse_contract.check_parsing(5)  # wrong
    sse_contract.check_done(lambda: [""])  # wrong
    sse_contract.check_errors(stream, "x")  # wrong


class TestRight(orharness.ClientContract):
    profile = "whatwg"
    only = ["done", "framing/cr-only"]
    xfail = {"done/clean-end": "why"}
    seed = 1
    patience = 2.0

    def stream(self, base_url: str) -> Iterator[str]:
        yield base_url


class TestWrong(orharness.ClientContract):
    profile = 5  # wrong
    only = 5  # wrong
    xfail = ["done/clean-end"]  # wrong
    seed = "x"  # wrong
    patience = "1"  # wrong

    def stream(self, base_url: int) -> Iterator[str]:  # wrong
        yield str(base_url)


@boundary
def halves(at: int) -> Any:
    return split_at(at)


def transforms() -> None:
    truncate(3, Ending.RESET)
    stall(before=2, seconds=0.1)
    jitter(seed=1, spread=0.1)
    halves(3)
    comments("x", evry=2)  # wrong
    rechunk("7")  # wrong
    rechunk()  # wrong
    hold(after="3")  # wrong
    truncate(3, 5)  # wrong
    stall(2, "0.1")  # wrong
    halves("x")  # wrong
    pace(dely=1)  # wrong
