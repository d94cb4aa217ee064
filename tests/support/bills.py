"""A client that leaves an answer, and what the server says of it then."""

from __future__ import annotations

import json
from typing import Any

from orharness.journal import Bill
from orharness.server.facade import SseServer
from orharness.transforms import hold
from tests.support.raw import Raw


def get(server: SseServer, path: str) -> tuple[int, Any]:
    """The status and the JSON of an answer to GET."""
    with Raw(server) as raw:
        raw.request("GET", path, headers="Connection: close\r\n")
        raw.read_all()
        return int(raw.head.split(" ")[1]), json.loads(raw.body)


def leave_after(server: SseServer, events: int, **options: Any) -> tuple[Bill, Raw]:
    """Read so many events of an answer of 500 tokens, and leave."""
    reply = server.chat(tokens=500, through=[hold(after=events)], **options)
    with Raw(server) as raw:
        raw.post()
        while raw.received.count(b"data: ") < events or not raw.received.endswith(b"\n\n\r\n"):
            raw.read()
        with reply.expect_disconnect(within=20):
            raw.close()
    assert reply.call.bill is not None
    return reply.call.bill, raw


def header(raw: Raw, name: str) -> str:
    """The value of a header of the answer."""
    return next(line.partition(": ")[2] for line in raw.head.splitlines() if line.startswith(name + ":"))
