"""What CI runs, and what it refuses: the rules of ``conftest.py``, ``.ci/run``, the workflows."""

from __future__ import annotations

import os
import shutil
from typing import Any

import pytest
import yaml

from tests.support.places import ROOT

WORKFLOWS = {path.name: yaml.safe_load(path.read_text("utf-8")) for path in (ROOT / ".github/workflows").glob("*.yml")}
NEEDS_THEM = "def test_of_a_real_stream(recordings): assert recordings.is_dir()"


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with our ``conftest.py`` and one test that needs the recordings, in an environment that names none."""
    shutil.copy(ROOT / "conftest.py", pytester.path)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    pytester.makepyfile(NEEDS_THEM)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", ""))))
    for name in ("CI", "ORHARNESS_RECORDINGS", "ORHARNESS_FAST"):
        monkeypatch.delenv(name, raising=False)
    return pytester


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, {"skipped": 1}),
        ({"CI": "true"}, {"errors": 1}),
        ({"CI": "true", "ORHARNESS_RECORDINGS": "none"}, {"skipped": 1}),
    ],
    ids=["a user's clone", "our CI", "a CI that cannot have them"],
)
def test_missing_recordings_fail_in_ci_unless_it_says_that_it_cannot_have_them(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: dict[str, int]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    ran = project.runpytest_subprocess("-p", "no:cacheprovider")
    ran.assert_outcomes(**expected)
    assert ran.ret == ("errors" in expected), "a skip that is allowed does not fail the run"


def _scripts(job: dict[str, Any]) -> str:
    return "\n".join(step.get("run", "") for step in job["steps"])


@pytest.mark.parametrize("name", WORKFLOWS)
def test_each_workflow_that_runs_the_tests_says_that_it_has_no_recordings(name: str) -> None:
    for job in WORKFLOWS[name]["jobs"].values():
        if ".ci/" in _scripts(job):
            assert {**WORKFLOWS[name].get("env", {}), **job.get("env", {})}["ORHARNESS_RECORDINGS"] == "none"
