"""``SseServer``: a mock server on loopback whose routes can be set up from any thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from orharness.dialects import DIALECTS
from orharness.gateways import Gateway
from orharness.gateways import lookup as gateway_named
from orharness.journal import Exchange, Outcome, Pacing
from orharness.journal.events import Begun, ConnectionEnded, ExchangeEvent
from orharness.lazy import Deferred
from orharness.loopback import API_KEY
from orharness.options import checked_call
from orharness.origins import is_everywhere, shown_host
from orharness.scenario.checked import flag_of, one_of, optional, pieces_of, seconds_of, text_of, whole_number_of
from orharness.scenario.options import CompletionOptions, ModelOptions, Through
from orharness.scenario.reply import Reply
from orharness.scenario.route import Route, Turns, When
from orharness.server import addresses
from orharness.server.control.options import ControlOptions
from orharness.server.exchange import LiveExchange
from orharness.server.handles import Call, LiveRoute
from orharness.server.looks import Looks
from orharness.server.mounts import Mounted
from orharness.server.origin import Origin
from orharness.server.routing import RouteBuilder, filters_of, recorded_in
from orharness.server.runs import RunAddress
from orharness.server.thread import Listener, ServerThread, listen, loopback_sockets
from orharness.transforms import compose

if TYPE_CHECKING:
    import orharness.checks as checks
    import orharness.scenario.document as scenario_document
    import orharness.scenario.playback as playback
    import orharness.server.control.saving as saving
    import orharness.server.verifying as verifying
    from orharness.scenario.matching import MatchOn
    from orharness.server.siblings import WorkerPlace
    from orharness.server.verifying import Verified
else:  # a first request does not wait for their import
    checks = Deferred("orharness.checks")
    scenario_document = Deferred("orharness.scenario.document")
    playback = Deferred("orharness.scenario.playback")
    saving = Deferred("orharness.server.control.saving")
    verifying = Deferred("orharness.server.verifying")


class Leaks(StrEnum):
    """What the plugin does about an answer that is still open at the end of its test: its client never closed it."""

    REPORT = "report"
    """Add a line to the run's summary."""
    ERROR = "error"
    """Raise an error at the test's teardown."""
    IGNORE = "ignore"
    """Say nothing."""


class OpenAIOptions(TypedDict):
    """The arguments of an OpenAI client."""

    base_url: str
    api_key: str


class AnthropicOptions(TypedDict):
    """The arguments of an Anthropic client."""

    base_url: str
    api_key: str


class GoogleHttpOptions(TypedDict):
    """Where a Google client sends its requests."""

    base_url: str


class GoogleOptions(TypedDict):
    """The arguments of a Google client."""

    api_key: str
    http_options: GoogleHttpOptions


class ServerOptions(TypedDict, total=False):
    """The options of ``SseServer``, ``make_sse_server`` and the marker ``sse_server``."""

    gateway: str | Gateway
    pacing: Pacing | str
    strict: bool
    leaks: Leaks | str | None
    through: Through
    models: Sequence[str]
    hold_limit: float | None
    journal: int | None
    cors: bool
    control: ControlOptions | None
    host: str
    port: int


