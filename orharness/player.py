"""Playing a stream: the order and the moments of its writes, awaiting only what the caller passed in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from orharness.journal import Pacing
from orharness.stream import Chunk, Stream


class Clock(Protocol):
    """Seconds that only grow, and a sleep until one of them. In tests: a list of the deadlines asked for."""

    def now(self) -> float:
        """Now, in seconds."""

    async def sleep_until(self, deadline: float) -> None:
        """Returns at the deadline, at once if it has passed."""


Write = Callable[[Chunk], Awaitable[None]]
Gate = Callable[[int], Awaitable[None]]


async def play(
    stream: Stream,
    write: Write,
    clock: Clock,
    *,
    pacing: Pacing = Pacing.RECORDED,
    gate: Gate | None = None,
) -> None:
    """Write each chunk in its turn.

    ``recorded``: each at its own deadline, counted from the start and never from the last write, so that lateness does
    not add up. ``lockstep``: its delay counts from the return of the write before it; ``write`` is to return when the
    client has read. ``instant``: delays are passed over.

    ``gate`` is awaited with its number, from 0, at each gate of the stream; the wait moves the deadlines after it, by
    so much and no more: lateness does not add up at gates either.
    """
    due = clock.now()
    gates = iter(enumerate(stream.gates))
    closed = next(gates, None)
    position = 0
    for chunk in stream.chunks:
        while closed is not None and gate is not None and stream.gates[closed[0]] <= position:
            reached = clock.now()
            await gate(closed[0])
            due += clock.now() - reached
            closed = next(gates, None)
        if pacing is not Pacing.INSTANT:
            due += chunk.delay
            await clock.sleep_until(due)
        await write(chunk)
        position += len(chunk.data)
        if pacing is Pacing.LOCKSTEP:
            due = clock.now()
    while closed is not None and gate is not None:
        await gate(closed[0])
        closed = next(gates, None)
