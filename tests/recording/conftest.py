"""Fixtures of the tests in this folder."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def to(tmp_path: Path) -> Path:
    """Where the cassette is to be."""
    return tmp_path / "recorded" / "a.yaml"
