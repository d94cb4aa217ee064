"""What the server is to answer: replies as data, the routes that lead to them, and the documents that hold both."""

from __future__ import annotations

from orharness.scenario.options import ModelOptions, Piece, Through
from orharness.scenario.paths import API_PREFIXES, api_path
from orharness.scenario.reply import Reply
from orharness.scenario.response import Response
from orharness.scenario.route import Route, When

__all__ = ["API_PREFIXES", "ModelOptions", "Piece", "Reply", "Response", "Route", "Through", "When", "api_path"]
