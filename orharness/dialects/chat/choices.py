"""The chat-completions dialect: one choice of an answer as it grows, from deltas, whole messages and legacy fields.

Some services send a ``message`` with the whole answer, or all of it so far, beside the delta or in place of it, as in
an answer that is not streamed: https://github.com/HybridAIOne/hybridclaw/pull/1325. ``function_call`` is the API's
older form of a tool call: https://platform.openai.com/docs/api-reference/chat-streaming.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from orharness.dialects.answer import Choice
from orharness.dialects.chat.calls import Calls
from orharness.dialects.completion import ToolCall


@dataclass
class Parts:
    """What the deltas of a choice, or one of its messages, say."""

    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    calls: Calls = field(default_factory=Calls)
    function_calls: Calls = field(default_factory=Calls)

    def tool_calls(self) -> tuple[ToolCall, ...]:
        """Return the tool calls; those of the older form if there are no others."""
        return self.calls.joined() or self.function_calls.joined()


@dataclass
class ChoiceParts:
    """One choice as it grows."""

    deltas: Parts = field(default_factory=Parts)
    messages: list[Parts] = field(default_factory=list)
    finish_reason: str | None = None
    native_finish_reason: str | None = None

    def joined(self) -> Choice:
        """Return the choice so far."""
        text, reasoning, refusal = (whole(self._streamed(kind), self._told(kind)) for kind in _TEXTS)
        calls = self.deltas.tool_calls() or self._told_calls()
        return Choice(text, reasoning, refusal, calls, self.finish_reason, self.native_finish_reason)

    def problems(self) -> Iterator[str]:
        """Yield what of the choice cannot be known."""
        yield from self.deltas.calls.problems()
        for kind in _TEXTS:
            streamed, told = self._streamed(kind), self._told(kind)
            if streamed and any(not _agree(streamed, one) for one in told):
                yield f"a message says another {kind} than the deltas do: {told[-1][:80]!r}"
        called, told_calls = self.deltas.tool_calls(), self._told_calls()
        if called and told_calls and called != told_calls:
            yield "a message has other tool calls than the deltas"

    def _streamed(self, kind: str) -> str:
        return "".join(getattr(self.deltas, kind))

    def _told(self, kind: str) -> list[str]:
        told = ("".join(getattr(each, kind)) for each in self.messages)
        return [text for text in told if text]

    def _told_calls(self) -> tuple[ToolCall, ...]:
        """Return the calls of the last message that has some."""
        return next(filter(None, (each.tool_calls() for each in reversed(self.messages))), ())


_TEXTS = ("text", "reasoning", "refusal")


def whole(streamed: str, told: Sequence[str]) -> str:
    """Return the text of a choice, from that of its deltas and that of each of its messages.

    Messages without deltas are all of the text so far where each begins with the one before it, and else pieces of it.
    Beside deltas a message is all of it so far; one that says something else is not counted.
    """
    if not streamed:
        grows = all(after.startswith(before) for before, after in pairwise(told))
        return told[-1] if told and grows else "".join(told)
    return max((streamed, *(one for one in told if one.startswith(streamed))), key=len)


def _agree(streamed: str, told: str) -> bool:
    """Whether one of the two is the beginning of the other. A message may have lost the blanks at its ends."""
    streamed, told = streamed.strip(), told.strip()
    return streamed.startswith(told) or told.startswith(streamed)
