"""What a scenario expects of the exchanges of a route; checked once their outcomes are decided."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from orharness.journal.outcome import Outcome


class Upstream(StrEnum):
    """What is expected of the model behind an answer."""

    STOPPED = "stopped"  # the client left before the end, and the model stopped


@dataclass(frozen=True, slots=True)
class Expectation:
    """The expected result of each call of a route; ``None`` expects nothing.

    ``within``: seconds from the last written chunk to the moment that decides the outcome. A client that cancels while
    the stream is held must have left that soon after the hold began.
    """

    outcome: Outcome | None = None
    within: float | None = None
    upstream: Upstream | None = None
