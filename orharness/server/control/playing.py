"""How a recording that is sent is played: the options of ``SseServer.cassette`` and ``serve``, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orharness.cassette.interaction import Interaction
from orharness.errors import ScenarioError
from orharness.scenario.document import OPTIONS
from orharness.scenario.forms import BOOLEAN, TEXT, Form, json_written, listed, object_schema, refused
from orharness.scenario.node import Node
from orharness.scenario.playback import interaction_routes, serving_routes
from orharness.server.control.schemas import in_components
from orharness.server.mounts import Mounted
from orharness.server.routing import filters_of

ONCE, AGAIN = "once", "again"


def _read_filters(node: Node) -> dict[str, Any]:
    """Return vcrpy's filters; a name and its replacement, which JSON has as a list, are the tuple that vcrpy takes."""
    given = node.mapping(node.value if isinstance(node.value, dict) else (), "filters").value
    pairs = {
        name: [tuple(one) if isinstance(one, list) else one for one in value] if isinstance(value, list) else value
        for name, value in given.items()
    }
    with node.blamed():
        filters_of(pairs)
    return pairs


def _write_match_on(given: Any) -> list[str]:
    names = [given] if isinstance(given, str) else list(given)
    if functions := [one for one in names if not isinstance(one, str)]:
        refused("match_on", f"{functions[0]!r} is a function")
    return names


_MODEL = {name: OPTIONS[name] for name in ("through", "pacing", "provider", "pace", "price")}
_FORMS: dict[str, dict[str, Form]] = {
    ONCE: {
        **_MODEL,
        "match_on": Form(listed(TEXT, "match_on").read, _write_match_on, {"type": "array", "items": TEXT.schema}),
        "allow_playback_repeats": BOOLEAN,
        "delays": BOOLEAN,
        "filters": Form(_read_filters, lambda value: json_written("filters", value), {"type": "object"}),
        "strict": BOOLEAN,
    },
    AGAIN: _MODEL,
}
SCHEMA = in_components(object_schema({name: form.schema for name, form in _FORMS[ONCE].items()}))


@dataclass(frozen=True)
class Playback:
    """``way``: each interaction once, as ``SseServer.cassette``, or any number of times, as ``SseServer.serve``."""

    way: str
    options: dict[str, Any]

    @classmethod
    def read(cls, way: object, options: object) -> Playback:
        """Return what a request says. Raises ``ScenarioError`` with the key of what is wrong."""
        if way not in (ONCE, AGAIN):
            raise ScenarioError(f"play: {ONCE!r} or {AGAIN!r} is expected here, not {way!r}")
        forms, node = _FORMS[way], Node(options, ("options",))
        node.mapping(forms, f"the options of a file that plays {way}")
        return cls(way, {name: forms[name].read(node[name]) for name in node.value})

    def mounted(self, interactions: Sequence[Interaction]) -> list[Mounted]:
        """Return the interactions as routes, ready to be mounted."""
        if self.way == AGAIN:
            return [Mounted(route, strict=False) for route in serving_routes(interactions, **self.options)]
        options = {**self.options, "filters": filters_of(self.options.get("filters"))}
        strict = options.pop("strict", True)
        return [Mounted(route, strict) for route in interaction_routes(interactions, **options)]


def written(way: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options in JSON's types, without those that are ``None``.

    Raises ``ScenarioError`` for one that JSON cannot hold, such as a function.
    """
    given = {name: value for name, value in options.items() if value is not None}
    return {name: _FORMS[way][name].write(value) for name, value in given.items()}
