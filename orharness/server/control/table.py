"""The table of control verbs. The server dispatches by it, and the OpenAPI document is generated from it."""

from __future__ import annotations

from orharness.gateways import GATEWAYS
from orharness.journal import Pacing
from orharness.server.control import files, handlers, lanes, saving, steering
from orharness.server.control.options import LONGEST_POLL
from orharness.server.control.schemas import ROUTE, SCENARIO, ref
from orharness.server.control.verbs import ROOT, Param, Verb
from orharness.server.control.waits import FOR, wait
from orharness.server.sessions import TTL

_ALL = f"{ROOT}/sessions"
_ONE = f"{_ALL}/{{session}}"
_ROUTES = f"{_ONE}/routes"
_ROUTE = f"{_ROUTES}/{{route}}"
_CALL = f"{_ONE}/calls/{{call}}"

_STRICT = Param("strict", "boolean", "Whether the verify complains of unmatched requests and routes never asked.", True)
_STRICT_ROUTES = Param("strict", "boolean", "Whether the verify complains if they are never asked.", True)
_SINCE = Param("since", "integer", "Only what happened after the event of that number.", None, least=0)
_OF_ROUTE = Param("route", "string", "Only the calls of the route with that id, or of several: `r1,r2`.")
_GATES = Param("gates", "integer", "How many gates are opened.", 1, least=1)
_OPENED = (
    Param("pacing", "string", "When a chunk is written.", str(Pacing.LOCKSTEP), choices=tuple(map(str, Pacing))),
    Param("gateway", "string", "Whose form answers and errors have; by default the server's.", choices=tuple(GATEWAYS)),
    _STRICT,
    Param("ttl", "number", "Seconds without a request or a verb after which it ends.", TTL, least=1, most=86400),
)
_WAIT = (
    Param(
        "for",
        "string",
        "`call`: a request has come. `held`: a stream is held at a gate. `outcome`: the outcome is decided. `finished`:"
        " the whole answer was taken. `left`: all calls that were open are left within the time, as expect_disconnect"
        " says. `upstream`: the client left before the end and the model stopped, as assert_upstream_stopped says.",
        choices=FOR,
        required=True,
    ),
    _OF_ROUTE,
    Param("call", "string", "Only the call with that id."),
    _SINCE,
    Param("number", "integer", "Which of the calls, from 1.", 1, least=1),
    Param("timeout", "number", "Seconds of this poll.", 5.0, least=0, most=LONGEST_POLL),
    Param("within", "number", "For `left`: seconds that the client has, from the moment of this call.", 0.25, least=0),
    Param("act", "number", "For `left`: what an answer that was not final said; the time counts from there.", least=0),
    Param("leaked_tokens", "integer", "For `upstream`: how many a model that goes on may bill.", 1, least=0),
)

