"""What MCP servers make of a client that leaves: ``python -m benchmarks.mcp [SERVER…]``.

The servers are those of ``benchmarks/mcp_servers``: MCP's SDKs for Python and TypeScript, each with a tool that takes
three seconds. ``ORHARNESS_MCP`` is a Python in which ``mcp`` is installed; those for Node want ``npm install`` in that
folder. ``--store`` writes the results to ``benchmarks/mcp_servers/verdicts.json``, which tests/mcp/test_real_servers.py
holds them to.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tables import Table
from orharness.mcp import McpTarget, RequestWitness, check
from orharness.relay.process import SseProcess
from orharness.server.facade import SseServer
from orharness.verdict import Result, Verdict, did_you_mean

FOLDER = Path(__file__).parent / "mcp_servers"
STORED = FOLDER / "verdicts.json"
PYTHON = "ORHARNESS_MCP"
SECONDS = 3.0  # that each tool takes


@dataclass(frozen=True)
class McpServer:
    """A server with one of its tools."""

    name: str
    file: str
    tool: str

    @property
    def command(self) -> list[str]:
        """What starts it."""
        program = "node" if self.file.endswith(".mjs") else os.environ.get(PYTHON, "python")
        return [program, str(FOLDER / self.file)]

    @property
    def missing(self) -> str | None:
        """Why it cannot be started here."""
        if PYTHON not in os.environ:
            return f"{PYTHON} names no Python in which mcp is installed"
        if not self.file.endswith(".mjs"):
            return None
        if shutil.which("node") is None:
            return "there is no node here"
        return None if (FOLDER / "node_modules").is_dir() else f"npm install in {FOLDER.name} was not run"


SERVERS = (
    McpServer("python-async", "py_sdk.py", "slow_async"),
    McpServer("python-sync", "py_sdk.py", "slow_sync"),
    McpServer("typescript-1-signal", "ts_v1.mjs", "slow_signal"),
    McpServer("typescript-1-deaf", "ts_v1.mjs", "slow_deaf"),
    McpServer("typescript-2-signal", "ts_v2.mjs", "slow_signal"),
    McpServer("typescript-2-deaf", "ts_v2.mjs", "slow_deaf"),
)


def judge(server: McpServer) -> list[Verdict]:
    """Start the server, and return the verdicts on its tool."""
    with SseServer(strict=False) as ours:
        witness = RequestWitness(ours)
        with SseProcess(server.command, server=ours) as process:
            arguments = {"url": witness.url, "seconds": SECONDS}
            return check(McpTarget(f"{process.url}/mcp", server.tool, arguments), [witness])


def results(verdicts: Sequence[Verdict]) -> dict[str, str]:
    """The result of each case."""
    return {one.case: one.result.value for one in verdicts}


def stored() -> dict[str, dict[str, str]]:
    """The results that are stored, for each server."""
    found: dict[str, dict[str, str]] = json.loads(STORED.read_text("utf-8")) if STORED.exists() else {}
    return found


def shown(verdict: Verdict) -> str:
    """A result in a table."""
    return {Result.PASS: "holds", Result.NOT_APPLICABLE: "-"}.get(verdict.result, f"fails ({verdict.level})")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mcp", description=__doc__)
    parser.add_argument("server", nargs="*")
    parser.add_argument("--store", action="store_true", help="write the results where the tests look")
    chosen = parser.parse_args(arguments)
    known = {one.name: one for one in SERVERS}
    if unknown := [name for name in chosen.server if name not in known]:
        parser.error(f"no such server: {', '.join(unknown)}{did_you_mean(unknown, known)}")
    table = Table("mcp", "what MCP servers make of a client that leaves", ("server",))
    kept = stored()
    for name in chosen.server or known:
        if (why := known[name].missing) is not None:
            print(f"{name} is left out: {why}", file=sys.stderr)
            continue
        verdicts = judge(known[name])
        kept[name] = results(verdicts)
        table.columns = ("server", *kept[name])
        table.rows.append((name, *map(shown, verdicts)))
        reasons = [one.evidence.reason for one in verdicts if one.evidence]
        print(f"{name}: {'; '.join(reasons) or 'all hold'}", flush=True)
    print()
    print(table.as_markdown())
    if chosen.store:
        STORED.write_text(json.dumps(kept, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
