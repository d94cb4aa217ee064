"""The correct client with one classic bug each: as small a change as it takes, and where it must be caught.

A mutant is ``correct`` with some methods of its ``Answer`` replaced, or with another loop around it. Its docstring
names the bug. ``python -m benchmarks.mutants`` runs all of the contract on each.
"""

from __future__ import annotations

import asyncio
import codecs
import html
import json
import queue
import re
import threading
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from time import monotonic
from typing import Any, TypeVar

from orharness.contract import Client, run
from orharness.dialects.completion import Usage
from orharness.server.thread import ServerThread
from orharness.verdict import Result, Verdict
from tests.support.correct_clients import (
    ASK,
    HEADERS,
    Answer,
    AnswerError,
    Parts,
    asked,
    check_coding,
    correct,
    correct_async,
    reads,
    text_of,
)

T = TypeVar("T", bound=Callable[..., Any])


@dataclass(frozen=True)
class Mutant:
    """One bug: the case or the family in ``where`` must catch it, with a reason that says ``reason``.

    ``waits``: it is caught waiting, so that little patience saves time; the others are not hurried.
    """

    name: str
    bug: str
    where: str
    reason: str
    waits: bool
    client: Client

    @property
    def family(self) -> str:
        """The family that must catch it."""
        return self.where.partition("/")[0]


MUTANTS: list[Mutant] = []
kept = ExitStack()  # connections that mutants never close
tasks: list[asyncio.Task[None]] = []  # that they never cancel; asyncio itself keeps none


def mutant(where: str, reason: str = "", *, waits: bool = False) -> Callable[[T], T]:
    """Enters an ``Answer``, or a whole client, into the list."""

    def enter(made: T) -> T:
        of_answer = isinstance(made, type) and issubclass(made, Answer)
        client: Client = partial(correct, make_answer=made) if of_answer else made
        MUTANTS.append(Mutant(made.__name__, (made.__doc__ or "").strip(), where, reason, waits, client))
        return made

    return enter


class _Caught(Exception):  # noqa: N818 - it ends a run, and is not an error
    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict


def catch(one: Mutant, thread: ServerThread | None = None, patience: float | None = None) -> Verdict | None:
    """The first verdict of its case or family that fails it for its reason; ``None``: it survives."""

    def look(verdict: Verdict) -> None:
        if verdict.result is Result.FAIL and verdict.evidence and one.reason in verdict.evidence.reason:
            raise _Caught(verdict)

    with kept:
        try:
            run(
                one.client,
                only=one.where,
                thread=thread,
                patience=patience or (0.3 if one.waits else 10.0),
                shrinking=1,  # that it fails is asked, and not with how few cuts
                on_verdict=look,
            )
        except _Caught as caught:
            return caught.verdict
    return None


# -- from bytes to lines -------------------------------------------------------------------------------------------


class EachRead(Answer):
    """Bytes are decoded as they are read; a subclass says how."""

    errors = "strict"

    def feed(self, data: bytes) -> Iterator[str]:
        return super().feed(data.decode("utf-8", self.errors).encode("utf-8"))


@mutant("boundaries/byte-by-byte", "a character that a boundary cuts cannot be decoded")
class DecodesEachRead(EachRead):
    """Each read is decoded by itself."""


@mutant("boundaries/byte-by-byte", "a character that a boundary cuts is lost")
class DecodesEachReadAndReplaces(EachRead):
    """Each read is decoded by itself, and what cannot be decoded is replaced."""

    errors = "replace"


@mutant("boundaries/byte-by-byte")
class DecodesEachReadAndIgnores(EachRead):
    """Each read is decoded by itself, and what cannot be decoded is left out."""

    errors = "ignore"


@mutant("boundaries/one-event-a-chunk", "read as Latin-1")
class ReadsLatin1(Answer):
    """No charset is named, so Latin-1 is taken."""

    def feed(self, data: bytes) -> Iterator[str]:
        return super().feed(data.decode("latin-1").encode())


@mutant("transport/charset-latin-1", "read as Latin-1")
def obeys_the_charset(base_url: str) -> Iterator[str]:
    """The charset of the content type is obeyed: an event stream is always UTF-8."""
    answer = Answer()
    with asked(base_url) as response:
        decoder = codecs.getincrementaldecoder(response.headers.get_content_charset("utf-8"))()
        for data in reads(response):
            yield from answer.feed(decoder.decode(data).encode())
            if answer.done:
                return


@mutant("chat/unicode-line-separators", "a line is ended at U+2028")
class SplitsLinesAsPythonDoes(Answer):
    """Lines are split by str.splitlines."""

    def lines(self, data: bytes) -> Iterator[str]:
        return (part for line in super().lines(data) for part in line.splitlines() or [""])


@mutant("chat/unicode-line-separators", "a line is ended at U+2028")
class EndsLinesAtSeparators(Answer):
    """U+2028 and U+2029 end a line, as in JavaScript's regular expressions."""

    def lines(self, data: bytes) -> Iterator[str]:
        return (part for line in super().lines(data) for part in re.split("[\u2028\u2029]", line))


