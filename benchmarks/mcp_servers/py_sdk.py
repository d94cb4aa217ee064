"""MCP's Python SDK as a server: one tool that is async, one that is not. Both say ten times a second that they work."""

from __future__ import annotations

import asyncio
import os
import time
import urllib.request

from mcp.server.mcpserver import MCPServer

BEAT = 0.1  # seconds


def beat(url: str) -> None:
    urllib.request.urlopen(url, timeout=5).close()


async def slow_async(url: str, seconds: float) -> str:
    for _ in range(int(seconds / BEAT)):
        await asyncio.to_thread(beat, url)
        await asyncio.sleep(BEAT)
    return "done"


def slow_sync(url: str, seconds: float) -> str:
    for _ in range(int(seconds / BEAT)):
        beat(url)
        time.sleep(BEAT)
    return "done"


server = MCPServer("slow")
server.tool()(slow_async)
server.tool()(slow_sync)
server.run("streamable-http", host="127.0.0.1", port=int(os.environ["PORT"]))
