"""``RelayClient`` plays the browser: one request over a raw socket, each event as it comes, every way to leave.

No HTTP library is involved: what one reads ahead, joins or closes late would be taken for the relay's doing.
"""

from __future__ import annotations

import json as jsonlib
import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from time import monotonic
from types import TracebackType
from typing import Any, TypedDict
from urllib.parse import quote as quoted
from urllib.parse import urlsplit

from orharness.errors import ClientFailure, ScenarioError
from orharness.journal import How
from orharness.options import checked_call
from orharness.relay.response import ENCODINGS, ResponseEnd, ResponseReader
from orharness.scenario.checked import instance_of, one_of, optional, seconds_of, text_of, whole_number_of
from orharness.sse import Comment, Decoder, Event, Item
from orharness.verdict import quote

_READ = 1 << 16  # bytes
_TAIL = 120  # bytes at the end of the input that a failure shows
_HEADERS = {
    "Accept": "text/event-stream, */*",
    "Accept-Encoding": ", ".join(ENCODINGS),
    "User-Agent": "orharness-browser",
}


class BrowserOptions(TypedDict, total=False):
    """The options of ``RelayClient``."""

    method: str
    headers: Mapping[str, str] | None
    body: bytes | None
    timeout: float


class RelayClient:
    """One request to a relay, sent when the ``with`` block begins; its end closes the connection.

    ``url``: the address of the relay. ``json``: the request's body. ``body``: its bytes, in place of ``json``.
    ``method``: the request's method. ``headers``: added to a browser's own, or replacing them. ``timeout``: the longest
    that connecting and each reading may take, in seconds. Reading blocks, so the relay must run in another thread or
    process. Raises ``ScenarioError`` for an address that is not ``http://``, or where nothing listens.
    """

    @checked_call()
    def __init__(
        self,
        url: str,
        json: Any = None,
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 10.0,
    ) -> None:
        if json is not None and body is not None:
            raise ScenarioError("RelayClient takes json= or body=, one of them")
        self.url = text_of(url, "url")
        self.timeout = seconds_of(timeout, "timeout")
        self.events: list[Event] = []
        """The events that have been read."""
        self.comments: list[Comment] = []
        """The comments that have been read."""
        self.items: list[Item] = []
        """Events, comments and retries that have been read, in order."""
        self.left: How | None = None
        """How this client left, ``None`` if it has not."""
        self._address, self._request = _request(
            url, text_of(method, "method").upper(), json, optional(partial(instance_of, bytes), body, "body"), headers
        )
        self._response = ResponseReader(method.upper())
        self._content = bytearray()
        self._decoder = Decoder()
        self._given = 0  # events that read_events has returned
        self._socket: socket.socket | None = None

    # --- what came ------------------------------------------------------------------------------------------------

    @property
    def status(self) -> int | None:
        """The response's status, ``None`` until its head has been read (see ``read_head``). Never blocks."""
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The response's headers, by lower-case name; empty until its head has been read. Never blocks."""
        return self._response.headers

    @property
    def begun(self) -> bool:
        """Whether the response's head has been read. Never blocks."""
        return self._response.status is not None

    @property
    def received(self) -> bytes:
        """The content so far: the body without HTTP chunks, decompressed."""
        return bytes(self._content)

    @property
    def text(self) -> str:
        """The content so far as UTF-8; invalid bytes are shown as U+FFFD."""
        return self._content.decode("utf-8", "replace")

    @property
    def ended(self) -> ResponseEnd | None:
        """How the response ended, as far as it was read: ``clean``, ``cut`` or ``reset``; ``None`` while it is open."""
        return self._response.ended

    # --- reading --------------------------------------------------------------------------------------------------

    @checked_call()
    def read_head(self, timeout: float | None = None) -> int:
        """Read the head of the response and return its status; ``headers`` are known then.

        Raises ``ClientFailure`` if it does not come within ``timeout`` seconds, by default the client's own.
        """
        __tracebackhide__ = True
        self.read_while(lambda: not self.begun, timeout)
        if self.status is None:
            raise self._failure("the head of the response did not come", timeout)
        return self.status

    @checked_call()
    def read_events(self, number: int = 1, timeout: float | None = None) -> list[Event]:
        """Read and return the next ``number`` events.

        Raises ``ClientFailure`` if the response ends or the time runs out before; it says how many came, and what came
        last.
        """
        __tracebackhide__ = True
        first = self._given
        wanted = first + whole_number_of(number, "number")
        if not self.read_while(lambda: len(self.events) < wanted, timeout):
            raise self._failure(f"{len(self.events) - first} of {number} events came", timeout)
        self._given = wanted
        return self.events[first:wanted]

    @checked_call()
    def read_until(self, text: str, timeout: float | None = None) -> str:
        """Read until the text is in the content and return the whole content; raises as ``read_events`` does."""
        __tracebackhide__ = True
        data = text_of(text, "text").encode()
        if not self.read_while(lambda: data not in self._content, timeout):
            raise self._failure(f"{text!r} did not come", timeout)
        return self.text

    @checked_call()
    def read_all(self, timeout: float | None = None) -> list[Event]:
        """Read to the end of the response, in whatever way it ends (see ``ended``), and return the events from here on.

        Raises ``ClientFailure`` if it has not ended within ``timeout`` seconds.
        """
        __tracebackhide__ = True
        first = self._given
        self.read_while(lambda: True, timeout)
        if self.ended is None:
            raise self._failure("the response does not end", timeout)
        self._given = len(self.events)
        return self.events[first:]

    def read_while(self, wanted: Callable[[], bool], timeout: float | None = None) -> bool:
        """Read while the condition holds; return false if the response ended or the time ran out first."""
        deadline = monotonic() + (self.timeout if timeout is None else seconds_of(timeout, "timeout"))
        while wanted():
            if self.ended is not None or not self._read(deadline - monotonic()):
                return False
        return True

    def _read(self, seconds: float) -> bool:
        """Read once; return whether something came (also the end) within that many seconds."""
        connection = self._connection()
        if seconds <= 0:
            return False
        connection.settimeout(seconds)
        try:
            data = connection.recv(_READ)
        except TimeoutError:
            return False
        except OSError:
            self._response.closed(reset=True)
            return True
        if data:
            self._take(self._response.feed(data))
        else:
            self._response.closed()
        return True

    def _take(self, content: bytes) -> None:
        self._content += content
        for item in self._decoder.feed(content):
            self.items.append(item)
            if isinstance(item, Event):
                self.events.append(item)
            elif isinstance(item, Comment):
                self.comments.append(item)

    def _failure(self, said: str, timeout: float | None) -> ClientFailure:
        seconds = self.timeout if timeout is None else timeout
        when = f"within {seconds:g} s" if self.ended is None else f"before the response ended ({self.ended})"
        return ClientFailure(f"{said} {when} from {self.url}; {self.account()}")

    def account(self) -> str:
        """Return what came so far, in words."""
        if not self.begun:
            return "nothing came, not even a response head"
        came = f"status {self.status}, {len(self._content):,} bytes, {len(self.events):,} events"
        comments = f", {len(self.comments):,} comments" if self.comments else ""
        state = "the response is open" if self.ended is None else f"the response ended: {self.ended}"
        tail = quote(bytes(self._content[-_TAIL:]))
        last = f"; last: {'…' if len(self._content) > _TAIL else ''}{tail}" if tail else ""
        return f"{came}{comments}; {state}{last}"

    # --- leaving --------------------------------------------------------------------------------------------------

    @checked_call()
    def leave(self, how: How | str = How.FIN) -> None:
        """Leave as a browser does: ``fin`` closes the connection, ``rst`` resets it.

        ``half_close`` shuts down the sending side only: what still comes can be read.
        """
        chosen = one_of(How, how, "how")
        connection = self._connection()
        self.left = chosen
        if chosen is How.RST:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            with suppress(OSError):  # the relay was faster
                connection.shutdown(socket.SHUT_WR)
        if chosen is How.FIN:
            _drain(connection)
        if chosen is not How.HALF_CLOSE:
            self.close()

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def __enter__(self) -> RelayClient:
        host, port = self._address
        try:
            self._socket = socket.create_connection((host, port), timeout=self.timeout)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.sendall(self._request)
        except OSError as error:
            self.close()
            raise ScenarioError(f"the relay at {self.url} cannot be reached: {error.strerror or error}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<RelayClient {self.url}: {self.account()}>"

    def _connection(self) -> socket.socket:
        if self._socket is None:
            raise ScenarioError(
                f"the browser has left {self.url}" if self.left else "RelayClient is used as `with RelayClient(…) as …`"
            )
        return self._socket


def _drain(connection: socket.socket) -> None:
    """Read what is unread: closing with it would send RST after the FIN."""
    connection.setblocking(False)
    with suppress(OSError):
        while connection.recv(_READ):
            pass


def _headers(given: Mapping[str, str] | None) -> dict[str, str]:
    found = dict(instance_of(Mapping, given, "headers") if given is not None else {})  # type: ignore[type-abstract]
    if not all(isinstance(part, str) for pair in found.items() for part in pair):
        raise ScenarioError(f"headers is a mapping of names to values, both text, not {given!r}")
    return found


def _encoded(json: Any) -> bytes:
    try:
        return jsonlib.dumps(json, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        raise ScenarioError(f"RelayClient(json=) takes what JSON can hold: {error}") from None


def _request(
    url: str, method: str, json: Any, body: bytes | None, headers: Mapping[str, str] | None
) -> tuple[tuple[str, int], bytes]:
    """Return the address and the request's bytes."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ScenarioError(f"a relay is asked over plain HTTP on a raw socket: http://HOST:PORT/PATH, not {url!r}")
    try:
        port = parts.port or 80
    except ValueError as error:
        raise ScenarioError(f"{url!r}: {error}") from error
    content = _encoded(json) if json is not None else body
    extra = _headers(headers)
    own = {"Host": parts.netloc.rpartition("@")[2], **_HEADERS}
    if json is not None:
        own["Content-Type"] = "application/json"
    if content is not None or method in ("POST", "PUT", "PATCH"):
        own["Content-Length"] = str(len(content or b""))
    given = {name.lower() for name in extra}
    sent = {**{name: value for name, value in own.items() if name.lower() not in given}, **extra}
    target = quoted(parts.path or "/", safe="/%:@!$&'()*+,;=~") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
    if any(character in line for line in lines for character in "\r\n"):
        raise ScenarioError("a line end in the method, the address or a header would end the request's head")
    return (parts.hostname, port), "\r\n".join((*lines, "", "")).encode() + (content or b"")
