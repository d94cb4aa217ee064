"""The condition of a recorded interaction: which requests it answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from orharness.cassette.interaction import Interaction, RecordedRequest
from orharness.errors import ScenarioError
from orharness.journal import Request
from orharness.lazy import Deferred
from orharness.scenario import multipart
from orharness.scenario.difference import difference, json_difference
from orharness.scenario.table import body_of

if TYPE_CHECKING:
    import orharness.cassette.secrets as secrets
    import orharness.redaction as redaction
    import orharness.redaction.credentials as credentials
    import orharness.verdict as verdict
    from orharness.cassette.filters import Filters
else:  # a first request does not wait for their import
    secrets = Deferred("orharness.cassette.secrets")
    redaction = Deferred("orharness.redaction")
    credentials = Deferred("orharness.redaction.credentials")
    verdict = Deferred("orharness.verdict")

Matcher = Callable[[Any, Any], Any]
"""A matcher as vcrpy's: takes the live and the recorded request; returns a falsy value but ``None``, or raises an
``AssertionError`` with the reason, where they do not match."""

MatchOn = Iterable[str | Matcher]

DEFAULT = ("method", "path", "body")
_PLAYED_LOCALLY = ("scheme", "host", "port")
_OF_A_CLIENT = {"accept-encoding", "connection", "content-length", "host", "transfer-encoding"}


@dataclass(frozen=True)
class Matching:
    """What of a request must be as it was recorded.

    ``names``: of ``method``, ``path`` (after the API prefix), ``query``, ``uri`` (path and query), ``headers``,
    ``body`` (JSON as JSON, multipart part by part) and ``raw_body``. The method always counts. ``matchers``: functions,
    as vcrpy's. Raises ``ScenarioError`` for another name.
    """

    names: tuple[str, ...] = DEFAULT
    matchers: tuple[Matcher, ...] = ()

    @classmethod
    def of(cls, given: MatchOn | None) -> Matching:
        """Return what ``match_on`` says, ``None`` for the default."""
        if given is None:
            return cls()
        given = [given] if isinstance(given, str) else list(given)
        names = tuple(one for one in given if isinstance(one, str))
        for name in names:
            _check(name)
        others = [one for one in given if not isinstance(one, str)]
        if wrong := [one for one in others if not callable(one)]:
            raise ScenarioError(f"match_on takes names and functions of two requests, not {wrong[0]!r}")
        return cls(names, tuple(others))

    @property
    def any_path(self) -> bool:
        """Whether the path does not count."""
        return not {"path", "uri"} & set(self.names)


def _check(name: str) -> None:
    if name in _PLAYED_LOCALLY:
        raise ScenarioError(
            f"match_on {name!r} cannot hold: in a replay each client asks a server on 127.0.0.1; leave it out"
        )
    known = ("method", "uri", *_PARTS)
    if name not in known:
        raise ScenarioError(f"match_on knows {', '.join(known)}, not {name!r}{verdict.did_you_mean([name], known)}")


@dataclass(frozen=True)
class AsRecorded:
    """A condition: the request is as the recorded one, in the parts that count; method and path are the route's.

    A body that differs is compared once more as the recorder would have written it: secrets are not in a cassette, and
    what the user's ``filters`` remove is not either.
    """

    interaction: Interaction
    filters: Filters | None = None
    matching: Matching = Matching()

    def __call__(self, request: Request) -> bool:
        return not self.difference(request)

    def difference(self, request: Request) -> list[str]:
        """One sentence for each thing that differs."""
        names = dict.fromkeys("query" if name == "uri" else name for name in self.matching.names)
        found = [line for name in names if name in _PARTS for line in _PARTS[name](self, request)]
        return found or [line for one in self.matching.matchers for line in self._said(one, request)]

    @cached_property
    def facts(self) -> dict[tuple[str, ...], Hashable]:
        """What a request must have to match, see ``table.facts_of``; empty where a body that differs may match."""
        if "body" not in self.matching.names or self.filters is not None or self._has_placeholder:
            return {}
        if redaction.redacted(self._recorded.body) != self._recorded.body:
            return {}
        return {("body",): body_of(self._recorded)}

    # --- parts ----------------------------------------------------------------------------------------------------

    def of_path(self, request: Request) -> list[str]:
        """Nothing: the path is the route's."""
        return []

    def of_body(self, request: Request) -> list[str]:
        """Return where the body differs: as JSON, or by parts, if both are that."""
        plain = _of_bodies(self._recorded, request)
        if not plain:
            return []
        return self._once_more(request, lambda recorded, asked: _of_bodies(_with_body(recorded), _with_body(asked)))

    def of_raw_body(self, request: Request) -> list[str]:
        """Return a sentence where the bytes of the body differ."""
        if request.body == self._recorded.body:
            return []
        return self._once_more(request, lambda recorded, asked: _of_bytes(_with_body(recorded), _with_body(asked)))

    def of_query(self, request: Request) -> list[str]:
        """Return a sentence where the parameters differ, in any order, but for those that authenticate."""
        uris = self.interaction.request.uri, self._filtered(request).uri  # an older recorder knew fewer secret names
        recorded, asked = (
            sorted(parse_qsl(urlsplit(secrets.scrub_uri(uri)).query, keep_blank_values=True)) for uri in uris
        )
        return [] if _alike(recorded, asked) else [f"query: expected {recorded!r}, got {asked!r}"]

    def of_headers(self, request: Request) -> list[str]:
        """Return a sentence for each recorded header that differs, but for those that are not kept or computed."""
        asked = {name.lower(): value for name, value in secrets.scrub(self._filtered(request).headers)}
        found = []
        for name, value in self.interaction.request.headers:
            if name.lower() not in _OF_A_CLIENT and value != redaction.PLACEHOLDER:
                found += difference(f"header {name}", _stable(name, value), _stable(name, asked.get(name.lower())))
        return found

    def _said(self, matcher: Matcher, request: Request) -> list[str]:
        """Return why a function finds that the requests do not match; it gets them as vcrpy's requests."""
        from orharness.cassette.codec import request_for_vcrpy  # only a function that a user wrote needs vcrpy

        live, recorded = (request_for_vcrpy(one) for one in (self._filtered(request), self.interaction.request))
        name = getattr(matcher, "__name__", repr(matcher))
        try:
            said = matcher(live, recorded)
        except AssertionError as error:
            return [f"{name}: {error}" if str(error) else f"the matcher {name} said no"]
        return [] if said is None or said else [f"the matcher {name} said no"]

    # --- what the recorder leaves out -----------------------------------------------------------------------------

    def _once_more(self, request: Request, compare: Callable[[bytes, bytes], list[str]]) -> list[str]:
        body, hidden = self._filtered(request).body, credentials.secrets_of(request.headers)
        found = compare(redaction.redacted(self._recorded.body), redaction.redacted(body, hidden))
        if found and self._has_placeholder:  # it may have been recorded without personal data
            recorded = redaction.redacted(self._recorded.body, personal=True)
            asked = redaction.redacted(body, hidden, personal=True)
            return compare(recorded, asked) and found
        return found

    @cached_property
    def _recorded(self) -> Request:
        return _with_body(self.interaction.request.body)

    @property
    def _has_placeholder(self) -> bool:
        plain = self._recorded.body
        placeholder = redaction.PLACEHOLDER.encode()
        return placeholder in plain or placeholder in plain.replace(b"\0", b"")  # as it is in UTF-16

    def _filtered(self, request: Request) -> RecordedRequest:
        """Return the request as the filters leave it, at the recorded host: unchanged if they leave it out."""
        query = f"?{request.query}" if request.query else ""
        host = urlsplit(self.interaction.request.uri)
        origin = f"{host.scheme}://{host.netloc}" if host.netloc else ""
        asked = RecordedRequest(request.method, f"{origin}{request.path}{query}", request.headers, request.body)
        return asked if self.filters is None else self.filters.request(asked) or asked

    def __str__(self) -> str:
        return "the body is the recorded one" if self.matching == Matching() else "it is as recorded"


