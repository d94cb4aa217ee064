"""The routes of a server, and the exchanges that each has answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from orharness.journal import Request
from orharness.scenario.route import Route, select, why_none
from orharness.scenario.table import RouteTable
from orharness.server.exchange import LiveExchange
from orharness.server.gates import Gates


@dataclass
class Mounted:
    """A route on the server: the exchanges that it has answered, and its gates."""

    route: Route
    strict: bool = True
    gates: Gates = field(default_factory=Gates)
    exchanges: list[LiveExchange] = field(default_factory=list)
    on_exchange: Callable[[], None] = lambda: None


class Mounts:
    """The routes of a server, in the order in which they were mounted. Only in the server's loop."""

    def __init__(self) -> None:
        self._mounted: list[Mounted] = []
        self._table = RouteTable()

    def __iter__(self) -> Iterator[Mounted]:
        return iter(self._mounted)

    def append(self, mounted: Mounted) -> None:
        """Mount one more route."""
        self._mounted.append(mounted)
        self._table.add(mounted.route)

    def extend(self, mounted: Iterable[Mounted]) -> None:
        """Mount more routes in this order."""
        for one in mounted:
            self.append(one)

    def clear(self) -> None:
        """Remove all routes."""
        self._mounted.clear()
        self._table = RouteTable()

    def chosen(self, request: Request) -> Mounted | None:
        """Return the route that answers, ``None`` if none does."""
        possible = [self._mounted[number] for number in self._table.candidates(request)]
        found = select([(one.route, len(one.exchanges)) for one in possible], request)
        return None if found is None else possible[found]

    def why_none(self, request: Request) -> str:
        """Return why no route answers: the differences from the nearest three."""
        return why_none([(one.route, len(one.exchanges)) for one in self._mounted], request)
