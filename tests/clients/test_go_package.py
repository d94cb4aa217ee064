"""The package for Go: its own tests, which try every verb, its format, and that its types are those of the document."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from typing import Any

import pytest

from orharness.server.control.schemas import schemas
from orharness.server.facade import SseServer
from tests.support.control import EVERYTHING, Tried, keys_beside
from tests.support.places import ROOT

PACKAGE = ROOT / "clients" / "go"
SOURCES = {file.name: file.read_text("utf-8") for file in sorted(PACKAGE.glob("*.go"))}
STOP_BUTTON = SOURCES["stop_button_test.go"]


def go(*arguments: str, **environment: str) -> str:
    """What a command of Go prints for the package."""
    command = shutil.which("go")
    if command is None:
        pytest.skip("there is no go here")
    env = {**os.environ, "GOFLAGS": "-mod=mod", "GOPROXY": "off", "CGO_ENABLED": "0", **environment}
    env["ORHARNESS_COMMAND"] = shlex.join([sys.executable, "-m", "orharness"])
    done = subprocess.run(
        [command, *arguments], cwd=PACKAGE, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_its_own_tests_pass_and_try_every_verb(sse_server: SseServer, tried: Tried) -> None:
    assert go("test", "-count=1", "./...", ORHARNESS_URL=sse_server.origin).startswith("ok")
    assert EVERYTHING - tried == set()


@pytest.mark.slow
def test_it_is_vetted_and_formatted_and_needs_the_standard_library_alone() -> None:
    assert go("vet", "./...") == ""
    assert go("fmt", "./...") == ""
    assert go("list", "-m", "all").split() == ["onerouter.pro/orharness"]


def test_a_stop_button_takes_15_lines_and_no_pause() -> None:
    [test] = re.findall(r"^func Test.*?^}", STOP_BUTTON, re.M | re.S)
    assert len(test.splitlines()) <= 15
    assert "Sleep" not in STOP_BUTTON
    assert test in (PACKAGE / "README.md").read_text("utf-8")


STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.M | re.S)
FIELDS = {name: set(re.findall(r'`json:"(\w+)', body)) for name, body in STRUCT.findall(SOURCES["documents.go"])}


def _properties(schema: Any) -> set[str]:
    return set(schema["properties"])


def test_its_types_have_every_key_of_the_document_and_no_other() -> None:
    named = schemas()
    completion = named["Scenario.completion"]["anyOf"][1]
    exchange = _properties(named["Exchange"])
    promised = {
        "About": _properties(named["About"]),
        "SessionInfo": _properties(named["Session"]),
        "RouteInfo": _properties(named["Route"]),
        "Exchange": exchange,
        "Call": _properties(named["Call"]) - exchange,
        "Request": _properties(named["Exchange"]["properties"]["request"]),
        "Boundaries": _properties(named["Exchange"]["properties"]["boundaries"]),
        "Event": _properties(named["Event"]),
        "Stream": _properties(named["Stream"]),
        "Chunk": _properties(named["Stream"]["properties"]["chunks"]["items"]),
        "Part": _properties(named["Stream"]["properties"]["chunks"]["items"]["properties"]["parts"]["items"]),
        "Verdict": _properties(named["Verdict"]),
        "Answer": _properties(completion),
        "ToolCall": _properties(completion["properties"]["tool_calls"]["items"]),
        "With": keys_beside("chat"),
        "Expect": _properties(named["Scenario.expect"]),
    }
    assert promised == FIELDS
