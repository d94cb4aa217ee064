"""Built-in routes, one module each: what every session answers when no user route does."""

from __future__ import annotations

from collections.abc import Sequence

from orharness.scenario.route import Route
from orharness.server.answering import Answering
from orharness.server.builtin import generation, models


def builtin_routes(answering: Answering, model_names: Sequence[str], *, shared: bool = False) -> tuple[Route, ...]:
    """Return the built-in routes of a session. ``shared``: other processes answer on the same port."""

    def replays() -> bool:
        return any(mounted.route.replays for mounted in answering.mounted)

    return (*models.routes(model_names, replays), generation.route(answering, shared=shared))
