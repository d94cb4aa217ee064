"""The reason of a fail is found by trials, and not assumed: clients whose fault another cause could explain, too."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import aclosing, closing, suppress
from functools import partial
from http.client import HTTPConnection
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

import pytest

from orharness.contract import CASES, Client, run
from orharness.contract.catalogue.case import Case
from orharness.contract.judging.features import FEATURES, Feature, features_of, lines_of, meaning, without
from orharness.contract.running.replies import representative
from orharness.contract.running.trials import Trials, Tried
from orharness.dialects import DIALECTS
from orharness.frames import SSE
from orharness.report.groups import by_reason
from orharness.server.thread import ServerThread
from orharness.sse import Event
from orharness.verdict import Evidence, Result
from tests.support.correct_clients import Answer, asked, correct, correct_async, reads, text_of

BRIEF = 0.3  # seconds of patience where the client is to be caught waiting
ENOUGH = 10.0  # seconds of patience where nothing is to be waited for
PLAIN = "it fails on a plain answer: "
COMMENT = "a comment line (it begins with a colon) is given to the JSON parser"
LIMITED = "a line that is longer than a buffer is lost or cut"


@pytest.fixture(scope="module")
def thread() -> Iterator[ServerThread]:
    started = ServerThread().start()
    yield started
    started.stop()


def failed(client: Client, only: str | list[str], thread: ServerThread, patience: float = ENOUGH) -> Evidence:
    verdicts = run(client, only=only, thread=thread, patience=patience)
    evidence = verdicts[-1].evidence
    assert evidence is not None, verdicts
    return evidence


def client_of(answer: type[Answer]) -> Client:
    return partial(correct, make_answer=answer)


# -- the features of a stream ----------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.slow
def test_each_feature_is_in_a_case_and_a_stream_says_the_same_without_it() -> None:
    found = set()
    for case in CASES:
        body = representative(case).body
        features = features_of(body, case.dialect)
        found |= {one.name for one in features}
        if meaning(body):
            says_the_same_without_each(case, body, features)
    assert found >= {one.name for one in FEATURES} | {one.name for one in DIALECTS.default.slips}


def says_the_same_without_each(case: Case, body: bytes, features: Iterable[Feature]) -> None:
    text = case.dialect.fold(SSE.decode(body)).text
    for feature in features:
        changed = feature.taken_from(body)
        assert changed != body
        assert case.dialect.fold(SSE.decode(changed)).text == text
        again = feature.taken_from(changed)
        assert again == changed, f"{feature.name} is still there"


def test_lines_join_to_the_same_body() -> None:
    body = b"a\r\nb\rc\n\n\r\nd"
    assert b"".join(line.text + line.end for line in lines_of(body)) == body


def test_all_features_at_once_leave_what_the_stream_says() -> None:
    dialect = DIALECTS.default
    chunk = b'data:{"choices":\rdata: [{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\r\n\r\n'
    body = b"\xef\xbb\xbf:\n\n" + chunk + b":c\nx: y\n\nretry: 3\n\ndata: [DONE]\n\n"
    changed = without(features_of(body, dialect), body, dialect)
    assert changed is not None
    assert changed.lstrip(b"\n").startswith(b'data: {"choices":[{')
    assert {one.name for one in features_of(changed, dialect)} <= {"blank-lines"}
    assert [item.data for item in SSE.decode(changed) if isinstance(item, Event)][1:] == ["[DONE]"]


# -- clients that several causes could explain ------------------------------------------------------------------------


class Validates(Answer):
    """Each chunk has a ``system_fingerprint``, or it raises: no plain answer can be read."""

    def chunk(self, chunk: dict[str, Any]) -> Iterator[str]:
        if "system_fingerprint" not in chunk:
            raise ValueError("1 validation error for Chunk")
        return super().chunk(chunk)


def test_a_client_that_checks_its_chunks_is_told_one_thing(thread: ServerThread) -> None:
    verdicts = run(client_of(Validates), only=["framing", "comments", "done"], thread=thread, patience=BRIEF)
    [alike] = by_reason(verdicts)
    assert alike[0].evidence is not None
    assert alike[0].evidence.reason == PLAIN + "it raised ValueError('1 validation error for Chunk')"


class ChecksItself(Answer):
    """Long texts are refused by a check of the client's own, which is a ValueError, as pydantic's is."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        if len(delta.get("content") or "") > 1000:
            raise ValueError("the text is too long")
        return super().text(delta)


