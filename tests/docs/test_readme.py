"""The documentation is run: the Python blocks of the README and of docs/ are tests, the commands print what is shown.

A block whose first line is a comment with a file's name is that file, for the tests and commands of the same page.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path

import pytest

import orharness.contract.catalogue.default
import orharness.contract.running.run
import orharness.recording.process
import orharness.yamlfile
from orharness.server.facade import SseServer
from tests.support.generated import pages
from tests.support.places import ROOT

README = (ROOT / "README.md").read_text("utf-8")
DOCS = {f"docs/{page.name}": page.read_text("utf-8") for page in sorted((ROOT / "docs").glob("*.md"))}
TUTORIALS = sorted(f"docs/tutorials/{page.name}" for page in (ROOT / "docs" / "tutorials").glob("*.md"))
PAGES = {"README.md": README, **DOCS}
IN_THE_CLONE = ("README.md", "docs/guide.md")  # their commands name files of the clone
_KEPT = (  # see test_pytest_plugin.py; what orharness.contract loads only when it is used is named here
    orharness.contract.catalogue.default,
    orharness.contract.running.run,
    orharness.recording.process,
    orharness.yamlfile,
)
_FILE = re.compile(r"(?:#|//) ([\w./-]+\.\w+)\n")


def _blocks(language: str, page: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.M | re.S)


def _tests(page: str) -> list[str]:
    return [block for block in _blocks("python", page) if not _FILE.match(block)]


def _pace(code: str) -> list[pytest.MarkDecorator]:
    """What judges a client or a relay by many cases takes seconds."""
    return (
        [pytest.mark.slow] if re.search(r"check_\w+\(|sse_contract|ClientContract|SseProcess|sse_process", code) else []
    )


TESTS = [
    pytest.param(name, code, id=f"{name}-{n}", marks=_pace(code))
    for name, page in PAGES.items()
    for n, code in enumerate(_tests(page))
]
COMMANDS = [pytest.param(name, block, id=name) for name, page in PAGES.items() for block in _blocks("console", page)]
(RECORDING,) = [block for page in PAGES.values() for block in _tests(page) if "sse_cassette" in block]


@pytest.fixture
def user(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    # A stream of openai's is collected during a later block. It then looks for exceptions in httpx, which must not be a
    # module that is just being imported once more: a block forgets only what it has itself imported.
    import_module("openai")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\naddopts = --strict-markers")
    return pytester


@pytest.mark.parametrize(("page", "code"), [test for test in TESTS if RECORDING not in test.values])
def test_a_python_block_passes_beside_the_files_of_its_page(user: pytest.Pytester, page: str, code: str) -> None:
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


@pytest.mark.slow
def test_the_recording_block_records_once_and_replays(
    user: pytest.Pytester, make_sse_server: Callable[..., SseServer]
) -> None:
    upstream = make_sse_server(strict=False)
    upstream.chat("Grüße, 世界")
    user.makepyfile(test_it=RECORDING)
    options = ["--sse-record-mode=once", f"--sse-upstream={upstream.base_url}"]
    user.runpytest_inprocess(*options).assert_outcomes(passed=1)
    assert len(upstream.journal) == 1
    user.runpytest_inprocess().assert_outcomes(passed=1)
    assert len(upstream.journal) == 1
    assert (user.path / "cassettes" / "test_it" / "test_answer.yaml").is_file()


_DISTRIBUTIONS = {"google": "google-genai"}  # of packages whose name is another


def _needed(code: str) -> set[str]:
    """The packages that the code imports or runs by ``-m`` and that orharness does not bring."""
    nodes = list(ast.walk(ast.parse(code)))
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    run = set(re.findall(r'"-m", "(\w+)"', code))
    named = {name.partition(".")[0] for name in imported | run} - set(sys.stdlib_module_names) - {"orharness", "pytest"}
    return {_DISTRIBUTIONS.get(name, name) for name in named}


@pytest.mark.parametrize(("page", "code"), TESTS)
def test_a_python_block_says_what_it_needs_installed(page: str, code: str) -> None:
    text = PAGES[page]
    before = text[: text.index(code)].rpartition("```\n")[2]  # since the block before it
    said = {package for names in re.findall(r"`pip install ([^`]+)`", before) for package in names.split()}
    assert _needed(code) <= said


def test_a_client_that_does_not_leave_gets_the_failure_that_is_shown(user: pytest.Pytester) -> None:
    stop, *_ = _tests(README)
    shown, *_ = _blocks("text")
    assert stop.count("stream.close()") == 1
    user.makepyfile(test_it=stop.replace("stream.close()", "pass"))
    ran = user.runpytest_inprocess()
    ran.assert_outcomes(failed=1)
    raised = [
        re.sub(r"^E +(orharness\.errors\.ClientFailure: )?", "", line) for line in ran.outlines if line[:2] == "E "
    ]
    assert _missing(shown.splitlines(), raised) == []


def test_the_first_test_leaves_after_two_tokens_and_fails_if_it_does_not_leave(user: pytest.Pytester) -> None:
    (first,) = _tests(PAGES["docs/index.md"])
    assert first.count("stream.close()") == 1
    seen = "    assert (route.call.exchange.chunks_written, route.call.bill.tokens_read) == (3, 2)\n"
    user.makepyfile(test_it=_patient(first) + seen)
    user.runpytest_inprocess().assert_outcomes(passed=1)
    user.makepyfile(test_it=first.replace("stream.close()", "pass"))
    ran = user.runpytest_inprocess()
    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines(["*ClientFailure: the client did not leave within 0.25 s of the end of the block"])


GENERATED = {f"docs/{name}": text for name, text in pages().items()}
LINKING = sorted({*GENERATED, *(page.relative_to(ROOT).as_posix() for page in (ROOT / "docs").rglob("*.md"))})


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", *LINKING])
def test_a_link_leads_to_a_file_and_a_heading(page: str) -> None:
    """A generated page is not in the repository: a page that is, and that links it, says how to build it."""
    text = GENERATED.get(page) or (ROOT / page).read_text("utf-8")
    builds = page in GENERATED or "mkdocs serve`" in text or "\n::: " in text  # which only the site fills
    for link, file, anchor in re.findall(r"\]\((?!https?:)(([^)#]*)(?:#([^)]*))?)\)", text):
        target = os.path.normpath(Path(page).parent / file) if file else page
        assert target in GENERATED or (ROOT / target).exists(), link
        assert builds or target not in GENERATED, f"{link}: say how it is built"
        if anchor:
            written = GENERATED.get(target) or (ROOT / target).read_text("utf-8")
            headings = re.findall(r"^#+ (.+)$", written, re.M)
            anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in anchors | set(re.findall(r'(?:<a id="|\{#)([\w-]+)["}]', written)), link


def test_the_install_section_warns_of_the_strangers_package() -> None:
    (section,) = re.findall(r"^## Install\n(.*?)^## ", README, re.M | re.S)
    warning, *_ = section.split("```")
    assert "Do not run `pip install orharness`" in warning
    assert "overwrite" in warning
    for command in _blocks("sh"):
        assert not re.search(r"install[^\n]*\borharness\b", command.replace("&& orharness", ""))


def test_an_extra_is_named_beside_its_packages_which_a_clone_can_install_too() -> None:
    """Nothing is published, so a command that names the distribution fails. pyproject.toml has the packages."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    pages = (ROOT / "docs").rglob("*.md")
    seen = set()
    for file in (ROOT / "README.md", *pages, *(ROOT / "orharness").rglob("*.py")):
        text = re.sub(r"\s+", " ", file.read_text("utf-8"))
        assert re.findall(r"pip install [^`]*?onerouter-harness\b", text) == [], file
        for packages, extra in re.findall(r"pip install ([\w ]+?)[`, #(]*the extra `?(\w+)", text):
            assert packages.split() == [re.split("[<>=]", one)[0] for one in extras[extra]], file
            seen.add(extra)
    assert seen == {"codings", "intercept", "metrics"}


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
    assert _missing(shown, ran.stdout.splitlines()) == [], ran.stdout


