"""The moments of a finished answer's writes, in little memory: an exchange is kept for as long as the journal is."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator
from itertools import accumulate, pairwise, repeat

_A_SECOND = 1_000_000  # microseconds
_WIDTHS = (("B", 1 << 8), ("H", 1 << 16), ("I", 1 << 32))  # type codes of array, and what their items are below


class Packed(Collection[float]):
    """Moments in seconds, rounded down to microseconds: two bytes each where none is 65 ms after the one before."""

    __slots__ = ("_first", "_number", "_steps")

    def __init__(self, moments: array[float]) -> None:
        in_order = [int(one * _A_SECOND) for one in moments]
        self._number = len(in_order)
        self._first = in_order[0] if in_order else 0
        steps = [later - earlier for earlier, later in pairwise(in_order)]
        self._steps = _narrow(steps) if any(steps) else None  # ``None``: all in one write

    def __len__(self) -> int:
        return self._number

    def __iter__(self) -> Iterator[float]:
        if self._steps is None:
            return repeat(self._first / _A_SECOND, self._number)
        return (one / _A_SECOND for one in accumulate(self._steps, initial=self._first))

    def __contains__(self, moment: object) -> bool:
        return any(one == moment for one in self)


def _narrow(steps: list[int]) -> array[int]:
    fits = min(steps) >= 0
    most = max(steps)
    return array(next((code for code, limit in _WIDTHS if fits and most < limit), "q"), steps)