class SseServer:
    """A real HTTP server that plays streams and sees what the client does.

    ``gateway``: whose errors and usage it sends (``onerouter``, ``openrouter``, ``openai``, ``anthropic``, ``google``);
    events, bytes and cassettes are sent as they are. ``pacing``: see ``Pacing``. ``strict``: ``verify`` reports
    unmatched requests and replies that were never requested. ``leaks``: what the pytest plugin does about an answer
    that is still open at the end of a test, see ``Leaks``; the default is ``--sse-leaks``. ``through``: transforms for
    every stream that is set up here, applied before its own. ``models``: the ids that ``GET …/models`` lists.
    ``hold_limit``: the longest wait at a gate in seconds, ``None`` for no limit. ``journal``: the number of exchanges
    to keep, ``None`` for all; of more, those that ended first are dropped and counted in ``dropped``. ``cors``:
    whether web pages of any origin may ask for what is played, and read it. ``control``: the options of the control
    verbs of ``/_orharness``. ``host`` and ``port``: the address to listen on, by default any free port of loopback,
    IPv4 and IPv6. Raises ``ScenarioError`` for impossible options.
    """

    _place: WorkerPlace | None = None  # of a process that shares its port with others
    _looks: Looks | None = None  # when the kernel is asked what has been read, if not at the usual times

    @checked_call()
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
        journal: int | None = None,
        cors: bool = False,
        control: ControlOptions | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._gateway = gateway if isinstance(gateway, Gateway) else gateway_named(gateway)
        self._through = compose(through)
        self._strict = flag_of(strict, "strict")
        flag_of(cors, "cors")
        self.leaks = None if leaks is None else one_of(Leaks, leaks, "leaks")
        limit = optional(seconds_of, hold_limit, "hold_limit")
        kept = None if journal is None else whole_number_of(journal, "journal", least=1)
        listed = pieces_of(models, "models=")
        chosen = one_of(Pacing, pacing, "pacing")
        self._told = 0  # the number of the last exchange that take_left_open has reported on
        self._thread = ServerThread().start() if thread is None else thread
        self._owned = self._thread if thread is None else None
        self._closed = False
        sockets: list[Listener] = []
        try:
            sockets += loopback_sockets(host, port, shared=self._place is not None)
            self._origin = Origin(
                self._thread.peers,
                gateway=self._gateway,
                pacing=chosen,
                models=listed,
                hold_limit=limit,
                journal=kept,
                strict=self._strict,
                cors=cors,
                control=control,
                place=self._place,
                looks=self._looks,
            )
            self._answering = self._origin.answering
            if self._place is None:
                listen(sockets)  # from now on a client can connect, so nobody waits for the server's thread
                self._thread.post(lambda: self._origin.begin(sockets))
            else:
                self._thread.run(lambda: self._origin.listen(sockets))
            self._thread.at_stop(self._origin.close)
        except BaseException:
            for one in sockets:
                one.close()
            if self._owned is not None:
                self._owned.stop()
            raise
        self.port: int = sockets[0].getsockname()[1]
        self.origin = f"http://{shown_host(host)}:{self.port}"
        """The server's address, without a path."""
        self.listens_everywhere = is_everywhere(host)
        """Whether the server listens on every address of this machine."""

    # --- addresses ------------------------------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """The base URL of an OpenAI client: the origin with ``/v1``."""
        return f"{self.origin}/v1"

    @property
    def openai(self) -> OpenAIOptions:
        """The arguments of an OpenAI client: ``OpenAI(**server.openai)``."""
        return {"base_url": self.base_url, "api_key": API_KEY}

    @property
    def anthropic(self) -> AnthropicOptions:
        """The arguments of an Anthropic client, which adds ``/v1`` itself: ``Anthropic(**server.anthropic)``."""
        return {"base_url": self.origin, "api_key": API_KEY}

    @property
    def google(self) -> GoogleOptions:
        """The arguments of a Google client, which adds the version itself: ``genai.Client(**server.google)``."""
        return {"api_key": API_KEY, "http_options": {"base_url": self.origin}}

    def begin_runs(self, number: int = 1) -> list[RunAddress]:
        """Begin a number of client runs and return a base URL for each.

        The journal shows their requests without the part of the path that names the run. Earlier runs are over: a
        request that still arrives for one gets status 410, enters no journal and uses up no reply; see
        ``late_requests``. A request to ``base_url`` belongs to the current run.
        """
        ids = self._thread.call(lambda: self._answering.begin_runs(number))
        return [RunAddress(one, f"{addresses.address(self.origin, one)}/v1") for one in ids]

    @property
    def late_requests(self) -> int:
        """The number of requests of earlier runs that arrived since the last ``begin_runs``."""
        return len(self._answering.late)

    @property
    def control_token(self) -> str:
        """What web pages and clients on other machines must send to use the control verbs."""
        return self._origin.gate.token

    def url_for(self, path: str) -> str:
        """Return the whole URL of a path, counted from the origin."""
        return f"{self.origin}/{path.removeprefix('/')}"

    # --- what it answers ------------------------------------------------------------------------------------------

    @checked_call(CompletionOptions)
    def answer(
        self, text: str | Sequence[str] | None = None, *, when: When | None = None, **options: Unpack[CompletionOptions]
    ) -> LiveRoute:
        """Answer requests of any dialect with a completion in that dialect; the options are those of ``chat``."""
        return self._build("POST", None, when).answer(text, **options)

    @checked_call()
    def conversation(self, *replies: Reply, when: When | None = None) -> LiveRoute:
        """Answer each conversation with these replies, one for each turn of the model; the last one repeats.

        The turn is that of the conversation which the request carries, in any dialect: agents that ask at the same time
        do not take each other's turns, and a request that is repeated gets the same reply again.
        """
        return self._build("POST", None, when).replies(*replies, by=Turns.CONVERSATION)

    @checked_call(CompletionOptions)
    def chat(
        self, text: str | Sequence[str] | None = None, *, when: When | None = None, **options: Unpack[CompletionOptions]
    ) -> LiveRoute:
        """Answer ``POST …/chat/completions``; the options are those of ``Reply.completion``."""
        return self.post("/chat/completions", when=when).chat(text, **options)

    @checked_call(CompletionOptions)
    def gemini(
        self, text: str | Sequence[str] | None = None, *, when: When | None = None, **options: Unpack[CompletionOptions]
    ) -> LiveRoute:
        """Answer ``POST …/models/{model}:streamGenerateContent`` and ``:generateContent`` as the Gemini API does.

        The options are those of ``Reply.completion``.
        """
        return self.post(DIALECTS["gemini"].paths[0], when=when).gemini(text, **options)

    @checked_call(CompletionOptions)
    def messages(
        self, text: str | Sequence[str] | None = None, *, when: When | None = None, **options: Unpack[CompletionOptions]
    ) -> LiveRoute:
        """Answer ``POST …/messages`` as Anthropic does; the options are those of ``Reply.completion``."""
        return self.post("/messages", when=when).messages(text, **options)

    @checked_call(CompletionOptions)
    def responses(
        self, text: str | Sequence[str] | None = None, *, when: When | None = None, **options: Unpack[CompletionOptions]
    ) -> LiveRoute:
        """Answer ``POST …/responses`` as OpenAI does; the options are those of ``Reply.completion``."""
        return self.post("/responses", when=when).responses(text, **options)

    @checked_call(CompletionOptions)
    def ollama(
        self, text: str | Sequence[str] | None = None, *, when: When | None = None, **options: Unpack[CompletionOptions]
    ) -> LiveRoute:
        """Answer ``POST /api/chat`` as Ollama does; the options are those of ``Reply.completion``.

        For ``/api/generate`` write ``post("/api/generate").ollama(…)``.
        """
        return self.post("/api/chat", when=when).ollama(text, **options)

    @checked_call()
    def post(self, path: str, *, when: When | None = None) -> RouteBuilder:
        """Begin a route for POST requests to the path (with or without its API prefix)."""
        return self.route("POST", path, when=when)

    @checked_call()
    def get(self, path: str, *, when: When | None = None) -> RouteBuilder:
        """Begin a route for GET requests."""
        return self.route("GET", path, when=when)

    @checked_call()
    def route(self, method: str, path: str, *, when: When | None = None) -> RouteBuilder:
        """Begin a route for requests of any method; the method called on the result sets the reply."""
        return self._build(text_of(method, "a method").upper(), path, when)

    def _build(self, method: str, path: str | None, when: When | None) -> RouteBuilder:
        return RouteBuilder(self.mount, method, path, when, self._gateway, self._through)

    @checked_call(ModelOptions)
    def cassette(
        self,
        path: str | Path,
        *,
        through: Through = (),
        pacing: Pacing | str | None = None,
        filters: Mapping[str, Any] | None = None,
        match_on: MatchOn | None = None,
        allow_playback_repeats: bool = False,
        delays: bool = True,
        strict: bool = True,
        **model: Unpack[ModelOptions],
    ) -> LiveRoute:
        """Play each interaction of a cassette once, to a request with the same method, path and JSON body.

        ``filters``: vcrpy's, with which it was recorded. ``match_on``: what must be as recorded, of ``path``,
        ``query``, ``uri``, ``headers``, ``body`` and ``raw_body``, and functions of two requests as vcrpy's.
        ``allow_playback_repeats``: each plays any number of times. ``delays``: whether an answer takes the time that
        was recorded, before its head and between its chunks. ``strict``: ``verify`` reports one that is never
        played. ``provider``, ``pace`` and ``price`` describe the model that makes each stream, as in ``Reply.stream``.
        """
        options = {
            "through": [self._through, compose(through)],
            "pacing": pacing,
            "filters": filters or None,
            "match_on": match_on,
            "allow_playback_repeats": flag_of(allow_playback_repeats, "allow_playback_repeats"),
            "delays": flag_of(delays, "delays"),
            **model,
        }
        return self._play_once(path, options, strict=flag_of(strict, "strict"))

    def _play_once(self, path: str | Path, options: Mapping[str, Any], *, strict: bool) -> LiveRoute:
        """Mount the interactions of a cassette, each for one request; ``options`` of ``interaction_routes``."""
        recorded = recorded_in(path)
        routes = playback.interaction_routes(recorded, **{**options, "filters": filters_of(options["filters"])})
        mounted = [Mounted(route, strict) for route in routes]
        self._thread.call(lambda: self._answering.mounted.extend(mounted))
        return LiveRoute(mounted, self._thread, self._answering)

    @checked_call(ModelOptions)
    def serve(
        self,
        path: str | Path,
        *,
        through: Through = (),
        pacing: Pacing | str | None = None,
        **model: Unpack[ModelOptions],
    ) -> list[LiveRoute]:
        """Play a cassette any number of times: an equal body first, else in recorded order; the last one repeats.

        ``provider``, ``pace`` and ``price`` describe the model that makes each stream, as in ``Reply.stream``.
        """
        return self._play_again(path, {"through": [self._through, compose(through)], "pacing": pacing, **model})

    def _play_again(self, path: str | Path, options: Mapping[str, Any]) -> list[LiveRoute]:
        """Mount the interactions of a cassette for any number of requests; ``options`` of ``serving_routes``."""
        return [self.mount(route, strict=False) for route in playback.serving_routes(recorded_in(path), **options)]

    @checked_call()
    def scenario(self, file: str | Path, *, strict: bool = True) -> list[LiveRoute]:
        """Mount the routes of a scenario document in its order; file names in it are relative to it.

        ``verify`` also checks what the routes expect. ``strict``: it reports a route that is never requested. Raises
        ``ScenarioError`` with file, line and keys for an invalid document.
        """
        return [self.mount(self._changed(route), strict=strict) for route in scenario_document.load(Path(file)).routes]

    def _changed(self, route: Route) -> Route:
        """Return the route with the server's transforms before those of each streamed reply."""
        if not self._through.steps:
            return route
        return replace(route, replies=tuple(one.with_transforms(before=self._through.steps) for one in route.replies))

    @checked_call()
    def mount(self, route: Route, *, strict: bool = True) -> LiveRoute:
        """Add a route to the server. ``strict``: ``verify`` reports it if it is never requested."""
        mounted = Mounted(route, strict)
        self._thread.usable_loop()
        self._answering.mounted.append(mounted)  # in this thread: a test pays for each call to the server's
        return LiveRoute([mounted], self._thread, self._answering)

    # --- what it saw ----------------------------------------------------------------------------------------------

    @property
    def journal(self) -> list[Exchange]:
        """A snapshot of every exchange that is kept, in the order of their requests; readable after the end."""
        return [live.snapshot() for live in self._look()]  # in this thread: there may be a hundred thousand

    def _look(self) -> list[LiveExchange]:
        look = self._answering.look_at_open
        return look() if self._closed else self._thread.call(look)

    @property
    def dropped(self) -> Counter[Outcome | None]:
        """How many exchanges of each outcome are no longer in the journal, see ``journal=``."""
        return Counter(self._answering.exchanges.dropped)

    @property
    def calls(self) -> list[Call]:
        """Every request, also those that no route answered."""
        return self.calls_from(0)

    def calls_from(self, number: int) -> list[Call]:
        """Return the requests from that number on, counted from 0: for watching a server that runs for long.

        Requests that the journal has dropped count.
        """
        return [Call(live, self._thread) for live in self._answering.exchanges.from_number(number)]

    def listen(self, listener: Callable[[Call], None]) -> None:
        """Call ``listener`` with each request from now on: when its answer begins, and when its outcome is decided.

        That of a request that no route answers is decided before the refusal is written: it is called after that.
        It is called in the server's thread between two writes: it must return quickly and must not wait for the server.
        """

        def heard(live: LiveExchange, event: ExchangeEvent) -> None:
            refused = live.outcome is Outcome.UNMATCHED
            decided = isinstance(event, ConnectionEnded) if refused else live.outcome and live.decided_by is event
            if isinstance(event, Begun) or decided:
                listener(Call(live, self._thread))

        self._thread.call(lambda: self._answering.listeners.of_turns.append(heard))

    def take_left_open(self) -> list[str]:
        """Return a line for each exchange since the last call that its client has neither read to the end nor left.

        Each exchange is reported once, so that only the test that left it open sees it.
        """
        if not self._closed:
            self._thread.run(self._origin.settle)
        return self._take_left_open()

    def _take_left_open(self) -> list[str]:
        begun = [live for live in self._answering.exchanges if int(live.id) > self._told]
        self._told = max((int(live.id) for live in begun), default=self._told)
        return verifying.left_open_of(begun)

    def keep_events(self) -> None:
        """Begin to keep exchange events, for ``saved_page`` and for those who watch: each costs some time."""
        self._thread.call(lambda: self._origin.sessions.default.log)

    def saved_page(self, title: str, said: str = "") -> str:
        """Return what the server saw as the HTML of one page that needs no server; see docs/live-page.md.

        ``said``: a text to begin with, such as the failure of a test. Its events are those since ``keep_events``.
        """
        return self._thread.run(lambda: saving.page_of(self._origin.sessions.default, title, said))

    def account(self) -> str:
        """Return what the server saw so far, in words: for the report of a failed test."""
        self._look()
        return verifying.account(self._answering)

    def verify(self) -> None:
        """Raise ``ClientFailure`` for unmatched requests and for replies that were never requested, if ``strict``.

        It also fails for a call that does not meet what its route expects. An error inside the scenario (a predicate
        that raised) comes first, as ``ScenarioError``.
        """
        self._look()
        verifying.verify(self._answering, strict=self._strict)

    def unmet(self) -> list[str]:
        """Return the expectations of the routes that their calls did not meet, as texts; empty if all were met.

        A route with an expectation must be requested; for one that is ``strict``, ``verify`` reports that itself.
        """
        return verifying.unmet_in(self._answering, strict=self._strict)

    def judge(self) -> list[Verified]:
        """End the test, in every session that is open, and return what is wrong in each, the default one first.

        That is what ``verify`` fails for, and also the connections left open and the tokens that leaked. Raises
        ``ScenarioError`` as ``verify`` does.
        """
        return self._thread.run(self._origin.judge)

    # --- life -----------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Start afresh on the same address: no routes, an empty journal, and every connection ended that was used."""
        self._thread.run(self._origin.reset)

    def close(self) -> None:
        """End the server and every connection now; a second call does nothing."""
        self._close(lambda: None)

    def end(self) -> list[str]:
        """Close, and return what ``take_left_open`` returns just before: in one call to the server's thread."""
        left: list[str] = []
        self._close(lambda: left.extend(self._take_left_open()))
        return left

    def _close(self, before: Callable[[], object]) -> None:
        """Close. ``before`` is called in the server's thread when nothing more comes or leaves."""
        if self._closed:
            return
        self._thread.run(lambda: self._origin.close(before))
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
