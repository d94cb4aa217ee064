"""A file is written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orharness.cassette import Interaction, RecordedRequest, Tape, load, save
from orharness.errors import CassetteError
from tests.support.cassette_samples import an_interaction


def test_folders_are_made_and_nothing_else_is_left(tmp_path: Path) -> None:
    save(tmp_path / "a" / "b" / "c.yaml", [an_interaction()])

    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["c.yaml"]


def test_a_failed_save_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "a.yaml", [an_interaction()])

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CassetteError, match=r"a\.yaml: the file cannot be written: No space left on device"):
        save(tmp_path / "a.yaml", [])
    assert load(tmp_path / "a.yaml") == [an_interaction()]
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    save(tmp_path / "a.yaml", [an_interaction()])
    with (tmp_path / "a.yaml").open("rb") as opened_before:
        save(tmp_path / "a.yaml", [])
        assert b"data: a" in opened_before.read()


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    save(tmp_path / "real.yaml", [])
    (tmp_path / "link.yaml").symlink_to("real.yaml")
    save(tmp_path / "link.yaml", [an_interaction()])

    assert (tmp_path / "link.yaml").is_symlink()
    assert load(tmp_path / "real.yaml") == [an_interaction()]


def test_a_file_has_the_rights_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        save(tmp_path / "a.yaml", [])
    finally:
        os.umask(before)
    assert (tmp_path / "a.yaml").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("recorded", "complaint"),
    [
        (an_interaction(head=-1.0), "-1.0 seconds cannot have been recorded"),
        (an_interaction(head=float("inf")), "inf seconds cannot have been recorded"),
        (an_interaction(headers=(("A", "\udcff"),)), "a lone surrogate cannot be written"),
        (an_interaction(request=RecordedRequest("GET", "http://[")), "an address that cannot be replayed"),
    ],
)
def test_what_cannot_be_saved_says_so(tmp_path: Path, recorded: Interaction, complaint: str) -> None:
    with pytest.raises(CassetteError, match=complaint):
        save(tmp_path / "a.yaml", [recorded])
    with pytest.raises(CassetteError, match=complaint):
        Tape(tmp_path / "a.yaml").add(recorded)
    assert not (tmp_path / "a.yaml").exists()


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(CassetteError, match="the file cannot be written: Is a directory"):
        save(tmp_path, [])
    with pytest.raises(CassetteError, match="the file cannot be read: Is a directory"):
        load(tmp_path)
