"""Each run of a client has a base URL of its own: a late request is nobody's; a slow start is not a missing request."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Iterator
from itertools import count
from time import sleep
from urllib.parse import urlsplit

import pytest

from orharness.contract import run
from orharness.contract.catalogue.chunkings import Cuts
from orharness.contract.driving.functions import FunctionSubject
from orharness.contract.driving.habits import Habits
from orharness.contract.judging.judge import nothing_sent
from orharness.contract.running.rows import run_row
from orharness.contract.running.run import chosen
from orharness.server.facade import SseServer
from orharness.server.runs import Runs
from orharness.server.thread import ServerThread
from orharness.verdict import Result, Verdict
from tests.support.correct_clients import correct

LITTLE = 0.2  # seconds of patience
LONG = 5 * LITTLE  # seconds: longer than the confirming run's patience, which is four times as long
ENOUGH = 60.0  # seconds for what comes
CASES = ["boundaries/one-event-a-chunk", "done/clean-end", "cancellation/between-events"]

PATH = "/chat/completions"


def status_of(base_url: str) -> int:
    """The status that a request to that base URL is answered with."""
    at = urlsplit(base_url)
    connection = http.client.HTTPConnection(str(at.hostname), at.port, timeout=ENOUGH)
    try:
        connection.request("POST", f"{at.path}/chat/completions", '{"stream": true, "messages": []}')
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def fails(verdicts: list[Verdict]) -> dict[str, str]:
    return {one.case: one.evidence.reason for one in verdicts if one.evidence is not None}


# -- the server ------------------------------------------------------------------------------------------------------


def test_a_run_has_its_own_base_url_and_the_journal_the_plain_path(sse_server: SseServer) -> None:
    sse_server.chat("hello")
    first, second = sse_server.begin_runs(2)
    assert first.base_url == f"{sse_server.origin}/s/{first.id}/v1" != second.base_url
    assert [status_of(url) for url in (first.base_url, second.base_url, sse_server.base_url)] == [200] * 3
    assert {exchange.request.path for exchange in sse_server.journal} == {"/v1/chat/completions"}


def test_a_late_request_is_answered_at_once_and_is_in_no_journal(sse_server: SseServer) -> None:
    route = sse_server.chat("hello")
    [late] = sse_server.begin_runs()
    [now] = sse_server.begin_runs()
    assert sse_server.late_requests == 0
    assert status_of(late.base_url) == 410
    assert (sse_server.late_requests, sse_server.journal) == (1, [])
    assert status_of(now.base_url) == 200
    assert len(route.calls) == 1


def test_a_reset_ends_the_run(sse_server: SseServer) -> None:
    [over] = sse_server.begin_runs()
    sse_server.reset()
    route = sse_server.chat("hello")
    assert status_of(over.base_url) == 410
    assert status_of(sse_server.base_url) == 200
    assert len(route.calls) == 1


def test_where_no_run_has_begun_every_path_is_an_ordinary_one() -> None:
    runs = Runs()
    assert runs.split("/s/1/v1/x") == (None, "/s/1/v1/x")
    [one] = runs.begin(1)
    assert runs.split(f"/s/{one}/v1/x") == (one, "/v1/x")
    assert runs.split(f"/s/{one}") == (one, "/")
    assert runs.split("/s/1x/v1") == (None, "/s/1x/v1")
    assert not runs.is_over(one)
    assert not runs.is_over(None)
    runs.end()
    assert runs.is_over(one)


# -- late requests ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_that_is_asked_for_again_in_the_next_one_is_charged_to_neither(sse_thread: ServerThread) -> None:
    urls: list[str] = []
    late: list[int] = []

    def asks_for_the_last_run_again(base_url: str) -> Iterator[str]:
        late.extend(map(status_of, urls[-1:]))
        urls.append(base_url)
        return correct(base_url)

    cases = [*CASES, "errors", "comments"]
    assert fails(run(asks_for_the_last_run_again, only=cases, thread=sse_thread, patience=ENOUGH)) == {}
    assert len(set(urls)) == len(urls) > len(cases)
    assert late == [410] * (len(urls) - 1)


def test_the_runs_of_a_row_have_base_urls_of_their_own(sse_thread: ServerThread) -> None:
    urls: list[str] = []

    def asks_in_the_place_of_another(base_url: str) -> Iterator[str]:
        urls.append(base_url)
        return correct(urls[-1 - (len(urls) == 5)])

    [case] = chosen(only=CASES[1])
    cuttings: list[Cuts] = [(offset,) for offset in range(1, 10)]
    with SseServer(sse_thread, strict=False) as server:
        for right in (False, True):
            row = run_row(server, FunctionSubject(asks_in_the_place_of_another), case, cuttings, ENOUGH, Habits())
            assert (row is not None) is right
    assert len(set(urls)) == len(urls) == 2 * len(cuttings)


@pytest.mark.slow
def test_a_request_that_comes_in_the_next_case_is_not_that_cases(sse_thread: ServerThread) -> None:
    """It is of a run that hung before it sent anything, and was given up."""
    go_on = threading.Event()
    hanging: list[threading.Thread] = []
    late: list[int] = []
    runs = count(1)

    def hangs_in_the_second_case(base_url: str) -> Iterator[str]:
        number = next(runs)
        if number in (2, 3):  # after a plain answer: the first case's run, and the one that confirms it
            hanging.append(threading.current_thread())
            go_on.wait(ENOUGH)
            late.append(status_of(base_url))
        elif number > 3:
            go_on.set()
            for one in hanging:
                one.join(ENOUGH)
        return correct(base_url)

    verdicts = run(hangs_in_the_second_case, only=[CASES[0], "done/twice"], thread=sse_thread, patience=0.2)
    assert [one.case for one in verdicts if one.result is Result.PASS] == ["done/twice"]
    reason = fails(verdicts)[CASES[0]]
    assert re.fullmatch(r"the client sent no request to the base_url it was given within \S+ s, and still runs", reason)
    assert late == [410, 410]


def test_a_client_that_keeps_the_first_base_url_is_told_so(sse_thread: ServerThread) -> None:
    kept: list[str] = []

    def keeps_it(base_url: str) -> Iterator[str]:
        kept.append(base_url)
        return correct(kept[0])

    reasons = fails(run(keeps_it, only=CASES, thread=sse_thread, patience=ENOUGH))
    assert list(reasons) == [case for case in CASES if case != "done/clean-end"]  # a plain answer comes first
    for reason in reasons.values():
        assert "1 request came to the base_url of an earlier run" in reason


# -- slow starts -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_client_that_starts_slowly_in_every_run_passes(sse_thread: ServerThread) -> None:
    def starts_slowly(base_url: str) -> Iterator[str]:
        sleep(LONG)
        return correct(base_url)

    assert fails(run(starts_slowly, only=CASES, thread=sse_thread, patience=LITTLE)) == {}


@pytest.mark.slow
def test_a_start_is_waited_for_in_a_row_too(sse_thread: ServerThread) -> None:
    runs = count(1)

    def starts_slowly_once(base_url: str) -> Iterator[str]:
        if next(runs) == 5:
            sleep(LONG)
        return correct(base_url)

    [case] = chosen(only=CASES[1])
    cuttings: list[Cuts] = [(offset,) for offset in range(1, 10)]
    with SseServer(sse_thread, strict=False) as server:
        row = run_row(server, FunctionSubject(starts_slowly_once), case, cuttings, LITTLE, Habits())
    assert row is not None
    assert row.text == case.expected.text


def test_a_client_that_has_ended_is_not_waited_for(sse_thread: ServerThread) -> None:
    """Where it is, it takes hours."""
    cases = [CASES[0], "cancellation/before-the-first-token"]
    for case in cases:
        reasons = fails(run(lambda base_url: iter(()), only=case, thread=sse_thread, patience=3600.0))
        assert reasons == {case: "the client never sent a request to the base_url it was given"}


def test_what_is_told_of_a_client_that_still_runs_is_true_of_it() -> None:
    never = "the client never sent a request to the base_url it was given"
    assert nothing_sent(PATH, None).reason == never
    assert nothing_sent(PATH, None, waited=10.0).reason.endswith("within 10 s, and still runs")
    assert nothing_sent(PATH, None, late=2).reason.startswith(
        f"{never}; 2 requests came to the base_url of an earlier run"
    )
