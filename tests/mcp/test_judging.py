"""What is said of a tool, from the times at which it was seen to work."""

from __future__ import annotations

import pytest

from orharness.mcp.judging import (
    CANCELLED,
    CASES,
    LEAVING,
    RESUME,
    REVISIONS,
    Alone,
    Disturbed,
    Resumed,
    can_be_judged,
    goes_on,
    resumes,
    stops,
)
from orharness.verdict import Level, Result

STATELESS, WITH_SESSIONS = REVISIONS


def every(seconds: float, until: float) -> tuple[float, ...]:
    return tuple(round(seconds * number, 6) for number in range(1, round(until / seconds) + 1))


ALONE = Alone(3.0, every(0.1, 3.0))


def test_a_tool_that_stops_within_the_time_holds() -> None:
    for last in (1.0, 1.5, 2.0):
        assert stops(LEAVING[STATELESS], "slow", "its client had left", ALONE, Disturbed(1.0, every(0.1, last)), 1.0)
    held = stops(LEAVING[STATELESS], "slow", "its client had left", ALONE, Disturbed(1.0, every(0.1, 2.0)), 1.0)
    assert held.result is Result.PASS


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (2.1, "slow worked on for 1.1 s after its client had left"),
        (3.0, "slow worked on for 2.0 s after its client had left, to its end"),
        (2.9, "slow worked on for 1.9 s after its client had left, to its end"),
    ],
)
def test_a_tool_that_runs_on_is_named_with_its_seconds(last: float, reason: str) -> None:
    found = stops(LEAVING[STATELESS], "slow", "its client had left", ALONE, Disturbed(1.0, every(0.1, last)), 1.0)
    assert (found.result, found.level, found.case) == (Result.FAIL, Level.MUST, "2026-07-28/leaving")
    assert found.evidence is not None
    assert found.evidence.reason == reason
    assert "2026-07-28, Streamable HTTP, Cancellation" in found.evidence.expected


def test_a_tool_that_must_go_on_and_does() -> None:
    for last in (3.0, 2.9, 2.5):
        found = goes_on(LEAVING[WITH_SESSIONS], "slow", ALONE, Disturbed(1.0, every(0.1, last)))
        assert found.result is Result.PASS


@pytest.mark.parametrize(("last", "missing"), [(1.0, "2.0"), (1.2, "1.8"), (2.0, "1.0")])
def test_a_tool_that_must_go_on_and_is_cancelled(last: float, missing: str) -> None:
    found = goes_on(LEAVING[WITH_SESSIONS], "slow", ALONE, Disturbed(1.0, every(0.1, last)))
    assert (found.result, found.level) == (Result.FAIL, Level.SHOULD)
    assert found.evidence is not None
    assert f"{missing} s of its work are missing" in found.evidence.reason


@pytest.mark.parametrize(
    ("alone", "at", "why"),
    [
        (Alone(3.0, ()), 1.0, "nothing shows whether the tool works"),
        (Alone(1.0, every(0.1, 1.0)), 0.5, "it must work on for 1.1 s and more after its client leaves at 0.5 s"),
        (Alone(3.0, (0.1,)), 1.0, "have it take longer"),
        (Alone(3.0, (1.0, 2.5)), 1.0, "have it take longer"),  # what is seen each 1.5 s is not known better
        (ALONE, 1.0, None),
    ],
)
def test_what_cannot_be_seen_is_not_judged(alone: Alone, at: float, why: str | None) -> None:
    found = can_be_judged(alone, at, within=1.0)
    assert found is None if why is None else why in str(found)


@pytest.mark.parametrize(
    ("last_id", "seen", "result", "said"),
    [
        ("", Resumed(None, answered=False), Result.NOT_APPLICABLE, "MAY leave them out"),
        ("7", Resumed(200, answered=True), Result.PASS, ""),
        ("7", Resumed(405, answered=False), Result.FAIL, "Last-Event-ID: 7 the response of slow does not come"),
        ("7", Resumed(None, answered=False), Result.FAIL, "does not come"),
        ("7", Resumed(200, answered=True, foreign=(9,)), Result.FAIL, "it replays messages of another stream"),
    ],
)
def test_what_a_client_gets_that_comes_back(last_id: str, seen: Resumed, result: Result, said: str) -> None:
    found = resumes("slow", last_id, seen)
    assert found.result is result
    assert said in (found.note or (found.evidence.reason if found.evidence else ""))


def test_each_case_has_its_clause_and_its_source() -> None:
    assert [case for revision in REVISIONS for case in CASES[revision]] == [*LEAVING.values(), RESUME, CANCELLED]
    for revision in REVISIONS:
        for case in CASES[revision]:
            assert case.name.startswith(f"{revision}/")
            assert f"specification/{revision}/" in case.source
            assert case.clause.startswith(revision)
