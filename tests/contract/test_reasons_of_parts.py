"""The reasons of fails besides text, of errors and of requests: each told only of the client that has that fault."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from orharness.contract import Client, run
from orharness.parts import Finish, Reasoning, ToolCall, Usage
from orharness.server.thread import ServerThread
from orharness.verdict import Result
from tests.support.correct_clients import AnswerError, Parts, asked, check, correct, correct_parts, text_of

ENOUGH = 10.0  # seconds of patience: nothing is to be waited for


@pytest.fixture(scope="module")
def thread() -> Iterator[ServerThread]:
    started = ServerThread().start()
    yield started
    started.stop()


def reasons(client: Client, only: str | list[str], thread: ServerThread, patience: float = ENOUGH) -> dict[str, str]:
    """The reason of each case that fails."""
    verdicts = run(client, only=only, thread=thread, patience=patience)
    return {one.case: one.evidence.reason for one in verdicts if one.evidence is not None}


# -- what is said besides text ---------------------------------------------------------------------------------------


class LeavesAtTheFinish(Parts):
    """It reads no further than the finish_reason."""

    def finish(self, reason: str | None) -> None:
        super().finish(reason)
        self.done |= bool(reason)


class ParsesEachFragment(Parts):
    """The arguments of each fragment are parsed as if they were whole."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        for call in delta.get("tool_calls") or ():
            json.loads(call.get("function", {}).get("arguments") or "{}")
        return super().text(delta)


class MisspellsAPart(Parts):
    """Its tool calls are dicts of a type that is none."""

    def feed(self, data: bytes) -> Iterator[Any]:
        for one in super().feed(data):
            yield {"type": "toolcall", "name": one.name} if isinstance(one, ToolCall) else one


def test_a_client_says_a_kind_of_parts_if_it_does_so_in_another_stream_than_the_plainest(thread: ServerThread) -> None:
    told = reasons(partial(correct_parts, make_answer=LeavesAtTheFinish), ["parts/usage", "parts/usage-"], thread)
    assert told == {
        "parts/usage": "it leaves at the finish_reason, or passes over a chunk without choices: the usage comes in it",
        "parts/usage-with-a-choice": "it leaves at the finish_reason: the usage comes after it",
        "parts/usage-null-until-the-end": "it says nothing of usage",
    }


def test_a_client_that_raises_where_it_should_say_a_part_is_judged(thread: ServerThread) -> None:
    told = reasons(partial(correct_parts, make_answer=ParsesEachFragment), ["parts/tool-call"], thread)
    assert told["parts/tool-call"].startswith("it raised JSONDecodeError")


def test_what_is_no_part_is_told_and_not_taken_for_silence(thread: ServerThread) -> None:
    told = reasons(partial(correct_parts, make_answer=MisspellsAPart), ["parts/tool-call-without-arguments"], thread)
    [reason] = told.values()
    assert reason == "a client yields text or parts of an answer, and this is {'type': 'toolcall', 'name': 'weather'}"


def changed(kind: type[Any], change: Any) -> Client:
    """A client that is right but for one kind of parts."""

    def client(base_url: str) -> Iterator[Any]:
        seen: list[Any] = []
        for part in correct_parts(base_url):
            if isinstance(part, kind):
                seen.append(part)
                yield change(seen)
            else:
                yield part

    return client


ADDS_UP = changed(Usage, lambda seen: Usage(sum(one.prompt_tokens for one in seen), 9))
TAKES_THE_FIRST = changed(Usage, lambda seen: seen[0])
NAMES_IT_STOP = changed(Finish, lambda seen: Finish("stop" if seen[0].reason == "length" else seen[0].reason))
SAYS_IT_TWICE = changed(Reasoning, lambda seen: Reasoning(seen[-1].text * 2) if len(seen) > 1 else seen[0])


@pytest.mark.parametrize(
    ("client", "case", "reason"),
    [
        (ADDS_UP, "usage-in-each-chunk", "of usage it says Usage(prompt_tokens=6, completion_tokens=9"),
        (TAKES_THE_FIRST, "usage-in-each-chunk", "the first usage is taken"),
        (NAMES_IT_STOP, "finish-length", "every answer is said to have stopped by itself"),
        (NAMES_IT_STOP, "finish-and-chunks-without-one", "of why the model stopped it says 'stop', which is not"),
        (SAYS_IT_TWICE, "reasoning-beside-text", "of reasoning it says 'Let me think. think.', which is not what"),
    ],
)
def test_the_cause_of_a_case_is_told_of_the_client_that_makes_that_mistake(
    client: Client, case: str, reason: str, thread: ServerThread
) -> None:
    told = reasons(client, [f"parts/{case}"], thread)
    assert told[f"parts/{case}"].startswith(reason)


