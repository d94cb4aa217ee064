"""A machine on which a thread has no core, as Linux would count it: no busy loop is run for that."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import pytest


def counted_as_starved(monkeypatch: pytest.MonkeyPatch, often: Callable[[], bool] = lambda: True) -> None:
    """Count a thread of this process as starved all the time; ``often``: whether it is at this look."""
    counted = [0.0, monotonic()]

    def counts(process: int, *, children: bool = True) -> dict[int, float]:
        now = monotonic()
        counted[:] = [counted[0] + (now - counted[1] if often() else 0.0), now]
        return {1: counted[0]}

    monkeypatch.setattr("orharness.contract.running.patience.starved", counts)
