"""``orharness serve``: answers from cassettes or a text, and a line for each exchange as it is decided."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any

from orharness.cli.running import TURN, announce, rare_collections, short_turns, stop_at_end_of_input, stopped_by_signal
from orharness.cli.stderr import background_stderr
from orharness.dialects import DIALECTS
from orharness.dialects.completion import Completion
from orharness.errors import CassetteError, ScenarioError
from orharness.lazy import Deferred
from orharness.origins import check_host, is_name_or_address
from orharness.providers import lookup as provider_named
from orharness.scenario.body import Plain
from orharness.scenario.checked import seconds_of
from orharness.scenario.reply import Reply
from orharness.scenario.route import Route
from orharness.server.control.options import ControlOptions
from orharness.server.facade import ServerOptions, SseServer
from orharness.server.handles import Call
from orharness.stream import Transform
from orharness.transforms import comments, pace
from orharness.transforms import rechunk as rechunked

if TYPE_CHECKING:
    import orharness.latency as latencies
    import orharness.scenario.playback as playback
    from orharness.cassette.interaction import Interaction
else:  # a text is served without them
    latencies = Deferred("orharness.latency")
    playback = Deferred("orharness.scenario.playback")

TEXT = "Grüße aus Zürich: 世界 says “hello” 🙂, one token at a time."
MOST_WORKERS = 256  # a slip of the finger must not fill the machine with processes
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
    model: str | None = None
    journal: int = JOURNAL
    metrics: int | None = None
    cors: str = "on"
    control: str = "on"
    allow_host: Sequence[str] = ()
    scenarios: Path | None = None
    until_eof: bool = False
    workers: int = 1
    files: Sequence[Path] = ()

    def __post_init__(self) -> None:
        self._check_what_is_played()
        self._check_what_belongs_together()
        self._check_numbers()
        self._check_access()

    def _check_what_is_played(self) -> None:
        if self.scenario is not None and (self.case is not None or self.cassettes or self.text is not None):
            raise ScenarioError("serve plays a --scenario, a --case, or cassettes, or answers with --text; one of them")
        if self.case is not None and (self.cassettes or self.text is not None or self.provider is not None):
            raise ScenarioError("serve plays one --case, or cassettes, or answers with --text; not two of them")
        if self.cassettes and self.text is not None:
            raise ScenarioError("serve plays cassettes or answers with --text, not both")

    def _check_what_belongs_together(self) -> None:
        if self.at is not None and self.case is None:
            raise ScenarioError("--at cuts the stream of a --case; --rechunk cuts any answer")
        if self.files and self.case is None:
            raise ScenarioError("--cases names the file of a --case of your own")
        if (self.cassettes or self.scenario) and self.dialect is not None:
            raise ScenarioError("--dialect belongs to --text and --case: recorded answers and scenarios have their own")
        if self.dialect is not None:
            DIALECTS.named(self.dialect)
        if self.cassettes and self.provider is not None:
            raise ScenarioError("--provider belongs to --text and --scenario: a recorded answer names its own provider")
        if self.comment is None and self.comment_every is not None:
            raise ScenarioError("--comment-every needs --comment, which says what is sent")
        if self.model is not None:
            self._check_model(self.model)

    def _check_numbers(self) -> None:
        if self.journal < 1:
            raise ScenarioError(f"--journal is how many exchanges are kept, from 1 up, not {self.journal}")
        if self.workers < 1:
            raise ScenarioError(f"--workers is how many processes serve, from 1 up, not {self.workers}")
        if self.workers > MOST_WORKERS:
            raise ScenarioError(f"--workers is at most {MOST_WORKERS} processes, not {self.workers}")
        if not 0 <= self.port <= 65535:
            raise ScenarioError(f"a port is a number from 0 to 65535, not {self.port}")

    def _check_access(self) -> None:
        if self.cors not in ("on", "off"):
            raise ScenarioError(f"--cors is on or off, not {self.cors!r}")
        if self.control not in ("on", "off", "token"):
            raise ScenarioError(f"--control is on, off or token, not {self.control!r}")
        if self.scenarios is not None and not self.scenarios.is_dir():
            raise ScenarioError(f"--scenarios {self.scenarios} is not a folder")
        check_host(self.host)
        for name in self.allow_host:
            if not is_name_or_address(name):
                said = "a host name or an address without scheme, port and path, such as bench.local"
                raise ScenarioError(f"--allow-host is {said}; not {name!r}")

    def _check_model(self, times: str) -> None:
        if self.cassettes or self.case is not None:
            raise ScenarioError(
                "--model belongs to --text and --scenario: recorded answers and cases have their own times"
            )
        if self.delay is not None or self.pace is not None:
            other = "--pace" if self.delay is None else "--delay"
            raise ScenarioError(f"--model says when each token is made, and so does {other}: leave one of them out")
        if self.pacing == "instant":
            raise ScenarioError("--model has no effect with --pacing instant, which ignores all times")
        latencies.Latency(times)

    @property
    def controlled(self) -> ControlOptions:
        """How the control API is served."""
        token = os.environ.get("ORHARNESS_TOKEN") or None
        on = self.control == "on" or (self.control == "token" and token is not None)
        return ControlOptions(token, self.allow_host, self.scenarios, page=on, on=on)

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
    if options.workers > 1:
        from orharness.cli.workers import serve_with_workers

        return serve_with_workers(options)
    return _serve_alone(options)


@background_stderr()
def _serve_alone(options: ServeOptions) -> bool:
    """Serve from this process."""
    with stopped_by_signal() as stop, short_turns(), rare_collections():
        played = Played.by(options)
        if options.until_eof:
            stop_at_end_of_input(stop)
        with SseServer(**server_options(options, played)) as server:
            played.mount_on(server)
            decided = Decided()
            server.listen(decided.notice)
            address = None if options.metrics is None else _metrics_of(server, options.metrics)
            announce(server.base_url)
            from orharness.cli.served import Account, Served, ServeOutput  # imported once the server can be asked

            output = ServeOutput(decided)
            output.introduce(Served.of(server), played, metrics=address)
            while not stop.asked:
                output.show_next(TURN)
        while output.show_next():  # also those that the server's end decided
            pass
    return output.sum_up(Account.of(server), options.journal)


def server_options(options: ServeOptions, played: Played) -> ServerOptions:
    """Return the options of the server."""
    return {
        "gateway": options.gateway,
        "pacing": options.paced,
        "strict": False,
        "hold_limit": None if played.routes else 60.0,  # nothing releases a gate: its client leaves
        "journal": options.journal,
        "cors": options.cors == "on",
        "control": options.controlled,
        "host": options.host,
        "port": options.port,
    }


@dataclass(frozen=True)
class Played:
    """What a server plays: the transforms of every answer, the cassettes, and the routes of the scenario."""

    options: ServeOptions
    through: Sequence[Transform]
    recorded: dict[Path, list[Interaction]]
    routes: Sequence[Route]

    @classmethod
    def by(cls, options: ServeOptions) -> Played:
        """Read it. Raises ``OrharnessError`` for what cannot be read."""
        through = options.transforms()
        return cls(options, through, _loaded(options.cassettes), scenario_routes(options, through))

    @cached_property
    def of_cassettes(self) -> list[Route]:
        """The routes of all cassettes as one: an equal body is found in any of them."""
        if not self.recorded:
            return []
        interactions = [one for each in self.recorded.values() for one in each]
        return playback.serving_routes(interactions, self.through, pace=self.options.pace)

    def mount_on(self, server: SseServer) -> None:
        """Mount it on a server."""
        for route in self.routes:
            server.mount(route, strict=False)
        _mount(server, self.options, self.through)
        for route in self.of_cassettes:
            server.mount(route, strict=False)


def _loaded(cassettes: Sequence[Path]) -> dict[Path, list[Interaction]]:
    if not cassettes:
        return {}
    from orharness.conversion import interactions_in  # vcrpy imports every HTTP library that is installed

    found = {path: interactions_in(path) for path in cassettes}
    for path, interactions in found.items():
        if not interactions:
            raise CassetteError(f"{path}: there is nothing in this cassette")
    return found


def _metrics_of(server: SseServer, port: int) -> str:
    """Serve metrics; return their address."""
    from orharness.cli.metrics import Metrics, serve_metrics

    metrics = Metrics()
    server.listen(metrics.notice)
    return f"http://127.0.0.1:{serve_metrics(metrics, port)}/metrics"


class Decided:
    """The calls whose outcomes were decided, for the thread that prints them.

    The server reports them. Polling the open exchanges would take the interpreter's lock from the server when it must
    write.
    """

    def __init__(self) -> None:
        # No SimpleQueue: in CPython 3.11 and 3.12 it waits forever if its time is up when a signal has interrupted it.
        self._calls: Queue[Call] = Queue()

    def notice(self, call: Call) -> None:
        """Note a call once it is decided; a listener of ``SseServer.listen``, called in the server's thread."""
        if call.outcome is not None:
            self._calls.put(call)

    def next(self, seconds: float = 0.0) -> Call | None:
        """Return the next one, after at most that many seconds; ``None`` where there is none."""
        with suppress(Empty):
            return self._calls.get(timeout=seconds)
        return None


