"""How the control API is served, and which requests are for it: all that a server needs before one comes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

ROOT = "/_orharness"
LONGEST_POLL = 30.0  # seconds


@dataclass(frozen=True)
class Limits:
    """What the users of one server's control API may take up.

    ``sessions``: how many may be open at once. ``held``: how many streams of one session may be held at gates at once.
    ``events``: how many events of a session are kept; older ones are forgotten. ``poll``: the longest time in seconds
    for which a request may wait.
    """

    sessions: int = 1000
    held: int = 1000
    events: int = 20_000
    poll: float = LONGEST_POLL


@dataclass(frozen=True)
class ControlOptions:
    """How the control API is served.

    ``token``: the secret that web pages and clients on other machines must send; ``None`` makes a new one. ``hosts``:
    names, besides those of loopback, under which the server is reached. ``scenarios``: the folder whose files a posted
    document may name; ``None`` allows no file. ``page``: whether ``GET /`` is answered with the live page, where no
    route answers it. ``on``: whether there is a control API at all; without it there is no page. ``clock``: returns the
    seconds by which unused sessions end.
    """

    token: str | None = None
    hosts: Collection[str] = ()
    scenarios: Path | None = None
    page: bool = False
    on: bool = True
    limits: Limits = Limits()
    clock: Callable[[], float] = monotonic


def is_control(path: str) -> bool:
    """Whether a path belongs to the control API."""
    return path == ROOT or path.startswith(f"{ROOT}/")
