"""The long poll: ``wait_*``, ``expect_disconnect`` and ``assert_upstream_stopped`` over HTTP.

An answer says whether it was met, and if not, in the words of the Python handles, why. ``final`` is false where asking
again may help: a poll takes 30 seconds at most. So a client whose connection breaks asks again and loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from orharness.checks import (
    Aftermath,
    cannot_be_known,
    describe,
    disconnect_failure,
    nobody_failure,
    none_held,
    upstream_failure,
)
from orharness.journal import Exchange
from orharness.server.control.problems import Problem
from orharness.server.control.verbs import VerbAnswer, VerbCall, call_of, routes_of
from orharness.server.exchange import LiveExchange
from orharness.server.handles import GRACE, LOOK, Act, finished_by_now
from orharness.server.mounts import Mounted, exchanges_of, name_of
from orharness.server.sessions import Session

FOR = ("call", "held", "outcome", "finished", "left", "upstream")


@dataclass
class WaitResult:
    """The result of a wait: whether the condition is met, the text that says so, and the calls concerned."""

    met: bool
    text: str
    calls: list[LiveExchange] = field(default_factory=list)
    final: bool = True


@dataclass
class Waiting:
    """The condition to wait for. ``since``: only what happened after that event counts; ``None`` for everything."""

    session: Session
    routes: list[Mounted] | None
    call: LiveExchange | None
    since: int | None
    number: int
    seconds: float

    @classmethod
    def of(cls, asked: VerbCall) -> Waiting:
        """Return the condition of a request. Raises ``Problem`` for a route or a call that does not exist."""
        session, values = asked.session, asked.values
        routes = routes_of(session, values["route"])
        call = None if values["call"] is None else call_of(session, values["call"])
        return cls(session, routes, call, values["since"], values["number"], values["timeout"])

    @property
    def name(self) -> str:
        """The name that its texts use."""
        return f"the session {self.session.id}" if self.routes is None else name_of(self.routes)

    def answered(self) -> list[LiveExchange]:
        """All exchanges of the call, the route or the session."""
        if self.call is not None:
            return [self.call]
        return list(self.session.answering.exchanges) if self.routes is None else exchanges_of(self.routes)

    def others(self) -> list[Exchange]:
        """The exchanges of the session that are not among them."""
        answered = self.answered()
        return [live.snapshot() for live in self.session.answering.exchanges if live not in answered]

    def calls(self) -> list[LiveExchange]:
        """The exchanges that began after ``since``."""
        log = self.session.log
        return [live for live in self.answered() if self.since is None or log.begun(live) > self.since]

    def numbered(self) -> LiveExchange | None:
        """The call with that number, counted from 1; ``None`` if it has not come yet."""
        calls = self.calls()
        return calls[self.number - 1] if len(calls) >= self.number else None

    def not_come(self) -> WaitResult:
        """The result for a call that has not come yet."""
        came = len(self.calls())
        return WaitResult(
            False, f"after {self.seconds:g} s {self.name} had {came} of {self.number} requests", final=False
        )


async def wait(asked: VerbCall) -> VerbAnswer:
    """Wait for the time given in the request, and return the result."""
    waiting = Waiting.of(asked)
    act: float | None = None
    if asked.values["for"] == "left":
        found, act = await _left(waiting, asked)
    elif asked.values["for"] == "upstream":
        found = await _upstream(waiting, asked)
    else:
        found = await _until(waiting, _CONDITIONS[asked.values["for"]])
    return VerbAnswer(_document(waiting, found, asked, act))


def _document(waiting: Waiting, found: WaitResult, asked: VerbCall, act: float | None) -> dict[str, Any]:
    calls = [call_document(waiting.session, live) for live in found.calls]
    document = {
        "met": found.met,
        "final": found.final,
        "text": found.text,
        "call": calls[0] if len(calls) == 1 else None,
        "calls": calls,
        "event": asked.sessions.numbers.last,
    }
    return document if act is None else {**document, "act": act}


def call_document(session: Session, live: LiveExchange) -> dict[str, Any]:
    """Return a call as JSON: its journal entry, and what the Python handle adds to it."""
    seen = live.snapshot()
    mounted = next((one for one in session.answering.mounted if live in one.exchanges), None)
    return {
        **seen.to_json(),
        "session": session.id,
        "route_id": None if mounted is None else mounted.id,
        "finished": finished_by_now(live),
        "held_at": seen.held_at,
        "chunks": seen.chunks,
        "stream_size": seen.stream_size,
        "open": live.can_be_left,
        "event": session.log.begun(live),
    }


# --- conditions ---------------------------------------------------------------------------------------------------


async def _until(waiting: Waiting, condition: Callable[[Waiting], WaitResult]) -> WaitResult:
    deadline = monotonic() + waiting.seconds
    while not (found := condition(waiting)).final:
        if not await waiting.session.log.changes.until(deadline, LOOK):
            return condition(waiting)
    return found


def _come(waiting: Waiting) -> WaitResult:
    live = waiting.numbered()
    return waiting.not_come() if live is None else WaitResult(True, describe(live.snapshot()), [live])


def _held(waiting: Waiting) -> WaitResult:
    seen = [(live, live.snapshot()) for live in waiting.calls()]
    for live, exchange in seen:
        if exchange.held_at is not None:
            return WaitResult(True, f"{describe(exchange)}, held at a gate after byte {exchange.held_at:,}", [live])
    gates = any(live.has_gates for live, _ in seen)
    said = none_held(waiting.name, waiting.seconds, [exchange for _, exchange in seen], waiting.others(), gates=gates)
    return WaitResult(False, said, final=False)


def _decided(waiting: Waiting) -> WaitResult:
    live = waiting.numbered()
    if live is None:
        return waiting.not_come()
    seen = live.snapshot()
    if live.is_decided:
        return WaitResult(True, describe(seen), [live])
    said = f"after {waiting.seconds:g} s the exchange is still open: {describe(seen)}"
    return WaitResult(False, said, [live], final=False)


def _finished(waiting: Waiting) -> WaitResult:
    live = waiting.numbered()
    if live is None:
        return waiting.not_come()
    if live.open:
        live.look()
    finished, seen = finished_by_now(live), live.snapshot()
    if finished is None and live.is_decided:
        return WaitResult(False, cannot_be_known(seen) or f"cannot be known: {describe(seen)}", [live])
    return WaitResult(bool(finished), describe(seen), [live], final=bool(finished) or live.is_decided)


_CONDITIONS: dict[str, Callable[[Waiting], WaitResult]] = {
    "call": _come,
    "held": _held,
    "outcome": _decided,
    "finished": _finished,
}


# --- leaving ------------------------------------------------------------------------------------------------------


async def _left(waiting: Waiting, asked: VerbCall) -> tuple[WaitResult, float]:
    """As ``expect_disconnect``. Its block ends with this request, or ended at the ``act`` of an earlier response."""
    session, within, given = waiting.session, float(asked.values["within"]), asked.values["act"]
    act = monotonic() if given is None else float(given)
    await asked.sessions.settle()
    concerned = _concerned(waiting)
    if not concerned:
        before = [live.snapshot() for live in waiting.answered()]
        return WaitResult(False, str(nobody_failure(waiting.name, before, waiting.others()))), act
    acts = list(_acts(session, concerned, act))
    deadline = act + within + max(within, GRACE)
    poll = monotonic() + asked.sessions.limits.poll
    while any(live.can_be_left for live in concerned):
        if not await session.log.changes.until(min(deadline, poll), LOOK):
            break
    if poll < deadline and any(live.can_be_left for live in concerned):
        return WaitResult(False, "the client has not left yet: ask again with act", concerned, final=False), act
    failure = disconnect_failure([_aftermath(*pair) for pair in zip(concerned, acts, strict=True)], within)
    said = "\n".join(describe(live.snapshot()) for live in concerned) if failure is None else str(failure)
    return WaitResult(failure is None, said, concerned), act


def _concerned(waiting: Waiting) -> list[LiveExchange]:
    if waiting.since is None:
        return waiting.answered()
    log = waiting.session.log
    return [live for live in waiting.answered() if log.was_open_after(live, waiting.since)]


def _acts(session: Session, lives: list[LiveExchange], moment: float) -> Iterator[Act]:
    for live in lives:
        known = session.acts.get(live.id)
        if known is None or known.at != moment:
            session.acts[live.id] = Act(moment, _looked_at(live))
        yield session.acts[live.id]


def _looked_at(live: LiveExchange) -> Any:
    if live.open:
        live.look()
    return live.snapshot()


def _aftermath(live: LiveExchange, act: Act) -> Aftermath:
    # The client is in another process than this server: whose socket it is says nothing.
    now, after = live.elapsed(), _looked_at(live)
    return Aftermath(act.at - live.started, act.exchange, now, after, live.can_be_left, None)


async def _upstream(waiting: Waiting, asked: VerbCall) -> WaitResult:
    """As ``assert_upstream_stopped``, for each of the calls."""
    await asked.sessions.settle()
    calls = waiting.calls()
    if not calls:
        raise Problem(404, f"{waiting.name} has no call to be judged")
    texts = []
    for live in calls:
        act = waiting.session.acts.get(live.id)
        seen = None if act is None else _aftermath(live, act)
        failure = upstream_failure(_looked_at(live), asked.values["leaked_tokens"], seen)
        texts += [] if failure is None else [str(failure)]
    return WaitResult(not texts, "\n\n".join(texts) or "\n".join(describe(live.snapshot()) for live in calls), calls)
