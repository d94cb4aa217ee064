"""An origin: its routes, its journal, and what it answers to any request that a client can think of."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count

from aiohttp import web

from orharness.dialects import chat
from orharness.errors import OrharnessError, ScenarioError
from orharness.gateways import Gateway
from orharness.journal import Exchange, Outcome, Pacing, Request, journal_document
from orharness.scenario import Response, Route, api_path, error_response, json_response, select
from orharness.server.connection import Connection, Sent
from orharness.server.delivery import Delivery, Gate
from orharness.server.exchange import LiveExchange
from orharness.server.gates import Gates
from orharness.server.peerqueue import PeerQueue
from orharness.server.runs import Runs
from orharness.upstream import generation_document

log = logging.getLogger("orharness.server")
JOURNAL_PATH = "/_orharness/journal"
_CHAT_PATH = "/chat/completions"
_MOMENTS = 500  # of a millisecond, at most, for finding out how clients left
_GENERATION_PATH = "/generation"
_LOOKS = (0.02, 0.1, 1.0)  # seconds after a hold began, at which the kernel is asked what was read before it
_RUN_IS_OVER = "this base_url belongs to an earlier run of the client, which is over"
_TURNS = 3  # of the loop: what a socket has ready is read, and a connection made of what was accepted


@dataclass
class Mounted:
    """A route in place: the exchanges that it answered, and its gates."""

    route: Route
    strict: bool = True
    gates: Gates = field(default_factory=Gates)
    exchanges: list[LiveExchange] = field(default_factory=list)
    on_exchange: Callable[[], None] = lambda: None


class _Manager(web.Server):
    """aiohttp's low-level server with our connections."""

    def __init__(self, origin: Origin, peers: PeerQueue) -> None:
        super().__init__(origin.handle)
        self._origin = origin
        self._peers = peers

    def __call__(self) -> Connection:
        return Connection(self, self._peers, self._origin.garbage)


