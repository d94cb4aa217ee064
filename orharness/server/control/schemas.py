"""The schemas of the OpenAPI document, by name (JSON Schema draft 2020-12)."""

from __future__ import annotations

import json
from typing import Any

from orharness.journal import How, Outcome, Pacing
from orharness.journal.certainty import Certainty
from orharness.scenario.schema import schema as scenario_schema
from orharness.server.control.problems import TYPES

Schema = dict[str, Any]
SCENARIO = "Scenario"
ROUTE = f"{SCENARIO}.route"


def ref(name: str) -> Schema:
    """Return a reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def schemas() -> dict[str, Schema]:
    """Return every schema by its name; those of scenario documents are named ``Scenario`` and ``Scenario.…``."""
    return {**_OWN, **_of_scenarios()}


def in_components(schema: Schema) -> Schema:
    """Return a schema of scenario documents with its references as they are in the OpenAPI document."""
    found: Schema = json.loads(json.dumps(schema).replace("#/$defs/", f"#/components/schemas/{SCENARIO}."))
    return found


def _of_scenarios() -> dict[str, Schema]:
    whole = in_components(scenario_schema(own=False))
    parts = whole.pop("$defs")
    whole.pop("$schema")
    return {SCENARIO: whole, **{f"{SCENARIO}.{name}": one for name, one in parts.items()}}


def _object(required: Schema, optional: Schema | None = None, text: str = "", *, more: bool = False) -> Schema:
    made = {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}
    return {**({"description": text} if text else {}), **made, **({} if more else {"additionalProperties": False})}


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _or_null(one: Schema) -> Schema:
    if "type" in one and "enum" not in one:
        return {**one, "type": [one["type"], "null"]}
    return {"anyOf": [one, {"type": "null"}]}


def _enum(kind: Any, text: str = "") -> Schema:
    return {"enum": [one.value for one in kind], **({"description": text} if text else {})}


_TEXT: Schema = {"type": "string"}
_WHOLE: Schema = {"type": "integer", "minimum": 0}
_NUMBER: Schema = {"type": "number", "minimum": 0}
_FLAG: Schema = {"type": "boolean"}
_TEXTS: Schema = {"type": "object", "additionalProperties": _TEXT}
_EVENT = {**_WHOLE, "description": "The number of the latest event: a later `since`."}

_EXCHANGE: Schema = {
    "id": {**_TEXT, "description": "The id by which the verbs name the call."},
    "started_at": {**_TEXT, "description": "When the whole request had been read: ISO 8601, in UTC."},
    "request": _object({"method": _TEXT, "path": _TEXT, "headers": _TEXTS, "body": _TEXT}, text="Without credentials."),
    "route": {**_or_null(_TEXT), "description": "The route's name; null if no route answers the request."},
    "status": {
        **_or_null(_WHOLE),
        "description": "The HTTP status; null before it is chosen, and where no head was sent.",
    },
    "outcome": _or_null(_enum(Outcome, "What the client did; null while that is undecided.")),
    "how": _or_null(_enum(How, "How it left.")),
    "ended_after": {
        **_or_null(_NUMBER),
        "description": "Seconds from the request to the moment that decided the outcome, or at which the client left.",
    },
    "chunks_written": {**_WHOLE, "description": "The number of chunks written."},
    "bytes_written": {**_WHOLE, "description": "The bytes of the body written."},
    "bytes_read": {**_or_null(_WHOLE), "description": "Those that the client's process has read; null if unknown."},
    "pacing": _or_null(_enum(Pacing, "When each next chunk is written.")),
    "boundaries": _object({"proven": _WHOLE, "assumed": _WHOLE}, text="Chunk boundaries that the client observed."),
    "faults": {**_list(_TEXT), "description": "The names of the answer's scripted faults."},
    "difference": {
        **_or_null(_TEXT),
        "description": "How the request differs from the nearest routes, or from the recorded one.",
    },
    "bill": _or_null({"type": "object", "description": "What the model behind the answer made and charges."}),
    "certainty": {
        "type": "object",
        "additionalProperties": _enum(Certainty),
        "description": "How the values of these names are known.",
    },
}
_CHUNK: Schema = _object(
    {
        "start": _WHOLE,
        "size": _WHOLE,
        "delay": _NUMBER,
        "bytes": {**_TEXT, "contentEncoding": "base64"},
        "parts": _list(_object({"kind": _TEXT, "text": _TEXT})),
    }
)
_LANE: Schema = {
    "id": _TEXT,
    "session": _TEXT,
    "started": {**_NUMBER, "description": "Unix time at which the request was read."},
    "left_after": _or_null(_NUMBER),
    "tokens_total": _or_null(_WHOLE),
    "provider": _or_null(_TEXT),
    "provider_stops": _or_null(_FLAG),
    "model_until": {
        **_or_null(_NUMBER),
        "description": "When a model that goes on without its client has made all that it bills.",
    },
    "braked": {**_FLAG, "description": "Whether it was held by hand."},
    "stream": _object(
        {
            "ends": {**_list(_WHOLE), "description": "The offset after each chunk."},
            "kinds": {
                **_TEXT,
                "description": "A letter for each chunk: (d)ata, only (c)omments, the (e)nd marker, a (p)iece.",
            },
            "written_at": _list(_NUMBER),
            "end": _or_null(_WHOLE),
            "ending": _TEXT,
        }
    ),
}
_FIGURES: Schema = {
    "session": _TEXT,
    "call": _TEXT,
    "tokens_made": _WHOLE,
    "tokens_written": _WHOLE,
    "tokens_read": _or_null(_WHOLE),
    "tokens_billed": _WHOLE,
    "cost": _NUMBER,
}
_VERDICT = {
    "session": _TEXT,
    "left_open": {**_list(_TEXT), "description": "A line for each answer that is neither read to its end nor left."},
    "account": {**_TEXT, "description": "What was seen, in words."},
}

_OWN: dict[str, Schema] = {
    "About": _object({"program": {"const": "orharness"}, "version": _TEXT, "api": {"const": 1}}),
    "OpenApi": {"type": "object", "description": "This document."},
    "Session": _object(
        {
            "id": _TEXT,
            "origin": {**_TEXT, "description": "What an Anthropic client takes as its base URL."},
            "base_url": {**_TEXT, "description": "What an OpenAI client takes as its base URL."},
            "api_key": {**_TEXT, "description": "A key that names the session, for a backend with one base URL."},
            "headers": {**_TEXTS, "description": "Headers that name the session."},
            "env": {**_TEXTS, "description": "The environment variables of SDKs, for a client of this session alone."},
            "strict": _FLAG,
            "ttl": {**_or_null(_NUMBER), "description": "Seconds without a request or a verb after which it ends."},
            "routes": _list(ref("Route")),
            "calls": _WHOLE,
            "event": _EVENT,
        }
    ),
    "Sessions": _object({"sessions": _list(ref("Session"))}),
    "Route": _object(
        {"id": _TEXT, "name": _TEXT, "method": _TEXT, "path": _or_null(_TEXT), "strict": _FLAG, "calls": _WHOLE},
        text="A route in its place.",
    ),
    "Routes": _object({"routes": _list(ref("Route"))}),
    "Exchange": _object(_EXCHANGE, text="One request and what became of its answer; times are in seconds.", more=True),
    "Journal": _object(
        {
            "format": {"const": 1},
            "dropped": {**_WHOLE, "description": "How many exchanges are not kept any more."},
            "exchanges": _list(ref("Exchange")),
        },
        more=True,
    ),
    "Call": _object(
        {
            **_EXCHANGE,
            "session": _TEXT,
            "route_id": _or_null(_TEXT),
            "finished": {**_or_null(_FLAG), "description": "Whether the whole answer was taken; null where unknown."},
            "held_at": {**_or_null(_WHOLE), "description": "The offset of the gate at which the stream is held."},
            "chunks": {**_or_null(_WHOLE), "description": "How many chunks the answer has in full."},
            "stream_size": {**_or_null(_WHOLE), "description": "How many bytes the answer has in full."},
            "open": {**_FLAG, "description": "Whether the client is still there to leave."},
            "event": {
                **_WHOLE,
                "description": "The number of its first event; 0 if it came before they were numbered.",
            },
        },
        text="A journal's entry, and what else a handle knows.",
        more=True,
    ),
    "Calls": _object({"calls": _list(ref("Call"))}),
    "Found": _object(
        {
            "met": _FLAG,
            "final": {**_FLAG, "description": "False where asking again may help."},
            "text": {**_TEXT, "description": "What was seen; where it is not met, the failure in pytest's words."},
            "call": _or_null(ref("Call")),
            "calls": _list(ref("Call")),
            "event": _EVENT,
        },
        {"act": {"type": "number", "description": "The moment of the act of cancelling: pass it to ask again."}},
    ),
    "Stream": _object(
        {
            "size": {**_WHOLE, "description": "Bytes of the whole body."},
            "total": {**_WHOLE, "description": "Chunks of the whole body."},
            "chunks": _list(_CHUNK),
        }
    ),
    "Lanes": _object({"now": _NUMBER, "event": _EVENT, "lanes": _list(ref("Lane"))}, text="`now`: Unix time."),
    "Lane": _object(_LANE, text="A call, and the plan of its stream; times are in seconds.", more=True),
    "Bills": _object({"now": _NUMBER, "bills": _list(_object(_FIGURES))}),
    "Page": _object({"name": {**_TEXT, "description": "A name for the file."}, "html": _TEXT}),
    "Played": _object(
        {"form": {**_TEXT, "description": "What the file is: scenario, cassette, har …"}, "routes": _list(ref("Route"))}
    ),
    "Account": _object({"account": _TEXT}),
    "Verdict": _object({"passed": {"const": True}, **_VERDICT}),
    "Event": _object(
        {
            "id": _WHOLE,
            "session": _TEXT,
            "call": _TEXT,
            "event": _TEXT,
            "at": {"type": "number"},
            "body_written": {**_WHOLE, "description": "The bytes of the body that were written by then."},
            "body_read": {**_or_null(_WHOLE), "description": "Those that the client was last seen to have read."},
        },
        {"outcome": _enum(Outcome, "The outcome that this event decided.")},
        "The data of one exchange event; `at` is in seconds since the request was read.",
        more=True,
    ),
    "Problem": _object(
        {"type": {"enum": list(TYPES)}, "title": _TEXT, "status": _WHOLE, "detail": _TEXT},
        {"pointer": {**_TEXT, "description": "Where in the document (RFC 6901)."}, **_VERDICT},
        "RFC 9457. `detail` is a sentence, or the failure in pytest's words.",
    ),
}
