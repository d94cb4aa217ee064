"""An origin (scheme, host and port), from its first connection to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from orharness.gateways import Gateway
from orharness.journal import Pacing, Request
from orharness.journal.events import TestEnded
from orharness.lazy import Deferred
from orharness.server.answering import Answering
from orharness.server.builtin import builtin_routes
from orharness.server.control.gate import ControlGate
from orharness.server.control.options import ControlOptions, is_control
from orharness.server.forwarding import HttpService
from orharness.server.listening import Listening
from orharness.server.looks import Looks
from orharness.server.peerqueue import PeerQueue
from orharness.server.sessions import ENDED, Session, SessionOptions, Sessions
from orharness.server.thread import Listener
from orharness.server.wire import Incoming, Wire, WriteWhole

if TYPE_CHECKING:
    import orharness.server.verifying as verifying
    from orharness.server.control.control import Control
    from orharness.server.siblings import Siblings, WorkerPlace
    from orharness.server.verifying import Verified
else:
    verifying = Deferred("orharness.server.verifying")  # for the end of a test


class Origin:
    """What listens and what answers, as one. Everything here, except for making it, runs in the server's loop."""

    def __init__(
        self,
        peers: PeerQueue,
        *,
        gateway: Gateway,
        pacing: Pacing,
        models: Sequence[str],
        hold_limit: float | None = None,
        journal: int | None = None,
        strict: bool = True,
        cors: bool = False,
        control: ControlOptions | None = None,
        place: WorkerPlace | None = None,
        looks: Looks | None = None,
    ) -> None:
        self._service = HttpService()
        self._models = models
        self._cors = cors
        self._journal = journal
        self._place = place
        self._looks = looks
        default = SessionOptions(gateway, pacing, strict, hold_limit=hold_limit)
        self.answering = self._answering(default, None)
        self._default = default
        self._given = given = control or ControlOptions()
        make = partial(self._answering, held_limit=given.limits.held)
        self.sessions = Sessions(
            self.answering, make, self.settle, strict=strict, limits=given.limits, clock=given.clock
        )
        self.gate = ControlGate(self._given.token, self._given.hosts, on=self._given.on)
        self._listening = Listening(self, peers)
        self._beginning: asyncio.Task[None] | None = None
        self._port = 80
        self._siblings = None if place is None else _siblings(place, self.answering)

    @cached_property
    def control(self) -> Control:
        """The control verbs: imported for the first request that needs them, since few tests have one."""
        from orharness.server.control.control import Control

        return Control(self.sessions, self._default, self._given, self.gate, self._port, self._siblings)

    def _answering(self, options: SessionOptions, held_limit: int | None) -> Answering:
        made = Answering(
            gateway=options.gateway,
            pacing=options.pacing,
            service=self._service,
            hold_limit=options.hold_limit,
            held_limit=held_limit,
            journal=self._journal,
            cors=self._cors,
            ids=None if self._place is None else self._place.ids(),
            looks=self._looks,
        )
        made.make_builtin = partial(builtin_routes, made, self._models, shared=self._place is not None)
        return made

    def answer(self, incoming: Incoming, wire: Wire) -> Coroutine[Any, Any, bool]:
        """Have the control verbs or the request's session answer it; return whether the connection may go on.

        Not a coroutine of its own: each takes memory as long as a stream is open.
        """
        session, incoming.head = self.sessions.find(incoming.head)
        if is_control(incoming.head.path):
            return self.control.answer(incoming, wire, session)
        if self._asks_for_the_page(incoming.head, session):
            return self.control.show_page(incoming, wire)
        if session is None:
            return self.answering.refuse(incoming, wire, ENDED, 410)
        return session.answering.answer(incoming, wire)

    def _asks_for_the_page(self, request: Request, session: Session | None) -> bool:
        if not self._given.page or request.path != "/" or request.method not in ("GET", "HEAD"):
            return False
        return session is self.sessions.default and session.answering.mounted.chosen(request) is None

    def garbage(self, status: int, reason: str, write: WriteWhole) -> None:
        """Answer what is not an HTTP request; it is in the journal of the default session."""
        self.answering.garbage(status, reason, write)

    def begin(self, sockets: Sequence[Listener]) -> None:
        """Begin to ``listen``; what ends or settles this waits for it."""
        self._beginning = asyncio.get_running_loop().create_task(self.listen(sockets))

    async def listen(self, sockets: Sequence[Listener]) -> None:
        """Accept connections on sockets that are bound already."""
        self._port = sockets[0].getsockname()[1]
        if self._siblings is not None:
            await self._siblings.listen()
        await self._listening.listen(sockets)

    async def close(self, before: Callable[[], object] = lambda: None) -> None:
        """End everything now, without waiting for handlers. ``before`` is called when nothing more comes or leaves."""
        await self._begun()
        await self._listening.close()
        if self._siblings is not None:
            self._siblings.close()
        if not self._listening.is_idle:
            await self.settle()
        before()
        await self._end()
        await self._service.close()

    async def settle(self) -> None:
        """Return once all clients that have left by now are seen to have left."""
        await self._begun()
        await self._listening.settle()

    async def _begun(self) -> None:
        if self._beginning is not None and not self._beginning.done():
            await self._beginning

    async def judge(self) -> list[Verified]:
        """End the test in every session, and return what is wrong in each. Raises ``ScenarioError`` as ``verify``."""
        await self.settle()
        sessions = self.sessions.all()
        left_open = [verifying.left_open_in(one.answering) for one in sessions]
        for one in sessions:
            one.end_exchanges()
        return [
            verifying.judge(one.answering, one.id, strict=one.strict, left_open=left)
            for one, left in zip(sessions, left_open, strict=True)
        ]

    async def end_exchanges(self) -> None:
        """End the test: what is open gets its outcome, and every connection is aborted."""
        await self.settle()
        await self._end()

    async def _end(self, *, unused: bool = True) -> None:
        self.sessions.end_all()
        for exchange in self.answering.exchanges:
            if exchange.open:
                exchange.look()
                exchange.feed(TestEnded(exchange.elapsed()))
        self.answering.works.close()
        await self._listening.abort(unused=unused)

    async def reset(self) -> None:
        """As new, on the same port: no routes, an empty journal, no other session, no connection that was used.

        One on which nothing has come is kept: Node's fetch opens another when one is cancelled, and would send its next
        request on it just as it ends.
        """
        await self.settle()
        await self._end(unused=False)
        self.sessions.default.reset()


def _siblings(place: WorkerPlace, answering: Answering) -> Siblings:
    from orharness.server.siblings import Siblings  # which only a server of several processes needs

    return Siblings(place, answering)
