"""The content of a stream in any API: the result of each dialect's ``fold``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from orharness.dialects.completion import Completion, ToolCall


@dataclass(frozen=True, slots=True)
class ReportedError:
    """An error that a stream reported: its code (a status, a word, or ``None``) and message, as sent."""

    code: int | str | None
    message: str


@dataclass(frozen=True)
class Choice:
    """One choice of an answer, with its pieces joined. ``finish_reason`` is the last one that was not null."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    native_finish_reason: str | None = None


@dataclass(frozen=True)
class Answer:
    """The content of a stream. ``complete``: the end marker was seen. ``problems``: what in the stream was wrong.

    ``usage`` is the last one, as sent; ``error`` the first one. ``tokens_prompt`` and ``tokens_made`` are its counts,
    ``None`` if it has none. The other properties are those of the first choice.
    """

    choices: Mapping[int, Choice] = field(default_factory=dict)
    usage: Mapping[str, Any] | None = None
    error: ReportedError | None = None
    id: str | None = None
    model: str | None = None
    provider: str | None = None
    complete: bool = False
    problems: tuple[str, ...] = ()

    @classmethod
    def of(cls, completion: Completion) -> Answer:
        """Return the meaning of a completion that a dialect wrote and a client read to its end.

        Tool calls carry the ids that are sent. Usage, id, model and problems depend on the dialect and the gateway, so
        they are omitted; a completion with an error has what was made before the error.
        """
        grown: dict[int, Choice] = {index: Choice() for index in range(1 + len(completion.others))}
        for piece in completion.made:
            grown[piece.choice] = _grown(grown[piece.choice], piece.kind, piece.value, piece.call, completion)
        if completion.error is None:
            reasons = {index: completion.finish if index == 0 else "stop" for index in grown}
            grown = {index: replace(one, finish_reason=reasons[index]) for index, one in grown.items()}
        error = None if completion.error is None else ReportedError(completion.error.code, completion.error.message)
        return cls(grown, error=error, complete=completion.error is None)

    @property
    def first(self) -> Choice:
        """The first choice, an empty one if the stream had none."""
        return self.choices.get(0, Choice())

    @property
    def text(self) -> str:
        return self.first.text

    @property
    def texts(self) -> dict[int, str]:
        """The text of each choice, by its index."""
        return {index: choice.text for index, choice in self.choices.items()}

    @property
    def reasoning(self) -> str:
        return self.first.reasoning

    @property
    def refusal(self) -> str:
        return self.first.refusal

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return self.first.tool_calls

    @property
    def finish_reason(self) -> str | None:
        return self.first.finish_reason

    @property
    def native_finish_reason(self) -> str | None:
        return self.first.native_finish_reason

    @property
    def tokens_prompt(self) -> int | None:
        """The prompt's tokens according to the stream's own usage."""
        return self._counted("prompt_tokens", "input_tokens", "prompt_eval_count", "promptTokenCount")

    @property
    def tokens_made(self) -> int | None:
        """The answer's tokens according to the stream's own usage."""
        made, thoughts = self._counted("candidatesTokenCount"), self._counted("thoughtsTokenCount")
        if made is not None and thoughts is not None:
            return made + thoughts  # Gemini counts its thoughts apart
        names = ("completion_tokens", "output_tokens", "eval_count", "candidatesTokenCount", "thoughtsTokenCount")
        return self._counted(*names)

    def _counted(self, *names: str) -> int | None:
        counts = ((self.usage or {}).get(name) for name in names)
        return next((count for count in counts if isinstance(count, int)), None)


def _grown(choice: Choice, kind: str, value: str, call: int, completion: Completion) -> Choice:
    match kind:
        case "call":
            begun = ToolCall(value, "", completion.tool_calls[call].id_at(call))
            return replace(choice, tool_calls=(*choice.tool_calls, begun))
        case "arguments":
            *before, last = choice.tool_calls
            return replace(choice, tool_calls=(*before, replace(last, arguments=last.arguments + value)))
        case _:
            return replace(choice, **{kind: getattr(choice, kind) + value})
