"""Control over HTTP, below ``/_orharness``: sessions, routes, calls, waits and events.

These are not ordinary routes: they are in no journal, no scenario of a user's can hide them, and some of them wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orharness.lazy import lazy_names

if TYPE_CHECKING:
    from orharness.server.control.control import Control as Control
    from orharness.server.control.options import ControlOptions as ControlOptions
    from orharness.server.control.options import is_control as is_control

__all__ = ["Control", "ControlOptions", "is_control"]

__getattr__, __dir__ = lazy_names(__name__, {"control": "Control", "options": "ControlOptions is_control"})
