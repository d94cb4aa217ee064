"""A file that was cut is refused, wherever the cut is."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import vcr  # type: ignore[import-untyped]
import yaml
from hypothesis import given
from hypothesis import strategies as st

from orharness.cassette import Interaction, Serializer, Tape, load, save, seal
from orharness.errors import CassetteError
from tests.support.cassette_samples import NASTY, URI, an_interaction, interactions, ours
from tests.support.places import ROOT

SHIPPED = sorted((ROOT / "cassettes").glob("*.yaml"))


def several(path: Path) -> Path:
    """A file of ours with several interactions, and every kind of text in it."""
    save(path, [an_interaction(*NASTY, recorded_at="2026-11-22T06:00:00Z"), an_interaction(), an_interaction(b"{}")])
    return path


def resaved(path: Path) -> Path:
    """The same after vcrpy has saved it with an interaction of its own."""
    with vcr.use_cassette(several(path), record_mode="new_episodes") as cassette:
        response = {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": b"of vcrpy"}}
        cassette.append(vcr.request.Request("GET", URI, b"", {}), response)
    assert len(load(path)) == 4
    return path


def taped(path: Path) -> Path:
    """What a recorder writes."""
    tape = Tape(path, "rewrite")
    for number in range(3):
        tape.add(an_interaction(b"data: %d\n\n" % number))
    return path


def shipped_as(name: str) -> Callable[[Path], Path]:
    (found,) = (path for path in SHIPPED if path.name == name)
    return lambda path: Path(shutil.copy(found, path))


MADE = [several, resaved, taped, *(shipped_as(path.name) for path in SHIPPED)]


every_made = pytest.mark.parametrize("make", MADE, ids=["several", "resaved", "taped", *(one.stem for one in SHIPPED)])


def check_cuts(path: Path, offsets: Iterable[int]) -> None:
    """Each cut that takes more than white space off the end is refused, with the file and what is wrong in it."""
    data, whole = path.read_bytes(), load(path)
    cut = path.with_name("cut.yaml")
    for offset in offsets:
        cut.write_bytes(data[:offset])
        if data[offset:].isspace():
            assert load(cut) == whole
            continue
        with pytest.raises(CassetteError, match=rf"^{re.escape(str(cut))}: {MISSING_END}"):
            load(cut)


# A cut between two keys names the key that is lost; any other leaves no YAML (with its line number) or no mapping.
MISSING_END = "(version: this key is missing|the file is (empty|not YAML|not UTF-8)|a mapping is expected here)"


@pytest.mark.slow
@every_made
def test_a_file_cut_at_the_end_of_a_line_is_refused(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path / "whole.yaml")
    data = path.read_bytes()
    ends = [match.end() for match in re.finditer(b"\n", data)]

    check_cuts(path, [offset for end in ends for offset in (end - 1, end) if offset < len(data)])
    check_cuts(path, range(len(data) - 30, len(data)))


@pytest.mark.slow
@every_made
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path / "whole.yaml")

    check_cuts(path, range(path.stat().st_size))


@pytest.mark.slow
@given(recorded=st.lists(interactions(), max_size=3), data=st.data())
def test_whatever_is_saved_is_not_loaded_when_cut(
    folder: Path, recorded: list[Interaction], data: st.DataObject
) -> None:
    save(folder / "whole.yaml", recorded)

    check_cuts(folder / "whole.yaml", [data.draw(st.integers(0, (folder / "whole.yaml").stat().st_size - 1))])


def test_the_first_interaction_may_be_the_missing_one(tmp_path: Path) -> None:
    """It has the total."""
    path = several(tmp_path / "a.yaml")
    data = yaml.safe_load(path.read_text("utf-8"))
    del data["interactions"][0]
    path.write_text(yaml.safe_dump(data), "utf-8")

    with pytest.raises(
        CassetteError, match=r"interactions\[0\]\.response\.x-orharness: interactions, the number .* lost\."
    ):
        load(path)


@pytest.mark.parametrize("gone", [0, 1, 2])
@pytest.mark.parametrize("again", [False, True], ids=["as vcrpy saved it", "sealed with it"])
def test_what_another_recorder_added_does_not_stand_for_one_that_is_missing(
    tmp_path: Path, gone: int, again: bool
) -> None:
    path = resaved(tmp_path / "a.yaml")
    if again:
        seal(path)
    data = yaml.safe_load(path.read_text("utf-8"))
    del data["interactions"][gone]
    path.write_text(yaml.safe_dump(data), "utf-8")
    with pytest.raises(CassetteError, match=r"a\.yaml: interactions\[0\]\.response\.x-orharness.* cassette seal`"):
        load(path)
    seal(path)
    assert len(load(path)) == 3


def test_one_that_is_there_twice_is_a_change(tmp_path: Path) -> None:
    path = several(tmp_path / "a.yaml")
    data = yaml.safe_load(path.read_text("utf-8"))
    data["interactions"].append(data["interactions"][1])
    path.write_text(yaml.safe_dump(data), "utf-8")
    with pytest.raises(
        CassetteError, match=r"x-orharness\.interactions: 3 interactions with .* written, the file holds 4"
    ):
        load(path)


@pytest.mark.parametrize("gone", [1, 2])
def test_an_interaction_that_is_missing_before_the_end_is_refused(tmp_path: Path, gone: int) -> None:
    path = several(tmp_path / "a.yaml")
    data = yaml.safe_load(path.read_text("utf-8"))
    del data["interactions"][gone]
    path.write_text(yaml.safe_dump(data), "utf-8")

    said = r"a\.yaml: interactions\[0\]\.response\.x-orharness\.interactions: 3 interactions were written, .* holds 2\."
    with pytest.raises(CassetteError, match=said):
        load(path)
    with pytest.raises(CassetteError, match=said), ours().use_cassette(path):
        pass


def moved(*order: int) -> Callable[[Any], object]:
    """The interactions in another order; what belongs to the first of a file stays with the first."""

    def change(data: Any) -> None:
        whole = data["interactions"]
        first = whole[0]["response"]["x-orharness"]
        totals = {name: first.pop(name) for name in ("interactions", "order")}
        data["interactions"] = [deepcopy(whole[index]) for index in order]
        data["interactions"][0]["response"]["x-orharness"].update(totals)

    return change


@pytest.mark.parametrize("make", [several, taped])
@pytest.mark.parametrize("order", [(1, 0, 2), (0, 2, 1), (0, 1, 1), (0, 0, 2), (2, 1, 2)])
def test_another_order_and_a_copy_of_another_are_refused_until_sealed(
    tmp_path: Path, make: Callable[[Path], Path], order: tuple[int, ...]
) -> None:
    path = make(tmp_path / "a.yaml")
    recorded = load(path)
    data = yaml.safe_load(path.read_text("utf-8"))
    moved(*order)(data)
    path.write_text(yaml.safe_dump(data), "utf-8")
    said = r"a\.yaml: interactions\[0\]\.response\.x-orharness\.order: the interactions are not those that were written"
    with pytest.raises(CassetteError, match=said):
        load(path)
    seal(path)
    assert load(path) == [recorded[index] for index in order]


def test_interactions_that_are_swapped_as_they_are_are_refused(tmp_path: Path) -> None:
    path = several(tmp_path / "a.yaml")
    data = yaml.safe_load(path.read_text("utf-8"))
    data["interactions"].reverse()
    path.write_text(yaml.safe_dump(data), "utf-8")
    with pytest.raises(CassetteError, match=r"x-orharness\.order: the interactions are not those"):
        load(path)


def test_a_file_without_the_checksum_of_the_order_loads(tmp_path: Path) -> None:
    """Those of earlier versions have none."""
    path = several(tmp_path / "a.yaml")
    whole = load(path)
    path.write_bytes(re.sub(rb" +order: .*\n", b"", path.read_bytes()))
    assert load(path) == whole
    seal(path)
    assert b"order: sha256-" in path.read_bytes()


@pytest.mark.parametrize("libyaml", [True, False])
def test_two_cassettes_in_one_file_are_refused(tmp_path: Path, libyaml: bool) -> None:
    """Of a repeated key, the last value alone would count, and the first interactions would be lost."""
    path, other = several(tmp_path / "a.yaml"), several(tmp_path / "b.yaml")
    line = path.read_text("utf-8").count("\n") + 1
    path.write_bytes(path.read_bytes() + other.read_bytes())
    said = rf"a\.yaml: line {line}, column 1: the key 'interactions' is repeated; it is in line 1 already$"
    with pytest.raises(CassetteError, match=said):
        load(path, serializer=Serializer(libyaml=libyaml))


@pytest.mark.parametrize("again", ["        uri: http://b/", '      "uri": http://b/'], ids=["plain", "quoted"])
def test_a_repeated_key_of_another_recorders_file_is_refused(tmp_path: Path, again: str) -> None:
    path = tmp_path / "a.yaml"
    with vcr.use_cassette(path, record_mode="new_episodes") as cassette:
        response = {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": b"of vcrpy"}}
        cassette.append(vcr.request.Request("GET", URI, b"", {}), response)
    text = path.read_text("utf-8")
    path.write_text(text.replace("    uri:", f"    {again.strip()}\n    uri:"), "utf-8")
    with pytest.raises(
        CassetteError, match=r"a\.yaml: line \d+, column 5: the key 'uri' is repeated; it is in line \d+"
    ):
        load(path)


def test_a_repeated_key_of_json_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"version": 1,\n"interactions": [],\n"interactions": []}', "utf-8")
    with pytest.raises(CassetteError, match=r"line 3, column 1: the key 'interactions' is repeated; it is in line 2"):
        load(path)


def test_a_tape_writes_the_number_that_the_file_holds_now(tmp_path: Path) -> None:
    path = several(tmp_path / "a.yaml")
    Tape(path, "new_episodes").add(an_interaction(b"{}"))

    totals = [one["response"]["x-orharness"].get("interactions") for one in _interactions_in(path)]
    assert totals == [4, None, None, None]


def test_vcrpy_with_our_serializer_keeps_the_number_right(tmp_path: Path) -> None:
    path = several(tmp_path / "a.yaml")
    with ours().use_cassette(path, record_mode="none") as cassette:
        cassette.data.pop()
        cassette._save(force=True)

    assert [one["response"]["x-orharness"].get("interactions") for one in _interactions_in(path)] == [2, None]
    assert len(load(path)) == 2


def _interactions_in(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(path.read_text("utf-8"))["interactions"]
    return found


def test_a_file_of_an_earlier_version_loads(tmp_path: Path) -> None:
    """It has ``version`` as its first line, no number of interactions, and no checksums."""
    path = several(tmp_path / "a.yaml")
    whole, text = load(path), path.read_bytes()
    text = b"version: 1\n" + text.removesuffix(b"version: 1\n").replace(b"      interactions: 3\n", b"")
    text = re.sub(rb" +sha256: .*\n", b"", text)
    path.write_bytes(text)

    assert load(path) == whole


def test_a_scenario_document_is_told_as_that(tmp_path: Path) -> None:
    """It has no end that was lost."""
    path = tmp_path / "a.yaml"
    path.write_text("orharness: 1\nroutes:\n- chat: hi\n", "utf-8")
    with pytest.raises(
        CassetteError, match=r"a\.yaml: orharness: this is a scenario document, not a cassette: play it"
    ):
        load(path)
