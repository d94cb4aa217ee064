"""Each transform is among those on which the law of its family is tested."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import Phase, find, settings

from tests.support.step_strategies import STEPS
from tests.transforms.test_boundaries import BOUNDARIES
from tests.transforms.test_faults import faulted
from tests.transforms.test_rewrites import REWRITES
from tests.transforms.test_timing import TIMINGS

HELD = BOUNDARIES | faulted().map(lambda drawn: drawn[1]) | REWRITES | TIMINGS


@pytest.mark.parametrize("name", STEPS)
def test_a_transform_is_held_to_the_law_of_its_family(name: str) -> None:
    drawn = settings(max_examples=2000, phases=[Phase.generate], database=None)
    assert find(HELD, lambda step: step.name == name, settings=drawn, random=Random(name))
