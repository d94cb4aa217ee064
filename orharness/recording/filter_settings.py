"""vcrpy's filter settings as a text, to hand them over to the process that records."""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Callable, Mapping
from functools import reduce
from pathlib import Path
from typing import Any

from orharness.errors import ScenarioError

_TUPLE, _FUNCTION = "()", "def"  # the key of a mapping that stands for a tuple, for a function


def packed(settings: Mapping[str, Any]) -> str:
    """Return the settings as JSON. A function is named by its file and its name there.

    Raises ``ScenarioError`` for a function that has no name at the top of a file, such as a lambda, and for values that
    JSON cannot hold.
    """
    try:
        return json.dumps({name: _packed(name, value) for name, value in settings.items()})
    except (TypeError, ValueError) as error:
        raise ScenarioError(f"the filters cannot be handed over to the recorder: {error}") from error


def unpacked(text: str) -> dict[str, Any]:
    """Return the settings of a text that ``packed`` wrote, or of plain JSON. Raises ``ScenarioError``."""
    try:
        settings = json.loads(text)
    except ValueError as error:
        raise ScenarioError(f"the filters are not JSON: {error}") from error
    if not isinstance(settings, dict):
        raise ScenarioError(f"filters are a mapping such as a vcr_config, not {text[:60]!r}")
    return {name: _unpacked(value) for name, value in settings.items()}


def _packed(name: str, value: Any) -> Any:
    if callable(value):
        return {_FUNCTION: _place_of(name, value)}
    if isinstance(value, tuple):
        return {_TUPLE: [_packed(name, one) for one in value]}
    if isinstance(value, list):
        return [_packed(name, one) for one in value]
    if isinstance(value, Mapping):  # vcrpy takes pairs in place of a mapping
        return [{_TUPLE: [key, _packed(name, one)]} for key, one in value.items()]
    return value


def _place_of(name: str, function: Callable[..., Any]) -> list[str]:
    module = sys.modules.get(getattr(function, "__module__", ""))
    file, called = getattr(module, "__file__", None), getattr(function, "__qualname__", "")
    try:
        found: Any = reduce(getattr, called.split("."), module) if file and called else None
    except AttributeError:  # a lambda, or a function inside of a function
        found = None
    if found is not function:
        raise ScenarioError(
            f"{name}: {called or function!r} cannot be handed over to the recorder, which is a process of its own:"
            " write it as a function at the top of a file"
        )
    return [str(Path(str(file)).resolve()), called]


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpacked(one) for one in value]
    if isinstance(value, dict) and list(value) == [_TUPLE]:
        return tuple(_unpacked(one) for one in value[_TUPLE])
    if isinstance(value, dict) and list(value) == [_FUNCTION]:
        file, called = value[_FUNCTION]
        return _function(file, called)
    return value


def _function(file: str, called: str) -> Any:
    """Return the function of that name in a file. The file is run for it with its folder in the path, as by pytest."""
    folder = str(Path(file).parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    first, *rest = called.split(".")
    try:
        return reduce(getattr, rest, runpy.run_path(file)[first])
    except (Exception, SystemExit) as error:
        raise ScenarioError(f"the filter {called} of {file}: {type(error).__name__}: {error}") from error
