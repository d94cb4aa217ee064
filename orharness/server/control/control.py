"""Read a control request from the wire, dispatch it, and write its response. No journal records control requests."""

from __future__ import annotations

import json
import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from orharness.errors import OrharnessError
from orharness.lazy import Deferred
from orharness.server.control.documents import dumped, origin_of
from orharness.server.control.options import ROOT, ControlOptions
from orharness.server.control.problems import CONTENT_TYPE, Problem, of_error
from orharness.server.control.verbs import Streamed, Verb, VerbAnswer, VerbCall
from orharness.server.head import CONTINUE, head
from orharness.server.sessions import ENDED, Session, SessionOptions, Sessions
from orharness.server.wire import BadBody, Incoming, TooLarge, Wire, while_there
from orharness.stream import Framing

if TYPE_CHECKING:
    import orharness.report.page as page
    import orharness.server.control.table as table
    from orharness.server.control.gate import ControlGate
    from orharness.server.siblings import Siblings
else:
    page = Deferred("orharness.report.page")
    table = Deferred("orharness.server.control.table")  # with documents and checks: for the first call of a verb

log = logging.getLogger("orharness.server")
BODY_LIMIT = 4 * 2**20  # bytes
_JSON = "application/json"
_JOURNAL = "journal"
_OF_ALL_WORKERS = ("about", "openapi", _JOURNAL)
_HEADERS = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))


class Control:
    """The control API of one server.

    ``options``: the defaults of a new session. ``port``: that the server listens on. ``siblings``: the other processes
    of the same server.
    """

    def __init__(
        self,
        sessions: Sessions,
        options: SessionOptions,
        given: ControlOptions,
        gate: ControlGate,
        port: int,
        siblings: Siblings | None,
    ) -> None:
        self.gate = gate
        self._port = port
        self._sessions = sessions
        self._options = options
        self._scenarios = given.scenarios
        self._siblings = siblings

    async def answer(self, incoming: Incoming, wire: Wire, found: Session | None) -> bool:
        """Answer a control request; return whether the connection stays open.

        ``found``: the session that the request names.
        """
        going_on = await while_there(wire, self._answer(incoming, wire, found))
        if going_on is None:
            wire.abort()
        return bool(going_on)

    async def show_page(self, incoming: Incoming, wire: Wire) -> bool:
        """Answer with the live page. It holds no data: what it shows, it asks the verbs for."""
        text, headers = page.live_page()
        body = text.encode()
        wire.write(head(200, headers, Framing.LENGTH, len(body), close=True))
        if incoming.head.method != "HEAD":
            wire.write(body)
        await wire.drain()
        wire.finish()
        return False

    async def _answer(self, incoming: Incoming, wire: Wire, found: Session | None) -> bool:
        try:
            answer = await self._run(incoming, wire, found)
        except Problem as problem:
            return await self._refuse(incoming, wire, problem)
        except OrharnessError as error:
            return await self._refuse(incoming, wire, of_error(error))
        except ConnectionError:
            return False
        except Exception as error:
            log.exception("while answering %s %s", incoming.head.method, incoming.head.path)
            return await self._refuse(incoming, wire, Problem(500, f"orharness failed: {error!r}"))
        if isinstance(answer, Streamed):
            return await _stream(incoming, wire, answer)
        return await _send(incoming, wire, answer.status, answer.document, _JSON)

    async def _run(self, incoming: Incoming, wire: Wire, found: Session | None) -> VerbAnswer | Streamed:
        request = incoming.head
        self.gate.check(request, local=incoming.local)
        verb, names = _verb_of(request.method, request.path)
        if found is None:
            raise Problem(404, ENDED)
        if self._siblings is not None:
            _check_workers(verb, self._siblings)
        values = verb.values(request.parameters)
        origin = origin_of(request.header("Host"), self._port)
        asked = VerbCall(self._sessions, self._options, self._scenarios, request, origin, found, values, names)
        asked.document = await _document(incoming, wire, verb)
        if verb.name == _JOURNAL and self._siblings is not None:
            return VerbAnswer(await self._siblings.journal())
        return await verb.run(asked)

    async def _refuse(self, incoming: Incoming, wire: Wire, problem: Problem) -> bool:
        return await _send(incoming, wire, problem.status, problem.to_json(), CONTENT_TYPE, problem.headers)


def _check_workers(verb: Verb, siblings: Siblings) -> None:
    """Raise ``Problem`` for a verb that would reach one of several processes only."""
    if verb.name not in _OF_ALL_WORKERS:
        has = f"{siblings.place.of} processes share this port (serve --workers), and a verb would reach one of them"
        raise Problem(501, f"{has}: start serve without --workers for {verb.method} {verb.path}")


def _verb_of(method: str, path: str) -> tuple[Verb, dict[str, str]]:
    """Return the verb of a request and its path parameters. Raises ``Problem`` if there is no such verb."""
    there = [(verb, names) for verb in table.VERBS if (names := verb.match(path)) is not None]
    if not there:
        raise Problem(404, f"there is no control verb at {path[:200]}; GET {ROOT}/openapi.json lists them")
    for verb, names in there:
        if verb.method == method:
            return verb, names
    allowed = ", ".join(sorted({verb.method for verb, _ in there}))
    raise Problem(405, f"{path[:200]} takes {allowed}, not {method[:20]}", headers=(("Allow", allowed),))


async def _document(incoming: Incoming, wire: Wire, verb: Verb) -> Any:
    """Return the JSON body, ``None`` if it is empty. Raises ``Problem`` for a body that the verb does not take."""
    request = incoming.head
    if incoming.expects_continue:
        wire.write(CONTINUE)
        await wire.drain()
    try:
        body = await incoming.body(BODY_LIMIT)
    except TooLarge as error:
        raise Problem(413, f"{error}: a document has {BODY_LIMIT:,} bytes at most") from error
    except BadBody as error:
        raise Problem(400, f"malformed request body: {error}") from error
    if not body:
        if verb.body_required:
            raise Problem(400, f"{verb.method} {request.path} needs a JSON document as its body")
        return None
    kind = (request.header("Content-Type") or "").partition(";")[0].strip().lower()
    if kind != _JSON:
        raise Problem(415, f"a body is sent as Content-Type: {_JSON}, not {kind or 'without a type'}")
    if verb.body is None:
        raise Problem(400, f"{verb.method} {request.path} takes no body: its options are in the query")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Problem(400, f"the body is not JSON: {error}") from error


async def _send(
    incoming: Incoming,
    wire: Wire,
    status: int,
    document: Any,
    content_type: str,
    headers: tuple[tuple[str, str], ...] = (),
) -> bool:
    body = document if isinstance(document, bytes) else dumped(document)
    keep_alive = incoming.keep_alive and status != 413  # else the rest of its body would be taken for a request
    whole = (("Content-Type", content_type), *_HEADERS, *headers)
    wire.write(head(status, whole, Framing.LENGTH, len(body), close=not keep_alive) + body)
    await wire.drain()
    if not keep_alive:
        wire.finish()
    return keep_alive


async def _stream(incoming: Incoming, wire: Wire, streamed: Streamed) -> bool:
    chunked = not incoming.http_1_0
    whole = (("Content-Type", "text/event-stream"), *_HEADERS)
    wire.write(head(200, whole, Framing.CHUNKED if chunked else Framing.CLOSE, 0, close=True))
    async with aclosing(streamed.pieces) as pieces:  # type: ignore[type-var]
        async for piece in pieces:
            wire.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            await wire.drain()
    if chunked:
        wire.write(b"0\r\n\r\n")
    wire.finish()
    return False
