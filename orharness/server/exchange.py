"""An exchange while it is going on. Only the server's loop changes it; any thread may take a snapshot or wait."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from threading import Lock
from time import monotonic

from orharness.journal import (
    Bill,
    Boundaries,
    Disconnect,
    Exchange,
    How,
    Observation,
    Outcome,
    Pacing,
    Request,
    decide,
)
from orharness.scenario import Response
from orharness.stream import Chunk, Ending, Stream
from orharness.upstream import Generation, bill

_NOTHING = Stream()


class LiveExchange:
    """One request, from its reading on. ``decided`` and ``left`` resolve once, for threads and loops alike.

    ``run``: the client run that its path named, see ``Runs``; the path of ``request`` is without it.
    """

    def __init__(self, identifier: str, request: Request, run: int | None = None) -> None:
        self.id = identifier
        self.request = request
        self.run = run
        self.started = monotonic()  # the clock of asyncio's loops; set again when the body has been read
        self.decided: Future[Outcome] = Future()
        self.left: Future[Disconnect] = Future()
        self.head_written = False
        self.over = False  # nothing more will be seen of it
        self.refresh: Callable[[], None] | None = None  # asks the kernel what was read since; the loop's thread only
        self.held_here: Callable[[], bool | None] | None = None  # is the client in this process? the same thread only
        self._started_at = datetime.now(UTC)
        self._lock = Lock()
        self._response: Response | None = None
        self._pacing: Pacing | None = None
        self._route: str | None = None
        self._difference: str | None = None
        self._matched = True
        self._test_ended = False
        self._disconnect: Disconnect | None = None
        self._ended_at: float | None = None
        self._fault_at: float | None = None
        self._outcome_at: float | None = None
        self._read: int | None = None
        self._all_read: bool | None = None
        self._proven = 0
        self._assumed = 0
        self._held_at: int | None = None
        # One entry a chunk written: where its bytes begin on the wire and in the body, and when it was written.
        self._wire_starts: list[int] = []
        self._body_starts: list[int] = []
        self._written_at: list[float] = []
        self._written = 0

    @property
    def outcome(self) -> Outcome | None:
        """The outcome, ``None`` while it is undecided."""
        return self.decided.result() if self.decided.done() else None

    @property
    def open(self) -> bool:
        """Whether the client is still there and the outcome undecided."""
        return not self.decided.done() and not self.left.done()

    @property
    def can_be_left(self) -> bool:
        """Whether the client is still there to leave: also while a response hangs, which is a fault decided already."""
        return not self.left.done() and not self.over and self.outcome in (None, Outcome.FAULTED)

    @property
    def started_at(self) -> str:
        """The moment at which the request had been read, in ISO 8601."""
        return self._started_at.isoformat().replace("+00:00", "Z")

    @property
    def generation(self) -> Generation | None:
        """The model behind the answer, ``None`` where there is none or it was not chosen yet."""
        return None if self._response is None else self._response.generation

    @property
    def begun_writing(self) -> bool:
        """Whether a chunk has been written."""
        return bool(self._written_at)

    def elapsed(self) -> float:
        """Seconds since the request was read."""
        return monotonic() - self.started

    def request_read(self, request: Request) -> None:
        """The request is whole; all moments count from here."""
        with self._lock:
            self.request = request
            self.started = monotonic()
            self._started_at = datetime.now(UTC)

    def begin(self, response: Response, pacing: Pacing, route: str | None, difference: str | None) -> None:
        """What it is going to be answered."""
        with self._lock:
            self._response, self._pacing, self._route, self._difference = response, pacing, route, difference

    def unmatched(self, difference: str) -> None:
        """No route answers it."""
        with self._lock:
            self._matched = False
            self._difference = difference
        self._decide()

    def wrote(self, chunk: Chunk, wire_start: int, at: float) -> None:
        """A chunk was given to the transport, ``at`` seconds: before a client can have read it.

        Its own bytes begin at ``wire_start`` of the connection.
        """
        with self._lock:
            self._wire_starts.append(wire_start)
            self._body_starts.append(self._written)
            self._written_at.append(at)
            self._written += len(chunk.data)
            self._all_read = False if self._all_read is not None else None

    def boundary(self, *, proven: bool) -> None:
        """The boundary behind the last chunk was observed by the client, or is only assumed to have been."""
        with self._lock:
            self._proven += proven
            self._assumed += not proven

    def held(self, held: bool) -> None:
        """The stream stands at a gate, or goes on."""
        with self._lock:
            self._held_at = self._written if held else None

    def client_read(self, wire: int | None, *, all_read: bool | None) -> None:
        """The client's process has taken ``wire`` bytes of the connection."""
        with self._lock:
            if wire is not None:
                self._read = max(self._read or 0, self._body_position(wire))
            self._all_read = all_read
        if self._ended_at is not None:  # before that, reading decides nothing
            self._decide()

    def observed(self) -> None:
        """The client has read all that was written, so it observed the boundary behind the last chunk."""
        with self._lock:
            self._proven += 1
            self._read = self._written
            self._all_read = True

    def ended(self, *, all_read: bool | None) -> None:
        """The last byte was written; ``all_read`` as for ``client_read``."""
        with self._lock:
            self._ended_at = self.elapsed()
            self._all_read = all_read
        self._decide()

    def fault_reached(self) -> None:
        """The scripted fault that ends or hangs the response begins."""
        with self._lock:
            self._fault_at = self.elapsed()
        self._decide()

    def client_left(self, at: float, how: How) -> None:
        """The client left at the monotonic moment ``at``."""
        disconnect = Disconnect(max(0.0, at - self.started), how)
        with self._lock:
            self._disconnect = disconnect
        self._decide()
        if not self.left.done():
            self.left.set_result(disconnect)

    def end_of_test(self) -> None:
        """Nothing more will be waited for."""
        with self._lock:
            self._test_ended = True
        self._decide()

    def observation(self) -> Observation:
        """All that the outcome depends on, as it stands now."""
        with self._lock:
            return self._observe()

    def snapshot(self) -> Exchange:
        """The exchange as it stands now."""
        with self._lock:
            stream = _NOTHING if self._response is None else self._response.stream
            left = self._disconnect
            generation = None if self._response is None else self._response.generation
            return Exchange(
                id=self.id,
                started_at=self.started_at,
                request=self.request,
                route=self._route,
                status=None if self._response is None else self._response.status,
                outcome=self.outcome,
                how=None if left is None else left.how,
                left_after=None if left is None else left.at,
                ended_after=self._outcome_at,
                chunks_written=len(self._written_at),
                bytes_written=self._written,
                bytes_read=self._read,
                pacing=self._pacing,
                boundaries=Boundaries(self._proven, self._assumed),
                faults=_fault_names(stream),
                difference=self._difference,
                bill=None if generation is None else self._bill(generation),
                provider=None if generation is None else generation.provider.name,
                provider_stops=None if generation is None else _stops_on_cancel(generation),
                tokens_total=None if generation is None else generation.total,
                streamed=None if generation is None else generation.streamed,
                end=None if self._response is None else _end(stream),
                stream_size=None if self._response is None else len(stream.body),
                chunks=None if self._response is None else len(stream.chunks),
                body=stream.body,
                boundaries_at=stream.boundaries,
                written_at=tuple(self._written_at),
                held_at=self._held_at,
            )

    def _bill(self, generation: Generation) -> Bill:
        cancelled = self.outcome is Outcome.CANCELLED and self._disconnect is not None
        return bill(
            generation,
            now=self.elapsed(),
            written=self._written,
            read=self._read,
            left_at=self._disconnect.at if cancelled and self._disconnect is not None else None,
            whole=self._response is not None and self._written >= _end(self._response.stream),
        )

    def _observe(self) -> Observation:
        return Observation(
            end=0 if self._response is None else _end(self._response.stream),
            matched=self._matched,
            written=self._written,
            read=self._read,
            all_read=self._all_read,
            ended_at=self._ended_at,
            fault_at=self._fault_at,
            disconnect=self._disconnect,
            test_ended=self._test_ended,
            begun=bool(self._response),
        )

    def _decide(self) -> None:
        if self.decided.done():
            return
        with self._lock:
            seen = self._observe()
            outcome = decide(seen)
            if outcome is None:
                return
            self._outcome_at = seen.disconnect.at if seen.disconnect is not None else self.elapsed()
        self.decided.set_result(outcome)

    def _body_position(self, wire: int) -> int:
        chunk = bisect_right(self._wire_starts, wire) - 1
        if chunk < 0:
            return 0
        end = self._body_starts[chunk + 1] if chunk + 1 < len(self._body_starts) else self._written
        return min(self._body_starts[chunk] + wire - self._wire_starts[chunk], end)


def _stops_on_cancel(generation: Generation) -> bool | None:
    """Whether the model stops when its client leaves; ``None`` where that is not known."""
    return generation.provider.stops_on_cancel if generation.provider_known else None


def _end(stream: Stream) -> int:
    return len(stream.body) if stream.end_marker is None else stream.end_marker


def _fault_names(stream: Stream) -> tuple[str, ...]:
    named = tuple(fault.name for fault in stream.faults)
    return named if stream.ending is Ending.EOF or any(f.ends for f in stream.faults) else (*named, stream.ending.value)