class OneLineEnd(Answer):
    """Only one kind of line end is known."""

    newline = b"\n"

    def lines(self, data: bytes) -> Iterator[str]:
        *ended, self._rest = (self._rest + data).split(self.newline)
        return (line.decode() for line in ended)


@mutant("framing/crlf", "CRLF is taken for two line ends")
class KnowsOnlyLF(OneLineEnd):
    """Only LF ends a line, and the CR before it stays: no line is empty."""


@mutant("framing/lf")
class KnowsOnlyCRLF(OneLineEnd):
    """Only CRLF ends a line."""

    newline = b"\r\n"


@mutant("framing/cr", "a CR alone is not taken for a line end")
class KnowsNoCR(Answer):
    """A CR alone ends no line."""

    def lines(self, data: bytes) -> Iterator[str]:
        *ended, self._rest = (self._rest + data).split(b"\n")
        return (line.decode("utf-8", "replace").removesuffix("\r") for line in ended)


@mutant("boundaries/crlf-inside-an-event", "a CRLF that a boundary cuts")
class TakesACutCrlfForTwo(Answer):
    """A CRLF that a boundary cuts is taken for two line ends, and ends its event."""

    def lines(self, data: bytes) -> Iterator[str]:
        self._after_cr = False
        return super().lines(data)


@mutant("boundaries/at-random", "a part of an event")
class TakesEachReadForLines(Answer):
    """What a read ends with is taken for a line."""

    def lines(self, data: bytes) -> Iterator[str]:
        return super().lines(data + b"\n") if not data.endswith(b"\n") else super().lines(data)


@mutant("boundaries/byte-by-byte")
class ForgetsTheRest(Answer):
    """The buffer is emptied at each read: the beginning of a cut line is lost."""

    def lines(self, data: bytes) -> Iterator[str]:
        self._rest = b""
        return super().lines(data)


@mutant("boundaries/byte-by-byte")
class ForgetsTheEvent(Answer):
    """The data lines are forgotten at each read: an event that ends in the next one is lost."""

    def feed(self, data: bytes) -> Iterator[str]:
        self._data = []
        return super().feed(data)


@mutant("boundaries/all-in-one-chunk")
class TakesEachReadForAnEvent(Answer):
    """Each read is taken for one whole event: what follows in the same read is lost."""

    def feed(self, data: bytes) -> Iterator[str]:
        for line in data.decode().splitlines():
            if line.startswith("data:"):
                return self.event("", line.removeprefix("data:").removeprefix(" "))
        return iter(())


@mutant("boundaries/crlf-inside-an-event")
class EndsEventsWhereReadsEnd(Answer):
    """The end of a read ends the event."""

    def feed(self, data: bytes) -> Iterator[str]:
        yield from super().feed(data)
        if not self.done:
            yield from self.dispatch()


@mutant("chat/long-event", "a line that is longer than a buffer is lost or cut: one of 65,536 bytes is read")
class HasALongestLine(Answer):
    """A line longer than 64 KiB is an error, as with asyncio's readline."""

    def lines(self, data: bytes) -> Iterator[str]:
        if len(self._rest) + len(data) > 2**17:
            raise ValueError("Separator is not found, and chunk exceed the limit")
        return super().lines(data)


@mutant("framing/text-like-html", "references of HTML in the text are replaced, `&amp;` by `&`")
class UnescapesHtml(Answer):
    """Each text is unescaped as if it were HTML."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        return map(html.unescape, super().text(delta))


@mutant("framing/normal-forms", "the text is changed to the normal form NFC of Unicode")
class Normalizes(Answer):
    """Each text is brought to a normal form of Unicode."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        return (unicodedata.normalize("NFC", one) for one in super().text(delta))


@mutant("framing/bom", "a byte order mark in front")
class KeepsTheByteOrderMark(Answer):
    """A byte order mark in front is kept, and the first field has a strange name."""

    def lines(self, data: bytes) -> Iterator[str]:
        self._first = False
        return super().lines(data)


@mutant("chat/byte-order-mark-in-the-text")
class TakesAwayEveryByteOrderMark(Answer):
    """U+FEFF is taken away wherever it stands."""

    def lines(self, data: bytes) -> Iterator[str]:
        return (line.replace("\ufeff", "") for line in super().lines(data))


def in_blocks(size: int, answer: Answer, base_url: str) -> Iterator[str]:
    """Reads blocks of a size of its own, each of them whole."""
    with asked(base_url) as response:
        if response.status != 200:
            yield from correct(base_url)
            return
        while data := response.read(size):
            yield from answer.feed(data)
            if answer.done:
                return


@mutant(
    "boundaries/blocks-of-8k-inside-a-character",
    "a character is lost where a read block ends inside of it, at a multiple of 8 KiB",
)
def decodes_blocks_of_8k(base_url: str) -> Iterator[str]:
    """Each block of 8 KiB is decoded by itself, and what cannot be decoded is replaced."""
    return in_blocks(8192, DecodesEachReadAndReplaces(), base_url)


