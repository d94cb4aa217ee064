"""What was heard of a client in one run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Heard:
    """What came of one run of a client: its text, how it ended, and whether it did within ``waited`` seconds."""

    text: str
    error: BaseException | None
    ended: bool
    waited: float
