"""One request and its response, while the response comes."""

from __future__ import annotations

from array import array
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from orharness.cassette.interaction import CLIENT_DISCONNECTED, Headers, Interaction, RecordedRequest, header
from orharness.codings import ContentDecoder
from orharness.dialects import DIALECTS
from orharness.errors import CassetteError
from orharness.frames import SSE, Frame, frame_of
from orharness.recording.direct import DirectBody
from orharness.recording.secrets import KeptRequest, Redaction, SearchedChunks, joined_notes, note_about
from orharness.recording.whole_chunks import data_of
from orharness.recording.wire_notes import WireNotes
from orharness.sse import Event
from orharness.stream import Chunk, Ending, Framing, Stream

LARGE = 2**20  # bytes
_LAST = 2**16  # bytes, at least, in which the end is looked for


def rounded(seconds: float) -> float:
    """The seconds as a cassette keeps them, so that what is in memory equals what will be loaded."""
    return round(max(0.0, seconds), 6)


class EndWatch:
    """Finds the event after which a client may leave, however it is chunked: leaving after it is not a cancel.

    It looks only when it is asked, since most clients do not leave, and it takes longer than passing a chunk on. What
    comes after such an event is short, so it looks only at what came last.
    """

    def __init__(self, content_encoding: str | None = None, frame: Frame = SSE) -> None:
        self._seen = False
        self._last: deque[tuple[bytes, bool]] = deque()  # what was not looked at yet, and whether it is framed chunks
        self._size = 0  # bytes of that
        self._plain = ContentDecoder(content_encoding)
        self._decoder = frame.decoder()

    def add(self, data: bytes) -> None:
        """Take the next chunk."""
        if not self._plain.identity:
            data = self._plain.feed(data)
        self._keep(data, framed=False)

    def add_chunks(self, chunks: bytes) -> None:
        """Take the next chunks, framed as ``WholeChunks`` returns them."""
        if self._plain.identity:
            self._keep(chunks, framed=True)
        else:
            self.add(b"".join(data_of(chunks)))

    def _keep(self, data: bytes, *, framed: bool) -> None:
        self._last.append((data, framed))
        self._size += len(data)
        while self._size - len(self._last[0][0]) > _LAST:
            self._size -= len(self._last.popleft()[0])

    @property
    def seen(self) -> bool:
        """Whether the event has come."""
        while self._last and not self._seen:
            data, framed = self._last.popleft()
            items = self._decoder.feed(b"".join(data_of(data)) if framed else data)
            self._seen = any(isinstance(item, Event) and DIALECTS.is_terminal(item) for item in items)
        self._size = sum(len(data) for data, _ in self._last)
        return self._seen


@dataclass(frozen=True)
class MemoryLimits:
    """What a recorder holds in memory, in bytes.

    ``large``: a larger body is not held, but taken from the spool when it is saved. ``behind``: what may wait in the
    process that keeps what passes, while a large body passes.
    """

    large: int = LARGE
    behind: int = 2**23


USUAL = MemoryLimits()


class SavedExchange(NamedTuple):
    """What is said of an exchange that is in the cassette. ``status``: ``None`` where no response head came.

    ``lasted``: seconds from the request to the last byte. ``ending``: as in the cassette. ``summary``: of the body.
    ``has_body``: the body is in the cassette; it is not if it could not be searched for secrets.
    """

    method: str
    uri: str
    status: int | None
    lasted: float
    ending: str
    summary: str
    has_body: bool = True


@dataclass(frozen=True)
class Head:
    """A response head as it came. ``announced``: the bytes that a Content-Length promises."""

    status: int
    reason: str
    headers: Headers
    framing: Framing
    announced: int | None
    content_encoding: str | None


