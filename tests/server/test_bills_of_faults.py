"""What a bill says of an answer that a fault cuts short: what was sent, and not the whole answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress

import pytest

from orharness.dialects import CHAT, DIALECTS, GEMINI, Dialect
from orharness.journal import Bill, Outcome
from orharness.server.facade import SseServer
from orharness.server.handles import Call
from orharness.server.thread import ServerThread
from orharness.stream import Ending, Transform
from orharness.transforms import after_event, drop, hang, hold, truncate
from tests.support.raw import Raw, eventually

APIS = list(DIALECTS.values())
apis = pytest.mark.parametrize("dialect", APIS, ids=lambda each: each.name)
TOKENS = 12
SENT = 3


@pytest.fixture
def server(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread, strict=False) as server:
        yield server


def asked(dialect: Dialect, *, query: bool = True) -> str:
    """The path of a short request for a stream, with its query."""
    request = dialect.example_request
    return f"{request.path}?{request.query}" if query and request.query else request.path


def call_of(server: SseServer, dialect: Dialect, through: Transform, path: str | None = None) -> Call:
    """The call of a client that reads until the response ends, or until the fault is reached, and then leaves."""
    route = server.answer(tokens=TOKENS, through=[through])
    with Raw(server) as raw:
        raw.post(path or asked(dialect), dialect.example(), "Connection: close\r\n")
        raw.socket.settimeout(0.02)
        eventually(lambda: _reads(raw) and route.calls and route.call.outcome is not None)
    return route.call


def _reads(raw: Raw) -> bool:
    with suppress(TimeoutError, ConnectionError):  # a silence, an RST
        raw.read()
    return True


def numbers(bill: Bill | None) -> tuple[int, int, int]:
    assert bill is not None
    return bill.tokens_made, bill.tokens_written, bill.tokens_billed


@pytest.mark.parametrize("ending", list(Ending))
@apis
def test_an_answer_cut_short_is_billed_as_far_as_it_was_sent(
    server: SseServer, dialect: Dialect, ending: Ending
) -> None:
    call = call_of(server, dialect, truncate(after_event(dialect.lead + SENT), ending))
    exchange = call.exchange
    assert (call.outcome, exchange.tokens_total) == (Outcome.FAULTED, TOKENS)
    assert numbers(exchange.bill) == (SENT, SENT, SENT)


@pytest.mark.parametrize("path", [asked(GEMINI), asked(GEMINI, query=False)], ids=["events", "array"])
def test_a_silence_is_billed_as_far_as_it_was_sent(server: SseServer, path: str) -> None:
    assert numbers(call_of(server, GEMINI, hang(after_event(SENT)), path).bill) == (SENT, SENT, SENT)


def test_nothing_is_written_of_an_answer_that_is_cut_before_its_first_token(server: SseServer) -> None:
    assert numbers(call_of(server, CHAT, truncate(0, Ending.ABORT)).bill) == (0, 0, 0)


def test_a_dropped_event_was_made_and_not_sent(server: SseServer) -> None:
    call = call_of(server, CHAT, drop(lambda event: '"content":"' in event.data))
    assert numbers(call.bill) == (TOKENS, 0, TOKENS)


def test_a_model_that_has_not_made_the_whole_answer_has_no_reason_to_finish(server: SseServer) -> None:
    route = server.chat(tokens=TOKENS, id="gen-1", pacing="instant", through=[hold(after=CHAT.lead + SENT)])
    with Raw(server) as raw:
        raw.post()
        route.wait_held()
        assert progress(server) == (None, True)
        route.release()
        raw.read_until(b"0\r\n\r\n")
        eventually(lambda: route.call.outcome is not None)
        assert progress(server) == ("stop", False)


def test_nor_has_one_whose_answer_was_cut_short(server: SseServer) -> None:
    route = server.chat(tokens=TOKENS, id="gen-1", through=[truncate(after_event(CHAT.lead + SENT), Ending.ABORT)])
    with Raw(server) as raw:
        raw.post()
        raw.read_all()
        eventually(lambda: route.call.outcome is not None)
    assert progress(server) == (None, False)


def progress(server: SseServer) -> tuple[str | None, bool]:
    """What the gateway says of the generation: why it finished, and whether it goes on."""
    with Raw(server) as raw:
        raw.request("GET", "/v1/generation?id=gen-1", headers="Connection: close\r\n")
        raw.read_all()
        said = json.loads(raw.body)["data"]
    return said["finish_reason"], said["in_progress"]