def scenario_routes(options: ServeOptions, through: Sequence[Transform]) -> list[Route]:
    """Return the routes of the scenario, with the changes that the command line makes to each of their replies."""
    if options.scenario is None:
        return []
    changes: dict[str, Any] = {}
    if options.provider is not None:
        changes["provider"] = provider_named(options.provider)
    if options.pace is not None:
        changes["pace"] = seconds_of(options.pace, "--pace")
    from orharness.scenario.document import load as load_scenario

    routes = load_scenario(options.scenario).routes
    latency = None if options.model is None else latencies.Latency(options.model)
    if latency is not None and not any(route.completes for route in routes):
        raise ScenarioError(f"--model is of completions, and {options.scenario} has none")
    return [
        replace(route, replies=tuple(_changed(reply, changes, through, latency) for reply in route.replies))
        for route in routes
    ]


def _changed(
    reply: Reply, changes: dict[str, Any], through: Sequence[Transform], latency: latencies.Latency | None
) -> Reply:
    if isinstance(reply.body, Plain):
        return reply
    if latency is not None and isinstance(reply.body, Completion):
        changes = {**changes, "latency": latency}
    return replace(reply.with_transforms(after=through), **changes)


def _mount(server: SseServer, options: ServeOptions, through: Sequence[Transform]) -> None:
    if options.case is not None:
        from orharness.cli.serve_case import case_named, reply_of  # the contract, which only this needs

        case = case_named(options.case, options.dialect, options.files)
        server.post(case.path).replies(reply_of(case, options.at, through))
    elif not options.cassettes and options.scenario is None:
        named: dict[str, Any] = {} if options.provider is None else {"provider": options.provider}
        named |= {} if options.pace is None else {"pace": options.pace}
        named |= {} if options.model is None else {"latency": options.model}
        text = TEXT if options.text is None else options.text
        reply = Reply.completion(options.dialect, text, gateway=options.gateway, through=through, **named)
        for path in (None,) if options.dialect is None else DIALECTS.named(options.dialect).paths:
            server.mount(Route("POST", path, (reply,)), strict=False)
