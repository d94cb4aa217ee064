"""Files that hold nothing, and numbers beyond reason: a command that would do nothing says so."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest

from orharness.cli.check_mcp import CheckMcpOptions
from orharness.cli.compare import compare_cassette
from orharness.cli.record import record_until_stopped
from orharness.cli.relay_check import RelayCheckOptions
from orharness.cli.run_recorded import RecordOptions
from orharness.cli.serve import MOST_WORKERS, Decided, Played, ServeOptions
from orharness.cli.served import Served, ServeOutput
from orharness.errors import CassetteError, ScenarioError
from orharness.report.screen import Screen
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


@pytest.mark.parametrize(
    "start",
    [
        lambda host: ServeOptions([], host=host),
        lambda host: RelayCheckOptions("http://127.0.0.1:1/", host=host),
        lambda host: CheckMcpOptions("http://127.0.0.1:1/", "slow", host=host),
        lambda host: record_until_stopped(["nowhere"], Path("x"), host=host),
    ],
    ids=["serve", "relay-check", "check-mcp", "record"],
)
def test_no_host_is_not_every_address(start: Callable[[str], object]) -> None:
    """To the system an empty name is every address of the machine."""
    for host in ("", " "):
        with pytest.raises(ScenarioError, match="--host names no address"):
            start(host)


@pytest.mark.parametrize("name", ["http://x/", "x/", "x:80", "", "*", "a b", "[::1]", "x..y", "https://x.example"])
def test_a_name_that_no_host_header_can_be_is_not_allowed(name: str) -> None:
    with pytest.raises(ScenarioError, match=r"--allow-host is a host name or an address .*; not "):
        ServeOptions([], allow_host=["bench.local", name])


@pytest.mark.parametrize("name", ["bench", "bench.local", "a-b_c.example.", "10.0.0.7", "::1", "Bücher.example"])
def test_a_name_of_this_server_is_allowed(name: str) -> None:
    assert ServeOptions([], allow_host=[name]).controlled.hosts == [name]


@pytest.mark.parametrize(("control", "until"), [("on", " until the control API is given a route"), ("off", "")])
def test_serve_tells_of_a_scenario_that_answers_nothing(tmp_path: Path, control: str, until: str) -> None:
    file = tmp_path / "none.yaml"
    file.write_text("orharness: 1\nroutes: []\n")
    printed = StringIO()
    served = Served("http://127.0.0.1:7/v1", "http://127.0.0.1:7", 7, everywhere=False, token="t")
    ServeOutput(Decided(), Screen(printed)).introduce(
        served, Played.by(ServeOptions([], scenario=file, control=control))
    )
    assert f"it has no routes: every request is answered with status 404{until}\n" in printed.getvalue()
