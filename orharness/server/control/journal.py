"""``GET /_orharness/journal``: all retained exchanges as JSON."""

from __future__ import annotations

import asyncio
import json
from time import monotonic

from orharness.journal.exchange import journal_document
from orharness.server.answering import Answering
from orharness.server.control.documents import dumped
from orharness.server.exchange import LiveExchange

_A_WHILE = 0.002  # seconds for which it is made, at most, before the server's loop goes on with its streams


async def journal_bytes(answering: Answering, at_once: float = _A_WHILE) -> bytes:
    """Return the document. The server's loop keeps serving its streams while the document is built.

    ``at_once``: the seconds after which, at the latest, the loop has a turn.
    """
    exchanges = answering.look_at_open()
    head, tail = _shell(answering.exchanges.dropped.total())
    return b"".join([head, b", ".join(await exchange_documents(exchanges, at_once)), tail])


def _shell(dropped: int) -> tuple[bytes, bytes]:
    """Return the text of the document before its exchanges and after them."""
    before, _, after = json.dumps(journal_document([], dropped)).encode().rpartition(b"[]")
    return before + b"[", b"]" + after


async def exchange_documents(exchanges: list[LiveExchange], at_once: float = _A_WHILE) -> list[bytes]:
    """Return the document of each exchange; the loop has a turn after ``at_once`` seconds, at the latest."""
    made, since = [], monotonic()
    for one in exchanges:
        made.append(dumped(one.snapshot().to_json()))
        if monotonic() - since > at_once:
            await asyncio.sleep(0)
            since = monotonic()
    return made
