"""The files that commands write."""

from __future__ import annotations

from pathlib import Path

from orharness.errors import ScenarioError


def refuse_folder(path: Path, option: str) -> None:
    """Raise ``ScenarioError`` if an option names a folder where a file is to be written; an empty name is one, too."""
    if path.is_dir():
        raise ScenarioError(f"{option} {path} is a folder: name a file")
