"""The observations of one run of a client."""

from __future__ import annotations

from dataclasses import dataclass

from orharness.parts import Part


@dataclass(frozen=True)
class Heard:
    """The text of one run, the error that it showed, and whether it ended within ``waited`` seconds.

    ``took``: seconds from its first request to its end. ``silence``: the longest time in seconds for which what was
    sent is silent. ``parts``: what it said besides text.
    """

    text: str
    error: BaseException | None
    ended: bool
    waited: float
    took: float = 0.0
    silence: float = 0.0
    parts: tuple[Part, ...] = ()
