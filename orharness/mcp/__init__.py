"""Judging a server of the Model Context Protocol over streamable HTTP: what it does when a client leaves.

The same act, closing the stream of a tool's call, has opposite meanings: in revision 2026-07-28 it cancels the call, in
2025-11-25 the call goes on and its stream can be resumed. ``check`` does it, and watches the tool.
"""

from __future__ import annotations

from orharness.mcp.check import McpTarget, check
from orharness.mcp.judging import REVISIONS
from orharness.mcp.witness import FileWitness, RequestWitness, Witness

__all__ = ["REVISIONS", "FileWitness", "McpTarget", "RequestWitness", "Witness", "check"]
