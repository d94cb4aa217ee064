"""Fifty sessions of twenty streams each, all at once on one server: every journal has its own, and nothing else."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from orharness.server.facade import SseServer
from tests.support.control import Control
from tests.support.raw import eventually

SESSIONS, STREAMS = 50, 20
HELD = 3  # events before the gate at which those that leave are held
LINGER_RESET = struct.pack("ii", 1, 0)
# What the streams of a session come to, in turns.
KINDS = ("completed", "cancelled by fin", "cancelled by rst", "reset by the server", "cut short by the server")


@dataclass
class Opened:
    """A session of the test, with what each of its streams got."""

    number: int
    kind: str
    id: str
    document: dict[str, Any]
    bodies: list[bytes] = field(default_factory=list)

    @property
    def text(self) -> str:
        return f"session-{self.number}"

    def route(self) -> dict[str, Any]:
        answer = {"pieces": [f"{self.text} ", *(f"{one} " for one in range(6))]}
        changes: dict[str, list[Any]] = {
            "cancelled by fin": [{"hold": HELD}],
            "cancelled by rst": [{"hold": HELD}],
            "reset by the server": [{"truncate": {"at": 900, "ending": "reset"}}],
            "cut short by the server": [{"truncate": {"at": 900}}],
        }
        return {"chat": answer, "through": changes.get(self.kind, []), "provider": "Anthropic"}


def opened(control: Control, number: int) -> Opened:
    made = Opened(number, KINDS[number % len(KINDS)], "", {})
    scenario = {"orharness": 1, "routes": [made.route()]}
    made.document = control.open(scenario, pacing=("recorded", "lockstep")[number % 2])
    made.id = made.document["id"]
    return made


def request(session: Opened, number: int) -> bytes:
    """The request of a stream; the session is named by its path, its header or its key, in turns."""
    body = json.dumps({"model": f"{session.text}/{number}", "messages": [], "stream": True}).encode()
    path, named = "/v1", ""
    if number % 3 == 0:
        path = f"/s/{session.id}/v1"
    elif number % 3 == 1:
        named = f"X-Orharness-Session: {session.id}\r\n"
    else:
        named = f"Authorization: Bearer {session.document['api_key']}\r\n"
    head = f"POST {path}/chat/completions HTTP/1.1\r\nHost: localhost\r\n{named}"
    head += f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def stream(port: int, session: Opened, number: int, all_there: asyncio.Barrier) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await all_there.wait()
    writer.write(request(session, number))
    got = b""
    leaves = session.kind.startswith("cancelled")
    with suppress(ConnectionError):
        while not (leaves and got.count(b"data: ") >= HELD):
            piece = await reader.read(65536)
            if not piece:
                break
            got += piece
    session.bodies.append(got)
    if session.kind == "cancelled by rst":
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
        writer.transport.abort()
    else:
        writer.close()


async def all_streams(port: int, sessions: list[Opened]) -> None:
    all_there = asyncio.Barrier(SESSIONS * STREAMS)
    pairs = [(session, number) for number in range(STREAMS) for session in sessions]
    await asyncio.gather(*(stream(port, *pair, all_there) for pair in pairs))


EXPECTED = {
    "completed": ("completed", None, []),
    "cancelled by fin": ("cancelled", "fin", []),
    "cancelled by rst": ("cancelled", "rst", []),
    "reset by the server": ("faulted", None, ["truncate"]),
    "cut short by the server": ("faulted", None, ["truncate"]),
}


def entries_of(control: Control, session: Opened) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = control.ask("GET", f"/sessions/{session.id}/journal").document["exchanges"]
    return entries


def check(control: Control, session: Opened) -> None:
    """The session's journal, calls and bodies are its own, each of them once."""
    eventually(lambda: all(one["outcome"] for one in entries_of(control, session)), timeout=60.0)
    entries = entries_of(control, session)
    asked = Counter(json.loads(one["request"]["body"])["model"] for one in entries)
    assert asked == Counter(f"{session.text}/{number}" for number in range(STREAMS))
    outcome, how, faults = EXPECTED[session.kind]
    for one in entries:
        assert (one["outcome"], one["how"], one["faults"]) == (outcome, how, faults), one
        assert one["status"] == 200
        assert one["bill"]["tokens_billed"] <= 7
    first = f'"content":"{session.text} "'.encode()
    assert len(session.bodies) == STREAMS
    for body in session.bodies:
        assert body.count(first) == 1
        assert body.count(b"session-") == body.count(session.text.encode())  # nobody else's, its model's name included
        assert (b"[DONE]" in body) == (session.kind == "completed")


@pytest.mark.slow
def test_fifty_sessions_of_twenty_streams_stay_apart(server: SseServer) -> None:
    control = Control(server, checked=False)  # others hold the answers against the document
    sessions = [opened(control, number) for number in range(SESSIONS)]
    asyncio.run(all_streams(server.port, sessions))
    for session in sessions:
        check(control, session)
    assert server.journal == []  # the default session has none of them
    for session in sessions:
        assert control.ask("DELETE", f"/sessions/{session.id}").status == 200
    assert len(control.ask("GET", "/sessions").document["sessions"]) == 1
