"""The types of the control API: verbs, their parameters, requests and responses. ``table`` lists the verbs."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orharness.journal import Request
from orharness.lazy import Deferred
from orharness.server.control.options import ROOT as ROOT
from orharness.server.control.problems import Problem
from orharness.server.exchange import LiveExchange
from orharness.server.mounts import Mounted
from orharness.server.sessions import Session, SessionOptions, Sessions

if TYPE_CHECKING:
    import orharness.verdict as verdict
else:
    verdict = Deferred("orharness.verdict")  # a first request does not wait for its import

API = 1  # of these verbs: a client that was written for another number asks for an update

Schema = dict[str, Any]


@dataclass(frozen=True)
class Param:
    """A query parameter.

    ``kind``: ``string``, ``integer``, ``number`` or ``boolean``. ``least`` and ``most``: the bounds of a number.
    ``choices``: the allowed values.
    """

    name: str
    kind: str
    text: str
    default: Any = None
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    required: bool = False

    def read(self, value: str) -> Any:
        """Parse the value from a query. Raises ``Problem`` if it is invalid."""
        try:
            found = _READ[self.kind](value)
        except (KeyError, ValueError):
            raise self._wrong(value) from None
        too_small = self.least is not None and found < self.least
        if too_small or (self.most is not None and found > self.most) or (self.choices and found not in self.choices):
            raise self._wrong(value)
        return found

    def _wrong(self, value: str) -> Problem:
        return Problem(400, f"the parameter {self.name} is {self.takes}, not {value[:100]!r}")

    @property
    def takes(self) -> str:
        """Describe the allowed values."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        least = "" if self.least is None else f" from {self.least:g}"
        most = "" if self.most is None else f" to {self.most:g}"
        return f"{_NOUNS[self.kind]}{least}{most or (' up' if least else '')}"


def _number(value: str) -> float:
    found = float(value)
    if not isfinite(found):
        raise ValueError
    return found


_READ: dict[str, Callable[[str], Any]] = {
    "string": str,
    "integer": int,
    "number": _number,
    "boolean": {"true": True, "false": False}.__getitem__,
}
_NOUNS = {"string": "a text", "integer": "a whole number", "number": "a number", "boolean": "true or false"}


@dataclass(frozen=True)
class VerbAnswer:
    """A control response: a document, or its JSON text, and the status."""

    document: Any = None
    status: int = 200


@dataclass(frozen=True)
class Streamed:
    """A streamed control response: the blocks of an event stream, until the client leaves."""

    pieces: AsyncIterator[bytes]


@dataclass
class VerbCall:
    """A control request with its path and query parameters.

    ``document``: the JSON body, or ``None``. ``found``: the session that the request belongs to.
    ``origin``: the server's address, as the caller wrote it.
    """

    sessions: Sessions
    options: SessionOptions
    scenarios: Path | None
    request: Request
    origin: str
    found: Session
    values: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    document: Any = None

    @property
    def session(self) -> Session:
        """The session in the path. Raises ``Problem`` if it does not exist."""
        session = self.sessions.get(self.names["session"])
        if session is None:
            raise Problem(404, f"there is no session {self.names['session']!r}: it has ended, or never was")
        session.touch()
        return session

    @property
    def route(self) -> Mounted:
        """The route in the path."""
        return route_of(self.session, self.names["route"])

    @property
    def call(self) -> LiveExchange:
        """The call in the path."""
        return call_of(self.session, self.names["call"])


def route_of(session: Session, identifier: str) -> Mounted:
    """Return a route of a session. Raises ``Problem`` if it does not exist."""
    found = next((one for one in session.answering.mounted if one.id == identifier), None)
    if found is None:
        known = ", ".join(one.id for one in session.answering.mounted) or "none"
        raise Problem(404, f"the session {session.id} has no route {identifier!r}; its routes: {known}")
    return found


def routes_of(session: Session, identifiers: str | None) -> list[Mounted] | None:
    """Return the routes of a parameter ``route``: one, or several with commas between; ``None`` where it is absent."""
    return None if identifiers is None else [route_of(session, one) for one in identifiers.split(",")]


def call_of(session: Session, identifier: str) -> LiveExchange:
    """Return a call of a session. Raises ``Problem`` if it does not exist."""
    found = next((one for one in session.answering.exchanges if one.id == identifier), None)
    if found is None:
        raise Problem(404, f"the session {session.id} has no call {identifier!r}; GET …/calls lists them")
    return found


@dataclass(frozen=True)
class Verb:
    """One control verb.

    ``name``: its operation id. ``path``: with the parameters ``{session}``, ``{route}`` and ``{call}``. ``body``: the
    schema of its request body, or ``None``. ``answers``: the name of the schema of its response, or ``None`` for an
    event stream. ``problems``: the error statuses that only this verb has.
    """

    name: str
    method: str
    path: str
    summary: str
    run: Callable[[VerbCall], Awaitable[VerbAnswer | Streamed]]
    answers: str | None
    params: tuple[Param, ...] = ()
    body: Schema | None = None
    body_required: bool = False
    status: int = 200
    problems: tuple[int, ...] = ()

    @property
    def named(self) -> list[str]:
        """The names of its path parameters."""
        return re.findall(r"\{(\w+)\}", self.path)

    def match(self, path: str) -> dict[str, str] | None:
        """Return the path parameters, or ``None`` if the path does not match."""
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path)
        found = re.fullmatch(pattern, path)
        return None if found is None else found.groupdict()

    def values(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Return the query parameters. Raises ``Problem`` for missing, invalid or unknown ones."""
        known = {one.name: one for one in self.params}
        unknown = next((name for name in given if name not in known), None)
        if unknown is not None:
            takes = ", ".join(known) or "no parameters"
            hint = verdict.did_you_mean([unknown], known)
            raise Problem(400, f"{self.method} {self.path} knows no parameter {unknown!r}{hint}; it takes {takes}")
        missing = next((one for one in self.params if one.required and one.name not in given), None)
        if missing is not None:
            raise Problem(400, f"the parameter {missing.name} is missing: {missing.takes}")
        return {name: one.read(given[name]) if name in given else one.default for name, one in known.items()}
