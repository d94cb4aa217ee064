"""The types of the public API: checkers take what is right and refuse what is wrong (``support/typing/api.py``)."""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from orharness import RelayClient, Reply, SseProcess, SseServer
from orharness.relay.browser import BrowserOptions
from orharness.relay.process import ProcessOptions
from orharness.scenario.options import CompletionOptions, PlainOptions, StreamOptions
from orharness.server.facade import ServerOptions
from tests.support.places import ROOT, SUPPORT

API = SUPPORT / "typing" / "api.py"
WRONG = [number for number, line in enumerate(API.read_text("utf-8").splitlines(), 1) if line.endswith("  # wrong")]


def _needs(there: bool, what: str) -> None:
    if there:
        return
    if os.environ.get("CI"):
        pytest.fail(f"there is no {what}")
    pytest.skip(f"there is no {what}")


def _mypy(tmp_path: Path) -> set[int]:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(API)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode in (0, 1), ran.stderr
    found = re.findall(r"^tests.support.typing.api\.py:(\d+): error", ran.stdout, re.M)
    assert len(found) == ran.stdout.count(": error"), ran.stdout
    return {int(number) for number in found}


def _pyright(tmp_path: Path) -> set[int]:
    _needs(find_spec("pyright") is not None, "pyright: pip install pyright")
    _needs(shutil.which("node") is not None, "node, on which pyright runs")
    shutil.copy(API, tmp_path / "api.py")
    (tmp_path / "pyrightconfig.json").write_text(
        json.dumps({"include": ["api.py"], "typeCheckingMode": "strict", "extraPaths": [str(ROOT)]})
    )
    command = [sys.executable, "-m", "pyright", "-p", str(tmp_path), "--pythonpath", sys.executable, "--outputjson"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode in (0, 1), ran.stderr
    told = json.loads(ran.stdout)["generalDiagnostics"]
    return {one["range"]["start"]["line"] + 1 for one in told if one["severity"] == "error"}


@pytest.mark.slow
@pytest.mark.parametrize("check", [_mypy, _pyright])
def test_a_checker_refuses_each_wrong_line_and_no_other(check: Callable[[Path], set[int]], tmp_path: Path) -> None:
    assert len(WRONG) > 80
    assert sorted(check(tmp_path)) == WRONG


@pytest.mark.parametrize(
    ("typed", "function", "apart"),
    [
        (ServerOptions, SseServer.__init__, {"thread"}),
        (ProcessOptions, SseProcess.__init__, {"argv"}),
        (BrowserOptions, RelayClient.__init__, {"url", "json"}),
        (PlainOptions, Reply.respond, {"status"}),
        (StreamOptions, Reply.stream, {"pieces"}),
        (CompletionOptions, Reply.completion, {"dialect", "text"}),
    ],
)
def test_options_are_typed_as_the_function_that_takes_them(
    typed: type, function: Callable[..., Any], apart: set[str]
) -> None:
    """The ``TypedDict`` is what a fixture or a method passes on; here they cannot drift apart."""
    listed = {name: one.__forward_arg__ for name, one in typed.__annotations__.items()}
    parameters = inspect.signature(function).parameters.values()
    explicit = {
        one.name: one.annotation
        for one in parameters
        if one.name not in apart | {"self"} and one.kind is not inspect.Parameter.VAR_KEYWORD
    }
    assert {name: listed.get(name) for name in explicit} == explicit
    unpacked = [one.annotation for one in parameters if one.kind is inspect.Parameter.VAR_KEYWORD]
    assert unpacked or set(listed) == set(explicit)
