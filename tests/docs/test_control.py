"""The curl commands of the reference of control over HTTP do what it says, run by a shell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

from orharness.server.control.openapi import document
from orharness.server.facade import SseServer
from tests.docs.test_reference import DOCS, GENERATED
from tests.support.control import CHAT, HELD, Control, Stream, check_against_document, verb_at

pytestmark = pytest.mark.skipif(
    (shutil.which("curl") is None or shutil.which("bash") is None) and not os.environ.get("CI"), reason="needs curl"
)
COMMANDS = re.findall(r"^curl .*$", GENERATED["reference/http.md"], re.M)


def test_there_is_a_command_for_each_operation() -> None:
    assert len(COMMANDS) == sum(map(len, document()["paths"].values()))


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one.partition("$O")[2][:40])
def test_a_command_of_the_reference_is_answered_as_it_says(sse_server: SseServer, command: str) -> None:
    control = Control(sse_server)
    steered = re.search(r"/(hold|release|cut)\"", command)  # what is over cannot be steered
    session = control.open(HELD if steered else CHAT, pacing="recorded")
    stream = Stream(session["base_url"])
    if not steered:
        stream.read()
    env = {**os.environ, "O": f"{sse_server.origin}/_orharness", "S": session["id"], "R": "r1", "C": "000001"}
    said = r"\n%{http_code} %{content_type} %{method} %{url_effective}"
    limited = command.replace("curl -s", f"curl -s -m 20 -w '{said}'").replace(
        " -m 20", " -m 1" if " -N" in command else " -m 20"
    )
    done = subprocess.run(["bash", "-c", limited], env=env, capture_output=True, text=True, timeout=60, check=False)
    body, _, told = done.stdout.rpartition("\n")
    status, content_type, method, url = told.split()
    path = url.removeprefix(sse_server.origin).partition("?")[0]
    verb = verb_at(method, path)
    assert int(status) == verb.status
    check_against_document(verb, verb.status, content_type, body.encode())
    control.ask("DELETE", f"/sessions/{session['id']}")
    stream.close()


def test_the_problems_of_the_guide_are_those_of_the_document() -> None:
    page = (DOCS / "control.md").read_text("utf-8")
    types = document()["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]
    assert set(re.findall(r"`(urn:orharness:problem:\w+|about:blank)`", page)) == set(types)
