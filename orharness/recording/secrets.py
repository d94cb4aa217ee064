"""Keeps secrets out of what is written: finds those of a request, and removes them from exchanges and streams."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from orharness.cassette.interaction import Headers, RecordedRequest
from orharness.cassette.secrets import scrub, scrub_uri
from orharness.codings import ContentDecoder
from orharness.redaction import PLACEHOLDER, SecretFinder, cut, hide, is_kept_header
from orharness.redaction.credentials import LENGTH
from orharness.stream import Chunk, Edit, Stream, edit

if TYPE_CHECKING:  # they load vcrpy, which takes longer than all else, and most recordings have none
    from orharness.cassette.filters import Filters

UNREADABLE = "body is not kept: its content coding is unknown here or damaged, so the key could not be looked for"
"""How the note begins about a body that could not be decoded."""


def address_secrets(uri: str) -> Iterable[str]:
    """The user, the password and the query parameters that a cassette leaves out of an address."""
    with suppress(ValueError):  # not an address that could be requested
        before, after = urlsplit(uri), urlsplit(scrub_uri(uri))
        kept = after.query.split("&")
        left_out = [piece.partition("=")[2] for piece in before.query.split("&") if piece not in kept]
        return [unquote(secret) for secret in (*left_out, before.username or "", before.password or "")]
    return []


@dataclass(frozen=True)
class Redaction:
    """What a recorder leaves out of one exchange.

    ``secrets``: texts that are not written in any form, beside all that looks like a key. ``personal``: e-mail
    addresses, IP addresses and telephone numbers are left out too. ``keep_headers``: names in lower case of headers
    whose value is kept, beside those of the allow-list. ``filters``: the user's own rules, which come first.
    """

    secrets: tuple[str, ...] = ()
    personal: bool = False
    keep_headers: frozenset[str] = frozenset()
    filters: Filters | None = None

    @property
    def needs_the_whole_body(self) -> bool:
        """Whether what is written of a response is known only when it has ended."""
        return self.filters is not None and self.filters.changes_responses

    def text(self, text: str) -> str:
        """The text with a placeholder for each secret."""
        return hide(text, self.secrets, personal=self.personal)

    def headers(self, headers: Headers) -> Headers:
        """The headers without those that authenticate; a value whose name is not on the allow-list is a placeholder."""
        return tuple((self._name(name), self._value(name, value)) for name, value in scrub(headers))

    def _name(self, name: str) -> str:
        """The name of a header, which may be a key where a client forgot what goes before the colon."""
        return name if self._keeps(name) else self.text(name)

    def unkept(self, headers: Headers) -> Iterable[str]:
        """The values that are not kept, as a server may repeat them in a body."""
        return [value for name, value in headers if not self._keeps(name)]

    def _keeps(self, name: str) -> bool:
        return is_kept_header(name) or name.lower() in self.keep_headers

    def _value(self, name: str, value: str) -> str:
        if not self._keeps(name):
            return PLACEHOLDER
        return self.text(value)

    def request(self, request: RecordedRequest) -> KeptRequest | None:
        """The request as it is kept; ``None``: it is not kept.

        Raises ``CassetteError`` where a user's filter fails.
        """
        if self.filters is not None:
            filtered = self.filters.request(request)
            if filtered is None:
                return None
            request = filtered
        searched = SearchedChunks(request.headers, self)
        searched.add(request.body)
        headers, stream, problem = searched.kept(request.headers, Stream.of(request.body), decode=False)
        uri = self.text(scrub_uri(request.uri))
        kept = RecordedRequest(request.method, uri, self.headers(headers), stream.body)
        return KeptRequest(kept, note_about("request", problem), searched.found(request.body))


def note_about(what: str, problem: str | None) -> str | None:
    """The note about a body that is not kept as it came; ``what`` is ``request`` or ``response``."""
    return problem and f"the {what}'s {problem}"


def joined_notes(notes: Iterable[str | None]) -> str | None:
    """One note of those that there are; ``None`` where there are none."""
    return "; ".join(filter(None, notes)) or None


def decoder_for(headers: Headers) -> ContentDecoder:
    """A decoder for the content codings that the headers name."""
    return ContentDecoder(",".join(value for name, value in headers if name.lower() == "content-encoding"))


def uncoded(headers: Headers) -> Headers:
    """The headers without ``Content-Encoding``."""
    return tuple(pair for pair in headers if pair[0].lower() != "content-encoding")


class KeptRequest(NamedTuple):
    """A request as it is kept, a note where its body is not as it came, and the secrets that were found in the body."""

    request: RecordedRequest
    note: str | None
    found: tuple[str, ...]


class Kept(NamedTuple):
    """A body as it is kept: the headers that fit it, the stream, and why it is not as it came, if it is not."""

    headers: Headers
    stream: Stream
    problem: str | None = None


class SearchedChunks:
    """Takes a body chunk by chunk, and returns it without the secrets, also those cut, encoded or compressed.

    What may belong to a secret is held back until that is known: an unfinished line, and what follows a text that ends
    in the beginning of a secret. Each returned piece has the number of its chunk, from 0; the placeholder of a secret
    belongs to the chunk in which the secret began. A compressed body is returned decoded, and one that cannot be
    decoded is not returned.
    """

    def __init__(self, headers: Headers, redaction: Redaction) -> None:
        self._finder = SecretFinder(redaction.secrets, personal=redaction.personal)
        self._decoder = decoder_for(headers)
        self._decoded: list[bytes] = []  # the chunks, where they were compressed
        self._held: deque[tuple[int, int, bytes]] = (
            deque()
        )  # the number of its chunk, its offset in the body, its bytes
        self._size = 0
        self._kept_size = 0  # bytes of what was returned
        self._forgets = False
        self._placed = -1  # the offset at which the last placeholder is that was returned
        self.count = 0
        """How many chunks it took."""

    @property
    def problem(self) -> str | None:
        """A clause about a body that is not returned as it came; ``None`` for one that is, and for an empty one."""
        if self._decoder.identity or not self.count:
            return None
        if self._decoder.readable:
            return f"body came with the content coding {self._decoder.codings}, and is kept decoded"
        return f"{UNREADABLE}{self._decoder.missing}"

    def add(self, data: bytes) -> list[tuple[int, bytes]]:
        """Take a chunk; returns the pieces that can be written now, those of this chunk last."""
        if not self._decoder.identity:
            data = self._decoder.feed(data)
            if not self._forgets:
                self._decoded.append(data)
        if data:
            self._held.append((self.count, self._size, data))
        self.count += 1
        self._size += len(data)
        self._finder.feed(data)
        return self._released()

    def rest(self) -> list[tuple[int, bytes]]:
        """The pieces that were held back, when no chunk comes any more."""
        self._finder.finish()
        return self._released()

    @property
    def is_kept(self) -> bool:
        """Whether any of the body may be kept."""
        return self._decoder.readable

    def forget(self) -> None:
        """Keep no chunks from now on: the whole body is not asked for."""
        self._forgets = True
        self._decoded.clear()

    def kept_head(self, headers: Headers, announced: int | None, size: int) -> tuple[Headers, int | None]:
        """The headers and the announced length that fit the body as it is kept, where the pieces are kept alone.

        ``size``: the bytes of the body as it came. All pieces have been returned.
        """
        if not self.is_kept:
            return uncoded(headers), None
        fitting = headers if self._decoder.identity else uncoded(headers)
        return fitting, None if announced is None else announced + self._kept_size - size

    def kept(self, headers: Headers, stream: Stream, *, decode: bool) -> Kept:
        """The whole body, whose chunks are those of ``stream`` as they came, without the secrets. Sizes still add up.

        A body in which a content coding hides a secret is kept decoded, with ``decode`` any that has a coding; one that
        cannot be searched is not kept.
        """
        self._finder.finish()
        if not self._decoder.readable and stream.body:
            return Kept(uncoded(headers), replace(stream, chunks=(), announced=None), self.problem)
        edits = [Edit(span.start, span.end, span.text) for span in self._finder.spans]
        if not edits and (self._decoder.identity or not decode or not stream.body):
            return Kept(headers, stream)
        if self._decoder.identity:
            return Kept(headers, edit(stream, edits))
        pairs = zip(self._decoded, stream.chunks, strict=True)
        growth = self._size - len(stream.body)
        announced = None if stream.announced is None else stream.announced + growth
        decoded = replace(stream, chunks=tuple(Chunk(data, one.delay) for data, one in pairs), announced=announced)
        return Kept(uncoded(headers), edit(decoded, edits), self.problem)

    def found(self, body: bytes) -> tuple[str, ...]:
        """The secrets in the whole ``body``, but for those that are too short to be looked for elsewhere."""
        body = body if self._decoder.identity else b"".join(self._decoded)
        texts = (self._finder.text(body[span.start : span.end]) for span in self._finder.spans)
        return tuple(text for text in texts if len(text) >= LENGTH)

    def _cut(self, data: bytes, start: int) -> bytes:
        """``data``, which begin at ``start`` of the body, without the secrets in them.

        The harmless first characters of a secret that is cut were returned before it was found, and so without its
        placeholder. That is put where the secret goes on.
        """
        end, spans = start + len(data), self._finder.spans
        first = bisect_right(spans, start, key=lambda span: span.end)
        last = bisect_left(spans, end, key=lambda span: span.start)
        if first == last:
            return data
        here = spans[first:last]
        passed = bisect_right(spans, self._placed, key=lambda span: span.start)
        late = next((span.text for span in spans[passed:last] if span.text and span.start < start), b"")
        self._placed = here[-1].start
        if here[0].start < start:
            return late + cut(data, start, end, here)
        return cut(data, start, end, [replace(here[0], text=here[0].text or late), *here[1:]])

    def _released(self) -> list[tuple[int, bytes]]:
        """The parts of the held chunks that can be written now; the last chunk has a part, if only an empty one."""
        known, released = self._finder.known, []
        while self._held and self._held[0][1] < known:
            number, start, data = self._held.popleft()
            end = min(start + len(data), known)
            piece = self._cut(data[: end - start], start)
            self._kept_size += len(piece)
            released.append((number, piece))
            if end < start + len(data):
                self._held.appendleft((number, end, data[end - start :]))
        if not released or released[-1][0] != self.count - 1:
            released.append((self.count - 1, b""))
        return released
