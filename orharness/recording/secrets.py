"""Keeps keys out of what is written: finds those of a request, and removes them from sessions and streams."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from orharness.cassette.interaction import Headers, Interaction, RecordedRequest
from orharness.cassette.secrets import scrub_uri
from orharness.codings import ContentDecoder
from orharness.redaction import SecretFinder, cut, hide, is_secret, spans_in
from orharness.stream import Chunk, Edit, Stream, edit

DECODED = "body was compressed, and is kept decoded, without the key that was in it"
UNREADABLE = "body is not kept: its content coding is unknown here or damaged, so the key could not be looked for"
_BETWEEN_CREDENTIALS = re.compile(r"[\s,;]+")
_LENGTH = 16  # characters: a shorter key ("test") is not a secret, and would be found in any text


def secrets_of(headers: Headers, others: Iterable[str]) -> tuple[str, ...]:
    """What must not be written even where the server repeats it: credentials in the headers, and the others.

    Texts that are too short to be a secret are left out.
    """
    sent = [secret for name, value in headers if is_secret(name) for secret in _credentials(value)]
    return tuple(dict.fromkeys(secret for secret in (*sent, *others) if len(secret) >= _LENGTH))


def _credentials(value: str) -> Iterable[str]:
    """The texts of a header's value of which one may be the key, alone or as ``name=key``; also those of Basic."""
    pieces = [piece.strip("\"'") for piece in _BETWEEN_CREDENTIALS.split(value)]
    scheme = pieces[0].lower()
    for piece in pieces:
        yield piece
        name, _, named = piece.partition("=")
        if name.lower() != "uri":  # of Digest: the path, which is to be kept
            yield named.strip("\"'")
        if scheme == "basic":
            with suppress(ValueError):
                yield from base64.b64decode(piece, validate=True).decode().split(":", 1)


def address_secrets(uri: str) -> Iterable[str]:
    """The user, the password and the query parameters that a cassette leaves out of an address."""
    with suppress(ValueError):  # not an address that could be requested
        before, after = urlsplit(uri), urlsplit(scrub_uri(uri))
        kept = after.query.split("&")
        left_out = [piece.partition("=")[2] for piece in before.query.split("&") if piece not in kept]
        return [unquote(secret) for secret in (*left_out, before.username or "", before.password or "")]
    return []


def without_secrets(interaction: Interaction, secrets: tuple[str, ...]) -> Interaction:
    """The interaction with a placeholder for each secret: address, headers, both bodies. Chunk sizes still add up.

    A body in which a content coding hides a secret is kept decoded; one that cannot be searched is not kept. The note
    says so.
    """
    if not secrets:
        return interaction
    request, stream = interaction.request, interaction.stream
    asked = _searched(request.headers, Stream.of(request.body), secrets)
    answered = _searched(interaction.headers, stream, secrets)
    notes = [interaction.note, note_about("request", asked.problem), note_about("response", answered.problem)]
    return replace(
        interaction,
        request=RecordedRequest(
            request.method, hide(request.uri, secrets), _hidden(asked.headers, secrets), asked.stream.body
        ),
        reason=hide(interaction.reason, secrets),
        headers=_hidden(answered.headers, secrets),
        stream=answered.stream,
        note=joined_notes(notes),
    )


def note_about(what: str, problem: str | None) -> str | None:
    """The note for ``DECODED`` or ``UNREADABLE``; ``what`` is ``request`` or ``response``."""
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


def _hidden(headers: Headers, secrets: Sequence[str]) -> Headers:
    return tuple((name, hide(value, secrets)) for name, value in headers)


class _Searched(NamedTuple):
    headers: Headers
    stream: Stream
    problem: str | None = None  # why the body is not as it came


def _searched(headers: Headers, stream: Stream, secrets: tuple[str, ...]) -> _Searched:
    """A body without the secrets, with the headers that fit it."""
    decoder = decoder_for(headers)
    chunks = tuple(Chunk(decoder.feed(chunk.data), chunk.delay) for chunk in stream.chunks)
    if not decoder.readable and stream.body:
        return _Searched(uncoded(headers), replace(stream, chunks=(), announced=None), UNREADABLE)
    body = b"".join(chunk.data for chunk in chunks)
    edits = [Edit(span.start, span.end, span.text) for span in spans_in(body, secrets)]
    if not edits:
        return _Searched(headers, stream)
    if decoder.identity:
        return _Searched(headers, edit(stream, edits))
    growth = len(body) - len(stream.body)
    announced = None if stream.announced is None else stream.announced + growth
    decoded = replace(stream, chunks=chunks, announced=announced)
    return _Searched(uncoded(headers), edit(decoded, edits), DECODED)


class SearchedChunks:
    """Takes a body chunk by chunk, and returns it without the secrets, also those cut, encoded or compressed.

    What may belong to a secret is held back until that is known: an unfinished line, and what follows a text that ends
    in the beginning of a secret. Each returned piece has the number of its chunk, from 0; the placeholder of a secret
    belongs to the chunk in which the secret began. With secrets to look for, a compressed body is returned decoded, and
    one that cannot be decoded is not returned.
    """

    def __init__(self, headers: Headers, secrets: Sequence[str]) -> None:
        self._finder = SecretFinder(secrets) if secrets else None
        self._decoder = decoder_for(headers)
        self._held: list[tuple[int, int, bytes]] = []  # the number of its chunk, its offset in the body, its bytes
        self._count = 0
        self._size = 0

    @property
    def problem(self) -> str | None:
        """``DECODED`` or ``UNREADABLE`` where the body is not returned as it came."""
        if self._finder is None or self._decoder.identity:
            return None
        return DECODED if self._decoder.readable else UNREADABLE

    def add(self, data: bytes) -> list[tuple[int, bytes]]:
        """Take a chunk; returns the pieces that can be written now, those of this chunk last."""
        number = self._count
        self._count += 1
        if self._finder is None:
            return [(number, data)]
        data = self._decoder.feed(data)
        self._held.append((number, self._size, data))
        self._size += len(data)
        self._finder.feed(data)
        return self._released(self._finder)

    def rest(self) -> list[tuple[int, bytes]]:
        """The pieces that were held back, when no chunk comes any more."""
        if self._finder is None:
            return []
        self._finder.finish()
        return self._released(self._finder)

    def _released(self, finder: SecretFinder) -> list[tuple[int, bytes]]:
        released, held = [], []
        for number, start, data in self._held:
            end = max(start, min(start + len(data), finder.known))
            released.append((number, cut(data[: end - start], start, end, finder.spans)))
            if end < start + len(data):
                held.append((number, end, data[end - start :]))
        self._held = held
        return released