@pytest.mark.slow
def test_a_check_of_the_client_itself_is_not_called_a_json_error(thread: ServerThread) -> None:
    evidence = failed(client_of(ChecksItself), "framing/long-lines", thread)
    assert evidence.reason.startswith("it raised ValueError('the text is too long'): a line that is longer")


class KeepsUnknownLines(Answer):
    """A line of a field that it does not know is added to the data."""

    def field(self, line: str) -> None:
        if line.partition(":")[0] in ("id", "event", "retry", "extra"):
            self._data.append(line)
        else:
            super().field(line)


class DispatchesBlocks(Answer):
    """A block without data is dispatched as an event whose data are empty."""

    seen = False

    def field(self, line: str) -> None:
        self.seen = self.seen or not line.startswith(":")
        super().field(line)

    def dispatch(self) -> Iterator[str]:
        if self.seen and not self._data:
            json.loads("")
        self.seen = False
        return super().dispatch()


class Strict(Answer):
    """Bytes that are not UTF-8 are an error. No boundary is involved: whole lines are decoded."""

    kept = b""

    def feed(self, data: bytes) -> Iterator[str]:
        whole, line_end, self.kept = (self.kept + data).rpartition(b"\n")
        (whole + line_end).decode("utf-8")
        return super().feed(data)


class Ignores(Answer):
    """Characters outside ASCII are left out, wherever the stream is cut."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        return (one.encode("ascii", "ignore").decode() for one in super().text(delta))


class IgnoresInEachRead(Answer):
    """Each read is decoded by itself, and what cannot be decoded is left out."""

    def feed(self, data: bytes) -> Iterator[str]:
        return super().feed(data.decode("utf-8", "ignore").encode())


class EachDataLine(Answer):
    """Each data line is parsed by itself; what is not JSON is passed over."""

    def dispatch(self) -> Iterator[str]:
        lines, self._data = self._data, []
        for line in lines:
            with suppress(ValueError):
                yield from self.event(self._type, line)


class KeepsEscapes(Answer):
    """The text is cut out of the JSON, whose escapes stay as they are."""

    def event(self, type_: str, data: str) -> Iterator[str]:
        if found := re.search(r'"content":"((?:[^"\\]|\\.)*)"', data):
            yield found[1]
        elif data == "[DONE]":
            self.done = True


class NamesEachCall(Answer):
    """Each fragment of a tool call must have a name, as the schema of a whole call says."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        for call in delta.get("tool_calls") or ():
            call["function"]["name"]
        return super().text(delta)


class ParsesOtherLines(Answer):
    """A line that does not begin with `data: ` is given to the JSON parser."""

    def field(self, line: str) -> None:
        if not line.startswith("data: "):
            json.loads(line)
        super().field(line)


class LooksAtTheFirstLine(Answer):
    """A block that does not begin with its data is dropped."""

    begun = kept = False

    def field(self, line: str) -> None:
        if not self.begun:
            self.begun, self.kept = True, line.startswith("data:")
        if self.kept and not line.startswith(":"):
            super().field(line)

    def dispatch(self) -> Iterator[str]:
        self.begun = False
        return super().dispatch()


class NeedsTheSpace(Answer):
    """A line of data begins with `data: `, or it is passed over."""

    def field(self, line: str) -> None:
        if not line.startswith("data:") or line.startswith("data: "):
            super().field(line)


class ReadsOn(Answer):
    """The end marker is an event like any other."""

    def event(self, type_: str, data: str) -> Iterator[str]:
        self.finished = True
        return iter(()) if data == "[DONE]" else super().event(type_, data)


