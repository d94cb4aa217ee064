"""A client that fails a plain answer is told that once; a client that only needs whole chunks is not failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

import pytest

from orharness.cli.check import CheckOptions, check_client
from orharness.contract import CASES, Client, failure_of, run
from orharness.contract.catalogue import plainest
from orharness.errors import ClientFailure
from orharness.pytest_plugin import SseContract
from orharness.report.groups import by_reason
from orharness.server.thread import ServerThread
from orharness.verdict import Result, Verdict
from tests.support.correct_clients import Answer, asked, correct
from tests.support.mutants import MUTANTS, Mutant, kept

PLAIN = {case.id for case in CASES if case.plain}
PLAINEST = next(case for case in CASES if case is plainest(CASES))
NOT_JUDGED = f"the client fails on a plain answer ({PLAINEST.id})"
RAISES = "it fails on a plain answer: it raised LookupError('no such field')"
ONE = "boundaries/one-event-a-chunk"
READS_NOTHING = """
import http.client, urllib.parse

def client(base_url):
    at = urllib.parse.urlsplit(base_url)
    connection = http.client.HTTPConnection(at.hostname, at.port, timeout=60)
    try:
        connection.request("POST", at.path + "/chat/completions", b'{"stream": true}')
        connection.getresponse().close()
        raise LookupError("no such field")
    finally:
        connection.close()
    yield
"""
BRIEF = 0.3  # seconds; nobody here fails by waiting


@pytest.fixture(scope="module")
def thread() -> Iterator[ServerThread]:
    started = ServerThread().start()
    yield started
    started.stop()


class Typed(Answer):
    """Each chunk has what the API's reference requires, as clients with typed chunks check."""

    def chunk(self, chunk: dict[str, Any]) -> Iterator[str]:
        if "error" not in chunk and "object" in chunk:
            for name in ("id", "object", "created", "model", "choices"):
                chunk[name]
        return super().chunk(chunk)


class Raises(Answer):
    """No chunk can be read."""

    def chunk(self, chunk: dict[str, Any]) -> Iterator[str]:
        raise LookupError("no such field")


typed: Client = partial(correct, make_answer=Typed)
raises: Client = partial(correct, make_answer=Raises)


def shouts(base_url: str) -> Iterator[str]:
    """Every text is wrong, and a cancel is right."""
    answer = correct(base_url)
    try:
        yield from map(str.upper, answer)
    finally:
        answer.close()  # type: ignore[attr-defined]  # a generator


def leaks_and_shouts(base_url: str) -> Iterator[str]:
    """Every text is wrong, and so is a cancel."""
    answer = correct(base_url)
    kept.callback(answer.close)  # type: ignore[attr-defined]  # a generator
    yield from _upper(answer)


