"""What a case demands of the request itself: ``request: {accept, type, key, complete}`` of a case document.

``accept``: a media type that the Accept header names. ``type``: ``json`` (a content type, if one is named, is that of
JSON) or ``named`` (one is named). ``key: true``: a credential is sent. ``complete: true``: nothing is missing that the
API requires, and there is a question.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from orharness.dialects import Dialect, Refused
from orharness.errors import ScenarioError
from orharness.gateways import lookup
from orharness.journal import Request
from orharness.verdict import did_you_mean, shorten

Wrong = Callable[[Request], str | None]
NO_KEY = "no API key is sent: no Authorization, no x-api-key, no x-goog-api-key, no key in the query"
_KEYS = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)
_NOTHING = frozenset(("", "bearer", "none", "null", "undefined"))  # what a variable that is not set becomes
_STRICT = "openai"  # the gateway that requires most


def wrong_request(demanded: Mapping[str, Any], dialect: Dialect) -> Wrong | None:
    """Return a check that says what is wrong with a request, ``None`` for no demand.

    Raises ``ScenarioError`` for an unknown demand.
    """
    if unknown := set(demanded) - set(_DEMANDS):
        known = f"it takes {', '.join(sorted(_DEMANDS))}"
        raise ScenarioError(f"request has no {', '.join(sorted(unknown))}{did_you_mean(unknown, _DEMANDS)}; {known}")
    checks = [_DEMANDS[name](value, dialect) for name, value in demanded.items()]
    if not checks:
        return None
    return lambda request: next((wrong for check in checks if (wrong := check(request)) is not None), None)


def _accept(wanted: str, dialect: Dialect) -> Wrong:
    def wrong(request: Request) -> str | None:
        accepted = [value for name, value in request.headers if name.lower() == "accept"]
        if any(wanted in value.lower() for value in accepted):
            return None
        sent = f"Accept: {', '.join(accepted)}" if accepted else "no Accept header"
        return f"{sent} is sent, and an event stream is what comes: `Accept: {wanted}` says so"

    return wrong


def _type(wanted: str, dialect: Dialect) -> Wrong:
    def wrong(request: Request) -> str | None:
        named = request.header("Content-Type")
        if named is None:
            return "no Content-Type is sent, and the body is JSON" if wanted == "named" else None
        if _JSON.fullmatch(named.strip()):
            return None
        return f"Content-Type: {named} is sent, and the body is JSON: OpenAI reads no other"

    return wrong


def _key(_: bool, dialect: Dialect) -> Wrong:
    def wrong(request: Request) -> str | None:
        sent = [(name, value) for name, value in request.headers if name.lower() in _KEYS]
        sent += [(name, value) for name, value in request.parameters.items() if name == "key"]
        if not sent:
            return NO_KEY
        if any(value.rpartition(" ")[2].strip().lower() not in _NOTHING for _, value in sent):
            return None
        name, value = sent[0]
        return f"`{name}: {shorten(value, 60)}` is sent: the API key in it is empty, or was not set"

    return wrong


def _complete(_: bool, dialect: Dialect) -> Wrong:
    def wrong(request: Request) -> str | None:
        try:
            asked = dialect.asked(request, lookup(_STRICT))
        except Refused as refused:
            return f"the API refuses the request: {refused}"
        if not asked.model:
            return "the request names no model"
        return None if asked.last_user else "the request asks nothing: it has no text of a user"

    return wrong


_DEMANDS: dict[str, Callable[[Any, Dialect], Wrong]] = {
    "accept": _accept,
    "type": _type,
    "key": _key,
    "complete": _complete,
}