def _missing(shown: Iterable[str], printed: Iterable[str]) -> list[str]:
    """Return the shown lines that were not printed in that order; ``…`` stands for lines that are left out."""
    rest = iter([_shape(line) for line in printed])
    return [line for line in shown if line != "…" and line.strip() and _shape(line) not in rest]


def _with_this_python() -> str:
    return os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))


@pytest.mark.slow
@pytest.mark.parametrize(("page", "block"), COMMANDS)
def test_a_command_prints_what_its_page_shows(page: str, block: str, tmp_path: Path) -> None:
    _write_files(PAGES[page], tmp_path)
    _check_printed(block, ROOT if page in IN_THE_CLONE else tmp_path)


def test_the_commands_of_the_set_up_are_those_of_ci() -> None:
    run = (ROOT / ".ci" / "fast").read_text("utf-8").replace(" --quiet", "")
    commands = [line for block in _blocks("sh") for line in block.splitlines() if line.startswith("python -m pip")]
    assert commands == [
        "python -m pip install . && orharness demo",
        "python -m pip install -e '.[test]' && python -m pytest -n 6 --dist worksteal",
    ]
    for command in " && ".join(commands).split(" && "):
        assert re.search(rf"(^|[( ]){re.escape(command)}( |$)", run, re.M), f".ci/fast does not run: {command}"


@pytest.mark.parametrize("page", ["docs/reference/index.md", "CONTRIBUTING.md"])
def test_what_the_site_needs_installed_is_what_ci_installs(page: str) -> None:
    run = (ROOT / ".ci" / "run").read_text("utf-8").replace(" --quiet", "")
    [install] = re.findall(r"`([^`]+) && mkdocs serve`", (ROOT / page).read_text("utf-8"))
    assert f" && {install} && mkdocs build --strict " in run