_PARTS: dict[str, Callable[[AsRecorded, Request], list[str]]] = {
    "path": AsRecorded.of_path,
    "query": AsRecorded.of_query,
    "headers": AsRecorded.of_headers,
    "body": AsRecorded.of_body,
    "raw_body": AsRecorded.of_raw_body,
}


def _with_body(body: bytes) -> Request:
    return Request("", "", body=body)


def _stable(name: str, value: str | None) -> str | None:
    """Return the value without the boundary of a multipart body, which a client draws anew for each request."""
    if value is None or name.lower() != "content-type":
        return value
    return re.sub(r'(?i)(multipart/[^;]*);\s*boundary=("[^"]*"|[^;\s]*)', r"\1", value)


def _of_bodies(recorded: Request, asked: Request) -> list[str]:
    if recorded.json is not None and asked.json is not None:
        return json_difference(recorded.json, asked.json)
    parts, others = multipart.parts_of(recorded.body), multipart.parts_of(asked.body)
    if parts is not None and others is not None:
        return multipart.difference(parts, others)
    return _of_bytes(recorded, asked)


def _of_bytes(recorded: Request, asked: Request) -> list[str]:
    if recorded.body == asked.body:
        return []
    return [f"body: expected {recorded.text[:60]!r}, got {asked.text[:60]!r}"]


def _alike(recorded: list[tuple[str, str]], asked: list[tuple[str, str]]) -> bool:
    """Whether the parameters are the same; a recorded value that was not kept is like any other."""
    pairs = zip(recorded, asked, strict=True) if len(recorded) == len(asked) else [(("", ""), ("other", ""))]
    return all(one == other or (one[0] == other[0] and one[1] == redaction.PLACEHOLDER) for one, other in pairs)
