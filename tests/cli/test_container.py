"""What the Dockerfile says, as far as it shows without Docker: its files, its user, and its command, which is run."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.places import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
LAST_STAGE = DOCKERFILE.rpartition("\nFROM ")[2]


def said(instruction: str) -> str:
    """What an instruction of the image says."""
    [found] = re.findall(rf"^{instruction} +(.*)$", LAST_STAGE, re.M)
    return str(found)


ENVIRONMENT = dict(one.split("=", 1) for one in said("ENV").split())
COMMAND = [*json.loads(said("ENTRYPOINT")), *json.loads(said("CMD"))]


@contextmanager
def container(*arguments: str, **environment: str) -> Iterator[int]:
    """The port of what runs in a container that is started with these arguments."""
    own = {name: value for name, value in ENVIRONMENT.items() if name.startswith("ORHARNESS")}
    env = {name: value for name, value in os.environ.items() if not name.startswith("ORHARNESS")}
    command = [sys.executable, "-m", *COMMAND, *arguments]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        command, env={**env, **own, "ORHARNESS_SERVE_PORT": "0", **environment}, stdout=subprocess.PIPE, stderr=quiet
    ) as process:
        assert process.stdout is not None
        try:
            yield int(re.findall(rb":(\d+)/v1$", process.stdout.readline().strip())[0])
        finally:
            process.terminate()  # as `docker stop` does
    assert process.returncode == 0


def ask(host: str, port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(host, port, timeout=30)
    try:
        body = '{"model": "m", "messages": []}' if method == "POST" else None
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def another_host() -> str:
    """This machine's address, as another one has it; loopback where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


@pytest.mark.slow
def test_it_serves_every_address_and_has_no_control_api() -> None:
    with container() as port:
        status, answer = ask(another_host(), port, "/v1/chat/completions", "POST")
        assert (status, answer["object"]) == (200, "chat.completion")
        for path in ("/_orharness", "/_orharness/journal", "/_orharness/sessions"):
            status, problem = ask("127.0.0.1", port, path)
            assert status == 404
            assert problem["detail"].startswith("this server has no control API")


@pytest.mark.slow
def test_with_a_token_it_has_the_control_api_for_those_who_know_it() -> None:
    with container("--text", "x", ORHARNESS_TOKEN="secret") as port:
        assert ask("127.0.0.1", port, "/_orharness")[0] == 200
        there = another_host()
        assert ask(there, port, "/_orharness")[0] == (200 if there == "127.0.0.1" else 401)
        assert ask(there, port, "/_orharness/sessions", **{"X-Orharness-Token": "secret"})[0] == 200


def test_it_is_small_and_has_a_user_of_its_own() -> None:
    assert LAST_STAGE.startswith("python:3.13-slim\n")
    assert "RUN" not in LAST_STAGE
    assert said("USER") == "10001:10001"
    assert (ENVIRONMENT["ORHARNESS_SERVE_HOST"], ENVIRONMENT["ORHARNESS_SERVE_PORT"]) == ("0.0.0.0", said("EXPOSE"))


def test_what_it_copies_is_there_and_is_sent_to_the_builder() -> None:
    sent = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text("utf-8"), re.M)
    copied = [name for names in re.findall(r"^COPY (?!--)(.*) \S+$", DOCKERFILE, re.M) for name in names.split()]
    assert sorted(copied) == sorted(sent)
    assert all((ROOT / name).exists() for name in copied)
