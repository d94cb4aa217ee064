"""Playing a stream: the order and the times of its writes; awaits only what the caller passed in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from orharness.journal import Pacing
from orharness.stream import Chunk, Stream


class Clock(Protocol):
    """A monotonic clock with a sleep. In tests: a list of the deadlines."""

    def now(self) -> float:
        """Return the current time in seconds."""

    def sleep_until(self, deadline: float) -> Awaitable[None]:
        """Return what is done at the deadline, at once if it has passed."""


Write = Callable[[Chunk], Awaitable[None] | None]
"""Writes a chunk; returns what is to be awaited before the next one, ``None`` for nothing."""
Gate = Callable[[int], Awaitable[None]]
Brake = Callable[[], Awaitable[None] | None]
"""Returns what is to be awaited before the next chunk, ``None`` for nothing."""


async def play(
    stream: Stream,
    write: Write,
    clock: Clock,
    *,
    pacing: Pacing = Pacing.RECORDED,
    gate: Gate | None = None,
    brake: Brake | None = None,
) -> None:
    """Write each chunk when it is due.

    ``recorded``: each at its own deadline, counted from the start and never from the last write, so that lateness does
    not add up. ``lockstep``: its delay counts from the return of the previous write; ``write`` must return when the
    client has read. ``instant``: delays are ignored.

    ``gate`` is awaited with its number, from 0, at each gate of the stream. ``brake`` is asked before each chunk, and
    what it returns is awaited. Such a wait moves all later deadlines by its length and no more, so that lateness does
    not add up there either.
    """
    due = clock.now()
    gates = () if gate is None else stream.gates
    closed = 0  # the number of the next gate
    position = 0
    lockstep = pacing is Pacing.LOCKSTEP
    for chunk in stream.chunks:
        while gate is not None and closed < len(gates) and gates[closed] <= position:
            reached = clock.now()
            await gate(closed)
            due += clock.now() - reached
            closed += 1
        if chunk.delay and pacing is not Pacing.INSTANT:
            due = clock.now() + chunk.delay if lockstep else due + chunk.delay
            await clock.sleep_until(due)
        if brake is not None and (held := brake()) is not None:
            reached = clock.now()
            await held
            due += clock.now() - reached
        waiting = write(chunk)
        if waiting is not None:
            await waiting
        position += len(chunk.data)
    while gate is not None and closed < len(gates):
        await gate(closed)
        closed += 1
