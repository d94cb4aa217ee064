"""How many examples Hypothesis makes of a property."""

from __future__ import annotations

from hypothesis import settings

_USUAL = 100  # Hypothesis's own default


def examples(count: int) -> settings:
    """Decorate a property that needs ``count`` examples in a whole run; the profile of a quick run makes fewer."""
    profile = settings().max_examples
    return settings(max_examples=max(1, count * profile // _USUAL))
