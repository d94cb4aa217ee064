"""The GitHub Action: the scripts of its steps, run as a runner would run them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.places import ROOT

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
INSTALL, RUN = ACTION["runs"]["steps"]
FAULTY = "import json, urllib.request\n\ndef stream(base_url):\n    yield 'always the same'\n"


class Runner:
    """Runs a step in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.summary = folder / "summary.md"
        commands = folder / "orharness" / "bin"
        commands.mkdir(parents=True)
        program = commands / "orharness"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m orharness "$@"\n', "utf-8")
        program.chmod(0o755)

    def run(self, command: str, arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the step that runs the command, as GitHub runs `shell: bash`."""
        env = {
            **os.environ,
            "COMMAND": command,
            "ARGUMENTS": arguments,
            "RUNNER_TEMP": str(self.folder),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "COLUMNS": "120",
        }
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", RUN["run"]]
        return subprocess.run(
            shell, cwd=self.folder, env=env, capture_output=True, encoding="utf-8", timeout=120, check=False
        )


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    if shutil.which("bash") is None and not os.environ.get("CI"):
        pytest.skip("there is no bash here")
    return Runner(tmp_path)


@pytest.mark.slow
def test_a_client_that_fails_fails_the_job_and_the_summary_says_why(runner: Runner) -> None:
    (runner.folder / "my client.py").write_text(FAULTY, "utf-8")
    done = runner.run("check", "'my client.py:stream'\n  --only framing/lf\n")
    assert done.returncode == 1, done.stderr
    summary = runner.summary.read_text("utf-8")
    assert summary.startswith("### orharness check: ✗ exit code 1\n\n````text\n")
    assert "framing/lf" in summary
    assert "framing/lf" in done.stdout


@pytest.mark.slow
def test_a_run_is_judged_and_its_report_is_the_summary(runner: Runner) -> None:
    (runner.folder / "scenario.yaml").write_text("orharness: 1\nroutes: [{chat: never asked}]\n", "utf-8")
    good = runner.run("run", f'-- "{sys.executable}" -c "print(\'two  words\', end=str(1))"')
    assert (good.returncode, good.stdout) == (0, "two  words1"), good.stderr
    assert runner.summary.read_text("utf-8").startswith("### orharness run: ✓\n")
    bad = runner.run("run", f"--scenario scenario.yaml -- {sys.executable} -c pass")
    assert bad.returncode == 1, bad.stderr
    assert "never asked" in runner.summary.read_text("utf-8").rpartition("### orharness run: ✗ exit code 1")[2]


@pytest.mark.slow
def test_what_is_not_a_command_is_an_error_of_the_job(runner: Runner) -> None:
    done = runner.run("serve", "x")
    assert done.returncode == 2
    assert "::error::the input command is check, relay-check, check-mcp or run, not serve" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("command", ["check", "relay-check", "check-mcp", "run"])
def test_a_wrong_call_of_each_command_is_in_the_summary(runner: Runner, command: str) -> None:
    wrong = runner.run(command, "--no-such-option")
    assert wrong.returncode == 2
    assert "--no-such-option" in wrong.stderr
    assert f"### orharness {command}: ✗ exit code 2" in runner.summary.read_text("utf-8")


def test_its_inputs_reach_the_scripts_as_environment_alone() -> None:
    """What is put into a script by ${{ }} would be run as a part of it."""
    for step in (INSTALL, RUN):
        assert "${{" not in step["run"]
        assert step["shell"] == "bash"
    used = " ".join(str(step["env"]) for step in (INSTALL, RUN))
    assert all(f"inputs.{name} " in used for name in ACTION["inputs"])
