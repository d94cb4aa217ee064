"""The simulated model behind a reply: which tokens it has made at a given time, and what they cost.

The model works independently of the writing. While its client is connected it has made what was written, or what its
own pace allows. When the client leaves before the end, a provider that supports cancellation stops at once; any other
makes the rest and bills it all, as it does for a request that did not ask for a stream. No IO and no clock: times are
passed in, in seconds since the request was read.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

from orharness.journal import Bill, Counted, Work
from orharness.providers import DEFAULT, Provider

PRICE = 15e-6  # dollars a token, prompt or completion: the list price of a large model


@dataclass(frozen=True)
class Generation:
    """One answer being generated.

    ``offsets``: the body offset after each event that carries a part of it. ``events``: the number of these in the
    whole answer, where a fault took some away; ``None`` if all are there. ``total``: all of its tokens (for a recording
    those of its usage), spread evenly over the events of the whole answer. ``pace``: seconds a token, ``None`` for a
    model that is as fast as the writing and, once nothing is written, as the stream's own delays (``seconds`` in all).
    ``price``: dollars a token. ``counted``: whether ``total`` is a number of tokens, or of events in place of tokens.
    ``provider_known``: whether it is known if the provider stops on cancel; if not, it is simulated as one that stops.
    """

    id: str
    model: str | None
    total: int
    offsets: tuple[int, ...] = ()
    provider: Provider = DEFAULT
    prompt: int = 0
    streamed: bool = True
    finish_reason: str | None = "stop"
    pace: float | None = None
    seconds: float = 0.0
    price: float = PRICE
    counted: Counted = Counted.TOKENS
    provider_known: bool = True
    events: int | None = None

    def tokens_at(self, offset: int) -> int:
        """Return the tokens whose events end at or before a body offset."""
        if not self.offsets:
            return 0
        of = self.events or len(self.offsets)
        return min(self.total, round(bisect_right(self.offsets, offset) * self.total / of))

    def made(self, now: float, written: int, left_at: float | None) -> int:
        """Return the tokens made by ``now``; ``left_at``: when the client left before the end, else ``None``."""
        if left_at is not None and not self._goes_on:
            now = left_at
        if self.pace is not None:
            return max(self.tokens_at(written), int(min(self.total, now / self.pace) if self.pace else self.total))
        if left_at is None:
            return self.tokens_at(written)
        return min(self.total, self.tokens_at(written) + self._drained(now - left_at))

    @property
    def _goes_on(self) -> bool:
        return not (self.streamed and self.provider.stops_on_cancel)

    def _drained(self, seconds: float) -> int:
        """Return what is made in that time when nothing is written."""
        if not self._goes_on:
            return 0
        each = self.seconds / self.total if self.total else 0.0
        return int(min(self.total, seconds / each)) if each else self.total

    # --- the journal's meter --------------------------------------------------------------------------------------

    @property
    def provider_name(self) -> str:
        """The provider's name as in a chunk."""
        return self.provider.name

    @property
    def provider_stops(self) -> bool | None:
        """Whether the model stops when its client leaves; ``None`` if unknown."""
        return self.provider.stops_on_cancel if self.provider_known else None

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
        not. ``whole``: whether the answer was written to its end. A generation that goes on without its client is
        billed whole at once: nothing can stop it any more. One of which ``work`` is known is billed as far as it has
        come: whether its client has left does not matter, and a call can still stop it.
        """
        cancelled = left_at is not None
        if work is not None:
            cancelled, made = work.stopped, self.tokens_at(work.offset)
            billed = made
            # Of a document, which has nothing of the answer in it yet, no token is written.
            taken_written = self.tokens_at(written) if self.streamed else 0
            taken_read = None if read is None else self.tokens_at(read) if self.streamed else 0
        elif self.streamed:
            made = self.total if whole else self.made(now, written, left_at)
            billed = self.total if cancelled and self._goes_on else made
            taken_written = self.tokens_at(written)
            taken_read = None if read is None else self.tokens_at(read)
        else:
            made = billed = self.total
            taken_written = self.total if whole else 0
            # A document that was not read to its end gives no tokens.
            taken_read = None if read is None else 0 if cancelled else taken_written
        return Bill(
            tokens_prompt=self.prompt,
            tokens_made=made,
            tokens_written=taken_written,
            tokens_read=taken_read,
            tokens_billed=billed,
            cancelled=cancelled,
            cost=round((self.prompt + billed) * self.price, 9),
            counted=self.counted,
        )


def generation_document(
    generation: Generation, made: Bill, created_at: str, *, still_open: bool = False
) -> dict[str, Any]:
    """Return the answer to ``GET …/generation?id=`` (https://openrouter.ai/docs/api-reference/get-a-generation).

    ``still_open``: whether the answer is still being sent. Until the model has made all of it, ``finish_reason`` is
    null; ``in_progress`` is true while it goes on, with its client or without. If events were counted in place of
    tokens, ``counted`` says so; the gateway's own document has no such key.
    """
    whole = made.tokens_made >= generation.total
    in_progress = made.tokens_made < made.tokens_billed or (still_open and not made.cancelled and not whole)
    finished = whole and not made.cancelled
    counted = {} if made.counted is Counted.TOKENS else {"counted": made.counted}
    return {
        "data": {
            "id": generation.id,
            "model": generation.model,
            "provider_name": generation.provider.name,
            "streamed": generation.streamed,
            "cancelled": made.cancelled,
            "finish_reason": generation.finish_reason if finished else None,
            "in_progress": in_progress,
            "tokens_prompt": made.tokens_prompt,
            "tokens_completion": made.tokens_billed,
            "native_tokens_prompt": made.tokens_prompt,
            "native_tokens_completion": made.tokens_billed,
            "usage": made.cost,
            "total_cost": made.cost,
            "created_at": created_at,
            **counted,
        }
    }
