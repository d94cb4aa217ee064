"""What the live page shows of a session, kept as one file that needs no server."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from time import time
from typing import Any

from orharness.journal import Outcome
from orharness.report.page import saved_page
from orharness.server import verifying
from orharness.server.control.lanes import KEPT, lane_documents, stream_document
from orharness.server.control.verbs import VerbAnswer, VerbCall
from orharness.server.exchange import LiveExchange
from orharness.server.sessions import Session

_CHUNKS = 500  # of each answer whose bytes are kept
_BYTES = 4 * 2**20  # of all these answers
_EVENTS = 5000  # the latest


async def save_page(asked: VerbCall) -> VerbAnswer:
    """The page of a session."""
    session = asked.session
    title = f"orharness session {session.id}"
    name = f"orharness-{session.id}-{datetime.now(UTC):%Y%m%d-%H%M%S}.html"
    return VerbAnswer({"name": name, "html": await page_of(session, title)})


async def page_of(session: Session, title: str, said: str = "") -> str:
    """Return the page of a session. ``said``: a text that it begins with, such as the failure of a test."""
    session.answering.look_at_open()
    lives = list(session.answering.exchanges)[-KEPT:]
    lanes = await lane_documents([(session, live) for live in lives])
    for lane, live in zip(lanes, lives, strict=True):
        lane["request"] = live.request.to_json()
    streams = await _streams(lives)
    events = [one.to_json() for one in session.log.after(0)][-_EVENTS:]
    document: dict[str, Any] = {
        "title": title,
        "said": said,
        "account": verifying.account(session.answering),
        "now": round(time(), 6),
        "session": session.id,
        "lanes": lanes,
        "streams": streams,
        "events": events,
    }
    return saved_page(document)


async def _streams(lives: Sequence[LiveExchange]) -> dict[str, Any]:
    """Return the bytes of answers. Where there are too many, those that went as they should have none."""
    found, left = {}, _BYTES
    for live in sorted(lives, key=lambda one: one.outcome in (Outcome.COMPLETED, Outcome.LEFT_AT_END)):
        found[live.id] = await stream_document(live, _CHUNKS if left > 0 else 0)
        left -= sum(chunk["size"] for chunk in found[live.id]["chunks"])
    return found
