"""What the server answers: replies as data, the routes that select them, and the documents that contain both."""

from __future__ import annotations

from orharness.scenario.options import ModelOptions, Piece, Through
from orharness.scenario.paths import API_PREFIXES, api_path
from orharness.scenario.reply import Reply
from orharness.scenario.response import Response
from orharness.scenario.route import Route, When

__all__ = ["API_PREFIXES", "ModelOptions", "Piece", "Reply", "Response", "Route", "Through", "When", "api_path"]