class ChecksNames(Answer):
    """Each chunk is checked: its `object` is the one that there is, and a finish_reason is null or names a reason."""

    def chunk(self, chunk: dict[str, Any]) -> Iterator[str]:
        if chunk["object"] != "chat.completion.chunk":
            raise LookupError("1 validation error: object")
        return super().chunk(chunk)

    def finish(self, reason: str | None) -> None:
        if reason == "":
            raise LookupError("1 validation error: finish_reason")
        super().finish(reason)


class NeedsCR(Answer):
    """CRLF and LF end a line, and CR alone does not."""

    def lines(self, data: bytes) -> Iterator[str]:
        *ended, self._rest = (self._rest + data).split(b"\n")
        return (line.decode().removesuffix("\r") for line in ended)


class Ascii(Answer):
    """Lines are decoded as ASCII."""

    def feed(self, data: bytes) -> Iterator[str]:
        return super().feed(data.decode("ascii").encode())


class NeedsLF(Answer):
    """LF ends a line, and a CR before it belongs to the line."""

    def lines(self, data: bytes) -> Iterator[str]:
        *ended, self._rest = (self._rest + data).split(b"\n")
        return (line.decode() for line in ended)


class LimitsLines(Answer):
    """A line of more than 8 KiB is refused."""

    def field(self, line: str) -> None:
        if len(line) > 8192:
            raise LookupError("a long line")
        super().field(line)


class LimitsComments(LimitsLines):
    """A comment of more than 8 KiB is."""

    def field(self, line: str) -> None:
        if line.startswith(":"):
            super().field(line)
        else:
            Answer.field(self, line)


class StripsTags(Answer):
    """Whatever looks like a tag of HTML is taken out of the text."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        return (re.sub("<[^>]+>", "", one) for one in super().text(delta))


class Strips(Answer):
    """Each text is stripped."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        return (one.strip() for one in super().text(delta))


class LosesCutEvents(Answer):
    """Each read is taken for whole lines, and what is not JSON is passed over."""

    def feed(self, data: bytes) -> Iterator[str]:
        self._rest = b""
        return super().feed(data)

    def event(self, type_: str, data: str) -> Iterator[str]:
        with suppress(json.JSONDecodeError):
            yield from super().event(type_, data)


class Replaces(Answer):
    """Whatever is neither printable ASCII nor a line end is replaced by a question mark."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        return (re.sub(r"[^\x20-\x7e\n]", "?", one) for one in super().text(delta))


class LeavesOutUnprintable(Answer):
    """Characters that Python does not call printable are left out."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        return ("".join(filter(str.isprintable, one)) for one in super().text(delta))


class NeedsAscii(Answer):
    """Characters outside ASCII are taken out of the text."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        return (one.encode("ascii", "ignore").decode() for one in super().text(delta))


class Escapes(Answer):
    """Each text is escaped for HTML."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        return map(html.escape, super().text(delta))


def exact_content_type(base_url: str) -> Iterator[str]:
    """The content type is compared to the letter."""
    with asked(base_url) as response:
        if response.headers["Content-Type"] != "text/event-stream":
            raise ValueError(response.headers["Content-Type"])
        answer = Answer()
        yield from (piece for data in reads(response) for piece in answer.feed(data))


