"""The tutorials are run: their files are written and their commands typed, block by block, as a reader would do it.

A block whose first line is a comment with a file's name is that file. A block ``sh`` is typed into one shell that goes
on from block to block. What the block ``text`` after it shows must be in its output, line by line; where it shows a
failure, the last command must fail, and else it must not. What they install is here already.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.test_readme import _missing
from tests.support.places import ROOT

PAGES = {page.stem: page.read_text("utf-8") for page in sorted((ROOT / "docs" / "tutorials").glob("*.md"))}
MODULES = ROOT / "clients" / "node" / "examples" / "node_modules"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
FILE = re.compile(r"(?:#|//) ([\w./-]+\.\w+)\n")
FAILS = re.compile(r"\bFAIL\b|^✗|\bfailed\b|: FAIL", re.M)
END = "the end of a block:"
INSTALLED = {
    r"python3 -m venv (\S+) && cd \1 && \. bin/activate": r"mkdir \1 && cd \1",
    r"python3 -m venv .*": ":",
    r"\S*python -m pip install .*": ":",
    r"export ORHARNESS_COMMAND=.*": ":",
    r"npm install .*": f"ln -s {shlex.quote(str(MODULES))} node_modules",
}


class Shell:
    """A shell that goes on from block to block, in a folder that has the clone in it."""

    def __init__(self, folder: Path) -> None:
        (folder / "orharness").symlink_to(ROOT)
        env = {name: value for name, value in os.environ.items() if not re.match("PYTEST|ORHARNESS|CI$|OPENAI", name)}
        env["ORHARNESS_COMMAND"] = shlex.join([sys.executable, "-m", "orharness"])
        env["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        env |= {"NO_COLOR": "1", "COLUMNS": "140", "CGO_ENABLED": "0", "PYTHONUTF8": "1"}
        self._bash = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            start_new_session=True,
        )

    def type(self, block: str) -> tuple[int, str]:
        """The exit code of the last command of a block, and what was printed."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.write(f'{block}\nCODE=$?; echo; echo "{END} $CODE"\n')
        self._bash.stdin.flush()
        printed = ""
        for line in self._bash.stdout:
            if line.startswith(END):
                return int(line.removeprefix(END)), printed
            printed += line
        raise AssertionError(f"the shell ended: {printed}")

    def close(self) -> None:
        """End it, and what it has started."""
        os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.communicate()


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
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
