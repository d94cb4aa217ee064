"""``RemoteServer``: what ``sse_server`` is with ``--sse-server=URL``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from orharness.checks import left_open
from orharness.errors import CassetteError, ClientFailure, OrharnessError, ScenarioError
from orharness.gateways import Gateway
from orharness.gateways import lookup as gateway_named
from orharness.journal import Exchange, Outcome, Pacing
from orharness.options import checked_call
from orharness.providers import lookup as provider_named
from orharness.remote.handles import RemoteRoute, RemoteSession
from orharness.remote.verbs import Verbs
from orharness.report.page import document_in, saved_page
from orharness.scenario.checked import flag_of, one_of
from orharness.scenario.document import write_route
from orharness.scenario.options import Through
from orharness.scenario.route import Route
from orharness.server.control.playing import AGAIN, ONCE, written
from orharness.server.facade import Leaks, SseServer
from orharness.server.handles import Call, LiveRoute
from orharness.transforms import compose

_THE_SERVERS = "is the server's own: say it to `orharness serve`, not to a test that uses one by --sse-server"


class RemoteServer(SseServer):
    """A session on a server that runs already, with the interface of ``SseServer``.

    Routes go there as documents, so what a document cannot say (a predicate, a function as a transform) is
    refused with its name. Raises ``OrharnessError`` if no server of orharness answers at ``url``.
    """

    def __init__(
        self,
        url: str,
        *,
        gateway: str | Gateway = "onerouter",
        pacing: Pacing | str = Pacing.LOCKSTEP,
        strict: bool = True,
        leaks: Leaks | str | None = None,
        through: Through = (),
        **others: Any,
    ) -> None:
        if others:
            raise ScenarioError(f"{next(iter(others))}= {_THE_SERVERS}")
        self._gateway = gateway if isinstance(gateway, Gateway) else gateway_named(gateway)
        self._through = compose(through)
        self._strict = flag_of(strict, "strict")
        self.leaks = None if leaks is None else one_of(Leaks, leaks, "leaks")
        self._closed = False
        self._told = 0
        self._keeps = False
        self._page: str | None = None  # as of its end
        self._last: tuple[list[Exchange], str, Exception | None] = ([], "", None)  # as of its end
        verbs = Verbs(url)
        chosen = {"pacing": one_of(Pacing, pacing, "pacing"), "strict": strict, "gateway": self._gateway.name}
        opened = verbs.ask("POST", "/sessions", **chosen)
        self._session = RemoteSession(verbs, opened)
        self.port = verbs.port
        self.origin = opened["origin"]
        self.listens_everywhere = False

    def __getattr__(self, name: str) -> NoReturn:
        if name in ("_thread", "_answering", "_origin", "_owned"):
            raise OrharnessError("this works in the process of the server only, not with --sse-server")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @checked_call()
    def mount(self, route: Route, *, strict: bool = True) -> LiveRoute:
        """Mount a route. ``strict``: ``verify`` reports it if it is never requested."""
        return RemoteRoute(
            self._session, self._session.ask("POST", "/routes", write_route(route), strict=strict)["routes"]
        )

    def _play_once(self, path: str | Path, options: Mapping[str, Any], *, strict: bool) -> LiveRoute:
        return RemoteRoute(self._session, self._send(path, ONCE, {**options, "strict": strict}))

    def _play_again(self, path: str | Path, options: Mapping[str, Any]) -> list[LiveRoute]:
        return [RemoteRoute(self._session, [one]) for one in self._send(path, AGAIN, options)]

    def _send(self, path: str | Path, way: str, options: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Send a file to be played, and return its routes.

        Raises ``CassetteError`` for a file that cannot be read, and ``ScenarioError`` for an option that cannot be
        sent: a function in ``filters``, ``match_on`` or ``through``.
        """
        file, provider = Path(path), options.get("provider")
        named = {**options, "provider": provider_named(provider) if isinstance(provider, str) else provider}
        try:
            text = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CassetteError(f"{file}: cannot be read: {error}") from error
        document = {"name": str(file), "text": text, "play": way, "options": written(way, named)}
        routes: list[dict[str, Any]] = self._session.ask("POST", "/files", document)["routes"]
        return routes

    @property
    def journal(self) -> list[Exchange]:
        """A snapshot of every exchange in the order of their requests; readable also after the server has ended."""
        if self._closed:
            return self._last[0]
        return [Exchange.from_json(one) for one in self._session.ask("GET", "/calls")["calls"]]

    @property
    def dropped(self) -> Counter[Outcome | None]:
        """None: a session keeps what its server keeps."""
        return Counter()

    def calls_from(self, number: int) -> list[Call]:
        """Return the requests from that number on, counted from 0."""
        return list(self._session.calls()[number:])

    def listen(self, listener: Callable[[Call], None]) -> NoReturn:
        """Refuse: the events of a server elsewhere are at ``GET …/events``."""
        raise OrharnessError("a listener works in the process of the server only; with --sse-server read GET …/events")

    def take_left_open(self) -> list[str]:
        """Return a line for each exchange since the last call that its client has neither read to the end nor left."""
        calls = [] if self._closed else self._session.calls()
        begun = [call for call in calls if int(call.id) > self._told]
        self._told = max((int(call.id) for call in begun), default=self._told)
        return [line for call in begun if (line := left_open(call.exchange)) is not None]

    def keep_events(self) -> None:
        """Keep the page of the session when it ends; its events are kept in any case."""
        self._keeps = True

    def saved_page(self, title: str, said: str = "") -> str:
        """Return what the server saw, as ``SseServer.saved_page`` does; after the end, only past ``keep_events``."""
        page = self._page if self._closed else str(self._session.ask("GET", "/page")["html"])
        if page is None:
            raise OrharnessError("the session has ended, and its page was not kept: call keep_events() before")
        return saved_page({**document_in(page), "title": title, "said": said})

    def account(self) -> str:
        """Return what the server saw so far, in words: for the report of a failed test."""
        return self._last[1] if self._closed else str(self._session.ask("GET", "/account")["account"])

    def verify(self) -> None:
        """Raise ``ClientFailure`` and ``ScenarioError`` as ``SseServer.verify`` does."""
        __tracebackhide__ = True
        if not self._closed:
            self._session.ask("POST", "/verify")
        elif self._last[2] is not None:
            raise self._last[2]

    def reset(self) -> None:
        """Start afresh on the same address: no routes, an empty journal, all streams of the session ended."""
        self._session.ask("POST", "/reset")

    def end(self) -> list[str]:
        """Close, and return what ``take_left_open`` returns just before."""
        left = self.take_left_open()
        self.close()
        return left

    def close(self) -> None:
        """End the session and every stream of it; a second call does nothing. ``verify`` still says its verdict."""
        if self._closed:
            return
        exchanges, account, failure = self.journal, self.account(), None
        self._page = str(self._session.ask("GET", "/page")["html"]) if self._keeps else None
        try:
            self._session.ask("DELETE")
        except (ClientFailure, ScenarioError) as error:
            failure = error
        self._closed = True
        self._last = (exchanges, account, failure)
