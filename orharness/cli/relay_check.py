"""``orharness relay-check``: a backend between our upstream and our browser, and a table of verdicts."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from orharness.cli.reports import check_reports, report
from orharness.errors import ScenarioError
from orharness.origins import check_host
from orharness.processes import arguments
from orharness.relay.check import PATIENCE, check, chosen
from orharness.relay.process import SseProcess
from orharness.report.screen import Screen
from orharness.server.facade import SseServer
from orharness.verdict import Judgement, Verdict, counted


@dataclass(frozen=True)
class RelayCheckOptions:
    """The options of the command line."""

    url: str
    json: str | None = None
    command: str | None = None
    method: str = "POST"
    headers: Sequence[str] = ()
    within: float = PATIENCE
    only: Sequence[str] = ()
    host: str = "127.0.0.1"
    port: int = 0
    formats: Sequence[str] = ()
    outputs: Sequence[Path] = ()
    strict: bool = False

    def __post_init__(self) -> None:
        check_reports(self.formats, self.outputs)
        check_host(self.host)
        if self.within <= 0:
            raise ScenarioError(f"--within is a number of seconds above 0, not {self.within:g}")
        if "{port}" in self.url and self.command is None:
            raise ScenarioError("{port} in the address is the port of the backend that --command starts")

    def body(self) -> Any:
        """Return the request's body, ``None`` for none; ``@FILE`` is read from the file."""
        text = self.json
        if text is None:
            return None
        try:
            if text.startswith("@"):
                text = Path(text[1:]).read_text("utf-8")
            return json.loads(text)
        except OSError as error:
            raise ScenarioError(f"--json {self.json}: cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise ScenarioError(f"--json is not JSON: {error}") from error

    def process(self, server: SseServer) -> SseProcess | None:
        """Return the backend to start, if any; without ``{port}`` it must listen where the URL says."""
        if self.command is None:
            return None
        port = address_of(self.url)
        return SseProcess(arguments(self.command), server=server, port=port)


def address_of(url: str) -> int | None:
    """Return the port on which a command must listen, ``None`` for a free one: ``{port}`` in the address.

    Raises ``ScenarioError`` for an address that names no port.
    """
    if "{port}" in url:
        return None
    try:
        port = urlsplit(url).port
    except ValueError as error:
        raise ScenarioError(f"{url} is not an address: {error}") from error
    if port is None:
        raise ScenarioError(
            f"{url} names no port: write the one that --command listens on, or {{port}} in both (a free one)"
        )
    return port


def sent_headers(lines: Sequence[str]) -> dict[str, str]:
    """Return the headers as ``curl -H`` takes them. Raises ``ScenarioError`` for a line that is not a header."""
    found = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise ScenarioError(f"--header takes 'Name: value', not {line!r}")
        found[name.strip()] = value.strip()
    return found


def progress_line(verdict: Verdict) -> str:
    """Return the line shown while the check runs; what a verdict measured is in its title."""
    why = f": {verdict.note}" if verdict.note else ""
    return (
        f"{verdict.result.replace('not_applicable', 'n/a'):<5} {verdict.level:<6} {verdict.case}  {verdict.title}{why}"
    )


def check_relay(options: RelayCheckOptions) -> bool:
    """Run the check and print its verdicts; return whether no MUST (with ``strict``, no case) failed.

    Raises ``OrharnessError``.
    """
    body, headers = options.body(), sent_headers(options.headers)
    chosen(options.only or None)  # report a wrong name before a backend is started
    progress = Screen(sys.stderr)
    with SseServer(strict=False, host=options.host, port=options.port) as server:
        if options.command is None:
            progress.say(f"point your backend's OPENAI_BASE_URL at {server.base_url}", "bold")
        process = options.process(server)
        with process or nullcontext():
            url = options.url if process is None else options.url.replace("{port}", str(process.port))
            verdicts = check(
                url,
                body,
                server=server,
                method=options.method,
                headers=headers,
                patience=options.within,
                only=options.only or None,
                on_verdict=lambda verdict: progress.line(progress_line(verdict), "dim"),
            )
    progress.line()
    judgement = Judgement(options.url, None, None, counted(verdicts, strict=options.strict), "relay-check")
    report(judgement, options.formats, options.outputs)
    return judgement.ok
