"""The role of an answer's first delta: all that is sent to a chat client has it, but what is about its form."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from orharness.contract import CASES, Case, run
from orharness.contract.catalogue import lives_of
from orharness.contract.catalogue.roles import with_role
from orharness.contract.driving.functions import FunctionSubject
from orharness.contract.running.fuzz import fuzz
from orharness.dialects import CHAT
from orharness.scenario import Reply
from orharness.sse import Event, decode
from orharness.verdict import Result
from tests.support.correct_clients import Answer, correct

OF_ANOTHER_FORM = {"chat/null-fields": "every field that may be null is null, the role as well"}
ROLE = "assistant"
EVERY = (*CASES, *lives_of(CHAT))


def replies(case: Case) -> Iterator[Callable[[], Reply]]:
    """Everything that a case may send."""
    further = [one.reply for one in (case.beside, case.then, case.control) if one is not None]
    yield from (case.reply, *further, *([] if case.again is None else [case.again]))


def deltas(body: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each delta of a body, with the index of its choice; what is not JSON is passed over."""
    for event in decode(zlib.decompress(body, wbits=31) if body.startswith(b"\x1f\x8b") else body):
        try:
            chunk = json.loads(event.data) if isinstance(event, Event) else {}
        except ValueError:
            continue
        yield from ((one["index"], one["delta"]) for one in chunk.get("choices") or () if "delta" in one)


def first_deltas(case: Case) -> list[dict[str, Any]]:
    """The first delta of each choice of each reply."""
    found: list[dict[str, Any]] = []
    for reply in replies(case):
        body = reply().answer(CHAT.example_request).stream.body
        found += dict(reversed(list(deltas(body)))).values()
    return found


@pytest.mark.slow
def test_the_first_delta_of_every_stream_has_its_role() -> None:
    """As all recorded chat completions have it (https://platform.openai.com/docs/api-reference/chat-streaming)."""
    first = {case.id: first_deltas(case) for case in EVERY}
    assert sum(bool(one) for one in first.values()) > 250
    without = {name for name, found in first.items() if any(one.get("role") != ROLE for one in found)}
    assert without == set(OF_ANOTHER_FORM)


class NeedsTheRole(Answer):
    """An answer whose message is made of the role in its first delta."""

    def __init__(self) -> None:
        super().__init__()
        self.role: str | None = None

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        if self.role is None:
            if delta["role"] != ROLE:
                raise ValueError(f"a message of {delta['role']}")
            self.role = delta["role"]
        return super().text(delta)


@pytest.mark.slow
def test_a_client_that_needs_the_role_fails_no_other_case() -> None:
    families = ["framing", "comments", "done", "chat", "transport", "delivery", "errors"]
    verdicts = run(partial(correct, make_answer=NeedsTheRole), only=families, profile="whatwg", patience=10)
    assert len(verdicts) > 250
    assert {one.case for one in verdicts if one.result is Result.FAIL} == set(OF_ANOTHER_FORM)


@pytest.mark.slow
def test_a_client_that_needs_the_role_is_not_accused_by_drawn_streams() -> None:
    subject = FunctionSubject(partial(correct, make_answer=NeedsTheRole))
    found = fuzz(subject, CHAT, seconds=120.0, patience=10.0, most=20)
    assert (found.document, found.verdict) == (None, None)
    assert found.streams == 20


A, B, END = {"text": "a"}, {"text": "b"}, {"end": True}


@pytest.mark.parametrize(
    ("items", "opened"),
    [
        ([{"comment": "x"}, A, B, END], [{"comment": "x"}, {**A, "role": ROLE}, B, END]),
        ([{**A, "role": None}, B], [{**A, "role": None}, B]),
        (
            [{"data": "${end}"}, {"data": "${text:a|cut:3}"}],
            [{"data": "${end}"}, {"data": "${text:a|cut:3|role:assistant}"}],
        ),
        ([{"data": "{}"}, {"base64": ""}, END], [{"data": "{}"}, {"base64": ""}, END]),
    ],
)
def test_the_first_event_with_a_text_has_it(items: list[dict[str, Any]], opened: list[dict[str, Any]]) -> None:
    assert with_role(items) == opened


@pytest.mark.parametrize(
    ("raw", "opened"),
    [
        ("data: <a>\n\ndata: <b>\n\n", "data: <a!>\n\ndata: <b>\n\n"),
        ("\ufeffdata:<a>\r\rdata: <b>\r\r", "\ufeffdata:<a!>\r\rdata: <b>\r\r"),
        (
            "data: <a|first>\r\n: <x>\r\nid: 1\r\ndata: <a|rest>\r\n\r\ndata: <b>",
            "data: <a|first!>\r\n: <x>\r\nid: 1\r\ndata: <a|rest!>\r\n\r\ndata: <b>",
        ),
        (
            "\ufeff\ufeffdata: <x>\n\nData: <x>\n data: <x>\n:data: <x>\n\ndata: <a>\n\n",
            "\ufeff\ufeffdata: <x>\n\nData: <x>\n data: <x>\n:data: <x>\n\ndata: <a!>\n\n",
        ),
        ("data: ${end}\n\ndata\ndata: <a>", "data: ${end}\n\ndata\ndata: <a!>"),
        ("id: <a>\n\n", "id: <a>\n\n"),
    ],
)
def test_the_data_lines_of_the_first_event_with_a_text_have_it(raw: str, opened: str) -> None:
    """Not the lines that are not data: whoever reads them is told so, whatever they say."""
    assert with_role([{"raw": spelled(raw)}]) == [{"raw": spelled(opened)}]


def spelled(raw: str) -> str:
    """The placeholders written out: ``<a>`` adds a text, and ``<a!>`` with the role."""
    return raw.replace("!>", "|role:assistant>").replace("<", "${text:").replace(">", "}")
