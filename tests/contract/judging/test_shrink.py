"""The fewest cuts with which a client still fails."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orharness.contract.judging.shrink import smallest


@given(st.sets(st.integers(1, 60), min_size=1), st.sets(st.integers(1, 60), min_size=1, max_size=3))
def test_what_is_found_still_fails_and_can_do_without_nothing(given_cuts: set[int], needed: set[int]) -> None:
    every = sorted(given_cuts | needed)
    found = smallest(every, lambda some: needed <= set(some), budget=10_000)
    assert set(found) == needed


def test_cuts_that_do_not_matter_are_all_left_out() -> None:
    assert smallest((1, 2, 3), lambda _: True, budget=10) == ()


@given(st.integers(0, 20))
def test_no_more_is_asked_than_the_budget_allows(budget: int) -> None:
    asked: list[tuple[int, ...]] = []

    def fails(some: tuple[int, ...]) -> bool:
        asked.append(some)
        return {3, 50} <= set(some)

    found = smallest(range(1, 60), fails, budget)
    assert len(asked) <= budget
    assert {3, 50} <= set(found)
