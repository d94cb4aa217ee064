"""What ``orharness serve`` prints on stderr: what is played, a line for each exchange, and a sum at the end."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from rich.text import Text

from orharness.cassette.interaction import Interaction
from orharness.checks import describe
from orharness.cli.serve import TEXT, Decided, ServeOptions
from orharness.dialects import DIALECTS
from orharness.dialects.completion import MODEL
from orharness.dialects.paths import filled
from orharness.journal import Exchange
from orharness.report.contents import shown
from orharness.report.screen import Screen
from orharness.report.text import outcome_style, outcomes
from orharness.scenario import api_path
from orharness.scenario.route import Route
from orharness.server.facade import SseServer
from orharness.stream import Transform
from orharness.transforms import compose
from orharness.verdict import count


class Told:
    """The lines on ``screen``, by default stderr."""

    def __init__(self, decided: Decided, screen: Screen | None = None) -> None:
        self._decided = decided
        self._screen = screen or Screen(sys.stderr)

    def introduce(
        self,
        server: SseServer,
        options: ServeOptions,
        through: Sequence[Transform],
        recorded: dict[Path, list[Interaction]],
        routes: Sequence[Route],
        metrics: str | None = None,
    ) -> None:
        """Print what is played, and how to ask for it. ``metrics``: their address, ``None`` for none."""
        for line in _plays(options, recorded, routes):
            self._screen.say(line)
        changed = f", through {compose(through)!r}" if through else ""
        times = f", model {options.model}" if options.model is not None else ""
        self._screen.say(f"pacing {options.paced}{changed}{times}", "dim")
        first = next((one for each in recorded.values() for one in each), None)
        if server.listens_everywhere:
            self._screen.say(f"listens on every address of this machine, port {server.port}", "yellow")
        for name, value in [
            ("try", _curl(server.origin, *_first_asked(first, routes, options.dialect))),
            *_controlled(server, on=options.controlled.on),
            *([("metrics", metrics)] if metrics is not None else []),
            ("stop", "Ctrl-C"),
        ]:
            self._screen.line(Text.assemble((f"{name + ':':<10}", "dim"), value))
        self._screen.line()

    def show_next(self, seconds: float = 0.0) -> bool:
        """Print the next exchange that was decided, after at most that many seconds; return whether there was one."""
        call = self._decided.next(seconds)
        if call is None:
            return False
        self._tell(call.exchange)
        return True

    def _tell(self, exchange: Exchange) -> None:
        line = f"{exchange.id.lstrip('0')}  {describe(exchange)}"
        self._screen.say(shown(line), outcome_style(exchange.outcome))
        for difference in (exchange.difference or "").splitlines():
            self._screen.say(shown(difference.rstrip()), "dim", indent=4)

    def sum_up(self, server: SseServer, journal: int) -> bool:
        """Print how the exchanges ended, and what was not met; return whether all was met."""
        dropped = server.dropped
        self._screen.line(outcomes([*(call.outcome for call in server.calls), *dropped.elements()]), "bold")
        if dropped:
            older = count(dropped.total(), "older exchange")
            self._screen.say(f"{older} not in the journal: --journal {journal}", "dim")
        unmet = server.unmet()
        for line in (line for text in unmet for line in f"✗ {text}".splitlines()):
            self._screen.say(shown(line), "red")
        return not unmet


def _controlled(server: SseServer, *, on: bool) -> list[tuple[str, str]]:
    if not on:
        return [("control", "off")]
    token = "ORHARNESS_TOKEN" if os.environ.get("ORHARNESS_TOKEN") else server.control_token
    return [
        ("page", f"{server.origin}/#token={'$' if token == 'ORHARNESS_TOKEN' else ''}{token}"),
        ("journal", f"orharness show {server.origin}"),
        ("control", f"{server.origin}/_orharness/openapi.json"),
        ("token", token),
    ]


def _plays(options: ServeOptions, recorded: dict[Path, list[Interaction]], routes: Sequence[Route]) -> Iterator[str]:
    if options.case is not None:
        from orharness.cli.serve_case import described

        yield from described(options.case, options.dialect, options.files)
    elif options.scenario is not None:
        yield f"plays {options.scenario}:"
        yield from (f"  {route.name}" for route in routes)
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
