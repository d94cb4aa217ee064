"""A client's part of the protocol: opening, calling a tool, cancelling, coming back, in each of the two revisions.

Sources: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http (no sessions; the
version and the client in each request's ``_meta``) and
https://modelcontextprotocol.io/specification/2025-11-25/basic/transports (``initialize``, ``MCP-Session-Id``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import count
from time import monotonic
from typing import Any

from orharness.about import version
from orharness.errors import UpstreamError
from orharness.mcp.wire import EVENT_STREAM, JSON, Address, McpExchange

WITH_SESSIONS = "2025-11-25"
STATELESS = "2026-07-28"
_META = "io.modelcontextprotocol"
_CLIENT = {"name": "orharness", "version": version()}
_ANSWERS = 30.0  # seconds for what a server should do at once: a busy machine has to start it


class Unspoken(Exception):  # noqa: N818 - an answer, not an error: what the server says is reported as the reason
    """The server does not speak a revision."""


class McpCall:
    """A call of a tool: its id, and the exchanges that carry its messages, the last one being the current."""

    def __init__(self, id_: int, exchange: McpExchange) -> None:
        self.id = id_
        self.exchange = exchange

    @property
    def response(self) -> Any:
        """The JSON-RPC response, ``None`` if none has come; that of a refused request may have another id."""
        found = response_in(self.exchange.messages, self.id)
        refused = found is None and self.exchange.status not in (None, 200)
        errors = (one for one in self.exchange.messages if isinstance(one, dict) and "error" in one)
        return next(errors, None) if refused else found


class McpSession:
    """What a client knows of the server. ``headers``: sent with each request, such as ``Authorization``."""

    def __init__(self, at: Address, revision: str, headers: Mapping[str, str]) -> None:
        self.revision = revision
        self.spoken = revision
        self._at = at
        self._headers = dict(headers)
        self._ids = count(1)

    def open(self) -> None:
        """Say what revision is spoken. Raises ``Unspoken`` for another one, ``UpstreamError`` if there is no answer."""
        if self.revision == WITH_SESSIONS:
            self._initialize()
            return
        found = self._asked("server/discover", {})
        if found.get("error") is not None and found["error"].get("code") != _NO_METHOD:
            raise Unspoken(_said(found["error"]))

    def call(self, tool: str, arguments: Mapping[str, Any]) -> McpCall:
        """Call a tool, and ask for its progress; return at once."""
        return self._sent("tools/call", {"name": tool, "arguments": dict(arguments)}, tool)

    def cancel(self, call: McpCall) -> int | None:
        """Send ``notifications/cancelled`` for a call, as the revision with sessions has it; return the status."""
        params = {"requestId": call.id, "reason": "the user has stopped it"}
        return self._notify("notifications/cancelled", params)

    def resume(self, last_id: str) -> McpExchange:
        """Ask for the rest of the stream after the event of that id."""
        return McpExchange(self._at, "GET", {"Accept": EVENT_STREAM, **self._sent_always(), "Last-Event-ID": last_id})

    def close(self) -> None:
        """End the session, where there is one."""
        if "MCP-Session-Id" in self._headers:
            with suppress(UpstreamError):  # it may be gone, and the verdicts are there
                ended = McpExchange(self._at, "DELETE", self._sent_always())
                _wait_head(ended)
                ended.leave()

    # --- requests -------------------------------------------------------------------------------------------------

    def _initialize(self) -> None:
        asked = {"protocolVersion": self.revision, "capabilities": {}, "clientInfo": _CLIENT}
        call = self._sent("initialize", asked, None)
        result = _result_of(call)
        self.spoken = str(result.get("protocolVersion"))
        if self.spoken >= STATELESS:
            raise Unspoken(f"it answers with revision {self.spoken}")
        session = call.exchange.header("MCP-Session-Id")
        if session is not None:
            self._headers["MCP-Session-Id"] = session
        self._notify("notifications/initialized", None)

    def _asked(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        call = self._sent(method, params, None)
        _wait_response(call)
        if not isinstance(call.response, dict):
            raise Unspoken(f"it answers with status {call.exchange.status} and no JSON-RPC response")
        found: dict[str, Any] = call.response
        return found

    def _sent(self, method: str, params: Mapping[str, Any], name: str | None) -> McpCall:
        number = next(self._ids)
        meta: dict[str, Any] = {"progressToken": number}
        if self.revision == STATELESS:
            meta |= {f"{_META}/protocolVersion": STATELESS, f"{_META}/clientInfo": _CLIENT}
            meta |= {f"{_META}/clientCapabilities": {}}
        body = {"jsonrpc": "2.0", "id": number, "method": method, "params": {**params, "_meta": meta}}
        return McpCall(number, self._posted(body, name))

    def _notify(self, method: str, params: Mapping[str, Any] | None) -> int | None:
        body: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
        sent = self._posted(body if params is None else {**body, "params": params}, None)
        _wait_head(sent)
        sent.leave()
        return sent.status

    def _posted(self, body: Mapping[str, Any], name: str | None) -> McpExchange:
        headers = {"Accept": f"{JSON}, {EVENT_STREAM}", **self._sent_always()}
        if self.revision == STATELESS:
            headers |= {"Mcp-Method": body["method"]} | ({} if name is None else {"Mcp-Name": name})
        elif body["method"] == "initialize":
            del headers["MCP-Protocol-Version"]
        return McpExchange(self._at, "POST", headers, json.dumps(body).encode())

    def _sent_always(self) -> dict[str, str]:
        return {"MCP-Protocol-Version": self.spoken, **self._headers}


_NO_METHOD = -32601


def response_in(messages: Iterable[Any], id_: int) -> Any:
    """Return the JSON-RPC response to a request among messages; an error without an id counts."""
    for message in messages:
        is_response = isinstance(message, dict) and ("result" in message or "error" in message)
        if is_response and message.get("id") in (id_, None):
            return message
    return None


def error_of(call: McpCall) -> str | None:
    """Return why a call has failed, as the server says it; ``None`` if it has not."""
    found = call.response
    if found is None:
        status = call.exchange.status
        return None if status in (None, 200) else f"status {status}: {call.exchange.text[:200]!r}"
    if found.get("error") is not None:
        return _said(found["error"])
    result = found.get("result")
    if isinstance(result, dict) and result.get("isError"):
        return " ".join(str(part.get("text")) for part in result.get("content", []) if isinstance(part, dict))
    return None


def _result_of(call: McpCall) -> dict[str, Any]:
    """Return the result of the first request. Raises ``Unspoken`` if it is an error."""
    _wait_response(call)
    if (why := error_of(call)) is not None:
        raise Unspoken(why)
    result = call.response.get("result") if call.response is not None else None
    if not isinstance(result, dict):
        raise Unspoken("it ends the response without a result")
    return result


def _said(error: Any) -> str:
    return f"{error.get('message')} ({error.get('code')})" if isinstance(error, dict) else str(error)


def _wait_response(call: McpCall) -> None:
    until = monotonic() + _ANSWERS
    while call.response is None and not call.exchange.over:
        if monotonic() > until:
            raise UpstreamError(f"the server gives no response within {_ANSWERS:g} s")
        call.exchange.wait(0.1)
    if not call.exchange.over:
        call.exchange.leave()


def _wait_head(exchange: McpExchange) -> None:
    until = monotonic() + _ANSWERS
    while exchange.status is None and not exchange.over:
        if monotonic() > until:
            raise UpstreamError(f"the server gives no response within {_ANSWERS:g} s")
        exchange.wait(0.1)
