"""``GET …/models``: the models that a client may ask for."""

from __future__ import annotations

from collections.abc import Sequence

from orharness.dialects import DIALECTS
from orharness.journal import Request
from orharness.scenario.reply import Reply
from orharness.scenario.route import Route
from orharness.server.builtin.computed import computed


def route(names: Sequence[str]) -> Route:
    """Return the route; the list is in the form of the default dialect."""

    def reply(request: Request) -> Reply:
        return Reply.respond(json=DIALECTS.default.models(names))

    return computed("/models", reply)
