"""Real relays, right and wrong: what is said of them agrees with what happens.

What happens is seen at the upstream alone: in its journal, and in its bill.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

import pytest

from orharness.dialects import DIALECTS
from orharness.errors import ClientFailure
from orharness.relay.browser import RelayClient
from orharness.relay.check import check
from orharness.relay.process import SseProcess
from orharness.server.facade import SseServer
from orharness.server.handles import Call, LiveRoute
from orharness.transforms import after_text, hold, truncate
from tests.support.places import ROOT, SUPPORT
from tests.support.raw import eventually

HERE = SUPPORT / "relays"
CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
TOKENS = 40
PATIENCE = 20.0  # seconds for what must happen: a busy machine may need long
IMPATIENCE = 0.5  # seconds for what does not happen
_ALL = "tests.support.relays.fastapi_all:app"
FASTAPI = [sys.executable, "-m", "uvicorn", _ALL, f"--app-dir={ROOT}", "--port={port}"]


class Stops(StrEnum):
    """When the upstream is left, once the browser has."""

    AT_ONCE = "at once, also while the model is silent"
    AT_THE_NEXT_EVENT = "at the model's next event"
    NEVER = "never: the model runs to its end"


@dataclass(frozen=True)
class Relay:
    """One app, and what is known of it.

    ``shows_an_early_end``: an answer that ends in order, but too early, does not look whole to the browser.
    ``shows_errors``: nor does an error before the stream look like an empty answer, and one in it is not dropped.
    ``fails``: what the check finds in it beside that.
    """

    argv: list[str]
    path: str = "/chat"
    env: dict[str, str] = field(default_factory=dict)
    stops: Stops = Stops.AT_ONCE
    streams: bool = True
    shows_an_early_end: bool = True
    shows_errors: bool = True
    fails: frozenset[str] = frozenset()

    @property
    def verdicts(self) -> set[str]:
        """The cases in which the check must find it to fail; in all others it must not."""
        found = set(self.fails)
        if self.stops is not Stops.AT_ONCE:
            found.add("cancel/while-silent-fin")
        if not self.streams:
            found.add("buffering/each-event")
        if not self.shows_an_early_end:
            found.add("errors/ends-early")
        if not self.shows_errors:
            found |= {"errors/limit", "errors/server", "errors/in-stream"}
        return found


AIOHTTP = [sys.executable, str(HERE / "aiohttp_relay.py"), "{port}"]
NODE = ["node", str(HERE / "node_relay.mjs"), "{port}"]
LITELLM = ["litellm", "--config", str(HERE / "litellm.yaml"), "--host", "127.0.0.1", "--port", "{port}"]
OFFLINE = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true"}
# The openai SDK gives no comments, and its generator is asked when the status has been sent.
REWRITES = frozenset({"fidelity/comments", "fidelity/done-invented"})
# LiteLLM writes chunks of its own: without nulls, without what it does not know, and with a usage only if asked for it.
_CHOICES = {"fidelity/choices", "fidelity/choices-together"}  # of several, only the first has its finish_reason
_RETRY_AFTER = {"errors/retry-after-429", "errors/retry-after-503"}  # the upstream's is not among its headers
LITELLM_S = (
    REWRITES
    | _RETRY_AFTER
    | {"fidelity/finish-null", "fidelity/usage", "fidelity/unknown-fields", "fidelity/refusal"}
    | _CHOICES
)
SDK = REWRITES | {"errors/limit-status", "errors/server-status"}
RELAYS = {
    "FastAPI, async generator, openai": Relay(FASTAPI, "/fastapi_openai/chat", fails=SDK),
    "FastAPI, async generator, httpx": Relay(FASTAPI, "/fastapi_httpx/chat"),
    "FastAPI, the first behind middlewares": Relay(FASTAPI, "/fastapi_middleware/chat", shows_errors=False, fails=SDK),
    "FastAPI, sync generator": Relay(
        FASTAPI, "/fastapi_sync_generator/chat", stops=Stops.NEVER, shows_an_early_end=False, fails=SDK
    ),
    "FastAPI, queue and task": Relay(
        FASTAPI, "/fastapi_queue/chat", stops=Stops.NEVER, shows_an_early_end=False, shows_errors=False, fails=SDK
    ),
    "FastAPI, collects": Relay(FASTAPI, "/fastapi_buffering/chat", streams=False, shows_an_early_end=False, fails=SDK),
    "aiohttp, handler_cancellation": Relay([*AIOHTTP, "--handler-cancellation"]),
    "aiohttp, its default": Relay(AIOHTTP, stops=Stops.AT_THE_NEXT_EVENT),
    "Node, aborts": Relay(NODE),
    "Node, forgets": Relay([*NODE, "--forget"], stops=Stops.NEVER),
    "LiteLLM's proxy": Relay(LITELLM, "/v1/chat/completions", env=OFFLINE, shows_an_early_end=False, fails=LITELLM_S),
}
Browse: TypeAlias = Callable[[], RelayClient]


@pytest.fixture(params=RELAYS)
def relay(request: pytest.FixtureRequest) -> Relay:
    """Each of them."""
    return RELAYS[request.param]


@pytest.fixture(scope="module")
def shared(make_sse_server: Callable[..., SseServer]) -> SseServer:
    """The upstream of all relays: they start once, and are told its address at their start."""
    return make_sse_server(strict=False)


@pytest.fixture
def upstream(shared: SseServer) -> Iterator[SseServer]:
    """The same, as new."""
    shared.reset()
    yield shared
    shared.reset()


@pytest.fixture(scope="module")
def running(shared: SseServer, make_sse_process: Callable[..., SseProcess]) -> Iterator[Callable[[Relay], SseProcess]]:
    """The process of a relay; one for all that have the same command. They end with the module."""
    processes: dict[tuple[str, ...], SseProcess] = {}

    def run(relay: Relay) -> SseProcess:
        command = tuple(relay.argv)
        if command not in processes:
            argv = [_found(relay.argv[0]), *relay.argv[1:]]
            processes[command] = make_sse_process(argv, server=shared, env=relay.env, timeout=180)
        return processes[command]

    yield run
    for process in processes.values():
        process.close()


def _found(program: str) -> str:
    """Where a program is. LiteLLM wants an older openai than the other tests: it lives in an environment of its own."""
    named = os.environ.get("ORHARNESS_LITELLM") if program == "litellm" else None
    found = shutil.which(named or program)
    elsewhere = program == "litellm" and os.environ.get("ORHARNESS_FAST")  # its tests are run by themselves
    if found is None and (named or (os.environ.get("CI") and not elsewhere)):
        pytest.fail(f"there is no {named or program} here")
    if found is None:
        pytest.skip(f"there is no {program} here" + (_HOW_TO_GET_IT if program == "litellm" else ""))
    return found


_HOW_TO_GET_IT = ": pip install 'litellm[proxy]' in an environment of its own, and ORHARNESS_LITELLM=…/bin/litellm"


@pytest.fixture
def browse(
    relay: Relay, running: Callable[[Relay], SseProcess], sse_relay_client: Callable[..., RelayClient]
) -> Browse:
    """Opens the page."""
    url = running(relay).url + relay.path
    return lambda: sse_relay_client(url, json=CHAT, timeout=PATIENCE)


QUESTION = [{"role": "user", "content": "hi"}]
_IN_CHAT = {"LITELLM_USE_CHAT_COMPLETIONS_URL_FOR_ANTHROPIC_MESSAGES": "true"}  # by default it asks in Responses
# What its browser sends where, in which API it asks the upstream then, and what it fails beside fidelity/comments.
TRANSLATED: dict[str, tuple[str, dict[str, object], dict[str, str], set[str]]] = {
    "messages, chat": ("/v1/messages", {"max_tokens": 100, "messages": QUESTION}, _IN_CHAT, {"errors/ends-early"}),
    "messages, responses": ("/v1/messages", {"max_tokens": 100, "messages": QUESTION}, {}, set()),
    "responses, responses": ("/v1/responses", {"input": "hi"}, {}, {"fidelity/grammar"}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TRANSLATED)
def test_a_relay_that_translates_is_judged_on_both_of_its_sides(
    name: str, shared: SseServer, make_sse_process: Callable[..., SseProcess]
) -> None:
    path, fields, env, fails = TRANSLATED[name]
    asked = {"model": "m", "stream": True, **fields}
    argv = [_found(LITELLM[0]), *LITELLM[1:]]
    process = make_sse_process(argv, server=shared, env={**OFFLINE, **env}, timeout=180)
    try:
        only = ["fidelity/", "buffering/", "errors/", "cancel/while-silent-fin"]
        url = f"{process.url}{path}"
        found = {one.case: one for one in check(url, asked, server=shared, patience=PATIENCE, only=only)}
        upstream = shared.answer("Hello, big world")
        with RelayClient(url, asked, timeout=PATIENCE) as browser:
            browser.read_all()
        shows = DIALECTS.of(browser.items)
        asks = DIALECTS.at(upstream.call.exchange.request.path)
    finally:
        shared.reset()
        process.close()
    assert shows is not None
    assert asks is not None
    assert f"{shows.name}, {asks.name}" == name
    assert {case for case, verdict in found.items() if verdict.result == "fail"} == {
        "fidelity/comments",
        *_RETRY_AFTER,
        *fails,
    }
    if "fidelity/grammar" in fails:  # Open Responses demands what OpenRouter does not do either
        evidence = found["fidelity/grammar"].evidence
        assert evidence is not None
        assert evidence.reason == "it breaks the rules of responses: responses/named"


def _held(upstream: SseServer) -> LiveRoute:
    """An answer that pauses after three events, again after the fourth, and then comes all at once."""
    return upstream.chat(tokens=TOKENS, through=[hold(after=3), hold(after=4)], pacing="instant")


def _is_left(call: Call, patience: float) -> bool:
    try:
        return call.wait_ended(patience) == "cancelled"
    except ClientFailure:
        return False


@pytest.mark.slow
def test_what_happens_upstream_when_the_browser_leaves(relay: Relay, browse: Browse, upstream: SseServer) -> None:
    reply = _held(upstream)
    with browse() as browser:
        call = reply.wait_call(PATIENCE)
        eventually(lambda: call.exchange.held_at is not None)
        if relay.streams:
            browser.read_events(3)
        browser.leave()
    if _is_left(call, PATIENCE if relay.stops is Stops.AT_ONCE else IMPATIENCE):
        seen = Stops.AT_ONCE
    else:
        reply.release()
        seen = Stops.NEVER
        if _is_left(call, PATIENCE if relay.stops is Stops.AT_THE_NEXT_EVENT else IMPATIENCE):
            seen = Stops.AT_THE_NEXT_EVENT
        reply.release()
    assert seen is relay.stops
    billed = {Stops.AT_ONCE: 2, Stops.AT_THE_NEXT_EVENT: 3, Stops.NEVER: TOKENS}[seen]  # the first event has no text
    eventually(lambda: call.bill is not None and call.bill.tokens_billed == billed)


@pytest.mark.slow
def test_the_test_that_a_user_writes_says_the_same(relay: Relay, browse: Browse, upstream: SseServer) -> None:
    reply = _held(upstream)

    def stop_button() -> None:
        with browse() as browser:
            reply.wait_call(PATIENCE)
            if relay.streams:
                browser.read_events(3)
            with reply.expect_disconnect(within=PATIENCE if relay.stops is Stops.AT_ONCE else 0.25):
                browser.leave()
        reply.call.assert_upstream_stopped()

    if relay.stops is Stops.AT_ONCE:
        stop_button()
    else:
        with pytest.raises(ClientFailure, match=r"did not leave within 0\.25 s"):
            stop_button()
        with pytest.raises(ClientFailure):
            reply.call.assert_upstream_stopped()


@pytest.mark.slow
def test_events_come_out_as_they_go_in(relay: Relay, browse: Browse, upstream: SseServer) -> None:
    reply = _held(upstream)
    with browse() as browser:
        eventually(lambda: reply.wait_call(PATIENCE).exchange.held_at is not None)
        patience = PATIENCE if relay.streams else IMPATIENCE
        assert browser.read_while(lambda: len(browser.events) < 3, patience) is relay.streams
        reply.release(2)
        browser.read_until("[DONE]")


@pytest.mark.slow
def test_an_answer_that_ends_early_is_seen_to(relay: Relay, browse: Browse, upstream: SseServer) -> None:
    upstream.chat("Hello, big world", through=[truncate(after_text("big"))])
    with browse() as browser:
        browser.read_all()
        assert ("[DONE]" not in browser.text) is relay.shows_an_early_end


@pytest.mark.slow
def test_an_error_is_seen_to_be_one(relay: Relay, browse: Browse, upstream: SseServer) -> None:
    upstream.post("/chat/completions").respond(500, json={"error": {"code": 500, "message": "the model is down"}})
    with browse() as browser:
        browser.read_all()
        looks_empty = browser.status == 200 and browser.ended == "clean" and not browser.text
        assert looks_empty is not relay.shows_errors


@pytest.mark.slow
@pytest.mark.parametrize("cases", ["fidelity/", "errors/", "buffering/each-event", "cancel/while-silent-fin"])
def test_the_check_says_the_same(
    relay: Relay, cases: str, upstream: SseServer, running: Callable[[Relay], SseProcess]
) -> None:
    # What fails for want of time is not waited for long; what passes has all the time that it needs.
    patience = IMPATIENCE if cases in relay.verdicts else PATIENCE
    verdicts = check(running(relay).url + relay.path, CHAT, server=upstream, patience=patience, only=cases)
    failed = {verdict.case for verdict in verdicts if verdict.result == "fail"}
    assert failed == {case for case in relay.verdicts if case.startswith(cases)}
    assert len(verdicts) > 1
