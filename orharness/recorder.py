"""The recording proxy: stands between a client and a server, and keeps what passes, byte for byte.

It has a process of its own (``orharness record``), since vcrpy, where a user has it, patches every HTTP client of the
process that it runs in.

What arrives from the server goes to the client in the loop turn in which it came in, one HTTP chunk for one HTTP chunk,
and is then written to a journal file beside the cassette. When a session has ended, it goes into the cassette. A
recorder that was killed leaves the journal, and the next one for the same cassette finds it: nothing is lost.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import os
import re
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from orharness.cassette import (
    CLIENT_DISCONNECTED,
    Headers,
    Interaction,
    RecordedRequest,
    Tape,
    scrub,
    scrub_uri,
)
from orharness.codings import ContentDecoder
from orharness.dialects.chat import error_document
from orharness.dialects.markers import may_leave_after
from orharness.errors import CassetteError, OrharnessError, ScenarioError, UpstreamError
from orharness.gateways import ONEROUTER
from orharness.origins import OriginGate
from orharness.redaction import SecretFinder, cut, hide, is_secret, spans_in
from orharness.sse import Decoder, Event
from orharness.stream import Chunk, Edit, Ending, Framing, Stream, edit

log = logging.getLogger("orharness.recorder")

_CONNECT_TIMEOUT = 30.0  # seconds; a stream that has begun may be silent for as long as it likes
_TAIL_TIMEOUT = 1.0  # seconds for which a stream is followed whose client left behind the end marker
_WATCH_INTERVAL = 0.25  # seconds between two looks whether a silent server is still there
_READ_SIZE = 2**20  # bytes: reading pauses only for HTTP chunks beyond it
_SECRET_LENGTH = 16  # characters: a shorter key ("test") is none, and would be found in any text
_API_PREFIX = re.compile(r"^(?:/api)?/v1(?=[/?]|$)")
_STOPPED = "the recorder was stopped in the middle of it"
_KILLED = "the recorder was killed in the middle of it"
_ORDER = re.compile(rb'\{"order": (\d+)[,}]')  # how each line of a journal begins
_DECODED = "body was compressed, and is kept decoded, without the key that was in it"
_UNREADABLE = "body is not kept: its content coding is unknown here or damaged, so the key could not be looked for"
_LINGER_RESET = struct.pack("ii", 1, 0)
_OF_THE_CONNECTION = {  # RFC 9110, 7.6.1; and what the two servers compute for themselves
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}


def upstream_uri(upstream: str, path_and_query: str) -> str:
    """Where a request goes: ``/v1/x`` and ``/x`` both to ``upstream/x``, whose own path says what comes before."""
    return upstream.rstrip("/") + _API_PREFIX.sub("", path_and_query)


# What is known of a session while it goes on, and the journal that outlives a kill


class _EndWatch:
    """Whether an event after which a client may leave has come, in whatever chunks: to leave then is no cancel."""

    def __init__(self, content_encoding: str | None = None) -> None:
        self.seen = False
        self._plain = ContentDecoder(content_encoding)
        self._decoder = Decoder()

    def feed(self, data: bytes) -> None:
        """The next bytes of the body."""
        if not self.seen:
            items = self._decoder.feed(self._plain.feed(data))
            self.seen = any(isinstance(item, Event) and may_leave_after(item) for item in items)


@dataclass
class Session:
    """One request and what has come of its response."""

    order: int
    request: RecordedRequest
    recorded_at: str
    secrets: tuple[str, ...] = ()
    sent_at: float = 0.0  # the loop's clock, when the last byte of the request was written
    status: int = 0  # 0: no response head yet
    reason: str = ""
    headers: Headers = ()
    head: float = 0.0
    framing: Framing = Framing.CHUNKED
    announced: int | None = None
    chunks: list[Chunk] = field(default_factory=list)
    last_at: float = 0.0
    ending: str | None = None  # None: it goes on
    note: str | None = None
    end: _EndWatch = field(default_factory=_EndWatch)

    def add(self, data: bytes, now: float) -> Chunk:
        """One more chunk, that came at ``now`` of the loop's clock."""
        chunk = Chunk(data, _seconds(now - self.last_at))
        self.last_at = now
        self.chunks.append(chunk)
        self.end.feed(data)
        return chunk

    def interaction(self) -> Interaction:
        """What the cassette keeps of it."""
        ending = self.ending or Ending.ABORT.value
        replayed = Ending.ABORT if ending == CLIENT_DISCONNECTED else Ending(ending)
        cut_short = self.announced is not None and replayed is not Ending.EOF
        stream = Stream(tuple(self.chunks), replayed, self.framing, announced=self.announced if cut_short else None)
        whole = Interaction(
            self.request,
            self.status,
            self.reason,
            self.headers,
            stream,
            self.head,
            ending,
            self.recorded_at,
            note=self.note,
        )
        return _without_secrets(whole, self.secrets)