@pytest.mark.parametrize(
    ("client", "case", "reason"),
    [
        (client_of(KeepsUnknownLines), "framing/fields-crlf", "a field other than data is taken for data"),
        (client_of(DispatchesBlocks), "framing/retry-alone", "a block without data is taken for an event"),
        (client_of(Strict), "framing/invalid-utf8-in-text", "bytes that are not UTF-8 end the stream"),
        (client_of(Ignores), "boundaries/inside-a-character", "characters outside ASCII are lost: its text is"),
        (
            client_of(IgnoresInEachRead),
            "boundaries/inside-a-character",
            "bytes are decoded chunk by chunk: a character that a boundary cuts is lost",
        ),
        (client_of(EachDataLine), "framing/two-data-lines", "an event of several data lines is read line by line"),
        (client_of(KeepsEscapes), "chat/escapes", "JSON escapes are left in the text"),
        (client_of(NamesEachCall), "chat/tool-calls-after-text", "a chunk with tool calls is stumbled over"),
        (client_of(ChecksNames), "chat/prompt-filter-results-first", "an empty `id`, `object` or `model` is refused"),
        (client_of(ChecksNames), "chat/finish-empty-string", "an empty finish_reason is refused"),
        (
            client_of(Ascii),
            "boundaries/blocks-of-8k-inside-a-character",
            "characters outside ASCII are lost or changed",
        ),
        (client_of(NeedsLF), "boundaries/blocks-of-8k-inside-a-crlf", "CRLF is taken for two line ends, or its CR"),
        (client_of(LimitsLines), "comments/long", f"{LIMITED}: one of 8,192 bytes is read, one of 16,384 bytes is not"),
        (client_of(LimitsLines), "framing/long-lines", f"{LIMITED}: one of 8,192 bytes is read, one of 16,384"),
        (
            client_of(LimitsComments),
            "comments/long",
            "a comment is stumbled over for its length: one of 8,192 bytes is passed over, one of 16,384 bytes is not,"
            " and a data line of 20,002 bytes is read",
        ),
        (client_of(ParsesOtherLines), "comments/long", COMMENT),
        (client_of(StripsTags), "framing/text-like-html", "a text with references or tags of HTML is changed"),
        (client_of(Escapes), "framing/text-like-html", "the text is escaped for HTML"),
        *(
            (client_of(Strips), case, "blanks at the ends of a token are cut off: they are part of the text")
            for case in [
                "boundaries/blocks-of-8k-inside-a-field",
                "boundaries/many-in-one-chunk",
                "cancellation/next-request",
                "comments/like-done",
                "delivery/side-by-side",
                "done/inside-content",
                "errors/event-bare",
                "transport/charset-utf-8",
            ]
        ),
        pytest.param(
            client_of(LosesCutEvents),
            "chat/many-events",
            "text is lost or changed: an event that a boundary cuts",
            marks=pytest.mark.slow,
        ),
        *(
            (client_of(Replaces), case, "characters of the text are replaced by '?': ")
            for case in [
                "boundaries/chunks-in-one-segment",
                "chat/blank-tokens",
                "framing/escaped-newlines",
                "transport/charset-utf-8",
            ]
        ),
        (
            client_of(LeavesOutUnprintable),
            "framing/escaped-newlines",
            r"characters are left out of the text: '\n', '\r'",
        ),
        (
            client_of(LeavesOutUnprintable),
            "framing/normal-forms",
            "characters that a normal form of Unicode changes are",
        ),
        (
            client_of(LeavesOutUnprintable),
            "done/a-line-inside-content",
            r"characters are left out of the text: '\n'",
        ),
        (client_of(NeedsAscii), "framing/normal-forms", "characters outside ASCII are lost: its text is"),
        (exact_content_type, "transport/charset-utf-8", "the content type is compared as a whole"),
    ],
    ids=lambda one: one if isinstance(one, str) and "/" in one else "",
)
def test_the_cause_is_the_one_that_trials_show(thread: ServerThread, client: Client, case: str, reason: str) -> None:
    assert failed(client, case, thread).reason.startswith(reason)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "answer", "reason"),
    [
        ("comments/like-done", ParsesOtherLines, COMMENT),
        ("done/in-a-comment", ParsesOtherLines, COMMENT),
        ("comments/heartbeat", ParsesOtherLines, COMMENT),
        ("done/without-the-space", ParsesOtherLines, "it looks for `data: ` with a space"),
        ("comments/in-front-of-data", LooksAtTheFirstLine, "a comment line (it begins with a colon) is stumbled over"),
    ],
)
def test_what_a_case_is_about_is_not_blamed_for_what_fails_any_stream(
    thread: ServerThread, case: str, answer: type[Answer], reason: str
) -> None:
    """Without the comment each of these holds, and so does any other stream: what the case is about is not a cause."""
    assert failed(client_of(answer), case, thread).reason.startswith(reason)


