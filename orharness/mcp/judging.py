"""Verdicts on what was seen of a tool. Pure: times are seconds since the call, and what happened is handed in.

What can be seen is whether the tool worked on. Whether the server took the leaving for a cancel, and a tool in a thread
could not be stopped, cannot be told from one that did not: in both, what the revision asks for does not happen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from orharness.mcp.session import STATELESS, WITH_SESSIONS
from orharness.verdict import Evidence, Level, Result, Verdict

REVISIONS = (STATELESS, WITH_SESSIONS)
_SITE = "https://modelcontextprotocol.io/specification"
_NOT_SEEN = "nothing shows whether the tool works: have it ask the witness, or name a file that it writes (--watch)"


@dataclass(frozen=True)
class McpCase:
    """One rule. ``clause``: what the specification calls the section that has it; ``source``: its address."""

    name: str
    title: str
    level: Level
    clause: str
    source: str


LEAVING = {
    STATELESS: McpCase(
        f"{STATELESS}/leaving",
        "Closing the stream cancels the call: the tool stops.",
        Level.MUST,
        f"{STATELESS}, Streamable HTTP, Cancellation",
        f"{_SITE}/{STATELESS}/basic/transports/streamable-http#cancellation",
    ),
    WITH_SESSIONS: McpCase(
        f"{WITH_SESSIONS}/leaving",
        "Closing the stream is not a cancel: the tool goes on to its end.",
        Level.SHOULD,
        f"{WITH_SESSIONS}, Transports, Sending Messages to the Server, 6",
        f"{_SITE}/{WITH_SESSIONS}/basic/transports#sending-messages-to-the-server",
    ),
}
RESUME = McpCase(
    f"{WITH_SESSIONS}/resume",
    "A stream whose events have ids can be resumed: the response comes.",
    Level.SHOULD,
    f"{WITH_SESSIONS}, Transports, Resumability and Redelivery, 2",
    f"{_SITE}/{WITH_SESSIONS}/basic/transports#resumability-and-redelivery",
)
CANCELLED = McpCase(
    f"{WITH_SESSIONS}/cancelled",
    "notifications/cancelled cancels the call: the tool stops.",
    Level.SHOULD,
    f"{WITH_SESSIONS}, Cancellation, Behavior Requirements, 4",
    f"{_SITE}/{WITH_SESSIONS}/basic/utilities/cancellation#behavior-requirements",
)
CASES = {STATELESS: (LEAVING[STATELESS],), WITH_SESSIONS: (LEAVING[WITH_SESSIONS], RESUME, CANCELLED)}


@dataclass(frozen=True)
class Alone:
    """An undisturbed call: the seconds until its response, and when the tool was seen to work."""

    seconds: float
    signs: tuple[float, ...]

    @property
    def gap(self) -> float:
        """The longest time without a sign of work, in seconds: how precisely the tool's end is known."""
        times = (0.0, *self.signs, self.seconds)
        return max(later - earlier for earlier, later in pairwise(times))

    @property
    def last(self) -> float:
        """When it was last seen to work."""
        return max(self.signs, default=0.0)


@dataclass(frozen=True)
class Disturbed:
    """A call that was left, or cancelled, after ``at`` seconds, and when the tool was seen to work."""

    at: float
    signs: tuple[float, ...]

    @property
    def worked_on(self) -> float:
        """The seconds that the tool was seen to work afterwards."""
        return max(0.0, max(self.signs, default=0.0) - self.at)


def can_be_judged(alone: Alone, at: float, within: float) -> str | None:
    """Return why a call that is left after ``at`` seconds would show nothing, ``None`` if it would show something."""
    if not alone.signs:
        return _NOT_SEEN
    if alone.last < at + within + alone.gap:
        return (
            f"the tool was last seen to work {alone.last:.1f} s after its call: to be judged it must work on for"
            f" {within + alone.gap:.1f} s and more after its client leaves at {at:.1f} s; have it take longer"
        )
    return None


def stops(case: McpCase, tool: str, act: str, alone: Alone, seen: Disturbed, within: float) -> Verdict:
    """Judge a call that must not go on. ``act``: what the client did, in words."""
    if seen.worked_on <= within:
        return _verdict(case, Result.PASS)
    to_its_end = seen.worked_on + seen.at >= alone.last - alone.gap
    reason = f"{tool} worked on for {seen.worked_on:.1f} s after {act}" + (", to its end" if to_its_end else "")
    got = f"it was seen to work until {seen.at + seen.worked_on:.1f} s after its call"
    return _fail(case, f"it stops within {within:g} s of {seen.at:.1f} s", got, reason)


def goes_on(case: McpCase, tool: str, alone: Alone, seen: Disturbed) -> Verdict:
    """Judge a call that its client has left, and that must go on."""
    missing = alone.last - seen.at - seen.worked_on
    if missing <= max(2 * alone.gap, alone.last / 4):
        return _verdict(case, Result.PASS)
    reason = (
        f"{tool} was cancelled by the leaving: it worked on for {seen.worked_on:.1f} s,"
        f" and {missing:.1f} s of its work are missing"
    )
    got = f"it was seen to work until {seen.at + seen.worked_on:.1f} s"
    return _fail(
        case, f"it works until {alone.last:.1f} s after its call, as in a call that nobody leaves", got, reason
    )


@dataclass(frozen=True)
class Resumed:
    """What came of asking for the rest of a stream. ``status``: of the response; ``None`` if none came.

    ``answered``: the response to the call came. ``foreign``: ids of other requests whose responses came.
    """

    status: int | None
    answered: bool
    foreign: Sequence[object] = ()


def resumes(tool: str, last_id: str, seen: Resumed) -> Verdict:
    """Judge what a client gets that comes back with the last event's id."""
    if not last_id:
        return not_applicable(RESUME, "its events have no ids: the server MAY leave them out")
    if seen.foreign:
        got = f"responses to {', '.join(map(repr, seen.foreign))}"
        return _fail(RESUME, f"the rest of the stream of {tool}", got, "it replays messages of another stream")
    if seen.answered:
        return _verdict(RESUME, Result.PASS)
    got = "no response" if seen.status is None else f"status {seen.status}, and no response to the call"
    reason = f"the events have ids, but with Last-Event-ID: {last_id} the response of {tool} does not come"
    return _fail(RESUME, "the response to the call", got, reason)


def not_applicable(case: McpCase, why: str) -> Verdict:
    """Return that a case cannot be judged, and why."""
    return Verdict(case.name, case.title, Result.NOT_APPLICABLE, level=case.level, source=case.source, note=why)


def _verdict(case: McpCase, result: Result) -> Verdict:
    return Verdict(case.name, case.title, result, level=case.level, source=case.source)


def _fail(case: McpCase, expected: str, got: str, reason: str) -> Verdict:
    evidence = Evidence(f"{expected} ({case.clause})", got, reason)
    return Verdict(case.name, case.title, Result.FAIL, evidence, level=case.level, source=case.source)