class RefusesWhatHasNoIndex(Parts):
    """As a client that validates each chunk does."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        for call in delta.get("tool_calls") or ():
            if "index" not in call:
                raise TypeError("index: Field required")
        return super().text(delta)


class StumblesOverAChunkWithoutChoices(Parts):
    """As JavaScript does over the first of an empty list."""

    def chunk(self, chunk: dict[str, Any]) -> Iterator[str]:
        if not chunk["choices"]:
            raise TypeError("Cannot read properties of undefined (reading 'delta')")
        return super().chunk(chunk)


class StumblesOverNull(Parts):
    """A key that is there is taken for a usage."""

    def chunk(self, chunk: dict[str, Any]) -> Iterator[str]:
        if "usage" in chunk:
            chunk["usage"]["prompt_tokens"]
        return super().chunk(chunk)


@pytest.mark.parametrize(
    ("answer", "case", "reason"),
    [
        (RefusesWhatHasNoIndex, "tool-calls-without-an-index", "it raised TypeError('index: Field required')"),
        (StumblesOverAChunkWithoutChoices, "usage", 'it raised TypeError("Cannot read properties of undefined'),
        (StumblesOverAChunkWithoutChoices, "usage-null-until-the-end", 'it raised TypeError("Cannot read properties'),
        (StumblesOverNull, "usage-null-until-the-end", "a usage of null is stumbled over"),
    ],
)
def test_the_error_of_a_client_is_told_and_no_mistake_that_it_did_not_make(
    answer: type[Parts], case: str, reason: str, thread: ServerThread
) -> None:
    [told] = reasons(partial(correct_parts, make_answer=answer), [f"parts/{case}"], thread).values()
    assert told.startswith(reason)


LOSES_THE_SECOND = changed(ToolCall, lambda seen: seen[0])


def test_a_call_that_is_lost_is_not_said_to_be_merged(thread: ServerThread) -> None:
    [told] = reasons(LOSES_THE_SECOND, ["parts/tool-calls-of-one-index"], thread).values()
    assert told.startswith("of tool calls it says [ToolCall(name='weather'")


# -- errors ----------------------------------------------------------------------------------------------------------


def shows_errors_as_text(base_url: str) -> Iterator[str]:
    try:
        yield from correct(base_url)
    except (AnswerError, OSError) as error:
        yield f" [error: {str(error)[:9]}]"


@pytest.mark.parametrize("case", ["http-401-onerouter", "event-bare", "truncated-between-events", "html-with-200"])
def test_an_error_that_is_yielded_as_text_is_not_swallowed(case: str, thread: ServerThread) -> None:
    [reason] = reasons(shows_errors_as_text, [f"errors/{case}"], thread).values()
    assert reason.startswith("what went wrong is handed over as text of the answer: ")
    assert " [error: " in reason


class RaisesInTheEnd(Parts):
    """An error is remembered, and raised when the answer is over."""

    error = ""

    def chunk(self, chunk: dict[str, Any]) -> Iterator[str]:
        self.error = str(chunk.pop("error", "")) or self.error
        return super().chunk(chunk) if "choices" in chunk else iter(())

    def feed(self, data: bytes) -> Iterator[Any]:
        yield from super().feed(data)
        if self.done and self.error:
            raise AnswerError(self.error)


def test_text_after_an_error_event_is_told_as_that_not_as_after_the_end_marker(thread: ServerThread) -> None:
    client = partial(correct_parts, make_answer=RaisesInTheEnd)
    [reason] = reasons(client, ["errors/event-and-text"], thread).values()
    assert reason == "it goes on after the error event: what comes then is not part of the answer"


# -- requests --------------------------------------------------------------------------------------------------------


def asks_with_a_string(base_url: str) -> Iterator[str]:
    with asked(base_url, json.dumps({"model": "m", "stream": True, "messages": "hi"})) as response:
        check(response.status, response.headers["Content-Type"], response.read)
        yield from text_of(response, Parts())


def test_a_request_that_the_api_refuses_is_told_as_that(thread: ServerThread) -> None:
    told = reasons(asks_with_a_string, ["framing/lf", "request/complete", "request/content-type"], thread)
    assert set(told.values()) == {'the API refuses the request: messages must be a list, not "hi"'}
    assert len(told) == 3


def test_a_client_whose_session_a_cancel_has_closed_is_told_so_once(thread: ServerThread) -> None:
    closed: list[bool] = []

    def client(base_url: str) -> Iterator[str]:
        if closed:
            raise RuntimeError("the client has been closed")
        try:
            yield from correct(base_url)
        except GeneratorExit:
            closed.append(True)
            raise

    verdicts = run(client, only=["framing/lf", "cancellation"], thread=thread, patience=ENOUGH)
    assert [one.case for one in verdicts if one.result is Result.FAIL] == ["cancellation/next-request"]
    since = "the client fails on a plain answer since cancellation/next-request: it sends no request any more"
    after = [one.note for one in verdicts if one.case in ("cancellation/while-silent", "cancellation/during-comments")]
    assert after == [since, since]