def takes_each_line_for_data(base_url: str) -> Iterator[str]:
    """A client of Gemini, as Google's SDKs are: each line is given to the JSON parser, without its `data: `."""
    dialect, at = DIALECTS.named("gemini"), urlsplit(base_url)
    with closing(HTTPConnection(at.hostname or "", at.port, timeout=60)) as connection:
        path = f"{at.path}{dialect.example_path}?{dialect.example_query}"
        connection.request("POST", path, json.dumps(dialect.example()), {"Accept-Encoding": "identity"})
        for line in connection.getresponse():
            if text := line.decode().strip():
                [candidate] = json.loads(text.removeprefix("data: "))["candidates"]
                yield candidate["content"]["parts"][0]["text"]


@pytest.mark.slow
def test_where_nothing_obliges_a_client_to_end_it_is_not_told_that_it_goes_on(thread: ServerThread) -> None:
    after, plain = run(
        takes_each_line_for_data,
        only=["comments/after-the-end", "done/clean-end"],
        dialect="gemini",
        thread=thread,
        patience=ENOUGH,
    )
    assert plain.evidence is None
    assert after.evidence is not None
    assert after.evidence.reason == COMMENT


@pytest.mark.parametrize("case", ["ollama/next-line", "ollama/line-separator"])
def test_lines_that_python_ends_are_told_where_the_escaped_text_is_read(thread: ServerThread, case: str) -> None:
    dialect = DIALECTS.named("ollama")

    def splits_lines(base_url: str) -> Iterator[str]:
        at = urlsplit(base_url)
        with closing(HTTPConnection(at.hostname or "", at.port, timeout=60)) as connection:
            connection.request("POST", f"{at.path}{dialect.example_path}", json.dumps(dialect.example()))
            for line in connection.getresponse().read().decode().splitlines():
                yield json.loads(line)["message"]["content"]

    *_, verdict = run(splits_lines, only=case, dialect=dialect, thread=thread, patience=ENOUGH)
    assert verdict.evidence is not None
    assert verdict.evidence.reason.startswith("a line is ended at U+2028 or U+0085, as str.splitlines does")


def test_the_evidence_shows_where_the_feature_is(thread: ServerThread) -> None:
    def needs_the_space(base_url: str) -> Iterator[str]:
        with asked(base_url) as response:
            for line in response:
                data = line.decode().rstrip("\r\n").removeprefix("data: ")
                if data == "[DONE]":
                    return
                if data.startswith("{"):
                    yield from Answer().event("", data)

    evidence = failed(needs_the_space, "framing/no-space-after-colon", thread)
    assert "data:│{" in evidence.excerpt


# -- clients that wait -----------------------------------------------------------------------------------------------


def reads_whole_blocks(base_url: str) -> Iterator[str]:
    """Blocks are read until they are full."""
    answer = Answer()
    with asked(base_url) as response:
        while data := response.read(4096):
            yield from answer.feed(data)
            if answer.done:
                return


@pytest.mark.slow
def test_nothing_read_is_not_a_marker_that_is_not_obeyed(thread: ServerThread) -> None:
    evidence = failed(reads_whole_blocks, "done/connection-left-open", thread, BRIEF)
    assert evidence.reason.startswith("what has come is not handed over before the connection ends")


@pytest.mark.slow
def test_an_unknown_line_end_is_not_a_marker_that_is_not_obeyed(thread: ServerThread) -> None:
    evidence = failed(client_of(NeedsCR), "done/cr", thread, BRIEF)
    assert evidence.reason.startswith("a CR alone is not taken for a line end")


class KeepsCR(Answer):
    """Only LF ends a line; JSON does not mind the CR, and the end marker is compared to the letter."""

    def lines(self, data: bytes) -> Iterator[str]:
        *ended, self._rest = (self._rest + data).split(b"\n")
        return (line.decode() if b"[DONE]" in line else line.decode().rstrip("\r") for line in ended)

    def event(self, type_: str, data: str) -> Iterator[str]:
        return iter(()) if data == "[DONE]\r" else super().event(type_, data)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "answer", "reason"),
    [
        ("done/left-open-without-the-space", ReadsOn, "[DONE] is not obeyed"),
        ("done/left-open-without-the-space", NeedsTheSpace, "`data:[DONE]` is not taken for the end"),
        ("done/crlf", ReadsOn, "[DONE] is not obeyed"),
        ("done/crlf", KeepsCR, "[DONE] is not taken for the end where its line ends with CRLF"),
    ],
)
def test_how_the_end_is_written_is_blamed_where_a_plain_one_is_obeyed(
    thread: ServerThread, case: str, answer: type[Answer], reason: str
) -> None:
    assert failed(client_of(answer), case, thread, BRIEF).reason.startswith(reason)


