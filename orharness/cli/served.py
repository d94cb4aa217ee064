"""What ``orharness serve`` prints on stderr: what is played, a line for each exchange, and a sum at the end."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orharness.cli.serve import TEXT, Decided, Played, ServeOptions
from orharness.dialects import DIALECTS
from orharness.dialects.completion import MODEL
from orharness.dialects.paths import filled
from orharness.journal import Exchange, Outcome
from orharness.lazy import Deferred
from orharness.report.contents import shown
from orharness.report.outcomes import outcome_style, outcomes
from orharness.report.plain import PlainScreen, screen_for
from orharness.scenario import api_path
from orharness.scenario.route import Route
from orharness.server.facade import SseServer
from orharness.transforms import compose
from orharness.verdict import count

if TYPE_CHECKING:
    import orharness.checks as checks
    from orharness.cassette.interaction import Interaction
    from orharness.report.screen import Screen
else:
    checks = Deferred("orharness.checks")  # for the first exchange that ends


class ServeOutput:
    """What ``orharness serve`` prints on ``screen``, by default stderr."""

    def __init__(self, decided: Decided, screen: Screen | PlainScreen | None = None) -> None:
        self._decided = decided
        self._screen = screen or screen_for(sys.stderr, os.environ)

    def introduce(
        self,
        served: Served,
        played: Played,
        metrics: str | None = None,
    ) -> None:
        """Print what is played, and how to ask for it. ``metrics``: their address, ``None`` for none."""
        options, through, recorded, routes = played.options, played.through, played.recorded, played.routes
        for line in _plays(options, recorded, routes):
            self._screen.say(line)
        changed = f", through {compose(through)!r}" if through else ""
        times = f", model {options.model}" if options.model is not None else ""
        self._screen.say(f"pacing {options.paced}{changed}{times}", "dim")
        first = next((one for each in recorded.values() for one in each), None)
        if served.everywhere:
            self._screen.say(f"listens on every address of this machine, port {served.port}", "yellow")
        if options.workers > 1:
            self._screen.say(f"{options.workers} workers share the port: no page, sessions, gates or turns", "dim")
        for name, value in [
            ("try", _curl(served.origin, *_first_asked(first, routes, options.dialect))),
            *_controlled(served, options),
            *([("metrics", metrics)] if metrics is not None else []),
            ("stop", "Ctrl-C"),
        ]:
            self._screen.named(name, value)
        self._screen.line()

    def show_next(self, seconds: float = 0.0) -> bool:
        """Print the next exchange that was decided, after at most that many seconds; return whether there was one."""
        call = self._decided.next(seconds)
        if call is None:
            return False
        self._tell(call.exchange)
        return True

    def _tell(self, exchange: Exchange) -> None:
        line = f"{exchange.id.lstrip('0')}  {checks.describe(exchange)}"
        self._screen.say(shown(line), outcome_style(exchange.outcome))
        for difference in (exchange.difference or "").splitlines():
            self._screen.say(shown(difference.rstrip()), "dim", indent=4)

    def complain(self, text: str) -> None:
        """Print what went wrong."""
        self._screen.say(shown(text), "red")

    def sum_up(self, account: Account, journal: int) -> bool:
        """Print how the exchanges ended, and what was not met; return whether all was met."""
        self._screen.line(outcomes(list(account.outcomes.elements())), "bold")
        if account.dropped:
            older = count(account.dropped, "older exchange")
            self._screen.say(f"{older} not in the journal: --journal {journal}", "dim")
        for line in (line for text in account.unmet for line in f"✗ {text}".splitlines()):
            self._screen.say(shown(line), "red")
        return not account.unmet


@dataclass(frozen=True)
class Served:
    """Where a server is reached. ``everywhere``: it listens on every address of this machine."""

    base_url: str
    origin: str
    port: int
    everywhere: bool
    token: str

    @classmethod
    def of(cls, server: SseServer) -> Served:
        """Return that of a server."""
        return cls(server.base_url, server.origin, server.port, server.listens_everywhere, server.control_token)


@dataclass(frozen=True)
class Account:
    """What a server saw: its exchanges by outcome, how many the journal dropped, and the unmet expectations."""

    outcomes: Counter[Outcome | None] = field(default_factory=Counter)
    dropped: int = 0
    unmet: tuple[str, ...] = ()

    @classmethod
    def of(cls, server: SseServer) -> Account:
        """Return that of a server."""
        dropped = server.dropped
        kept = Counter(call.outcome for call in server.calls)
        return cls(kept + dropped, dropped.total(), tuple(server.unmet()))

    def __add__(self, other: Account) -> Account:
        return Account(self.outcomes + other.outcomes, self.dropped + other.dropped, self.unmet + other.unmet)


def _controlled(served: Served, options: ServeOptions) -> list[tuple[str, str]]:
    if not options.controlled.on:
        return [("control", "off")]
    token = "ORHARNESS_TOKEN" if os.environ.get("ORHARNESS_TOKEN") else served.token
    journal = ("journal", f"orharness show {served.origin}")
    if options.workers > 1:  # which have no page, and of the verbs the journal alone
        return [journal, ("token", token)]
    return [
        ("page", f"{served.origin}/#token={'$' if token == 'ORHARNESS_TOKEN' else ''}{token}"),
        journal,
        ("control", f"{served.origin}/_orharness/openapi.json"),
        ("token", token),
    ]


def _plays(options: ServeOptions, recorded: dict[Path, list[Interaction]], routes: Sequence[Route]) -> Iterator[str]:
    if options.case is not None:
        from orharness.cli.serve_case import described

        yield from described(options.case, options.dialect, options.files)
    elif options.scenario is not None:
        yield f"plays {options.scenario}:"
        yield from (f"  {route.name}" for route in routes)
        if not routes:
            until = " until the control API is given a route" if options.controlled.on else ""
            yield f"  it has no routes: every request is answered with status 404{until}"
    elif not options.cassettes:
        requests = "request" if options.dialect is None else f"request for {options.dialect}"
        yield f"answers every {requests} with {shown(TEXT if options.text is None else options.text)!r}"
    for path, interactions in recorded.items():
        asked = {f"{one.request.method} {api_path(urlsplit(one.request.uri).path)}": None for one in interactions}
        yield f"plays {path}: {count(len(interactions), 'answer')} to {', '.join(asked)}"
        yield from (f"  {shown(note)}" for note in dict.fromkeys(one.note for one in interactions if one.note))


def _first_asked(first: Interaction | None, routes: Sequence[Route], dialect: str | None) -> tuple[str, str]:
    """Return method and path of a request that some route answers."""
    if first is not None:
        return first.request.method, urlsplit(first.request.uri).path
    route = next(iter(routes), None)
    if route is None or route.path is None:
        return "POST", DIALECTS.named(dialect or DIALECTS.default).example_path
    return route.method, filled(route.path, model=MODEL)


def _curl(origin: str, method: str, path: str) -> str:
    dialect = DIALECTS.at(path) or DIALECTS.default
    query = f"?{dialect.example_query}" if dialect.example_query else ""
    example = json.dumps(dialect.example())
    chosen = {"POST": f" -d {shlex.quote(example)}", "GET": ""}.get(method, f" -X {method}")
    return f"curl -N {shlex.quote(f'{origin}{dialect.prefix}{api_path(path)}{query}')}{chosen}"
