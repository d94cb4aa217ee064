"""The contract's runner: correct little clients pass every case, and each mutant fails in its own, with its reason."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, suppress
from http.client import HTTPResponse
from itertools import chain, count, repeat
from time import sleep
from typing import Any

import pytest

from orharness.contract import CASES, CLAIMS, Client, Profile, claim_of, failure_of, run
from orharness.contract.driving.functions import FunctionSubject
from orharness.contract.driving.loops import client_loop
from orharness.contract.driving.subject import ClientRun
from orharness.contract.running.bench import with_once
from orharness.contract.running.trials import Tried
from orharness.errors import ScenarioError
from orharness.report.words import in_words
from orharness.server.thread import ServerThread
from orharness.sse import Comment, Decoder, Event
from orharness.verdict import Evidence, Once, Result, Verdict
from tests.support.correct_clients import asked, correct, correct_async, reads
from tests.support.mutants import closes_at_the_next_event, never_closes
from tests.support.selections import WITHOUT_SWEEPS

NOT_DONE = ("the client does not ask for gzip", "a function is given no API key, and this one sends none")
PATIENT = 5.0  # seconds of patience for clients that pass: one that does not is told in minutes, not in hours
ENOUGH = 30.0  # seconds of patience where nothing is to be waited for: a busy machine fails nobody
ENOUGH_TO_LEAVE = 1.0  # ... and where it is waited for each time; a machine that takes longer once is forgiven
BRIEF = 0.3  # seconds of patience where the client is to be caught waiting; the confirming run has four times as many


@pytest.fixture(scope="module")
def thread() -> Iterator[ServerThread]:
    started = ServerThread().start()
    yield started
    started.stop()


# -- clients that are right ----------------------------------------------------------------------------------------


def events(response: HTTPResponse) -> Iterator[str]:
    """The data of each event."""
    decoder = Decoder()
    items = chain.from_iterable(map(decoder.feed, reads(response)))
    return (item.data for item in items if isinstance(item, Event))


def content(data: str) -> str:
    choices = json.loads(data).get("choices")
    return (choices[0]["delta"].get("content") or "") if choices else ""


def not_passed(verdicts: list[Verdict]) -> list[str]:
    """The verdicts that are not a pass, except on what these clients do not do: they yield text alone."""
    return [in_words(one) for one in verdicts if one.result is not Result.PASS and not is_not_done(one)]


def is_not_done(verdict: Verdict) -> bool:
    return verdict.family == "parts" or verdict.note in NOT_DONE


@pytest.mark.slow
def test_a_correct_async_client_passes_every_case(thread: ServerThread) -> None:
    verdicts = run(correct_async, only=WITHOUT_SWEEPS, thread=thread, patience=PATIENT)
    assert not_passed(verdicts) == []
    assert [one.case for one in verdicts if one.boundaries_proven != one.boundaries_tried] == []
    assert [verdict.case for verdict in verdicts] == list(WITHOUT_SWEEPS)
    assert failure_of(verdicts) is None


@pytest.mark.long
@pytest.mark.slow
def test_a_correct_sync_client_passes_every_case_that_a_sync_client_can(thread: ServerThread) -> None:
    verdicts = run(correct, profile="whatwg", thread=thread, patience=PATIENT)
    done = [one for one in verdicts if not is_not_done(one)]
    others = {verdict.case: verdict.result for verdict in done if verdict.result is not Result.PASS}
    inside = {case.id for case in CASES if case.cancel is not None and case.cancel.inside_read}
    assert all(one.note.endswith("a client that is an async generator is judged by it") for one in done if one.note)
    assert others == dict.fromkeys(inside, Result.NOT_APPLICABLE)
    assert failure_of(verdicts) is None


def whole(base_url: str) -> str:
    return "".join(correct(base_url))


def listed(base_url: str) -> list[str]:
    return list(correct(base_url))


async def whole_async(base_url: str) -> str:
    return "".join([piece async for piece in correct_async(base_url)])


async def made_async(base_url: str) -> AsyncIterator[str]:
    return correct_async(base_url)


@pytest.mark.parametrize("client", [whole, listed, whole_async, made_async])
def test_a_client_may_return_its_text_in_any_form(thread: ServerThread, client: Client) -> None:
    assert not_passed(run(client, claims=["parsing"], only="framing/crlf", thread=thread, patience=ENOUGH)) == []


def test_a_run_without_a_thread_brings_its_own() -> None:
    [verdict] = run(correct, only="done/clean-end", patience=ENOUGH)
    assert verdict.result is Result.PASS


# -- and clients that are wrong ------------------------------------------------------------------------------------


def lines_of(pieces: Iterator[str]) -> Iterator[str]:
    """What ends with LF, put together across the pieces."""
    rest = ""
    for piece in pieces:
        *lines, rest = (rest + piece).split("\n")
        yield from lines


def said(lines: Iterator[str], field: str = "data:") -> Iterator[str]:
    for line in lines:
        if line.startswith(field):
            data = line.removeprefix(field).strip()
            if data == "[DONE]":
                return
            yield content(data)


def decodes_each_read(base_url: str, errors: str = "strict") -> Iterator[str]:
    with asked(base_url) as response:
        yield from said(lines_of(data.decode("utf-8", errors) for data in reads(response)))


def replaces_in_each_read(base_url: str) -> Iterator[str]:
    return decodes_each_read(base_url, "replace")


def reads_latin_1(base_url: str) -> Iterator[str]:
    with asked(base_url) as response:
        yield from said(lines_of(data.decode("latin-1") for data in reads(response)))


def text_lines(response: HTTPResponse) -> Iterator[str]:
    return (line.decode().rstrip("\r\n") for line in response)


def splits_lines_as_python_does(base_url: str) -> Iterator[str]:
    with asked(base_url) as response:
        yield from said(line for text in text_lines(response) for line in text.splitlines())


def takes_each_read_for_lines(base_url: str) -> Iterator[str]:
    with asked(base_url) as response:
        yield from said(line for data in reads(response) for line in data.decode("utf-8", "ignore").split("\n"))


def needs_the_space(base_url: str) -> Iterator[str]:
    with asked(base_url) as response:
        yield from said(text_lines(response), "data: ")


def parses_comments(base_url: str) -> Iterator[str]:
    with asked(base_url) as response:
        for line in text_lines(response):
            if line.endswith("[DONE]"):
                return
            if line:
                yield content(line.removeprefix("data:"))


def yields_comments(base_url: str) -> Iterator[str]:
    decoder = Decoder()
    with asked(base_url) as response:
        for item in chain.from_iterable(map(decoder.feed, reads(response))):
            if isinstance(item, Comment):
                yield item.text
            elif isinstance(item, Event):
                if item.data == "[DONE]":
                    return
                yield content(item.data)


def takes_the_first_choice(base_url: str) -> Iterator[str]:
    with asked(base_url) as response:
        for data in events(response):
            if data == "[DONE]":
                return
            yield json.loads(data).get("choices", [{"delta": {}}])[0]["delta"].get("content") or ""


def yields_null(base_url: str) -> Iterator[Any]:
    with asked(base_url) as response:
        for data in events(response):
            if data == "[DONE]":
                return
            yield json.loads(data)["choices"][0]["delta"].get("content")


def yields_bytes(base_url: str) -> Iterator[Any]:
    return (text.encode() for text in correct(base_url))


def makes_a_client(base_url: str) -> Any:
    """A factory, which is to be called before it is judged."""
    return correct


def returns_nothing(base_url: str) -> None:
    whole(base_url)


def goes_on_behind_the_end(base_url: str) -> Iterator[str]:
    with asked(base_url) as response:
        yield from (content(data) for data in events(response) if data != "[DONE]")


def waits_for_the_end_of_the_body(base_url: str) -> Iterator[str]:
    with asked(base_url) as response:
        yield from said(iter(response.read().decode().split("\n")))


def finds_the_end_in_the_text(base_url: str) -> Iterator[str]:
    with asked(base_url) as response:
        for data in events(response):
            if "[DONE]" in data:
                return
            yield content(data)


def yields_it_all_in_the_end(base_url: str) -> Iterator[str]:
    yield whole(base_url)


def yields_the_pieces_in_the_end(base_url: str) -> Iterator[str]:
    yield from listed(base_url)


def drains_when_it_is_closed(base_url: str) -> Iterator[str]:
    with asked(base_url) as response:
        try:
            yield from filter(None, map(content, events(response)))
        finally:
            response.read()


def never_asks(base_url: str) -> Iterator[str]:
    yield from ()


def cannot_ask(base_url: str) -> Iterator[str]:
    raise ConnectionRefusedError("no")


def asks_twice(base_url: str) -> Iterator[str]:
    whole(base_url)
    return correct(base_url)


def asks_somewhere_else(base_url: str) -> Iterator[str]:
    return correct(base_url + "/v2")


def wrong(client: Client, case: str, reason: str, patience: float = ENOUGH) -> Any:
    return pytest.param(client, case, reason, patience, id=f"{getattr(client, '__name__', '')}-{case}")


COMMENT_JSON = "a comment line (it begins with a colon) is given to the JSON parser"
PART_JSON = "a part of an event is given to the JSON parser: it ends at its empty line, not where the bytes read end"
LINE_JSON = (
    "a line is ended at U+2028, U+2029 or U+0085, as str.splitlines, httpx's iter_lines and aiter_lines do:"
    " only CR, LF and CRLF end a line"
)
CUT_EVENT = "text is lost or changed: an event that a boundary cuts is dropped or read in pieces"
NOT_SENT = "the client never sent a request to the base_url it was given"
RAISED_FIRST = "no request came to the base_url that it was given: it raised ConnectionRefusedError('no')"
TOO_LATE = "the client yields nothing before the answer is complete: a stop button could stop nothing"
LEAK = (
    "closing the client does not close its connection; the model goes on, and is billed:"
    " close the response with `with`, or in a `finally`"
)
DEAF_LEAK = LEAK.replace(";", ": it waits for bytes that do not come;")
PLAIN = "it fails on a plain answer: "
DEAF = "[DONE] is not obeyed: the client reads on to the end of the response"
UNTIL_FULL = "what has come is not handed over before the connection ends: it reads whole blocks, or all of the body"
WITHIN = "`[DONE]` in the text is not taken for text: only an event whose whole data it is ends the answer"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("client", "case", "reason", "patience"),
    [
        wrong(
            decodes_each_read,
            "boundaries/inside-a-character",
            "bytes are decoded chunk by chunk: a character that a boundary cuts cannot be decoded",
        ),
        wrong(
            replaces_in_each_read,
            "boundaries/inside-a-character",
            "bytes are decoded chunk by chunk: a character that a boundary cuts is lost",
        ),
        wrong(
            reads_latin_1,
            "boundaries/one-event-a-chunk",
            "UTF-8 is read as Latin-1: the content type names no charset, and an event stream is always UTF-8",
        ),
        wrong(splits_lines_as_python_does, "chat/unicode-line-separators", LINE_JSON),
        wrong(takes_each_read_for_lines, "boundaries/inside-a-character", PART_JSON),
        wrong(takes_each_read_for_lines, "boundaries/byte-by-byte", CUT_EVENT),
        wrong(
            needs_the_space,
            "framing/no-space-after-colon",
            "it looks for `data: ` with a space; the standard takes one space away if it is there",
        ),
        wrong(
            needs_the_space,
            "done/left-open-without-the-space",
            "`data:[DONE]` is not taken for the end: there may be no space after the colon",
            BRIEF,
        ),
        wrong(parses_comments, "comments/before", COMMENT_JSON),
        wrong(yields_comments, "comments/before", "a comment is taken for text"),
        wrong(
            takes_the_first_choice,
            "chat/usage-without-choices",
            "it takes the first of an empty list: a usage chunk has no choices",
        ),
        wrong(yields_null, "chat/role-and-null-content", "null as content is taken for text"),
        wrong(
            yields_bytes, "done/clean-end", PLAIN + "a client yields text or parts of an answer, and this is b'Hello'"
        ),
        wrong(
            returns_nothing,
            "done/clean-end",
            PLAIN + "a client returns its text, or an iterator of it, and this one returned nothing",
        ),
        wrong(
            makes_a_client,
            "done/clean-end",
            f"{NOT_SENT}: a client returns its text, or an iterator of it, and this one returned a function: where it"
            " makes a client, name what it returns",
        ),
        wrong(goes_on_behind_the_end, "done/event-after", "it goes on after [DONE]"),
        wrong(goes_on_behind_the_end, "done/connection-left-open", DEAF, BRIEF),
        wrong(waits_for_the_end_of_the_body, "done/cut-in-the-middle", UNTIL_FULL, BRIEF),
        wrong(finds_the_end_in_the_text, "done/inside-content", WITHIN),
        wrong(yields_it_all_in_the_end, "cancellation/between-events", TOO_LATE, BRIEF),
        wrong(yields_the_pieces_in_the_end, "cancellation/between-events", TOO_LATE, BRIEF),
        wrong(waits_for_the_end_of_the_body, "cancellation/while-silent", TOO_LATE, BRIEF / 4),
        wrong(never_asks, "boundaries/one-event-a-chunk", NOT_SENT),
        wrong(never_asks, "done/clean-end", NOT_SENT),
        wrong(never_asks, "cancellation/while-silent", NOT_SENT),
        wrong(cannot_ask, "boundaries/one-event-a-chunk", RAISED_FIRST),
        wrong(cannot_ask, "cancellation/while-silent", RAISED_FIRST),
        wrong(asks_somewhere_else, "done/clean-end", "the client asks for something else"),
        wrong(drains_when_it_is_closed, "cancellation/between-events", LEAK, BRIEF),
        wrong(asks_twice, "done/clean-end", "the request was silently sent again"),
    ],
)
def test_a_wrong_client_fails_with_its_reason(
    thread: ServerThread, client: Client, case: str, reason: str, patience: float
) -> None:
    [verdict] = run(client, only=case, thread=thread, patience=patience)
    assert verdict.result is Result.FAIL
    assert verdict.evidence is not None
    assert verdict.evidence.reason == reason


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(
    ("client", "claim"),
    [
        (goes_on_behind_the_end, "parsing"),
        (finds_the_end_in_the_text, "parsing"),
        (whole, "parsing"),
        (whole, "done"),
        (reads_latin_1, "done"),
        (decodes_each_read, "cancellation"),
        (goes_on_behind_the_end, "cancellation"),
    ],
)
def test_a_client_does_not_fail_in_a_claim_that_it_keeps(thread: ServerThread, client: Client, claim: str) -> None:
    assert failure_of(run(client, claims=[claim], thread=thread, patience=ENOUGH)) is None


# -- leaving -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("case", "reason"), [("between-events", LEAK), ("while-silent", DEAF_LEAK)])
def test_a_client_that_never_closes_its_connection(thread: ServerThread, case: str, reason: str) -> None:
    kept: list[Any] = []

    def keeps_it(base_url: str) -> Iterator[str]:
        kept.append(asked(base_url))
        response = kept[-1].__enter__()
        yield from filter(None, map(content, events(response)))

    [verdict] = run(keeps_it, only=f"cancellation/{case}", thread=thread, patience=BRIEF)
    for one in kept:
        one.__exit__(None, None, None)
    evidence = verdict.evidence
    assert evidence is not None
    assert evidence.reason == reason
    assert "the client did not leave within 1.2 s" in evidence.got
    assert " chunks written (" in evidence.got
    assert evidence.expected == "the connection is closed at once, and the rest of the answer is never made"


@pytest.mark.slow
@pytest.mark.parametrize(("client", "reason"), [(never_closes, LEAK), (closes_at_the_next_event, DEAF_LEAK)])
def test_a_client_that_stays_while_bytes_come_does_not_wait_for_them(
    thread: ServerThread, client: Client, reason: str
) -> None:
    cases = ["cancellation/between-events", "cancellation/while-silent"]
    [early, silent] = run(client, only=cases, thread=thread, patience=BRIEF)
    assert early.evidence is None or early.evidence.reason == reason
    assert silent.evidence is not None
    assert silent.evidence.reason == reason


async def cannot_be_cancelled(base_url: str) -> AsyncIterator[str]:
    """Its read goes on when it is cancelled, as one in a worker thread would."""
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
        except GeneratorExit:
            await pieces.aclose()
            raise


@pytest.mark.slow
def test_a_client_that_cannot_be_cancelled_inside_a_read(thread: ServerThread) -> None:
    [verdict] = run(cannot_be_cancelled, only="cancellation/inside-a-read", thread=thread, patience=BRIEF)
    assert verdict.evidence is not None
    assert verdict.evidence.reason == (
        "the cancel (asyncio.CancelledError) is swallowed inside the read, which goes on;"
        " the model goes on, and is billed"
    )
    between = run(cannot_be_cancelled, only="cancellation/between-events", thread=thread, patience=ENOUGH)
    assert not_passed(between) == []


def test_a_client_that_fails_before_it_can_be_cancelled(thread: ServerThread) -> None:
    def breaks(base_url: str) -> Iterator[str]:
        for piece in correct(base_url):
            yield content("no JSON") if piece == "token" else piece

    [verdict] = run(breaks, only="cancellation/between-events", thread=thread, patience=ENOUGH)
    assert verdict.evidence is not None
    assert verdict.evidence.expected == "2 pieces of text while the stream is open"
    assert verdict.evidence.got.startswith("JSONDecodeError(")
    assert verdict.evidence.reason == "it raised before it could be cancelled"


def test_an_empty_piece_is_no_text(thread: ServerThread) -> None:
    """A client that yields the role's empty content is left where the others are: with the stream at its gate."""
    taken: list[str] = []

    def yields_the_role_too(base_url: str) -> Iterator[str]:
        with asked(base_url) as response:
            for data in events(response):
                taken.append(content(data))
                yield taken[-1]

    assert not_passed(run(yields_the_role_too, only="while-silent", thread=thread, patience=ENOUGH)) == []
    assert taken == ["", "token", " token"]


