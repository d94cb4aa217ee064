"""The order of the tests where several processes share them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def dealt(long: Sequence[T], others: Sequence[T], processes: int) -> list[T]:
    """Return all items in an order in which each process begins with some of the long ones.

    ``pytest-xdist --dist worksteal`` gives each process a part of the list, all of one length, and whoever has done its
    part takes from the end of another's: a long test in the middle of a part would be the last one to end.
    """
    order: list[T] = []
    rest = iter(others)
    left = len(long) + len(others)
    for number in range(processes):
        length = left // (processes - number)
        part = list(long[number::processes])
        part += [item for _, item in zip(range(length - len(part)), rest, strict=False)]
        order += part
        left -= len(part)
    return [*order, *rest]
