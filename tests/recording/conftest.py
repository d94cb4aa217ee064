"""Fixtures of the tests in this folder."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def to(tmp_path: Path) -> Path:
    """Where the cassette is to be."""
    return tmp_path / "recorded" / "a.yaml"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cassette that another recorder holds is refused at once."""
    monkeypatch.setattr("orharness.recording.spool._PATIENCE", 0.0)