VERBS: tuple[Verb, ...] = (
    Verb("about", "GET", ROOT, "Which program answers, and the number of this API.", handlers.about, "About"),
    Verb("openapi", "GET", f"{ROOT}/openapi.json", "This document.", handlers.openapi, "OpenApi"),
    Verb(
        "journal",
        "GET",
        f"{ROOT}/journal",
        "Every exchange of the session that the request belongs to.",
        handlers.journal,
        "Journal",
    ),
    Verb(
        "events",
        "GET",
        f"{ROOT}/events",
        "The exchange events of the session that the request belongs to, of all for the default one, as an event"
        " stream; `Last-Event-ID` or `since` says where it goes on.",
        handlers.events,
        None,
        params=(_SINCE,),
    ),
    Verb(
        "listLanes",
        "GET",
        f"{ROOT}/lanes",
        "What a live page shows: the latest calls of all sessions, each with the plan of its stream.",
        lanes.lanes,
        "Lanes",
        params=(
            _SINCE,
            Param("session", "string", "Only the calls of that session."),
            Param("call", "string", "Only the call with that id."),
            Param("last", "integer", "How many, at most.", 200, least=1, most=lanes.KEPT),
        ),
    ),
    Verb(
        "listBills",
        "GET",
        f"{ROOT}/bills",
        "The bills of the latest calls whose answer or whose model is under way, of all sessions.",
        lanes.bills,
        "Bills",
    ),
    Verb(
        "openSession",
        "POST",
        _ALL,
        "Open a session with the routes of a scenario document.",
        handlers.open_session,
        "Session",
        params=_OPENED,
        body=ref(SCENARIO),
        status=201,
        problems=(422, 429),
    ),
    Verb("listSessions", "GET", _ALL, "Every session.", handlers.list_sessions, "Sessions"),
    Verb("showSession", "GET", _ONE, "One session.", handlers.show_session, "Session"),
    Verb(
        "endSession",
        "DELETE",
        _ONE,
        "End a session and judge it: a problem of status 409 has the failure in pytest's words.",
        handlers.end_session,
        "Verdict",
        problems=(409, 422),
    ),
    Verb(
        "verifySession",
        "POST",
        f"{_ONE}/verify",
        "Judge a session as it is now, without ending it.",
        handlers.verify,
        "Verdict",
        problems=(409, 422),
    ),
    Verb(
        "resetSession",
        "POST",
        f"{_ONE}/reset",
        "Empty a session: no routes, an empty journal, nothing open.",
        handlers.reset_session,
        "Session",
    ),
    Verb(
        "showAccount",
        "GET",
        f"{_ONE}/account",
        "What was seen so far, in words: what pytest shows of a test that failed.",
        handlers.account,
        "Account",
    ),
    Verb(
        "savePage",
        "GET",
        f"{_ONE}/page",
        "What the live page shows of a session, as one HTML file that needs no server.",
        saving.save_page,
        "Page",
    ),
    Verb(
        "playFile",
        "POST",
        f"{_ONE}/files",
        "Play a scenario, a cassette, or a recording of another tool such as a HAR: its routes come before all others.",
        files.play_file,
        "Played",
        body=files.FILE,
        body_required=True,
        status=201,
        problems=(422,),
    ),
    Verb("sessionJournal", "GET", f"{_ONE}/journal", "Every exchange of a session.", handlers.journal, "Journal"),
    Verb(
        "sessionEvents",
        "GET",
        f"{_ONE}/events",
        "The exchange events of a session as an event stream.",
        handlers.events,
        None,
        params=(_SINCE,),
    ),
    Verb(
        "addRoutes",
        "POST",
        _ROUTES,
        "Add a route, or all routes of a scenario document.",
        handlers.add_routes,
        "Routes",
        params=(_STRICT_ROUTES,),
        body={"anyOf": [ref(ROUTE), ref(SCENARIO)]},
        body_required=True,
        status=201,
        problems=(422,),
    ),
    Verb("listRoutes", "GET", _ROUTES, "The routes of a session.", handlers.list_routes, "Routes"),
    Verb("showRoute", "GET", _ROUTE, "One route.", handlers.show_route, "Route"),
    Verb("removeRoute", "DELETE", _ROUTE, "Take a route away.", handlers.remove_route, "Route"),
    Verb(
        "releaseRoute",
        "POST",
        f"{_ROUTE}/release",
        "Open the next gate (`hold`) of a route, for every request that it answers now or later.",
        handlers.release,
        "Route",
        params=(_GATES,),
    ),
    Verb(
        "listCalls",
        "GET",
        f"{_ONE}/calls",
        "The calls of a session, or of one of its routes.",
        handlers.list_calls,
        "Calls",
        params=(_OF_ROUTE, _SINCE),
    ),
    Verb("showCall", "GET", _CALL, "One call.", handlers.show_call, "Call"),
    Verb(
        "showStream",
        "GET",
        f"{_CALL}/stream",
        "The chunks of a call's answer: their bytes, and what each says.",
        lanes.show_stream,
        "Stream",
        params=(Param("chunks", "integer", "How many of its chunks, from the first.", 500, least=1, most=5000),),
    ),
    Verb(
        "holdCall",
        "POST",
        f"{_CALL}/hold",
        "Hold a stream before its next chunk. An answer that is played `instant` is written at once, and not held.",
        steering.hold,
        "Call",
        problems=(429,),
    ),
    Verb(
        "releaseCall",
        "POST",
        f"{_CALL}/release",
        "Let a stream go on: one that was held by `hold`, else one at a gate of its route, which opens.",
        steering.release,
        "Call",
    ),
    Verb(
        "cutCall",
        "POST",
        f"{_CALL}/cut",
        "End a response now; its outcome is `faulted`.",
        steering.cut,
        "Call",
        params=(Param("by", "string", "How the connection ends.", "fin", choices=tuple(steering.CUTS)),),
    ),
    Verb(
        "wait",
        "GET",
        f"{_ONE}/wait",
        "Wait for something to happen, and say whether it did. It can be repeated: a poll takes 30 seconds at most.",
        wait,
        "Found",
        params=_WAIT,
    ),
)