# -- evidence ------------------------------------------------------------------------------------------------------


def test_the_evidence_shows_the_character_that_the_boundary_cuts(thread: ServerThread) -> None:
    [verdict] = run(replaces_in_each_read, only="boundaries/inside-a-character", thread=thread, patience=ENOUGH)
    evidence = verdict.evidence
    assert evidence is not None
    assert evidence.expected == "'Grüße, 世界 🙂!'"
    assert "\ufffd" in evidence.got
    assert r'"content":"Gr\xc3│\xbc' in evidence.excerpt
    assert evidence.cuts == (evidence.body.index("ü".encode()) + 1,)  # of the three that were tried, the one that fails
    assert verdict.boundaries_proven <= verdict.boundaries_tried


@pytest.mark.long
@pytest.mark.slow
def test_a_failure_shows_every_case_that_fails_and_nothing_else(thread: ServerThread) -> None:
    failure = failure_of(run(takes_the_first_choice, claims=["parsing"], thread=thread, patience=ENOUGH))
    assert failure is not None
    parsing = sum(claim_of(case.family) == "parsing" and case.profile is Profile.GATEWAY for case in CASES)
    head, gap, title, *rows = str(failure).splitlines()
    assert (head, gap) == (f"the client fails 2 of {parsing} cases", "")
    assert title == "chat/usage-without-choices  A usage chunk with an empty list of choices."
    assert [row.split()[0] for row in rows] == ["expected", "got", "bytes", "reason", "chunks", "serve", "and"]
    assert rows[-1] == "  and for the same reason: chat/prompt-filter-results-first"


