"""The contract in each other API: a client that is right holds it, and each way to be wrong is caught."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import chain
from operator import itemgetter

import pytest

from orharness.contract import failure_of, run
from orharness.contract.catalogue import cases_of
from orharness.contract.catalogue.parse import parse
from orharness.contract.catalogue.script import Script
from orharness.contract.judging.features import features_of
from orharness.contract.running.replies import representative
from orharness.dialects import CHAT, GEMINI, MESSAGES, OLLAMA, RESPONSES, Dialect
from orharness.errors import Inexpressible
from orharness.frames import SSE
from orharness.server.thread import ServerThread
from orharness.sse import decode
from orharness.verdict import Result
from tests.support import dialect_clients as clients
from tests.support.dialect_clients import client_of

RIGHT = {MESSAGES: clients.messages, RESPONSES: clients.responses, GEMINI: clients.gemini, OLLAMA: clients.ollama}
apis = pytest.mark.parametrize("dialect", RIGHT, ids=lambda each: each.name)


@apis
def test_a_client_that_is_right_holds_each_case_of_the_api(dialect: Dialect, sse_thread: ServerThread) -> None:
    ids = [case["id"] for case in dialect.cases()]
    client = client_of(dialect, clients.messages_with_parts if dialect is MESSAGES else RIGHT[dialect])
    verdicts = run(client, dialect=dialect, only=ids, thread=sse_thread, patience=10.0)
    assert failure_of(verdicts) is None
    assert [one.case for one in verdicts if one.result is Result.PASS] == ids


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (sum, dict.fromkeys(("usage", "usage-as-it-grows", "usage-of-the-start"), "of usage it says")),
        (itemgetter(0), dict.fromkeys(("usage", "usage-as-it-grows", "usage-of-the-start"), "of usage it says")),
        (lambda counts: counts[-1] if len(counts) > 1 else 0, {"usage-of-the-start": "the input tokens of message"}),
    ],
    ids=["adds up", "takes the first", "passes over the first"],
)
def test_a_client_of_messages_that_counts_wrongly_is_caught(
    count: Callable[[list[int]], int], told: dict[str, str], sse_thread: ServerThread
) -> None:
    client = client_of(MESSAGES, partial(clients.messages_with_parts, count=count))
    only = [case["id"] for case in MESSAGES.cases() if case["id"].startswith("parts/messages-usage")]
    verdicts = run(client, dialect=MESSAGES, only=only, thread=sse_thread, patience=10.0)
    found = {one.case.removeprefix("parts/messages-"): one.evidence.reason for one in verdicts if one.evidence}
    assert found.keys() == told.keys()
    assert [case for case, reason in found.items() if not reason.startswith(told[case])] == []


@pytest.mark.slow
@apis
def test_a_client_that_is_right_ends_at_the_terminal_event_and_stops_when_it_is_closed(
    dialect: Dialect, sse_thread: ServerThread
) -> None:
    client = client_of(dialect, RIGHT[dialect])
    only = ["done/clean-end", "done/connection-left-open", "errors/truncated-between-events", "cancellation"]
    verdicts = run(client, dialect=dialect, only=only, thread=sse_thread, patience=10.0)
    assert failure_of(verdicts) is None
    held = {one.case for one in verdicts if one.result is Result.PASS}
    ends = {one.case: one.note for one in verdicts if one.case == "done/connection-left-open"}
    if dialect is GEMINI:
        assert "no event obliges a client to end" in str(ends.pop("done/connection-left-open"))
        only.remove("done/connection-left-open")
    assert held >= set(only[:-1])
    assert any(case.startswith("cancellation/") for case in held)


@pytest.mark.slow
@apis
@pytest.mark.parametrize("by_name", [False, True], ids=["by its type", "by its name"])
def test_a_client_that_is_right_holds_the_rules_of_bytes(
    dialect: Dialect, by_name: bool, sse_thread: ServerThread
) -> None:
    if by_name and dialect not in (MESSAGES, RESPONSES):
        return  # the events of the others have no names
    client = client_of(dialect, RIGHT[dialect], by_name=by_name)
    only = ["framing/", "boundaries/lines-alone"]
    verdicts = run(client, dialect=dialect, profile="whatwg", only=only, thread=sse_thread, patience=10.0)
    failed = [one.case for one in verdicts if one.result is Result.FAIL]
    assert failed == []
    if dialect.frame is SSE:
        assert sum(one.result is Result.PASS for one in verdicts) > 100


@pytest.mark.parametrize(
    ("raw", "named_so"),
    [
        ("data: ${end}", "event: message_stop\ndata: ${end}"),
        ("\ufeffdata: ${end}\r\r", "\ufeffevent: message_stop\rdata: ${end}\r\r"),
        ("id: 1\r\ndata:${end}\r\n\r\n", "id: 1\r\nevent: message_stop\r\ndata:${end}\r\n\r\n"),
        ("data: ${end}\nevent: message\n\n", "data: ${end}\nevent: message_stop\n\n"),
        ("event:message\ndata:${end}\n\n", "event:message_stop\ndata:${end}\n\n"),
        ("event: chunk\ndata: ${end}\n\n", "event: chunk\ndata: ${end}\n\n"),
        ("event: ping\n\n: c\n\ndata: x\n\n", "event: ping\n\n: c\n\ndata: x\n\n"),
        ("xdata: ${end}\n\n\n\n", "xdata: ${end}\n\n\n\n"),
    ],
)
def test_bytes_that_are_written_out_have_the_names_of_the_api(raw: str, named_so: str) -> None:
    script = Script(MESSAGES)
    for before in ({"text": "x"}, {"finish": "stop"}):  # the message is open, and its block is closed
        list(script.pieces(before))
    assert script.raw(raw) == named_so
    assert Script(CHAT).raw(raw) == raw


@pytest.mark.parametrize("dialect", [MESSAGES, RESPONSES], ids=lambda each: each.name)
@pytest.mark.parametrize("name", ["framing/lf", "framing/crlf", "done/clean-end", "done/crlf", "comments/no-text"])
def test_a_text_is_opened_and_closed_as_the_api_does(dialect: Dialect, name: str) -> None:
    (case,) = (one for one in cases_of(dialect) if one.id == name)
    stream = representative(case)
    items = stream.frame.decode(stream.body)
    assert dialect.grammar is not None
    # The shortest events have no numbers of their own.
    assert {found.clause.name for found in dialect.grammar.check(items)} <= {"responses/sequence"}
    assert dialect.fold(items).complete
    assert dialect.fold(items).problems == ()


@pytest.mark.parametrize("name", ["event", "event:", "event: "])
def test_an_event_without_the_name_that_the_api_gives_it_cannot_be_sent(name: str) -> None:
    with pytest.raises(Inexpressible, match="each event of messages has a name"):
        Script(MESSAGES).raw(f"{name}\ndata: ${{end}}\n\n")


MUTANTS: dict[tuple[Dialect, clients.Read], set[str]] = {
    (MESSAGES, clients.messages_of_any_delta): {
        *("messages/thinking", "messages/tool-use", "messages/tool-use-alone"),
        *("messages/unknown-event", "messages/unknown-delta"),
    },
    (MESSAGES, clients.messages_without_errors): {"errors/messages-event", "errors/messages-event-first"},
    (MESSAGES, clients.messages_that_know_all): {
        *("messages/unknown-delta", "messages/citations", "messages/two-message-deltas"),
        "messages/unknown-stop-reason",
    },
    (RESPONSES, clients.responses_of_any_delta): {
        *("responses/reasoning", "responses/function-call", "responses/unknown-event"),
        *("responses/reasoning-text", "responses/refusal"),
    },
    (RESPONSES, clients.responses_in_order): {
        *("responses/keepalive-first", "responses/queued", "responses/unknown-fields"),
    },
    (RESPONSES, clients.responses_without_errors): {
        case["id"] for case in RESPONSES.cases() if case["id"].startswith("errors/")
    },
    (GEMINI, clients.gemini_of_any_part): {
        *("gemini/thoughts", "gemini/thoughts-beside-text"),
        *("gemini/function-call", "gemini/function-call-alone", "gemini/unknown-fields"),
    },
    (GEMINI, clients.gemini_of_the_first_part): {
        *("gemini/two-parts", "gemini/thoughts-beside-text", "gemini/usage-alone", "gemini/without-content"),
    },
    (GEMINI, clients.gemini_without_errors): {
        "gemini/left-open",  # it waits for the end of the body
        *(case["id"] for case in GEMINI.cases() if case["id"].startswith("errors/")),
    },
    (OLLAMA, clients.ollama_of_anything_said): {
        *("ollama/thinking", "ollama/thinking-and-text"),
        *("ollama/tool-call", "ollama/tool-call-alone", "ollama/tool-call-on-the-last-line"),
    },
    (OLLAMA, clients.ollama_without_the_last_line): {"ollama/text-on-the-last-line", "ollama/one-line"},
    (OLLAMA, clients.ollama_without_errors): {"errors/ollama-line", "errors/ollama-line-first"},
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dialect", "read"), MUTANTS, ids=lambda each: each.name if isinstance(each, Dialect) else each.__name__
)
def test_a_client_that_is_wrong_is_told_the_cases(
    dialect: Dialect, read: clients.Read, sse_thread: ServerThread
) -> None:
    ids = [case["id"] for case in dialect.cases()]
    verdicts = run(client_of(dialect, read), dialect=dialect, only=ids, thread=sse_thread, patience=2.0)
    assert {one.case for one in verdicts if one.result is Result.FAIL} == MUTANTS[dialect, read]


@pytest.mark.slow
def test_each_slip_of_gemini_is_in_a_case_and_can_be_taken_away_from_it() -> None:
    found = set()
    for case in cases_of(GEMINI):
        body = representative(case).body if case.inapplicable is None else b""
        for feature in features_of(body, GEMINI):
            found.add(feature.name)
            changed = feature.taken_from(body)
            assert GEMINI.fold(decode(changed)).text == GEMINI.fold(decode(body)).text
            assert feature.taken_from(changed) == changed, feature.name
    assert found >= {slip.name for slip in GEMINI.slips}


CAUSES: dict[tuple[clients.Read, str], str] = {
    (clients.gemini_of_any_part, "gemini/thoughts"): "thoughts are taken for text",
    (clients.gemini_of_any_part, "gemini/function-call"): "what a function is called with is taken for text",
    (clients.gemini_of_any_part, "gemini/unknown-fields"): "a field or a part that it does not know",
    (clients.gemini_of_the_first_part, "gemini/two-parts"): "of several parts in one chunk not all are read",
    (clients.gemini_of_the_first_part, "gemini/usage-alone"): "a chunk without candidates is stumbled over",
    (clients.gemini_of_the_first_part, "gemini/without-content"): "a candidate without a content",
}


@pytest.mark.parametrize(("read", "case"), CAUSES)
def test_what_a_reader_of_gemini_stumbles_over_is_told(read: clients.Read, case: str, sse_thread: ServerThread) -> None:
    verdicts = run(client_of(GEMINI, read), dialect=GEMINI, only=[case], thread=sse_thread, patience=2.0)
    (failed,) = (one for one in verdicts if one.result is Result.FAIL)
    assert failed.evidence is not None
    assert CAUSES[read, case] in failed.evidence.reason


@apis
def test_what_the_cases_send_obeys_the_grammar_but_where_they_are_about_a_break(dialect: Dialect) -> None:
    about = {
        "messages/unknown-event": set[str](),
        "messages/unknown-delta": set(),
        "errors/messages-without-stop": {"messages/ending"},
        "responses/without-names": {"responses/named"},
        "responses/keepalive-first": {"responses/first"},
        "errors/responses-chat-form": {"responses/terminal", "responses/sequence"},
        "gemini/ids": {"gemini/unnamed"},
        "gemini/done": {"gemini/last"},
        "errors/gemini-bare": {"gemini/finish"},
        "errors/gemini-bare-lines": {"gemini/finish"},
        "errors/gemini-cut": {"gemini/finish"},
    }
    assert dialect.grammar is not None
    for case in dialect.cases():
        stream = representative(parse(case, dialect))
        broken = {found.clause.name for found in dialect.grammar.check(stream.frame.decode(stream.body))}
        assert broken == about.get(case["id"], set()), case["id"]


@pytest.mark.slow
@apis
def test_each_case_can_be_sent_or_says_why_not(dialect: Dialect) -> None:
    cases = cases_of(dialect)
    sent = [case for case in cases if case.inapplicable is None]
    assert len(sent) > len(cases) / 3
    for case in sent:
        reply = case.reply()
        response = reply.answer(dialect.example_request)
        assert (response.status or 0) >= 100, case.id


def test_no_two_dialects_have_a_case_of_the_same_id() -> None:
    ids = [case["id"] for case in chain.from_iterable(one.cases() for one in (CHAT, *RIGHT))]
    assert len(ids) == len(set(ids))