@mutant(
    "boundaries/blocks-of-16k-inside-a-character",
    "a character is lost where a read block ends inside of it, at a multiple of 16 KiB",
)
def decodes_blocks_of_16k(base_url: str) -> Iterator[str]:
    """Each block of 16 KiB is decoded by itself, and what cannot be decoded raises."""
    return in_blocks(16384, DecodesEachRead(), base_url)


class NormalisesEachRead(OneLineEnd):
    """CRLF is replaced by LF in each read, and only LF ends a line: the CR of a CRLF that is cut stays."""

    def feed(self, data: bytes) -> Iterator[str]:
        return super().feed(data.replace(b"\r\n", b"\n"))


@mutant(
    "boundaries/blocks-of-64k-inside-a-crlf",
    "a CRLF is taken for two line ends, or for none, where a read block ends inside of it, at a multiple of 64",
)
def normalises_blocks_of_64k(base_url: str) -> Iterator[str]:
    """CRLF is replaced by LF in each block of 64 KiB."""
    return in_blocks(65536, NormalisesEachRead(), base_url)


class TakesNameForLine(Answer):
    """A line that a read cuts inside of its name is taken for two."""

    def lines(self, data: bytes) -> Iterator[str]:
        yield from super().lines(data)
        if self._rest and b":" not in self._rest:
            rest, self._rest = self._rest, b""
            yield rest.decode()


@mutant(
    "boundaries/blocks-of-8k-inside-a-field",
    "a line is lost, or read in two, where a read block ends inside of it, at a multiple of 8",
)
def forgets_the_rest_of_a_block(base_url: str) -> Iterator[str]:
    """The line that the end of a block cuts inside of its name is taken for two."""
    return in_blocks(8192, TakesNameForLine(), base_url)


# -- from lines to events ------------------------------------------------------------------------------------------


@mutant("framing/no-space-after-colon", "`data: ` with a space")
class NeedsTheSpace(Answer):
    """`data: ` is looked for, with the space."""

    def field(self, line: str) -> None:
        if line.startswith("data: ") or not line.startswith("data"):
            super().field(line)


@mutant("framing/space-before-the-name", "a line is stripped")
class StripsTheData(Answer):
    """Data is stripped, and not freed of one space."""

    def field(self, line: str) -> None:
        super().field(line.strip())
        if line.startswith("data:"):
            self._data[-1] = self._data[-1].strip()


@mutant("framing/names-in-another-case", "without regard to case")
class IgnoresTheCaseOfNames(Answer):
    """Field names are taken in any case."""

    def field(self, line: str) -> None:
        name, colon, value = line.partition(":")
        super().field(name.lower() + colon + value)


@mutant("framing/line-of-a-space")
class NeedsAColon(Answer):
    """A line without a colon raises."""

    def field(self, line: str) -> None:
        super().field(line)
        line.index(":")


@mutant("framing/id", "a field other than data")
class ParsesEveryField(Answer):
    """Lines with an id or a retry are given to the JSON parser."""

    def field(self, line: str) -> None:
        if line.startswith(("id:", "retry:")):
            json.loads(line.partition(":")[2].strip() + "}")
        super().field(line)


@mutant("comments/before", "is given to the JSON parser")
class ParsesComments(Answer):
    """A comment is given to the JSON parser."""

    def field(self, line: str) -> None:
        if line.startswith(":"):
            json.loads(line)
        super().field(line)


@mutant("comments/before")
class TakesCommentsForData(Answer):
    """The text of a comment is taken for a line of data."""

    def field(self, line: str) -> None:
        super().field(f"data{line}" if line.startswith(":") else line)


@mutant("comments/before", "a comment is taken for text")
class YieldsComments(Answer):
    """A comment is taken for text."""

    def feed(self, data: bytes) -> Iterator[str]:
        for line in self.lines(data):
            if line.startswith(":"):
                yield line
            elif line:
                self.field(line)
            else:
                yield from self.dispatch()
            if self.done:
                return


@mutant("comments/like-data")
class LooksForDataInTheLine(Answer):
    """`data:` is looked for anywhere in a line, a comment too."""

    def field(self, line: str) -> None:
        super().field(line[max(0, line.find("data:")) :])


@mutant("comments/before")
class TakesEmptyBlocksForEvents(Answer):
    """An empty line ends an event even where there is none."""

    def dispatch(self) -> Iterator[str]:
        if not self._data:
            json.loads("")
        return super().dispatch()


@mutant("framing/cr-several-data-lines")
class TakesTheLastDataLine(Answer):
    """Of several data lines the last one is taken."""

    def dispatch(self) -> Iterator[str]:
        self._data = self._data[-1:]
        return super().dispatch()


