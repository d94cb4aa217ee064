"""A client of the control verbs that holds each answer against the OpenAPI document."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlencode, urlsplit

from jsonschema import Draft202012Validator

from orharness.server.control.openapi import document
from orharness.server.control.table import VERBS
from orharness.server.control.verbs import ROOT, Verb
from orharness.server.control.waits import FOR
from orharness.server.facade import SseServer
from orharness.server.wire import Incoming

CHAT = {"orharness": 1, "routes": [{"chat": "Grüße, 世界"}]}
HELD = {"orharness": 1, "routes": [{"chat": {"tokens": 50}, "through": [{"hold": 3}], "provider": "Anthropic"}]}
ASKED = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
TIMEOUT = 60  # seconds
Tried = set[str]
EVERYTHING: Tried = {one.name for one in VERBS} | {f"wait for={one}" for one in FOR}


@cache
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator({**json.loads(schema), "components": document()["components"]})


def verb_at(method: str, path: str) -> Verb:
    """The verb of a path that names what is there."""
    return next(one for one in VERBS if one.method == method and one.match(path) is not None)


def check_against_document(verb: Verb, status: int, content_type: str, body: bytes) -> None:
    """The status and the body are those that the document promises for the verb."""
    response = document()["paths"][verb.path][verb.method.lower()]["responses"][str(status)]
    [(promised, content)] = response["content"].items()
    assert content_type == promised
    if promised != "text/event-stream":
        _validator(json.dumps(content["schema"])).validate(json.loads(body))


def keys_beside(answer: str) -> set[str]:
    """What may be beside an answer in the document of a route."""
    forms = [one["properties"] for one in document()["components"]["schemas"]["Scenario.route"]["anyOf"]]
    [form] = [one for one in forms if answer in one]
    return set(form) - {answer, "method", "path", "by"}


class Answered:
    """The answer of a verb."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.document: Any = json.loads(body) if body else None


class Control:
    """Asks the control verbs of a server. ``checked``: whether the answers are held against the document."""

    def __init__(self, server: SseServer, *, checked: bool = True) -> None:
        self.server = server
        self._checked = checked

    def ask(
        self,
        method: str,
        path: str,
        document: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        query: Mapping[str, object] | None = None,
        **more: object,
    ) -> Answered:
        """The answer to a call; the path counts from the root of the verbs. ``more`` is more of the query."""
        asked = {**(query or {}), **more}
        whole = f"{ROOT}{path}"
        given = body if body is not None else None if document is None else json.dumps(document).encode()
        sent = {**({} if given is None else {"Content-Type": "application/json"}), **(headers or {})}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=TIMEOUT)
        try:
            connection.request(method, f"{whole}?{urlencode(asked)}" if asked else whole, given, sent)
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        if self._checked:
            content_type = response.headers.get("Content-Type", "")
            check_against_document(verb_at(method, whole), response.status, content_type, data)
        return Answered(response.status, dict(response.headers), data)

    def open(self, document: object = None, **query: object) -> dict[str, Any]:
        """A new session."""
        answered = self.ask("POST", "/sessions", document, query=query)
        assert answered.status == 201, answered.document
        session: dict[str, Any] = answered.document
        return session

    def wait(self, session: str, condition: str, **query: object) -> Any:
        """What the waiting verb answers."""
        answered = self.ask("GET", f"/sessions/{session}/wait", query={"for": condition, "timeout": 20, **query})
        assert answered.status == 200, answered.document
        return answered.document


class Stream:
    """A streamed answer that is read by hand, over a connection of its own."""

    def __init__(self, base_url: str, headers: Mapping[str, str] | None = None) -> None:
        at = urlsplit(base_url)
        self.connection = http.client.HTTPConnection(str(at.hostname), at.port, timeout=TIMEOUT)
        path = f"{at.path}/chat/completions"
        self.connection.request(
            "POST", path, json.dumps(ASKED), {"Content-Type": "application/json", **(headers or {})}
        )
        self.response = self.connection.getresponse()

    def read(self) -> bytes:
        """All of it; the connection is closed then."""
        try:
            return self.response.read()
        finally:
            self.close()

    def read_events(self, number: int) -> Stream:
        """Read so many events, and no more than are there."""
        while number:
            number -= self.response.readline().startswith(b"data: ")
        return self

    def close(self) -> None:
        """Leave."""
        self.response.close()
        self.connection.close()


def whole(base_url: str, headers: Mapping[str, str] | None = None) -> http.client.HTTPResponse:
    """A response that was read to its end, on a connection that is closed."""
    stream = Stream(base_url, headers)
    stream.read()
    return stream.response


def plain(text: str) -> str:
    """A text without numbers, and without what depends on who looks first at a client that has just left."""
    text = re.sub(r" \(the client .*? s\)| \[(?:unknown|inferred|at least)\]", "", text)
    return re.sub(r"[\d.,]+", "#", text).replace("at least ", "")


def trying(answer: Any, tried: Tried) -> Any:
    """``Control._run``, which also notes in ``tried`` the name of each verb that is answered without a problem."""

    async def run(self: Any, incoming: Incoming, wire: Any, found: Any) -> Any:
        answered = await answer(self, incoming, wire, found)
        verb = verb_at(incoming.head.method, incoming.head.path)
        tried.add(verb.name)
        if verb.name == "wait":
            tried.add(f"wait for={incoming.head.parameters['for']}")
        return answered

    return run
