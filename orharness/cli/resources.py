"""The recordings that the package ships."""

from __future__ import annotations

from pathlib import Path

from orharness.errors import OrharnessError

_PACKAGE = Path(__file__).parents[1]
# In a wheel they are inside the package; in an editable install, beside it.
_FOLDERS = (_PACKAGE / "cassettes", _PACKAGE.parent / "cassettes")


def shipped(name: str) -> Path:
    """Return the cassette of that name. Raises ``OrharnessError`` if the installation lacks it."""
    found = next((folder / name for folder in _FOLDERS if (folder / name).is_file()), None)
    if found is None:
        raise OrharnessError(f"the recording {name} is missing from this installation: install onerouter-harness again")
    return found
