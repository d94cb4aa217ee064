"""The process that writes gives way to others while streams pass."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from orharness.recording.giving_way import GivingWay


@pytest.fixture(autouse=True)
def as_nice_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be taken back."""
    monkeypatch.setattr("os.nice", lambda more: more, raising=False)


def test_it_gives_way_and_takes_it_back(tmp_path: Path) -> None:
    file = tmp_path / "autogroup"
    giving = GivingWay(lambda again: pytest.fail("there is nothing to wait for"), file)
    written = []
    for wanted in (False, True, True, False):
        giving.set(wanted=wanted)
        written.append(file.read_text() if file.exists() else None)
    assert written == [None, "10", "10", "0"]


def test_a_change_that_comes_too_soon_is_made_later_if_it_is_still_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, soon, later = tmp_path / "autogroup", True, list[Callable[[], None]]()
    write = Path.write_bytes

    def refuses(path: Path, data: bytes) -> int:
        if soon:
            raise BlockingIOError(errno.EAGAIN, "too soon")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", refuses)
    giving = GivingWay(later.append, file)
    giving.set(wanted=True)
    giving.set(wanted=True)
    assert len(later) == 1
    later.pop()()
    assert len(later) == 1
    soon = False
    giving.set(wanted=False)
    later.pop()()
    assert not file.exists()
    giving.set(wanted=True)
    assert file.read_text() == "10"


def test_another_system_has_no_such_file(tmp_path: Path) -> None:
    giving = GivingWay(lambda again: pytest.fail("there is nothing to wait for"), tmp_path / "none" / "autogroup")
    giving.set(wanted=True)
    giving.set(wanted=False)
