"""The recording proxy itself: one server, one client, and a store for what passes between them."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from orharness.cassette.interaction import CLIENT_DISCONNECTED, Interaction, RecordedRequest
from orharness.cassette.secrets import scrub_uri
from orharness.errors import ScenarioError, UpstreamError
from orharness.origins import OriginGate, is_everywhere, shown_host
from orharness.recording.apart import ApartProcess
from orharness.recording.downstream import (
    chunk_writer,
    complaint,
    cut_off,
    listening,
    nowhere,
    open_response,
    read_body,
    refused,
    writer,
)
from orharness.recording.exchange import USUAL, MemoryLimits, RecordedExchange, SavedExchange
from orharness.recording.keeper import Keeper, KeeperProcess
from orharness.recording.passage import Passage
from orharness.recording.reach import Reach, why_unanswered
from orharness.recording.secrets import Redaction, address_secrets
from orharness.recording.store import Store
from orharness.recording.upstream import Asker, ending_of
from orharness.recording.upstreams import Upstreams, UpstreamServer
from orharness.redaction.credentials import secrets_of
from orharness.server.forwarding import drop, http_chunks
from orharness.server.headers import OF_THE_CONNECTION, text
from orharness.server.passing import CutShort
from orharness.server.targets import of_target, with_host
from orharness.stream import Ending

if TYPE_CHECKING:
    from orharness.cassette.filters import Filters

T = TypeVar("T", bound=str | None)
_TAIL_TIMEOUT = 1.0  # seconds for which a stream is followed whose client left after the end marker
_TURN = 0.001  # seconds, at most, of passing on one stream while others wait
_STOPPED = "the recorder was stopped in the middle of it"


class Recorder:
    """A reverse proxy on ``host`` and ``port`` (0: any free one) that records all that passes into the cassette ``to``.

    ``upstream``: the base URL of the server, or a mapping of an API's name to its base URL for several servers, see
    ``Upstreams``; ``key_env`` may be such a mapping too.
    ``async with`` starts and stops it. What is going on when it stops is kept, with the ending ``abort`` and a note.
    The client's key passes through to the upstream; ``key_env`` names an environment variable that holds one to use
    instead. Neither is ever written, nor are cookies, nor what looks like a key in any text (``orharness.redaction``).
    Header values are kept by an allow-list; ``keep_headers`` adds names to it. ``redact_personal``: e-mail addresses,
    IP addresses and telephone numbers are left out too. ``filters`` are vcrpy's, as in a ``vcr_config``: they come
    before all that. With a ``before_record_response`` the body of a response is not in the spool: a kill loses it.

    With ``key_env``, a request that a web page may have made (a foreign ``Host`` or ``Origin``, ``Sec-Fetch-Site``) is
    refused with 403, or any page could spend the key; ``allow_origins`` names pages that may, by origins such as
    ``http://localhost:3000``.

    ``reach`` says which certificates are trusted, and which address a host has. ``doors``: servers are named by
    ``door``, too, so there may be no upstream. ``apart``: the process that searches for secrets and writes, so that no
    stream waits for that; ``filters`` are then a text as ``--filters`` takes it. ``memory``: what is held in memory.

    Raises ``CassetteError`` where the cassette exists (unless ``overwrite``), where another recorder writes to it, and
    at the end where something could not be saved; ``ScenarioError`` for an impossible upstream or origin, or an unset
    variable.
    """

    def __init__(
        self,
        upstream: str | Mapping[str, str],
        to: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        key_env: str | Mapping[str, str] | None = None,
        allow_origins: Iterable[str] = (),
        keep_headers: Iterable[str] = (),
        redact_personal: bool = False,
        filters: Mapping[str, Any] | str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        reach: Reach | None = None,
        doors: bool = False,
        apart: ApartProcess | None = None,
        memory: MemoryLimits = USUAL,
    ) -> None:
        self.upstreams = Upstreams(upstream, key_env, others=doors)
        self._reach = reach or Reach()
        self._doors: dict[int, UpstreamServer] = {}  # by the port on which we answer for a server
        self.path = Path(to)
        self._overwrite = overwrite
        self._address = host, port
        self.listens_everywhere = is_everywhere(host)  # on every address of this machine
        self._gate = OriginGate(allow_origins, host)
        self._redaction = Redaction(
            personal=redact_personal,
            keep_headers=frozenset(map(str.lower, keep_headers)),
            filters=_loaded(filters) if filters and not isinstance(filters, str) else None,
        )
        self._apart = apart
        self._memory = memory
        self._filters = filters
        self._orders = count()
        self._handlers: set[asyncio.Task[Any]] = set()
        self._following: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def __aenter__(self) -> Recorder:
        self._clock = monotonic  # the loop's
        self._asker = Asker(self._clock, self._reach, direct=self._apart is not None)  # before there is a file
        async with AsyncExitStack() as opened:
            opened.push_async_callback(self._asker.close)
            self._keeper = await self._opened_keeper()
            opened.push_async_callback(self._keeper.close)
            self._runner = await listening(self._handle, *self._address)
            opened.pop_all()
        return self

    async def _opened_keeper(self) -> Keeper:
        if self._apart is None:
            return Store(self.path, overwrite=self._overwrite)
        redaction = {"personal": self._redaction.personal, "keep_headers": self._redaction.keep_headers}
        keeper = KeeperProcess(
            self._apart, self.path, self._memory, overwrite=self._overwrite, filters=self._filters, **redaction
        )
        await keeper.start()
        return keeper

    async def __aexit__(self, *_: object) -> None:
        """Keep what is going on, and release everything."""
        self._stopping = True
        for task in self._handlers:
            task.cancel()
        await self._runner.cleanup()
        while self._following:
            await asyncio.gather(*self._following)
        await self._asker.close()
        await self._keeper.close()

    async def door(self, base_url: str) -> int:
        """Listen on one more port of loopback, for requests that mean the server at ``base_url``; return the port."""
        for port, known in self._doors.items():
            if known.base_url == base_url:
                return port
        site = web.SockSite(self._runner, bound := socket.create_server(("127.0.0.1", 0)))
        await site.start()
        port = int(bound.getsockname()[1])
        self._doors[port] = UpstreamServer(base_url, literal=True)
        return port

    @property
    def base_url(self) -> str:
        """What a client takes as its base URL."""
        host, port = self._runner.addresses[0][:2]
        return f"http://{shown_host(host)}:{port}/v1"

    @property
    def recorded(self) -> int:
        """How many interactions were added to the cassette."""
        return len(self._keeper.saved)

    @property
    def saved(self) -> list[SavedExchange]:
        """What is said of each interaction that was added, in the order in which they were."""
        return [*self._keeper.saved]

    @property
    def interactions(self) -> list[Interaction]:
        """What is in the cassette by now, in the order of the requests."""
        return self._keeper.interactions

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        try:
            if (door := self._doors.get(_port_of(request))) is not None:
                return await self._answer(request, door)
            port: int = self._runner.addresses[0][1]
            host, path = of_target(request.raw_path)
            headers = CIMultiDict(with_host(request.headers.items(), host))
            if self.upstreams.keys and (why := self._gate.refusal(headers, port)):
                return await refused(request, why)
            if self._gate.is_preflight(request.method, request.headers):
                return web.Response(status=204, headers=self._gate.preflight_headers(request.headers))
            return await self._answer(request, self.upstreams.of(path))
        finally:
            self._handlers.discard(task)

    async def _answer(self, request: web.BaseRequest, upstream: UpstreamServer | None) -> web.StreamResponse:
        body = await read_body(request)
        if upstream is None:
            asked = f"{request.method} {scrub_uri(of_target(request.raw_path)[1])}"
            sentence = f"no upstream is named for {asked}: it is of none of the APIs of {self.upstreams}"
            return complaint(502, sentence, self._gate.response_headers(request.headers))
        exchange = self._begin(request, body, upstream)
        # The search for secrets in a long prompt takes time, which the request does not wait for.
        prepared = _prepared(exchange) if self._keeper.searches_here else None
        try:
            announces_body = "Content-Length" in request.headers
            answer = await self._asker.ask(exchange, key=upstream.key, announces_body=announces_body)
        except (aiohttp.ClientError, OSError, ScenarioError, ValueError) as error:
            said = partial(_why, exchange, upstream, error, self._reach)
            why = await self._keep_failure(exchange, prepared, ending_of(error), said)
            return complaint(502, why, self._gate.response_headers(request.headers))
        except asyncio.CancelledError:
            ending, note = self._left()
            await self._keep_failure(exchange, prepared, ending, lambda: note)
            raise
        followed = False
        try:
            await self._keep(exchange, prepared)
            return await self._relay(request, exchange, answer)
        except (asyncio.CancelledError, ConnectionError):  # the client left, or we are to stop
            ending, note = self._left()
            if exchange.end_seen:
                followed = True
                self._spawn(self._follow(exchange, answer, ending, note))
            else:
                self._keeper.end(exchange, ending, note)
            raise
        finally:
            if not followed:
                drop(answer)

    def _left(self) -> tuple[str, str | None]:
        """The ending, and a note on it, where we are cancelled: the client left, or we are to stop."""
        return (Ending.ABORT, _STOPPED) if self._stopping else (CLIENT_DISCONNECTED, None)

    async def _keep_failure(
        self, exchange: RecordedExchange, prepared: asyncio.Task[None] | None, ending: str, note: Callable[[], T]
    ) -> T:
        """Keep a request to which no response head came, even if the client leaves meanwhile.

        Returns the note, which is made when all secrets of the request are known.
        """
        exchange.failed(self._clock())
        try:
            await self._keep(exchange, prepared or _prepared(exchange))
        finally:
            said = note()
            self._keeper.end(exchange, ending, said)
        return said

    async def _keep(self, exchange: RecordedExchange, prepared: asyncio.Task[None] | None) -> None:
        """Begin to keep the exchange as soon as it is prepared, even if the client leaves meanwhile, or we stop."""
        left: asyncio.CancelledError | None = None
        while prepared is not None and not prepared.done():
            try:
                await asyncio.shield(prepared)
            except asyncio.CancelledError as error:
                left = error
        if prepared is not None:
            prepared.result()
        self._keeper.begin(exchange)
        if left is not None:
            raise left

    def _begin(self, request: web.BaseRequest, body: bytes, upstream: UpstreamServer) -> RecordedExchange:
        headers = tuple((text(name), text(value)) for name, value in request.raw_headers)
        sent = tuple(pair for pair in headers if pair[0].lower() not in OF_THE_CONNECTION)
        asked = RecordedRequest(request.method, upstream.uri(of_target(request.raw_path)[1]), sent, body)
        addresses = (*address_secrets(upstream.base_url), *address_secrets(request.raw_path))
        others = (*addresses, *self._redaction.unkept(asked.headers))
        return RecordedExchange(
            next(self._orders),
            asked,
            datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            replace(self._redaction, secrets=secrets_of(headers, (*self.upstreams.keys, *others))),
            sent_headers=sent,
            sent_at=self._clock(),
            large=self._memory.large,
        )

    async def _relay(
        self, request: web.BaseRequest, exchange: RecordedExchange, upstream: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        """Pass the response on, as it comes, and keep it."""
        downstream = await open_response(request, exchange, self._gate.response_headers(request.headers))
        try:
            if exchange.body is not None and exchange.body.begun:
                await exchange.body.taken_by(Passage(self._keeper, exchange, chunk_writer(request, downstream)))
            await self._pass_on(exchange, upstream, writer(request, downstream))
        except CutShort as cut:
            self._keeper.end(exchange, cut.ending)
            cut_off(request, cut.ending)
        else:
            self._keeper.end(exchange, Ending.EOF)
            await downstream.write_eof()
        return downstream

    async def _pass_on(
        self, exchange: RecordedExchange, upstream: aiohttp.ClientResponse, write: Callable[[bytes], object]
    ) -> None:
        """Pass on what aiohttp parses, chunk by chunk. Raises ``CutShort``."""
        turn = self._clock()
        async for data in http_chunks(upstream):
            await self._keeper.before_passing(exchange, data, now := self._clock())
            write(data)
            exchange.end.add(data)
            self._keeper.after_passing(exchange, data, now)
            if now - turn > _TURN:  # what is there already would come without a turn for the others
                await asyncio.sleep(0)
                turn = self._clock()

    async def _follow(
        self, exchange: RecordedExchange, upstream: aiohttp.ClientResponse, ending: str, note: str | None
    ) -> None:
        """Keep the rest of a response whose client left after its end marker: that is not a cancel."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_TAIL_TIMEOUT):
                try:
                    if exchange.body is not None and exchange.body.begun:
                        await exchange.body.taken_by(Passage(self._keeper, exchange, nowhere))
                    await self._pass_on(exchange, upstream, nowhere)
                    ending, note = Ending.EOF, None
                except CutShort as cut:
                    ending, note = cut.ending, None
        self._keeper.end(exchange, ending, note)
        drop(upstream)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._following.add(task)
        task.add_done_callback(self._following.discard)


def _loaded(filters: Mapping[str, Any]) -> Filters:
    from orharness.cassette.filters import Filters  # which loads vcrpy

    return Filters(filters)


def _prepared(exchange: RecordedExchange) -> asyncio.Task[None]:
    return asyncio.create_task(asyncio.to_thread(exchange.prepare))


def _port_of(request: web.BaseRequest) -> int:
    """The port at which a request has arrived."""
    found = request.get_extra_info("sockname")
    return int(found[1]) if found else 0


def _why(exchange: RecordedExchange, upstream: UpstreamServer, error: Exception, reach: Reach) -> str:
    """A sentence about why no response head came."""
    why = exchange.redaction.text(why_unanswered(error, upstream.base_url, reach.addresses))
    return str(UpstreamError(f"{scrub_uri(upstream.base_url)} did not answer: {why}"))
