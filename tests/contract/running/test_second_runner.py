"""A second runner, in another language and of no common code, comes to the same verdicts on the exported cases."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from benchmarks.judged.confirm import RUNNER
from orharness.contract import CASES, Case, run
from orharness.contract import starters as starter_files
from orharness.contract.catalogue.export import export
from orharness.contract.driving.drivers import DriverSubject
from orharness.server.thread import ServerThread
from tests.support.selections import WITHOUT_SWEEPS

STARTER = (Path(starter_files.__file__).with_name("driver.py")).read_text("utf-8")


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


def invents_usage(code: str) -> str:
    usage = '{**told, "usage": told.get("usage") or {"prompt_tokens": 0, "completion_tokens": 0}}'
    return code.replace('tell(number, "end", **told)', f'tell(number, "end", **{usage})')


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


CHOSEN = [case for case in CASES if case.id in WITHOUT_SWEEPS]
# Of the two faults that are seen in most cases, each is judged by one half of the catalogue. The last one waits for
# seconds wherever the connection is left open.
OF_THE_FAULT: dict[Callable[[str], str], list[Case]] = {
    needs_the_space: CHOSEN[::2],
    swallows_errors: CHOSEN[1::2],
    goes_on_after_the_end: [case for case in CHOSEN if case.family == "done"],
    invents_usage: [case for case in CHOSEN if case.family == "parts"],
}


def judged_by_theirs(words: list[str], patience: int) -> subprocess.Popen[str]:
    """Start the second runner. ``patience``: in milliseconds, for what a client should do at once."""
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={**os.environ, "PATIENCE": str(patience)})


def judged_by_ours(driver: Path, cases: Iterable[Case], thread: ServerThread) -> dict[str, str]:
    with DriverSubject(f"{sys.executable} {driver}") as subject:
        verdicts = run(subject, only=[case.id for case in cases], thread=thread)
    return {one.case: one.result.value for one in verdicts}


def told(runner: subprocess.Popen[str], cases: list[Case]) -> dict[str, str]:
    """What the second runner says of the cases that it can judge, which are nearly all."""
    lines, _ = runner.communicate(timeout=900)
    assert runner.returncode == 0
    verdicts = {one["id"]: one["verdict"] for one in map(json.loads, lines.rstrip("\n").split("\n"))}
    judged = {case: verdict for case, verdict in verdicts.items() if verdict != "not_judged"}
    assert len(judged) > 0.9 * len(cases)
    return judged


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("fault", OF_THE_FAULT)
def test_both_come_to_the_same_verdicts_on_a_client_that_is_wrong(
    node: str, fault: Callable[[str], str], tmp_path: Path, sse_thread: ServerThread
) -> None:
    code, driver = fault(STARTER), tmp_path / "driver.py"
    assert code != STARTER
    driver.write_text(code, "utf-8")
    cases = OF_THE_FAULT[fault]
    export(cases, tmp_path / "cases")
    words = [node, str(RUNNER), str(tmp_path / "cases"), sys.executable, str(driver)]
    # Both at once: most of their time they wait for a client that waits, and this one waits in vain in each case.
    with judged_by_theirs(words, 1500 if fault is goes_on_after_the_end else 4000) as runner:
        ours = judged_by_ours(driver, cases, sse_thread)
        theirs = told(runner, cases)
    assert theirs == {one: ours[one] for one in theirs}
    assert "fail" in theirs.values()


@pytest.mark.long
@pytest.mark.slow
def test_both_come_to_the_same_verdicts_on_a_client_that_is_right(
    node: str, tmp_path: Path, sse_thread: ServerThread
) -> None:
    """By ours it passes every case that is not n/a, which is the test of the starters: only the others are judged."""
    driver = tmp_path / "driver.py"
    driver.write_text(STARTER, "utf-8")
    export(CHOSEN, tmp_path / "cases")
    with judged_by_theirs([node, str(RUNNER), str(tmp_path / "cases"), sys.executable, str(driver)], 4000) as runner:
        theirs = told(runner, CHOSEN)
    others = [case for case in CHOSEN if case.family == "parts" or theirs.get(case.id) not in (None, "pass")]
    ours = judged_by_ours(driver, others, sse_thread)
    assert {
        one: (ours.get(one, "pass"), verdict) for one, verdict in theirs.items() if ours.get(one, "pass") != verdict
    } == {}
