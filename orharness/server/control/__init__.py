"""Control over HTTP, below ``/_orharness``: sessions, routes, calls, waits and events.

These are no ordinary routes: they are in no journal, no scenario of a user's can hide them, and some of them wait.
"""

from __future__ import annotations

from orharness.server.control.control import Control, ControlOptions, is_control

__all__ = ["Control", "ControlOptions", "is_control"]