def _upper(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield text.upper()


def never_asks(base_url: str) -> Iterator[str]:
    raise LookupError(base_url)


def stops_at_an_error(base_url: str) -> Iterator[str]:
    """It reads nothing but the status."""
    with asked(base_url) as response:
        if response.status != 200:
            raise ValueError(response.status)
    yield ""


def of(verdicts: Iterable[Verdict], result: Result) -> list[str]:
    return [verdict.case for verdict in verdicts if verdict.result is result]


def reasons(verdicts: Iterable[Verdict]) -> list[str]:
    return [alike[0].evidence.reason for alike in by_reason(verdicts) if alike[0].evidence]


@pytest.mark.long
@pytest.mark.slow
def test_a_client_that_needs_whole_chunks_holds(thread: ServerThread) -> None:
    verdicts = run(typed, profile="gateway", thread=thread)
    assert [verdict.case for verdict in verdicts if verdict.counts] == []
    assert len(of(verdicts, Result.PASS)) > 200


def test_a_client_that_always_raises_is_told_one_reason(thread: ServerThread) -> None:
    verdicts = run(raises, profile="gateway", thread=thread, patience=BRIEF)
    assert reasons(verdicts) == [RAISES]
    assert set(of(verdicts, Result.FAIL)) == PLAIN
    assert of(verdicts, Result.PASS) == []
    assert {verdict.note for verdict in verdicts if verdict.result is Result.NOT_APPLICABLE} == {NOT_JUDGED}
    assert [verdict.case for verdict in verdicts] == [case.id for case in CASES if case.profile == "gateway"]


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("client", [never_asks, stops_at_an_error])
def test_so_is_one_that_reads_no_answer(thread: ServerThread, client: Client) -> None:
    only = ["framing", "done", "errors", "cancellation"]
    verdicts = run(client, only=only, thread=thread, patience=BRIEF)
    assert len(reasons(verdicts)) == 1
    assert of(verdicts, Result.PASS) == []


def test_a_client_that_never_asks_is_told_so_once(thread: ServerThread) -> None:
    """In a second, and not once for each of 300 cases."""
    plain, *others = run(never_asks, profile="gateway", thread=thread, patience=BRIEF)
    assert (plain.case, plain.result) == (PLAINEST.id, Result.FAIL)
    assert reasons([plain]) == ["the client never sent a request to the base_url it was given"]
    judged = [one.case for one in others if one.result is not Result.NOT_APPLICABLE]
    assert {case.plain for case in CASES if case.id in judged} <= {True}


@pytest.mark.parametrize("case", [ONE, "errors/http-400-empty", "chat/refusal", "cancellation/between-events"])
def test_the_plain_answer_is_shown_whatever_is_asked_for(thread: ServerThread, case: str) -> None:
    """Also where an error is expected: a client that always raises has not seen it."""
    plain, asked_for = run(raises, only=case, thread=thread, patience=BRIEF)
    assert (plain.case, reasons([plain])) == (PLAINEST.id, [RAISES])
    assert (asked_for.case, asked_for.result, asked_for.note) == (case, Result.NOT_APPLICABLE, NOT_JUDGED)


def test_cuts_of_the_user_are_those_of_the_case_and_not_of_the_plain_answer(thread: ServerThread) -> None:
    plain, asked_for = run(raises, only="framing/crlf", at=[3], thread=thread, patience=BRIEF)
    assert plain.case == PLAINEST.id
    assert asked_for.result is Result.NOT_APPLICABLE
    [plain] = run(raises, only=PLAINEST.id, at=[3], thread=thread, patience=BRIEF)
    assert plain.result is Result.FAIL


def test_nothing_is_added_where_the_plain_answer_holds(thread: ServerThread) -> None:
    stop: Mutant = next(one for one in MUTANTS if one.name == "StripsTokens")
    [verdict] = run(stop.client, only="chat/leading-spaces", thread=thread, patience=BRIEF)
    assert verdict.result is Result.FAIL
    [verdict] = run(correct, only="errors/http-400-empty", thread=thread, patience=BRIEF)
    assert verdict.result is Result.PASS


@pytest.mark.slow
def test_to_be_cancelled_the_wrong_text_is_enough(thread: ServerThread) -> None:
    """A client may yield something else than the text, such as whole chunks: how it leaves is judged all the same."""
    only = "cancellation/between-events"
    [verdict] = run(shouts, only=only, thread=thread, patience=BRIEF)
    assert verdict.result is Result.PASS
    verdicts = run(shouts, only=["framing/lf", ONE, only], thread=thread, patience=BRIEF)
    assert [one.result for one in verdicts] == [Result.FAIL, Result.NOT_APPLICABLE, Result.PASS]
    assert reasons(verdicts) == ["it fails on a plain answer: its text is 'HELLO, WORLD!'"]
    with kept:
        [verdict] = run(leaks_and_shouts, only=only, thread=thread, patience=BRIEF)
    assert verdict.result is Result.FAIL


@pytest.mark.long
@pytest.mark.slow
def test_a_client_whose_last_piece_is_missing_is_told_that_alone(thread: ServerThread) -> None:
    def one_piece_late(base_url: str) -> Iterator[str]:
        pieces = correct(base_url)
        try:
            before = next(pieces)
            for piece in pieces:
                yield before
                before = piece
        finally:
            pieces.close()  # type: ignore[attr-defined]  # a generator

    verdicts = run(one_piece_late, only=["framing/lf", "cancellation"], thread=thread, patience=BRIEF)
    reasons = {one.evidence.reason for one in verdicts if one.evidence is not None}
    assert len(reasons) == 1, reasons
    assert next(iter(reasons)).startswith("it fails on a plain answer")


@pytest.mark.slow
@pytest.mark.parametrize("one", [one for one in MUTANTS if one.where not in PLAIN], ids=lambda one: one.name)
def test_whoever_reads_a_plain_answer_is_judged_by_each_case(thread: ServerThread, one: Mutant) -> None:
    """A plain answer has nothing that only some clients stumble over."""
    with kept:
        verdicts = run(one.client, only=sorted(PLAIN), thread=thread, patience=BRIEF if one.waits else 10.0)
    assert of(verdicts, Result.FAIL) == []


# -- what its users see --------------------------------------------------------------------------------------------


def test_an_assertion_shows_it_once(thread: ServerThread) -> None:
    failure = failure_of(run(raises, only=[ONE, "done/clean-end"], thread=thread, patience=BRIEF))
    assert str(failure).count(RAISES) == 1
    assert str(failure).endswith("1 other case not judged: the client fails on a plain answer (done/clean-end)")


@pytest.mark.parametrize("claim", ["check_parsing", "check_done", "check_errors", "check_cancellation"])
def test_each_claim_fails_for_it(thread: ServerThread, claim: str) -> None:
    check: Callable[[Client], None] = getattr(SseContract(thread), claim)
    with pytest.raises(ClientFailure) as caught:
        check(raises)
    assert str(caught.value).count("reason ") == 1
    assert RAISES in str(caught.value)


def test_the_command_fails_and_reports_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.py").write_text(READS_NOTHING)
    report = tmp_path / "report.xml"
    options = CheckOptions(f"{tmp_path / 'mine.py'}:client", only=[ONE], formats=["junit"], outputs=[report])
    assert check_client(options) == 1
    out = capsys.readouterr().out
    assert out.count(RAISES) == 1
    assert f"not judged: {NOT_JUDGED}" in out
    said = report.read_text("utf-8")
    assert 'tests="2" failures="1" errors="0" skipped="1"' in said
    assert f'<skipped message="{NOT_JUDGED}" />' in said


@pytest.mark.slow
def test_each_item_of_a_test_class_fails_with_it(pytester: pytest.Pytester) -> None:
    """A skip would be green where -k or pytest-xdist leaves the plain case to nobody."""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(mine=READS_NOTHING)
    pytester.makepyfile(f"""
    import mine, orharness

    class TestMine(orharness.ClientContract):
        only = ["{ONE}", "errors/http-400-empty", "done/clean-end"]
        def stream(self, base_url):
            return mine.client(base_url)
    """)
    pytester.runpytest_inprocess().assert_outcomes(failed=3)
    result = pytester.runpytest_inprocess("-k", "one-event")
    result.assert_outcomes(failed=1, deselected=2)
    result.stdout.fnmatch_lines([f"*{PLAINEST.id} *", f"*1 other case not judged: {NOT_JUDGED}*"])


@pytest.mark.slow
def test_a_client_that_asks_no_more_is_told_so_once(thread: ServerThread) -> None:
    """As where a response that was left is closed by the garbage collector while the pool's lock is held."""
    pool, runs, over = Lock(), count(), Event()

    def client(base_url: str) -> Iterator[str]:
        with pool:
            yield from correct(base_url)
            if next(runs) == 3:
                Thread(target=keep, daemon=True).start()

    def keep() -> None:
        with pool:
            over.wait()

    only = [case.id for case in CASES if case.family == "comments"][:8]
    verdicts = run(client, only=["framing/lf", *only], thread=thread, patience=BRIEF / 3)
    over.set()
    told = [one.result for one in verdicts]
    fail = told.index(Result.FAIL)
    assert 0 < fail < len(told) - 2
    assert set(told[:fail]) == {Result.PASS}
    assert set(told[fail + 1 :]) == {Result.NOT_APPLICABLE}
    evidence = verdicts[fail].evidence
    assert evidence is not None
    assert evidence.reason.startswith("the client sends no request any more, not for a plain answer either")
    since = f"the client fails on a plain answer since {verdicts[fail].case}: it sends no request any more"
    assert {one.note for one in verdicts[fail + 1 :]} == {since}