class Origin:
    """One scheme, host and port. Everything here runs in the server's loop."""

    def __init__(
        self,
        peers: PeerQueue,
        *,
        gateway: Gateway,
        pacing: Pacing,
        models: tuple[str, ...],
        hold_limit: float | None = None,
    ) -> None:
        self.gateway = gateway
        self.pacing = pacing
        self.mounted: list[Mounted] = []
        self.exchanges: list[LiveExchange] = []
        self.listeners: list[
            Callable[[LiveExchange], None]
        ] = []  # called as each begins, and as its outcome is decided
        self.broken: list[OrharnessError | Exception] = []
        self.runs = Runs()
        self.late: list[LiveExchange] = []  # requests of earlier runs that came since the last run began
        self._models = models
        self._hold_limit = hold_limit
        self._peers = peers
        self._ids = count(1)
        self._manager = _Manager(self, peers)
        self._servers: list[asyncio.Server] = []

    # --- life -----------------------------------------------------------------------------------------------------

    async def listen(self, sockets: list[socket.socket]) -> None:
        """Accepts connections on sockets that are bound already."""
        loop = asyncio.get_running_loop()
        self._servers = [await loop.create_server(self._manager, sock=one, backlog=2048) for one in sockets]

    async def close(self) -> None:
        """Ends everything now: no handler is waited for."""
        await self._accept_no_more()
        for server in self._servers:
            server.close()
        await self.end_exchanges()

    async def _accept_no_more(self) -> None:
        """Whom asyncio has accepted, but not yet made a connection of, would be nobody's, and never be closed."""
        loop = asyncio.get_running_loop()
        with suppress(NotImplementedError):  # Windows
            for one in (one for server in self._servers for one in server.sockets):
                loop.remove_reader(one)
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    async def settle(self) -> None:
        """Whoever has left by now is seen to have left: the end of its connection lies in our socket already."""
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        for _ in range(_MOMENTS):
            if not any(one.busy and one.gone.done() and not one.aborted for one in self._connections()):
                return
            await asyncio.sleep(0.001)  # how it left is being found out

    def _connections(self) -> list[Connection]:
        return [one for one in self._manager.connections if isinstance(one, Connection)]

    async def end_exchanges(self) -> None:
        """The test is over: what is open gets its outcome, and its connection is aborted."""
        await self.settle()
        for exchange in self.exchanges:
            if exchange.open:
                if exchange.refresh is not None:
                    exchange.refresh()
                exchange.end_of_test()
        while connections := self._connections():  # a few turns, in which aiohttp's handlers end
            for connection in connections:  # also those that were accepted meanwhile
                connection.abort()
            await asyncio.sleep(0)

    async def reset(self) -> None:
        """As new, on the same port: no routes, an empty journal, no connections."""
        await self.end_exchanges()
        self.mounted.clear()
        self.exchanges.clear()
        self.broken.clear()
        self.runs.end()

    def begin_runs(self, number: int) -> list[int]:
        """The ids of so many runs of a client, which begin now. From now on, requests of earlier runs are refused."""
        self.late.clear()
        return self.runs.begin(number)

    def journal(self) -> list[Exchange]:
        """A snapshot of every exchange, in the order of their requests.

        The kernel is asked what was read of those that are open.
        """
        for exchange in self.exchanges:
            if exchange.open and exchange.refresh is not None:
                exchange.refresh()
        return [exchange.snapshot() for exchange in self.exchanges]

    # --- a request ------------------------------------------------------------------------------------------------

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """aiohttp's handler: runs the exchange until it is over or the client has left."""
        connection = request.protocol
        assert isinstance(connection, Connection)
        exchange = self._new_exchange(request)

        def refresh() -> None:
            all_read = connection.has_read_all()  # asks; what it learns is what was read so far
            exchange.client_read(connection.read_so_far(), all_read=all_read)

        exchange.refresh, exchange.held_here = refresh, connection.held_here
        try:
            keep_alive = await _while_there(connection, self._answer(connection, exchange, request))
            # A writer that was blocked when the client left has failed by now: it is a leaving all the same.
            left = keep_alive is None or (exchange.outcome is None and await connection.has_been_lost())
            if left:
                await self._left(connection, exchange)
            return Sent(keep_alive=bool(keep_alive) and not left)
        finally:
            connection.answered += 1
            exchange.refresh = exchange.held_here = None
            exchange.over = True

    async def _left(self, connection: Connection, exchange: LiveExchange) -> None:
        if not connection.aborted:
            how = await connection.how_it_left()
            read = connection.read_so_far()
            exchange.client_read(read, all_read=None if read is None else read >= connection.written)
            if exchange.outcome is not Outcome.COMPLETED:  # it had read everything: it leaves a connection, no answer
                exchange.client_left(connection.gone_at, how)
            connection.abort()

    async def _answer(self, connection: Connection, exchange: LiveExchange, request: web.BaseRequest) -> bool:
        try:
            if request.headers.get("Expect", "").lower() == "100-continue":
                await connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            head = exchange.request
            whole = Request(head.method, head.path, head.headers, await request.content.read(), head.query)
            connection.bodies_read += 1
            exchange.request_read(whole)
            if self.runs.is_over(exchange.run):
                self._set_aside(exchange)
                return await self._refuse(connection, exchange, _RUN_IS_OVER, status=410)
            response, gate = self._response(whole, exchange)
            if connection.gone.done():
                return False
            pacing = response.pacing or self.pacing
            # What was chosen is known from here on, whatever the client does next.
            delivery = Delivery(connection, exchange, response, pacing, http_1_0=request.version < (1, 1))
            return await delivery.run(gate, keep_alive=request.keep_alive, body=request.method != "HEAD")
        except ConnectionError:
            return False
        except web.RequestPayloadError as error:
            return await self._refuse(connection, exchange, f"malformed request body: {error}")
        except Exception as error:
            log.exception("while answering %s %s", exchange.request.method, exchange.request.path)
            self.broken.append(error)
            if exchange.head_written:
                connection.abort()
                return False
            return await self._refuse(connection, exchange, f"the scenario failed: {error!r}", status=500)

    async def _refuse(self, connection: Connection, exchange: LiveExchange, reason: str, status: int = 400) -> bool:
        response = error_response(self.gateway, status, reason)
        exchange.begin(response, Pacing.INSTANT, None, reason)
        exchange.unmatched(reason)  # decides the outcome, at which listeners look at the whole exchange
        delivery = Delivery(connection, exchange, response, Pacing.INSTANT, http_1_0=False)
        await delivery.run(_no_gate, keep_alive=False)
        connection.finish()
        return False

    def _response(self, request: Request, exchange: LiveExchange) -> tuple[Response, Gate]:
        routes = [(mounted.route, len(mounted.exchanges)) for mounted in self.mounted]
        chosen, reason = select(routes, request)
        if chosen is not None and _is_malformed_chat(request):
            chosen, reason = None, "a chat completion is asked for with a JSON object"
        if chosen is None:
            return self._built_in(request, exchange, reason or ""), _no_gate
        mounted = self.mounted[chosen]
        reply, difference = mounted.route.reply_to(request, len(mounted.exchanges))
        response = reply.answer(request)
        exchange.begin(response, response.pacing or self.pacing, mounted.route.name, difference)
        mounted.exchanges.append(exchange)
        mounted.on_exchange()
        return response, self._gate(mounted.gates, exchange)

    def _set_aside(self, exchange: LiveExchange) -> None:
        """Take a late request out of the journal: it is neither the current run's, nor a request that no route fits."""
        self.late.append(exchange)
        with suppress(ValueError):  # a reset has emptied the journal
            self.exchanges.remove(exchange)

    def _new_exchange(self, request: web.BaseRequest) -> LiveExchange:
        """The exchange of a request; it is in the journal, unless it only asks for the journal."""
        run, path = self.runs.split(request.path)
        head = replace(_request(request, b""), path=path)
        if head.method == "GET" and path == JOURNAL_PATH:
            return LiveExchange("", head)
        exchange = LiveExchange(f"{next(self._ids):06d}", head, run)
        self._enter(exchange)
        return exchange

    def _enter(self, exchange: LiveExchange) -> None:
        self.exchanges.append(exchange)
        self._notify(exchange)
        exchange.decided.add_done_callback(lambda _: self._notify(exchange))

    def _notify(self, exchange: LiveExchange) -> None:
        for listener in self.listeners:
            listener(exchange)

    def _gate(self, gates: Gates, exchange: LiveExchange) -> Gate:
        async def gate(number: int) -> None:
            if gates.is_open(number):
                return
            exchange.held(True)
            try:
                async with asyncio.timeout(self._hold_limit):
                    with _looking(exchange):
                        await gates.wait(number)
            except TimeoutError:
                raise ScenarioError(
                    f"{exchange.request.method} {exchange.request.path} was held at gate {number + 1} for"
                    f" {self._hold_limit:g} s: reply.release() was never called (hold_limit=)"
                ) from None
            finally:
                exchange.held(False)

        return gate

    def _built_in(self, request: Request, exchange: LiveExchange, reason: str) -> Response:
        """What every origin answers: its journal and the models; all else is an error in the gateway's shape."""
        path = api_path(request.path)
        if request.method == "GET" and request.path == JOURNAL_PATH:
            return self._say(exchange, json_response(journal_document(self.journal())), "journal")
        if request.method == "GET" and path == "/models":
            return self._say(exchange, json_response(chat.models_document(self._models)), "models")
        if request.method == "GET" and path == _GENERATION_PATH:
            return self._say(exchange, self._generation(request), "generation")
        status = self._error_status(request, path)
        text = reason if request.json is not None or status != 400 else f"the body is not JSON\n{reason}"
        response = self._say(exchange, error_response(self.gateway, status, text), None, text)
        exchange.unmatched(text)
        return response

    def _say(
        self, exchange: LiveExchange, response: Response, route: str | None, difference: str | None = None
    ) -> Response:
        instant = Response(response.status, response.headers, response.stream, pacing=Pacing.INSTANT)
        exchange.begin(instant, Pacing.INSTANT, route, difference)
        return instant

    def _generation(self, request: Request) -> Response:
        """What a generation cost, by the id of ``X-Generation-Id``; of one that was sent twice, the last time."""
        identifier = request.parameters.get("id", "")
        for live in reversed(self.exchanges):
            generation = live.generation
            if generation is not None and generation.id == identifier:
                bill = live.snapshot().bill
                assert bill is not None
                return json_response(generation_document(generation, bill, live.started_at))
        return error_response(self.gateway, 404, f"there is no generation {identifier!r}")

    def _error_status(self, request: Request, path: str) -> int:
        built_in = {("/models", "GET"), (_GENERATION_PATH, "GET"), (_CHAT_PATH, "POST"), (JOURNAL_PATH, "GET")}
        methods = {method for at, method in built_in if at == path}
        methods |= {mounted.route.method for mounted in self.mounted if mounted.route.stands_at(request.path)}
        if methods and request.method not in methods:
            return 405
        return 400 if _is_malformed_chat(request) else 404

    def garbage(
        self, request: web.BaseRequest, status: int, error: BaseException | None, message: str | None
    ) -> web.StreamResponse:
        """What was no HTTP request: the gateway's error, an entry in the journal, and the connection closes."""
        reason = "malformed HTTP: " + (message or str(error) or "unknown").strip().split("\n")[0]
        exchange = LiveExchange(f"{next(self._ids):06d}", Request("", ""))
        response = error_response(self.gateway, status, reason)
        exchange.begin(response, Pacing.INSTANT, None, reason)
        self._enter(exchange)
        exchange.unmatched(reason)
        answer = web.Response(status=status, body=response.stream.body, content_type="application/json")
        answer.force_close()
        return answer


