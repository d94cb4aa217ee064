"""The tool calls that a client keeps on itself, in a list named ``calls``, instead of handing them over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orharness.parts import ToolCall


class KeptCalls:
    """What a client has in its attribute ``calls`` before a run; made when the run begins."""

    def __init__(self, client: object) -> None:
        self._client = client
        self._list = _calls_of(client)
        self._before = len(self._list or ())

    def added(self) -> list[ToolCall]:
        """Return the calls of this run: what was added to the list, or all of another list."""
        found = _calls_of(self._client) or []
        return [_call(one) for one in (found[self._before :] if found is self._list else found)]


def _calls_of(client: object) -> list[Any] | None:
    """Return the list; ``None`` if the client has none, or one of something else."""
    found = getattr(client, "calls", None)
    return found if isinstance(found, list) and all(map(_is_call, found)) else None


def _is_call(one: object) -> bool:
    return isinstance(one, ToolCall) or (
        isinstance(one, Mapping) and isinstance(one.get("name"), str) and isinstance(one.get("arguments"), str)
    )


def _call(one: Any) -> ToolCall:
    return one if isinstance(one, ToolCall) else ToolCall(one["name"], one["arguments"], one.get("id"))
