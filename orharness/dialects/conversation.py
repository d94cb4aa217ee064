"""The state of a conversation: how often the model has spoken in it, and the results of tools that it goes on from.

Each dialect reads its messages into these words, so that a reply can depend on them in any API.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from orharness.dialects.values import at, dumps, list_at


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool returned: its name (``None`` where the request does not say it), and the result as text."""

    tool: str | None
    text: str = ""


class Speaker(Enum):
    """Who says a message that is not the result of a tool."""

    MODEL = "model"
    OTHER = "other"  # the user, or a system message


Said = Speaker | ToolResult


@dataclass(frozen=True, slots=True)
class Conversation:
    """The state of a conversation that a request carries.

    ``steps``: how often the model has spoken; messages of its own in a row count as one answer. ``results``: those of
    tools that have come since. ``previous``: the id of the answer that the request goes on from, where the API keeps
    conversations itself.
    """

    steps: int = 0
    results: tuple[ToolResult, ...] = ()
    previous: str | None = None

    @classmethod
    def of(cls, said: Iterable[Said], previous: object = None) -> Conversation:
        """Return the state of a conversation of these messages."""
        steps, results, before = 0, list[ToolResult](), None
        for one in said:
            if isinstance(one, ToolResult):
                results.append(one)
            elif one is Speaker.MODEL:
                steps += before is not Speaker.MODEL
                results.clear()
            before = one
        return cls(steps, tuple(results), previous if isinstance(previous, str) else None)

    @property
    def last_tool(self) -> str | None:
        """The name of the tool whose result is the last one."""
        return self.results[-1].tool if self.results else None

    @property
    def tool_result(self) -> str | None:
        """The last result as text."""
        return self.results[-1].text if self.results else None


NEW = Conversation()


def named(names: Mapping[object, object], call: object) -> str | None:
    """Return the name of the tool that a call, by its id, was for; ``None`` where the conversation has no such call."""
    name = names.get(call) if isinstance(call, str) else None
    return name if isinstance(name, str) else None


def text_of(content: object) -> str:
    """Return a result as text: of a list of parts their texts, of any other value its JSON."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(str(at(part, "text") or "") for part in content)
    return "" if content is None else dumps(content)


def calls_in(body: object) -> dict[object, object]:
    """Return the name of each tool call in a request's messages, by the call's id, as chat completions write them."""
    calls = (call for message in list_at(body, "messages") for call in list_at(message, "tool_calls"))
    return {at(call, "id"): at(call, "function", "name") for call in calls if isinstance(at(call, "id"), str)}