@mutant("framing/cr-several-data-lines")
class TakesTheFirstDataLine(Answer):
    """Of several data lines the first one is taken."""

    def dispatch(self) -> Iterator[str]:
        self._data = self._data[:1]
        return super().dispatch()


@mutant("chat/json-over-several-lines", "each data line is given to the JSON parser")
class TakesEachDataLineForAnEvent(Answer):
    """Each data line is an event."""

    def feed(self, data: bytes) -> Iterator[str]:
        for line in self.lines(data):
            self.field(line)
            yield from self.dispatch()
            if self.done:
                return


@mutant("framing/data-lines-joined-by-lf", "a LF stands between them")
class JoinsWithoutALineEnd(Answer):
    """Several data lines are joined without a line end between."""

    def dispatch(self) -> Iterator[str]:
        self._data = ["".join(self._data)] if self._data else []
        return super().dispatch()


@mutant("framing/event-forgotten", "the name of an event goes over")
class KeepsTheType(Answer):
    """The type of an event is kept for those after it."""

    def dispatch(self) -> Iterator[str]:
        type_ = self._type
        yield from super().dispatch()
        self._type = type_


@mutant("errors/truncated-after-a-line")
class EndsTheLastEvent(Answer):
    """An event whose empty line never came is taken for one."""

    def feed(self, data: bytes) -> Iterator[str]:
        yield from super().feed(data)
        if self._data and not self._rest:
            with suppress(ValueError):
                yield from self.dispatch()


# -- the end -------------------------------------------------------------------------------------------------------


class Marker(Answer):
    """The end marker is looked for in another way."""

    def is_end(self, data: str) -> bool:
        return data == "[DONE]"

    def event(self, type_: str, data: str) -> Iterator[str]:
        if self.is_end(data):
            self.done = True
            return iter(())
        return super().event(type_, data)


@mutant("done/inside-content", "in the text is not taken for text")
class FindsTheEndAnywhere(Marker):
    """`[DONE]` is looked for anywhere in the data."""

    def is_end(self, data: str) -> bool:
        return "[DONE]" in data


@mutant("done/only-its-beginning", "looked for at the start of the data")
class FindsTheEndAtTheStart(Marker):
    """`[DONE]` is looked for at the start of the data."""

    def is_end(self, data: str) -> bool:
        return data.startswith("[DONE]")


@mutant("done/as-content")
class FindsTheEndInTheText(Answer):
    """`[DONE]` as a token's text ends the answer."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        self.done = delta.get("content") == "[DONE]"
        return iter(()) if self.done else super().text(delta)


@mutant("done/all-in-one-chunk")
class FindsTheEndInTheRead(Answer):
    """`[DONE]` is looked for in the bytes of a read, before its events are read."""

    def feed(self, data: bytes) -> Iterator[str]:
        if b"[DONE]" in data:
            self.done = True
        else:
            yield from super().feed(data)


@mutant("done/without-the-space", "`data:[DONE]` is not taken for the end")
class NeedsTheSpaceBeforeTheEnd(Answer):
    """Only `data: [DONE]` is the end, with the space."""

    def field(self, line: str) -> None:
        super().field("data:!" if line == "data:[DONE]" else line)


@mutant("done/connection-left-open", waits=True)
class StopsTheInnerLoop(Answer):
    """`[DONE]` ends the loop over the lines of a read; the loop over the reads goes on."""

    def feed(self, data: bytes) -> Iterator[str]:
        yield from super().feed(data)
        self.done, self.finished = False, True


@mutant("done/event-after", "it goes on after [DONE]")
class IgnoresTheEnd(Marker):
    """`[DONE]` is passed over, and the end of the body is waited for."""

    def event(self, type_: str, data: str) -> Iterator[str]:
        self.finished = self.finished or data == "[DONE]"
        return iter(()) if data == "[DONE]" else super().event(type_, data)


@mutant("done/connection-left-open", "not handed over before the connection ends", waits=True)
def reads_the_whole_body_first(base_url: str) -> Iterator[str]:
    """The whole body is read before its first event is."""
    with asked(base_url) as response:
        yield from Answer().feed(response.read())


@mutant("boundaries/chunks-in-one-segment", "joined in one read")
def takes_one_chunk_of_each_read(base_url: str) -> Iterator[str]:
    """Of what one read brings the first chunk of HTTP is taken, as if no read ever brought two."""
    with asked(base_url) as response:
        if response.status != 200 or not response.chunked:
            yield from correct(base_url)
            return
        check_coding(response.headers)
        answer = Answer()
        while data := response.fp.read1(65536):
            line, _, chunk = data.partition(b"\r\n")
            if not (size := int(line, 16)):
                break
            while len(chunk) < size + 2:
                chunk += response.fp.read1(size + 2 - len(chunk))
            yield from answer.feed(chunk[:size])
            if answer.done:
                return
        answer.end()


@mutant("done/clean-end", "[DONE] is taken for text")
class YieldsTheEnd(Marker):
    """`[DONE]` is taken for text."""

    def event(self, type_: str, data: str) -> Iterator[str]:
        if data == "[DONE]":
            yield data
        yield from super().event(type_, data)


@mutant("chat/content-with-the-finish", "stops at the finish_reason")
class StopsAtTheFinishReason(Answer):
    """A finish_reason ends the answer, whatever stands beside it."""

    def chunk(self, chunk: dict[str, Any]) -> Iterator[str]:
        if any(choice.get("finish_reason") for choice in chunk.get("choices") or ()):
            self.done = True
            return iter(())
        return super().chunk(chunk)


# -- from chunks to text -------------------------------------------------------------------------------------------


@mutant("chat/usage-without-choices", "the first of an empty list")
class TakesTheFirstOfNone(Answer):
    """The first choice is taken, also where there is none."""

    def chunk(self, chunk: dict[str, Any]) -> Iterator[str]:
        chunk["choices"][0]["delta"].get("content")
        return super().chunk(chunk)


@mutant("chat/two-choices", "the choices are mixed")
class MixesTheChoices(Answer):
    """The choices are mixed."""

    def chunk(self, chunk: dict[str, Any]) -> Iterator[str]:
        choices = [{**choice, "index": 0} for choice in chunk.get("choices") or ()]
        return super().chunk({**chunk, "choices": choices})


@mutant("chat/no-delta", "a choice without a delta is stumbled over")
class NeedsADelta(Answer):
    """Each choice is taken to have a delta."""

    def chunk(self, chunk: dict[str, Any]) -> Iterator[str]:
        return super().chunk({**chunk, "choices": [{"delta": one["delta"], **one} for one in chunk.get("choices", ())]})


@mutant("chat/content-as-parts", "content that is a list of parts is stumbled over")
class NeedsAText(Answer):
    """Content is joined as a text."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        yield "" + (delta.get("content") or "")


