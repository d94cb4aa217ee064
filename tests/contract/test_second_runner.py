"""A second runner, in another language and of no common code, comes to the same verdicts on the exported cases."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orharness.contract import CASES, run
from orharness.contract import starters as starter_files
from orharness.contract.catalogue.export import export
from orharness.contract.driving.drivers import DriverSubject
from orharness.server.thread import ServerThread
from tests.support.selections import WITHOUT_SWEEPS

RUNNER = Path(__file__).with_name("runner") / "runner.mjs"
STARTER = (Path(starter_files.__file__).with_name("driver.py")).read_text("utf-8")


def right(code: str) -> str:
    return code


def needs_the_space(code: str) -> str:
    return code.replace('field, _, value = line.partition(":")', 'field, _, value = line.partition(": ")')


def swallows_errors(code: str) -> str:
    return code.replace("raise ClientError(message_of(data))", "return").replace(
        'raise ClientError("the answer ended', 'return  # ("the answer ended'
    )


def goes_on_after_the_end(code: str) -> str:
    over = 'if data == "[DONE]":\n                told["over"] = True\n                continue'
    code = code.replace('if data == "[DONE]":\n                return', over)
    return code.replace(
        '    raise ClientError("the answer ended',
        '    if not told.pop("over", False):\n        raise ClientError("the answer ended',
    )


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("node is missing")
        pytest.skip("node is needed to run the second runner")
    return found


def test_the_runner_is_short() -> None:
    assert len(RUNNER.read_text("utf-8").splitlines()) < 250
    assert "orharness" not in RUNNER.read_text("utf-8").partition("import")[2]


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("fault", [right, needs_the_space, swallows_errors, goes_on_after_the_end])
def test_both_come_to_the_same_verdicts(
    node: str, fault: Callable[[str], str], tmp_path: Path, sse_thread: ServerThread
) -> None:
    code = fault(STARTER)
    assert (code != STARTER) == (fault is not right)
    driver = tmp_path / "driver.py"
    driver.write_text(code, "utf-8")
    cases = [case for case in CASES if case.id in WITHOUT_SWEEPS]
    if fault is goes_on_after_the_end:  # it waits for seconds wherever the connection is left open
        cases = [case for case in cases if case.family == "done"]
    export(cases, tmp_path / "cases")
    words = [node, str(RUNNER), str(tmp_path / "cases"), sys.executable, str(driver)]
    # Both at once: most of their time they wait for a client that waits.
    patience = {"PATIENCE": "1500"} if fault is goes_on_after_the_end else {}  # it waits in vain in each case
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={**os.environ, **patience}) as runner:
        with DriverSubject(f"{sys.executable} {driver}") as subject:
            verdicts = run(subject, only=[case.id for case in cases], thread=sse_thread)
        lines, _ = runner.communicate(timeout=900)
    assert runner.returncode == 0
    theirs = {one["id"]: one["verdict"] for one in map(json.loads, lines.rstrip("\n").split("\n"))}
    ours = {one.case: one.result.value for one in verdicts}
    judged = [one for one, verdict in theirs.items() if verdict != "not_judged"]
    assert len(judged) > 0.9 * len(cases)
    assert {one: (ours[one], theirs[one]) for one in judged if ours[one] != theirs[one]} == {}