def _without_secrets(interaction: Interaction, secrets: tuple[str, ...]) -> Interaction:
    """The interaction with a placeholder for each secret: address, headers, both bodies. Chunk sizes still add up.

    A body in which a content coding hides a secret is kept decoded; one that cannot be searched is not kept.
    """
    if not secrets:
        return interaction
    request, stream = interaction.request, interaction.stream
    asked = _searched(request.headers, Stream.of(request.body), secrets)
    answered = _searched(interaction.headers, stream, secrets)
    notes = [interaction.note, _note("request", asked.problem), _note("response", answered.problem)]
    return replace(
        interaction,
        request=RecordedRequest(
            request.method, hide(request.uri, secrets), _hidden(asked.headers, secrets), asked.stream.body
        ),
        reason=hide(interaction.reason, secrets),
        headers=_hidden(answered.headers, secrets),
        stream=answered.stream,
        note="; ".join(filter(None, notes)) or None,
    )


def _hidden(headers: Headers, secrets: tuple[str, ...]) -> Headers:
    return tuple((name, hide(value, secrets)) for name, value in headers)


def _note(what: str, problem: str | None) -> str | None:
    return problem and f"the {what}'s {problem}"


class _Searched(NamedTuple):
    headers: Headers
    stream: Stream
    problem: str | None = None  # why the body is not as it came


def _searched(headers: Headers, stream: Stream, secrets: tuple[str, ...]) -> _Searched:
    """A body without the secrets, with the headers that fit it."""
    decoder = _decoder_for(headers)
    chunks = tuple(Chunk(decoder.feed(chunk.data), chunk.delay) for chunk in stream.chunks)
    if not decoder.readable and stream.body:
        return _Searched(_uncoded(headers), replace(stream, chunks=(), announced=None), _UNREADABLE)
    body = b"".join(chunk.data for chunk in chunks)
    edits = [Edit(span.start, span.end, span.text) for span in spans_in(body, secrets)]
    if not edits:
        return _Searched(headers, stream)
    if decoder.identity:
        return _Searched(headers, edit(stream, edits))
    growth = len(body) - len(stream.body)
    announced = None if stream.announced is None else stream.announced + growth
    decoded = replace(stream, chunks=chunks, announced=announced)
    return _Searched(_uncoded(headers), edit(decoded, edits), _DECODED)


def _decoder_for(headers: Headers) -> ContentDecoder:
    return ContentDecoder(",".join(value for name, value in headers if name.lower() == "content-encoding"))


def _uncoded(headers: Headers) -> Headers:
    return tuple(pair for pair in headers if pair[0].lower() != "content-encoding")


class _Held:
    """Takes a body chunk by chunk, and gives it without the secrets, also those that are cut, encoded or compressed.

    What may belong to a secret is held back until it is known: an unfinished line, and what follows a text that ends
    in the beginning of a secret. All that is given has the number of its chunk; what stands for a secret belongs to the
    chunk in which that began. With secrets to look for, a compressed body is given decoded, and one that cannot be
    decoded is not given.
    """

    def __init__(self, session: Session) -> None:
        self._finder = SecretFinder(session.secrets) if session.secrets else None
        self._decoder = _decoder_for(session.headers)
        self._pieces: list[tuple[int, int, bytes]] = []  # held back: the number of its chunk, its offset in the body
        self._count = 0
        self._size = 0

    @property
    def problem(self) -> str | None:
        """Why the body is not given as it came."""
        if self._finder is None or self._decoder.identity:
            return None
        return _DECODED if self._decoder.readable else _UNREADABLE

    def add(self, data: bytes) -> list[tuple[int, bytes]]:
        """What is known now of the chunks that were held back, and, last, of this one."""
        number = self._count
        self._count += 1
        if self._finder is None:
            return [(number, data)]
        data = self._decoder.feed(data)
        self._pieces.append((number, self._size, data))
        self._size += len(data)
        self._finder.feed(data)
        return self._given()

    def rest(self) -> list[tuple[int, bytes]]:
        """What was held back, when nothing comes any more."""
        if self._finder is None:
            return []
        self._finder.finish()
        return self._given()

    def _given(self) -> list[tuple[int, bytes]]:
        assert self._finder is not None
        known, spans = self._finder.known, self._finder.spans
        given, held = [], []
        for number, start, data in self._pieces:
            end = max(start, min(start + len(data), known))
            given.append((number, cut(data[: end - start], start, end, spans)))
            if end < start + len(data):
                held.append((number, end, data[end - start :]))
        self._pieces = held
        return given


