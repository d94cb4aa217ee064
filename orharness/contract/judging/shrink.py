"""Find the fewest cuts with which a client still fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Fails = Callable[[tuple[int, ...]], bool]


def smallest(cuts: Sequence[int], fails: Fails, budget: int) -> tuple[int, ...]:
    """Return cuts with which ``fails`` still holds, without any that are not needed as far as the budget allows.

    ``cuts`` are known to fail. At most ``budget`` questions are asked. First whether the cuts matter at all, then
    halves, as long as one half alone fails; then one cut after the other is left out.
    """
    asked = 0

    def still(candidate: tuple[int, ...]) -> bool:
        nonlocal asked
        asked += 1
        return asked <= budget and fails(candidate)

    left = tuple(cuts)
    if not left or still(()):
        return ()
    while len(left) > 1:
        middle = len(left) // 2
        if still(left[:middle]):
            left = left[:middle]
        elif still(left[middle:]):
            left = left[middle:]
        else:
            break
    return _without_the_idle(left, still)


def _without_the_idle(cuts: tuple[int, ...], still: Fails) -> tuple[int, ...]:
    left = cuts
    for cut in cuts if len(cuts) > 1 else ():
        without = tuple(one for one in left if one != cut)
        if still(without):
            left = without
    return left
