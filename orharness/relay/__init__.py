"""Relays: a backend between the browser and the model, with us on both sides of it.

``sse_server`` is the relay's upstream, ``RelayClient`` plays the browser, ``SseProcess`` is the backend as a process,
and ``check`` judges the relay: does it pass on each event at once, unchanged, and the leaving of its browser?
"""

from __future__ import annotations
