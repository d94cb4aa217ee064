"""The recording proxy: it is between a client and a server, and keeps what passes, byte for byte.

It runs in a process of its own (``orharness record``), since vcrpy, where a user has it, patches every HTTP client of
the process that it runs in.

What arrives from the server is handed over to a process that keeps it (``keeper``), and goes to the client in the same
turn of the event loop, with the same HTTP chunks; those that are read together are handed over and written together.
The keeper searches for secrets and writes to a *spool*, a file beside the cassette. When an exchange has ended, it goes
into the cassette. A recorder that was killed leaves its spool, and the next one for the same cassette recovers it:
nothing is lost. A ``Recorder`` that is used as a library keeps all in its own process.

The modules: ``proxy`` (``Recorder``), ``downstream`` (the client's side), ``upstream`` and ``noted_connections`` (the
server's side), ``whole_chunks``, ``direct`` and ``passage`` (the short way of chunks from one to the other),
``exchange`` (one request and its response), ``apart``, ``keeper``, ``unconfirmed``, ``keeping``, ``giving_way``,
``bell`` and ``messages`` (the process that keeps what passes: its start, its two sides, what they say and when it is
woken), ``store`` (cassette and spool), ``spool``, ``recovery``, ``secrets`` (what is never written), ``process`` (the
recorder as a process, for pytest).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orharness.lazy import lazy_names

if TYPE_CHECKING:
    from orharness.recording.process import RecordingServer as RecordingServer
    from orharness.recording.proxy import Recorder as Recorder

_HOMES = {"process": "RecordingServer", "proxy": "Recorder"}
if not TYPE_CHECKING:  # a checker would take any name from a package with __getattr__
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)

__all__ = sorted(" ".join(_HOMES.values()).split())