def _filled(chunks: Iterable[Chunk]) -> list[Chunk]:
    """The chunks without those of which nothing is left; the next one takes their delay."""
    filled, waited = [], 0.0
    for chunk in chunks:
        waited = _seconds(waited + chunk.delay)
        if chunk.data:
            filled.append(Chunk(chunk.data, waited))
            waited = 0.0
    return filled


class Journal:
    """The sessions that are not in the cassette yet, in a file beside it: JSON, one line an event.

    Each line is one ``write`` to the kernel, so that a killed process has lost none (a machine without power may).
    """

    def __init__(self, path: Path) -> None:
        """Opens the file for this process alone; raises ``CassetteError`` where another recorder has it."""
        self.path = path
        self._file = path.open("a+b", buffering=0)
        self._failed = False
        self._held: dict[int, _Held] = {}
        self.damage: str | None = None  # why something could not be recovered
        try:
            _lock(self._file.fileno())
        except OSError:
            self._file.close()
            raise CassetteError(f"{path}: another recorder is writing to this cassette") from None

    def recover(self) -> list[Interaction]:
        """What a recorder that died has left, sessions in their order; the file is empty after ``clear``.

        ``damage`` says afterwards which lines could not be read, and what was lost with them. A last line without its
        line end is no damage: the process was killed in the middle of a write.
        """
        self._file.seek(0)
        *lines, unfinished = self._file.read().split(b"\n")
        with suppress(ValueError):  # whole but for its line end
            json.loads(unfinished)
            lines.append(unfinished)
        recovery = _Recovery()
        for number, line in enumerate(lines, 1):
            recovery.read(number, line)
        found, damage, sessions = [], recovery.damage(), recovery.sessions
        for order in sorted(sessions):
            try:
                sessions[order].chunks = _filled(sessions[order].chunks)
                found.append(sessions[order].interaction())
            except (OrharnessError, AttributeError, TypeError, ValueError) as error:
                damage.append(f"a session of the journal is damaged: {error}")
        self.damage = "; ".join(damage) or None
        return found

    def set_aside(self) -> Path:
        """A copy of the file as it is, under a name that was free; raises ``OSError`` where it cannot be made."""
        names = (f"{self.path.name}.unsaved{'' if number == 1 else f'-{number}'}" for number in count(1))
        copy = next(path for name in names if not (path := self.path.with_name(name)).exists())
        self._file.seek(0)
        with copy.open("xb") as file:
            file.write(self._file.read())
        return copy

    def begin(self, session: Session) -> None:
        """A response head has come."""
        known = session.interaction()
        coded = bool(session.secrets) and not _decoder_for(known.headers).identity  # then the spool has it decoded
        self._write(
            order=session.order,
            request={
                "method": known.request.method,
                "uri": scrub_uri(known.request.uri),
                "headers": scrub(known.request.headers),
                "body": _packed(known.request.body),
            },
            response={
                "status": known.status,
                "reason": known.reason,
                "headers": scrub(_uncoded(known.headers) if coded else known.headers),
                "head": known.head,
                "framing": session.framing.value,
                "announced": None if coded else session.announced,
                "recorded_at": known.recorded_at,
            },
        )

    def chunk(self, session: Session, chunk: Chunk) -> None:
        """One more chunk of the response. Of its end, what may be the beginning of a secret waits for the next one."""
        held = self._held.setdefault(session.order, _Held(session))
        *before, data = held.add(chunk.data)
        self._continue(session, before)
        self._write(order=session.order, delay=chunk.delay, data=_packed(data[1]))

    def _continue(self, session: Session, pieces: Iterable[tuple[int, bytes]]) -> None:
        for number, data in pieces:
            if data:
                self._write(order=session.order, chunk=number, more=_packed(data))

    def end(self, session: Session) -> None:
        """The response has ended."""
        note = session.note
        if held := self._held.pop(session.order, None):
            self._continue(session, held.rest())
            note = "; ".join(filter(None, [note, _note("response", held.problem)])) or None
        self._write(order=session.order, ending=session.ending, note=note)

    def saved(self, session: Session) -> None:
        """The session is in the cassette."""
        self._write(order=session.order, saved=True)

    def clear(self) -> None:
        """Nothing here is needed any more."""
        self._file.truncate(0)

    def close(self, *, keep: bool = False) -> None:
        """Gives the file up, and deletes it unless it is to be kept for recovery."""
        if not keep:
            with suppress(FileNotFoundError):
                self.path.unlink()
        self._file.close()

    def _write(self, **event: object) -> None:
        try:
            self._file.write(json.dumps(event).encode() + b"\n")
        except OSError as error:  # the stream goes on, and the cassette may yet be saved
            if not self._failed:
                log.error("%s: %s; what is going on now would not survive a kill", self.path, error.strerror)  # noqa: TRY400
            self._failed = True


