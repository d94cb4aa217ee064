"""A client that loses what a boundary cuts is told that, and nothing that its streams have beside it."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest

from orharness.contract import Client, run
from orharness.server.thread import ServerThread
from orharness.verdict import Evidence
from tests.support.correct_clients import ASK, HEADERS, Answer, asked, correct, reads

BRIEF = 0.3  # seconds of patience where the client is to be caught waiting
ENOUGH = 10.0  # seconds of patience where nothing is to be waited for
IN_PIECES = "a part of an event is given to the JSON parser: it ends at its empty line, not where the bytes read end"
DROPPED = "text is lost or changed: an event that a boundary cuts is dropped or read in pieces"
CUT_CRLF = "a CRLF that a boundary cuts is taken for two line ends, or none"
UNSEEN = "[DONE] is not seen where a boundary cuts it"
JOINED = "HTTP chunks come joined in one read, and only the first of them is taken"


@pytest.fixture(scope="module")
def thread() -> Iterator[ServerThread]:
    started = ServerThread().start()
    yield started
    started.stop()


def failed(client: Client, case: str, thread: ServerThread, patience: float = ENOUGH, at: Any = None) -> Evidence:
    *_, verdict = run(client, only=case, thread=thread, patience=patience, at=at, shrinking=4)
    assert verdict.evidence is not None, verdict
    return verdict.evidence


class LinesOfEachRead(Answer):
    """Each read is split into lines by itself, and no unfinished line is kept: the commonest first client."""

    def feed(self, data: bytes) -> Iterator[str]:
        for line in data.decode("utf-8", "replace").splitlines():
            if line.startswith("data: "):
                yield from self.event("", line.removeprefix("data: "))
            if self.done:
                return

    def end(self) -> None:
        """Nothing is missed."""


class PassesOverErrors(LinesOfEachRead):
    """An event without choices says nothing, and `error` is not looked at."""

    def chunk(self, chunk: dict[str, Any]) -> Iterator[str]:
        for choice in chunk.get("choices") or ():
            yield from self.text(choice.get("delta") or {})


class TakesACutCrlfForTwo(Answer):
    """Lines are kept, and a LF that begins a read is a line end of its own: an event of two lines ends too early."""

    begun = False

    def lines(self, data: bytes) -> Iterator[str]:
        self._after_cr = False
        return super().lines(data)

    def field(self, line: str) -> None:
        self.begun = True
        super().field(line)

    def dispatch(self) -> Iterator[str]:
        if not self.begun:
            self.done = True  # two empty lines, it thinks: the end of the answer
        self.begun = False
        return super().dispatch()


class NormalisesEachRead(Answer):
    """CRLF is replaced by LF in each read, only LF ends a line, and a byte order mark stays."""

    def lines(self, data: bytes) -> Iterator[str]:
        *ended, self._rest = (self._rest + data.replace(b"\r\n", b"\n")).split(b"\n")
        return (line.decode("utf-8", "replace") for line in ended)


class BlocksOfEachRead(Answer):
    """Each read is split at empty lines that end with LF or CRLF, and no unfinished block is kept."""

    def feed(self, data: bytes) -> Iterator[str]:
        for block in re.split(b"\r\n\r\n|\n\n", data):
            fields = block.decode("utf-8", "replace").splitlines()
            lines = [line.removeprefix("data:").strip() for line in fields if line.startswith("data:")]
            if lines:
                yield from self.event("", "\n".join(lines))
            if self.done:
                return


class FirstOfEachRead(Answer):
    """Of each read the first event that is whole is taken; an unfinished line is kept."""

    def feed(self, data: bytes) -> Iterator[str]:
        for line in self.lines(data):
            if line:
                self.field(line)
            elif self._data:
                yield from self.dispatch()
                return


class WaitsForAnEmptyLine(Answer):
    """What was read is looked at when it ends with an empty line."""

    kept = b""

    def feed(self, data: bytes) -> Iterator[str]:
        self.kept += data
        if self.kept.endswith(b"\n\n"):
            kept, self.kept = self.kept, b""
            yield from super().feed(kept)


class LooksForTheEndInEachRead(Answer):
    """All events of a read are handed over, and then the end is looked for in its bytes."""

    def feed(self, data: bytes) -> Iterator[str]:
        yield from super().feed(data)
        self.done = b"data: [DONE]" in data

    def event(self, type_: str, data: str) -> Iterator[str]:
        return iter(()) if data == "[DONE]" else super().event(type_, data)


def takes_the_first_chunk_of_a_read(base_url: str) -> Iterator[str]:
    """HTTP by hand: of each read only the first chunk is taken. Lines are kept."""
    at, answer, data = urlsplit(base_url), Answer(), b""
    head = "Content-Type: application/json\r\nConnection: close\r\nHost: localhost"
    request = f"POST {at.path}/chat/completions HTTP/1.1\r\n{head}\r\nContent-Length: {len(ASK)}\r\n\r\n{ASK}"
    with socket.create_connection((at.hostname or "", at.port or 0), timeout=60) as connection:
        connection.sendall(request.encode())
        while b"\r\n\r\n" not in data:
            data += connection.recv(65_536)
        data = data.partition(b"\r\n\r\n")[2] or connection.recv(65_536)
        while data and not answer.done:
            size, _, rest = data.partition(b"\r\n")
            yield from answer.feed(rest[: int(size, 16)])
            data = connection.recv(65_536)


def client_of(answer: type[Answer]) -> Client:
    return partial(correct, make_answer=answer)


FIRST = client_of(LinesOfEachRead)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("boundaries/chunks-in-one-segment", DROPPED),
        ("boundaries/crlf-byte-by-byte", DROPPED),
        ("boundaries/event-and-a-half", IN_PIECES),
        ("delivery/before-half-an-event", IN_PIECES),
    ],
)
def test_a_cut_event_is_told_and_not_what_else_the_stream_has(thread: ServerThread, case: str, reason: str) -> None:
    assert failed(FIRST, case, thread).reason.startswith(reason)


@pytest.mark.slow
@pytest.mark.parametrize("inside", ["character", "crlf", "field"])
@pytest.mark.parametrize("size", [16, 64])
def test_what_the_reads_of_the_client_cut_is_told_as_that(thread: ServerThread, size: int, inside: str) -> None:
    def reads_blocks(base_url: str) -> Iterator[str]:
        answer = LinesOfEachRead()
        with asked(base_url) as response:
            while data := response.read1(5_000):
                yield from answer.feed(data)

    case = f"boundaries/blocks-of-{size}k-inside-a-{inside}"
    assert failed(reads_blocks, case, thread).reason == IN_PIECES


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "at", "reason"),
    [
        ("done/cut-in-the-middle", None, UNSEEN),
        ("done/crlf", [450], UNSEEN),
        ("done/crlf-throughout", None, DROPPED),
        ("done/left-open-byte-by-byte", None, DROPPED),
    ],
)
def test_a_cut_end_is_not_one_that_is_not_obeyed(thread: ServerThread, case: str, at: Any, reason: str) -> None:
    """An uncut `[DONE]` is obeyed, and so is one with CRLF; what has come is handed over."""
    evidence = failed(FIRST, case, thread, BRIEF, at)
    assert evidence.reason.startswith(reason)
    assert "│ata: " in evidence.excerpt


def test_a_cut_crlf_is_told_where_only_that_is_the_cause(thread: ServerThread) -> None:
    evidence = failed(client_of(TakesACutCrlfForTwo), "boundaries/crlf-in-two", thread)
    assert evidence.reason.startswith(CUT_CRLF)


@pytest.mark.parametrize(
    ("case", "answer", "reason"),
    [
        ("boundaries/pairs-crlf", NormalisesEachRead, CUT_CRLF),
        ("boundaries/cr-byte-by-byte", NormalisesEachRead, "a CR alone is not taken for a line end"),
        ("boundaries/bom-in-front-of-a-chunk", NormalisesEachRead, "a byte order mark in front of the stream"),
        ("boundaries/every-offset-cr", BlocksOfEachRead, "a CR alone is not taken for a line end"),
        ("framing/long-lines", BlocksOfEachRead, IN_PIECES),
        ("boundaries/many-in-one-chunk", FirstOfEachRead, "of the events that come in one read some are lost"),
        ("done/all-in-one-chunk", FirstOfEachRead, "of the events that come in one read some are lost"),
        ("done/event-after", LooksForTheEndInEachRead, "it goes on after [DONE]"),
        ("delivery/before-half-an-event", WaitsForAnEmptyLine, "what has come is handed over only when the next event"),
    ],
)
def test_what_a_case_of_boundaries_is_about_is_told_only_if_it_is_the_cause(
    thread: ServerThread, case: str, answer: type[Answer], reason: str
) -> None:
    patience = BRIEF if answer is WaitsForAnEmptyLine else ENOUGH
    assert failed(client_of(answer), case, thread, patience).reason.startswith(reason)


def test_joined_chunks_are_told_where_each_alone_is_read(thread: ServerThread) -> None:
    for at in (None, [2]):
        evidence = failed(takes_the_first_chunk_of_a_read, "boundaries/chunks-in-one-segment", thread, at=at)
        assert evidence.reason.startswith(JOINED)


@pytest.mark.slow
def test_an_error_that_is_passed_over_is_told_while_the_connection_is_open(thread: ServerThread) -> None:
    evidence = failed(client_of(PassesOverErrors), "errors/event-left-open", thread, BRIEF)
    assert evidence.reason == "the error event is passed over: the client waits for more"


@pytest.mark.slow
def test_an_error_that_is_shown_at_the_end_is_told_as_that(thread: ServerThread) -> None:
    class ShowsItAtTheEnd(Answer):
        error: Exception | None = None

        def chunk(self, chunk: dict[str, Any]) -> Iterator[str]:
            if "error" in chunk:
                self.error = ValueError(chunk["error"])
                return iter(())
            return super().chunk(chunk)

        def end(self) -> None:
            if self.error is not None:
                raise self.error

    evidence = failed(client_of(ShowsItAtTheEnd), "errors/event-left-open", thread, BRIEF)
    assert evidence.reason.startswith("the error in the stream is shown only when the connection ends")


@pytest.mark.slow
@pytest.mark.parametrize("errors", ["replace", "strict"])
def test_gzip_that_is_not_unpacked_is_told(thread: ServerThread, errors: str) -> None:
    def takes_it_as_it_is(base_url: str) -> Iterator[str]:
        with asked(base_url, headers={**HEADERS, "Accept-Encoding": "gzip"}) as response:
            for data in reads(response):
                yield from Answer().feed(data.decode("utf-8", errors).encode())

    evidence = failed(takes_it_as_it_is, "delivery/gzip-as-it-comes", thread, BRIEF)
    assert evidence.reason == "it asks for gzip and cannot read it"


def test_the_same_client_that_keeps_its_unfinished_line_holds(thread: ServerThread) -> None:
    """So each of these reasons names what mends it."""

    class KeepsTheLine(LinesOfEachRead):
        kept = b""

        def feed(self, data: bytes) -> Iterator[str]:
            whole, end, self.kept = (self.kept + data).rpartition(b"\n")
            return super().feed(whole + end)

    only = ["boundaries/chunks-in-one-segment", "boundaries/crlf-byte-by-byte", "done/cut-in-the-middle"]
    verdicts = run(client_of(KeepsTheLine), only=only, thread=thread, patience=ENOUGH)
    assert [one.evidence for one in verdicts] == [None] * 3


def test_a_text_without_a_request_and_an_object_are_told_without_addresses(thread: ServerThread) -> None:
    def object_of(base_url: str) -> object:
        return object()

    def says_something(base_url: str) -> str:
        return "my answer"

    assert failed(object_of, "done/clean-end", thread).reason.endswith("this one returned <object object>")
    assert failed(says_something, "done/clean-end", thread).reason.endswith("it says 'my answer' without one")