def test_a_verdict_in_words() -> None:
    evidence = Evidence("'a'", "'b'", "why", "x│y")
    assert in_words(Verdict("c", "Title.", Result.FAIL, evidence, 3, 2)) == (
        "c  Title.\n"
        "  expected  'a'\n"
        "  got       'b'\n"
        "  bytes     x│y\n"
        "  reason    why\n"
        "  chunks    2 of 3 boundaries proven"
    )
    assert in_words(Verdict("c", "Title.", Result.NOT_APPLICABLE, note="why")) == "c  Title.\n  note  why"


def test_a_fail_is_confirmed_before_it_is_told(thread: ServerThread) -> None:
    runs: list[str] = []

    def stumbles_once(base_url: str) -> Iterator[str]:
        runs.append(base_url)
        return correct(base_url) if len(runs) > 1 else iter(())

    [verdict] = run(stumbles_once, only="clean-end", thread=thread, patience=ENOUGH)
    assert verdict.result is Result.PASS
    assert len(runs) == 2


def test_a_fail_that_does_not_come_again_is_named(thread: ServerThread) -> None:
    """It is not a fail, and it leaves a trace: a client that is right nearly always."""
    runs = count()

    def stumbles_once(base_url: str) -> Iterator[str]:
        loud = next(runs) == 0
        return (piece.upper() if loud else piece for piece in correct(base_url))

    seen = [run(stumbles_once, only="done/usage-before", thread=thread, patience=ENOUGH)[0] for _ in range(2)]
    assert [one.result for one in seen] == [Result.PASS, Result.PASS]
    assert [one.once for one in seen] == [Once(3, "its text is 'HELLO WORLD'"), None]


