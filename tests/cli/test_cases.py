"""``orharness check`` with cases of the user's own, sets, baselines and jobs; and ``orharness cases export``."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from orharness.cli.app import app
from orharness.cli.check import CheckOptions, check_client, export_cases
from orharness.contract import CASES
from orharness.contract.catalogue import sets
from orharness.errors import OrharnessError, ScenarioError

GOOD = """
from tests.support.correct_clients import correct as client
"""
DROPS = """
from tests.support.correct_clients import correct

def client(base_url):
    before = None
    for piece in correct(base_url):
        if piece != before:
            yield piece
        before = piece
"""
OWN = """
- id: mine/twice
  title: The same token twice.
  reply: {events: [{text: ab}, {text: ab}, {finish: stop}, {end: true}]}
  expect: {text: abab}
  cause: a token that is repeated is dropped
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own.yaml").write_text(OWN)
    return tmp_path / "own.yaml"


def judged(tmp_path: Path, code: str, **options: Any) -> tuple[int, dict[str, Any]]:
    """The exit code and the JSON report."""
    (tmp_path / "mine.py").write_text(code)
    report = tmp_path / "report.json"
    chosen = CheckOptions(f"{tmp_path / 'mine.py'}:client", formats=["json"], outputs=[report], **options)
    code_ = check_client(chosen)
    return code_, json.loads(report.read_text("utf-8"))


def test_a_case_of_ones_own_fails_with_its_cause_and_its_commands(tmp_path: Path, own: Path) -> None:
    code, report = judged(tmp_path, DROPS, files=[own], only=["mine"])
    [case] = report["cases"]
    assert (code, case["evidence"]["reason"]) == (1, "a token that is repeated is dropped")
    assert f"--cases {own}" in case["replay"]
    assert judged(tmp_path, GOOD, files=[own], only=["mine"])[0] == 0


@pytest.mark.slow
def test_a_baseline_lets_a_known_fail_pass_and_no_other(tmp_path: Path, own: Path) -> None:
    known = tmp_path / "known.json"
    options: dict[str, Any] = {"files": [own], "only": ["mine", "done/clean-end"], "baseline": known}
    with pytest.raises(ScenarioError, match="there is no such baseline"):
        judged(tmp_path, GOOD, **options)
    assert judged(tmp_path, DROPS, update_baseline=True, **options)[0] == 0
    assert json.loads(known.read_text())["fails"] == {"mine/twice": "a token that is repeated is dropped"}
    code, report = judged(tmp_path, DROPS, **options)
    assert code == 0
    assert [one["id"] for one in report["cases"] if one["known"]] == ["mine/twice"]
    assert judged(tmp_path, GOOD, **options)[0] == 1  # a stale entry
    assert judged(tmp_path, GOOD, update_baseline=True, **options)[0] == 0
    assert judged(tmp_path, GOOD, **options)[0] == 0
    assert judged(tmp_path, DROPS, **options)[0] == 1  # a new fail


def test_a_stale_entry_is_named(tmp_path: Path, own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = tmp_path / "known.json"
    known.write_text('{"baseline": 1, "fails": {"mine/twice": "once", "mine/gone": "long ago"}}')
    judged(tmp_path, GOOD, files=[own], only=["mine"], baseline=known)
    said = capsys.readouterr().err
    assert f"1 entry of {known} no longer fails: mine/twice; --update-baseline\n" in said
    assert f"1 entry of {known} names no case of chat (one of your own needs its --cases): mine/gone; --update" in said


@pytest.mark.slow
def test_several_processes_come_to_the_same_verdicts(tmp_path: Path, own: Path) -> None:
    options: dict[str, Any] = {"files": [own], "only": ["mine", "done", "chat"]}
    alone, together = (judged(tmp_path, DROPS, jobs=jobs, **options) for jobs in (1, 3))
    told = [
        [(one["id"], one["verdict"], one["evidence"] and one["evidence"]["reason"]) for one in report["cases"]]
        for _, report in (alone, together)
    ]
    assert alone[0] == together[0] == 1
    assert told[0] == told[1]


@pytest.mark.slow
def test_a_process_that_fails_is_told(tmp_path: Path) -> None:
    code = "import os, tests.support.correct_clients as c\n\ndef client(base_url):\n    os._exit(7)\n"
    with pytest.raises(OrharnessError, match="a process of --jobs failed"):
        judged(tmp_path, code, jobs=2, only=["done"])


def test_sets_hold_cases_that_exist() -> None:
    ids = {case.id for case in sets.of_today()}
    assert sets.names() == ["2026-12", "2027-01"]
    for name in sets.names():
        assert sets.ids_of(name) <= ids, "an id of a frozen set is gone: ids stay"
    assert len(sets.ids_of(sets.QUICK)) == 40
    assert sets.ids_of(sets.QUICK) <= ids


@pytest.mark.parametrize(("name", "digest"), [("2026-12", "70e2e2bedc0384d8"), ("2027-01", "142ea288aeddc2d9")])
def test_a_frozen_set_stays_as_it_was_frozen(name: str, digest: str) -> None:
    lines = "".join(f"{one}\n" for one in sorted(sets.ids_of(name)))
    assert hashlib.sha256(lines.encode()).hexdigest()[:16] == digest, "what is new is for a set of a later date"


def test_a_set_chooses_the_cases_and_ones_own_are_in_each(own: Path) -> None:
    quick = CheckOptions("x:y", quick=True, files=[own]).chosen()
    assert {case.id for case in quick} == {*sets.ids_of(sets.QUICK), "mine/twice"}
    frozen = CheckOptions("x:y", of_set="2026-12", profile="whatwg").chosen()
    assert {case.id for case in frozen} == sets.ids_of("2026-12")
    later = {case.id for case in CheckOptions("x:y", of_set="2027-01", profile="whatwg").chosen()}
    assert later > sets.ids_of("2026-12")
    assert {"liveness/dead-stream", "delivery/as-it-comes"} <= later <= sets.ids_of("2027-01")
    of_an_api = CheckOptions("x:y", of_set="2027-01", dialect="gemini").chosen()
    assert {"gemini", "framing", "liveness"} <= {case.family for case in of_an_api}
    with pytest.raises(ScenarioError, match=r"there is no set '2026-11' \(did you mean '2026-12'\?\)"):
        CheckOptions("x:y", of_set="2026-11").chosen()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"jobs": 0}, "--jobs is a number of processes from 1 up, not 0"),
        ({"quick": True, "of_set": "2026-12"}, "--quick and --set each name a set of cases"),
        ({"update_baseline": True}, "--update-baseline writes the file that --baseline FILE names"),
    ],
)
def test_a_wrong_call_is_one_sentence(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        CheckOptions("x:y", **options)


def test_the_catalogue_is_written_out(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["cases", "export", str(tmp_path / "cases"), "--only", "done"])
    assert result.exit_code == 0, result.output
    files = {file.stem for file in (tmp_path / "cases" / "done").iterdir()}
    assert files == {case.id.removeprefix("done/") for case in CASES if case.family == "done"}
    again = CheckOptions("x:y", only=["done"])
    assert export_cases(tmp_path / "again", again) == len(again.chosen())
