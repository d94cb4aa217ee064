"""Asking the control verbs of a server."""

from __future__ import annotations

import json
import os
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from orharness.errors import ClientFailure, OrharnessError, ScenarioError
from orharness.server.control.gate import TOKEN_HEADER
from orharness.server.control.options import LONGEST_POLL
from orharness.server.control.problems import CLIENT, SCENARIO
from orharness.server.control.verbs import API, ROOT

_PATIENCE = LONGEST_POLL + 30.0  # seconds for an answer: a poll, and what a busy machine needs


class Verbs:
    """The verbs of the server at ``origin``. Raises ``OrharnessError`` if no server of orharness answers there."""

    def __init__(self, origin: str) -> None:
        at = urlsplit(origin)
        if at.scheme != "http" or at.hostname is None or at.path.rstrip("/") or at.query:
            raise ScenarioError(f"a server's address is such as http://127.0.0.1:8181, without a path, not {origin!r}")
        self.origin = origin.rstrip("/")
        self.host, self.port = at.hostname, at.port or 80
        about = self.ask("GET", "")
        if about.get("program") != "orharness" or about.get("api") != API:
            version = about.get("version", "unknown")
            raise OrharnessError(
                f"{origin} speaks version {about.get('api')} of the control API (orharness {version}), and this is"
                f" version {API}: update the older of the two"
            )

    def ask(self, method: str, path: str, document: object = None, **query: object) -> Any:
        """Return what a verb answers; ``path`` counts from the root of the verbs, ``None`` in the query is left out.

        Raises ``ClientFailure`` for a finding about the client, ``ScenarioError`` for a wrong scenario, and
        ``OrharnessError`` for any other problem.
        """
        given = urlencode({name: _text(value) for name, value in query.items() if value is not None})
        whole = f"{ROOT}{quote(path)}{'?' if given else ''}{given}"
        body = None if document is None else json.dumps(document).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        if token := os.environ.get("ORHARNESS_TOKEN"):
            headers[TOKEN_HEADER] = token
        status, answer = self._sent(method, whole, body, headers)
        if status < 400:
            return answer
        said = str(answer.get("detail") or f"{method} {whole} is answered with status {status}")
        if answer.get("type") == CLIENT:
            raise ClientFailure(said)
        raise (ScenarioError if answer.get("type") == SCENARIO else OrharnessError)(said)

    def _sent(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, Any]:
        connection = HTTPConnection(self.host, self.port, timeout=_PATIENCE)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, HTTPException, ValueError) as error:
            raise OrharnessError(f"no server of orharness answers at {self.origin}: {error}") from error
        finally:
            connection.close()
        return response.status, answer if isinstance(answer, dict) else {}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