class _Recovery:
    """The sessions that the lines of a journal tell of.

    A line that cannot be read ends the session that it belongs to: its later lines are passed over, because a response
    that is cut short is true as far as it goes, and one with a hole in its middle is not. Where the line does not even
    show its session, all that were going on are ended.
    """

    def __init__(self) -> None:
        self.sessions: dict[int, Session] = {}
        self._cut: set[int] = set()  # sessions whose later lines are passed over
        self._saved: set[int] = set()
        self._damaged: dict[int, list[int]] = {}  # by line number: the sessions that it cut

    def read(self, number: int, line: bytes) -> None:
        """Takes the next line; ``number`` counts from 1."""
        try:
            event = json.loads(line)
            order = event["order"]
            if "saved" in event:
                self._saved.add(order)
            if order not in self._cut:
                _replay(event, self.sessions)
            elif "saved" in event:
                self.sessions.pop(order, None)
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
            self._damaged[number] = self._cut_by(number, line)

    def _cut_by(self, number: int, line: bytes) -> list[int]:
        """Ends the sessions that the damaged line may belong to, also one whose beginning is lost with it."""
        known = [order for order, session in self.sessions.items() if session.ending is None]
        shown = _ORDER.match(line)
        if shown is not None:
            order = int(shown[1])
            known = [order] if order in known or order not in self.sessions else []
        cut = [order for order in known if order not in self._cut]
        for order in cut:
            if order in self.sessions:
                self.sessions[order].note = f"line {number} of the recorder's journal is damaged: what followed is lost"
        self._cut.update(cut)
        return cut

    def damage(self) -> list[str]:
        """A sentence for each line that could not be read. What is in the cassette is not lost."""
        return [
            f"line {number} is damaged: {self._lost([order for order in cut if order not in self._saved])}"
            for number, cut in self._damaged.items()
        ]

    def _lost(self, orders: Iterable[int]) -> str:
        requests = (self.sessions[order].request if order in self.sessions else None for order in orders)
        lost = [f"the rest of {one.method} {one.uri}" if one else "a whole response" for one in requests]
        said = f"{', '.join(lost)} is lost" if lost else "nothing is known to be lost"
        return said.encode("ascii", "backslashreplace").decode()  # an address may hold bytes that are no UTF-8


def _replay(event: Mapping[str, Any], sessions: dict[int, Session]) -> None:
    order = event["order"]
    if "request" in event:
        sessions[order] = _begun(order, event["request"], event["response"])
    elif "data" in event:
        sessions[order].chunks.append(Chunk(base64.b64decode(event["data"]), event["delay"]))
    elif "more" in event:
        chunks, number = sessions[order].chunks, event["chunk"]
        chunks[number] = Chunk(chunks[number].data + base64.b64decode(event["more"]), chunks[number].delay)
    elif "saved" in event:
        del sessions[order]
    else:
        sessions[order].ending, sessions[order].note = event["ending"], event["note"]


def _begun(order: int, request: Mapping[str, Any], response: Mapping[str, Any]) -> Session:
    return Session(
        order,
        RecordedRequest(
            request["method"], request["uri"], _pairs(request["headers"]), base64.b64decode(request["body"])
        ),
        response["recorded_at"],
        status=response["status"],
        reason=_readable(response["reason"]),
        headers=_pairs(response["headers"]),
        head=response["head"],
        framing=Framing(response["framing"]),
        announced=response["announced"],
        note=_KILLED,
    )


def _seconds(seconds: float) -> float:
    """As a cassette keeps it, so that what is in memory equals what will be loaded."""
    return round(max(0.0, seconds), 6)


def _pairs(pairs: Iterable[Iterable[str]]) -> Headers:
    return tuple((name, value) for name, value in pairs)