@dataclass
class RecordedExchange:
    """One request and what has come of its response.

    ``order`` is the number of the request, and ``redaction`` is what must not be written. Times are of the loop's
    clock, in seconds.
    """

    order: int
    request: RecordedRequest
    recorded_at: str
    redaction: Redaction = field(default_factory=Redaction)
    sent_headers: Headers = field(default=(), repr=False)  # the request's, one by one, with secrets: never written
    wire: WireNotes | None = field(default=None, repr=False)
    body: DirectBody | None = field(default=None, repr=False)  # the short way of its chunks, if there is one
    sent_at: float = 0.0  # when the last byte of the request was written
    status: int | None = None  # None: no response head has come
    reason: str = ""
    headers: Headers = ()
    head: float = 0.0
    framing: Framing = Framing.CHUNKED
    announced: int | None = None
    chunks: list[Chunk] = field(default_factory=list)  # without those of a large body
    size: int = 0  # bytes of the body, as it came
    delays: array[float] = field(default_factory=lambda: array("d"))  # of all chunks
    last_at: float = 0.0
    ending: str | None = None  # None: it goes on
    note: str | None = None
    end: EndWatch = field(default_factory=EndWatch)
    large: int = LARGE  # bytes of a body that is not held in memory any more

    def sent(self, now: float) -> None:
        """Note the time at which one more part of the request was written."""
        self.sent_at = now

    def answered(self, head: Head, now: float) -> None:
        """Take the response head, which came at ``now``."""
        self.last_at = now
        self.head = rounded(now - self.sent_at)
        self.status, self.reason, self.headers = head.status, head.reason, head.headers
        self.framing, self.announced = head.framing, head.announced
        self.end = EndWatch(head.content_encoding, frame_of(header(head.headers, "Content-Type")))

    @property
    def end_seen(self) -> bool:
        """Whether the event after which a client may leave has come."""
        return self.end.seen

    @property
    def is_large(self) -> bool:
        """Whether the body is not held in memory."""
        return self.size > self.large and not self.redaction.needs_the_whole_body

    def failed(self, now: float) -> None:
        """Note that no response head will come; ``now`` is when that was clear."""
        self.head = rounded(now - self.sent_at)

    def add(self, data: bytes, now: float) -> Chunk:
        """Take one more chunk of the body, which came at ``now``; returns it with its delay."""
        chunk = Chunk(data, rounded(now - self.last_at))
        self.last_at = now
        self.size += len(data)
        self.delays.append(chunk.delay)
        if not self.is_large:
            self.chunks.append(chunk)
        elif self.chunks:
            self.chunks.clear()
            self.searched.forget()
        return chunk

    def finish(self, ending: str, note: str | None) -> None:
        """Take how the response ended. ``note``: what a reader of the cassette should know about it."""
        self.ending, self.note = str(ending), joined_notes([note, None if self.wire is None else self.wire.note])

    @cached_property
    def searched(self) -> SearchedChunks:
        """The search for secrets in the body; the spool feeds it with each chunk."""
        return SearchedChunks(self.headers, self.redaction)

    def prepare(self) -> None:
        """Search the request for secrets; what is found in it is not kept of the response either."""
        with suppress(CassetteError):  # of a user's filter; it will be raised again where it can be reported
            if self.kept_request is not None:
                secrets = (*self.redaction.secrets, *self.kept_request.found)
                self.redaction = replace(self.redaction, secrets=tuple(dict.fromkeys(secrets)))

    @cached_property
    def kept_request(self) -> KeptRequest | None:
        """The request without secrets.

        ``None``: the user's filters leave it out. Raises ``CassetteError`` where one of them fails.
        """
        return self.redaction.request(self.request)

    def interaction(self) -> Interaction | None:
        """The exchange as the cassette keeps it, without secrets. One that goes on has the ending ``abort``.

        ``None``: the user's filters leave it out. Raises ``CassetteError`` where one of them fails.
        """
        whole, searched = self._as_it_came(), self.searched
        if self.redaction.needs_the_whole_body:
            assert self.redaction.filters is not None
            filtered = self.redaction.filters.response(whole)
            if filtered is None:
                return None
            whole, searched = filtered, SearchedChunks(filtered.headers, self.redaction)
        for chunk in whole.stream.chunks[searched.count :]:  # of one that was filtered or recovered: all
            searched.add(chunk.data)
        headers, stream, problem = searched.kept(whole.headers, whole.stream, decode=True)
        if self.kept_request is None:
            return None
        request, note, _ = self.kept_request
        return replace(
            whole,
            request=request,
            reason=self.redaction.text(whole.reason),
            headers=self.redaction.headers(headers),
            stream=stream,
            note=joined_notes([self.note, note, note_about("response", problem)]),
        )

    def without_body(self) -> Interaction | None:
        """The exchange as the cassette keeps it, but for its large body, of which the spool holds what is kept.

        ``None`` and ``CassetteError`` are as for ``interaction``.
        """
        if self.kept_request is None:
            return None
        request, note, _ = self.kept_request
        whole = self._as_it_came()
        headers, announced = self.searched.kept_head(whole.headers, whole.stream.announced, self.size)
        return replace(
            whole,
            request=request,
            reason=self.redaction.text(whole.reason),
            headers=self.redaction.headers(headers),
            stream=replace(whole.stream, announced=announced),
            note=joined_notes([self.note, note, note_about("response", self.searched.problem)]),
        )

    def _as_it_came(self) -> Interaction:
        ending = self.ending or Ending.ABORT.value
        replayed = Ending.ABORT if ending == CLIENT_DISCONNECTED else Ending(ending)
        without_it = self.request.method == "HEAD" or replayed is not Ending.EOF
        announced = self.announced if without_it else None
        frame = frame_of(header(self.headers, "Content-Type"))
        stream = Stream(tuple(self.chunks), replayed, self.framing, announced=announced, frame=frame)
        return Interaction(
            self.request, self.status, self.reason, self.headers, stream, self.head, ending, self.recorded_at
        )