def asks_again_later(seconds: float) -> Client:
    """Without the end marker, the question is asked again after a while, and the answers are joined."""

    def client(base_url: str) -> Iterator[str]:
        for _ in range(2):
            answer = Answer()
            with asked(base_url) as response:
                for data in reads(response):
                    yield from answer.feed(data)
            if answer.done:
                return
            sleep(seconds)

    return client


@pytest.mark.slow
def test_a_client_that_asks_again_later_is_waited_for(thread: ServerThread) -> None:
    evidence = failed(asks_again_later(2.0), "done/missing", thread, BRIEF)
    assert evidence.reason == "the request was silently sent again"
    assert evidence.got.startswith("2 requests in 2.")
    assert "'Hello, world!Hello, world!'" in evidence.got


@pytest.mark.slow
def test_a_client_that_still_retries_does_not_swallow_the_error(thread: ServerThread) -> None:
    def retries(base_url: str) -> Iterator[str]:
        wait = 0.3
        for wait in (0.3, 0.6, 1.2, 60.0):
            with asked(base_url) as response:
                if response.status == 200:
                    yield from text_of(response, Answer())
                    return
            sleep(wait)

    evidence = failed(retries, "errors/http-500-onerouter", thread, BRIEF / 2)
    assert evidence.reason.startswith("it is still asking again: ")


def retries_after(*pauses: float) -> Client:
    """A request that fails is sent again after each pause; then the error is shown."""

    def client(base_url: str) -> Iterator[str]:
        for pause in (*pauses, None):
            try:
                yield from correct(base_url)
            except Exception:
                if pause is None:
                    raise
                sleep(pause)
            else:
                return

    return client


LATER = 0.9  # seconds: beyond four times the patience of the tests below, and within twelve times


@pytest.mark.slow
@pytest.mark.parametrize("pauses", [(LATER,), (0.2, LATER)])
def test_a_client_that_pauses_before_it_asks_again_is_waited_out(
    thread: ServerThread, pauses: tuple[float, ...]
) -> None:
    [verdict] = run(retries_after(*pauses), only="errors/event-bare-first", thread=thread, patience=0.1)
    assert verdict.result is Result.PASS, verdict.evidence


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pauses", "reason"),
    [
        ((30.0,), "it still waits when everything was sent"),
        ((LATER, 30.0), "it is still asking again: 2 requests, and no end"),
    ],
)
def test_a_client_that_never_shows_the_error_is_told_as_what_it_does_meanwhile(
    thread: ServerThread, pauses: tuple[float, ...], reason: str
) -> None:
    assert failed(retries_after(*pauses), "errors/event-bare-first", thread, 0.1).reason == reason


class HasATimeLimit(Answer):
    """A limit for the whole answer."""

    def __init__(self) -> None:
        super().__init__()
        self._until = monotonic() + 0.5

    def feed(self, data: bytes) -> Iterator[str]:
        if monotonic() > self._until:
            raise TimeoutError("timed out")
        return super().feed(data)


@pytest.mark.slow
def test_a_time_limit_is_told_with_its_seconds(thread: ServerThread) -> None:
    evidence = failed(client_of(HasATimeLimit), "comments/heartbeat", thread)
    assert re.match(r"it timed out 0\.\d s after its request, and the stream was never silent", evidence.reason)


# -- what one stream leaves for the next -----------------------------------------------------------------------------


