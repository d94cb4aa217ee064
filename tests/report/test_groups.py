"""Fails in groups by their reason."""

from __future__ import annotations

import pytest

from orharness.report.groups import by_reason
from orharness.verdict import Evidence, Level, Result, Verdict


def fail(reason: str, level: Level = Level.MUST) -> Verdict:
    return Verdict("done/a", "A.", Result.FAIL, Evidence("'x'", "'y'", reason), level=level)


def reasons(*said: str) -> list[list[str]]:
    return [[one.evidence.reason for one in alike if one.evidence] for alike in by_reason(map(fail, said))]


def test_reasons_that_differ_in_measured_seconds_alone_are_one() -> None:
    late, later = (
        "it timed out 2.0 s after its request: a limit of 2 s",
        "it timed out 2.1 s after its request: a limit of 2 s",
    )
    assert reasons(late, "another", later) == [[late, later], ["another"]]


def test_an_exception_that_names_another_place_is_the_same_one() -> None:
    one, other = (
        f"it raised JSONDecodeError('Unterminated string starting at: line 1 column {at + 1} (char {at})')"
        for at in (30, 108)
    )
    assert reasons(one, "it raised KeyError('a')", other) == [[one, other], ["it raised KeyError('a')"]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("it timed out 2.0 s after its request", "it timed out 60.0 s after its request"),  # two limits
        ("it made 195 more tokens", "it made 196 more tokens"),  # no seconds
        ("2 such lines", "3 such lines"),
        ("1,000 s of silence", "1 s of silence"),
    ],
)
def test_other_numbers_make_another_reason(one: str, other: str) -> None:
    assert reasons(one, other) == [[one], [other]]


def test_those_of_a_must_come_first() -> None:
    should, must = fail("may", Level.SHOULD), fail("must")
    assert by_reason([should, must]) == [[must], [should]]
