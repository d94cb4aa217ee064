"""Routes, which select replies, and the reasons why a request does not match one.

Matching *is* an empty difference: ``Route.difference`` returns one sentence for each mismatch, and a route matches if
there is none. The same sentences are in the journal and in the text of a failed test.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

from orharness.dialects import DIALECTS, Asked, Refused
from orharness.dialects.completion import Completion
from orharness.dialects.paths import fits
from orharness.errors import ScenarioError
from orharness.gateways import ONEROUTER
from orharness.journal import Request
from orharness.journal.expectation import Expectation
from orharness.scenario.difference import difference, json_difference
from orharness.scenario.paths import api_path
from orharness.scenario.reply import Reply

When = Mapping[str, Any] | Callable[[Request], bool]


class Turns(StrEnum):
    """What chooses among the replies of a route."""

    ORDER = "order"
    """The number of its requests so far: the first gets the first reply."""
    CONVERSATION = "conversation"
    """The number of the model's turns in the conversation that the request carries: the first turn is the first reply,
    whatever other clients ask at the same time."""


@dataclass(frozen=True)
class Route:
    """Requests of one method and path, with a condition, and their replies in turn; the last one repeats.

    ``path``: a template (``dialects.paths``), ``None`` for any path of a dialect. ``when``: a mapping of conditions
    (those of ``CONDITIONS``), or a function of the request. ``times``: how many requests it answers, ``None`` for any
    number. ``choose``: selects the reply by more than the turn, see ``reply_to``. ``expect``: the expected result of
    each call. ``by``: what the turn is. Raises ``ScenarioError`` for an impossible path or condition.
    """

    method: str
    path: str | None
    replies: tuple[Reply, ...]
    when: When | None = None
    times: int | None = None
    choose: Callable[[Request, int], tuple[Reply, str | None]] | None = field(default=None, compare=False)
    expect: Expectation | None = None
    by: Turns = Turns.ORDER

    def __post_init__(self) -> None:
        if self.path is not None and not (isinstance(self.path, str) and self.path.startswith("/")):
            raise ScenarioError(f"a path is a text that begins with a slash, not {self.path!r}")
        if not (self.when is None or callable(self.when) or isinstance(self.when, Mapping)):
            raise ScenarioError(
                f"when= is a mapping of {', '.join(CONDITIONS)}, or a function of the request; not {self.when!r}"
            )
        if isinstance(self.when, Mapping) and (unknown := set(self.when) - set(CONDITIONS)):
            raise ScenarioError(
                f"when= knows {', '.join(CONDITIONS)}, not {', '.join(sorted(map(repr, unknown)))};"
                " for anything else pass a function of the request"
            )
        if self.by is Turns.CONVERSATION:
            object.__setattr__(self, "replies", tuple(_told_apart(self.replies)))

    @cached_property
    def name(self) -> str:
        """The route's name in reports."""
        condition = "" if self.when is None else f" when {_described(self.when)}"
        return f"{self.method} {self.path or 'any dialect'}{condition}"

    @property
    def completes(self) -> bool:
        """Whether it answers with a completion: then it acts as an API, and checks requests as that does."""
        return any(isinstance(reply.body, Completion) for reply in self.replies)

    @property
    def replays(self) -> bool:
        """Whether it is one of a cassette's recorded exchanges: then nothing is answered that was not recorded."""
        return False

    def turn_of(self, request: Request, calls: int, sent: Mapping[str, int]) -> int:
        """Return the number of the reply to the request, from 0.

        ``calls``: the number of its requests so far. ``sent``: the number of the reply in which an id was sent, for a
        request that names the answer which it goes on from, and carries no more of the conversation.
        """
        if self.by is Turns.ORDER:
            return calls
        conversation = asked_of(request).conversation
        before = None if conversation.previous is None else sent.get(conversation.previous)
        return conversation.steps if before is None else before + 1 + conversation.steps

    def reply_to(self, request: Request, turn: int) -> tuple[Reply, str | None]:
        """Return the reply to its request number ``turn`` (from 0).

        The second value says how the request differs from the recorded one that gets this reply, ``None`` if it does
        not.
        """
        if self.choose is not None:
            return self.choose(request, turn)
        return self.replies[min(turn, len(self.replies) - 1)], None

    @cached_property
    def endpoints(self) -> tuple[str, ...] | None:
        """The paths or templates at which it answers, without the API prefix; ``None`` for every path of a dialect."""
        return None if self.path is None else DIALECTS.spellings(api_path(self.path))

    def is_at(self, path: str) -> bool:
        """Return whether that is its path, with or without the API prefix."""
        endpoints = self.endpoints
        if endpoints is None:
            return DIALECTS.at(path) is not None
        asked = api_path(path)
        return asked in endpoints or any(fits(endpoint, asked) for endpoint in endpoints)

    def difference(self, request: Request) -> list[str]:
        """Return one sentence for each mismatch; none means that it matches.

        An error in a predicate is raised here: a broken predicate is not a request that does not match.
        """
        found = []
        if request.method != self.method:
            found.append(f"method: expected {self.method}, got {request.method}")
        if not self.is_at(request.path):
            found.append(f"path: expected {self._path_for(request)}, got {request.path}")
        return found or self.unmet(request)  # a condition on the body of another endpoint says nothing

    def unmet(self, request: Request) -> list[str]:
        """Return one sentence for each mismatch with the condition, of a request to the route's method and path."""
        if self.when is None:
            return []
        if callable(self.when):
            if self.when(request):
                return []
            explain = getattr(self.when, "difference", None)  # a condition that can give reasons
            return explain(request) if explain else [f"the condition {_described(self.when)} said no"]
        return [line for key, expected in self.when.items() for line in CONDITIONS[key](request, expected)]

    def _path_for(self, request: Request) -> str:
        """Return the path under the request's API prefix."""
        if self.path is None:
            return " or ".join(f"…{end}" for one in DIALECTS.values() for end in one.paths)
        prefix = request.path.removesuffix(api_path(request.path)) if self.path == api_path(self.path) else ""
        return f"{prefix}{self.path}"


