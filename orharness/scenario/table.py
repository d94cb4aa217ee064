"""An index of routes by their conditions, so that a request is compared with few of a thousand.

The table only narrows the choice: whether a route matches is decided by its ``difference``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from heapq import merge
from typing import Any

from orharness.dialects import DIALECTS, Asked
from orharness.dialects.paths import fits, is_template
from orharness.journal import Request
from orharness.scenario.difference import MATCHERS
from orharness.scenario.multipart import parts_of
from orharness.scenario.paths import api_path
from orharness.scenario.route import ASKED, Route, asked_of

_PLAIN = (str, int, float, bool, type(None))  # values that a fact can be equal to
_MISSING = object()
Fact = tuple[str, ...]  # the condition, and the header or key that it concerns
Values = tuple[Hashable, ...]


class RouteTable:
    """The numbers of routes by method, path and facts, in the order in which the routes were added, from 0."""

    def __init__(self, routes: Iterable[Route] = ()) -> None:
        self._size = 0
        self._templates: dict[str, None] = {}  # those among the endpoints
        self._groups: dict[tuple[str, str | None], dict[tuple[Fact, ...], dict[Values, list[int]]]] = {}
        for route in routes:
            self.add(route)

    def add(self, route: Route) -> None:
        """Add a route; it gets the next number."""
        number, self._size = self._size, self._size + 1
        facts = facts_of(route)
        for endpoint in (None,) if route.endpoints is None else route.endpoints:
            if endpoint is not None and is_template(endpoint):
                self._templates[endpoint] = None
            group = self._groups.setdefault((route.method, endpoint), {})
            by_value = group.setdefault(tuple(facts), {})
            by_value.setdefault(tuple(facts.values()), []).append(number)

    def candidates(self, request: Request) -> list[int]:
        """Return the numbers of all routes that can match, in order; all others have a difference."""
        seen = _Facts(request)
        found: list[list[int]] = []
        for endpoint in self._endpoints_for(request.path):
            for facts, by_value in self._groups.get((request.method, endpoint), {}).items():
                numbers = by_value.get(tuple([seen[fact] for fact in facts]))
                if numbers is not None:
                    found.append(numbers)
        return found[0] if len(found) == 1 else list(merge(*found))

    def _endpoints_for(self, path: str) -> Iterator[str | None]:
        """Yield the endpoints of routes that the path can be of."""
        asked = api_path(path)
        yield asked
        yield from (template for template in self._templates if template != asked and fits(template, asked))
        if DIALECTS.at(path) is not None:
            yield None


class _Facts(dict[Fact, Hashable]):
    """The facts of a request, each found when it is first asked for."""

    def __init__(self, request: Request) -> None:
        super().__init__()
        self._request = request

    def __missing__(self, fact: Fact) -> Hashable:
        value = self[fact] = _SEEN[fact[0]](self._request, *fact[1:])
        return value


def facts_of(route: Route) -> dict[Fact, Hashable]:
    """Return what a request must have to match the route: the conditions that require a plain value."""
    given = getattr(route.when, "facts", None)
    if given is not None:
        return dict(given)
    if not isinstance(route.when, Mapping):
        return {}
    found: dict[Fact, Hashable] = {}
    for condition, expected in sorted(route.when.items()):
        inner = expected.items() if condition in ("headers", "json") and isinstance(expected, Mapping) else None
        named = [((condition,), expected)] if inner is None else [((condition, key), one) for key, one in inner]
        for fact, value in named:
            wanted = value["equals"] if _is_equals(value) and condition != "json" else value
            if condition in _SEEN and isinstance(wanted, _PLAIN):
                found[fact] = wanted
    return dict(sorted(found.items()))


def _is_equals(value: object) -> bool:
    return isinstance(value, Mapping) and "equals" in value and set(value) <= set(MATCHERS)


def body_of(request: Request) -> Hashable:
    """Return a value that is equal for bodies without a difference: numbers and delimiters may be written otherwise."""
    return _frozen(request.json) if request.json is not None else parts_of(request.body) or request.body


def _frozen(value: Any) -> Hashable:
    if isinstance(value, dict):
        return frozenset((key, _frozen(one)) for key, one in value.items())
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _key(request: Request, name: str) -> Hashable:
    body = request.json
    value = body.get(name, _MISSING) if isinstance(body, dict) else _MISSING
    return value if isinstance(value, _PLAIN) else _MISSING


def _seen_of(value: Callable[[Asked], Hashable]) -> Callable[[Request], Hashable]:
    return lambda request: value(asked_of(request))


_SEEN: dict[str, Callable[..., Hashable]] = {
    **{name: _seen_of(value) for name, value in ASKED.items()},
    "headers": lambda request, name: request.header(name),
    "json": _key,
    "body": body_of,
}
