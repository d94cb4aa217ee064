"""A cassette that is being recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from orharness.cassette import RecordedRequest, Tape, load, save
from orharness.errors import CassetteError, ScenarioError
from tests.support.cassette_samples import an_interaction


def test_a_tape_saves_each_interaction_at_once(tmp_path: Path) -> None:
    tape = Tape(tmp_path / "a.yaml")
    for number in range(3):
        tape.add(an_interaction(b"data: %d\n\n" % number))
        assert load(tmp_path / "a.yaml") == tape.interactions
        assert len(tape.interactions) == number + 1


def test_a_tape_keeps_the_order_of_the_requests(tmp_path: Path) -> None:
    save(tmp_path / "a.yaml", [an_interaction(b"old")])
    tape = Tape(tmp_path / "a.yaml", "new_episodes")
    for order in (2, 0, 1):
        tape.add(an_interaction(b"%d" % order), order)
    tape.add(an_interaction(b"3"))

    assert [one.stream.body for one in load(tmp_path / "a.yaml")] == [b"old", b"0", b"1", b"2", b"3"]


MODELS = an_interaction(b"{}", request=RecordedRequest("GET", "https://llm.example/v1/models"))


@pytest.mark.parametrize(
    ("mode", "there", "bodies_after"),
    [
        ("none", False, None),
        ("none", True, None),
        ("once", False, [b"new 1", b"new 2"]),
        ("once", True, None),
        ("new_episodes", False, [b"new 1", b"new 2"]),
        ("new_episodes", True, [b"old", b"{}", b"new 1", b"new 2"]),
        ("any", True, [b"old", b"{}", b"new 1", b"new 2"]),
        ("all", False, [b"new 1", b"new 2"]),
        ("all", True, [b"{}", b"new 1", b"new 2"]),
        ("rewrite", False, [b"new 1", b"new 2"]),
        ("rewrite", True, [b"new 1", b"new 2"]),
    ],
)
def test_record_modes(tmp_path: Path, mode: str, there: bool, bodies_after: list[bytes] | None) -> None:
    path = tmp_path / "a.yaml"
    if there:
        save(path, [an_interaction(b"old"), MODELS])
    tape = Tape(path, mode)

    assert tape.records == (bodies_after is not None)
    if bodies_after is None:
        with pytest.raises(CassetteError, match=rf"a\.yaml: record mode {mode} adds nothing"):
            tape.add(an_interaction())
        assert path.exists() == there
    else:
        tape.add(an_interaction(b"new 1"))
        tape.add(an_interaction(b"new 2"))
        assert [one.stream.body for one in load(path)] == bodies_after


def test_a_record_mode_that_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="record mode 'some' is not one of all, new_episodes, none, once, rewrite"):
        Tape(tmp_path / "a.yaml", "some")


def test_a_tape_does_not_record_over_a_damaged_file(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("", "utf-8")

    with pytest.raises(CassetteError, match="the file is empty"):
        Tape(tmp_path / "a.yaml", "all")
