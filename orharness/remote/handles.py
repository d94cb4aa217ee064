"""Routes and calls of a server that runs elsewhere: the handles of ``orharness.server``, by the control verbs.

What blocks here asks the waiting verb; the ``_async`` twins do so in a thread.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, TypeVar, cast

from orharness.errors import ClientFailure
from orharness.journal import Exchange, Outcome
from orharness.options import checked_call
from orharness.remote.verbs import Verbs
from orharness.scenario.checked import seconds_of, whole_number_of
from orharness.server.control.options import LONGEST_POLL
from orharness.server.handles import Call, ExpectedDisconnect, LiveRoute

T = TypeVar("T")


class RemoteSession:
    """A session on a server that runs elsewhere."""

    def __init__(self, verbs: Verbs, document: dict[str, Any]) -> None:
        self.verbs = verbs
        self.id: str = document["id"]
        self.path = f"/sessions/{self.id}"

    def ask(self, method: str, path: str = "", document: object = None, **query: object) -> Any:
        """As ``Verbs.ask``, from the session on."""
        return self.verbs.ask(method, f"{self.path}{path}", document, **query)

    def wait(self, condition: str, timeout: float | None = None, **query: object) -> Any:
        """Return what the waiting verb finds. Raises ``ClientFailure`` if the condition is not met in that time."""
        left = 0.0 if timeout is None else timeout
        while True:
            seconds = None if timeout is None else min(left, LONGEST_POLL)
            found = self.ask("GET", "/wait", **{"for": condition, "timeout": seconds, **query})
            left -= LONGEST_POLL
            if found["met"] or found["final"] or left <= 0:
                return met(found)

    def calls(self, route: str | None = None) -> list[RemoteCall]:
        """Return the calls of the session, or of one of its routes."""
        return [RemoteCall(self, one) for one in self.ask("GET", "/calls", route=route)["calls"]]


def met(found: Any) -> Any:
    """Return what was found. Raises ``ClientFailure`` if the condition is not met."""
    __tracebackhide__ = True
    if not found["met"]:
        call = found["call"]
        raise ClientFailure(found["text"], None if call is None else Exchange.from_json(call))
    return found


async def in_a_thread(function: Callable[[], T]) -> T:
    """Call a function in a thread, in asyncio and in trio."""
    if asyncio._get_running_loop() is not None:
        return await asyncio.to_thread(function)
    return cast(T, await sys.modules["trio"].to_thread.run_sync(function))


class RemoteCall(Call):
    """One request and its answer, as the server saw them."""

    def __init__(self, session: RemoteSession, document: dict[str, Any]) -> None:
        self._session = session
        self._document = document

    @property
    def id(self) -> str:
        """Its id in the journal of the session."""
        return str(self._document["id"])

    def _now(self) -> dict[str, Any]:
        self._document = self._session.ask("GET", f"/calls/{self.id}")
        return self._document

    @property
    def exchange(self) -> Exchange:
        """The current journal entry."""
        return Exchange.from_json(self._now())

    @property
    def outcome(self) -> Outcome | None:
        """The outcome, ``None`` while undecided. Never waits for the client."""
        return self.exchange.outcome

    @property
    def finished(self) -> bool:
        """Whether the client has taken the whole answer by now; see ``Call.finished``."""
        document = self._now()
        if document["finished"] is None and document["outcome"] is not None:
            self._session.wait("finished", 0.0, call=self.id)  # which says why it cannot be known
        return bool(document["finished"])

    @checked_call()
    def wait_finished(self, timeout: float = 5.0) -> bool:
        """Block as ``Call.wait_finished`` does."""
        seconds_of(timeout, "timeout")
        found = self._session.ask(
            "GET", "/wait", **{"for": "finished", "call": self.id, "timeout": min(timeout, LONGEST_POLL)}
        )
        return bool(found["met"]) or self.finished

    async def wait_finished_async(self, timeout: float = 5.0) -> bool:
        """As ``wait_finished``, in asyncio and in trio."""
        return await in_a_thread(lambda: self.wait_finished(timeout))

    @checked_call()
    def wait_ended(self, timeout: float = 5.0) -> Outcome:
        """Block as ``Call.wait_ended`` does."""
        __tracebackhide__ = True
        found = self._session.wait("outcome", seconds_of(timeout, "timeout"), call=self.id)
        return Outcome(found["call"]["outcome"])

    async def wait_ended_async(self, timeout: float = 5.0) -> Outcome:
        """As ``wait_ended``, in asyncio and in trio."""
        return await in_a_thread(lambda: self.wait_ended(timeout))

    @checked_call()
    def assert_upstream_stopped(self, leaked_tokens: int = 1) -> None:
        """As ``Call.assert_upstream_stopped``."""
        __tracebackhide__ = True
        leaked = whole_number_of(leaked_tokens, "leaked_tokens")
        self._session.wait("upstream", call=self.id, leaked_tokens=leaked)


class RemoteRoute(LiveRoute):
    """A route on a server that runs elsewhere, or the routes of one cassette."""

    def __init__(self, session: RemoteSession, documents: Sequence[dict[str, Any]]) -> None:
        self._session = session
        self._documents = documents

    @property
    def id(self) -> str:
        """Its id in the session, or those of its routes with commas between."""
        return ",".join(one["id"] for one in self._documents)

    @property
    def name(self) -> str:
        """Its method, path and condition."""
        recorded = f"{len(self._documents)} recorded replies"
        return str(self._documents[0]["name"]) if len(self._documents) == 1 else recorded

    @property
    def unplayed(self) -> int:
        """How many interactions of its cassette no request has asked for."""
        ours = {one["id"] for one in self._documents}
        return sum(not one["calls"] for one in self._session.ask("GET", "/routes")["routes"] if one["id"] in ours)

    def calls_from(self, number: int) -> list[Call]:
        """Return the requests from that number on, counted from 0."""
        return list(self._session.calls(self.id)[number:])

    def _others(self) -> list[Exchange]:
        ours = {call.id for call in self.calls}
        return [call.exchange for call in self._session.calls() if call.id not in ours]

    @checked_call()
    def wait_call(self, timeout: float = 5.0, number: int = 1) -> Call:
        """Block as ``LiveRoute.wait_call`` does."""
        __tracebackhide__ = True
        whole_number_of(number, "number", least=1)
        found = self._session.wait("call", seconds_of(timeout, "timeout"), route=self.id, number=number)
        return RemoteCall(self._session, found["call"])

    @checked_call()
    def wait_held(self, timeout: float = 5.0) -> Call:
        """Block as ``LiveRoute.wait_held`` does."""
        __tracebackhide__ = True
        found = self._session.wait("held", seconds_of(timeout, "timeout"), route=self.id)
        return RemoteCall(self._session, found["call"])

    async def wait_held_async(self, timeout: float = 5.0) -> Call:
        """As ``wait_held``, in asyncio and in trio."""
        return await in_a_thread(lambda: self.wait_held(timeout))

    @checked_call()
    def release(self, gates: int = 1) -> None:
        """Open the next gates, as ``LiveRoute.release`` does."""
        opened = whole_number_of(gates, "gates", least=1)
        for one in self._documents:
            self._session.ask("POST", f"/routes/{one['id']}/release", gates=opened)

    @checked_call()
    def expect_disconnect(self, within: float = 0.25) -> ExpectedDisconnect:
        """Return a block, as ``LiveRoute.expect_disconnect`` does."""
        return RemoteDisconnect(self, self._session, seconds_of(within, "within"))

    def __repr__(self) -> str:
        return f"<RemoteRoute {self.name}>"


class RemoteDisconnect(ExpectedDisconnect):
    """The block of ``expect_disconnect``. The time counts from the moment at which the server hears of its end."""

    def __init__(self, route: RemoteRoute, session: RemoteSession, within: float) -> None:
        super().__init__(route, within)
        self._session = session
        self._route_id = route.id
        self._since = 0

    def __enter__(self) -> ExpectedDisconnect:
        self._since = self._session.ask("GET")["event"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        if error is None:
            self._judge()

    async def __aenter__(self) -> ExpectedDisconnect:
        return await in_a_thread(self.__enter__)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        if error is None:
            await in_a_thread(self._judge)

    def _judge(self) -> None:
        __tracebackhide__ = True
        asked = {"for": "left", "route": self._route_id, "since": self._since, "within": self._within}
        found = self._session.ask("GET", "/wait", **asked)
        while not found["met"] and not found["final"]:
            found = self._session.ask("GET", "/wait", **asked, act=found["act"])
        self.calls = [RemoteCall(self._session, one) for one in found["calls"]]
        met(found)
