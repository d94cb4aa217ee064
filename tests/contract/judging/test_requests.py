"""What a client sends, how often, and when: its request itself, and the pauses between one request and the next."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from time import sleep
from typing import Any

import pytest

from orharness.contract import Client, run
from orharness.contract.catalogue import cases_of
from orharness.contract.catalogue.demands import wrong_request
from orharness.contract.running.patience import NOT_KNOWN
from orharness.dialects import CHAT, DIALECTS
from orharness.errors import ScenarioError
from orharness.journal import Request
from orharness.server.thread import ServerThread
from orharness.verdict import Result, Verdict
from tests.support.correct_clients import ASK, HEADERS, Answer, asked, check, text_of
from tests.support.starvation import counted_as_starved


@pytest.fixture(scope="module")
def thread() -> Iterator[ServerThread]:
    started = ServerThread().start()
    yield started
    started.stop()


def sends(ask: Mapping[str, Any] | None = None, **headers: str) -> Client:
    """A client whose request has these fields and headers; an empty header is left out."""

    def client(base_url: str) -> Iterator[str]:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in {**HEADERS, **given}.items() if value}
        with asked(base_url, ASK if ask is None else json.dumps(ask), sent) as response:
            yield from text_of(response, Answer())

    return client


def results(client: Client, thread: ServerThread) -> dict[str, Verdict]:
    verdicts = run(client, only="request", thread=thread, patience=10.0)
    return {one.case.partition("/")[2]: one for one in verdicts}


def test_a_request_with_all_that_it_needs_holds(thread: ServerThread) -> None:
    found = results(sends(Authorization="Bearer sk-any"), thread)
    assert {name: one.result for name, one in found.items()} == dict.fromkeys(found, Result.PASS)
    assert set(found) == {"complete", "key", "content-type", "content-type-named"}


@pytest.mark.parametrize(
    ("client", "case", "reason"),
    [
        (sends({"stream": True, "messages": [{"role": "user", "content": "hi"}]}), "complete", "model is required"),
        (sends({"stream": True, "model": "m"}), "complete", "messages is required"),
        (sends({"stream": True, "model": "m", "messages": []}), "complete", "it has no text of a user"),
        (sends(Authorization="Bearer undefined"), "key", "`Authorization: Bearer undefined` is sent"),
        (sends(Authorization="Bearer "), "key", "is empty, or was not set"),
        (sends(Content_Type="application/x-www-form-urlencoded"), "content-type", "x-www-form-urlencoded is sent"),
        (sends(Content_Type="text/plain;charset=UTF-8"), "content-type", "text/plain;charset=UTF-8 is sent"),
        (sends(Content_Type=""), "content-type-named", "no Content-Type is sent"),
    ],
)
def test_what_a_request_lacks_is_told(client: Client, case: str, reason: str, thread: ServerThread) -> None:
    found = results(client, thread)
    evidence = found[case].evidence
    assert evidence is not None
    assert reason in evidence.reason


def test_a_function_that_is_given_no_key_need_not_send_one(thread: ServerThread) -> None:
    verdict = results(sends(), thread)["key"]
    assert (verdict.result, verdict.note) == (
        Result.NOT_APPLICABLE,
        "a function is given no API key, and this one sends none",
    )


@pytest.mark.parametrize("headers", [(("X-Goog-Api-Key", "k"),), (("x-api-key", "k"),), (("api-key", "k"),)])
def test_a_key_may_be_sent_as_each_api_has_it(headers: tuple[tuple[str, str], ...]) -> None:
    wrong = wrong_request({"key": True}, CHAT)
    assert wrong is not None
    assert wrong(Request("POST", "/", headers)) is None
    assert wrong(Request("POST", "/", query="alt=sse&key=k")) is None
    assert wrong(Request("POST", "/", query="key=")) is not None


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8", "application/a+json"])
def test_the_type_of_json_has_many_forms(content_type: str) -> None:
    wrong = wrong_request({"type": "named"}, CHAT)
    assert wrong is not None
    assert wrong(Request("POST", "/", (("content-type", content_type),))) is None


def test_each_api_but_ollama_asks_for_a_key() -> None:
    for name in DIALECTS:
        dialect = DIALECTS.named(name)
        [key] = [case for case in cases_of(dialect) if case.id == "request/key"]
        assert (key.inapplicable is None) == (name != "ollama")


def test_a_demand_that_does_not_exist_is_told() -> None:
    with pytest.raises(ScenarioError, match=r"request has no kez \(did you mean 'key'"):
        wrong_request({"kez": True}, CHAT)


# -- asking again ----------------------------------------------------------------------------------------------------


def retries(waits: Sequence[float]) -> Client:
    """A client that asks again after each of these pauses."""

    def client(base_url: str) -> Iterator[str]:
        for wait in (*waits, None):
            with asked(base_url) as response:
                if response.status == 200:
                    yield from text_of(response, Answer())
                    return
                if wait is None:
                    check(response.status, None, response.read)
                    return
            sleep(wait)

    return client


def reason_of(client: Client, case: str, thread: ServerThread) -> str | None:
    [verdict] = run(client, only=case, thread=thread, patience=10.0)
    return None if verdict.evidence is None else verdict.evidence.reason


def surely(client: Client, case: str, thread: ServerThread) -> Verdict:
    """A verdict, which a busy machine may not allow at once."""
    for _ in range(50):
        [verdict] = run(client, only=case, thread=thread, patience=10.0)
        if verdict.note != NOT_KNOWN:
            break
    return verdict


@pytest.mark.parametrize("status", [429, 503])
def test_who_does_not_wait_as_it_was_told_is_told_so_with_the_seconds(status: int, thread: ServerThread) -> None:
    reason = reason_of(retries([0.05]), f"errors/retry-after-{status}", thread)
    assert reason is not None
    assert reason.startswith("it asks again after 0.")
    assert reason.endswith(" s, and was told to wait for 1 s (Retry-After)")


@pytest.mark.slow
def test_who_waits_as_it_was_told_holds_and_so_does_who_shows_the_error(thread: ServerThread) -> None:
    for waits, text in ([1.0], "Hello world"), ([], ""):  # asked again, the server answers
        [verdict] = run(retries(waits), only="errors/retry-after-429", thread=thread, patience=10.0)
        assert verdict.result is Result.PASS
        assert verdict.got is not None
        assert verdict.got.text == text


@pytest.mark.parametrize("status", [429, 503])
def test_who_asks_again_and_again_without_a_pause_is_told_how_often(status: int, thread: ServerThread) -> None:
    verdict = surely(retries([0.0] * 4), f"errors/no-hammering-{status}", thread)
    assert verdict.evidence is not None
    assert verdict.evidence.reason.startswith("it asks again and again without a pause: 5 requests in ")


@pytest.mark.slow
def test_a_pause_that_the_machine_may_have_made_is_not_known(
    thread: ServerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted_as_starved(monkeypatch)
    [verdict] = run(retries([0.0, 0.0, 0.0, 0.15]), only="errors/no-hammering-429", thread=thread, patience=10.0)
    assert (verdict.result, verdict.note) == (Result.NOT_APPLICABLE, NOT_KNOWN)
    [verdict] = run(retries([1.0]), only="errors/retry-after-429", thread=thread, patience=10.0)
    assert verdict.result is Result.PASS


@pytest.mark.parametrize("waits", [[], [0.0, 0.0], [0.0, 0.0, 0.0, 0.15]])
def test_who_tries_twice_more_or_makes_a_pause_does_not_hammer(waits: list[float], thread: ServerThread) -> None:
    assert reason_of(retries(waits), "errors/no-hammering-429", thread) is None


# -- agents ----------------------------------------------------------------------------------------------------------

HI = {"role": "user", "content": "hi"}


def agent(*, with_the_result: bool) -> Client:
    """It asks again after a call of a tool: with what the tool returned, or the same once more."""

    class Called(Answer):
        calls: list[Any] = []  # noqa: RUF012 - made anew by each run

        def text(self, delta: dict[str, Any]) -> Iterator[str]:
            self.calls.extend(delta.get("tool_calls") or ())
            return super().text(delta)

    def client(base_url: str) -> Iterator[str]:
        messages: list[Any] = [HI]
        for _ in range(3):
            answer = Called()
            answer.calls = []
            ask = json.dumps({"model": "m", "stream": True, "messages": messages})
            with asked(base_url, ask) as response:
                check(response.status, response.headers["Content-Type"], response.read)
                yield from text_of(response, answer)
            if not answer.calls:
                return
            if with_the_result:
                messages = [
                    *messages,
                    {"role": "assistant", "content": None, "tool_calls": []},
                    {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
                ]

    return client


def test_an_agent_that_goes_on_with_the_conversation_is_not_judged_by_that(thread: ServerThread) -> None:
    plain, calls = run(
        agent(with_the_result=True), only=["framing/lf", "chat/tool-calls"], thread=thread, patience=10.0
    )
    assert plain.result is Result.PASS
    assert calls.result is Result.NOT_APPLICABLE
    assert calls.note.startswith("the client is an agent: it goes on with the conversation by itself")


def test_the_same_request_once_more_is_no_next_step(thread: ServerThread) -> None:
    *_, calls = run(agent(with_the_result=False), only=["framing/lf", "chat/tool-calls"], thread=thread, patience=10.0)
    assert calls.evidence is not None
    assert calls.evidence.reason == "the request was silently sent again"