def _told_apart(replies: Iterable[Reply]) -> Iterator[Reply]:
    """Yield the replies, equal completions each a second later than the one before.

    Their ids are made from what they say and when: a request that names an answer to go on from then means one turn.
    """
    seen: Counter[Completion] = Counter()
    for reply in replies:
        if isinstance(reply.body, Completion) and reply.body.id is None:
            seen[reply.body] += 1
            created = reply.body.created + seen[reply.body] - 1
            yield reply if created == reply.body.created else replace(reply, body=replace(reply.body, created=created))
        else:
            yield reply


def _described(when: When) -> str:
    if callable(when):
        return str(getattr(when, "__name__", when))
    return ", ".join(f"{key}={value!r}" for key, value in when.items())


def asked_of(request: Request) -> Asked:
    """Return what the request asks for in the dialect of its path; as far as readable if the API would refuse it."""
    try:
        return (DIALECTS.at(request.path) or DIALECTS.default).asked(request, ONEROUTER)
    except Refused as refused:
        return refused.asked or Asked()


def _sent_headers(request: Request, expected: Mapping[str, Any]) -> list[str]:
    return [
        line for name, value in expected.items() for line in difference(f"header {name}", value, request.header(name))
    ]


def _offered(expected: Any, tools: Sequence[str]) -> list[str]:
    """Compare the tools that the model may call: ``True`` is any, ``False`` none, any other value is that of one."""
    if isinstance(expected, bool):
        return difference("tools", expected, bool(tools))
    fits = any(not difference("tools", expected, name) for name in tools)
    return [] if fits else [f"tools: expected one that is {expected!r}, got {', '.join(map(repr, tools)) or 'none'}"]


Condition = Callable[[Request, Any], list[str]]
ASKED: dict[str, Callable[[Asked], Any]] = {
    "model": lambda asked: asked.model,
    "turn": lambda asked: asked.turn,
    "last_user": lambda asked: asked.last_user,
    "step": lambda asked: asked.conversation.steps,
    "has_tool_result": lambda asked: bool(asked.conversation.results),
    "last_tool": lambda asked: asked.conversation.last_tool,
    "tool_result": lambda asked: asked.conversation.tool_result,
}
"""The conditions that are about one value of what a request asks for, and that value."""


def _about(name: str) -> Condition:
    return lambda request, expected: difference(name, expected, ASKED[name](asked_of(request)))


CONDITIONS: dict[str, Condition] = {
    **{name: _about(name) for name in ASKED},
    "tools": lambda request, expected: _offered(expected, asked_of(request).tools),
    "headers": _sent_headers,
    "json": lambda request, expected: json_difference(expected, request.json, partial=True),
}


def select(routes: Sequence[tuple[Route, int]], request: Request) -> int | None:
    """Return the index of the route that answers (each with the number of its calls so far), ``None`` if none does.

    A route with a condition comes before one without. Among the rest it is the first that has had no request yet, else
    the last: so that two replies to the same request are given in the order in which they were written.
    """
    fitting = [index for index, (route, calls) in enumerate(routes) if _fits(route, calls, request)]
    conditional = [index for index in fitting if routes[index][0].when is not None] or fitting
    if not conditional:
        return None
    return next((index for index in conditional if not routes[index][1]), conditional[-1])


def _fits(route: Route, calls: int, request: Request) -> bool:
    there = request.method == route.method and route.is_at(request.path)
    return there and not _is_used_up(route, calls) and not route.unmet(request)


def _is_used_up(route: Route, calls: int) -> bool:
    return route.times is not None and calls >= route.times


def why_none(routes: Sequence[tuple[Route, int]], request: Request) -> str:
    """Return why no route answers: the differences from the nearest three."""
    reasons = []
    for route, calls in routes:
        lines = route.difference(request) or [f"it has answered {calls} of {route.times} requests already"]
        reasons.append((len(lines), "\n".join([f"  {route.name}", *(f"    {line}" for line in lines)])))
    nearest = [text for _, text in sorted(reasons, key=lambda reason: reason[0])[:3]]
    heading = f"no route answers {request.method} {request.path}"
    return "\n".join([f"{heading}; the nearest:", *nearest]) if nearest else f"{heading}: no reply is set up"