def test_a_fail_of_which_the_machine_may_be_the_cause_is_not_named() -> None:
    fail, held = Evidence("a", "b", "it timed out"), Tried(None)
    assert with_once(held, Tried(fail, unsure=True), 1) == held
    assert with_once(held, Tried(fail), 1).once == Once(2, "it timed out")
    for again in (Tried(fail), Tried(None, note="not known")):
        assert with_once(again, Tried(fail), 1) == again


def leaves_late(*seconds: float) -> Client:
    """A client that takes so long to leave in its first run, its second, and so on; the last repeats."""
    runs = chain(seconds, repeat(seconds[-1]))

    def client(base_url: str) -> Iterator[str]:
        late = next(runs)
        pieces: Any = correct(base_url)
        try:
            for piece in pieces:  # noqa: UP028 - `yield from` would close it before the sleep
                yield piece
        finally:
            sleep(late)
            pieces.close()

    return client


@pytest.mark.slow
@pytest.mark.parametrize(
    ("late", "result"),
    [
        pytest.param((2.5 * BRIEF,), Result.FAIL, id="every time"),
        pytest.param((2.5 * ENOUGH_TO_LEAVE, 0), Result.PASS, id="once"),
        pytest.param((1.5 * ENOUGH_TO_LEAVE, 1.5 * ENOUGH_TO_LEAVE, 0), Result.PASS, id="twice"),
    ],
)
def test_who_leaves_late_every_time_is_slow_and_not_the_machine(
    late: tuple[float, ...], result: Result, thread: ServerThread
) -> None:
    """One who is late in three runs, of which two had four times the patience, fails; the machine may be late twice."""
    patience = BRIEF if result is Result.FAIL else ENOUGH_TO_LEAVE
    [verdict] = run(leaves_late(*late), only="cancellation/between-events", thread=thread, patience=patience)
    assert verdict.result is result