@mutant("chat/role-and-null-content", "null as content is stumbled over")
class AddsNull(Answer):
    """Null as content is added to a text."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        yield "" + delta.get("content", "")


@mutant("chat/role-and-null-content")
class SaysNone(Answer):
    """Null as content becomes the text "None"."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        yield str(delta.get("content", ""))


@mutant("chat/role-only", "a delta may have no content")
class NeedsContent(Answer):
    """Each delta is taken to have content."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        yield delta["content"] or ""


@mutant("chat/reasoning", "reasoning is taken for text")
class YieldsReasoning(Answer):
    """Reasoning is taken for text."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        yield delta.get("reasoning") or delta.get("reasoning_content") or ""
        yield from super().text(delta)


@mutant("chat/tool-calls", "tool calls are taken for text")
class YieldsToolCalls(Answer):
    """The arguments of tool calls are taken for text."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        for call in delta.get("tool_calls") or ():
            yield call["function"].get("arguments", "")
        yield from super().text(delta)


@mutant("chat/leading-spaces", "blanks at the ends of a token")
class StripsTokens(Answer):
    """Each token is stripped."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        return (text.strip() for text in super().text(delta))


@mutant("chat/leading-spaces", "blanks at the ends of a token")
class StripsTheEndsOfTokens(Answer):
    """Blanks after a token are cut off."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        return (text.rstrip() for text in super().text(delta))


@mutant("chat/blank-tokens", "blanks at the ends of a token")
class DropsBlankTokens(Answer):
    """A token of nothing but blanks is left out."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        return (text for text in super().text(delta) if text.strip())


@mutant("chat/repeated-tokens")
class DropsRepeatedChunks(Answer):
    """A chunk that is equal to the one before is taken for a repetition."""

    before = ""

    def event(self, type_: str, data: str) -> Iterator[str]:
        same, self.before = data == self.before, data
        return iter(()) if same else super().event(type_, data)


@mutant("chat/escapes")
class FindsContentByAPattern(Answer):
    """Content is found by a regular expression, and its escapes stay."""

    def chunk(self, chunk: dict[str, Any]) -> Iterator[str]:
        found = re.search('"content":"((?:[^"\\\\]|\\\\.)*)"', json.dumps(chunk, separators=(",", ":")))
        yield found.group(1) if found else ""
        for _ in super().chunk(chunk):
            pass


# -- errors --------------------------------------------------------------------------------------------------------


@mutant("errors/http-400-onerouter", "the error is swallowed")
def swallows_http_errors(base_url: str) -> Iterator[str]:
    """An HTTP error is an empty answer."""
    with asked(base_url) as response:
        if response.status == 200:
            yield from text_of(response, Answer())


@mutant("errors/http-500-with-text", "the HTTP status is not looked at")
def ignores_the_status(base_url: str) -> Iterator[str]:
    """The HTTP status is not looked at."""
    with asked(base_url) as response:
        yield from text_of(response, Answer())


@mutant("errors/html-with-200", "is taken for an empty answer")
def takes_a_page_for_an_empty_answer(base_url: str) -> Iterator[str]:
    """A response of another content type is an empty answer."""
    with asked(base_url) as response:
        if response.headers.get_content_type() == "text/event-stream":
            yield from text_of(response, Answer())


