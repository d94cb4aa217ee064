"""The generator of the reference's pages, as mkdocs loads it."""

from __future__ import annotations

import importlib
import sys
from functools import cache
from types import ModuleType

import pytest

from tests.support.places import ROOT


@cache
def generator() -> ModuleType:
    """Return the module ``docs/generate.py``, which finds its neighbours in its own folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(ROOT / "docs"), *sys.path])
        return importlib.import_module("generate")


@cache
def pages() -> dict[str, str]:
    """Return the generated pages: the path of each, and its Markdown."""
    made: dict[str, str] = generator().pages()
    return made
