"""Moments of writes, packed."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orharness.journal.moments import Packed


@given(st.lists(st.floats(0, 1e6), max_size=30).map(sorted))
def test_moments_are_kept_to_a_microsecond(moments: list[float]) -> None:
    packed = Packed(array("d", moments))
    assert len(packed) == len(moments)
    assert list(packed) == pytest.approx(moments, abs=2e-6)
    assert all(kept <= moment + 1e-9 for kept, moment in zip(packed, moments, strict=True))


def test_the_moments_of_one_write_are_one() -> None:
    assert list(Packed(array("d", [0.25] * 5))) == [0.25] * 5
