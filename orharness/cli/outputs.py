"""The files that commands write."""

from __future__ import annotations

import os
from pathlib import Path

from orharness.errors import ScenarioError


def refuse_folder(path: Path, option: str) -> None:
    """Raise ``ScenarioError`` if an option names a folder where a file is to be written; an empty name is one, too."""
    if path.is_dir():
        raise ScenarioError(f"{option} {path} is a folder: name a file")


def refuse_unwritable(path: Path, option: str) -> None:
    """Raise ``ScenarioError`` if an option names a file that cannot be written. Missing folders are made for it."""
    refuse_folder(path, option)
    folder = next(one for one in Path(os.path.realpath(path)).parents if one.exists())
    if not folder.is_dir():
        raise ScenarioError(f"{option} {path} cannot be written: {folder} is not a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ScenarioError(f"{option} {path} cannot be written: you may not write to {folder}")
