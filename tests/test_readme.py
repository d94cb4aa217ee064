"""The documentation is run: the Python blocks of the README and of docs/ are tests, the commands print what is shown.

A block of docs/ whose first line is a comment with a file's name is that file, for the tests of the same page.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import orharness.contract
import orharness.recording.process
import orharness.yamlfile
from orharness.server.facade import SseServer

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = {page.name: page.read_text("utf-8") for page in sorted((ROOT / "docs").glob("*.md"))}
_KEPT = (orharness.contract, orharness.recording.process, orharness.yamlfile)  # see test_plugin.py
_FILE = re.compile(r"(?:#|//) ([\w./-]+\.\w+)\n")


def _blocks(language: str, page: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.M | re.S)


def _tests(page: str) -> list[str]:
    return [block for block in _blocks("python", page) if not _FILE.match(block)]


@pytest.fixture
def user(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    pytester.makepyfile(app=(ROOT / "tests" / "relays" / "fastapi_httpx.py").read_text("utf-8"))  # the backend between
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\naddopts = --strict-markers")
    return pytester


@pytest.mark.parametrize("code", [block for block in _blocks("python") if "sse_cassette" not in block])
def test_a_python_block_passes_as_it_stands(user: pytest.Pytester, code: str) -> None:
    _pass(user, code)


@pytest.mark.parametrize(
    ("page", "code"), [pytest.param(name, code, id=name) for name, page in PAGES.items() for code in _tests(page)]
)
def test_a_python_block_of_a_page_passes_beside_its_files(user: pytest.Pytester, page: str, code: str) -> None:
    if '"node"' in code and shutil.which("node") is None and not os.environ.get("CI"):
        pytest.skip("there is no node here")
    _write_files(PAGES[page], user.path)
    _pass(user, code)


def _write_files(page: str, folder: Path) -> None:
    for block in _blocks(r"\w+", page):
        if named := _FILE.match(block):
            file = folder / named[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(_patient(block), "utf-8")


def _patient(code: str) -> str:
    """A machine that runs many tests may be busy."""
    return code.replace("within=0.25", "within=20").replace("within: 0.25", "within: 20")


def _pass(user: pytest.Pytester, code: str) -> None:
    user.makepyfile(test_it=_patient(code))
    outcomes = user.runpytest_inprocess().parseoutcomes()
    assert outcomes.keys() == {"passed"}
    assert outcomes["passed"] >= len(re.findall(r"^(?:async )?def test_", code, re.M))  # one may have many parameters


def test_the_recording_block_records_once_and_replays(
    user: pytest.Pytester, make_sse_server: Callable[..., SseServer]
) -> None:
    (code,) = [block for block in _blocks("python") if "sse_cassette" in block]
    upstream = make_sse_server(strict=False)
    upstream.chat("Grüße, 世界")
    user.makepyfile(test_it=code)
    options = ["--sse-record-mode=once", f"--sse-upstream={upstream.base_url}"]
    user.runpytest_inprocess(*options).assert_outcomes(passed=1)
    assert len(upstream.journal) == 1
    user.runpytest_inprocess().assert_outcomes(passed=1)
    assert len(upstream.journal) == 1
    assert (user.path / "cassettes" / "test_it" / "test_answer.yaml").is_file()


def _needed(code: str) -> set[str]:
    """The packages that the code imports or runs by ``-m`` and that orharness does not bring."""
    nodes = list(ast.walk(ast.parse(code)))
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    run = set(re.findall(r'"-m", "(\w+)"', code))
    return {name.partition(".")[0] for name in imported | run} - set(sys.stdlib_module_names) - {"orharness", "pytest"}


@pytest.mark.parametrize("code", _blocks("python"))
def test_a_python_block_says_what_it_needs_installed(code: str) -> None:
    before = README[: README.index(code)].rpartition("```\n")[2]  # since the block before it
    said = {package for names in re.findall(r"`pip install ([^`]+)`", before) for package in names.split()}
    assert _needed(code) <= said


def test_the_install_section_warns_of_the_strangers_package() -> None:
    (section,) = re.findall(r"^## Install\n(.*?)^## ", README, re.M | re.S)
    warning, *_ = section.split("```")
    assert "Do not run `pip install orharness`" in warning
    assert "overwrite" in warning
    for command in _blocks("sh"):
        assert not re.search(r"install[^\n]*\borharness\b", command.replace("&& orharness", ""))


def _shape(line: str) -> str:
    """What must be equal from run to run: not the numbers, nor what is drawn or aligned by them."""
    return re.sub(r"[\s█▉▊▋▌▍▎▏▒»]+", " ", re.sub(r"[-+]?\d[\d.,]*", "N", line)).strip()


def _check_printed(block: str, folder: Path) -> None:
    command, *shown = block.splitlines()
    assert command.startswith("$ orharness ")
    ran = subprocess.run(
        [sys.executable, "-m", "orharness", *shlex.split(command)[2:]],
        capture_output=True,
        encoding="utf-8",
        cwd=folder,
        env={**os.environ, "COLUMNS": "100", "PYTHONUTF8": "1", "PATH": _with_this_python()},
        timeout=120,
        check=False,
    )
    client_failed = any(re.match(r"✗ .* cases? fails?", line) for line in shown)
    assert ran.returncode == (1 if client_failed else 0), ran.stderr
    printed = iter([_shape(line) for line in ran.stdout.splitlines()])
    missing = [line for line in shown if line != "…" and line.strip() and _shape(line) not in printed]
    assert missing == [], ran.stdout


def _with_this_python() -> str:
    return os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))


@pytest.mark.parametrize("block", _blocks("console"))
def test_a_command_prints_what_the_readme_shows(block: str) -> None:
    _check_printed(block, ROOT)


@pytest.mark.parametrize(
    ("page", "block"),
    [pytest.param(page, block, id=name) for name, page in PAGES.items() for block in _blocks("console", page)],
)
def test_a_command_prints_what_a_page_shows_beside_its_files(page: str, block: str, tmp_path: Path) -> None:
    _write_files(page, tmp_path)
    _check_printed(block, tmp_path)


def test_the_commands_of_the_set_up_are_those_of_ci() -> None:
    run = (ROOT / ".ci" / "fast").read_text("utf-8").replace(" --quiet", "")
    commands = [line for block in _blocks("sh") for line in block.splitlines() if line.startswith("python -m pip")]
    assert commands == [
        "python -m pip install . && orharness demo",
        "python -m pip install -e '.[test]' && python -m pytest",
    ]
    for command in " && ".join(commands).split(" && "):
        assert re.search(rf"(^|[( ]){re.escape(command)}( |$)", run, re.M), f".ci/fast does not run: {command}"
