"""The chat-completions dialect: which call a fragment of a tool call belongs to, as services number them.

OpenAI gives each call an index, an id and a name in its first fragment, and the index alone in the others. Ollama sends
whole calls, all with index 0 and ids of their own; Gemini's and Mistral's compatible APIs leave the index out; others
give each fragment of one call a new index.
Sources: https://platform.openai.com/docs/api-reference/chat-streaming, https://github.com/vercel/ai/issues/14277,
https://github.com/openai/openai-python/issues/3246, https://github.com/agno-agi/agno/issues/8880,
https://github.com/mudler/LocalAI/issues/9722
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from orharness.dialects.completion import ToolCall


@dataclass
class CallParts:
    """One call as it grows. ``index``: as the service numbers it, ``None`` where it does not.

    ``before``: the call that the fragment before its first one belongs to.
    """

    index: int | None
    before: CallParts | None = None
    id: str | None = None
    name: str = ""
    arguments: list[str] = field(default_factory=list)

    def joined(self) -> ToolCall:
        """Return the call so far."""
        return ToolCall(self.name, self.text, self.id)

    @property
    def text(self) -> str:
        return "".join(self.arguments)

    def text_from_head(self) -> str:
        """Return its arguments after those of the calls before it, back to one with a name or an id."""
        texts, one = [self.text], self
        while one.anonymous and one.before is not None:
            one = one.before
            texts.append(one.text)
        return "".join(reversed(texts))

    @property
    def anonymous(self) -> bool:
        return self.id is None and not self.name

    @property
    def whole(self) -> bool:
        """Whether its arguments are all there: they are a JSON object."""
        last = next(filter(str.strip, reversed(self.arguments)), "")  # which spares the parser each earlier fragment
        return last.rstrip().endswith("}") and _is_object(self.text)


class Calls:
    """The calls of one choice."""

    def __init__(self) -> None:
        self._calls: list[CallParts] = []
        self._last: CallParts | None = None

    def take(self, index: int | None, id_: str | None, name: str, arguments: str, position: int) -> None:
        """Add a fragment. ``position``: its place among the fragments of its chunk."""
        call = self._found(index, id_, name, arguments, position)
        if call is None:
            call = CallParts(index, self._last)
            self._calls.append(call)
        # The name and the id come whole; services that repeat them in each fragment mean the same ones.
        call.id = call.id or id_
        call.name = call.name or name
        call.arguments.append(arguments)
        self._last = call

    def joined(self) -> tuple[ToolCall, ...]:
        """Return the calls by their index; those without one, or that share one, in the order in which they came."""
        calls = self._merged()
        ordered = sorted(enumerate(calls), key=lambda one: one[0] if one[1].index is None else one[1].index)
        return tuple(call.joined() for _, call in ordered)

    def problems(self) -> Iterator[str]:
        """Yield what cannot be known: fragments that may be a call of their own, or belong to another one."""
        for call in self._merged():
            if call.anonymous and call.before is not None and call.text:
                yield f"the arguments {call.text[:80]!r} have neither a name nor an id: the call before them is whole"

    def _merged(self) -> list[CallParts]:
        """Return copies of the calls, in which each tail with an index of its own is part of the call before it."""
        merged: list[CallParts] = []
        copies: dict[int, CallParts] = {}
        for call in self._calls:
            before = None if call.before is None else copies[id(call.before)]
            if before is not None and call.anonymous and not before.whole:
                before.arguments.append(call.text)
                copies[id(call)] = before
            else:
                copies[id(call)] = copy = CallParts(call.index, before, call.id, call.name, list(call.arguments))
                merged.append(copy)
        return merged

    def _found(self, index: int | None, id_: str | None, name: str, arguments: str, position: int) -> CallParts | None:
        """Return the call that a fragment continues; ``None`` if it begins one."""
        if id_ is not None and (same := self._with_id(id_, index, name)) is not None:
            return same
        last = self._numbered(index) if index is not None else self._unnumbered(id_, name, position)
        if last is None or self._begins(last, index, id_, name, arguments):
            return None
        return last

    def _with_id(self, id_: str, index: int | None, name: str) -> CallParts | None:
        """Return the call with this id: one of this index, or else one that the fragment can only continue."""
        named = [one for one in self._calls if one.id == id_]
        exact = next((one for one in named if index in (None, one.index)), None)
        return exact or (named[-1] if named and not name else None)

    def _numbered(self, index: int) -> CallParts | None:
        return next((one for one in reversed(self._calls) if one.index == index), None)

    def _unnumbered(self, id_: str | None, name: str, position: int) -> CallParts | None:
        if id_ is None and not name and 0 < position < len(self._calls):
            return self._calls[position]
        return self._calls[-1] if self._calls else None

    @staticmethod
    def _begins(last: CallParts, index: int | None, id_: str | None, name: str, arguments: str) -> bool:
        """Whether a fragment begins a call after ``last``, the one that its index names, or that came last."""
        if last.anonymous and last.before is not None and name:  # the tail of a call, not the head of this one
            return _is_object(last.text_from_head())
        # What is added to a whole JSON object is a JSON object of another call.
        after_whole = last.whole and bool(arguments.strip())
        if id_ is not None and last.id is not None:
            return bool(name) or after_whole
        if not (name and last.name):
            return False
        if name != last.name or after_whole:
            return True
        return index is None and (last.whole or not last.text)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
