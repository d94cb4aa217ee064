"""The recordings that are shipped with the package."""

from __future__ import annotations

from pathlib import Path

from orharness.errors import OrharnessError

_PACKAGE = Path(__file__).parents[1]
# In a wheel they stand inside the package; of an editable install, beside it.
_FOLDERS = (_PACKAGE / "cassettes", _PACKAGE.parent / "cassettes")


def shipped(name: str) -> Path:
    """The cassette of that name. Raises ``OrharnessError`` where the installation lacks it."""
    found = next((folder / name for folder in _FOLDERS if (folder / name).is_file()), None)
    if found is None:
        raise OrharnessError(f"the recording {name} is missing from this installation: install onerouter-harness again")
    return found
