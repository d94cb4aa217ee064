"""Answering requests in one session: select a route, deliver its response, record what happens as exchange events."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from itertools import count

from orharness.dialects import DIALECTS, Dialect, Refused
from orharness.errors import OrharnessError, ScenarioError, UpstreamError
from orharness.gateways import Gateway
from orharness.journal import Certainty, Exchange, How, Pacing, Request
from orharness.journal.events import AskedAgain, Begun, HeadWritten, Held, Read, Unmatched, Wrote
from orharness.scenario.body import Forward
from orharness.scenario.paths import api_path
from orharness.scenario.reply import Reply
from orharness.scenario.response import Response, error_response
from orharness.scenario.route import Route, select
from orharness.server.cors import is_preflight, preflight_response, readable
from orharness.server.delivery import Delivery, Gate
from orharness.server.entries import Entries
from orharness.server.exchange import Listeners, LiveExchange
from orharness.server.gates import Gates
from orharness.server.head import CONTINUE
from orharness.server.looks import Looks
from orharness.server.mounts import Mounted, Mounts
from orharness.server.passing import LiveService, Passing
from orharness.server.runs import Runs
from orharness.server.wire import BadBody, Incoming, Next, Wire, WriteWhole, while_there
from orharness.server.works import Following, Works
from orharness.stream import Framing

log = logging.getLogger("orharness.server")
_RUN_IS_OVER = "this base_url belongs to an earlier run of the client, which is over"


class Answering:
    """The routes and the journal of one session. Runs in the server's loop; a connection is a ``Wire``.

    ``make_builtin`` returns the routes that answer what no user route answers; they are left out of differences.
    ``service``: sends requests to the live services of replies that forward. ``hold_limit``: the longest wait at a gate
    in seconds, ``None`` for no limit. ``held_limit``: the number of streams that may be held at gates at once, ``None``
    for no limit. ``journal``: the number of exchanges to keep, ``None`` for all. ``cors``: whether web pages of any
    origin may ask and read. ``ids``: the numbers of exchanges, if other processes share the port.
    """

    def __init__(
        self,
        *,
        gateway: Gateway,
        pacing: Pacing,
        service: LiveService,
        hold_limit: float | None = None,
        held_limit: int | None = None,
        journal: int | None = None,
        cors: bool = False,
        ids: Iterator[int] | None = None,
        looks: Looks | None = None,
    ) -> None:
        self.gateway = gateway
        self.service = service
        self.pacing = pacing
        self.mounted = Mounts()
        self.make_builtin: Callable[[], Sequence[Route]] = tuple
        self.exchanges = Entries(journal)
        self.listeners = Listeners()
        self.broken: list[OrharnessError | Exception] = []
        self._hold_limit = hold_limit
        self._held_limit = held_limit
        self._held = 0
        self._cors = cors
        self._looks = looks or Looks()
        self._ids = count(1) if ids is None else ids
        self._shared = ids is not None
        self._runs = Runs()
        self.works = Works(gateway, self.broken.append)
        self.late: list[LiveExchange] = []  # requests of earlier runs that arrived since the current run began

    @cached_property
    def builtin(self) -> Sequence[Route]:
        """The built-in routes: made for the first request that needs them, since few tests have one."""
        return self.make_builtin()

    def reset(self) -> None:
        """Remove all routes and empty the journal."""
        self.mounted.clear()
        self.exchanges.clear()
        self.works.close()
        self.broken.clear()
        self._runs.end()

    def begin_runs(self, number: int) -> list[int]:
        """Begin a number of client runs and return their ids. From now on, requests of earlier runs are refused."""
        self.late.clear()
        return self._runs.begin(number)

    def look_at_open(self) -> list[LiveExchange]:
        """Return all exchanges, in the order of their requests, after a look at those that are open."""
        exchanges = list(self.exchanges)
        for exchange in exchanges:
            if exchange.open:
                exchange.look()
        return exchanges

    def journal(self) -> list[Exchange]:
        """Return a snapshot of every exchange in the order of their requests. Open exchanges are looked at first."""
        return [exchange.snapshot() for exchange in self.look_at_open()]

    def _over(self, exchange: LiveExchange) -> None:
        exchange.connection_ended()
        self.exchanges.over(exchange)

    def _went_on(self, exchange: LiveExchange, wire: Wire, how: Next) -> None:
        """Report how the connection went on after an answer whose reading could not be seen."""
        if how is Next.ASKED_AGAIN:
            exchange.feed(AskedAgain(exchange.elapsed()))
        elif how is Next.RESET:
            exchange.client_left(wire.gone_at, How.RST, reset=True)
        elif how is Next.RESET_AFTER_FIN:
            exchange.client_left(wire.gone_at, How.FIN, Certainty.UNKNOWN, reset=True)
        self._over(exchange)

    # --- a request ------------------------------------------------------------------------------------------------

    async def answer(self, incoming: Incoming, wire: Wire) -> bool:
        """Run one exchange until it is over or the client has left; return whether the connection may be used again."""
        exchange = self._new_exchange(incoming.head, wire)
        try:
            keep_alive = await while_there(wire, self._answer(wire, exchange, incoming))
            # By now a writer that was blocked when the client left has failed: that counts as leaving, too.
            left = keep_alive is None or (not exchange.machine.final and await wire.has_been_lost())
            if left:
                await self._left(wire, exchange)
            return bool(keep_alive) and not left
        finally:
            if exchange.machine.provisional:
                wire.watch(partial(self._went_on, exchange, wire))
            else:
                self._over(exchange)

    def _new_exchange(self, head: Request, wire: Wire) -> LiveExchange:
        """Make the exchange of a request and enter it in the journal, unless it is a preflight of a web page."""
        run, path = self._runs.split(head.path)
        named = head if path == head.path else replace(head, path=path)
        if self._answers_preflight(named):
            return LiveExchange("", named)
        return self._entered(LiveExchange(f"{next(self._ids):06d}", named, self.listeners, wire, run))

    def _answers_preflight(self, request: Request) -> bool:
        """Whether it is a preflight that the user's routes leave to us."""
        if not self._cors or not is_preflight(request):
            return False
        return not any(one.route.method == request.method and one.route.is_at(request.path) for one in self.mounted)

    def _set_aside(self, exchange: LiveExchange) -> None:
        """Move a late request out of the journal: it belongs to no current run and is not an unmatched request."""
        self.late.append(exchange)
        self.exchanges.discard(exchange)

    def _entered(self, exchange: LiveExchange) -> LiveExchange:
        self.exchanges.add(exchange)
        return exchange

    async def _left(self, wire: Wire, exchange: LiveExchange) -> None:
        if wire.ended:
            return
        departure = await wire.departure()
        if departure.read is not None:
            all_read = departure.read >= wire.written
            exchange.feed(Read(departure.read, all_read, exchange.elapsed(), departure.read_known))
        reset = departure.reset
        if not reset and departure.read is None and exchange.machine.may_have_read_to_end(departure.most):
            reset = await wire.reset_follows()
        exchange.client_left(wire.gone_at, departure.how, departure.known, most=departure.most, reset=reset)
        wire.abort()

    async def _answer(self, wire: Wire, exchange: LiveExchange, incoming: Incoming) -> bool:
        try:
            if incoming.expects_continue:
                wire.write(CONTINUE)
                await wire.drain()
            whole = exchange.request.with_body(await incoming.body())
            exchange.request_read(whole)
            if self._runs.is_over(exchange.run):
                self._set_aside(exchange)
                return await self._refuse(wire, exchange, _RUN_IS_OVER, status=410)
            response, gate = self._response(whole, exchange)
            if wire.gone.done():
                return False
            if isinstance(response, Passing):
                return await self._pass_on(response, wire, incoming, gate)
            if isinstance(response, Following):
                response.begin(gate)
            # From here on the choice is in the journal, whatever the client does next.
            pacing = response.pacing or self.pacing
            delivery = Delivery(wire, exchange, response, pacing, http_1_0=incoming.http_1_0, looks=self._looks)
            body = whole.method != "HEAD"
            if isinstance(response, Following):
                if response.start is not None:
                    return await delivery.follow(response, keep_alive=incoming.keep_alive, body=body)
                gate = no_gate  # what waits there is the model
            return await delivery.run(gate, keep_alive=incoming.keep_alive, body=body)
        except ConnectionError:
            return False
        except BadBody as error:
            return await self._refuse(wire, exchange, f"malformed request body: {error}")
        except Exception as error:
            log.exception("while answering %s %s", exchange.request.method, exchange.request.path)
            self.broken.append(error)
            if exchange.machine.head_written:
                wire.abort()
                return False
            return await self._refuse(wire, exchange, f"the scenario failed: {error!r}", status=500)

    async def _pass_on(self, passing: Passing, wire: Wire, incoming: Incoming, gate: Gate) -> bool:
        """Have a live service answer; send a 502 that gives the reason if it does not."""
        try:
            return await passing.run(self.service, wire, incoming, gate)
        except UpstreamError as error:
            exchange, reason = passing.exchange, str(error)
            refused = error_response(self.gateway, 502, reason, DIALECTS.at(exchange.request.path))
            response = self._shown(refused).to(exchange.request.method)
            exchange.feed(Begun(502, response.stream, Pacing.INSTANT, passing.route, reason))
            old = incoming.http_1_0
            delivery = Delivery(wire, exchange, response, Pacing.INSTANT, http_1_0=old, looks=self._looks)
            body = exchange.request.method != "HEAD"
            return await delivery.run(no_gate, keep_alive=incoming.keep_alive, body=body)

    async def refuse(self, incoming: Incoming, wire: Wire, reason: str, status: int) -> bool:
        """Answer a request that is not this session's with an error in its API's shape; it is in no journal."""
        exchange = LiveExchange("", incoming.head)
        return bool(await while_there(wire, self._refuse(wire, exchange, reason, status)))

    async def _refuse(self, wire: Wire, exchange: LiveExchange, reason: str, status: int = 400) -> bool:
        response = self._unmatched(exchange, status, reason)
        delivery = Delivery(wire, exchange, response, Pacing.INSTANT, http_1_0=False, looks=self._looks)
        await delivery.run(no_gate, keep_alive=False)
        wire.finish()
        return False

    def garbage(self, status: int, reason: str, write: WriteWhole) -> None:
        """Answer bytes that are not HTTP with an error in the gateway's format, recorded in the journal."""
        exchange = self._entered(LiveExchange(f"{next(self._ids):06d}", Request("", ""), self.listeners))
        response = self._unmatched(exchange, status, f"malformed HTTP: {reason}")
        body_at = write(response)
        if body_at is not None:
            exchange.feed(HeadWritten(body_at, Framing.LENGTH, exchange.elapsed()))
            exchange.feed(Wrote(exchange.elapsed(), len(response.stream.chunks)))
        self._over(exchange)

    # --- which answer ---------------------------------------------------------------------------------------------

    def _response(self, request: Request, exchange: LiveExchange) -> tuple[Response | Passing, Gate]:
        """Choose the response: from the user's routes, then from the built-in ones, else an error.

        A reply that forwards has no response yet.
        """
        if self._answers_preflight(request):
            allowed = preflight_response(request)
            exchange.feed(Begun(allowed.status, allowed.stream, Pacing.INSTANT, "preflight"))
            return allowed, no_gate
        chosen = self.mounted.chosen(request)
        refused = self._refused(request, None if chosen is None else chosen.route)
        if chosen is not None and refused is None:
            turn = chosen.turn(request)
            response = self._begin(exchange, chosen.route, request, turn)
            chosen.keep_turn(getattr(response, "generation", None), turn)
            chosen.add(exchange)
            return response, self._gate(chosen.gates, exchange)
        if (called := self.works.answer(request, self._has_answered)) is not None:
            shown = self._shown(called)
            exchange.feed(Begun(shown.status, shown.stream, shown.pacing or self.pacing, _BACKGROUND))
            return shown, no_gate
        built_in = select([(route, 0) for route in self.builtin], request)
        if built_in is not None:
            return self._begin(exchange, self.builtin[built_in], request, 0), no_gate
        status = self._error_status(request, refused)
        return self._unmatched(exchange, status, _why(self.mounted, request, chosen, refused)), no_gate

    def _begin(self, exchange: LiveExchange, route: Route, request: Request, turn: int) -> Response | Passing:
        reply, difference = route.reply_to(request, turn)
        if isinstance(reply.body, Forward):
            return Passing(reply, route.name, request, exchange, self.pacing, self.gateway, self._looks, self._shown)
        shared = self._shown(self._made_by(reply, request)).to(request.method)
        response = shared.drawn(int(exchange.id))
        pacing = response.pacing or self.pacing
        # The journal keeps the stream: the one that all exchanges share.
        exchange.feed(Begun(response.status, shared.stream, pacing, route.name, difference, response.generation))
        return self.works.begin(exchange, response)

    def _made_by(self, reply: Reply, request: Request) -> Response:
        response = self.works.response_of(reply, request)
        if self._shared and response.background is not None:
            reason = "background: a later call for the answer may reach another of the server's workers, which has none"
            return error_response(self.gateway, 400, reason, DIALECTS.at(request.path))
        return response

    def _has_answered(self, identifier: str) -> bool:
        """Return whether an answer that the journal keeps has that id."""
        plans = (live.machine.plan for live in self.exchanges)
        return any(getattr(plan.meter, "id", None) == identifier for plan in plans if plan is not None)

    def _unmatched(self, exchange: LiveExchange, status: int, reason: str) -> Response:
        dialect = DIALECTS.at(exchange.request.path)
        response = self._shown(error_response(self.gateway, status, reason, dialect)).to(exchange.request.method)
        exchange.feed(Begun(status, response.stream, Pacing.INSTANT, None, reason))
        # decides the outcome: last, so that listeners see the whole
        exchange.feed(Unmatched(reason, exchange.elapsed()))
        return response

    def _shown(self, response: Response) -> Response:
        """The response as web pages may read it, where they may."""
        return readable(response) if self._cors else response

    def _refused(self, request: Request, route: Route | None) -> Refused | None:
        """Return why the API would refuse the request whatever the scenario says; ``None`` if it would accept it.

        A route without a completion plays fixed content and does not imitate an API: it accepts any JSON object.
        """
        dialect = _spoken_at(request.path)
        if dialect is None or request.method != "POST":
            return None
        try:
            dialect.asked(request, self.gateway)
        except Refused as refused:
            return refused if refused.asked is None or (route is not None and route.completes) else None
        return None

    def _error_status(self, request: Request, refused: Refused | None) -> int:
        routes = [*(mounted.route for mounted in self.mounted), *self.builtin]
        methods = {route.method for route in routes if route.is_at(request.path)}
        if _spoken_at(request.path) is not None:
            methods.add("POST")
        if methods and request.method not in methods:
            return 405
        return 404 if refused is None else refused.status

    # --- gates ----------------------------------------------------------------------------------------------------

    def _gate(self, gates: Gates, exchange: LiveExchange) -> Gate:
        async def gate(number: int) -> None:
            if gates.is_open(number):
                return
            if self._held_limit is not None and self._held >= self._held_limit:
                raise ScenarioError(f"{self._held} streams are held at gates already: a session holds no more at once")
            self._held += 1
            exchange.feed(Held(True, exchange.elapsed()))
            try:
                await gates.wait(number, self._hold_limit)
            except TimeoutError:
                raise ScenarioError(
                    f"{exchange.request.method} {exchange.request.path} was held at gate {number + 1} for"
                    f" {self._hold_limit:g} s: route.release() was never called (hold_limit=)"
                ) from None
            finally:
                self._held -= 1
                exchange.feed(Held(False, exchange.elapsed()))

        return gate


def _why(mounts: Mounts, request: Request, chosen: Mounted | None, refused: Refused | None) -> str:
    """Return why the request is not answered: the API refuses it, no route matches, or both."""
    lines = []
    if refused is not None:
        lines += ["the body is not JSON"] * (request.json is None) + [refused.reason]
    if chosen is None:
        lines.append(mounts.why_none(request))
    return "\n".join(lines)


def _spoken_at(path: str) -> Dialect | None:
    """Return the dialect whose own endpoint is at the path. A user's route may be at any path that ends like it."""
    dialect = DIALECTS.at(path)
    return dialect if dialect is not None and dialect.is_at(api_path(path)) else None


_BACKGROUND = "background"  # what the journal calls the calls for answers that are made in the background


async def no_gate(number: int) -> None:
    """Pass at once: for a response that no test can release."""
