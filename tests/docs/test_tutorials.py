"""The tutorials are run: their files are written and their commands typed, block by block, as a reader would do it.

A block whose first line is a comment with a file's name is that file. A block ``sh`` is typed into one shell that goes
on from block to block. What the block ``text`` after it shows must be in its output, line by line; where it shows a
failure, the last command must fail, and else it must not. What they install is here already.
"""

from __future__ import annotations

import re
import shlex
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.test_readme import _missing
from tests.support.places import ROOT
from tests.support.shell import Shell

PAGES = {page.stem: page.read_text("utf-8") for page in sorted((ROOT / "docs" / "tutorials").glob("*.md"))}
MODULES = ROOT / "clients" / "node" / "examples" / "node_modules"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
FILE = re.compile(r"(?:#|//) ([\w./-]+\.\w+)\n")
FAILS = re.compile(r"\bFAIL\b|^✗|\bfailed\b|: FAIL", re.M)
INSTALLED = {
    r"python3 -m venv (\S+) && cd \1 && \. bin/activate": r"mkdir \1 && cd \1",
    r"python3 -m venv .*": ":",
    r"\S*python -m pip install .*": ":",
    r"export ORHARNESS_COMMAND=.*": ":",
    r"npm install .*": f"ln -s {shlex.quote(str(MODULES))} node_modules",
}


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    (tmp_path / "orharness").symlink_to(ROOT)
    shell = Shell(tmp_path)
    yield shell
    shell.close()


def _typed(block: str) -> str:
    for written, here in INSTALLED.items():
        block = re.sub(rf"^{written}$", here, block, flags=re.M)
    return block


def _needs(page: str) -> None:
    """Skip a tutorial for which something is missing here."""
    if "npm install" in page and not MODULES.is_dir():
        pytest.skip("there are no packages for Node here: npm install in clients/node/examples")
    if "go mod init" in page and shutil.which("go") is None:
        pytest.skip("there is no go here")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def _follow(page: str, shell: Shell) -> None:
    port = str(_free_port())
    blocks = [(kind, code.replace("8181", port)) for kind, code in BLOCK.findall(page)]
    for number, (kind, code) in enumerate(blocks):
        if named := FILE.match(code):
            file = Path(shell.type("pwd")[1].strip()) / named[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            # What is a client's own time is the test's business, not that of a tutorial on a machine that is busy.
            file.write_text(code.replace("within=0.25", "within=3"), "utf-8")
        elif kind == "sh":
            ended, printed = shell.type(_typed(code))
            shown = next((text for kind, text in blocks[number + 1 : number + 2] if kind == "text"), "")
            assert bool(ended) == bool(FAILS.search(shown)), f"{code}\n{printed}"
            assert _missing(shown.splitlines(), printed.splitlines()) == [], f"{code}\n{printed}"


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_tutorial_does_what_it_says(name: str, shell: Shell) -> None:
    _needs(PAGES[name])
    _follow(PAGES[name], shell)


@pytest.mark.parametrize("name", PAGES)
def test_a_tutorial_has_a_command_and_says_what_it_prints(name: str) -> None:
    kinds = [kind for kind, _ in BLOCK.findall(PAGES[name])]
    assert "sh" in kinds
    assert "text" in kinds