@pytest.mark.slow
def test_little_patience_is_none_for_the_client_while_the_reply_itself_is_silent(thread: ServerThread) -> None:
    silent = ["transport/slow-head", "transport/slow-first-byte", "comments/between"]
    assert not_passed(run(correct, only=silent, thread=thread, patience=0.1)) == []


# -- the catalogue -------------------------------------------------------------------------------------------------


def test_an_unknown_claim_and_a_case_that_is_not_there() -> None:
    with pytest.raises(ScenarioError, match="the claims are parsing, done, errors, cancellation, conduct; not speed"):
        run(correct, claims=["parsing", "speed"])
    with pytest.raises(ScenarioError, match="no case of done is named 'inside-a-character'"):
        run(correct, claims=["done"], only="inside-a-character")


def test_the_catalogue() -> None:
    assert len({case.id for case in CASES}) == len(CASES)
    assert {claim_of(case.family) for case in CASES} == set(CLAIMS)
    for case in CASES:
        assert case.source.startswith("https://")
        assert case.title.endswith(".")
        text = case.expected.text or ""
        assert text.isascii() or case.family != "done"  # a client that only parses badly fails nowhere else
        assert (case.cancel is not None) == (case.family == "cancellation")


# -- clients that are wrong now and then, or never end ---------------------------------------------------------------


