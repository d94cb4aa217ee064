"""What is said of clients that miss the end, or see one where none is: each reason is that of a trial."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from orharness.contract import Client, run
from orharness.server.thread import ServerThread
from tests.support.correct_clients import Answer, asked, correct, reads

BRIEF = 0.3  # seconds of patience where the client is to be caught waiting
ENOUGH = 10.0  # seconds of patience where nothing is to be waited for

LINE_END = "[DONE] is not taken for the end where its line ends with {}, though other events are read there"
NO_CRLF = "[DONE] is not taken for the end: CRLF is taken for two line ends, or its CR for a part of the line"
NO_CR = "a CR alone is not taken for a line end"
IN_TEXT = "`[DONE]` in the text is not taken for text"
IN_COMMENT = "`[DONE]` in a comment is not passed over"
IN_FIELD = "`[DONE]` in another field is not passed over"


def splits_at_lf(base_url: str) -> Iterator[str]:
    """LF ends a line, from which nothing is stripped, and the end is compared with all of it."""
    rest = b""
    with asked(base_url) as response:
        for data in reads(response):
            *lines, rest = (rest + data).split(b"\n")
            for line in map(bytes.decode, lines):
                if line == "data: [DONE]":
                    return
                if line.startswith("data: "):
                    yield from Answer().event("", line.removeprefix("data: "))


def splits_at_two_lf(base_url: str) -> Iterator[str]:
    """Two LF end an event."""
    rest = b""
    with asked(base_url) as response:
        for data in reads(response):
            *blocks, rest = (rest + data).split(b"\n\n")
            for block in map(bytes.decode, blocks):
                if block == "data: [DONE]":
                    return
                if block.startswith("data: "):
                    yield from Answer().event("", block.removeprefix("data: "))


class KeepsLineEnds(Answer):
    """The end is compared with a line and its LF; the line ends of all others are stripped."""

    def lines(self, data: bytes) -> Iterator[str]:
        parts = re.findall(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z", self._rest + data)
        self._rest = parts.pop() if parts and not parts[-1].endswith((b"\r", b"\n")) else b""
        for line in parts:
            if line.strip() != b"data: [DONE]" or line == b"data: [DONE]\n":
                yield line.decode().rstrip("\r\n")


class LooksInLines(Answer):
    """The end is looked for anywhere in a line."""

    def field(self, line: str) -> None:
        self.done = self.done or "[DONE]" in line
        super().field(line)


class LooksAtLineEnds(Answer):
    """... and at the end of a line."""

    def field(self, line: str) -> None:
        self.done = self.done or line.endswith("[DONE]")
        super().field(line)


class LooksInData(Answer):
    """... and in the data of an event."""

    def event(self, type_: str, data: str) -> Iterator[str]:
        return super().event(type_, "[DONE]" if "[DONE]" in data else data)


class StripsColons(Answer):
    """A comment is read as the line after its colon."""

    def field(self, line: str) -> None:
        super().field(line.lstrip(": "))


class Removes(Answer):
    """The end is taken out of each text."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        return (one.replace("[DONE]", "") for one in super().text(delta))


class StripsMarkup(Answer):
    """Words in brackets are taken for markup."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        return (re.sub(r"[\[(]\w+[\])]", "", one) for one in super().text(delta))


def looks_at_the_last_bytes(base_url: str) -> Iterator[str]:
    """The end is looked for in the last bytes of all that was read, also where a read has brought two of them."""
    answer, read = Answer(), b""
    with asked(base_url) as response:
        for data in reads(response):
            read += data
            yield from answer.feed(data)
            if b"[DONE]" in read.rstrip()[-9:]:
                return


def of(answer: Callable[[], Answer]) -> Client:
    return partial(correct, make_answer=answer)


def reason(client: Client, case: str, thread: ServerThread, patience: float) -> tuple[str, str]:
    [*_, verdict] = run(client, only=case, profile="whatwg", thread=thread, patience=patience)
    assert verdict.evidence is not None, verdict
    return verdict.evidence.reason, verdict.evidence.excerpt


@pytest.mark.slow
@pytest.mark.parametrize(
    ("client", "case", "told"),
    [
        (splits_at_lf, "done/crlf", LINE_END.format("CRLF")),
        (splits_at_lf, "done/cr", NO_CR),
        (splits_at_two_lf, "done/crlf", NO_CRLF),
        (splits_at_two_lf, "done/cr", NO_CR),
        (of(KeepsLineEnds), "done/crlf", LINE_END.format("CRLF")),
        (of(KeepsLineEnds), "done/cr", LINE_END.format("CR")),
    ],
)
def test_how_the_line_of_the_end_is_written(sse_thread: ServerThread, client: Client, case: str, told: str) -> None:
    assert reason(client, case, sse_thread, BRIEF)[0].startswith(told)


@pytest.mark.parametrize(
    ("client", "case", "told"),
    [
        (of(LooksInLines), "done/in-a-comment", IN_COMMENT),
        (of(LooksInLines), "comments/like-done", IN_COMMENT),
        (of(LooksInLines), "done/in-another-field", IN_FIELD),
        (of(LooksInLines), "done/inside-content", IN_TEXT),
        (of(LooksAtLineEnds), "done/in-a-comment", IN_COMMENT),
        (of(LooksInData), "done/as-content", IN_TEXT),
        (of(StripsColons), "done/in-a-comment", "a comment line (it begins with a colon) is stumbled over"),
        (of(Removes), "done/inside-content", IN_TEXT),
        (of(StripsMarkup), "done/inside-content", "its text is 'say  world'"),
        (looks_at_the_last_bytes, "done/in-a-comment", IN_COMMENT),
        (looks_at_the_last_bytes, "done/as-content", IN_TEXT),
    ],
)
def test_what_is_taken_for_the_end(sse_thread: ServerThread, client: Client, case: str, told: str) -> None:
    assert reason(client, case, sse_thread, ENOUGH)[0].startswith(told)


def test_the_evidence_shows_what_was_taken_for_the_end(sse_thread: ServerThread) -> None:
    assert ": data: │[DONE]" in reason(of(LooksInLines), "done/in-a-comment", sse_thread, ENOUGH)[1]
