"""Passes chunks on to the client, and keeps them."""

from __future__ import annotations

from collections.abc import Callable

from orharness.recording.exchange import RecordedExchange
from orharness.recording.keeper import Keeper


class Passage:
    """Hands the chunks of an exchange over to its keeper, then writes them to the client, as a ``Taker``."""

    def __init__(self, keeper: Keeper, exchange: RecordedExchange, write: Callable[[bytes], object]) -> None:
        self._keeper = keeper
        self._exchange = exchange
        self._write = write
        self._waiting = b""

    def take(self, chunks: bytes, now: float) -> bool:
        """Keep the chunks and write them; where the keeper is far behind, they are written in ``until_free``."""
        exchange = self._exchange
        if exchange.ending is not None:
            return True
        if is_free := self._keeper.hand_over(exchange, chunks, now):
            self._write(chunks)
        else:
            self._waiting = chunks
        # What can wait is done after the write, for which the client waits.
        self._keeper.after_handing_over(exchange, chunks, now)
        exchange.end.add_chunks(chunks)
        return is_free

    async def until_free(self) -> None:
        """Wait until the keeper has room, and write the chunks that waited for that."""
        await self._keeper.until_free(self._exchange)
        self._write(self._waiting)
        self._waiting = b""
