"""``GET …/models``, and where else an API has its list: the models that a client may ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orharness.dialects import DIALECTS, Dialect
from orharness.journal import Request
from orharness.scenario.reply import Reply
from orharness.scenario.route import Route
from orharness.server.builtin.computed import computed


def routes(names: Sequence[str], replays: Callable[[], bool]) -> tuple[Route, ...]:
    """Return one route for each place. ``replays``: whether a cassette is played, which alone says what there was.

    Where dialects share it, the list is in the form of the one whose API prefix is asked, else of the first of them.
    """
    places: dict[str, list[Dialect]] = {}
    for dialect in DIALECTS.values():
        places.setdefault(dialect.models_path, []).append(dialect)
    return tuple(_route(path, dialects, names, replays) for path, dialects in places.items())


def _route(path: str, dialects: Sequence[Dialect], names: Sequence[str], replays: Callable[[], bool]) -> Route:
    def reply(request: Request) -> Reply:
        asked = (one for one in dialects if request.path.startswith(f"{one.prefix}/"))
        return Reply.respond(json=next(asked, dialects[0]).models(names))

    return computed(path, reply, lambda _: not replays())
