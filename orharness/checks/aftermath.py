"""What became of an exchange after the act of cancelling it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from orharness.checks.words import events_between, priced
from orharness.journal import Exchange, Outcome
from orharness.verdict import count


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What became of an exchange after the act of cancelling, which is the end of an ``expect_disconnect`` block.

    ``act``: that moment, and ``now``: the end of watching, both in seconds since the request was read. ``before``: the
    exchange at the act; ``after``: at ``now``. ``there``: whether the client could still leave it. ``held_here``:
    whether this process holds the client's end of the connection, ``None`` if unknown.
    """

    act: float
    before: Exchange
    now: float
    after: Exchange
    there: bool = True
    held_here: bool | None = True

    @property
    def left(self) -> float | None:
        """Seconds from the act to the client's leaving, below 0 if it came first; ``None`` if it has not cancelled."""
        if self.after.left_after is None or self.after.outcome is Outcome.LEFT_AT_END:
            return None
        return self.after.left_after - self.act

    @property
    def tokens(self) -> int:
        """How many tokens the model made after the act, or events in their place (``Bill.counted``)."""
        if self.before.bill is None or self.after.bill is None:
            return 0
        return max(0, self.after.bill.tokens_made - self.before.bill.tokens_made)

    @property
    def chunks(self) -> int:
        """How many chunks were written after the act."""
        return len(self.after.written_at) - bisect_right(self.after.written_at, self.act)

    @property
    def events(self) -> int | None:
        """How many events were sent whole after the act; ``None`` if none can be read in the answer."""
        first = len(self.after.written_at) - self.chunks
        already = self.after.boundaries_at[first - 1] if first else 0
        return events_between(self.after, already, self.after.bytes_written)

    @property
    def read(self) -> int | None:
        """How many bytes the client read after the act; ``None`` if that cannot be known."""
        if self.before.bytes_read is None or self.after.bytes_read is None:
            return None
        return self.after.bytes_read - self.before.bytes_read


def since(seen: Aftermath) -> str:
    """Return what happened after the act: to the connection, on it, and afterwards."""
    if seen.left is None:
        kept = f"the connection stayed open for the {seen.now - seen.act:.2f} s that were watched after the block"
    elif seen.left < 0:
        kept = f"the client had left {-seen.left:.3f} s before the end of the block"
    else:
        kept = f"the connection stayed open for {seen.left:.3f} s after the block"
    more = count(seen.chunks, "more chunk") if seen.events is None else count(seen.events, "more event")
    sent = f"{more} sent" if seen.chunks else "nothing was sent"
    return f"{kept};\n{sent}{_made_since(seen)}"


def _made_since(seen: Aftermath) -> str:
    if seen.after.bill is None:
        return ""
    bill = seen.after.bill
    made = priced(seen.tokens, bill, "more ") if seen.tokens else f"no more {bill.noun}s"
    return f", and the model made {made}"
