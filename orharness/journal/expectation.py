"""What a scenario expects of the exchanges of a route, judged when their outcomes are decided."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from orharness.journal.outcome import Outcome


class Upstream(StrEnum):
    """What is expected of the model behind an answer."""

    STOPPED = "stopped"  # its client left before the end, and it stopped


@dataclass(frozen=True, slots=True)
class Expectation:
    """What each call of a route must come to; ``None`` expects nothing.

    ``within``: seconds from the last chunk that was written to the moment that decides the outcome. For a client that
    cancels while the stream is held, that is how soon after the hold began it must have left.
    """

    outcome: Outcome | None = None
    within: float | None = None
    upstream: Upstream | None = None
