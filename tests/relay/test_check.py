"""The check of a relay: each fault is found, named by its cause, and nothing else is found."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from orharness.dialects import DIALECTS
from orharness.errors import ScenarioError
from orharness.relay import added, whole
from orharness.relay.cases import CASES
from orharness.relay.check import check
from orharness.relay.process import SseProcess
from orharness.report.formats import render
from orharness.scenario import Route
from orharness.server.facade import SseServer
from orharness.server.handles import LiveRoute
from orharness.verdict import Evidence, Judgement, Level, Result, Verdict, counted
from tests.support.places import SUPPORT
from tests.support.relay_apps import BODY, RELAYS, running

LONG = 20.0  # seconds for what passes: a busy machine is slow, not wrong
SHORTLY = 0.5  # seconds for what fails: they are all waited for


@pytest.fixture(scope="module")
def relays() -> Iterator[Callable[[str], str]]:
    with running() as address:
        yield address


Run = Callable[..., dict[str, Verdict]]


@pytest.fixture
def run(relays: Callable[[str], str], make_sse_server: Callable[..., SseServer]) -> Iterator[Run]:
    server = make_sse_server(strict=False)

    def checked(
        name: str, only: str | Sequence[str] | None = None, patience: float = LONG, **more: str
    ) -> dict[str, Verdict]:
        headers = {"X-Upstream": server.base_url, **more}
        verdicts = check(relays(name), BODY, server=server, headers=headers, patience=patience, only=only)
        return {verdict.case: verdict for verdict in verdicts}

    yield checked
    server.close()


def failed(verdicts: dict[str, Verdict]) -> set[str]:
    found = {name for name, verdict in verdicts.items() if verdict.result is Result.FAIL}
    print(*(f"{name}: {verdicts[name].evidence}" for name in found), sep="\n")  # for who reads why a test failed
    return found


def evidence(verdict: Verdict) -> Evidence:
    assert verdict.result is Result.FAIL
    assert verdict.evidence is not None
    return verdict.evidence


# -- whole runs --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_right_relay_passes_every_case(run: Run) -> None:
    verdicts = run("right")
    assert list(verdicts) == ["fidelity/asks", *(case.id for case in CASES)]
    assert {name: verdict.result for name, verdict in verdicts.items() if verdict.result is not Result.PASS} == {}
    assert " s later)" in verdicts["cancel/while-silent-fin"].title


OF_CHUNKS = {case.id for case in CASES if case.judges[0].__module__ in (whole.__name__, added.__name__)}
RETRY_AFTER = {"errors/retry-after-429", "errors/retry-after-503"}
NOT_FOR_TEXT = {
    "errors/ends-early",
    "fidelity/events",
    "fidelity/grammar",
    "fidelity/done",
    "fidelity/done-invented",
    *OF_CHUNKS,
}


@pytest.mark.slow
def test_a_right_relay_of_plain_text_passes_what_is_applicable(run: Run) -> None:
    verdicts = run("plain_text")
    assert failed(verdicts) == set()
    others = {name for name, verdict in verdicts.items() if verdict.result is Result.NOT_APPLICABLE}
    assert others == {*NOT_FOR_TEXT, "fidelity/comments", "fidelity/content-type"}
    assert verdicts["fidelity/done"].note == "the relay does not send chat completion chunks"


@pytest.mark.slow
def test_a_relay_with_events_of_its_own_passes_but_for_its_comments(run: Run) -> None:
    verdicts = run("own_events")
    assert failed(verdicts) == {"fidelity/comments"}
    assert {name for name, verdict in verdicts.items() if verdict.result is Result.NOT_APPLICABLE} == NOT_FOR_TEXT


# -- faults, each found by its case alone ------------------------------------------------------------------------------

FAULTS = [
    ("drops_comments", "fidelity", {"fidelity/comments"}, "comments are dropped"),
    ("wrong_type", "fidelity", {"fidelity/comments", "fidelity/content-type"}, "EventSource refuses"),
    ("second_done", "fidelity/done", {"fidelity/done", "fidelity/done-invented"}, r"a \[DONE\] of its own"),
    ("loses_done", "fidelity/done", {"fidelity/done"}, r"\[DONE\] is lost"),
    ("breaks_characters", "fidelity/text", {"fidelity/text"}, "decoded chunk by chunk"),
    ("latin_1", "fidelity/text", {"fidelity/text"}, "UTF-8 is read as Latin-1"),
    ("joins_events", "fidelity/events", {"fidelity/events"}, "events are joined"),
    ("a_piece_is_an_event", "fidelity/events", {"fidelity/events"}, "an event is cut"),
    ("loses_events", "fidelity/events", {"fidelity/events"}, "events are lost"),
    ("repeats_events", "fidelity/events", {"fidelity/events"}, "a chunk comes out twice"),
    ("a_keep_alive_as_data", "fidelity/events", {"fidelity/events"}, "a keep-alive is sent as data"),
    ("drops_role", "fidelity", {"fidelity/role"}, "the role is lost"),
    ("drops_finish", "fidelity", {"fidelity/finish"}, "the finish_reason is lost"),
    ("repeats_finish", "fidelity", {"fidelity/finish", "fidelity/finish-last"}, "the finish_reason is sent again"),
    ("repeats_finish", "fidelity/finish-last", {"fidelity/finish-last"}, "after the one with the finish_reason$"),
    ("adds_a_chunk_after_the_finish", "fidelity/finish", {"fidelity/finish-last"}, "finds no finish_reason"),
    ("drops_id", "fidelity", {"fidelity/required"}, "requires in each chunk is left out: id;"),
    ("makes_ids", "fidelity", {"fidelity/required"}, "the id is another one in each chunk"),
    ("strips_text", "fidelity/events", {"fidelity/events"}, "the text of events is changed"),
    ("leaves_out_null", "fidelity", {"fidelity/finish-null"}, "left out where it is null"),
    ("drops_usage", "fidelity", {"fidelity/usage"}, "the usage is lost"),
    ("doubles_usage", "fidelity", {"fidelity/usage"}, "the usage is changed"),
    ("drops_reasoning", "fidelity", {"fidelity/reasoning"}, "the reasoning is lost"),
    ("merges_tools", "fidelity", {"fidelity/tools"}, "are made one: their arguments are joined"),
    ("drops_a_call", "fidelity/tools", {"fidelity/tools"}, "1 of 2 tool calls come out: the other is lost"),
    ("drops_unknown", "fidelity", {"fidelity/unknown-fields"}, "left out: provider"),
    ("adds_a_warning", "fidelity", {"fidelity/only-chunks"}, "an event that is not one of the API's is added"),
    ("adds_a_ping", "fidelity", {"fidelity/only-messages"}, "a chat completion's events have no name"),
    ("mixes_up", "browsers", {"fidelity/several-browsers"}, "a browser gets the text of another one's"),
    ("glues_the_error", "errors/cut-inside", {"errors/cut-inside-an-event"}, "right after half an event"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "only", "found", "reason"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_a_fault_of_fidelity_is_found_and_named(run: Run, name: str, only: str, found: set[str], reason: str) -> None:
    verdicts = run(name, only)
    assert failed(verdicts) == found
    assert any(judge_said(verdicts[case], reason) for case in found)


@pytest.mark.slow
def test_what_is_no_http_is_told_once_whatever_the_case_is_about(run: Run) -> None:
    only = "fidelity/comments", "fidelity/several-browsers"
    found = {name: evidence(run("names_two_lengths", name, SHORTLY)[name]) for name in only}
    assert {one.reason for one in found.values()} == {"what came out is not HTTP"}
    assert all("a response has one of them" in one.got for one in found.values())
    assert not any("billed" in one.got for one in found.values())


@pytest.mark.slow
def test_a_relay_that_serves_one_browser_after_the_other_is_told_so(run: Run) -> None:
    verdicts = run("one_at_a_time", "fidelity/at-once", SHORTLY)
    assert failed(verdicts) == {"fidelity/at-once"}
    assert judge_said(verdicts["fidelity/at-once"], "served one after the other")


def judge_said(verdict: Verdict, pattern: str) -> bool:
    return re.search(pattern, evidence(verdict).reason) is not None


@pytest.mark.slow
def test_a_relay_that_buffers_shows_the_event_that_was_stuck(run: Run) -> None:
    for name in ("buffers_all", "compresses"):
        got = evidence(run(name, "buffering", SHORTLY)["buffering/each-event"])
        assert got.got.startswith("event 1 ('tok001 ') did not come within 0.5 s; it came only with the end"), name
        assert "X-Accel-Buffering: no" in got.reason


@pytest.mark.slow
def test_a_relay_that_keeps_events_back_is_told_how_many(run: Run) -> None:
    got = evidence(run("keeps_two_back", "buffering", 2.0)["buffering/each-event"]).got
    assert "event 1 ('tok001 ') did not come within 2 s; it came only when 2 more events were sent" in got


def test_a_relay_that_swallows_errors_fails_each_of_them(run: Run) -> None:
    verdicts = run("swallows", "errors")
    expected = {case.id for case in CASES if case.id.startswith("errors/")} - NOT_FOR_TEXT - RETRY_AFTER
    assert failed(verdicts) == expected
    assert "takes a part for the whole" in evidence(verdicts["errors/cut"]).reason
    assert evidence(verdicts["errors/cut"]).got.startswith("status 200, ")
    assert verdicts["errors/limit-status"].level is Level.SHOULD
    assert not verdicts["errors/limit-status"].counts
    assert all(one.counts for one in counted([verdicts["errors/limit-status"]], strict=True))


@pytest.mark.slow
def test_a_relay_that_hangs_on_an_error_is_told_so(run: Run) -> None:
    verdict = run("hangs_on_errors", "errors/server", 0.1)["fidelity/asks"]
    assert verdict.result is Result.PASS
    assert "waits for ever" in evidence(run("hangs_on_errors", "errors/server", 0.1)["errors/server"]).reason


@pytest.mark.slow
def test_a_relay_that_reads_on_lets_the_model_run_to_its_end(run: Run) -> None:
    for stage in ("while-silent-fin", "between-events-rst"):
        got = evidence(run("reads_on", stage, SHORTLY)[f"cancel/{stage}"])
        assert re.match(r"the upstream ran to its end\n[5-9]\d tokens were made and billed", got.got), got
        assert "a task of its own that fills a queue" in got.reason


@pytest.mark.slow
def test_a_relay_that_notices_only_when_it_writes_is_told_how_late(run: Run) -> None:
    verdicts = run("right!", "-fin", SHORTLY)
    silent = {"cancel/before-the-first-event-fin", "cancel/while-silent-fin", "cancel/before-done-fin"}
    assert failed(verdicts) == silent
    got = evidence(verdicts["cancel/while-silent-fin"])
    assert got.got.startswith("only when it had sent ")
    assert "handler_cancellation=True" in got.reason


@pytest.mark.slow
def test_a_relay_that_notices_only_when_it_writes_is_not_saved_by_its_head(run: Run) -> None:
    """The browser leaves when the head has come, or has not come for a while."""
    case = "cancel/before-the-first-event-fin"
    assert failed(run("begins_late!", case, patience=2.0)) == {case}


# -- who asks more than once -------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.slow
def test_a_relay_that_asks_again_after_a_cancel_fails_the_cancels_alone(run: Run) -> None:
    cancels = {"cancel/before-the-first-event-fin", "cancel/while-silent-fin", "cancel/while-silent-rst"}
    verdicts = run("asks_after_a_cancel", ["fidelity/text", "errors/cut", *sorted(cancels)])
    assert failed(verdicts) == cancels
    for case in cancels:
        got = evidence(verdicts[case])
        assert re.match(r"it was left after \d\.\d+ s, and asked again \d\.\d+ s after that\n100 tokens", got.got), got
        assert "asked 2 times for one request of the browser: both are billed" in got.got
        assert "takes the end of a cancelled request for a failure" in got.reason


@pytest.mark.long
@pytest.mark.slow
def test_a_relay_that_asks_twice_fails_with_the_count(run: Run) -> None:
    verdicts = run("asks_twice", ["fidelity/", "errors/limit"])
    assert failed(verdicts) == {case.id for case in CASES if case.id.startswith("fidelity/")}
    got = evidence(verdicts["fidelity/text"])
    assert got.got.startswith("the upstream was asked 2 times for one request of the browser: both are billed, $0.0")
    assert "a hedge" in got.reason


@pytest.mark.slow
def test_a_hedge_is_not_taken_for_a_retry_after_the_cancel(run: Run) -> None:
    got = evidence(run("asks_twice", "cancel/while-silent-fin")["cancel/while-silent-fin"])
    assert "asked 2 times" in got.got
    assert "a hedge" in got.reason


@pytest.mark.slow
def test_a_request_that_comes_late_is_charged_to_the_case_that_caused_it(run: Run) -> None:
    verdicts = run("asks_after_comments", ["fidelity/comments", "fidelity/content-type"])
    assert list(verdicts)[-1] == "fidelity/content-type"  # the late request comes in its turn
    assert failed(verdicts) == {"fidelity/comments"}
    assert "asked 2 times" in evidence(verdicts["fidelity/comments"]).got


@pytest.mark.slow
def test_a_retry_of_an_error_before_the_stream_is_counted_and_is_no_fault(run: Run) -> None:
    verdicts = run("retries_errors", "errors/")
    assert failed(verdicts) == set()
    counted = {name for name, verdict in verdicts.items() if "(the upstream was asked 3 times)" in verdict.title}
    assert counted == {"errors/limit", "errors/limit-status", "errors/server", "errors/server-status", *RETRY_AFTER}


@pytest.mark.slow
def test_another_question_is_no_repetition(run: Run) -> None:
    verdicts = run("asks_for_a_title_too", "fidelity/")
    assert failed(verdicts) == set()
    assert not any("asked 2 times" in verdict.title for verdict in verdicts.values())


@pytest.mark.slow
def test_a_case_that_the_relay_never_asked_for_takes_no_request_of_the_next(run: Run) -> None:
    # errors/server opens the circuit, so that errors/server-status is refused without a request.
    verdicts = run("breaks_the_circuit", ["errors/server", "cancel/while-silent-rst"], 2.0)
    assert verdicts["errors/server-status"].result is Result.PASS
    assert verdicts["cancel/while-silent-rst"].result is Result.PASS


@pytest.mark.slow
@pytest.mark.parametrize(("name", "runs"), [("right", 1), ("retries_errors", 1), ("asks_twice", 2)])
def test_cases_run_again_only_where_a_request_cannot_be_charged(
    name: str, runs: int, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted: list[object] = []
    mount = SseServer.mount

    def counting(server: SseServer, route: Route, *, strict: bool = True) -> LiveRoute:
        mounted.append(route)
        return mount(server, route, strict=strict)

    monkeypatch.setattr(SseServer, "mount", counting)
    run(name, ["fidelity/text", "errors/limit"])
    # fidelity/asks, and the cases; fidelity/text again, and from then on each is watched by itself.
    assert len(mounted) == 1 + 3 + (runs - 1)


# -- two APIs --------------------------------------------------------------------------------------------------------


_TWO = ["fidelity/", "buffering/", "errors/", "cancel/while-silent-fin", "cancel/before-done-fin"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("translates_to_messages", {}),
        *(("passes_any_on", {"X-Dialect": name}) for name in DIALECTS),
    ],
    ids=["translates", *DIALECTS],
)
def test_a_relay_of_any_api_that_is_right_fails_nothing(run: Run, name: str, more: dict[str, str]) -> None:
    verdicts = run(name, _TWO, **more)
    # The one that translates makes new events, and no comments.
    assert failed(verdicts) <= ({"fidelity/comments"} if name == "translates_to_messages" else set())
    held = {case for case, verdict in verdicts.items() if verdict.result is Result.PASS}
    assert {"fidelity/text", "fidelity/grammar", "buffering/each-event", "errors/ends-early", "errors/cut"} <= held


@pytest.mark.parametrize(
    ("name", "clause", "got"),
    [
        ("translates_with_two_starts", "messages/blocks", "event 2 is message_start"),
        ("translates_without_a_block", "messages/opened", "event 2 is text_delta of block 0"),
    ],
)
def test_what_breaks_the_rules_of_an_api_is_named_by_its_clause(run: Run, name: str, clause: str, got: str) -> None:
    found = evidence(run(name, "fidelity/grammar")["fidelity/grammar"])
    assert clause in found.reason
    assert clause in found.expected
    assert got in found.got


# -- who does not ask --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "got", "reason"),
    [
        (
            "asks_nobody",
            "status 200, 20 bytes, a clean end: an answer of its own",
            "set its OPENAI_BASE_URL to http://",
        ),
        ("asks_for_embeddings", "but POST /v1/embeddings → 404: unmatched", "this check plays the APIs chat, "),
        ("asks_for_all", '"stream": false', "it has to ask for a stream"),
    ],
)
def test_a_backend_that_does_not_ask_for_a_stream_gets_one_verdict(run: Run, name: str, got: str, reason: str) -> None:
    (verdict,) = run(name).values()
    assert verdict.case == "fidelity/asks"
    assert got in evidence(verdict).got
    assert reason in evidence(verdict).reason


def test_a_backend_that_is_not_there_is_an_error_of_the_call(make_sse_server: Callable[..., SseServer]) -> None:
    with pytest.raises(ScenarioError, match="cannot be reached"):
        check("http://127.0.0.1:1/chat", BODY, server=make_sse_server())


def test_the_server_of_a_test_can_be_the_upstream(sse_server: SseServer, relays: Callable[[str], str]) -> None:
    told: list[Verdict] = []
    headers = {"X-Upstream": sse_server.base_url}
    found = check(
        relays("right"), BODY, server=sse_server, headers=headers, patience=LONG, only="text", on_verdict=told.append
    )
    assert told == found
    assert [verdict.case for verdict in found] == ["fidelity/asks", "fidelity/text"]
    assert sse_server.journal == []


def test_every_wrong_relay_is_in_a_test() -> None:
    source = Path(__file__).read_text("utf-8")
    assert [name for name in RELAYS if f'"{name}' not in source] == []


# -- the command -------------------------------------------------------------------------------------------------------

BACKEND = SUPPORT / "relays" / "aiohttp_relay.py"
COMMAND = f"{sys.executable} {BACKEND} {{port}}"


def relay_check(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "orharness", "relay-check", *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=300, check=False)


@pytest.mark.slow
@pytest.mark.parametrize(("flag", "code"), [(" --handler-cancellation", 0), ("", 1)])
def test_the_command_starts_a_backend_and_judges_it(flag: str, code: int) -> None:
    ran = relay_check(
        *("http://127.0.0.1:{port}/chat", "--json", '{"stream": true}', "--command", COMMAND + flag),
        *("--only", "while-silent-fin", "--within", "1" if code else "20"),
    )
    assert ran.returncode == code, ran.stdout + ran.stderr
    assert "point your backend" not in ran.stderr  # it is started with it
    assert "cancel/while-silent-fin" in ran.stderr
    assert ("cancel/while-silent-fin" in ran.stdout) is bool(code)
    assert ("handler_cancellation=True" in ran.stdout) is bool(code)


@pytest.mark.slow
def test_one_fault_is_told_once_with_its_cases_and_in_every_format(tmp_path: Path) -> None:
    forms = {"json": tmp_path / "a.json", "junit": tmp_path / "a.xml", "html": tmp_path / "a.html"}
    reports = [word for form, path in forms.items() for word in ("--format", form, "--output", str(path))]
    ran = relay_check(
        *("http://127.0.0.1:{port}/chat", "--method", "GET", "--command", COMMAND, "--within", "1"),  # without --json
        *("--only", "while-silent", "--only", "fidelity/text", *reports),
    )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert ran.stdout.count("handler_cancellation=True") == 1
    assert "✗ 2 cases: the relay notices only when it has something to write" in ran.stdout
    assert re.search(r"^  for the same reason +got\n  cancel/while-silent-rst +only when it had sent", ran.stdout, re.M)
    assert ran.stdout.rstrip().endswith("✗ 2 of 4 cases fail")
    assert re.search(r"^fail  MUST   cancel/while-silent-fin  The browser leaves", ran.stderr, re.M)
    document = json.loads(forms["json"].read_text("utf-8"))
    assert {name: number for name, number in document["summary"].items() if number} == {"passed": 2, "failed": 2}
    assert (document["profile"], document["seed"]) == (None, None)
    assert 'name="orharness relay-check http://127.0.0.1:{port}/chat"' in forms["junit"].read_text("utf-8")
    html = forms["html"].read_text("utf-8")
    assert "orharness relay-check</p>" in html
    assert "<dt>seed</dt>" not in html


def test_a_should_is_no_fail_and_what_is_not_judged_has_its_reason() -> None:
    verdicts = (
        Verdict("fidelity/text", "Text.", Result.PASS),
        Verdict("fidelity/comments", "Comments.", Result.FAIL, Evidence("a", "b", "why"), level=Level.SHOULD),
        Verdict("fidelity/done", "Done.", Result.NOT_APPLICABLE, note="the relay does not pass on the events"),
    )
    judgement = Judgement("http://x/chat", None, None, verdicts, "relay-check")
    assert judgement.ok
    text = render(judgement, "text")
    assert text.startswith("http://x/chat\n")
    assert re.search(r"✓ fidelity +1 +- +1 +1\n", text)
    assert "! 1 case: why\n\n  fidelity/comments (SHOULD)  Comments." in text
    assert "- not judged: the relay does not pass on the events\n  fidelity/done" in text
    assert text.endswith("✓ 1 of 2 cases holds; 1 SHOULD case does not hold\n")
    assert json.loads(render(judgement, "json"))["summary"]["failed"] == 0


@pytest.mark.slow
def test_a_case_without_a_response_has_the_reason_of_its_relay(run: Run) -> None:
    """Before the first event no head may have come: the same fault has the same words all the same."""
    verdicts = run("reads_on", ["cancel/before-the-first-event", "cancel/while-silent"], patience=SHORTLY)
    reasons = {one.evidence.reason for one in verdicts.values() if one.evidence is not None}
    assert len(reasons) == 1, reasons


@pytest.mark.slow
def test_a_backend_that_runs_already_and_does_not_know_us_is_told_where_we_are(relays: Callable[[str], str]) -> None:
    ran = relay_check(relays("asks_nobody"), "--json", "{}", "--port", "0")
    assert ran.returncode == 1
    first = ran.stderr.splitlines()[0]
    base_url = first.rpartition(" at ")[2]
    assert f"set its OPENAI_BASE_URL to {base_url}, start it again" in ran.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--json", "{"], "--json is not JSON"),
        (["--json", "@no-such-file"], "no-such-file: cannot be read"),
        (["--json", "{}", "--header", "X"], "--header takes 'Name: value'"),
        (["--json", "{}", "--within", "0"], "--within is a number of seconds above 0"),
        (["--json", "{}", "--command", "no-such-program"], "no-such-program: cannot be run"),
        (["--json", "{}"], "cannot be reached"),
    ],
)
def test_a_wrong_call_is_one_sentence(arguments: list[str], said: str) -> None:
    ran = relay_check("http://127.0.0.1:1/chat", *arguments)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.slow
def test_an_address_without_a_port_is_told_at_once() -> None:
    ran = relay_check("http://127.0.0.1/chat", "--json", "{}", "--command", COMMAND)
    assert (ran.returncode, "names no port" in ran.stderr) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "method", "said"), [("/no/such", "POST", "answers 404"), ("/chat", "PUT", "answers 405")]
)
def test_a_wrong_address_is_not_taken_for_a_wrong_upstream(
    path: str, method: str, said: str, sse_server: SseServer
) -> None:
    with SseProcess([sys.executable, str(BACKEND), "{port}"], server=sse_server) as backend:
        [found] = check(backend.url + path, {"stream": True}, server=sse_server, method=method)
    assert said in evidence(found).reason


@pytest.mark.slow
def test_a_case_that_is_not_there_is_said_before_a_backend_is_started(tmp_path: Path) -> None:
    started = tmp_path / "started"
    command = f"{sys.executable} -c \"open({str(started)!r}, 'w'); import time; time.sleep(600)\""
    ran = relay_check("http://127.0.0.1:{port}/chat", "--command", command, "--only", "events", "--only", "bogus")
    assert (ran.returncode, started.exists()) == (2, False)
    assert "no case is named 'bogus'" in ran.stderr


def test_a_case_that_is_not_there_is_said(sse_server: SseServer) -> None:
    with pytest.raises(ScenarioError, match=r"no case is named 'limt': fidelity/"):
        check("http://127.0.0.1:1/", {}, server=sse_server, only=["limt"])
    for only in (["text", "limt"], ["limt", "text"], [""], []):
        with pytest.raises(ScenarioError, match=r"names? no case|no case is named ('limt'.*\(did you mean 'limit'|'')"):
            check("http://127.0.0.1:1/", {}, server=sse_server, only=only)
