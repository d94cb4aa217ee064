"""The chat dialect's reader on inputs of public reports, which their file runs by an import of its own."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from orharness.dialects import CHAT
from orharness.dialects.chat import fold


def test_the_reader_is_imported_by_its_own_name() -> None:
    assert fold is CHAT.fold


def test_the_reported_streams_are_read_right(recordings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file prints a line for each stream, which begins with ok or WRONG."""
    file = recordings.parent / "reported" / "own_reader.py"
    if not file.exists():
        pytest.skip("the reported inputs are not beside the recordings")
    runpy.run_path(str(file), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert [line for line in lines if not line.startswith("ok ")] == []
