"""A route whose reply is computed for each request."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from orharness.journal import Request
from orharness.scenario.reply import Reply
from orharness.scenario.route import Route


class Computed(Route):
    """A built-in route; its name is what the journal calls it."""

    @cached_property
    def name(self) -> str:
        return (self.path or "").rpartition("/")[2]


def computed(path: str, reply: Callable[[Request], Reply], when: Callable[[Request], bool] | None = None) -> Route:
    """Return a route for GET requests to the path, for those of which ``when`` is true."""
    return Computed("GET", path, (), when, choose=lambda request, turn: (reply(request), None))