@mutant("errors/event-documented", "the error event is passed over")
def swallows_every_error(base_url: str) -> Iterator[str]:
    """Whatever is wrong with the answer, nobody is told."""
    with suppress(AnswerError):
        yield from correct(base_url)


@mutant("errors/event-bare", "the error event is passed over")
class PassesOverErrorEvents(Answer):
    """An error event is passed over."""

    def event(self, type_: str, data: str) -> Iterator[str]:
        if type_ == "error":
            return iter(())
        return super().event(type_, data)

    def chunk(self, chunk: dict[str, Any]) -> Iterator[str]:
        return super().chunk({name: value for name, value in chunk.items() if name != "error"})

    def finish(self, reason: str | None) -> None:
        self.finished = True


@mutant("errors/event-named", "the error event is passed over")
class PassesOverNamedErrors(Answer):
    """`event: error` is not looked at, and its data is not a chunk."""

    def event(self, type_: str, data: str) -> Iterator[str]:
        self.finished = self.finished or type_ == "error"
        return iter(()) if type_ == "error" else super().event(type_, data)


@mutant("errors/event-named-and-done", "the error event is passed over")
class DropsNamedEvents(Answer):
    """An event with a name of its own is dropped, one that is named error as well."""

    def event(self, type_: str, data: str) -> Iterator[str]:
        return super().event(type_, data) if type_ in ("", "message") else iter(())


@mutant("chat/named-event", "an event that is not a chunk (it has no `choices`) is stumbled over")
class RefusesUnknownNames(Answer):
    """An event with a name that it does not know raises."""

    def event(self, type_: str, data: str) -> Iterator[str]:
        if type_ not in ("", "message", "error"):
            raise LookupError(f"unexpected event {type_!r}")
        return super().event(type_, data)


@mutant("errors/event-recorded")
class YieldsErrors(Answer):
    """The message of an error is taken for text."""

    def chunk(self, chunk: dict[str, Any]) -> Iterator[str]:
        if error := chunk.get("error"):
            self.finished = True
            return iter([str(error)])
        return super().chunk(chunk)


@mutant("errors/event-documented", "is thrown away")
def throws_the_text_away(base_url: str) -> Iterator[str]:
    """The text is kept back until all of it is there: an error throws it away."""
    yield from list(correct(base_url))


@mutant("errors/fin-between-events", "the connection broke off")
def swallows_the_cut(base_url: str) -> Iterator[str]:
    """A connection that breaks off ends the answer."""
    with suppress(HTTPException):
        yield from correct(base_url)


@mutant("errors/rst-between-events", "the connection broke off")
def swallows_the_reset(base_url: str) -> Iterator[str]:
    """A connection that is reset ends the answer."""
    with suppress(ConnectionError):
        yield from correct(base_url)


@mutant("errors/truncated-between-events", "without [DONE], before the model has said why it stops")
class TakesHalfForWhole(Answer):
    """A body that ends early is a whole answer."""

    def end(self) -> None:
        pass


@mutant("errors/json-cut-short", "not JSON is passed over")
class PassesOverBadJson(Answer):
    """An event that is not JSON is passed over."""

    def event(self, type_: str, data: str) -> Iterator[str]:
        with suppress(json.JSONDecodeError):
            yield from super().event(type_, data)


def again_after(error: type[Exception], base_url: str, times: int = 1) -> Iterator[str]:
    """Asks again so many times, at once, where that error came."""
    for _ in range(times):
        with suppress(error):
            yield from correct(base_url)
            return
    yield from correct(base_url)


@mutant("errors/fin-between-events", "silently sent again")
def asks_again_after_a_cut(base_url: str) -> Iterator[str]:
    """A connection that breaks off makes it ask again, and the text comes twice."""
    return again_after(HTTPException, base_url)


@mutant("errors/event-documented", "silently sent again")
def asks_again_after_an_error(base_url: str) -> Iterator[str]:
    """An error in the answer makes it ask again."""
    return again_after(AnswerError, base_url)


@mutant("errors/http-503-onerouter", "again and again")
def asks_for_ever(base_url: str) -> Iterator[str]:
    """It asks again as long as there is an error."""
    for _ in range(50):
        with suppress(AnswerError):
            yield from correct(base_url)
            return


@mutant("errors/no-hammering-503", "without a pause: 4 requests")
def asks_four_times_at_once(base_url: str) -> Iterator[str]:
    """It asks again three times, with no pause between."""
    return again_after(AnswerError, base_url, times=3)


@mutant("errors/retry-after-429", "was told to wait for 1 s")
def asks_again_sooner_than_told(base_url: str) -> Iterator[str]:
    """Retry-After is not looked at."""
    return again_after(AnswerError, base_url)


