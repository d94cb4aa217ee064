"""Where several processes share the tests, each begins with some of the long ones."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.support.order import dealt


def parts(items: list[int], processes: int) -> list[list[int]]:
    """As pytest-xdist's ``worksteal`` shares them at the beginning."""
    shares = []
    for left in range(processes, 0, -1):
        length = len(items) // left
        shares.append(items[:length])
        items = items[length:]
    return shares


@given(st.integers(0, 30), st.integers(0, 300), st.integers(1, 8))
def test_each_process_begins_with_its_share_of_the_long_tests(long: int, others: int, processes: int) -> None:
    order = dealt(range(long), range(1000, 1000 + others), processes)
    assert sorted(order) == [*range(long), *range(1000, 1000 + others)]
    if others < (processes - 1) * (long // processes + 1):
        return
    for number, part in enumerate(parts(order, processes)):
        mine = list(range(long))[number::processes]
        assert part[: len(mine)] == mine
        assert all(item >= 1000 for item in part[len(mine) :])