def test_a_client_that_is_wrong_every_other_time_is_wrong(thread: ServerThread) -> None:
    runs = count()

    def moody(base_url: str) -> Iterator[str]:
        loud = next(runs) % 2 == 0
        return (piece.upper() if loud else piece for piece in correct(base_url))

    [verdict] = run(moody, only="done/clean-end", thread=thread, patience=ENOUGH)
    assert verdict.result is Result.FAIL


def assert_all_end(threads: list[threading.Thread]) -> None:
    assert threads
    for one in threads:
        one.join(30)
        assert not one.is_alive()


@pytest.mark.slow
def test_a_client_that_yields_without_end_is_let_go(thread: ServerThread) -> None:
    going_on = []

    def endless(base_url: str) -> Iterator[str]:
        yield from correct(base_url)
        going_on.append(threading.current_thread())
        while True:
            yield "x"

    [verdict] = run(endless, only="done/clean-end", thread=thread, patience=BRIEF)
    assert verdict.result is Result.FAIL
    assert_all_end(going_on)


def test_what_the_event_loop_still_closes_behind_a_cancel_is_closed(thread: ServerThread) -> None:
    """An inner generator that nobody closes is closed by the loop, if that goes on: at once, and not by a cancel."""

    async def slowly(base_url: str) -> AsyncIterator[str]:
        try:
            async for piece in correct_async(base_url):
                yield piece
        finally:
            await asyncio.sleep(0.01)

    async def wraps(base_url: str) -> AsyncIterator[str]:
        async for piece in slowly(base_url):
            yield piece

    cases = ["cancellation/between-events", "cancellation/while-silent"]
    assert not_passed(run(wraps, only=cases, thread=thread, patience=ENOUGH_TO_LEAVE)) == []


class Queued:
    """It reads in a task that lives as long as the loop, and hands over with queues, which belong to a loop, too."""

    def __init__(self) -> None:
        self.urls: asyncio.Queue[str] = asyncio.Queue()
        self.pieces: asyncio.Queue[str | None] = asyncio.Queue()
        self.reading: asyncio.Task[None] | None = None

    async def read(self) -> None:
        while True:
            async for piece in correct_async(await self.urls.get()):
                await self.pieces.put(piece)
            await self.pieces.put(None)

    async def __call__(self, base_url: str) -> AsyncIterator[str]:
        if self.reading is None:
            self.reading = asyncio.create_task(self.read())
            await asyncio.sleep(0)  # only who has to wait finds out whose loop it is
        await self.urls.put(base_url)
        while (piece := await self.pieces.get()) is not None:
            yield piece


