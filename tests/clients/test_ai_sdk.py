"""The AI SDK's provider for each API against our server, under Node: it reads what was written, streamed and not."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from orharness.contract import run, starters
from orharness.contract.driving.drivers import DriverSubject
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from orharness.verdict import Result
from tests.support.places import SUPPORT
from tests.support.sdk_answers import ANSWERS, FINISHES, expected

pytestmark = pytest.mark.slow
HERE = SUPPORT / "sdks" / "ai"
REQUIRED = "ORHARNESS_AI_SDK"
STARTER = Path(starters.__file__).with_name("driver.mjs")
# What the SDK's provider does by design: the first is a MUST.
FAILS = {
    "parts/finish-and-chunks-without-one",
    "parts/tool-calls-of-two-choices",
    "parts/tool-call-id-later",
    "parts/reasoning-details-alone",
}
WORDS = {"text": "stop", "all of it": "tool-calls", "too long": "length"}  # why an answer ends, as the SDK says it


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the packages are installed."""
    if REQUIRED not in os.environ:
        pytest.skip(f"the AI SDK's providers read our answers where {REQUIRED} is set")
    made = tmp_path_factory.mktemp("ai-sdk")
    for name in ("package.json", "read.mjs"):
        shutil.copy(HERE / name, made)
    install = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--silent"]
    subprocess.run(install, cwd=made, check=True, timeout=300)
    return made


@pytest.mark.parametrize("api", FINISHES)
def test_answers_are_read_as_they_were_written(sse_thread: ServerThread, folder: Path, api: str) -> None:
    names = {name.replace(" ", "-"): name for name in ANSWERS}
    with SseServer(sse_thread, gateway="deepseek" if api == "chat" else "onerouter") as server:
        for model, name in names.items():
            server.answer(**ANSWERS[name], when={"model": model})
        base_url = server.base_url if api in ("chat", "responses") else server.origin
        command = ["node", "read.mjs", api, base_url, *names]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert found == [meant(api, name) for name in ANSWERS for _ in ("whole", "as a stream")]


def meant(api: str, name: str) -> dict[str, Any]:
    """What is to be read, as the reader prints it: arguments without spaces."""
    said = asdict(expected(api, name)) | {"finish": WORDS[name]}
    tools = [
        [one, tool, json.dumps(json.loads(given), ensure_ascii=False, separators=(",", ":"))]
        for one, tool, given in said["tools"]
    ]
    return said | {"tools": tools, "usage": list(said["usage"])}


def test_one_line_of_the_starter_judges_the_sdk_by_all_that_it_hands_over(folder: Path) -> None:
    code, driver = STARTER.read_text("utf-8"), folder / "driver.mjs"
    assert code.count("\nconst client = answer;\n") == 1
    driver.write_text(code.replace("\nconst client = answer;\n", "\nconst client = aiSdk();\n"), "utf-8")
    with DriverSubject(shlex.join(["node", str(driver)])) as subject:
        verdicts = run(subject, only=["parts", "errors/http-401-onerouter", "cancellation"], patience=5.0)
    assert {one.case for one in verdicts if one.result is Result.FAIL} == FAILS
    assert {one.note for one in verdicts if one.result is Result.NOT_APPLICABLE} == {
        "the client says nothing of refusals"
    }
    assert {one.family for one in verdicts} == {"parts", "errors", "cancellation"}
