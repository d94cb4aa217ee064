"""``GET /_orharness/journal``: every exchange that is kept, as JSON."""

from __future__ import annotations

import asyncio
import json
from time import monotonic

from orharness.journal import Request
from orharness.journal.exchange import journal_document
from orharness.scenario.reply import Reply
from orharness.scenario.route import Route
from orharness.server.answering import CONTROL, Answering
from orharness.server.exchange import LiveExchange
from orharness.server.mounts import Gathered

JOURNAL_PATH = f"{CONTROL}journal"
_A_WHILE = 0.002  # seconds for which it is made, at most, before the server's loop goes on with its streams
_JSON = {"Content-Type": "application/json"}


class _Journal(Gathered):
    @property
    def name(self) -> str:
        return "journal"


def route(answering: Answering) -> Route:
    """Return the route; requests for the journal are not in it."""

    async def gather(request: Request) -> Reply:
        exchanges = answering.look_at_open()
        head, tail = _shell(answering.exchanges.dropped.total())
        return Reply.respond(body=b"".join([head, b", ".join(await _documents(exchanges)), tail]), headers=_JSON)

    return _Journal("GET", JOURNAL_PATH, (), gather=gather)


def _shell(dropped: int) -> tuple[bytes, bytes]:
    """The document without exchanges, as what is before them and after them."""
    before, _, after = json.dumps(journal_document([], dropped)).encode().rpartition(b"[]")
    return before + b"[", b"]" + after


async def _documents(exchanges: list[LiveExchange]) -> list[bytes]:
    made, since = [], monotonic()
    for one in exchanges:
        made.append(json.dumps(one.snapshot().to_json(), ensure_ascii=False, separators=(",", ":")).encode())
        if monotonic() - since > _A_WHILE:
            await asyncio.sleep(0)
            since = monotonic()
    return made
