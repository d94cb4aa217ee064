"""Relays: backends between the browser and the model, tested from both sides.

``sse_server`` is the relay's upstream, ``RelayClient`` plays the browser, ``SseProcess`` runs the backend as a process,
and ``check`` judges the relay: does it pass on each event at once and unchanged, and its browser's leaving?
"""

from __future__ import annotations
