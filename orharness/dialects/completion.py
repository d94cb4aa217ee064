"""The meaning of an answer in any API: the input of each dialect's ``write``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from itertools import zip_longest
from typing import Any

from orharness.dialects.tokens import sample_tokens, tokens_of
from orharness.errors import ScenarioError
from orharness.gateways import ErrorShape, Gateway
from orharness.parts import ToolCall as ToolCall
from orharness.parts import Usage as Usage
from orharness.parts import digest as digest

MODEL = "openai/gpt-4o-mini"
_PROMPT_TOKENS = 8


@dataclass(frozen=True, slots=True)
class Failure:
    """An error in the middle of a stream."""

    message: str = "Provider disconnected"
    """The sentence for a human."""
    code: int | str = 502
    """An HTTP status, or the service's own word."""
    after: int | None = None
    """The number of pieces of the answer before it, ``None`` for all of them."""
    shape: ErrorShape | None = None
    """The form of the error, ``None`` for the gateway's own."""

    @property
    def status(self) -> int:
        """The matching HTTP status: the code if it is a number, else 502."""
        return self.code if isinstance(self.code, int) else 502


class PieceKind(StrEnum):
    """The kind of a piece of an answer."""

    TEXT = "text"
    REASONING = "reasoning"
    REFUSAL = "refusal"
    CALL = "call"  # the beginning of a tool call
    ARGUMENTS = "arguments"  # a fragment of a tool call's arguments


@dataclass(frozen=True, slots=True)
class Piece:
    """One token of an answer.

    ``value`` is its text (for ``CALL``: the tool's name); ``choice`` the choice that it belongs to; ``call`` the index
    of the tool call, for ``CALL`` and ``ARGUMENTS``.
    """

    kind: PieceKind
    value: str
    choice: int = 0
    call: int = 0


@dataclass(frozen=True)
class Completion:
    """One answer. A field that is ``None`` is derived from the others, always in the same way.

    Raises ``ScenarioError`` if the error is to come after more pieces than there are.
    """

    tokens: tuple[str, ...] = ()
    """The pieces of its text, one event each."""
    reasoning: str = ""
    """The whole reasoning, cut by ``tokens_of``."""
    tool_calls: tuple[ToolCall, ...] = ()
    """The calls of tools, whose arguments are cut by ``tokens_of``."""
    refusal: str = ""
    """The whole refusal, cut by ``tokens_of``."""
    finish_reason: str | None = None
    """Why it ends, ``None`` for ``tool_calls`` if there are calls, else ``stop``."""
    native_finish_reason: str | None = None
    """The provider's own word, ``None`` for the same as ``finish_reason``."""
    usage: Usage | None = None
    """The token counts, ``None`` for one token a piece."""
    model: str | None = None
    """The model's name, ``None`` for the one that the request names, else ``openai/gpt-4o-mini``."""
    provider: str | None = "OpenAI"
    """The provider's name in a chunk."""
    id: str | None = None
    """Its id, ``None`` for one that is made from the answer."""
    created: int = 1_767_225_600
    """When it was made, in seconds since 1970."""
    others: tuple[tuple[str, ...], ...] = ()
    """The pieces of further choices."""
    error: Failure | None = None
    """An error that breaks the stream off."""

    def __post_init__(self) -> None:
        if self.error and not 0 <= self._made <= len(self.pieces):
            raise ScenarioError(f"an error after {self.error.after} pieces of an answer that has {len(self.pieces)}")

    @classmethod
    def of(cls, content: str | int | Iterable[str] = "", **fields: Any) -> Completion:
        """Return an answer with a text (cut by ``tokens_of``), with that many ``sample_tokens`` or these pieces."""
        match content:
            case str():
                tokens: Iterable[str] = tokens_of(content)
            case int():
                tokens = sample_tokens(content)
            case _:
                tokens = content
        return cls(tuple(tokens), **fields)

    @property
    def text(self) -> str:
        """The whole text of the first choice, including what an error cuts off."""
        return "".join(self.tokens)

    @property
    def finish(self) -> str:
        """The finish reason that is sent."""
        return self.finish_reason or ("tool_calls" if self.tool_calls else "stop")

    @property
    def model_sent(self) -> str:
        """The model named in the answer."""
        return self.model or MODEL

    def id_at(self, gateway: Gateway) -> str:
        """Return the id that is sent in a chat; see ``id_with``."""
        return self.id_with(gateway.id_prefix)

    def id_with(self, prefix: str) -> str:
        """Return the id that is sent: the given one, or one with the prefix, made from the answer."""
        return prefix + self._made_id if self.id is None else self.id

    @cached_property
    def _made_id(self) -> str:
        return digest(self.created, self.model_sent, self.tokens, self.reasoning, self.tool_calls)

    @property
    def counted(self) -> Usage:
        """The usage that is sent; for an answer that an error cuts off, of what was made until then."""
        if self.usage:
            return self.usage
        made = self.made
        return Usage(_PROMPT_TOKENS, len(made), sum(piece.kind is PieceKind.REASONING for piece in made))

    def made_by(self, model: str | None, provider: str | None) -> Completion:
        """Return the same answer of another model; its pieces are shared."""
        changed = replace(self, model=model, provider=provider)
        if "pieces" in vars(self):
            vars(changed)["pieces"] = self.pieces
        return changed

    @property
    def made(self) -> list[Piece]:
        """The pieces that are sent: all of them, or those before the error."""
        return self.pieces if self._made == len(self.pieces) else self.pieces[: self._made]

    @property
    def _made(self) -> int:
        if self.error is None or self.error.after is None:
            return len(self.pieces)
        return self.error.after

    @cached_property
    def pieces(self) -> list[Piece]:
        """Everything that the model makes, a token each, in the order in which models send it."""
        reasoning = [Piece(PieceKind.REASONING, token) for token in tokens_of(self.reasoning)]
        refusal = [Piece(PieceKind.REFUSAL, token) for token in tokens_of(self.refusal)]
        return [*reasoning, *_contents(self.tokens, *self.others), *refusal, *_calls(self.tool_calls)]


def _contents(*choices: tuple[str, ...]) -> Iterator[Piece]:
    """Yield the pieces of the choices in turn, as a model that samples them at once sends them."""
    for tokens in zip_longest(*choices):
        yield from (Piece(PieceKind.TEXT, token, index) for index, token in enumerate(tokens) if token is not None)


def _calls(calls: Iterable[ToolCall]) -> Iterator[Piece]:
    for index, call in enumerate(calls):
        yield Piece(PieceKind.CALL, call.name, call=index)
        for fragment in tokens_of(call.arguments):
            yield Piece(PieceKind.ARGUMENTS, fragment, call=index)
