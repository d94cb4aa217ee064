"""The handler of each control verb, except the long poll (``waits``) and the event stream (``watching``)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from orharness.about import version
from orharness.errors import ClientFailure
from orharness.gateways import lookup as gateway_named
from orharness.journal import Pacing
from orharness.scenario.route import Route
from orharness.server import verifying
from orharness.server.control.documents import route_document, session_document
from orharness.server.control.journal import journal_bytes
from orharness.server.control.posted import routes_in
from orharness.server.control.problems import Problem, of_failure
from orharness.server.control.verbs import API, Streamed, VerbAnswer, VerbCall, routes_of
from orharness.server.control.waits import call_document
from orharness.server.control.watching import watch
from orharness.server.exchange import LiveExchange
from orharness.server.mounts import Mounted, exchanges_of
from orharness.server.sessions import DEFAULT, Session

_OPENAPI = Path(__file__).with_name("openapi.json")  # which `openapi` generates


async def about(asked: VerbCall) -> VerbAnswer:
    """Name the program and its versions, for the handshake of a client."""
    return VerbAnswer({"program": "orharness", "version": version(), "api": API})


async def openapi(asked: VerbCall) -> VerbAnswer:
    """Return the OpenAPI document, as it is shipped."""
    return VerbAnswer(_OPENAPI.read_bytes())


# --- sessions -----------------------------------------------------------------------------------------------------


async def open_session(asked: VerbCall) -> VerbAnswer:
    """Open a session with the routes of the body."""
    values = asked.values
    routes = [] if asked.document is None else await _read(asked)
    if asked.sessions.is_full:
        raise Problem(
            429, f"{asked.sessions.limits.sessions} sessions are open, the most at once: end those that are done"
        )
    options = replace(asked.options, pacing=Pacing(values["pacing"]), strict=values["strict"], ttl=values["ttl"])
    if values["gateway"] is not None:
        options = replace(options, gateway=gateway_named(values["gateway"]))
    session = asked.sessions.open(options)
    _mount(session, routes, strict=True)
    return VerbAnswer(session_document(asked.sessions, session, asked.origin), 201)


async def list_sessions(asked: VerbCall) -> VerbAnswer:
    """Every session."""
    found = [session_document(asked.sessions, one, asked.origin) for one in asked.sessions.all()]
    return VerbAnswer({"sessions": found})


async def show_session(asked: VerbCall) -> VerbAnswer:
    """One session."""
    return VerbAnswer(session_document(asked.sessions, asked.session, asked.origin))


async def end_session(asked: VerbCall) -> VerbAnswer:
    """End a session and verify it, as pytest does at the end of a test."""
    session = asked.session
    if session.id == DEFAULT:
        raise Problem(400, "the default session ends with its server: POST …/verify judges it, POST …/reset empties it")
    await asked.sessions.settle()
    left_open = verifying.left_open_in(session.answering)
    asked.sessions.end(session)
    return _verdict(session, left_open)


async def verify(asked: VerbCall) -> VerbAnswer:
    """Verify a session without ending it."""
    await asked.sessions.settle()
    session = asked.session
    return _verdict(session, verifying.left_open_in(session.answering))


def _verdict(session: Session, left_open: Sequence[str]) -> VerbAnswer:
    seen = {"session": session.id, "left_open": list(left_open), "account": verifying.account(session.answering)}
    try:
        verifying.verify(session.answering, strict=session.strict)
    except ClientFailure as failure:
        raise of_failure(failure, **seen) from failure
    return VerbAnswer({"passed": True, **seen})


async def account(asked: VerbCall) -> VerbAnswer:
    """Describe what was seen so far."""
    answering = asked.session.answering
    answering.look_at_open()
    return VerbAnswer({"account": verifying.account(answering)})


async def reset_session(asked: VerbCall) -> VerbAnswer:
    """Reset a session: remove its routes, empty its journal, end its open exchanges."""
    asked.session.reset()
    return VerbAnswer(session_document(asked.sessions, asked.session, asked.origin))


async def journal(asked: VerbCall) -> VerbAnswer:
    """Return the exchanges of the session in the path, or of the one that the request belongs to."""
    session = asked.session if "session" in asked.names else asked.found
    return VerbAnswer(await journal_bytes(session.answering))


async def events(asked: VerbCall) -> Streamed:
    """Stream the exchange events of the session in the path, of the one the request belongs to, or of all sessions."""
    given = asked.request.header("Last-Event-ID")
    last = asked.values["since"] if asked.values["since"] is not None else 0
    if given is not None:
        if not given.strip().isdecimal():
            raise Problem(400, f"Last-Event-ID is the id of an event, a whole number, not {given[:100]!r}")
        last = int(given)
    session: Session | None = asked.session if "session" in asked.names else asked.found
    if "session" not in asked.names and asked.found.id == DEFAULT:
        session = None
    for one in asked.sessions.all() if session is None else [session]:
        _ = one.log  # from now on, whether or not the client has read anything yet
    return Streamed(watch(asked.sessions, session, last))


# --- routes and calls ---------------------------------------------------------------------------------------------


async def add_routes(asked: VerbCall) -> VerbAnswer:
    """Append the routes of the body."""
    mounted = _mount(asked.session, await _read(asked), strict=asked.values["strict"])
    return VerbAnswer({"routes": [route_document(one) for one in mounted]}, 201)


async def _read(asked: VerbCall) -> list[Route]:
    """Return the routes of the body. A long document is read in a thread, so that streams are not delayed."""
    return await asyncio.to_thread(routes_in, asked.document, asked.scenarios)


def _mount(session: Session, routes: Sequence[Route], *, strict: bool) -> list[Mounted]:
    mounted = [Mounted(route, strict) for route in routes]
    for one in mounted:
        session.answering.mounted.append(one)
    return mounted


async def list_routes(asked: VerbCall) -> VerbAnswer:
    """List the routes of a session."""
    return VerbAnswer({"routes": [route_document(one) for one in asked.session.answering.mounted]})


async def show_route(asked: VerbCall) -> VerbAnswer:
    """One route."""
    return VerbAnswer(route_document(asked.route))


async def remove_route(asked: VerbCall) -> VerbAnswer:
    """Remove a route; its calls stay in the journal."""
    route = asked.route
    asked.session.answering.mounted.remove(route)
    return VerbAnswer(route_document(route))


async def release(asked: VerbCall) -> VerbAnswer:
    """Open the next gates of a route."""
    route = asked.route
    route.gates.release(asked.values["gates"])
    return VerbAnswer(route_document(route))


async def list_calls(asked: VerbCall) -> VerbAnswer:
    """List the calls of a session or of one of its routes."""
    session, values = asked.session, asked.values
    answering = session.answering
    routes = routes_of(session, values["route"])
    found = answering.exchanges if routes is None else exchanges_of(routes)
    log, since = session.log, values["since"]
    chosen = [live for live in found if since is None or log.begun(live) > since]
    return VerbAnswer({"calls": [_call(session, live) for live in chosen]})


async def show_call(asked: VerbCall) -> VerbAnswer:
    """One call."""
    return VerbAnswer(_call(asked.session, asked.call))


def _call(session: Session, live: LiveExchange) -> dict[str, Any]:
    if live.open:
        live.look()
    return call_document(session, live)
