"""The chat-completions dialect: which call a fragment of a tool call belongs to, as services number them.

OpenAI gives each call an index, an id and a name in its first fragment, and the index alone in the others. Ollama sends
whole calls, all with index 0 and ids of their own; Gemini's and Mistral's compatible APIs leave the index out.
Sources: https://platform.openai.com/docs/api-reference/chat-streaming, https://github.com/vercel/ai/issues/14277,
https://github.com/openai/openai-python/issues/3246
"""

from __future__ import annotations

from dataclasses import dataclass, field

from orharness.dialects.completion import ToolCall


@dataclass
class CallParts:
    """One call as it grows. ``index``: as the service numbers it, ``None`` where it does not."""

    index: int | None
    id: str | None = None
    name: str = ""
    arguments: list[str] = field(default_factory=list)

    def joined(self) -> ToolCall:
        """Return the call so far."""
        return ToolCall(self.name, "".join(self.arguments), self.id)


class Calls:
    """The calls of one choice."""

    def __init__(self) -> None:
        self._calls: list[CallParts] = []

    def take(self, index: int | None, id_: str | None, name: str, arguments: str, position: int) -> None:
        """Add a fragment. ``position``: its place among the fragments of its chunk."""
        call = self._found(index, id_, name, position)
        if call is None:
            call = CallParts(index)
            self._calls.append(call)
        # The name and the id come whole; services that repeat them in each fragment mean the same ones.
        call.id = call.id or id_
        call.name = call.name or name
        call.arguments.append(arguments)

    def joined(self) -> tuple[ToolCall, ...]:
        """Return the calls by their index; those without one, or that share one, in the order in which they came."""
        numbered = enumerate(self._calls)
        ordered = sorted(numbered, key=lambda one: one[0] if one[1].index is None else one[1].index)
        return tuple(call.joined() for _, call in ordered)

    def _found(self, index: int | None, id_: str | None, name: str, position: int) -> CallParts | None:
        """Return the call that a fragment continues; ``None`` if it begins one."""
        named = (one for one in self._calls if one.id == id_ and index in (None, one.index))
        if id_ is not None and (same := next(named, None)) is not None:
            return same
        if index is not None:
            numbered = [one for one in self._calls if one.index == index]
            last = numbered[-1] if numbered else None
        else:
            last = self._calls[-1] if self._calls else None
            if id_ is None and not name and position < len(self._calls) and position:
                last = self._calls[position]
        begins = last is not None and id_ is not None and last.id is not None and bool(name)
        unnumbered = last is not None and index is None and bool(name) and bool(last.name)
        return None if begins or unnumbered else last
