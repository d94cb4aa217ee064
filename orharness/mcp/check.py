"""The run: one undisturbed call, then calls that are left or cancelled, each watched until it would have ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any

from orharness.errors import ScenarioError
from orharness.mcp import judging
from orharness.mcp.judging import CANCELLED, CASES, LEAVING, REVISIONS, Alone, Disturbed, Resumed
from orharness.mcp.session import STATELESS, WITH_SESSIONS, McpCall, McpSession, Unspoken, error_of, response_in
from orharness.mcp.wire import Address, McpExchange
from orharness.mcp.witness import Witness
from orharness.verdict import Verdict, did_you_mean

WITHIN = 1.0
_LOOK = 0.02  # seconds between two looks
_BEFORE = 0.3  # of the tool's time: when its client leaves, if it is not said
_QUIET = 1.5  # how much longer than alone a call is watched: a busy machine is slower
_LONGEST = 120.0  # seconds


@dataclass(frozen=True)
class McpTarget:
    """What is judged: a ``tool`` with its ``arguments``, at ``url``.

    ``revisions``: those to judge. ``within``: seconds in which a tool that is cancelled has to stop. ``leave_after``:
    seconds from the call to the leaving, ``None`` for a third of the time that the tool takes. ``headers``: sent with
    each request. Raises ``ScenarioError`` for a value that is impossible.
    """

    url: str
    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    revisions: Sequence[str] = REVISIONS
    within: float = WITHIN
    leave_after: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if unknown := [one for one in self.revisions if one not in REVISIONS]:
            known = ", ".join(REVISIONS)
            raise ScenarioError(f"a revision is one of {known}; not {unknown[0]!r}{did_you_mean(unknown, REVISIONS)}")
        for name in ("within", "leave_after"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ScenarioError(f"{name} is a number of seconds above 0, not {value:g}")


def check(
    asked: McpTarget, witnesses: Sequence[Witness] = (), on_verdict: Callable[[Verdict], object] = lambda verdict: None
) -> list[Verdict]:
    """Judge the server, and return a verdict on each case.

    ``on_verdict`` is called with each verdict as soon as it is found. A revision that the server does not speak is not
    applicable. Raises ``ScenarioError`` for a tool that fails, or that ends too early to be left, and ``UpstreamError``
    if the server cannot be reached.
    """
    at = Address.of(asked.url)
    found: list[Verdict] = []

    def take(verdict: Verdict) -> None:
        found.append(verdict)
        on_verdict(verdict)

    for revision in dict.fromkeys(asked.revisions):
        session = McpSession(at, revision, asked.headers)
        try:
            session.open()
        except Unspoken as reason:
            for case in CASES[revision]:
                take(judging.not_applicable(case, f"the server does not speak {revision}: {reason}"))
            continue
        try:
            for verdict in _Judge(session, asked, witnesses).verdicts():
                take(verdict)
        finally:
            session.close()
    return found


class _Judge:
    """The calls of one revision."""

    def __init__(self, session: McpSession, asked: McpTarget, witnesses: Sequence[Witness]) -> None:
        self._session = session
        self._asked = asked
        self._witnesses = witnesses

    def verdicts(self) -> list[Verdict]:
        """Make the calls, and return what they show."""
        alone = self._alone()
        at = self._asked.leave_after or alone.seconds * _BEFORE
        if at >= alone.seconds:
            raise ScenarioError(f"{self._asked.tool} has answered after {alone.seconds:.1f} s, before {at:.1f} s")
        why = judging.can_be_judged(alone, at, self._asked.within)
        if self._session.revision == STATELESS:
            return [self._left_for_good(alone, at, why)]
        return [*self._left_and_resumed(alone, at, why), self._cancelled(alone, at, why)]

    # --- calls ----------------------------------------------------------------------------------------------------

    def _alone(self) -> Alone:
        """Call the tool and stay to its end. Raises ``ScenarioError`` if it fails."""
        started, signs, call = self._begun()
        self._watch(call, started, signs, lambda: call.response is not None or call.exchange.over)
        while call.response is None and call.exchange.last_id and monotonic() - started < _LONGEST:
            self._come_back(call, started, signs)
        call.exchange.leave()
        seconds = monotonic() - started
        if (why := error_of(call)) is not None:
            raise ScenarioError(f"{self._asked.tool} fails although no client has left: {why}")
        if call.response is None:
            raise ScenarioError(f"{self._asked.tool} gives no response within {seconds:.1f} s")
        return Alone(seconds, tuple(signs))

    def _left_for_good(self, alone: Alone, at: float, why: str | None) -> Verdict:
        case = LEAVING[STATELESS]
        if why is not None:
            return judging.not_applicable(case, why)
        seen, _ = self._left(alone, at)
        return judging.stops(case, self._asked.tool, "its client had left", alone, seen, self._asked.within)

    def _left_and_resumed(self, alone: Alone, at: float, why: str | None) -> list[Verdict]:
        """Leave a call, watch it to its end, and come back for its response."""
        seen, call = self._left(alone, at)
        last_id = call.exchange.last_id
        resumed = self._resumed(call, last_id, alone) if last_id else Resumed(None, answered=False)
        case, tool = LEAVING[WITH_SESSIONS], self._asked.tool
        if why is not None and not resumed.answered:
            leaving = judging.not_applicable(case, why)
        elif resumed.answered:  # the protocol itself shows that it went on
            leaving = judging.goes_on(case, tool, alone, Disturbed(at, (alone.last,)))
        else:
            leaving = judging.goes_on(case, tool, alone, seen)
        return [leaving, judging.resumes(tool, last_id, resumed)]

    def _cancelled(self, alone: Alone, at: float, why: str | None) -> Verdict:
        if why is not None:
            return judging.not_applicable(CANCELLED, why)
        started, signs, call = self._begun()
        self._watch(call, started, signs, lambda: monotonic() - started >= at)
        status = self._session.cancel(call)
        left = monotonic() - started
        self._watch(call, started, signs, lambda: monotonic() - started > alone.seconds * _QUIET + self._asked.within)
        call.exchange.leave()
        act = f"notifications/cancelled (status {status})"
        return judging.stops(CANCELLED, self._asked.tool, act, alone, Disturbed(left, tuple(signs)), self._asked.within)

    # --- parts of a call ------------------------------------------------------------------------------------------

    def _begun(self) -> tuple[float, list[float], McpCall]:
        for one in self._witnesses:
            one.look()  # what is left of the call before
        return monotonic(), [], self._session.call(self._asked.tool, self._asked.arguments)

    def _left(self, alone: Alone, at: float) -> tuple[Disturbed, McpCall]:
        """Leave a call, and watch for as long as the tool takes alone, and longer."""
        started, signs, call = self._begun()
        self._watch(call, started, signs, lambda: monotonic() - started >= at)
        call.exchange.leave()
        left = monotonic() - started
        until = alone.seconds * _QUIET + self._asked.within
        self._watch(call, started, signs, lambda: monotonic() - started > until)
        return Disturbed(left, tuple(signs)), call

    def _watch(self, call: McpCall, started: float, signs: list[float], done: Callable[[], bool]) -> None:
        """Read what comes and look for signs of work, until it is done or the longest time is over."""
        while not done() and monotonic() - started < _LONGEST:
            if call.exchange.over:
                sleep(_LOOK)
            else:
                call.exchange.wait(_LOOK)
            self._look(started, signs)

    def _look(self, started: float, signs: list[float]) -> None:
        looks = [one.look() for one in self._witnesses]  # each one looks, whatever the others have seen
        if any(looks):
            signs.append(monotonic() - started)

    def _come_back(self, call: McpCall, started: float, signs: list[float]) -> None:
        """Ask for the rest of a stream that the server has closed, after the time that it asks for."""
        before = call.exchange
        ready = monotonic() + (before.retry or 0.0)
        self._watch(call, started, signs, lambda: monotonic() >= ready)
        call.exchange = self._session.resume(before.last_id)
        call.exchange.last_id = before.last_id
        self._watch(call, started, signs, lambda: call.response is not None or call.exchange.over)

    def _resumed(self, call: McpCall, last_id: str, alone: Alone) -> Resumed:
        exchange: McpExchange = self._session.resume(last_id)
        until = monotonic() + alone.seconds + self._asked.within
        while not exchange.over and response_in(exchange.messages, call.id) is None and monotonic() < until:
            exchange.wait(_LOOK)
        exchange.leave()
        others = [one["id"] for one in exchange.messages if isinstance(one, dict) and "result" in one]
        foreign = [one for one in others if one != call.id]
        return Resumed(exchange.status, response_in(exchange.messages, call.id) is not None, foreign)
