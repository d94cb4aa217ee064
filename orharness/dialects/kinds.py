"""The type of an event in APIs that give each event one: in its JSON, in its name, or in both."""

from __future__ import annotations

from orharness.dialects.values import at, parsed
from orharness.sse import Event

DONE = "[DONE]"  # not an event of these APIs; some gateways send it after the last one


def kind_of(event: Event) -> str | None:
    """Return the type of an event: that of its JSON, else its name; ``[DONE]`` as itself, ``None`` if it has none.

    Only the type decides. A chat chunk has none, so one that an odd server adds must not make it another API's.
    """
    if event.data == DONE:
        return DONE
    # Each event of a recording is tested in each API, and most are chat chunks: do not parse those.
    named = event.type != "message" or '"type"' in event.data
    data = parsed(event.data) if named and event.data.startswith("{") else None
    if at(data, "choices") is not None:
        return None
    said = at(data, "type")
    if isinstance(said, str):
        return said
    return None if event.type == "message" else event.type
