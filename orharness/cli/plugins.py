"""``--plugin MODULE``: a user's own modules, imported for the transforms that they register."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from pathlib import Path

from orharness.errors import ScenarioError


def import_plugins(names: Iterable[str]) -> None:
    """Import modules, so that documents may use their transforms by name; the current directory comes first.

    Raises ``ScenarioError`` for a module that cannot be imported.
    """
    for name in names:
        here = str(Path.cwd())
        sys.path[:] = [here, *(one for one in sys.path if one not in ("", here))]
        try:
            importlib.import_module(name)
        except ScenarioError:
            raise
        except (Exception, SystemExit) as error:
            said = f"{type(error).__name__}: {error}".rstrip(": ")
            raise ScenarioError(f"--plugin {name} cannot be imported: {said}") from error
