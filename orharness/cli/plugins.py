"""A user's own Python: modules of ``--plugin``, imported for their transforms, and the settings of ``--filters``."""

from __future__ import annotations

import importlib
import runpy
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

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


def settings_at(where: str) -> Mapping[str, Any]:
    """The mapping that ``FILE.py:NAME`` or ``MODULE:NAME`` names; a function without arguments is called for it.

    A text that begins with ``{`` is the mapping itself, as JSON. Raises ``ScenarioError`` where there is none.
    """
    if where.lstrip().startswith("{"):
        from orharness.recording.filter_settings import unpacked

        return unpacked(where)
    module, _, name = where.rpartition(":")
    if not module:
        raise ScenarioError(f"--filters is FILE.py:NAME or MODULE:NAME, not {where!r}")
    if module.endswith(".py"):
        try:
            names = runpy.run_path(module)
        except (Exception, SystemExit) as error:
            raise ScenarioError(f"--filters {where}: {type(error).__name__}: {error}") from error
    else:
        import_plugins([module])
        names = vars(sys.modules[module])
    if name not in names:
        raise ScenarioError(f"--filters {where}: there is no {name} in {module}")
    found = names[name]
    for wrapped in ("_get_wrapped_function", "__pytest_wrapped__"):  # of pytest's fixtures
        if hasattr(found, wrapped):
            found = found._get_wrapped_function() if wrapped[1] == "g" else found.__pytest_wrapped__.obj
    settings = found() if callable(found) else found
    if not isinstance(settings, Mapping):
        raise ScenarioError(f"--filters {where}: a mapping such as a vcr_config is expected, not {settings!r:.60}")
    return settings
