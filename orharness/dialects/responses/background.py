"""Background responses: what a GET of one asks for, and the numbers by which its stream is resumed.

Sources: https://developers.openai.com/api/docs/guides/background; ``response_retrieve_params`` of openai 3.57.0.
"""

from __future__ import annotations

from collections.abc import Mapping

from orharness.dialects.values import at, parsed
from orharness.sse import Event


def resumes(query: Mapping[str, str]) -> bool:
    """Return whether a GET with this query asks for the events of the response."""
    return query.get("stream") == "true"


def number_of(event: Event) -> int | None:
    """Return the sequence number of an event, ``None`` if it has none."""
    number = at(parsed(event.data), "sequence_number")
    return number if isinstance(number, int) else None
