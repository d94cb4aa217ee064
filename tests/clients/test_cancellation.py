"""Each way to cancel that a client's manual shows, and what it is good for: the table of ``docs/cancellation.md``.

That a stop did nothing is proven by what made the client leave in the end: the next event, or a collection of garbage.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest

from benchmarks.cancellation import Patience, Situation, StoppedBy, measure
from benchmarks.client_process import WalkingProcess, command_for
from benchmarks.ways.catalogue import GO_CLIENTS, PYTHON_CLIENTS, Client, Way
from orharness.server.thread import ServerThread
from tests.support.places import ROOT

STOP, NEXT, GARBAGE, NOTHING = StoppedBy
LONG, SHORT = 30.0, 0.3  # seconds: for what must come, and for what must not

# What makes the client leave: while events come; while silent, and before the first token.
KNOWN = {
    "openai": {
        "break": (GARBAGE, GARBAGE),
        "with, break": (STOP, NEXT),
        "close() from a thread": (STOP, NEXT),
        "async: break": (GARBAGE, GARBAGE),
        "async with, break": (STOP, NEXT),
        "async: close() from a task": (STOP, STOP),
        "task.cancel()": (STOP, STOP),
    },
    "httpx": {
        "with stream(), break": (STOP, NEXT),
        "send(stream=True), break": (STOP, NEXT),
        "close() from a thread": (STOP, NEXT),
        "async with stream(), break": (STOP, NEXT),
        "aclose() from a task": (STOP, STOP),
        "task.cancel()": (STOP, STOP),
    },
    "requests": {
        "break": (STOP, NEXT),
        "with, break": (STOP, NEXT),
        "close() from a thread": (STOP, NEXT),
        "an Event, then close()": (STOP, NEXT),
    },
    "aiohttp": {
        "break": (NOTHING, NOTHING),  # its session holds it for ever
        "async with, break": (STOP, NEXT),
        "close() from a task": (STOP, STOP),
        "task.cancel()": (STOP, STOP),
    },
    "net/http (Go)": {
        "return, no Close()": (NOTHING, NOTHING),
        "defer Body.Close(), return": (STOP, NEXT),
        "Body.Close() from a goroutine": (STOP, STOP),
        "cancel() of its context": (STOP, STOP),
    },
}
CLIENTS = {client.name: client for client in (*PYTHON_CLIENTS, *GO_CLIENTS) if client.name in KNOWN}
WAYS = [(client, way) for client in CLIENTS.values() for way in client.ways]


@pytest.fixture(scope="module")
def processes() -> Iterator[dict[str, WalkingProcess]]:
    """One for each client that was asked for so far."""
    started: dict[str, WalkingProcess] = {}
    yield started
    for process in started.values():
        process.close()


def test_every_way_is_known() -> None:
    assert {name: [way.name for way in client.ways] for name, client in CLIENTS.items()} == {
        name: list(ways) for name, ways in KNOWN.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("situation", Situation, ids=lambda situation: situation.name.lower())
@pytest.mark.parametrize(("client", "way"), WAYS, ids=[f"{client.name}: {way.name}" for client, way in WAYS])
def test_what_makes_a_client_leave(
    processes: dict[str, WalkingProcess], sse_thread: ServerThread, client: Client, way: Way, situation: Situation
) -> None:
    if client.name not in processes:
        command = command_for(client)
        if command is None and shutil.which("go") is None and client in GO_CLIENTS:
            pytest.skip("there is no go here")
        assert command is not None
        processes[client.name] = WalkingProcess(command)
    while_events_come, while_silent = KNOWN[client.name][way.name]
    expected = while_events_come if situation is Situation.EVENTS else while_silent
    patience = Patience(*(LONG if expected is one else SHORT for one in (STOP, NEXT, GARBAGE)))

    seen = measure(processes[client.name], sse_thread, way, situation, patience)

    assert seen.by is expected
    if expected in (GARBAGE, NOTHING) and situation is Situation.EVENTS:
        assert seen.leaked > 0
    if expected is STOP and situation is not Situation.EVENTS:
        assert seen.leaked == 0


@pytest.mark.slow
def test_the_cures_of_the_docs_pass_as_they_stand(pytester: pytest.Pytester) -> None:
    text = (ROOT / "docs" / "cancellation.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\naddopts = --strict-markers")
    for number, code in enumerate(blocks):  # a machine that runs many tests may be busy
        pytester.makepyfile(**{f"test_{number}": re.sub(r"within=[\d.]+", "within=20", code)})
    pytester.runpytest_inprocess().assert_outcomes(passed=5)
