"""What the model behind an answer made, and what it charges."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Counted(StrEnum):
    """What the numbers of a bill count."""

    TOKENS = "tokens"
    """Tokens of the model."""
    EVENTS = "events"
    """The stream's tokens cannot be counted, so each of its events counts as one."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What the simulated model made, and what it charges."""

    tokens_prompt: int
    """The tokens of the request."""
    tokens_made: int
    """What the model has made by now."""
    tokens_written: int
    """Those that the server has written."""
    tokens_read: int | None
    """Those that the client's process has read, ``None`` where that is not known."""
    tokens_billed: int
    """The tokens of the answer that are charged."""
    cancelled: bool
    """Whether the client left before the end; of a model that works without its client, whether a call stopped it."""
    cost: float
    """The price of ``tokens_prompt`` and ``tokens_billed``, in the gateway's currency."""
    counted: Counted = Counted.TOKENS
    """Whether these are tokens or events in place of tokens."""

    @property
    def noun(self) -> str:
        """The singular of what is counted: ``token`` or ``event``."""
        return "token" if self.counted is Counted.TOKENS else "event"


@dataclass(frozen=True, slots=True)
class Work:
    """What a model has made that works whether or not its client stays.

    ``offset``: the body offset up to which it has come. ``stopped``: a call of its own has stopped it before the end.
    """

    offset: int
    stopped: bool = False


class Meter(Protocol):
    """The model behind an answer, as the journal sees it (``orharness.upstream`` simulates one).

    ``provider`` makes the tokens, ``total`` in the whole answer. ``provider_stops``: whether it stops when its client
    leaves, ``None`` if unknown. ``streamed``: whether the request asked for a stream.
    """

    @property
    def provider_name(self) -> str: ...
    @property
    def provider_stops(self) -> bool | None: ...
    @property
    def total(self) -> int: ...
    @property
    def streamed(self) -> bool: ...

    def bill(
        self,
        *,
        now: float,
        written: int,
        read: int | None,
        left_at: float | None,
        whole: bool,
        work: Work | None = None,
    ) -> Bill:
        """Return the bill at ``now`` (seconds since the request was read).

        ``written`` and ``read`` are body offsets. ``left_at``: when the client left before the end, ``None`` if it has
        not. ``whole``: whether the answer was written to its end. ``work``: what the model has made, if it works
        whether or not its client stays.
        """
