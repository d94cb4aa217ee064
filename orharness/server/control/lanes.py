"""What the live page asks for: a lane for each call, the bills of models at work, and the bytes of one answer."""

from __future__ import annotations

import asyncio
import base64
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from time import time
from typing import TYPE_CHECKING, Any

from orharness.journal import Outcome
from orharness.lazy import Deferred
from orharness.server.control.verbs import VerbAnswer, VerbCall
from orharness.server.control.waits import call_document
from orharness.server.exchange import LiveExchange
from orharness.server.sessions import Session
from orharness.sse import Comment
from orharness.stream import Stream

if TYPE_CHECKING:
    import orharness.report.contents as report
else:
    report = Deferred("orharness.report.contents")

KEPT = 1000  # calls of a page, the latest
_DRAWN = 5000  # chunks of a lane: more cannot be told apart on a screen

_A_DAY = 86400.0  # seconds
_AT_ONCE = 1e-4  # seconds
DATA, COMMENT, END, PIECE = "d", "c", "e", "p"


async def lanes(asked: VerbCall) -> VerbAnswer:
    """The latest calls of all sessions, each with the plan of its stream."""
    since, call, named = asked.values["since"], asked.values["call"], asked.values["session"]
    found = [
        (session, live)
        for session in asked.sessions.all()
        if named in (None, session.id)
        for live in list(session.answering.exchanges)[-KEPT:]
        if (since is None or session.log.begun(live) > since) and call in (None, live.id)
    ]
    found.sort(key=lambda pair: pair[1].machine.started_at)
    made = await lane_documents(found[-asked.values["last"] :])
    return VerbAnswer({"now": round(time(), 6), "event": asked.sessions.numbers.last, "lanes": made})


async def lane_documents(found: Sequence[tuple[Session, LiveExchange]]) -> list[dict[str, Any]]:
    """Return a lane for each call: the call without the contents of its request, and what its stream is made of."""
    streams = [live.machine.stream for _, live in found]
    kinds = await asyncio.to_thread(lambda: [kinds_of(one) for one in streams])  # long bodies take long to decode
    return [_lane(session, live, known) for (session, live), known in zip(found, kinds, strict=True)]


def _lane(session: Session, live: LiveExchange, kinds: str) -> dict[str, Any]:
    if live.open:
        live.look()
    call = call_document(session, live)
    asked = call["request"]
    seen = live.snapshot()
    stream = live.machine.stream
    return {
        **call,
        "request": {"method": asked["method"], "path": asked["path"]},
        "started": round(live.machine.started_at, 6),
        "left_after": None if seen.left_after is None else round(seen.left_after, 6),
        "tokens_total": seen.tokens_total,
        "provider": seen.provider,
        "provider_stops": seen.provider_stops,
        "model_until": _model_until(live),
        "braked": live.brake is not None,
        "stream": {
            "ends": list(stream.boundaries[:_DRAWN]),
            "kinds": kinds,
            "written_at": [round(one, 6) for one in seen.written_at[:_DRAWN]],
            "end": seen.end,
            "ending": stream.ending,
        },
    }


def _model_until(live: LiveExchange) -> float | None:
    """When the model has made all that it bills, where it goes on without its client: seconds since the request."""
    machine = live.machine
    if machine.outcome is not Outcome.CANCELLED or machine.disconnect is None:
        return None
    low = high = machine.disconnect.at
    while not _all_made(live, high):
        low, high = high, high * 2 + 1.0
        if high > _A_DAY:
            return None
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if _all_made(live, middle) else (middle, high)
    return None if high - machine.disconnect.at < _AT_ONCE else round(high, 6)


def _all_made(live: LiveExchange, at: float) -> bool:
    bill = live.machine.bill(at)
    return bill is None or bill.tokens_made >= bill.tokens_billed


def kinds_of(stream: Stream) -> str:
    """Return a letter for each chunk: data, only comments, the end marker, or a piece of an event and no more."""
    items = stream.frame.decode_with_offsets(stream.body)
    ends = [end for end, _ in items]
    letters = []
    for start, end in pairwise((0, *stream.boundaries[:_DRAWN])):
        inside = items[bisect_left(ends, start + 1) : bisect_left(ends, end + 1)]
        if stream.end_marker is not None and start < stream.end_marker <= end:
            letters.append(END)
        elif not inside:
            letters.append(PIECE)
        else:
            letters.append(COMMENT if all(isinstance(item, Comment) for _, item in inside) else DATA)
    return "".join(letters)


async def bills(asked: VerbCall) -> VerbAnswer:
    """The bills of the latest calls whose answer or whose model is under way."""
    found = []
    for session in asked.sessions.all():
        for live in list(session.answering.exchanges)[-KEPT:]:
            bill = live.machine.bill(live.elapsed())
            if bill is not None and (live.open or bill.tokens_made < bill.tokens_billed):
                found.append({**_figures(bill), "session": session.id, "call": live.id})
    return VerbAnswer({"now": round(time(), 6), "bills": found})


def _figures(bill: Any) -> dict[str, Any]:
    names = ("tokens_made", "tokens_written", "tokens_read", "tokens_billed", "cost")
    return {name: getattr(bill, name) for name in names}


async def show_stream(asked: VerbCall) -> VerbAnswer:
    """The first chunks of an answer, with their bytes and what they say."""
    return VerbAnswer(await stream_document(asked.call, asked.values["chunks"]))


async def stream_document(live: LiveExchange, most: int) -> dict[str, Any]:
    """Return the first ``most`` chunks of an answer: their bytes in Base64, and their contents in words."""
    stream = live.machine.stream
    return await asyncio.to_thread(_contents, stream, most)


def _contents(stream: Stream, most: int) -> dict[str, Any]:
    first = Stream(stream.chunks[:most], frame=stream.frame)
    chunks = [
        {
            "start": one.start,
            "size": one.size,
            "delay": round(one.gap, 6),
            "bytes": base64.b64encode(stream.body[one.start : one.start + one.size]).decode(),
            "parts": [{"kind": part.kind, "text": part.text} for part in one.parts],
        }
        for one in report.contents(first)
    ]
    return {"size": len(stream.body), "total": len(stream.chunks), "chunks": chunks}