def test_an_async_client_may_keep_what_belongs_to_its_loop(thread: ServerThread) -> None:
    """An application has one loop, and one session in it: also where each case is a test of its own."""
    client = Queued()
    for cases in (["done/clean-end", "boundaries/pairs"], ["done/usage-before"]):
        assert not_passed(run(client, only=cases, thread=thread, patience=ENOUGH)) == []


def test_an_async_client_that_keeps_something_of_an_ended_loop_is_told_so(thread: ServerThread) -> None:
    pieces: asyncio.Queue[str] = asyncio.Queue()

    async def waits() -> None:  # only who has to wait finds out whose loop it is
        waiting = asyncio.create_task(pieces.get())
        await asyncio.sleep(0)
        waiting.cancel()

    async def queued(base_url: str) -> AsyncIterator[str]:
        await waits()
        async for piece in correct_async(base_url):
            await pieces.put(piece)
            yield await pieces.get()
        await pieces.get()

    asyncio.run(waits())
    [verdict] = run(queued, only="done/clean-end", thread=thread, patience=ENOUGH)
    assert verdict.evidence is not None
    assert "of another event loop" in verdict.evidence.reason


def test_a_function_that_wants_a_loop_before_it_is_async_is_told_so(thread: ServerThread) -> None:
    def early(base_url: str) -> AsyncIterator[str]:
        asyncio.get_running_loop()
        return correct_async(base_url)

    [verdict] = run(early, only="done/clean-end", thread=thread, patience=ENOUGH)
    assert verdict.evidence is not None
    assert "make it inside an async function" in verdict.evidence.reason


@pytest.mark.slow
def test_a_run_that_holds_its_loop_holds_no_other(thread: ServerThread) -> None:
    runs, let_go = count(), threading.Event()
    judged: list[Verdict] = []

    async def holds(base_url: str) -> AsyncIterator[str]:
        async for piece in correct_async(base_url):
            yield piece
        if next(runs) and not judged:  # the first is a plain answer
            let_go.wait(60)

    cases = ["done/usage-before", "done/event-after"]
    held, *others = run(holds, only=cases, thread=thread, patience=BRIEF, on_verdict=judged.append)
    let_go.set()
    assert held.result is Result.FAIL
    assert not_passed(others) == []