def _packed(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _lock(fileno: int) -> None:
    with suppress(ImportError):  # Windows has no flock: two recorders for one cassette are not noticed there
        import fcntl

        fcntl.flock(fileno, fcntl.LOCK_EX | fcntl.LOCK_NB)


# The proxy


class Recorder:
    """A reverse proxy on ``host`` and ``port`` (0: any free one) that records all that passes into the cassette ``to``.

    ``async with`` starts and stops it. What is going on when it stops is kept, with the ending ``abort`` and a note.
    The client's key passes through to the upstream; ``key_env`` names an environment variable that holds one to use
    instead. Neither is ever written, nor are cookies.

    With ``key_env``, a request that a web page may have made (a foreign ``Host`` or ``Origin``, ``Sec-Fetch-Site``) is
    refused with 403, or any page could spend the key; ``allow_origins`` names pages that may, by origins such as
    ``http://localhost:3000``.

    Raises ``CassetteError`` where the cassette exists (unless ``overwrite``), where another recorder writes to it, and
    at the end where something could not be saved; ``ScenarioError`` for an impossible upstream or origin, or an unset
    variable.
    """

    def __init__(
        self,
        upstream: str,
        to: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        key_env: str | None = None,
        allow_origins: Iterable[str] = (),
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.upstream = _checked_upstream(upstream)
        self.path = Path(to)
        self.recorded = 0  # how many interactions are in the cassette
        self._overwrite = overwrite
        self._key = _key_from(key_env)
        self._address = host, port
        self._gate = OriginGate(allow_origins, host)
        self._orders = count()
        self._sessions: dict[int, Session] = {}
        self._handlers: set[asyncio.Task[Any]] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._saving = asyncio.Lock()
        self._stopping = False
        self._unsaved: list[str] = []

    # Life

    async def __aenter__(self) -> Recorder:
        self._clock = asyncio.get_running_loop().time
        self._journal = self._open_journal()
        try:
            self._tape = self._fresh_tape()
            self._runner = await self._listen()
        except BaseException:
            self._journal.close()
            raise
        self._client = _client(self._clock)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Keeps what is going on, and lets go of everything."""
        self._stopping = True
        for task in self._handlers:
            task.cancel()
        await self._runner.cleanup()
        while self._background:
            await asyncio.gather(*self._background)
        await self._client.close()
        self._journal.close(keep=bool(self._unsaved))
        if self._unsaved:
            raise CassetteError(f"{self._unsaved[0]}; {self._journal.path} keeps what is not in the cassette")

    @property
    def _port(self) -> int:
        port: int = self._runner.addresses[0][1]
        return port

    @property
    def base_url(self) -> str:
        """What a client takes as its base URL."""
        host, port = self._runner.addresses[0][:2]
        return f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"

    @property
    def interactions(self) -> list[Interaction]:
        """What is in the cassette by now, in the order of the requests."""
        return self._tape.interactions

    def _fresh_tape(self) -> Tape:
        if self.path.exists() and not self._overwrite:
            raise CassetteError(f"{self.path}: this cassette exists; --overwrite replaces it")
        return Tape(self.path, "rewrite")

    def _open_journal(self) -> Journal:
        """The journal, emptied: what a recorder that was killed has left there goes into a cassette of its own."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            journal = Journal(self.path.with_name(f"{self.path.name}.recording"))
        except OSError as error:
            raise CassetteError(f"{self.path}: the file cannot be written: {error.strerror}") from error
        try:
            self._recover(journal)
        except OSError as error:
            journal.close(keep=True)
            raise CassetteError(f"{journal.path}: what it holds cannot be set aside: {error.strerror}") from error
        except BaseException:
            journal.close(keep=True)
            raise
        return journal

    def _recover(self, journal: Journal) -> None:
        found = journal.recover()
        problems, saved = [journal.damage] if journal.damage else [], 0
        path = self.path.with_name(f"{self.path.stem}.recovered{self.path.suffix}")
        try:
            rescued = Tape(path, "new_episodes" if found else "rewrite")
        except OrharnessError as error:
            found = []
            problems.append(str(error))
        for interaction in found:
            try:
                rescued.add(interaction)
                saved += 1
            except OrharnessError as error:
                problems.append(str(error))
        if saved:
            log.warning("%s: holds now what a recorder that was killed had of %d responses", path, saved)
        if problems:
            log.error("%s: keeps what a recorder that was killed had: %s", journal.set_aside(), "; ".join(problems))
        journal.clear()

    async def _listen(self) -> web.ServerRunner:
        runner = web.ServerRunner(_Server(self._handle, handler_cancellation=True), shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, *self._address).start()
        except OSError as error:
            await runner.cleanup()
            host, port = self._address
            raise ScenarioError(f"cannot listen on {host}, port {port}: {error.strerror}") from error
        return runner

    # One session

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        try:
            if self._key is not None and (why := self._gate.refusal(request.headers, self._port)):
                return await _refused(request, why)
            if self._gate.is_preflight(request.method, request.headers):
                return web.Response(status=204, headers=self._gate.preflight_headers(request.headers))
            return await self._answer(request)
        finally:
            self._handlers.discard(task)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        session = self._begin(request, await request.content.read())
        try:
            upstream = await self._ask(request, session)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return self._unreachable(request, session, error)
        followed = False
        try:
            return await self._relay(request, session, upstream)
        except (asyncio.CancelledError, ConnectionError):  # the client left, or we are to stop
            ending, note = (Ending.ABORT, _STOPPED) if self._stopping else (CLIENT_DISCONNECTED, None)
            if session.end.seen:
                followed = True
                self._spawn(self._follow(session, upstream, ending, note))
            else:
                self._end(session, ending, note)
            raise
        finally:
            if not followed:
                _drop(upstream)

    def _begin(self, request: web.BaseRequest, body: bytes) -> Session:
        headers = tuple((_text(name), _text(value)) for name, value in request.raw_headers)
        return Session(
            next(self._orders),
            RecordedRequest(
                request.method,
                upstream_uri(self.upstream, request.raw_path),
                tuple(pair for pair in headers if pair[0].lower() not in _OF_THE_CONNECTION),
                body,
            ),
            datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            _secrets(headers, (self._key or "", *_address_secrets(self.upstream), *_address_secrets(request.raw_path))),
            sent_at=self._clock(),
        )

    async def _ask(self, request: web.BaseRequest, session: Session) -> aiohttp.ClientResponse:
        asked = session.request
        headers = CIMultiDict(_with_key(asked.headers, self._key))
        headers["Accept-Encoding"] = "identity"  # what is recorded is to be the stream itself
        response = await self._client.request(
            asked.method,
            URL(asked.uri, encoded=True),
            headers=headers,
            data=io.BytesIO(asked.body) if asked.body or "Content-Length" in request.headers else None,
            allow_redirects=False,
            trace_request_ctx=SimpleNamespace(session=session),
        )
        session.last_at = self._clock()
        session.head = _seconds(session.last_at - session.sent_at)
        session.status = response.status
        session.reason = _readable(response.reason or "")
        session.headers = tuple(
            (_text(name), _text(value))
            for name, value in response.raw_headers
            if _text(name).lower() not in _OF_THE_CONNECTION
        )
        session.framing, session.announced = _framing(asked.method, response)
        session.end = _EndWatch(response.headers.get("Content-Encoding"))
        return response

    async def _relay(
        self, request: web.BaseRequest, session: Session, upstream: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        self._sessions[session.order] = session
        self._journal.begin(session)
        downstream = await _open(request, session, self._gate.response_headers(request.headers))
        write = _writer(request, downstream)
        try:
            async for data in _http_chunks(upstream):
                write(data)
                self._keep(session, data)
        except _CutShort as cut:
            self._end(session, cut.ending)
            _break(request, cut.ending)
        else:
            self._end(session, Ending.EOF)
            await downstream.write_eof()
        return downstream

    def _keep(self, session: Session, data: bytes) -> None:
        self._journal.chunk(session, session.add(data, self._clock()))

    async def _follow(self, session: Session, upstream: aiohttp.ClientResponse, ending: str, note: str | None) -> None:
        """The client has what it wanted, so that this is no cancel: how the server ends is still to be seen."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_TAIL_TIMEOUT):
                try:
                    async for data in _http_chunks(upstream):
                        self._keep(session, data)
                    ending, note = Ending.EOF, None
                except _CutShort as cut:
                    ending, note = cut.ending, None
        self._end(session, ending, note)
        _drop(upstream)

    def _end(self, session: Session, ending: str, note: str | None = None) -> None:
        if session.ending is None and session.order in self._sessions:
            session.ending, session.note = str(ending), note
            self._journal.end(session)
            self._spawn(self._save(session))

    async def _save(self, session: Session) -> None:
        async with self._saving:
            try:
                # In a thread, since other sessions are being forwarded meanwhile.
                await asyncio.to_thread(self._add, session)
            except OrharnessError as error:
                log.error("%s", error)  # noqa: TRY400 - the sentence says it
                self._unsaved.append(str(error))
                return
            self.recorded += 1
            del self._sessions[session.order]
            self._journal.saved(session)
            if not self._sessions:
                self._journal.clear()

    def _add(self, session: Session) -> None:
        interaction = session.interaction()
        if _UNREADABLE in (interaction.note or ""):
            log.warning("%s %s: %s", interaction.request.method, scrub_uri(interaction.request.uri), interaction.note)
        self._tape.add(interaction, session.order)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _unreachable(self, request: web.BaseRequest, session: Session, error: Exception) -> web.Response:
        # What aiohttp says may quote the address that was asked, and what the server sent.
        why = hide(str(error) or type(error).__name__, session.secrets)
        sentence = str(UpstreamError(f"{scrub_uri(self.upstream)} did not answer: {why}"))
        log.warning("%s", sentence)
        document = error_document(ONEROUTER, 502, sentence)
        return web.json_response(document, status=502, headers=self._gate.response_headers(request.headers))


# Pieces


class _Server(web.Server):
    """aiohttp's low-level server, with our connections."""

    def __call__(self) -> web.RequestHandler:
        loop = asyncio.get_running_loop()
        return _Connection(
            self,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]  # none
            lingering_time=0,
            auto_decompress=False,  # a compressed request goes on as it came, as its Content-Encoding does
        )


class _Connection(web.RequestHandler):
    """aiohttp's protocol, which answers malformed HTTP in the gateway's shape, and with a sentence in the log."""

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        if status >= 500:  # a mistake of ours
            return super().handle_error(request, status, exc, message)
        # What follows a colon or a line end quotes what the client sent, in which its key may be.
        what = re.split(r"[:\r\n]", message or "Bad Request", maxsplit=1)[0].strip()
        sentence = f"a client sent what is no HTTP: {what}"
        log.warning("%s", sentence)
        response = web.json_response(error_document(ONEROUTER, status, sentence), status=status)
        response.force_close()
        return response


def _checked_upstream(upstream: str) -> str:
    try:
        url = URL(upstream)
    except ValueError as error:
        raise ScenarioError(f"the upstream {upstream!r} is no address: {error}") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise ScenarioError(f"an upstream is a base URL such as https://host/v1, not {upstream!r}")
    return upstream


def _key_from(name: str | None) -> str | None:
    if name is None:
        return None
    if not os.environ.get(name):
        raise ScenarioError(f"the environment variable {name} is to hold the upstream's key, but it is not set")
    return os.environ[name]


def _client(clock: Callable[[], float]) -> aiohttp.ClientSession:
    async def sent(_: object, context: Any, __: object) -> None:
        context.trace_request_ctx.session.sent_at = clock()

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(sent)
    trace.on_request_chunk_sent.append(sent)
    return aiohttp.ClientSession(
        # A new connection each time: an idle one may die as it is used, and a POST is not ours to repeat.
        connector=aiohttp.TCPConnector(limit=0, force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT),
        auto_decompress=False,
        read_bufsize=_READ_SIZE,
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        trace_configs=[trace],
        trust_env=True,
    )


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _readable(text: str) -> str:
    """The text without the surrogates that stand for bytes that were no UTF-8."""
    return _text(text.encode("utf-8", "surrogateescape"))


def _secrets(headers: Headers, others: Iterable[str]) -> tuple[str, ...]:
    """What must not be written even where the server repeats it: what authenticates in the headers, and the others."""
    sent = [secret for name, value in headers if is_secret(name) for secret in _credentials(value)]
    return tuple(dict.fromkeys(secret for secret in (*sent, *others) if len(secret) >= _SECRET_LENGTH))


def _credentials(value: str) -> Iterable[str]:
    scheme, _, credentials = value.strip().rpartition(" ")
    yield credentials
    if scheme.strip().lower() == "basic":
        with suppress(ValueError):
            yield base64.b64decode(credentials, validate=True).decode().partition(":")[2]


def _address_secrets(uri: str) -> Iterable[str]:
    """The password and the query parameters that a cassette leaves out of an address."""
    with suppress(ValueError):  # not an address that could be asked
        before, after = urlsplit(uri), urlsplit(scrub_uri(uri))
        kept = after.query.split("&")
        left_out = [piece.partition("=")[2] for piece in before.query.split("&") if piece not in kept]
        return [unquote(secret) for secret in (*left_out, before.password or "")]
    return []


def _with_key(headers: Headers, key: str | None) -> Headers:
    """The headers with our key in place of the client's, under the name that the client used."""
    if key is None:
        return headers
    used = next((name for name, _ in headers if is_secret(name) and "key" in name.lower()), None)
    others = tuple(pair for pair in headers if not is_secret(pair[0]) or "cookie" in pair[0].lower())
    return (*others, (used, key) if used else ("Authorization", f"Bearer {key}"))


def _framing(method: str, response: aiohttp.ClientResponse) -> tuple[Framing, int | None]:
    """How the body ends, and how long it is to be."""
    if "chunked" in response.headers.get("Transfer-Encoding", "").lower():
        return Framing.CHUNKED, None
    if method == "HEAD" or response.status in (204, 304):
        return Framing.LENGTH, None
    if response.content_length is not None:
        return Framing.LENGTH, response.content_length
    return Framing.CLOSE, None


class _CutShort(Exception):  # noqa: N818 - an ending, not an error
    def __init__(self, ending: Ending) -> None:
        self.ending = ending


async def _http_chunks(upstream: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """The body, one item an HTTP chunk (of a body that is not chunked: one a read); raises ``_CutShort``."""
    chunked = "chunked" in upstream.headers.get("Transfer-Encoding", "").lower()
    begun = bytearray()
    watch = asyncio.create_task(_watch(upstream))
    try:
        while True:
            data, complete = await upstream.content.readchunk()
            begun += data
            if begun and (complete or not chunked):  # aiohttp reports the last chunk too, which is empty
                yield bytes(begun)
                begun.clear()
            # The answer to readchunk() alone does not show the end: all responses without a body share one object of
            # aiohttp, which answers (b"", False) once in the life of the process and (b"", True) ever after.
            if not data and (not complete or upstream.content.at_eof()):
                return
    except (aiohttp.ClientError, OSError) as error:
        if begun:
            yield bytes(begun)
        raise _CutShort(Ending.RESET if _was_reset(error) else Ending.ABORT) from error
    finally:
        watch.cancel()


async def _watch(upstream: aiohttp.ClientResponse) -> None:
    """Wakes the reader where aiohttp does not: it hangs up on broken chunks and says nothing."""
    while (connection := upstream.connection) is not None and connection.protocol is not None:
        was_connected = connection.protocol.is_connected()
        await asyncio.sleep(_WATCH_INTERVAL)
        if not was_connected and not upstream.content.is_eof() and upstream.content.exception() is None:
            upstream.content.set_exception(aiohttp.ClientPayloadError("the server broke the chunked coding"))


def _was_reset(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ConnectionResetError) or "ConnectionResetError" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


async def _open(request: web.BaseRequest, session: Session, cors: Mapping[str, str]) -> web.StreamResponse:
    """Send the response head to the client: as the server sent it, unless ``cors`` replaces what it says of pages."""
    headers = CIMultiDict(session.headers)
    if cors:
        headers = CIMultiDict(pair for pair in headers.items() if not pair[0].lower().startswith("access-control-"))
        headers.extend(cors)
    response = web.StreamResponse(status=session.status, reason=session.reason, headers=headers)
    if session.announced is not None:
        response.content_length = session.announced
    elif session.framing is Framing.LENGTH:
        pass
    elif request.version >= (1, 1):
        response.enable_chunked_encoding()
    else:
        response.force_close()
    await response.prepare(request)
    return response


def _writer(request: web.BaseRequest, response: web.StreamResponse) -> Callable[[bytes], None]:
    """Writes at once and never waits: the times of the recording are the server's, not those of a slow client."""
    chunked = response.chunked

    def write(data: bytes) -> None:
        if request.transport is not None:
            request.transport.write(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)

    return write


async def _refused(request: web.BaseRequest, sentence: str) -> web.Response:
    """A 403 in the gateway's shape. The body is read first: to close with unread bytes would reset the connection."""
    log.warning("%s", sentence)
    if request.headers.get("Expect", "").lower() != "100-continue":
        async for _ in request.content.iter_any():
            pass
    response = web.json_response(error_document(ONEROUTER, 403, sentence), status=403)
    response.force_close()
    return response


def _break(request: web.BaseRequest, ending: Ending) -> None:
    """Ends the client's connection as the server ended ours: the end of the body is missing."""
    transport = request.transport
    if transport is None:
        return
    if ending is Ending.RESET:
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
        transport.abort()
    else:
        transport.close()


def _drop(upstream: aiohttp.ClientResponse) -> None:
    """Leaves the server at once, so that it stops."""
    if upstream.connection is not None and upstream.connection.transport is not None:
        upstream.connection.transport.abort()
    upstream.close()
