"""Find a client by its name on a command line: ``MODULE:NAME`` or ``FILE.py:NAME``."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from types import ModuleType

from orharness.contract.driving.subject import Client
from orharness.errors import ScenarioError


def locate(name: str) -> Client:
    """Return the client of that name; ``NAME`` may have dots. The current directory comes first on ``sys.path``.

    Raises ``ScenarioError`` for an invalid name, a file, module or name that is not there, a module that cannot be
    imported (with the line), and what cannot be called.
    """
    place, colon, attribute = name.rpartition(":")
    if not (colon and place and attribute):
        raise ScenarioError(f"a client is named MODULE:NAME or FILE.py:NAME, as in my_client.py:stream; not {name!r}")
    here = str(Path.cwd())
    sys.path[:] = [here, *(one for one in sys.path if one not in ("", here))]
    module = _imported(place, _from_file if _is_file(place) else _from_path)
    return _callable(_named(module, place, attribute), name)


def _is_file(place: str) -> bool:
    return place.endswith(".py") or "/" in place or "\\" in place


def _imported(place: str, load: Callable[[str], ModuleType]) -> ModuleType:
    try:
        return load(place)
    except ScenarioError:
        raise
    except SyntaxError as error:
        where = f"line {error.lineno} of {error.filename}"
        raise ScenarioError(f"{place} cannot be imported: {where}: {type(error).__name__}: {error.msg}") from error
    except (Exception, SystemExit) as error:
        told = f"{type(error).__name__}: {error}".rstrip(": ")
        raise ScenarioError(f"{place} cannot be imported: {_line(error)}{told}") from error


def _line(error: BaseException) -> str:
    """Return the innermost line of the user's own code: not of the import machinery, nor of what is installed."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<frozen")]
    own = [one for one in frames if one.filename != __file__ and "site-packages" not in one.filename]
    own = [one for one in own if not Path(one.filename).is_relative_to(_STANDARD)]
    return f"line {own[-1].lineno} of {own[-1].filename}: " if own else ""


_STANDARD = Path(importlib.__file__).parents[1]


def _from_file(place: str) -> ModuleType:
    path = Path(place).resolve()
    if not path.is_file():
        raise ScenarioError(f"{place}: there is no such file; clients are named FILE.py:NAME or MODULE:NAME")
    if str(path.parent) not in sys.path:
        sys.path.insert(1, str(path.parent))  # as with `python FILE.py`: modules beside it can be imported
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ScenarioError(f"{place} is not a Python file: for any other client there are --command and --driver")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses and pickle look it up there
    spec.loader.exec_module(module)
    return module


def _from_path(place: str) -> ModuleType:
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{place}.".startswith(f"{error.name}."):
            raise  # it is there, and what it imports is not
        raise ScenarioError(f"there is no module named {error.name!r} here or among what is installed") from error


def _named(module: ModuleType, place: str, attribute: str) -> object:
    try:
        return reduce(getattr, attribute.split("."), module)
    except AttributeError:
        names = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        own = [name for name in names if getattr(vars(module)[name], "__module__", None) == module.__name__]
        there = f"; what can be called there: {', '.join(own)}" if own else ""
        raise ScenarioError(f"there is no {attribute!r} in {place}{there}") from None


def _callable(found: object, name: str) -> Client:
    if not callable(found):
        raise ScenarioError(
            f"{name} is {type(found).__name__}, not a function: a client is called with one argument, the base_url,"
            " and returns an iterator or an async iterator of text"
        )
    return found
