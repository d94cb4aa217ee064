"""The OpenAPI 3.1 document of the control verbs.

``python -m orharness.server.control.openapi`` writes the file that is shipped.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from orharness.server.control.problems import CONTENT_TYPE, TITLES
from orharness.server.control.schemas import ref, schemas
from orharness.server.control.table import VERBS
from orharness.server.control.verbs import API, Param, Verb

SHIPPED = Path(__file__).with_name("openapi.json")
_ALWAYS = (400, 401, 403)
_NAMED = {
    "session": "The id of a session; `default` is the one of requests that name no session.",
    "route": "The id of a route in its session.",
    "call": "The id of a call in its session.",
}


@cache
def document() -> dict[str, Any]:
    """Return the document."""
    paths: dict[str, dict[str, Any]] = {}
    for verb in VERBS:
        paths.setdefault(verb.path, {})[verb.method.lower()] = _operation(verb)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "The control verbs of orharness",
            "version": str(API),
            "summary": "Sessions, routes, calls, waits and events of a test bench for streaming LLM clients.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "responses": {"Problem": _problem("What could not be done, and what to do.")},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Needed by web pages, and by clients on other machines.",
                }
            },
        },
    }


def _operation(verb: Verb) -> dict[str, Any]:
    operation: dict[str, Any] = {"operationId": verb.name, "summary": verb.summary}
    parameters = [_named(name) for name in verb.named] + [_parameter(one) for one in verb.params]
    if parameters:
        operation["parameters"] = parameters
    if verb.body is not None:
        content = {"application/json": {"schema": verb.body}}
        operation["requestBody"] = {"required": verb.body_required, "content": content}
    operation["responses"] = {str(verb.status): _success(verb), **_problems(verb)}
    return operation


def _named(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "description": _NAMED[name], "schema": {"type": "string"}}


def _parameter(one: Param) -> dict[str, Any]:
    bounds = {"minimum": one.least, "maximum": one.most, "default": one.default}
    schema = {"type": one.kind, **{key: value for key, value in bounds.items() if value is not None}}
    if one.choices:
        schema["enum"] = list(one.choices)
    return {"name": one.name, "in": "query", "required": one.required, "description": one.text, "schema": schema}


def _success(verb: Verb) -> dict[str, Any]:
    if verb.answers is None:
        text = "An event stream; the data of each event is an `Event`, its id goes up, its type is the kind of event."
        return {"description": text, "content": {"text/event-stream": {"schema": {"type": "string"}}}}
    return {"description": verb.summary, "content": {"application/json": {"schema": ref(verb.answers)}}}


def _problems(verb: Verb) -> dict[str, Any]:
    statuses = {*_ALWAYS, *verb.problems, *((404,) if verb.named else ())}
    statuses |= {413, 415} if verb.body is not None else set()
    own = {409: "The client under test is wrong: `detail` is the failure in pytest's words."}
    return {str(one): _problem(own.get(one, f"{TITLES[one]}.")) for one in sorted(statuses)}


def _problem(text: str) -> dict[str, Any]:
    return {"description": text, "content": {CONTENT_TYPE: {"schema": ref("Problem")}}}


def text() -> str:
    """Return the document as the shipped file has it."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SHIPPED.write_text(text(), "utf-8")