@mutant("errors/event-without-code", "the error event is passed over")
class NeedsACode(Answer):
    """An error without a code is taken for none."""

    def chunk(self, chunk: dict[str, Any]) -> Iterator[str]:
        error = chunk.get("error")
        if isinstance(error, dict) and not error.get("code"):
            self.finished = True
            chunk = {name: value for name, value in chunk.items() if name != "error"}
        return super().chunk(chunk)


@mutant("request/content-type", "x-www-form-urlencoded is sent")
def sends_a_form(base_url: str) -> Iterator[str]:
    """The body is said to be a form, as curl does if nobody says otherwise."""
    with asked(base_url, headers={**HEADERS, "Content-Type": "application/x-www-form-urlencoded"}) as response:
        yield from text_of(response, Answer())


@mutant("errors/gzip-as-asked", "it asks for gzip")
def asks_for_gzip(base_url: str) -> Iterator[str]:
    """gzip is asked for, and not read."""
    with asked(base_url, headers={**HEADERS, "Accept-Encoding": "gzip"}) as response:
        yield from text_of(response, Answer())


@mutant("errors/gzip-unasked", "compressed bytes are taken")
def takes_compressed_bytes_for_text(base_url: str) -> Iterator[str]:
    """Bytes that are compressed, and were not asked for, are an empty answer."""
    with asked(base_url) as response, suppress(AnswerError):
        yield from text_of(response, Answer())


@mutant("done/clean-end", "did not ask for a stream")
def asks_for_no_stream(base_url: str) -> Iterator[str]:
    """A stream is not asked for."""
    with asked(base_url, ASK.replace('"stream": true', '"stream": false')) as response:
        yield json.loads(response.read())["choices"][0]["message"]["content"]


# -- waiting, and leaving ------------------------------------------------------------------------------------------


@mutant("comments/heartbeat", "it timed out")
def gives_up_while_comments_come(base_url: str) -> Iterator[str]:
    """Only text counts as a sign of life: a second of comments is a second of silence."""
    answer, last = Answer(), monotonic()
    with asked(base_url) as response:
        for data in reads(response):
            for text in answer.feed(data):
                last = monotonic()
                yield text
            if answer.done:
                return
            if monotonic() - last > 1:
                raise TimeoutError


@mutant("cancellation/between-events", "does not close its connection", waits=True)
def never_closes(base_url: str) -> Iterator[str]:
    """Closing it does not close the connection."""
    yield from text_of(kept.enter_context(asked(base_url)), Answer())


@mutant("cancellation/while-silent", "it waits for bytes that do not come", waits=True)
def drains_when_it_is_closed(base_url: str) -> Iterator[str]:
    """When it is closed, the rest of the body is read first."""
    with asked(base_url) as response:
        try:
            yield from text_of(response, Answer())
        finally:
            response.read()


@mutant("cancellation/while-silent", "it waits for bytes that do not come", waits=True)
def closes_at_the_next_event(base_url: str) -> Iterator[str]:
    """A thread reads, and looks at whether it is to stop only when an event has come."""
    pieces: queue.Queue[str | None] = queue.Queue()
    stop = threading.Event()

    def work() -> None:
        with suppress(OSError, HTTPException, AnswerError):
            for piece in correct(base_url):
                if stop.is_set():
                    break
                pieces.put(piece)
        pieces.put(None)

    threading.Thread(target=work, daemon=True).start()
    try:
        yield from iter(pieces.get, None)
    finally:
        stop.set()


@mutant("cancellation/between-events", "does not close its connection", waits=True)
async def leaves_a_task_that_reads(base_url: str) -> AsyncIterator[str]:
    """A task of its own fills a queue, and is not cancelled."""
    pieces: asyncio.Queue[str | None] = asyncio.Queue()

    async def work() -> None:
        async for piece in correct_async(base_url):
            await pieces.put(piece)
        await pieces.put(None)

    task = asyncio.create_task(work())
    tasks.append(task)
    while (piece := await pieces.get()) is not None:
        yield piece
    await task


@mutant("cancellation/between-events", "yields nothing before the answer is complete", waits=True)
def yields_it_all_in_the_end(base_url: str) -> Iterator[str]:
    """The text comes when all of it is there."""
    yield "".join(correct(base_url))


@mutant("delivery/as-it-comes", "when 3 of 64 tokens had come", waits=True)
def hands_over_in_batches(base_url: str) -> Iterator[str]:
    """Three texts are joined before they are handed over."""
    batch: list[str] = []
    for piece in correct(base_url):
        batch.append(piece)
        if len(batch) == 3:
            yield "".join(batch)
            batch.clear()
    yield "".join(batch)


_lock = threading.Lock()


_halves = {"rest": b""}


@mutant("delivery/two-at-once-inside-events", "with another answer at the same time: ")
class SharesItsBuffer(Answer):
    """The line whose end has not come is kept in one place for all streams."""

    @property
    def _rest(self) -> bytes:
        return _halves["rest"]

    @_rest.setter
    def _rest(self, rest: bytes) -> None:
        _halves["rest"] = rest


