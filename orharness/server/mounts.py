"""The mounted routes of a server, and the exchanges that each has answered."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from threading import Lock

from orharness.journal import Request
from orharness.scenario.route import Route, Turns, select, why_none
from orharness.scenario.table import RouteTable
from orharness.server.exchange import LiveExchange
from orharness.server.gates import Gates
from orharness.upstream import Generation


@dataclass
class Mounted:
    """A mounted route: its calls, their retained exchanges, and its gates.

    ``id``: its name among the routes of its session.
    """

    route: Route
    strict: bool = True
    id: str = ""
    gates: Gates = field(default_factory=Gates)
    exchanges: deque[LiveExchange] = field(default_factory=deque)
    on_exchange: Callable[[], None] = lambda: None
    calls: int = 0
    sent: dict[str, int] = field(default_factory=dict)  # the number of the reply in which each id was sent

    def turn(self, request: Request) -> int:
        """Return the index of the reply to the request."""
        return self.route.turn_of(request, self.calls, self.sent)

    def keep_turn(self, generation: Generation | None, turn: int) -> None:
        """Remember the index of a reply, for a later request that continues from that answer."""
        if generation is not None and self.route.by is Turns.CONVERSATION:
            self.sent[generation.id] = turn

    def add(self, exchange: LiveExchange) -> None:
        """Record that this route answers the exchange."""
        self.calls += 1
        self.exchanges.append(exchange)
        exchange.also_in = self.exchanges
        self.on_exchange()


def exchanges_of(mounted: Sequence[Mounted]) -> list[LiveExchange]:
    """Return what the routes have answered, in the order of the requests."""
    if len(mounted) == 1:
        return list(mounted[0].exchanges)
    return sorted((live for one in mounted for live in one.exchanges), key=lambda live: live.id)


def name_of(mounted: Sequence[Mounted]) -> str:
    """Return the name of a route, or of those of a cassette: its method, path and condition, or how many they are."""
    return mounted[0].route.name if len(mounted) == 1 else f"{len(mounted)} recorded replies"


class Mounts:
    """The routes of a server, in the order in which they were mounted.

    ``append`` may be called in any thread, everything else in the server's loop only.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._mounted: list[Mounted] = []
        self._table = RouteTable()
        self._ids = count(1)

    def __iter__(self) -> Iterator[Mounted]:
        return iter(self._mounted)

    def append(self, mounted: Mounted) -> None:
        """Mount a route and give it an id."""
        with self._lock:
            self._add(mounted)

    def extend(self, mounted: Iterable[Mounted]) -> None:
        """Mount routes in this order."""
        for one in mounted:
            self.append(one)

    def put_first(self, mounted: Iterable[Mounted]) -> None:
        """Mount more routes in this order, before all others."""
        with self._lock:
            before = self._mounted
            self._mounted = []
            self._table = RouteTable()
            for one in mounted:
                self._add(one)
            self._mounted += before
            self._index(before)

    def remove(self, mounted: Mounted) -> None:
        """Unmount a route; the others keep their order. Raises ``ValueError`` if it is not mounted."""
        with self._lock:
            self._mounted.remove(mounted)
            self._table = RouteTable()
            self._index(self._mounted)

    def clear(self) -> None:
        """Remove all routes."""
        with self._lock:
            self._mounted.clear()
            self._table = RouteTable()

    def _add(self, mounted: Mounted) -> None:
        mounted.id = f"r{next(self._ids)}"
        self._mounted.append(mounted)
        self._table.add(mounted.route)

    def _index(self, mounted: Iterable[Mounted]) -> None:
        for one in mounted:
            self._table.add(one.route)

    def chosen(self, request: Request) -> Mounted | None:
        """Return the route that answers a request, or ``None``."""
        with self._lock:  # but not while conditions are asked: they are the user's functions
            possible = [self._mounted[number] for number in self._table.candidates(request)]
        found = select([(one.route, one.calls) for one in possible], request)
        return None if found is None else possible[found]

    def why_none(self, request: Request) -> str:
        """Explain why no route answers: the differences from the three nearest routes."""
        return why_none([(one.route, one.calls) for one in self._mounted], request)
