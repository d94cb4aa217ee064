"""``orharness check-mcp``: leave an MCP server's tool call, and see by a witness whether the tool stops."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orharness.cli.relay_check import address_of, progress_line, sent_headers
from orharness.cli.reports import check_reports, report
from orharness.errors import ScenarioError
from orharness.mcp import REVISIONS, FileWitness, McpTarget, RequestWitness, Witness, check
from orharness.origins import check_host
from orharness.processes import arguments
from orharness.relay.process import SseProcess
from orharness.report.screen import Screen
from orharness.server.facade import SseServer
from orharness.verdict import Judgement, Result, counted

DEFAULT_URL = "http://127.0.0.1:{port}/mcp"
BEAT = "ORHARNESS_BEAT"  # in the environment of the server that --command starts
_BEAT_IN_ARGUMENTS = "{beat}"


@dataclass(frozen=True)
class CheckMcpOptions:
    """The options of the command line."""

    url: str | None
    tool: str
    arguments: str = "{}"
    command: str | None = None
    revisions: Sequence[str] = ()
    within: float = 1.0
    leave_after: float | None = None
    watch: Path | None = None
    headers: Sequence[str] = ()
    host: str = "127.0.0.1"
    port: int = 0
    formats: Sequence[str] = ()
    outputs: Sequence[Path] = ()
    strict: bool = False

    def __post_init__(self) -> None:
        check_reports(self.formats, self.outputs)
        check_host(self.host)
        if self.url is None and self.command is None:
            raise ScenarioError("name the server: its URL, or --command CMD that starts it")
        if "{port}" in (self.url or "") and self.command is None:
            raise ScenarioError("{port} in the address is the port of the server that --command starts")

    def given(self, beat: str) -> dict[str, Any]:
        """Return the tool's arguments. ``beat``: the address that ``{beat}`` stands for."""
        try:
            found = json.loads(self.arguments.replace(_BEAT_IN_ARGUMENTS, beat))
        except ValueError as error:
            raise ScenarioError(f"--arguments is not JSON: {error}") from error
        if not isinstance(found, dict):
            raise ScenarioError(f"--arguments is a JSON object, not {self.arguments}")
        return found

    def asked(self, url: str, beat: str) -> McpTarget:
        """Return what is to be judged."""
        return McpTarget(
            url,
            self.tool,
            self.given(beat),
            self.revisions or REVISIONS,
            self.within,
            self.leave_after,
            sent_headers(self.headers),
        )

    def process(self, server: SseServer, beat: str) -> SseProcess | None:
        """Return the server to start, if any: it finds the witness in its environment."""
        if self.command is None:
            return None
        port = address_of(self.url or DEFAULT_URL)
        return SseProcess(arguments(self.command), server=server, port=port, env={BEAT: beat})


def check_mcp(options: CheckMcpOptions) -> bool:
    """Run the check and print its verdicts; return whether no MUST (with ``strict``, no case) failed.

    Raises ``ScenarioError`` if nothing could be judged, and any ``OrharnessError`` of the run.
    """
    progress = Screen(sys.stderr)
    with SseServer(strict=False, host=options.host, port=options.port) as server:
        requests = RequestWitness(server)
        witnesses: list[Witness] = [requests]
        if options.watch is not None:
            witnesses.append(FileWitness(options.watch))
        options.asked(options.url or DEFAULT_URL, requests.url)  # report what is wrong before a server is started
        process = options.process(server, requests.url)
        if process is None:
            progress.say(f"the tool shows that it works by requests to {requests.url}", "bold")
        with process or nullcontext():
            url = options.url or DEFAULT_URL
            asked = options.asked(url.replace("{port}", str(process.port)) if process else url, requests.url)
            verdicts = check(asked, witnesses, lambda verdict: progress.line(progress_line(verdict), "dim"))
    progress.line()
    judgement = Judgement(
        f"{options.tool} of {asked.url}", None, None, counted(verdicts, strict=options.strict), "check-mcp"
    )
    report(judgement, options.formats, options.outputs)
    if all(one.result is Result.NOT_APPLICABLE for one in verdicts):
        raise ScenarioError(f"nothing could be judged: {verdicts[0].note}")
    return judgement.ok
