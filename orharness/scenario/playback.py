"""Recorded interactions as routes: each once for a test, or repeatedly for a server that runs for long."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from heapq import merge
from itertools import groupby
from typing import TYPE_CHECKING, Unpack

from orharness.cassette.interaction import Interaction
from orharness.journal import Pacing, Request
from orharness.scenario.matching import AsRecorded, Matching, MatchOn
from orharness.scenario.options import ModelOptions, Through
from orharness.scenario.paths import api_path
from orharness.scenario.reply import Reply
from orharness.scenario.route import Route
from orharness.scenario.table import body_of
from orharness.stream import Chunk

if TYPE_CHECKING:
    from orharness.cassette.filters import Filters

_LAST_IN_A_PATH = re.compile(r"/(?:(?:chat/)?completions|embeddings|api/(?:chat|generate))$")
_ANY_PATH = "/{any}"
_WITHIN_A_PATH = re.compile(r"/(?:responses|messages|models)(?=/|$)")


def interaction_routes(
    interactions: Sequence[Interaction],
    through: Through = (),
    pacing: Pacing | str | None = None,
    filters: Filters | None = None,
    match_on: MatchOn | None = None,
    allow_playback_repeats: bool = False,
    delays: bool = True,
    **model: Unpack[ModelOptions],
) -> list[Route]:
    """Return a route for each interaction: it answers one request with the same method, endpoint and JSON body.

    ``filters``: those with which it was recorded; a request passes through them before it is compared. ``match_on``:
    what else counts, or does not, see ``Matching``. ``allow_playback_repeats``: each answers any number of requests;
    of several for one request, each is played once before the last one repeats. ``delays``: whether it takes the time
    that was recorded, before the head and between chunks.
    """
    matching = Matching.of(match_on)
    played = interactions if delays else [_at_once(one) for one in interactions]
    return [
        _Recorded(
            one.request.method,
            _ANY_PATH if matching.any_path else _endpoint_of(_path(one)),
            (Reply.recorded(one, through=through, pacing=pacing, **model),),
            AsRecorded(one, filters, matching),
            times=None if allow_playback_repeats else 1,
            recorded=(_path(one),),
        )
        for one in played
    ]


def _at_once(one: Interaction) -> Interaction:
    """Return the interaction with its chunks, and without any delay."""
    chunks = tuple(Chunk(chunk.data) for chunk in one.stream.chunks)
    return replace(one, head=0.0, stream=replace(one.stream, chunks=chunks))


def serving_routes(
    interactions: Sequence[Interaction],
    through: Through = (),
    pacing: Pacing | str | None = None,
    **model: Unpack[ModelOptions],
) -> list[Route]:
    """Return a route for each method and path: an equal body first, else in recorded order; the last one repeats."""
    in_order = sorted(interactions, key=_endpoint)
    ordered = [(one, Reply.recorded(one, through=through, pacing=pacing, **model)) for one in in_order]
    grouped = groupby(ordered, key=lambda pair: _endpoint(pair[0]))
    return [_serving_route(method, path, list(group)) for (method, path), group in grouped]


def _serving_route(method: str, path: str, answered: list[tuple[Interaction, Reply]]) -> Route:
    """Return the route of one endpoint, given its interactions in recorded order and the reply of each."""
    recorded = [interaction for interaction, _ in answered]
    replies = tuple(reply for _, reply in answered)
    paths = [_path(one) for one in recorded]
    order = _Order(recorded, paths)

    def choose(request: Request, turn: int) -> tuple[Reply, str | None]:
        index, equal = order.next_for(request)
        return replies[index], None if equal else "; ".join(AsRecorded(recorded[index]).difference(request))

    return _Recorded(method, path, replies, choose=choose, recorded=tuple(paths))


class _Order:
    """The order in which the interactions of one endpoint answer: equal bodies first, then in recorded order.

    Bodies are looked up, since there may be thousands.
    """

    def __init__(self, recorded: Sequence[Interaction], paths: Sequence[str]) -> None:
        self._by_path: dict[str, list[int]] = {}
        self._by_body: dict[tuple[str | None, Hashable], list[int]] = {}
        self._by_search: dict[str | None, list[int]] = {}  # those whose body is not simply equal
        self._played: set[int] = set()  # not the turn, which also counts answers to other bodies
        self._all = range(len(recorded))
        self._bodies = [AsRecorded(one) for one in recorded]
        for index, (body, path) in enumerate(zip(self._bodies, paths, strict=True)):
            self._by_path.setdefault(path, []).append(index)
            for at in (path, None):
                if body.facts:
                    self._by_body.setdefault((at, body.facts["body",]), []).append(index)
                else:
                    self._by_search.setdefault(at, []).append(index)

    def next_for(self, request: Request) -> tuple[int, bool]:
        """Return the index of the interaction that answers, and whether its body equals the request's."""
        asked = api_path(request.path)
        there = asked in self._by_path
        possible = self._by_path[asked] if there else self._all
        at = asked if there else None
        same = merge(self._by_body.get((at, body_of(request)), ()), self._by_search.get(at, ()))
        equal = [index for index in same if self._bodies[index](request)]
        fitting = equal or possible
        index = next((one for one in fitting if one not in self._played), fitting[-1])
        self._played.add(index)
        return index, bool(equal)


@dataclass(frozen=True)
class _Recorded(Route):
    """A route under our API prefix or under a recorded path: gateways differ in the base path.

    ``path`` is the endpoint alone, ``recorded`` the paths with the base path of their gateways.
    """

    recorded: tuple[str, ...] = ()

    @property
    def replays(self) -> bool:
        """Not where requests choose among all that was recorded, as ``serving_routes`` has it."""
        return isinstance(self.when, AsRecorded)

    @cached_property
    def endpoints(self) -> tuple[str, ...] | None:
        """Its path and the recorded ones, without other bases: each of two deployments answers its own requests."""
        own = () if self.path is None else (api_path(self.path),)
        return tuple(dict.fromkeys((*own, *self.recorded)))


def _endpoint(interaction: Interaction) -> tuple[str, str]:
    return interaction.request.method, _endpoint_of(_path(interaction))


def _endpoint_of(path: str) -> str:
    """Return what comes after the gateway's base path (such as Groq's ``/openai/v1``) if the endpoint is well known."""
    if "/threads/" in path:  # these have messages of their own
        return path
    found = _LAST_IN_A_PATH.search(path) or _WITHIN_A_PATH.search(path)
    return path[found.start() :] if found else path


def _path(interaction: Interaction) -> str:
    return api_path(interaction.request.path)
