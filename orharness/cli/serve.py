"""``orharness serve``: answers from cassettes or a text, and a line for each exchange as it is decided."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

from rich.text import Text

from orharness.cassette import Interaction, load
from orharness.checks import describe
from orharness.cli.running import TURN, announce, short_turns, stopped_by_signal
from orharness.contract.catalogue import cases_in
from orharness.contract.catalogue.case import Case
from orharness.contract.judging.judge import in_words
from orharness.contract.running.replay import find, parse
from orharness.contract.running.replies import cut, plain_request
from orharness.dialects import DIALECTS
from orharness.dialects.completion import MODEL
from orharness.dialects.paths import filled
from orharness.errors import ScenarioError
from orharness.journal import Exchange
from orharness.providers import lookup as provider_named
from orharness.report.contents import shown
from orharness.report.screen import Screen
from orharness.report.text import outcome_style, outcomes
from orharness.scenario import api_path
from orharness.scenario.body import Plain
from orharness.scenario.checked import seconds_of
from orharness.scenario.document import examined
from orharness.scenario.document import load as load_scenario
from orharness.scenario.playback import serving_routes
from orharness.scenario.reply import Reply
from orharness.scenario.route import Route
from orharness.server.control import ControlOptions
from orharness.server.facade import SseServer
from orharness.server.handles import Call
from orharness.stream import Transform
from orharness.transforms import comments, compose, pace
from orharness.transforms import rechunk as rechunked
from orharness.verdict import count

TEXT = "Grüße aus Zürich: 世界 says “hello” 🙂, one token at a time."
JOURNAL = 100_000  # exchanges: some 100 MB


@dataclass(frozen=True)
class ServeOptions:
    """The options of the command line; ``None`` for those not given."""

    cassettes: Sequence[Path]
    text: str | None = None
    dialect: str | None = None
    gateway: str = "onerouter"
    provider: str | None = None
    delay: float | None = None
    pacing: str | None = None
    rechunk: int | None = None
    comment: str | None = None
    comment_every: int | None = None
    host: str = "127.0.0.1"
    port: int = 0
    case: str | None = None
    at: str | None = None
    scenario: Path | None = None
    pace: float | None = None
    journal: int = JOURNAL
    cors: str = "on"
    allow_host: Sequence[str] = ()
    scenarios: Path | None = None

    def __post_init__(self) -> None:
        if self.scenario is not None and (self.case is not None or self.cassettes or self.text is not None):
            raise ScenarioError("serve plays a --scenario, a --case, or cassettes, or answers with --text; one of them")
        if self.case is not None and (self.cassettes or self.text is not None or self.provider is not None):
            raise ScenarioError("serve plays one --case, or cassettes, or answers with --text; not two of them")
        if self.at is not None and self.case is None:
            raise ScenarioError("--at cuts the stream of a --case; --rechunk cuts any answer")
        if self.cassettes and self.text is not None:
            raise ScenarioError("serve plays cassettes or answers with --text, not both")
        if (self.cassettes or self.scenario) and self.dialect is not None:
            raise ScenarioError("--dialect belongs to --text and --case: recorded answers and scenarios have their own")
        if self.dialect is not None:
            DIALECTS.named(self.dialect)
        if self.cassettes and self.provider is not None:
            raise ScenarioError("--provider belongs to --text and --scenario: a recorded answer names its own provider")
        if self.comment is None and self.comment_every is not None:
            raise ScenarioError("--comment-every needs --comment, which says what is sent")
        if self.journal < 1:
            raise ScenarioError(f"--journal is how many exchanges are kept, from 1 up, not {self.journal}")
        if self.cors not in ("on", "off"):
            raise ScenarioError(f"--cors is on or off, not {self.cors!r}")
        if self.scenarios is not None and not self.scenarios.is_dir():
            raise ScenarioError(f"--scenarios {self.scenarios} is not a folder")
        if not 0 <= self.port <= 65535:
            raise ScenarioError(f"a port is a number from 0 to 65535, not {self.port}")

    @property
    def paced(self) -> str:
        """The pacing; for a case lockstep, so that its chunk boundaries are real."""
        return self.pacing or ("recorded" if self.case is None else "lockstep")

    def transforms(self) -> list[Transform]:
        """Return the transforms of every answer."""
        found: list[Transform] = []
        if self.comment is not None:
            found.append(comments(self.comment, every=1 if self.comment_every is None else self.comment_every))
        if self.rechunk is not None:
            found.append(rechunked(self.rechunk))
        if self.delay is not None:
            found.append(pace(self.delay))
        return found


def serve_until_stopped(options: ServeOptions) -> bool:
    """Serve until SIGINT or SIGTERM; return whether all expectations of the scenario were met.

    Raises ``OrharnessError`` for what cannot be served.
    """
    screen = Screen(sys.stderr)
    with stopped_by_signal() as stop, short_turns():
        through = options.transforms()
        recorded = {path: load(path) for path in options.cassettes}
        routes = scenario_routes(options, through)
        with SseServer(
            gateway=options.gateway,
            pacing=options.paced,
            strict=False,
            hold_limit=None if routes else 60.0,  # nothing releases a gate: its client leaves
            journal=options.journal,
            cors=options.cors == "on",
            control=ControlOptions(os.environ.get("ORHARNESS_TOKEN") or None, options.allow_host, options.scenarios),
            host=options.host,
            port=options.port,
        ) as server:
            for route in routes:
                server.mount(route, strict=False)
            _mount(server, options, through, [one for each in recorded.values() for one in each])
            watch = Watch(screen)
            server.listen(watch.notice)
            announce(server.base_url)
            _introduce(screen, server, options, through, recorded, routes)
            while not stop.asked:
                watch.show_next(TURN)
        while watch.show_next():  # also those that the server's end decided
            pass
    dropped = server.dropped
    screen.line(outcomes([*(call.outcome for call in server.calls), *dropped.elements()]), "bold")
    if dropped:
        screen.say(f"{count(dropped.total(), 'older exchange')} not in the journal: --journal {options.journal}", "dim")
    unmet = server.unmet()
    for line in (line for text in unmet for line in f"✗ {text}".splitlines()):
        screen.say(shown(line), "red")
    return not unmet


def check_scenarios(files: Sequence[Path]) -> bool:
    """Print on stdout which scenarios are valid, and on stderr what is wrong with the others, a line each.

    Returns whether all are valid. Raises ``ScenarioError`` if there are none.
    """
    if not files:
        raise ScenarioError("--check needs a scenario: orharness serve --check FILE")
    good = True
    for file in files:
        scenario, wrong = examined(file)
        for line in wrong:
            sys.stderr.write(f"{line}\n")
        if not wrong:
            sys.stdout.write(f"{file} is good: {count(len(scenario.routes), 'route')}\n")
        good = good and not wrong
    return good


def scenario_routes(options: ServeOptions, through: Sequence[Transform]) -> list[Route]:
    """Return the routes of the scenario, with the changes that the command line makes to each of their replies."""
    if options.scenario is None:
        return []
    changes: dict[str, Any] = {}
    if options.provider is not None:
        changes["provider"] = provider_named(options.provider)
    if options.pace is not None:
        changes["pace"] = seconds_of(options.pace, "--pace")
    return [
        replace(route, replies=tuple(_changed(reply, changes, through) for reply in route.replies))
        for route in load_scenario(options.scenario).routes
    ]


def _changed(reply: Reply, changes: dict[str, Any], through: Sequence[Transform]) -> Reply:
    return reply if isinstance(reply.body, Plain) else replace(reply.with_transforms(after=through), **changes)


def _mount(
    server: SseServer, options: ServeOptions, through: Sequence[Transform], interactions: Sequence[Interaction]
) -> None:
    if options.case is not None:
        case = _case(options)
        server.post(case.path).replies(_reply_of(case, options.at, through))
    elif not options.cassettes and options.scenario is None:
        named: dict[str, Any] = {} if options.provider is None else {"provider": options.provider}
        named |= {} if options.pace is None else {"pace": options.pace}
        text = TEXT if options.text is None else options.text
        reply = Reply.completion(options.dialect, text, gateway=options.gateway, through=through, **named)
        for path in (None,) if options.dialect is None else DIALECTS.named(options.dialect).paths:
            server.mount(Route("POST", path, (reply,)), strict=False)
    # All cassettes as one: an equal body is found in any of them.
    for route in serving_routes(interactions, through, pace=options.pace):
        server.mount(route, strict=False)


def _case(options: ServeOptions) -> Case:
    return find(options.case or "", cases_in(None, options.dialect))


def _reply_of(case: Case, at: str | None, through: Sequence[Transform]) -> Reply:
    """Return the reply of a case, transformed and cut. Raises ``ScenarioError`` for offsets outside its stream."""
    made = case.reply()
    reply = replace(made, through=(*made.through, *through))
    if at is None:
        return reply
    cuts = parse(at)
    if isinstance(reply.body, Plain):
        raise ScenarioError(f"--at {at}: the answer of {case.id} is not a stream, so it cannot be cut")
    size = len(reply.answer(plain_request(case)).stream.body)
    if cuts and cuts[-1] >= size:
        inside = f"an offset is from 1 to {size - 1:,}"
        raise ScenarioError(f"--at {at}: the stream of {case.id} has {size:,} bytes: {inside}")
    return cut(reply, cuts)


def _introduce(
    screen: Screen,
    server: SseServer,
    options: ServeOptions,
    through: Sequence[Transform],
    recorded: dict[Path, list[Interaction]],
    routes: Sequence[Route],
) -> None:
    for line in _plays(options, recorded, routes):
        screen.say(line)
    changed = f", through {compose(through)!r}" if through else ""
    screen.say(f"pacing {options.paced}{changed}", "dim")
    first = next((one for each in recorded.values() for one in each), None)
    if server.listens_everywhere:
        screen.say(f"listens on every address of this machine, port {server.port}", "yellow")
    token = "ORHARNESS_TOKEN" if os.environ.get("ORHARNESS_TOKEN") else server.control_token
    for name, value in [
        ("try", _curl(server.origin, *_first_asked(first, routes, options.dialect))),
        ("journal", f"orharness show {server.origin}"),
        ("control", f"{server.origin}/_orharness/openapi.json"),
        ("token", token),
        ("stop", "Ctrl-C"),
    ]:
        screen.line(Text.assemble((f"{name + ':':<10}", "dim"), value))
    screen.line()


def _plays(options: ServeOptions, recorded: dict[Path, list[Interaction]], routes: Sequence[Route]) -> Iterator[str]:
    if options.case is not None:
        case = _case(options)
        yield f"plays {case.id}: {case.title}"
        yield f"a client must make of it: {in_words(case.expected)}"
    elif options.scenario is not None:
        yield f"plays {options.scenario}:"
        yield from (f"  {route.name}" for route in routes)
    elif not options.cassettes:
        requests = "request" if options.dialect is None else f"request for {options.dialect}"
        yield f"answers every {requests} with {shown(TEXT if options.text is None else options.text)!r}"
    for path, interactions in recorded.items():
        asked = {f"{one.request.method} {api_path(urlsplit(one.request.uri).path)}": None for one in interactions}
        yield f"plays {path}: {count(len(interactions), 'answer')} to {', '.join(asked)}"


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


class Watch:
    """Prints a line for each exchange once its outcome is decided.

    The server reports that. Polling the open exchanges would take the interpreter's lock from the server when it must
    write.
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._decided: SimpleQueue[Call] = SimpleQueue()

    def notice(self, call: Call) -> None:
        """Note a call once it is decided; a listener of ``SseServer.listen``, called in the server's thread."""
        if call.outcome is not None:
            self._decided.put(call)

    def show_next(self, seconds: float = 0.0) -> bool:
        """Print the next one that was decided, waiting at most ``seconds`` for it; return whether there was one."""
        try:
            call = self._decided.get(timeout=seconds)
        except Empty:
            return False
        self._tell(call.exchange)
        return True

    def _tell(self, exchange: Exchange) -> None:
        line = f"{exchange.id.lstrip('0')}  {describe(exchange)}"
        self._screen.say(shown(line), outcome_style(exchange.outcome))
        for difference in (exchange.difference or "").splitlines():
            self._screen.say(shown(difference.rstrip()), "dim", indent=4)
