"""``SseServer`` and its handles over the control verbs of a server that runs elsewhere: ``pytest --sse-server=URL``."""

from __future__ import annotations

from orharness.remote.server import RemoteServer

__all__ = ["RemoteServer"]
