"""Answers of very many events: ``many: {events: 1000}`` in the place of ``events``, all sent at once.

Two texts take turns: some clients take the same text a hundred times in a row for a model that loops.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orharness.contract.catalogue.roles import ROLE
from orharness.dialects import Dialect, Part
from orharness.errors import Inexpressible, ScenarioError

_TEXTS = ("word ", "more ")


def written(given: Mapping[str, Any], dialect: Dialect) -> bytes:
    """Return the body of such an answer. Raises ``Inexpressible`` in an API without an event that adds a text."""
    pairs = _pairs(given)
    events = [dialect.event_of(Part(text=text)) for text in _TEXTS]
    first = [dialect.event_of(Part(text=_TEXTS[0], role=ROLE)), *events[1:]]
    parts = (Part(finish="stop"), Part(end=True))
    ending = [event for part in parts if (event := dialect.event_of(part)) is not None]
    around = ((*dialect.opening,), (*dialect.closing(said(given)), *ending))
    before, after = (dialect.frame.encode(*some, newline=dialect.newline) for some in around)
    opened, added = ([event for event in some if event is not None] for some in (first, events))
    if len(added) < len(_TEXTS):
        raise Inexpressible(f"the dialect {dialect.name} has no event that adds a text")
    one, others = (dialect.frame.encode(*some, newline=dialect.newline) for some in (opened, added))
    return before + one + others * (pairs - 1) + after


def said(given: Mapping[str, Any]) -> str:
    """Return the text of such an answer."""
    return "".join(_TEXTS) * _pairs(given)


def _pairs(given: Mapping[str, Any]) -> int:
    number = given.get("events")
    if set(given) != {"events"} or not isinstance(number, int) or number < 2 or number % 2:
        raise ScenarioError(f"many is an even number of events, as in {{events: 1000}}; not {dict(given)!r}")
    return number // 2
