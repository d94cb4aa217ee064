"""``SseServer``: an origin on loopback with routes to set up, from any thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypedDict

from orharness.checks import explain_exchange, left_open, strict_failures
from orharness.errors import ClientFailure, OrharnessError, ScenarioError
from orharness.gateways import Gateway
from orharness.gateways import lookup as gateway_named
from orharness.journal import Exchange, Pacing
from orharness.providers import Provider
from orharness.scenario import ModelOptions, Piece, Reply, Route, Through, When, one_of
from orharness.server.app import Mounted, Origin
from orharness.server.handles import Call, LiveRoute
from orharness.server.playback import interaction_routes, reply_of, serving_routes
from orharness.server.runs import RunAddress
from orharness.server.thread import ServerThread, loopback_sockets
from orharness.stream import Stream
from orharness.transforms import compose
from orharness.upstream import PRICE

if TYPE_CHECKING:
    from orharness.cassette.interaction import Interaction


class Leaks(StrEnum):
    """What the plugin makes of an answer that is still open at the end of its test: its client never left it."""

    REPORT = "report"  # a line in the run's summary
    ERROR = "error"  # an error at the test's teardown
    IGNORE = "ignore"


API_KEY = "sk-orharness"  # no service takes it; clients refuse to start without one


class OpenAIOptions(TypedDict):
    """What an OpenAI client must be given."""

    base_url: str
    api_key: str


class SseServer:
    """A real HTTP server that plays streams and sees what the client does.

    ``gateway``: whose errors and usage it sends (``onerouter``, ``openrouter``, ``openai``). ``pacing``: as in
    ``Pacing``. ``strict``: ``verify`` complains of unmatched requests and of replies never asked for. ``leaks``: what
    the pytest plugin makes of an answer still open at the end of a test, see ``Leaks``; by default what ``--sse-leaks``
    says. ``through``: transforms for every chat reply. ``models``: what ``GET …/models`` lists. ``hold_limit``: seconds
    for which a gate is waited at, ``None`` for ever. ``host`` and ``port``: where it listens, by default any free port
    of loopback, IPv4 and IPv6. Raises ``ScenarioError`` for options that cannot be.
    """

    def __init__(
        self,
        thread: ServerThread | None = None,
        *,
        gateway: str | Gateway = "onerouter",
        pacing: Pacing | str = Pacing.LOCKSTEP,
        strict: bool = True,
        leaks: Leaks | str | None = None,
        through: Through = (),
        models: Sequence[str] = ("openai/gpt-4o-mini",),
        hold_limit: float | None = 60.0,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._gateway = gateway if isinstance(gateway, Gateway) else gateway_named(gateway)
        self._through = compose(through)
        self._strict = strict
        self.leaks = None if leaks is None else one_of(Leaks, leaks, "leaks")
        self._told = 0  # the number of the last exchange that take_left_open has looked at
        self._owned = None if thread is not None else ServerThread().start()
        self._thread = thread or self._owned or ServerThread()
        self._closed = False
        try:
            chosen = one_of(Pacing, pacing, "pacing")
            self._origin = self._thread.call(
                lambda: Origin(
                    self._thread.peers,
                    gateway=self._gateway,
                    pacing=chosen,
                    models=tuple(models),
                    hold_limit=hold_limit,
                )
            )
            sockets = loopback_sockets(host, port)
            self._thread.run(lambda: self._origin.listen(sockets))
            self._thread.at_stop(self._origin.close)
        except BaseException:
            if self._owned is not None:
                self._owned.stop()
            raise
        self.port: int = sockets[0].getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        self.origin = f"http://{shown}:{self.port}"

    # --- addresses ------------------------------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes: the origin with ``/v1``."""
        return f"{self.origin}/v1"

    @property
    def openai(self) -> OpenAIOptions:
        """The arguments of an OpenAI client: ``OpenAI(**server.openai)``."""
        return {"base_url": self.base_url, "api_key": API_KEY}

    def begin_runs(self, number: int = 1) -> list[RunAddress]:
        """A base URL of its own for each of so many runs of a client, which begin now.

        The journal shows their requests without the part of the path that names the run. Earlier runs are over: a
        request that still comes for one is answered with status 410, is in no journal and takes no reply; see
        ``late_requests``. A request to ``base_url`` belongs to the run that is under way.
        """
        ids = self._thread.call(lambda: self._origin.begin_runs(number))
        return [RunAddress(one, f"{self.origin}/s/{one}/v1") for one in ids]

    @property
    def late_requests(self) -> int:
        """How many requests of earlier runs have come since ``begin_runs`` was last called."""
        return len(self._origin.late)

    def url_for(self, path: str) -> str:
        """The whole address of a path, counted from the origin."""
        return f"{self.origin}/{path.removeprefix('/')}"

    # --- what it answers ------------------------------------------------------------------------------------------

    def chat(self, text: str | None = None, *, when: When | None = None, **options: Any) -> LiveRoute:
        """Answers ``POST …/chat/completions``; the options are those of ``Reply.chat``."""
        return self.post("/chat/completions", when=when).chat(text, **options)

    def post(self, path: str, *, when: When | None = None) -> RouteUnderWay:
        """A route for POST requests to the path (with or without its API prefix)."""
        return self.route("POST", path, when=when)

    def get(self, path: str, *, when: When | None = None) -> RouteUnderWay:
        """A route for GET requests."""
        return self.route("GET", path, when=when)

    def route(self, method: str, path: str, *, when: When | None = None) -> RouteUnderWay:
        """A route for requests of any method; what it answers is said by the method called on the result."""
        return RouteUnderWay(self, method.upper(), path, when)

    def cassette(
        self,
        path: str | Path,
        *,
        through: Through = (),
        pacing: Pacing | str | None = None,
        provider: str | Provider | None = None,
        pace: float | None = None,
        price: float = PRICE,
    ) -> LiveRoute:
        """Plays each interaction of a cassette once, to a request equal in method, path and JSON body.

        ``provider``, ``pace`` and ``price`` describe the model that makes each stream, as in ``Reply.stream``.
        """
        model = ModelOptions(provider=provider, pace=pace, price=price)
        routes = interaction_routes(_recorded_in(path), through, pacing, **model)
        mounted = [Mounted(route, strict=True) for route in routes]
        self._thread.call(lambda: self._origin.mounted.extend(mounted))
        return LiveRoute(mounted, self._thread, self._origin)

    def serve(
        self,
        path: str | Path,
        *,
        through: Through = (),
        pacing: Pacing | str | None = None,
        provider: str | Provider | None = None,
        pace: float | None = None,
        price: float = PRICE,
    ) -> list[LiveRoute]:
        """Plays a cassette again and again: an equal body first, else in recorded order; the last one repeats.

        ``provider``, ``pace`` and ``price`` describe the model that makes each stream, as in ``Reply.stream``.
        """
        model = ModelOptions(provider=provider, pace=pace, price=price)
        routes = serving_routes(_recorded_in(path), through, pacing, **model)
        return [self.mount(route, strict=False) for route in routes]

    def mount(self, route: Route, *, strict: bool = True) -> LiveRoute:
        """Puts a route in its place; ``strict``: ``verify`` complains if it is never asked."""
        mounted = Mounted(route, strict)
        self._thread.call(lambda: self._origin.mounted.append(mounted))
        return LiveRoute([mounted], self._thread, self._origin)

    # --- what it saw ----------------------------------------------------------------------------------------------

    @property
    def journal(self) -> list[Exchange]:
        """A snapshot of every exchange, in the order of their requests; it outlives the server."""
        if self._closed:
            return self._origin.journal()
        return self._thread.call(self._origin.journal)

    @property
    def calls(self) -> list[Call]:
        """Every request, also those that no route answered."""
        return self.calls_from(0)

    def calls_from(self, number: int) -> list[Call]:
        """The requests from that one on, counted from 0: for whoever watches a server that runs for long."""
        return [Call(live, self._thread) for live in self._origin.exchanges[number:]]

    def listen(self, listener: Callable[[Call], None]) -> None:
        """Calls ``listener`` with each request from now on: as it comes, and once more as its outcome is decided.

        It is called in the server's thread, between two writes: it is to be quick, and cannot wait for the server.
        """
        self._thread.call(lambda: self._origin.listeners.append(lambda live: listener(Call(live, self._thread))))

    def take_left_open(self) -> list[str]:
        """The exchanges begun since the last call of this that their clients have neither read to the end nor left.

        A line each, and each once: so that a test is told of what it left open, and the next one is not.
        """
        if not self._closed:
            self._thread.run(self._origin.settle)
        begun = [live for live in self._origin.exchanges if int(live.id) > self._told]
        self._told = max((int(live.id) for live in begun), default=self._told)
        return [line for live in begun if (line := left_open(live.snapshot())) is not None]

    def account(self) -> str:
        """What it saw so far, in words: for the report of a test that failed."""
        lines = [explain_exchange(exchange) for exchange in self.journal]
        lines += [f"the scenario failed: {error}" for error in self._origin.broken]
        unused = [one.route.name for one in self._origin.mounted if one.strict and not one.exchanges]
        return "\n".join([*lines, *(f"never asked for: {name}" for name in unused)])

    def verify(self) -> None:
        """Raises ``ClientFailure`` for requests without a route and replies without a request, if ``strict``.

        What broke inside the scenario (a predicate that raised) is raised first, as ``ScenarioError``.
        """
        if self._origin.broken:
            broken = self._origin.broken[0]
            said = str(broken) if isinstance(broken, OrharnessError) else repr(broken)
            raise ScenarioError(f"the scenario failed while it answered: {said}") from broken
        if not self._strict:
            return
        unused = [one.route.name for one in self._origin.mounted if one.strict and not one.exchanges]
        found = strict_failures(self.journal, unused)
        if found:
            raise ClientFailure("\n".join(found))

    # --- life -----------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Starts afresh on the same address: no routes, an empty journal, all connections ended."""
        self._thread.run(self._origin.reset)

    def close(self) -> None:
        """Ends the server and every connection now; a second call does nothing."""
        if self._closed:
            return
        self._thread.run(self._origin.close)
        self._thread.not_at_stop(self._origin.close)
        self._closed = True
        if self._owned is not None:
            self._owned.stop()

    def __enter__(self) -> SseServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class RouteUnderWay:
    """A route that still wants to be told what it answers."""

    def __init__(self, server: SseServer, method: str, path: str, when: When | None) -> None:
        self._server = server
        self._method = method
        self._path = path
        self._when = when

    def chat(self, text: str | None = None, *, through: Through = (), **options: Any) -> LiveRoute:
        """One chat completion; see ``Reply.chat``."""
        options.setdefault("gateway", self._server._gateway)
        return self.replies(Reply.chat(text, through=[self._server._through, compose(through)], **options))

    def stream(self, *pieces: Piece | Stream, **options: Any) -> LiveRoute:
        """One event stream; see ``Reply.stream``."""
        return self.replies(Reply.stream(*pieces, **options))

    def respond(self, status: int = 200, **options: Any) -> LiveRoute:
        """A plain response; see ``Reply.respond``."""
        return self.replies(Reply.respond(status, **options))

    def replies(self, *replies: Reply) -> LiveRoute:
        """These replies in turn; the last one repeats."""
        if not replies:
            raise ScenarioError("replies takes one reply at least")
        return self._server.mount(Route(self._method, self._path, replies, self._when))

    def cassette(
        self,
        path: str | Path,
        *,
        through: Through = (),
        pacing: Pacing | str | None = None,
        provider: str | Provider | None = None,
        pace: float | None = None,
        price: float = PRICE,
    ) -> LiveRoute:
        """The interactions of a cassette in recorded order, whatever they were recorded from; the last repeats.

        ``provider``, ``pace`` and ``price`` describe the model that makes each stream, as in ``Reply.stream``.
        """
        model = ModelOptions(provider=provider, pace=pace, price=price)
        return self.replies(*(reply_of(one, through, pacing, **model) for one in _recorded_in(path)))


def _recorded_in(path: str | Path) -> list[Interaction]:
    """What a cassette holds. vcrpy imports every HTTP library that is installed; few servers have to wait for that."""
    from orharness.cassette import load

    return load(Path(path))
