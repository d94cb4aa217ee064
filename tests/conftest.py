"""What several test modules share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE_THE_REPOSITORY = Path(__file__).parents[2] / "shared" / "recordings"


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of the foreign recordings; a test that needs it is skipped where it is missing, and fails in CI."""
    folder = Path(os.environ.get("ORHARNESS_RECORDINGS") or _BESIDE_THE_REPOSITORY)
    if folder.is_dir():
        return folder
    missing = f"there are no recordings at {folder} (ORHARNESS_RECORDINGS says where they are)"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)