def _is_malformed_chat(request: Request) -> bool:
    """Whether no gateway would take it, whatever the scenario says."""
    is_chat = request.method == "POST" and api_path(request.path) == _CHAT_PATH
    return is_chat and not isinstance(request.json, dict)


async def _while_there(connection: Connection, answering: Awaitable[bool]) -> bool | None:
    """Awaits the answer in this task, and ends it as soon as the client has left: then ``None``."""
    task = asyncio.current_task()
    assert task is not None
    waiting = True
    cancelled = False

    def leave(gone: asyncio.Future[None]) -> None:
        nonlocal cancelled
        if waiting:  # it is called a turn later than the client left
            cancelled = True
            task.cancel()

    connection.gone.add_done_callback(leave)
    try:
        return await answering
    except ConnectionError:
        return False
    except asyncio.CancelledError:
        if not cancelled or task.uncancel():
            raise  # the server ends
        return None
    finally:
        waiting = False
        connection.gone.remove_done_callback(leave)


@contextmanager
def _looking(exchange: LiveExchange) -> Iterator[None]:
    """While the stream is held, look a few times at what was read: a client that leaves by RST does not say it."""

    def look() -> None:
        if exchange.refresh is not None and exchange.open:
            exchange.refresh()

    loop = asyncio.get_running_loop()
    looks = [loop.call_later(seconds, look) for seconds in _LOOKS]
    try:
        yield
    finally:
        for one in looks:
            one.cancel()


async def _no_gate(number: int) -> None:
    """For a response without a test that could release it."""


def _request(request: web.BaseRequest, body: bytes) -> Request:
    headers = tuple((name.decode("latin-1"), value.decode("utf-8", "replace")) for name, value in request.raw_headers)
    return Request(request.method, request.path, headers, body, request.query_string)
