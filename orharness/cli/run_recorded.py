"""``orharness run --record`` and ``--cassette``: a command with the recorder, or a cassette, before the network."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from orharness.cli.codes import FAILED
from orharness.cli.commands import command_of, exit_code, run_command
from orharness.cli.outputs import refuse_folder
from orharness.cli.record import filters_for_recorder, interaction_line, not_whole, saved_line
from orharness.cli.stderr import background_stderr
from orharness.dialects import DIALECTS
from orharness.errors import ScenarioError
from orharness.intercept.door import Door, Target, host_of, is_named
from orharness.intercept.environment import proxy_environment
from orharness.loopback import API_KEY, client_environment, proxy_bypass
from orharness.recording.apart import ApartProcess
from orharness.recording.proxy import Recorder
from orharness.recording.reach import Reach, addresses_of
from orharness.recording.upstreams import Upstreams, named_values
from orharness.report.contents import shown
from orharness.report.screen import Screen
from orharness.server.thread import ServerThread
from orharness.verdict import count

_OF_AN_API = {"ANTHROPIC": "messages", "GOOGLE": "gemini", "OLLAMA": "ollama"}
"""The APIs whose SDKs have variables of their own; all other variables are of clients of OpenAI's."""
_KEY = "_API_KEY"


@dataclass(frozen=True)
class RecordOptions:
    """What the command line says of a recording. ``intercept``: hosts whose literal addresses are answered for."""

    command: Sequence[str]
    to: Path
    upstreams: Sequence[str] = ()
    key_envs: Sequence[str] = ()
    intercept: Sequence[str] = ()
    resolve: Sequence[str] = ()
    ca: Path | None = None
    overwrite: bool = False
    filters: str | None = None

    def __post_init__(self) -> None:
        refuse_folder(self.to, "--record")
        if not self.upstreams and not self.intercept:
            raise ScenarioError(
                "--record needs to know what is recorded: --upstream URL for clients that take a base URL, --intercept"
                " HOST for those that have the address in their code"
            )


@background_stderr()
def run_and_record(options: RecordOptions, apart: ApartProcess | None = None) -> int:
    """Run the command, and record what it asks of the upstreams and of the intercepted hosts.

    Returns the exit code of the command; 1 if that is 0 and a body is not in the cassette. Raises ``OrharnessError``
    for what cannot be run or saved.
    """
    command = command_of(options.command)
    screen = Screen(sys.stderr)
    addresses = addresses_of(options.resolve)
    recorder = Recorder(
        named_values(options.upstreams, "--upstream"),
        options.to,
        overwrite=options.overwrite,
        key_env=named_values(options.key_envs, "--key-env"),
        filters=filters_for_recorder(options.filters, apart),
        apart=apart,
        reach=Reach(options.ca, addresses),
        doors=True,
    )

    def port_for(target: Target) -> Awaitable[int]:
        return recorder.door(target.base_url)

    door = Door(options.intercept, port_for, resolve=addresses) if options.intercept else None
    thread = ServerThread().start()
    with _logged(), TemporaryDirectory(prefix="orharness-") as folder:
        try:
            thread.run(recorder.__aenter__)
            try:
                environment = _environment(recorder.base_url, recorder.upstreams, os.environ)
                with _open(door, thread, Path(folder)) as proxied:
                    code, passed_on = run_command(command, {**os.environ, **proxy_bypass(), **environment, **proxied})
            finally:
                thread.run(lambda: recorder.__aexit__(None, None, None))
        finally:
            thread.stop()
    for number, saved in enumerate(recorder.saved, 1):
        screen.say(*interaction_line(number, saved))
    screen.line(saved_line(recorder), "bold")
    return exit_code(code, passed_on) or (FAILED if not_whole(recorder) else 0)


def _environment(base_url: str, upstreams: Upstreams, given: Mapping[str, str]) -> dict[str, str]:
    """The variables by which clients find the recorder: those of the APIs that have an upstream.

    A key that is there already stays, since it goes upstream. SDKs refuse to start without any.
    """
    found = {}
    for name, value in client_environment(base_url, API_KEY).items():
        dialect = DIALECTS[next((api for prefix, api in _OF_AN_API.items() if prefix in name), DIALECTS.default.name)]
        known = upstreams.of(dialect.example_path) is not None
        if name.endswith(_KEY):
            if name not in given:
                found[name] = value
        elif known:
            found[name] = value
    return found


@dataclass(frozen=True)
class ReplayDoor:
    """The proxy beside a server that plays a cassette: nothing goes to the network."""

    hosts: Sequence[str]

    @contextmanager
    def open(self, port: int, thread: ServerThread) -> Iterator[dict[str, str]]:
        """Open it in the thread; yields the variables for the command. ``port``: that of the server."""

        async def port_for(target: Target) -> int:
            return port

        door = Door(self.hosts, port_for, only=True)
        with TemporaryDirectory(prefix="orharness-") as folder, _open(door, thread, Path(folder)) as environment:
            yield environment
        for host, number in door.refused.items():
            said = f"{host} was refused ({count(number, 'request')}): nothing goes to the network with --cassette"
            Screen(sys.stderr).say(f"{shown(said)}; --intercept {shown(host)} has the cassette answer for it", "yellow")


def host_as_recorded(hosts: Sequence[str]) -> Callable[[Any, Any], None]:
    """Return a matcher for a replay with intercepted ``hosts``: a request to one of them needs an answer of that host.

    Its ``Host`` header says where it was sent: the server that answers is on loopback. A client that has found that
    server by a base URL names no intercepted host, and gets the answers of any.
    """
    named = [host_of(one) for one in hosts]

    def host(live: Any, recorded: Any) -> None:
        asked, was = (_place(one) for one in (live.headers.get("Host") or "", urlsplit(recorded.uri).netloc))
        if was and asked != was and is_named(urlsplit(f"//{asked}").hostname or "", named):
            raise AssertionError(f"expected {was!r}, got {asked!r}")

    return host


def _place(netloc: str) -> str:
    """A host in lower case, with its port where that is not a scheme's own: a ``Host`` header says no scheme."""
    return re.sub(r":(?:80|443)$", "", netloc.rpartition("@")[2].lower())


@contextmanager
def _open(door: Door | None, thread: ServerThread, folder: Path) -> Iterator[dict[str, str]]:
    """Run a door while the block runs; yields the variables for the command."""
    if door is None:
        yield {}
        return
    thread.run(door.start)
    try:
        certificate = None if door.authority is None else door.authority.certificate
        yield proxy_environment(door.url, certificate, folder, door.hosts, only=door.only)
    finally:
        thread.run(door.stop)


@contextmanager
def _logged() -> Iterator[None]:
    """Have what the recorder has to say on stderr."""
    handler = logging.StreamHandler(sys.stderr)
    logging.getLogger("orharness").addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger("orharness").removeHandler(handler)
