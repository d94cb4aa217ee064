"""How the control API is served, and which requests are for it: all that a server needs before one comes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

ROOT = "/_orharness"


@dataclass(frozen=True)
class ControlOptions:
    """How the control API is served.

    ``token``: the secret that web pages and clients on other machines must send; ``None`` makes a new one. ``hosts``:
    names, besides those of loopback, under which the server is reached. ``scenarios``: the folder whose files a posted
    document may name; ``None`` allows no file. ``page``: whether ``GET /`` is answered with the live page, where no
    route answers it. ``on``: whether there is a control API at all; without it there is no page.
    """

    token: str | None = None
    hosts: Collection[str] = ()
    scenarios: Path | None = None
    page: bool = False
    on: bool = True


def is_control(path: str) -> bool:
    """Whether a path belongs to the control API."""
    return path == ROOT or path.startswith(f"{ROOT}/")
