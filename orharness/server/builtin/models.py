"""``GET …/models``, and where else an API has its list: the models that a client may ask for."""

from __future__ import annotations

from collections.abc import Sequence

from orharness.dialects import DIALECTS, Dialect
from orharness.journal import Request
from orharness.scenario.reply import Reply
from orharness.scenario.route import Route
from orharness.server.builtin.computed import computed


def routes(names: Sequence[str]) -> tuple[Route, ...]:
    """Return one route for each place; where dialects share it, the list is in the form of the first of them."""
    places: dict[str, Dialect] = {}
    for dialect in DIALECTS.values():
        places.setdefault(dialect.models_path, dialect)
    return tuple(_route(path, dialect, names) for path, dialect in places.items())


def _route(path: str, dialect: Dialect, names: Sequence[str]) -> Route:
    def reply(request: Request) -> Reply:
        return Reply.respond(json=dialect.models(names))

    return computed(path, reply)
