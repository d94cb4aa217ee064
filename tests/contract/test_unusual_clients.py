"""Clients of unusual but legal form hold, and faults that look like others are told as what they are."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from email.parser import BytesParser
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest

from orharness.contract import Client, run
from orharness.dialects.completion import ToolCall, Usage
from orharness.parts import Finish
from orharness.server.thread import ServerThread
from orharness.verdict import Result
from tests.support.correct_clients import ASK, HEADERS, Answer, AnswerError, Parts, check, correct, correct_parts

PATIENCE = 20.0  # seconds


def of(answer: Callable[[], Answer]) -> Client:
    return partial(correct, make_answer=answer)


# -- legal ------------------------------------------------------------------------------------------------------------


def yields_dicts(base_url: str) -> Iterator[object]:
    """Each part is a dict, with empty texts between."""
    for one in correct_parts(base_url):
        yield ""
        match one:
            case str():
                yield {"type": "text", "text": one}
            case ToolCall(name, arguments, id_):
                yield {"type": "tool_call", "name": name, "arguments": arguments, "id": id_}
            case Usage():
                counts = {"prompt_tokens": one.prompt_tokens, "completion_tokens": one.completion_tokens}
                yield {"type": "usage", **counts}
            case Finish(reason):
                yield {"type": "finish", "reason": reason}
            case _:
                yield one


class Letters(Answer):
    """One character at a time is handed over."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        return (letter for one in super().text(delta) for letter in one)


class CallsAtTheFinish(Parts):
    """Calls are handed over with the finish_reason, before the usage and the end."""

    told = 0

    def feed(self, data: bytes) -> Iterator[Any]:
        yield from Answer.feed(self, data)
        calls = list(self.calls.joined()) if self.finished or self.done else []
        yield from calls[self.told :]
        self.told = max(self.told, len(calls))
        yield from self.said
        self.said.clear()


def speaks_http_1_0(base_url: str) -> Iterator[str]:
    """HTTP/1.0, where the body ends with the connection; a few bytes are read at a time."""
    address = urlsplit(base_url)
    fields = {"Host": address.netloc, "Content-Length": str(len(ASK)), **HEADERS}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    with (
        closing(socket.create_connection((address.hostname or "", address.port or 80), timeout=60)) as connection,
        closing(connection.makefile("rb", buffering=0)) as reader,
    ):
        connection.sendall(f"POST {address.path}/chat/completions HTTP/1.0\r\n{head}\r\n{ASK}".encode())
        status = int(reader.readline().split()[1])
        headers = BytesParser().parsebytes(b"".join(iter(reader.readline, b"\r\n")), headersonly=True)
        check(status, headers["Content-Type"], reader.readall)
        answer = Answer()
        while data := reader.read(7):
            yield from answer.feed(data)
            if answer.done:
                return
        answer.end()


@pytest.mark.parametrize(
    ("client", "only"),
    [
        (yields_dicts, ["parts", "done/clean-end"]),
        (of(Letters), ["delivery/as-it-comes", "chat/joined-characters", "boundaries/inside-a-character"]),
        (of(CallsAtTheFinish), ["parts"]),
        (speaks_http_1_0, ["framing/lf", "framing/crlf", "done/connection-left-open", "errors/http-400-onerouter"]),
    ],
)
def test_what_is_legal_holds(sse_thread: ServerThread, client: Client, only: list[str]) -> None:
    verdicts = run(client, only=only, thread=sse_thread, patience=PATIENCE)
    assert {one.case: one.evidence or one.note for one in verdicts if one.result is not Result.PASS} == {}


# -- wrong ------------------------------------------------------------------------------------------------------------


class ShowsSources(Answer):
    """The addresses of annotations are added to the text."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        yield from super().text(delta)
        for one in delta.get("annotations") or ():
            yield f"[{one['url_citation']['url']}]"


class RefusesLength(Answer):
    """An answer that is as long as it may be is an error."""

    def finish(self, reason: str | None) -> None:
        if reason == "length":
            raise AnswerError("max_tokens is reached")
        super().finish(reason)


class JoinsNames(Parts):
    """The name of each fragment is added to the name."""

    def text(self, delta: dict[str, Any]) -> Iterator[str]:
        names = [call["function"].get("name") or "" for call in delta.get("tool_calls") or ()]
        self.names = getattr(self, "names", "") + "".join(names)
        return super().text(delta)

    def feed(self, data: bytes) -> Iterator[Any]:
        for one in super().feed(data):
            yield ToolCall(self.names, one.arguments, one.id) if isinstance(one, ToolCall) else one


class WritesAnew(Parts):
    """Arguments that are empty become null."""

    def feed(self, data: bytes) -> Iterator[Any]:
        for one in super().feed(data):
            if isinstance(one, ToolCall):
                yield ToolCall(one.name, json.dumps(json.loads(one.arguments or "null")), one.id)
            else:
                yield one


@pytest.mark.parametrize(
    ("client", "case", "told"),
    [
        (of(ShowsSources), "chat/annotations", "annotations are taken for text"),
        (of(RefusesLength), "chat/finish-length", "a finish_reason other than `stop` is taken for a fault"),
        (of(JoinsNames), "parts/tool-call-id-in-each-fragment", "an id or a name that is repeated begins a new call"),
        (of(WritesAnew), "parts/tool-call-without-arguments", "of tool calls it says [ToolCall(name='weather', argu"),
    ],
)
def test_a_fault_is_told_as_what_it_is(sse_thread: ServerThread, client: Client, case: str, told: str) -> None:
    [*_, verdict] = run(client, only=case, thread=sse_thread, patience=PATIENCE)
    assert verdict.evidence is not None
    assert verdict.evidence.reason.startswith(told)


def test_a_connection_that_breaks_before_its_request_is_not_called_another_address(sse_thread: ServerThread) -> None:
    asked: list[str] = []

    def keeps_a_dead_connection(base_url: str) -> Iterator[str]:
        asked.append(base_url)
        if len(asked) > 1:
            raise BrokenPipeError(32, "Broken pipe")
        return correct(base_url)

    verdicts = run(keeps_a_dead_connection, only=["done/clean-end", "done/crlf"], thread=sse_thread, patience=PATIENCE)
    reasons = [one.evidence.reason for one in verdicts if one.evidence is not None]
    assert reasons
    assert all("never sent a request" not in one for one in reasons)
    assert "BrokenPipeError" in reasons[0]
