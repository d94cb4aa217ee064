"""The package for Node: its own tests by node:test, its types, and that they are made from the document of today."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orharness.server.control.openapi import SHIPPED
from orharness.server.facade import SseServer
from tests.support.control import EVERYTHING, Tried, keys_beside

PACKAGE = Path(__file__).parents[2] / "clients" / "node"


def test_the_types_are_made_from_the_shipped_document() -> None:
    made_from = re.search(r"sha256 (\w+)", (PACKAGE / "api.d.ts").read_text("utf-8").partition("\n")[0])
    assert made_from is not None
    digest = hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
    assert made_from[1] == digest, "run: cd clients/node && npm install && npm run types"


@pytest.mark.parametrize(
    "source", sorted((PACKAGE / "examples").glob("stop-button.*")), ids=lambda one: one.name.split(".")[1]
)
def test_a_stop_button_takes_15_lines_and_no_pause(source: Path) -> None:
    code = source.read_text("utf-8").strip()
    assert len(code.splitlines()) <= 15
    assert max(map(len, code.splitlines())) <= 120
    assert not re.search("setTimeout|sleep|waitForTimeout", code)


def test_the_stop_button_takes_15_lines_and_is_the_one_of_the_readme() -> None:
    source = (PACKAGE / "test" / "stop-button.test.mjs").read_text("utf-8").strip()
    assert len(source.splitlines()) <= 15
    assert source in (PACKAGE / "README.md").read_text("utf-8")
    assert "setTimeout" not in source


def test_its_options_of_a_route_are_those_of_the_document() -> None:
    [options] = re.findall(r"interface RouteOptions \{(.*?)\}", (PACKAGE / "index.d.ts").read_text("utf-8"), re.S)
    assert set(re.findall(r"(\w+)\?:", options)) == keys_beside("chat")


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with what its tests need."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are needed to run the package for Node")
    folder = tmp_path_factory.mktemp("node") / "orharness"
    shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("node_modules", "examples"))
    install = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
    installed = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if installed.returncode:
        pytest.skip(f"npm could not install what the tests need: {installed.stderr[-500:]}")
    return folder


def npm(folder: Path, *arguments: str, **environment: str) -> str:
    """What a script of the package prints."""
    command = shlex.join([sys.executable, "-m", "orharness"])
    env = {**os.environ, "ORHARNESS_COMMAND": command, **environment}
    done = subprocess.run(
        ["npm", "run", "-s", *arguments], cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.long
@pytest.mark.slow
def test_its_own_tests_pass_and_try_every_verb(package: Path, sse_server: SseServer, tried: Tried) -> None:
    assert "# fail 0" in npm(package, "test", ORHARNESS_URL=sse_server.origin)
    assert EVERYTHING - tried == set()


@pytest.mark.slow
def test_right_calls_have_types_and_wrong_ones_are_errors(package: Path) -> None:
    npm(package, "check")


@pytest.mark.slow
def test_the_types_are_those_that_are_made(package: Path) -> None:
    before = (package / "api.d.ts").read_text("utf-8")
    npm(package, "types", "--", str(SHIPPED))
    assert (package / "api.d.ts").read_text("utf-8") == before


@pytest.mark.slow
def test_the_stop_button_passes_under_run(package: Path) -> None:
    """As users run it: one server for the whole run, which judges it."""
    command = [sys.executable, "-m", "orharness", "run", "--", "node", "--test", "test/stop-button.test.mjs"]
    done = subprocess.run(command, cwd=package, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# pass 1" in done.stdout
