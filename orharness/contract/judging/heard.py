"""The observations of one run of a client."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Heard:
    """The text of one run, the error that it showed, and whether it ended within ``waited`` seconds."""

    text: str
    error: BaseException | None
    ended: bool
    waited: float