@mutant("delivery/side-by-side", "one after the other", waits=True)
def answers_one_after_the_other(base_url: str) -> Iterator[str]:
    """A lock is held from the request to the end of its answer."""
    with _lock:
        yield from correct(base_url)


@mutant("cost/many-events", "its memory grows faster than the answer")
def keeps_the_text_of_each_moment(base_url: str) -> Iterator[str]:
    """All of the text so far is kept with each token, as who draws the page anew each time."""
    moments: list[str] = []
    for piece in correct(base_url):
        moments.append((moments[-1] if moments else "") + piece)
        yield piece


# -- parts besides text --------------------------------------------------------------------------------------------


@mutant("parts/tool-calls-of-one-index", "calls that share an index")
class MergesCallsOfOneIndex(Parts):
    """The index alone says which call a fragment belongs to."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: set[int | None] = set()

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        for call in delta.get("tool_calls") or ():
            if call.get("index") in self.begun:
                call.pop("id", None)
                call.get("function", {}).pop("name", None)
            self.begun.add(call.get("index"))
        return super().text(delta)


@mutant("parts/usage-with-the-finish", "usage is looked for only in a chunk without choices")
class TakesUsageWithoutChoices(Parts):
    """Only a chunk without choices has a usage."""

    def chunk(self, chunk: dict[str, Any]) -> Iterator[str]:
        if chunk.get("choices"):
            chunk.pop("usage", None)
        return super().chunk(chunk)


@mutant("parts/finish-length", "every answer is said to have stopped by itself")
class AlwaysStops(Parts):
    """Whatever the finish_reason, it is told as stop."""

    def finish(self, reason: str | None) -> None:
        super().finish(reason and "stop")


@mutant("parts/reasoning-beside-text", "of a delta with both, only one is read")
class ReasoningOrText(Parts):
    """A delta with text has no reasoning."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        if delta.get("content"):
            delta.pop("reasoning_content", None)
        return super().text(delta)


@mutant("parts/finish-abort", "a finish_reason that it does not know is taken for `stop`")
class StopsForAnyOtherReason(Parts):
    """A finish_reason that the API does not list is told as stop."""

    def finish(self, reason: str | None) -> None:
        known = ("stop", "length", "tool_calls", "content_filter", "function_call", "error")
        super().finish(reason if not reason or reason in known else "stop")


@mutant("parts/tool-call-id-later", "an id that does not come first is lost, or begins a new call")
class BeginsACallAtEachId(Parts):
    """A fragment with an id begins a call, also where an earlier one has begun it."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[int] = []

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        for call in delta.get("tool_calls") or ():
            if call.get("id") and call["index"] in self.begun:
                call["index"] += 100
            self.begun.append(call["index"])
        return super().text(delta)


@mutant("chat/message-beside-the-delta", "the `message` beside a delta is taken for text")
class AddsTheMessage(Answer):
    """The text of a message beside a delta is added to that of the delta."""

    def chunk(self, chunk: dict[str, Any]) -> Iterator[str]:
        yield from super().chunk(chunk)
        for choice in chunk.get("choices") or ():
            yield from self.text(choice.get("message") or {})


@mutant("parts/tool-calls-of-two-choices", "the tool calls of all choices are mixed")
class MixesTheCallsOfTheChoices(Parts):
    """The tool calls of each choice are added to those of the first."""

    def chunk(self, chunk: dict[str, Any]) -> Iterator[str]:
        for choice in chunk.get("choices") or ():
            if choice.get("index"):
                yield from self.text({"tool_calls": (choice.get("delta") or {}).get("tool_calls")})
        yield from super().chunk(chunk)


@mutant("parts/tool-call-of-a-growing-index", "arguments that have neither a name nor an id")
class NeedsANameAtEachIndex(Parts):
    """A fragment is dropped whose index no name or id has begun."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: set[int | None] = set()

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        kept: list[dict[str, Any]] = []
        for call in delta.get("tool_calls") or ():
            if call.get("id") or call["function"].get("name"):
                self.begun.add(call.get("index"))
            if call.get("index") in self.begun:
                kept.append(call)
        return super().text({**delta, "tool_calls": kept})


@mutant("parts/reasoning-details-alone", "only one of the keys that carry reasoning is read")
class ReadsNoDetails(Parts):
    """The list of the details of the reasoning is not read."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        return super().text({**delta, "reasoning_details": None})


@mutant("parts/usage-absent", "it tells counts that nobody has sent")
class CountsFromZero(Parts):
    """Where no usage has come, it is told as zero."""

    def __init__(self) -> None:
        super().__init__()
        self.counted = False

    def chunk(self, chunk: dict[str, Any]) -> Iterator[str]:
        self.counted = self.counted or bool(chunk.get("usage"))
        return super().chunk(chunk)

    def feed(self, data: bytes) -> Iterator[Any]:
        yield from super().feed(data)
        if self.done and not self.counted:
            yield Usage(0, 0)
