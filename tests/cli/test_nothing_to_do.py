"""Files that hold nothing, and numbers beyond reason: a command that would do nothing says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from orharness.cli.compare import compare_cassette
from orharness.cli.record import record_until_stopped
from orharness.cli.run_recorded import RecordOptions
from orharness.cli.serve import MOST_WORKERS, Played, ServeOptions
from orharness.errors import CassetteError, ScenarioError
from orharness.yamlfile import load_data


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    path = tmp_path / "none.yaml"
    path.write_text("interactions: []\nversion: 1\n")
    return path


def test_serve_refuses_a_cassette_without_an_answer(empty: Path) -> None:
    with pytest.raises(CassetteError, match=r"none\.yaml: there is nothing in this cassette"):
        Played.by(ServeOptions([empty]))


def test_compare_tells_no_verdict_of_a_cassette_without_an_answer(empty: Path) -> None:
    with pytest.raises(CassetteError, match=r"none\.yaml: there is no whole answer in this cassette"):
        compare_cassette(empty, ["http://127.0.0.1:1/v1"], (), None)


def test_more_workers_than_a_machine_can_hold_are_refused() -> None:
    assert ServeOptions([], workers=MOST_WORKERS).workers == MOST_WORKERS
    with pytest.raises(ScenarioError, match="--workers is at most 256 processes, not 1000000"):
        ServeOptions([], workers=1_000_000)


@pytest.mark.parametrize("libyaml", [True, False])
def test_what_is_wrong_with_the_yaml_of_a_cassette_is_one_line(*, libyaml: bool) -> None:
    with pytest.raises(CassetteError, match=r"the file is not YAML: .* line 2, column 1") as told:
        load_data("a: [1\n", error=CassetteError, libyaml=libyaml)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("name", ["folder", ""])
@pytest.mark.parametrize("overwrite", [True, False])
def test_a_recording_is_not_begun_where_its_file_is_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, overwrite: bool, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    with pytest.raises(ScenarioError, match=r"--to (folder|\.) is a folder: name a file"):
        record_until_stopped(["nowhere"], Path(name), overwrite=overwrite)
    with pytest.raises(ScenarioError, match=r"--record (folder|\.) is a folder: name a file"):
        RecordOptions(["true"], Path(name), ["nowhere"], overwrite=overwrite)
