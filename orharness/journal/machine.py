"""The exchange as a pure machine: it applies exchange events and derives the outcome, the bill and the snapshot.

It has no clock and does no IO: two machines that applied the same events are in the same state, whether the server
produced the events or they were recorded.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from orharness.journal.bill import Bill, Work
from orharness.journal.certainty import Certainties, Certainty
from orharness.journal.events import (
    AskedAgain,
    Begun,
    Boundary,
    ConnectionEnded,
    Cut,
    Ended,
    ExchangeEvent,
    FaultReached,
    Grew,
    HeadWritten,
    Held,
    Left,
    Read,
    RequestRead,
    Settled,
    TestEnded,
    Unmatched,
    Worked,
    Wrote,
)
from orharness.journal.exchange import Boundaries, Exchange
from orharness.journal.moments import Packed
from orharness.journal.outcome import Disconnect, How, Outcome, Pacing
from orharness.journal.request import Request
from orharness.stream import Chunk, Ending, Framing, Stream

_FEW = 16  # moments that take no more memory as they are than packed


class ExchangeMachine:
    """One request and what becomes of its answer. Only ``apply``, ``wrote`` and ``passed`` change it.

    A decided outcome stays, with one exception: an answer that was delivered to a client whose reading cannot be seen
    is ``completed`` with certainty ``unknown`` as long as nothing contradicts that. If the client then sends another
    request on the connection, it is inferred to have read the answer; if it resets the connection, the outcome becomes
    ``left``.
    """

    __slots__ = (  # a journal may hold a hundred thousand
        "_all_read", "_asked_again", "_assumed", "_body_at", "_cut", "_decided_at", "_difference", "_ended",
        "_ends", "_fault_at", "_framing", "_grown", "_held_at", "_left", "_matched", "_proven", "_read", "_read_known",
        "_test_ended", "_written", "_written_at", "disconnect", "id", "outcome", "outcome_known", "over", "plan",
        "request", "started_at", "work",
    )  # fmt: skip

    def __init__(self, identifier: str, request: Request, started_at: float = 0.0) -> None:
        self.id = identifier
        self.request = request
        self.started_at = started_at
        self.outcome: Outcome | None = None
        self.outcome_known = Certainty.UNKNOWN
        self.disconnect: Disconnect | None = None
        self.over = False  # nothing more will be seen of this exchange
        self.plan: Begun | None = None
        self.work: Work | None = None
        self._difference: str | None = None
        self._matched = True
        self._test_ended = False
        self._decided_at: float | None = None
        self._ended = False
        self._fault_at: float | None = None
        self._cut: Ending | None = None
        self._read: int | None = None  # a body offset
        self._read_known = Certainty.UNKNOWN
        self._all_read: bool | None = None
        self._left: Left | None = None
        self._asked_again = False
        self._proven = 0
        self._assumed = 0
        self._held_at: int | None = None
        self._body_at = 0  # on the wire
        self._framing: Framing | None = None
        self._written = 0  # bytes of the body
        self._written_at: array[float] | Packed = array("d")  # of each chunk
        self._grown: list[Chunk] | None = None  # of an answer that is not known beforehand
        self._ends: array[int] | None = None  # the body offset after each of them

    def apply(self, event: ExchangeEvent) -> bool:
        """Apply the next event; return whether it may have changed the outcome, or that the client has left."""
        # The two events of each chunk are tested first: lockstep spends only microseconds on a chunk.
        if isinstance(event, Wrote):
            self.wrote(event.at, event.chunks)
            return False
        if isinstance(event, Boundary):
            self.passed(event.count, proven=event.proven)
            return False
        if not self._take_in(event):
            return False
        self._decide(event.at)
        return True

    def _take_in(self, event: ExchangeEvent) -> bool:
        """Record what an event says; return whether it may decide the outcome."""
        match event:
            case Read():
                self._took(event)
                return self._ended or self._left is not None  # what was read decides nothing before an end
            case Held(held):
                self._held_at = self._written if held else None
                return False
            case HeadWritten(wire, framing):
                self._body_at, self._framing = wire, framing
                return False
            case RequestRead(request, started_at):
                self.request, self.started_at = request, started_at
                return False
            case Begun():
                self.plan = event
                self._difference = event.difference or self._difference
                return False
            case Grew(chunk):
                self._grow(chunk)
                return False
            case Worked(work):
                self.work = work
                return False
            case Settled(stream, meter):
                assert self.plan is not None
                self.plan = replace(self.plan, stream=stream, meter=meter)
                self._grown = None
                return False
            case Ended(all_read):
                self._ended, self._all_read = True, all_read
                if all_read:
                    self._read, self._read_known = self._written, Certainty.SEEN
            case FaultReached(at):
                self._fault_at = at
            case Cut(ending, at):
                self._cut, self._fault_at = ending, at
            case Left():
                self._leave(event)
            case AskedAgain():
                self._asked_again = True
            case Unmatched(difference):
                self._matched, self._difference = False, difference
            case TestEnded():
                self._test_ended = True
            case ConnectionEnded():
                self._end()
        return True

    def _grow(self, chunk: Chunk) -> None:
        if self._grown is None or self._ends is None:
            self._grown, self._ends = [], array("q")
        self._ends.append(len(chunk.data) + (self._ends[-1] if self._ends else 0))
        self._grown.append(chunk)

    def _end(self) -> None:
        """Nothing more will be seen: keep only what a report needs."""
        self.over = True
        self.request.forget_json()
        if isinstance(self._written_at, array) and len(self._written_at) > _FEW:
            self._written_at = Packed(self._written_at)

    def passed(self, count: int = 1, *, proven: bool) -> None:
        """Apply ``Boundary(proven, count)``."""
        if proven:  # a boundary that was just seen proves that everything written was read
            self._proven += count
            self._read, self._read_known, self._all_read = self._written, Certainty.SEEN, True
        else:
            self._assumed += count

    def wrote(self, at: float, chunks: int = 1) -> None:
        """Apply ``Wrote(at, chunks)``."""
        assert self.plan is not None
        moments = self._written_at
        assert isinstance(moments, array)
        if chunks == 1:
            moments.append(at)
        else:
            moments.extend([at] * chunks)
        ends: Sequence[int] = self._ends or self.plan.stream.boundaries
        self._written = ends[len(moments) - 1]
        if self._all_read:
            self._all_read = False
        if self._read is not None:
            self._read_known = Certainty.AT_LEAST  # until the next look

    @property
    def _stream(self) -> Stream:
        """Return what is known of the answer. While it grows, its end lies after all that came."""
        assert self.plan is not None
        if not self._grown or not self._ends:
            return self.plan.stream
        return replace(self.plan.stream, chunks=tuple(self._grown), end_marker=self._ends[-1] + 1)

    def _took(self, event: Read) -> None:
        if event.all_read:
            self._read, self._read_known = self._written, event.known
        elif event.wire is not None:
            if self._read != self._written:  # more than that cannot have been read
                self._read = max(self._read or 0, self._body_offset(event.wire))
            self._read_known = event.known
        elif self._read is not None:
            self._read_known = Certainty.AT_LEAST
        self._all_read = event.all_read

    def _leave(self, event: Left) -> None:
        completed = self.outcome is Outcome.COMPLETED and not (self.provisional and event.reset)
        # a client that leaves after a complete answer closes a connection, not an answer
        if self._left is None and not completed:
            self._left = event
            self.disconnect = Disconnect(event.at, event.how)

    def _body_offset(self, wire: int) -> int:
        """Return the body offset of a position on the wire: the framing's own bytes belong to the chunk after them."""
        if self.plan is None or self._framing is None or wire <= self._body_at:
            return 0
        stream = self._stream
        starts = stream.wire_starts(self._framing)
        chunk = bisect_right(starts, wire - self._body_at, hi=len(self._written_at)) - 1
        if chunk < 0:
            return 0
        ends = stream.boundaries
        begin = ends[chunk - 1] if chunk else 0
        return min(begin + wire - self._body_at - starts[chunk], ends[chunk])

    # --- the outcome ----------------------------------------------------------------------------------------------

    def _decide(self, at: float) -> None:
        if self.outcome is not None and not self.provisional:
            return
        found = self._seen_outcome()
        if found is None:
            return
        if found[0] is not self.outcome:
            self._decided_at = at if self.disconnect is None else self.disconnect.at
        self.outcome, self.outcome_known = found

    @property
    def provisional(self) -> bool:
        """Whether the outcome may still be revised: the answer was delivered, but its reading cannot be seen."""
        return self.outcome is Outcome.COMPLETED and not self.outcome_known.sure and not self.over

    @property
    def final(self) -> bool:
        """Whether the outcome is decided and will not be revised."""
        return self.outcome is not None and not self.provisional

    def _seen_outcome(self) -> tuple[Outcome, Certainty] | None:
        """Return the outcome and its certainty, ``None`` while open; the first terminal event decides."""
        left = self._left
        if not self._matched:
            return Outcome.UNMATCHED, Certainty.SEEN
        if self._fault_at is not None and (left is None or self._fault_at <= left.at):
            return Outcome.FAULTED, Certainty.SEEN
        if self._ended and self._all_read:
            return Outcome.COMPLETED, self._read_known
        if left is not None:
            return self._outcome_of_leaving(left)
        if self._ended and self._all_read is None:
            return Outcome.COMPLETED, Certainty.INFERRED if self._asked_again else Certainty.UNKNOWN
        if self._test_ended:
            return self._outcome_without_leaving()
        return None

    def _outcome_of_leaving(self, left: Left) -> tuple[Outcome, Certainty]:
        """Judge by what the client has read: at least what it was seen to read, at most what it can have read."""
        if self.plan is None or not self.head_written:  # an answer without a body is at its end before its head
            return Outcome.CANCELLED, Certainty.SEEN
        end, exact = end_of(self._stream), self._read_known.sure
        if self._read is not None and self._read >= end:
            return Outcome.LEFT_AT_END, self._read_known if exact else Certainty.SEEN
        if self._written < end:
            return Outcome.CANCELLED, Certainty.SEEN  # it was not even written
        if exact:
            return Outcome.CANCELLED, self._read_known
        if self._most(left.most) < end:
            return Outcome.CANCELLED, Certainty.INFERRED
        if self._read is not None:
            return Outcome.CANCELLED, Certainty.AT_LEAST  # when last seen, it had not reached the end marker
        if left.reset:
            return Outcome.LEFT, Certainty.UNKNOWN
        whole = self._ended and left.most is None
        return Outcome.COMPLETED if whole else Outcome.LEFT_AT_END, Certainty.UNKNOWN

    def _outcome_without_leaving(self) -> tuple[Outcome, Certainty]:
        """Return the outcome at the end of the test; what is not known to be unread counts as read, and is marked."""
        if self._all_read is False:
            return Outcome.ABANDONED, Certainty.SEEN
        nothing_written = self._framing is None
        return Outcome.STILL_OPEN, Certainty.SEEN if self._all_read or nothing_written else Certainty.UNKNOWN

    def _most(self, wire: int | None) -> int:
        """Return an upper bound of what was read as a body offset. ``wire``: on the wire, ``None`` for all written."""
        return self._written if wire is None else self._body_offset(wire)

    def may_have_read_to_end(self, most: int | None) -> bool:
        """Return whether a client may have read the end that read at most ``most`` (on the wire, ``None`` for all)."""
        return self.plan is not None and self._most(most) >= end_of(self._stream)

    @property
    def read_to_end(self) -> bool:
        """Whether the client was seen to read the answer up to its end marker."""
        return self.plan is not None and self._read is not None and self._read >= end_of(self._stream)

    @property
    def reading_is_seen(self) -> bool:
        """Whether the client's reading was ever seen."""
        return self._read is not None

    @property
    def stream(self) -> Stream:
        """The whole answer, as far as it is known; empty before it is chosen."""
        return _NOTHING if self.plan is None else self._stream

    @property
    def written(self) -> int:
        """The bytes of the body that were written."""
        return self._written

    @property
    def read(self) -> int | None:
        """The bytes of the body that the client was last seen to have read, ``None`` if it was never seen."""
        return self._read

    @property
    def all_read(self) -> bool | None:
        """Whether the client was seen to read everything that was written, ``None`` if that cannot be known."""
        return self._all_read

    @property
    def certainty(self) -> Certainties:
        """The current certainty of the outcome, the way of leaving and the counts."""
        read = self._bytes_known()
        return Certainties(
            outcome=Certainty.UNKNOWN if self.outcome is None else self.outcome_known,
            how=Certainty.UNKNOWN if self._left is None else self._left.known,
            bytes_read=read,
            tokens_read=self._tokens_known(read),
        )

    def _bytes_known(self) -> Certainty:
        """Return how certain the count is: exact if nothing is unread or the client has left; else it may be higher."""
        gone = self._left is not None and self._left.how is not How.HALF_CLOSE  # a half-closed client may read on
        if self._read is None or self._all_read or gone:
            return self._read_known
        return Certainty.AT_LEAST

    def _tokens_known(self, read: Certainty) -> Certainty:
        meter = None if self.plan is None else self.plan.meter
        if meter is None or self._read is None:
            return Certainty.UNKNOWN
        if meter.streamed or read.sure:
            return read
        return self.outcome_known if self.outcome is not None else Certainty.AT_LEAST

    @property
    def open(self) -> bool:
        """Whether the client is still connected and the outcome undecided."""
        return self.outcome is None and self.disconnect is None

    @property
    def can_be_left(self) -> bool:
        """Whether the client can still leave; it can while a response hangs, a fault that is decided already."""
        return self.disconnect is None and not self.over and self.outcome in (None, Outcome.FAULTED)

    @property
    def head_written(self) -> bool:
        """Whether the response head was written: no other answer is possible any more."""
        return self._framing is not None

    @property
    def _without_head(self) -> bool:
        """Whether it is over, or was left, before its head: the status that was chosen has gone to nobody."""
        over = self._left is not None or self.outcome is not None
        return over and self._matched and not self.head_written

    # --- readers --------------------------------------------------------------------------------------------------

    def bill(self, now: float) -> Bill | None:
        """Return the bill at ``now``; ``None`` if there is no model."""
        if self.plan is None or self.plan.meter is None:
            return None
        cancelled = self.outcome is Outcome.CANCELLED and self.disconnect is not None
        return self.plan.meter.bill(
            now=now,
            written=self._written,
            read=self._read,
            left_at=self.disconnect.at if cancelled and self.disconnect is not None else None,
            whole=self._written >= end_of(self._stream) and not _is_cut_short(self._stream),
            work=self.work,
        )

    def snapshot(self, now: float) -> Exchange:
        """Return the exchange as it is at ``now``."""
        plan, left = self.plan, self.disconnect
        stream = self.stream
        meter = None if plan is None else plan.meter
        known = plan is not None and end_of(stream) <= len(stream.body)  # of an answer that is passed on it may not be
        return Exchange(
            id=self.id,
            started_at=datetime.fromtimestamp(self.started_at, UTC).isoformat().replace("+00:00", "Z"),
            request=self.request,
            route=None if plan is None else plan.route,
            status=None if plan is None or self._without_head else plan.status,
            outcome=self.outcome,
            how=None if left is None else left.how,
            left_after=None if left is None else left.at,
            ended_after=self._decided_at,
            chunks_written=len(self._written_at),
            bytes_written=self._written,
            bytes_read=self._read,
            pacing=self.pacing,
            boundaries=Boundaries(self._proven, self._assumed),
            faults=_fault_names(stream, self._cut),
            difference=self._difference,
            bill=self.bill(now),
            provider=None if meter is None else meter.provider_name,
            provider_stops=None if meter is None else meter.provider_stops,
            tokens_total=None if meter is None else meter.total,
            streamed=None if meter is None else meter.streamed,
            end=None if plan is None else end_of(stream),
            stream_size=len(stream.body) if known else None,
            chunks=len(stream.chunks) if known else None,
            body=stream.body,
            boundaries_at=stream.boundaries,
            written_at=tuple(self._written_at),
            frame=stream.frame,
            held_at=self._held_at,
            certainty=self.certainty,
            work=self.work,
        )

    @property
    def pacing(self) -> Pacing | None:
        """The pacing of the answer, ``None`` before it is chosen."""
        return None if self.plan is None else self.plan.pacing


_NOTHING = Stream()


def end_of(stream: Stream) -> int:
    """Return the body offset at or after which leaving is not a cancel: the end marker, else the body's end."""
    return len(stream.body) if stream.end_marker is None else stream.end_marker


def _is_cut_short(stream: Stream) -> bool:
    """Return whether a fault ends the answer before its end marker, so that what is left of it is not the whole."""
    return stream.end_marker is None and stream.ends_in_fault


def _fault_names(stream: Stream, cut: Ending | None) -> tuple[str, ...]:
    named = tuple(fault.name for fault in stream.faults)
    if cut is not None:
        return (*named, f"cut by hand: {cut.value}")
    return named if stream.ending is Ending.EOF or any(f.ends for f in stream.faults) else (*named, stream.ending.value)