class Application:
    """What a client shares between its runs belongs to a loop: a lock, and a task that was started by the first run."""

    def __init__(self, closing: float, *, shielded: bool) -> None:
        self.one_at_a_time = asyncio.Lock()
        self.ticks: asyncio.Event | None = None
        self._closing = closing
        self._shielded = shielded

    async def tick(self, ticks: asyncio.Event) -> None:
        self.ticks = ticks
        while True:
            ticks.set()
            await asyncio.sleep(0.001)

    async def close(self) -> None:
        await asyncio.sleep(self._closing)
        self.one_at_a_time.release()

    async def __call__(self, base_url: str) -> AsyncIterator[str]:
        if self.ticks is None:
            self.ticking = asyncio.create_task(self.tick(asyncio.Event()))
            await asyncio.sleep(0)
            assert self.ticks is not None
        self.ticks.clear()
        await asyncio.wait_for(self.ticks.wait(), ENOUGH)
        await self.one_at_a_time.acquire()
        try:
            async with aclosing(correct_async(base_url)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            await (asyncio.shield(self.close()) if self._shielded else self.close())


@pytest.mark.slow
@pytest.mark.parametrize(("closing", "shielded"), [(0.0, False), (0.5, False), (2 * ENOUGH_TO_LEAVE, True)])
def test_a_cancel_leaves_an_application_as_it_was(thread: ServerThread, closing: float, shielded: bool) -> None:
    """Its tasks go on, its cleaning up comes to its end, and its loop stays, however long that takes."""
    client = Application(closing, shielded=shielded)
    cases = ["cancellation/between-events", "cancellation/inside-a-read", "cancellation/before-the-first-token"]
    assert not_passed(run(client, only=cases, thread=thread, patience=ENOUGH_TO_LEAVE)) == []


@pytest.mark.parametrize("awaited", [False, True])
def test_a_run_that_is_given_up_before_it_begins_does_not_begin(awaited: bool) -> None:
    """Its request would come to the next case."""
    begun: list[str] = []

    def late(base_url: str) -> Any:
        let_go.wait(60)
        return returns(base_url) if awaited else never(base_url)

    def never(base_url: str) -> Iterator[str]:
        begun.append(base_url)
        yield ""

    async def returns(base_url: str) -> Iterator[str]:
        return never(base_url)

    let_go = threading.Event()
    run = FunctionSubject(late).start("http://127.0.0.1:1/v1")
    run.close()
    let_go.set()
    assert run.join(ENOUGH)
    assert not begun


@pytest.mark.parametrize("awaited", [False, True])
def test_an_async_run_that_is_given_up_before_it_begins_does_not_begin(awaited: bool) -> None:
    """Where the loop has not come to it yet."""
    begun: list[str] = []

    async def pieces(base_url: str) -> AsyncIterator[str]:
        begun.append(base_url)
        yield ""

    async def returns(base_url: str) -> AsyncIterator[str]:
        return pieces(base_url)

    never = returns if awaited else pieces

    def give_one_up() -> ClientRun:
        run = FunctionSubject(never).start("http://127.0.0.1:1/v1")
        while not run.can_cancel_inside_read:
            sleep(0.001)
        run.close()
        return run

    async def holds() -> None:
        runs.append(give_one_up())

    runs: list[ClientRun] = []
    client_loop().run(holds())
    assert runs[0].join(ENOUGH)
    assert not begun


@pytest.mark.slow
def test_an_async_client_that_waits_for_something_else_is_cancelled(thread: ServerThread) -> None:
    cancelled = threading.Event()

    async def sleeps(base_url: str) -> AsyncIterator[str]:
        async for piece in correct_async(base_url):
            yield piece
        try:
            await asyncio.sleep(3600)
        finally:
            cancelled.set()

    [verdict] = run(sleeps, only="done/clean-end", thread=thread, patience=BRIEF)
    assert verdict.result is Result.FAIL
    assert cancelled.wait(ENOUGH)


def test_what_a_client_returns_is_closed_as_well_as_what_is_iterated(thread: ServerThread) -> None:
    class Answer:
        def __init__(self, base_url: str) -> None:
            self.pieces: Any = correct(base_url)

        def __iter__(self) -> Iterator[str]:
            return map(str, self.pieces)  # what does not close what it reads

        def close(self) -> None:
            self.pieces.close()

    kept: list[Answer] = []

    def client(base_url: str) -> Answer:
        kept.append(Answer(base_url))
        return kept[-1]

    assert not_passed(run(client, only="cancellation/while-silent", thread=thread, patience=ENOUGH)) == []


def test_an_offset_behind_the_end_is_said(thread: ServerThread) -> None:
    with pytest.raises(ScenarioError, match=r"done/clean-end is \d+ bytes: it cannot be cut at 99999; .* with --only"):
        run(correct, only="done/clean-end", at=[99999], thread=thread)


def test_a_case_about_leaving_tries_no_boundaries(thread: ServerThread) -> None:
    with pytest.raises(ScenarioError, match=r"cancellation/between-events is about leaving, .* for one case"):
        run(correct, only="cancellation/between-events", at=[17], thread=thread)


def test_runs_beside_each_other_leave_the_switch_interval_as_it_was(thread: ServerThread) -> None:
    before = sys.getswitchinterval()
    inside, go_on = threading.Event(), threading.Event()

    def waits(base_url: str) -> Iterator[str]:
        inside.set()
        go_on.wait(30)
        return correct(base_url)

    beside = threading.Thread(target=lambda: run(waits, only="done/clean-end", thread=thread, patience=ENOUGH))
    beside.start()
    assert inside.wait(30)
    run(correct, only="done/clean-end", thread=thread, patience=ENOUGH)
    assert sys.getswitchinterval() < before
    go_on.set()
    beside.join(60)
    assert sys.getswitchinterval() == before


def test_an_exception_behind_the_whole_text_is_told_as_that(thread: ServerThread) -> None:
    def wants_content(base_url: str) -> Iterator[str]:
        with asked(base_url) as response:
            for data in events(response):
                if data == "[DONE]":
                    return
                yield json.loads(data)["choices"][0]["delta"]["content"] or ""

    [verdict] = run(wants_content, only="framing/multi-byte", thread=thread, patience=ENOUGH)
    assert verdict.evidence is not None
    assert verdict.evidence.reason.startswith("a delta may have no content: a role, a finish_reason")