def test_what_an_earlier_stream_left_is_not_called_a_comment(thread: ServerThread) -> None:
    kept: list[str] = []

    class KeepsComments(Answer):
        """A comment is kept, and yielded with the first text of the next stream."""

        def field(self, line: str) -> None:
            if line.startswith(":"):
                kept.append(line)
            super().field(line)

    def client(base_url: str) -> Iterator[str]:
        left = "".join(kept)
        kept.clear()
        if left:
            yield left
        yield from correct(base_url, KeepsComments)

    only = ["done/clean-end", "comments/ping", "comments/openrouter"]
    verdicts = run(client, only=only, thread=thread, patience=ENOUGH)
    [evidence] = [one.evidence for one in verdicts if one.evidence is not None]
    assert evidence.reason.startswith("it keeps what an earlier stream left")


# -- cancels ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_late_text_is_told_with_how_late_it_is(thread: ServerThread) -> None:
    def in_batches(base_url: str) -> Iterator[str]:
        batch: list[str] = []
        for piece in correct(base_url):
            batch.append(piece)
            if len(batch) == 20:
                yield "".join(batch)
                batch.clear()
        yield "".join(batch)

    evidence = failed(in_batches, "cancellation/while-silent", thread, BRIEF)
    assert evidence.reason.startswith("the client yields its text late: the first of it ")
    assert re.search(r"when 2\d of 64 tokens had come", evidence.reason)


@pytest.mark.slow
def test_a_blocked_loop_is_told(thread: ServerThread) -> None:
    async def reads_synchronously(base_url: str) -> AsyncIterator[str]:
        for piece in correct(base_url):
            yield piece

    evidence = failed(reads_synchronously, "cancellation/inside-a-read", thread, BRIEF)
    assert evidence.reason.startswith("the event loop is blocked")


@pytest.mark.slow
def test_a_swallowed_cancel_is_told(thread: ServerThread) -> None:
    async def swallows(base_url: str) -> AsyncIterator[str]:
        pieces = correct_async(base_url)
        while True:
            reading = asyncio.ensure_future(anext(pieces))
            while not reading.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait({reading})
            try:
                yield reading.result()
            except (StopAsyncIteration, OSError, EOFError, ValueError):
                return

    evidence = failed(swallows, "cancellation/inside-a-read", thread, BRIEF)
    assert evidence.reason.startswith("the cancel (asyncio.CancelledError) is swallowed")


# -- patience ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_client_that_is_known_to_wait_is_not_waited_for_so_long_each_time(
    thread: ServerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for: list[tuple[str, float]] = []
    once = Trials.once

    def noted(self: Trials, case: Case, cuts: Any, patience: float) -> Tried:
        asked_for.append((case.id, patience))
        return once(self, case, cuts, patience)

    monkeypatch.setattr(Trials, "once", noted)
    only = [f"done/{name}" for name in ("connection-left-open", "left-open-in-one-chunk", "comment-in-its-chunk")]
    verdicts = run(client_of(ReadsOn), only=only, thread=thread, patience=BRIEF)
    assert [one.evidence and one.evidence.reason for one in verdicts] == [
        "[DONE] is not obeyed: the client reads on to the end of the response"
    ] * 3
    most = [max(patience for case, patience in asked_for if case == one) for one in only]
    assert most == [4 * BRIEF, 4 * BRIEF, BRIEF]


async def leaves_out_repeats(base_url: str) -> AsyncIterator[str]:
    """A text that is the same as the one before it is left out."""
    before = ""
    async with aclosing(correct_async(base_url)) as pieces:
        async for piece in pieces:
            if piece != before:
                yield piece
            before = piece


@pytest.mark.slow
@pytest.mark.parametrize(
    ("client", "case", "reason"),
    [
        (
            client_of(LosesCutEvents),
            "done/cut-in-the-middle",
            "[DONE] is not seen where a boundary cuts it",
        ),
        (
            client_of(LosesCutEvents),
            "done/left-open-byte-by-byte",
            "text is lost or changed: an event that a boundary cuts is dropped",
        ),
        (
            leaves_out_repeats,
            "cancellation/inside-a-read",
            "not all that had come was handed over",
        ),
    ],
    ids=["end", "text", "repeats"],
)
def test_a_client_that_waits_is_told_what_it_has_lost(
    thread: ServerThread, client: Client, case: str, reason: str
) -> None:
    assert failed(client, case, thread, BRIEF).reason.startswith(reason)
