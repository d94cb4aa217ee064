"""What a relay may do to the bytes of a stream, without IO: each change is found by its cases alone, and named."""

from __future__ import annotations

import json
import re
from functools import cache

import pytest

from orharness.dialects import DIALECTS, Dialect
from orharness.journal import Exchange
from orharness.relay.cases import CASES, BrowserAct, RelayCase
from orharness.relay.check import verdict_of
from orharness.relay.response import ResponseEnd
from orharness.relay.seen import Seen
from orharness.stream import Stream
from orharness.verdict import Result, Verdict
from tests.support.relay_changes import (
    COMMENT,
    Change,
    by_block,
    by_choice,
    by_chunk,
    chunk,
    cut_text,
    first_of_each,
    in_place_of_comments,
    joined,
    moved,
    named_other,
    of_the_first_choice,
    pretty,
    reasoning_as_text,
    refusal_as_text,
    rewritten,
    rounded,
    says,
    split,
    text_in,
    twice,
    usage_as_texts,
    without,
    without_details,
    without_nulls,
    without_repetition,
    without_tool_ids,
)

CASES_READ = [case for case in CASES if case.act is BrowserAct.READ and case.id.startswith("fidelity/")]


@cache
def sent_in(case: RelayCase, dialect: Dialect) -> Stream:
    return case.reply(dialect).answer(dialect.example_request).stream


def judged(change: Change, dialect: Dialect = DIALECTS.default) -> dict[str, Verdict]:
    """Return the verdicts of fidelity on a relay that changes the whole body in this way and does all else right."""
    verdicts = {}
    for case in CASES_READ:
        sent = sent_in(case, dialect)
        exchange = Exchange("1", "2026-01-01T00:00:00+00:00", dialect.example_request, body=sent.body)
        seen = Seen(
            "http://u/v1",
            (exchange,),
            status=200,
            content_type=sent.frame.content_type,
            content=change(sent.body),
            ended=ResponseEnd.CLEAN,
        )
        verdicts[case.id] = verdict_of(case, seen)
    return verdicts


def reasons(verdicts: dict[str, Verdict]) -> dict[str, str]:
    return {
        name.removeprefix("fidelity/"): verdict.evidence.reason
        for name, verdict in verdicts.items()
        if verdict.result is Result.FAIL and verdict.evidence is not None
    }


# -- what is right ---------------------------------------------------------------------------------------------------


RIGHT: dict[str, Change] = {
    "as it is": bytes,
    "another key order, blanks and escapes": by_chunk(rewritten),
    "CRLF": lambda body: body.replace(b"\n", b"\r\n"),
    "CR": lambda body: body.replace(b"\n", b"\r"),
    "each line end in turn": lambda body: b"".join(
        line + (b"\n", b"\r\n", b"\r\n", b"\n")[at % 4] for at, line in enumerate(body.split(b"\n")[:-1])
    ),
    "JSON over several data lines": by_block(pretty),
    "names, ids, retries, comments and unknown fields in each block": by_block(
        lambda block: b"event: message\nid: 7\n: x\nretry: 9\ntrace: abc\n" + block if block[:4] == b"data" else block
    ),
    "an empty data line at the end": by_block(lambda block: block[:-1] + b"data\n\n" if b"{" in block else block),
    "usage with a key of its own": by_chunk(lambda chunk: (chunk.get("usage") or {}).update(queue_time=0.1)),
    "no blank after the colon": lambda body: body.replace(b"data: ", b"data:"),
    "a BOM": lambda body: b"\xef\xbb\xbf" + body,
    "more blank lines": lambda body: body.replace(b"\n\n", b"\n\n\n"),
    "comments of its own": lambda body: body.replace(COMMENT, b": ping\n\n"),
    "a role in each delta": by_choice(lambda choice: choice["delta"].update(role="assistant")),
    "fields of its own": by_chunk(lambda chunk: chunk.update(latency=1)),
    "another id, model and time": by_chunk(lambda chunk: chunk.update(id="mine", model="alias", created=2)),
    "null for an empty text": by_choice(lambda one: one["delta"].update(content=one["delta"].get("content") or None)),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_changes_no_meaning_fails_nothing(name: str) -> None:
    verdicts = judged(RIGHT[name])
    assert {case: one.evidence or one.note for case, one in verdicts.items() if one.result is not Result.PASS} == {}


@pytest.mark.parametrize("name", [name for name in DIALECTS if name != DIALECTS.default.name])
def test_another_api_that_is_passed_on_fails_nothing(name: str) -> None:
    assert reasons(judged(bytes, DIALECTS[name])) == {}


# -- keep-alive comments that are turned into something else ---------------------------------------------------------

TURNED = r"^a keep-alive comment is turned into {}.*Pass it on as a comment"
OF_COMMENTS = "comments are turned into what readers do not skip"
NOT_OF_THE_API = "an event that is not one of the API's: readers take it for one"
ADDED = "an event that is not one of the API's is added: readers take it for one"
AROUND = {
    "role": "a chunk comes before the one with the role",
    "finish-last": "a chunk with a choice comes after the one with the finish_reason, and has none",
}
FOREIGN = [
    b"data: {}\n\n",
    b'data: {"type":"ping"}\n\n',
    b"data: ping\n\n",
    b"data: null\n\n",
    b"data: []\n\n",
    b'data: {"choices":null}\n\n',
    b"data: \n\n",
    b"data: : ONEROUTER PROCESSING\n\n",
]


@pytest.mark.parametrize("block", FOREIGN)
def test_a_comment_that_becomes_an_event_is_found_and_shown(block: bytes) -> None:
    verdicts = judged(in_place_of_comments(block))
    found = reasons(verdicts)
    assert found.keys() == {"comments", "only-chunks"}
    assert OF_COMMENTS in found["comments"]
    assert re.search(TURNED.format(NOT_OF_THE_API), found["only-chunks"])
    evidence = verdicts["fidelity/only-chunks"].evidence
    assert evidence is not None
    assert evidence.got == f"{block.decode()}\n11 of them in all".replace("\n\n\n", "\\n\\n\n", 1)


@pytest.mark.parametrize("name", ["gemini", "messages", "responses"])
@pytest.mark.parametrize("block", [b"data: {}\n\n", b"data: ping\n\n", b"event: note\ndata: {}\n\n"])
def test_so_it_is_in_any_other_api(name: str, block: bytes) -> None:
    found = reasons(judged(in_place_of_comments(block), DIALECTS[name]))
    assert re.search(TURNED.format(NOT_OF_THE_API), found["only-chunks"])
    assert OF_COMMENTS in found["comments"]


@pytest.mark.parametrize(
    ("block", "cases"),
    [
        (b'event: ping\ndata: {"type":"ping"}\n\n', {"only-messages": "an event with a name"}),
        (b"event: keepalive\n\n", {"only-messages": "a block without data"}),
        (b"retry: 100\n\n", {"only-messages": "a block without data"}),
        (b"id: 1\n\n", {"only-messages": "a block without data"}),
        (b'data: {"error":{"message":"x"}}\n\n', {"only-chunks": "an error: the upstream reports none"}),
        (chunk(), {"only-content": "a chunk without content"}),
        (chunk(says()), {"only-content": "a chunk without content", **AROUND}),
        (chunk(says("")), {"only-content": "a chunk without content", **AROUND}),
    ],
)
def test_a_comment_that_becomes_anything_else_is_found_as_that(block: bytes, cases: dict[str, str]) -> None:
    found = reasons(judged(in_place_of_comments(block)))
    assert found.keys() == {"comments", *cases}
    assert OF_COMMENTS in found["comments"]
    assert all(re.search(TURNED.format(what), found[case]) for case, what in cases.items() if case.startswith("only"))
    assert all(found[case].startswith(what) for case, what in cases.items() if not case.startswith("only"))
    assert (
        found.get("role", "a chunk comes before the one with the role") == "a chunk comes before the one with the role"
    )


def test_a_comment_that_becomes_a_text_is_a_part_of_the_answer() -> None:
    found = reasons(judged(in_place_of_comments(chunk(says(" ")))))
    assert {"comments", "choices", "choices-together"} <= found.keys()
    assert found["choices"] == found["choices-together"]
    assert found["choices"].startswith("a keep-alive comment is turned into a chunk with a text")


def test_one_comment_of_many_that_becomes_an_event_is_found_too() -> None:
    found = reasons(judged(lambda body: body.replace(COMMENT, b"data: {}\n\n", 1)))
    assert found.keys() == {"only-chunks"}
    assert re.search(TURNED.format(NOT_OF_THE_API), found["only-chunks"])


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.replace(COMMENT, COMMENT + b"data: {}\n\n"),  # beside each
        lambda body: body.replace(COMMENT, b"").replace(b"data: [DONE]", b'data: {"warning":1}\n\ndata: [DONE]'),
    ],
)
def test_an_event_is_not_said_to_come_of_a_comment_where_it_does_not(change: Change) -> None:
    assert reasons(judged(change))["only-chunks"] == ADDED


def test_a_ping_before_all_else_does_not_make_it_another_api() -> None:
    """Messages has such an event of its own; the chunks after it say which API it is."""
    assert reasons(judged(lambda body: b'data: {"type":"ping"}\n\n' + body)).keys() == {"only-chunks"}


# -- what is lost, changed, added, moved -----------------------------------------------------------------------------


TEXTS = ("text", "spaces", "separators", "long-event", "no-blank", "gzip")


ONE = "the choices are made one: the text of one comes out as that of another"
WRAPPED = (
    *("role", "finish", "usage", "reasoning", "tools", "refusal", "choices", "choices-together", "annotations"),
    *("logprobs", "unknown-fields"),
)
CHANGES: dict[str, tuple[Change, dict[str, str]]] = {
    "no refusal": (without("delta", "refusal"), {"refusal": "the refusal is lost: its readers get an empty answer"}),
    "no annotations": (without("delta", "annotations"), {"annotations": "the annotations are lost"}),
    "no logprobs": (without("choice", "logprobs"), {"logprobs": "the logprobs are lost"}),
    "no details": (without("delta", "reasoning_details"), {"unknown-fields": "left out: reasoning_details$"}),
    "no native reason": (without("choice", "native_finish_reason"), {"unknown-fields": "left out: native_finish"}),
    **{
        f"no {name}": (without(name), {"unknown-fields": f"fields that it does not know are left out: {name}$"})
        for name in ("provider", "system_fingerprint", "service_tier", "x_groq")
    },
    "another provider": (
        by_chunk(lambda chunk: chunk.update(provider="me")),
        {"unknown-fields": "fields that it does not know are changed: provider$"},
    ),
    "no nulls": (
        by_chunk(lambda chunk: without_nulls(json.dumps(chunk))),
        {"finish-null": "the finish_reason is left out where it is null"},
    ),
    "one choice": (
        by_chunk(of_the_first_choice),
        dict.fromkeys(("choices", "choices-together"), "choice 1 is lost: 1 of 2 choices comes out"),
    ),
    "the first choice of each chunk": (by_chunk(first_of_each), {"choices-together": "choice 1 is lost"}),
    "one index": (
        by_choice(lambda choice: choice.update(index=0)),
        dict.fromkeys(("choices", "choices-together"), ONE),
    ),
    "one text": (
        by_choice(lambda choice: choice["delta"].get("content") and choice.update(index=0)),
        dict.fromkeys(("choices", "choices-together"), ONE),
    ),
    "no index": (
        without("choice", "index"),
        {"required": "left out: index; clients", **dict.fromkeys(("choices", "choices-together"), ONE)},
    ),
    "another object": (
        by_chunk(lambda chunk: chunk.update(object="chat.completion")),
        {"required": "the object of a chunk is chat.completion and not chat.completion.chunk"},
    ),
    "another tool id": (
        lambda body: body.replace(b'"call_b"', b'"mine"'),
        {"tools": "tool call 1 is changed: its id$"},
    ),
    "a message for a delta": (
        by_choice(named_other),
        {
            "events": r"no event has a text in `choices\[\].delta.content`",
            "required": "left out: delta;",
            "role": "",
            "reasoning": "",
            "tools": "the tool calls are lost",
            "refusal": "",
            "choices": "the text of choice 0 is lost",
            "choices-together": "the text of choice 0 is lost",
            "annotations": "",
            "unknown-fields": "left out: reasoning_details",
        },
    ),
    "names": (
        lambda body: body.replace(b"data: {", b"event: chunk\ndata: {"),
        {"only-messages": "the chunks get a name: a reader that listens for `message`"},
    ),
    "a role of its own": (
        lambda body: chunk({"index": 0, "delta": {"role": "assistant"}, "finish_reason": None}) + body,
        {"only-content": "^a chunk without content is added"},
    ),
    "a text before": (
        lambda body: chunk(says("[via me] ")) + body,
        {
            **dict.fromkeys(
                ("events", "choices", "choices-together"), "a text that the upstream did not send is added"
            ),
            "role": "a chunk comes before the one with the role",
        },
    ),
    "a text twice": (
        by_block(lambda block: block * 2 if b'"content":"tok002' in block else block),
        {
            **dict.fromkeys(("events", "choices", "choices-together"), "a chunk comes out twice"),
            "logprobs": "the logprobs are changed",
        },
    ),
    "a text in two": (by_block(split), {"events": "events are cut into several", "logprobs": ""}),
    "two texts in one": (joined, {"events": "several events are joined into one", "logprobs": ""}),
    "usage before the finish": (moved(b'"usage"', -1), {"order": "chunks come in another order"}),
    "usage after [DONE]": (moved(b'"usage"', 1), {"order": "chunks come in another order"}),
    "reasoning after the text": (moved(b'" think."', 2), {"order": "chunks come in another order"}),
    "texts in another order": (
        moved(b'"tok002 "', 1),
        {"events": "the order of events is changed", "order": "", "logprobs": "", "choices-together": "is changed$"},
    ),
    "no line after [DONE]": (
        lambda body: body.removesuffix(b"\n"),
        {"done": r"the empty line after \[DONE\] is missing", "grammar": ""},
    ),
    "ASCII": (
        lambda body: body.decode().encode("ascii", "replace"),
        {"text": "every character outside ASCII is replaced", "tools": "tool call 0 is changed: its arguments$"},
    ),
    "bytes as ASCII": (
        lambda body: body.decode("ascii", "replace").encode(),
        {"text": "every character outside ASCII is replaced", "tools": ""},
    ),
    "Windows-1252": (
        lambda body: body.decode().encode("cp1252", "replace"),
        {"text": "every character outside ASCII is replaced", "tools": ""},
    ),
    "read as Windows-1252": (
        lambda body: body.decode("cp1252", "replace").encode(),
        {"text": "UTF-8 is read as Latin-1", "tools": ""},
    ),
    "HTML": (
        lambda body: body.replace("ü".encode(), b"&uuml;").replace("ï".encode(), b"&iuml;"),
        {"text": "characters are escaped for HTML", "tools": "tool call 0 is changed: its arguments"},
    ),
    "JSON twice": (
        by_block(lambda block: twice(block) if block.startswith(b"data: {") else block),
        {
            "text": "events are encoded as JSON twice",
            "grammar": "",
            "long-event": "does not come out: if shorter ones do",
            "only-chunks": "an event that is not one of the API's is added",
        },
    ),
    "a finish_reason in each chunk": (
        by_choice(lambda choice: choice.update(finish_reason="stop")),
        {
            "finish": "a finish_reason is put into chunks that have none",
            **dict.fromkeys(("grammar", "finish-last", "choices", "choices-together"), ""),
        },
    ),
    "lines of JSON as an event stream": (
        lambda body: b"".join(line[5:] + b"\n" for line in body.split(b"\n") if line.startswith(b"data:")),
        {
            **dict.fromkeys(TEXTS, "is that of an event stream, but what comes out has no event"),
            "comments": "comments are dropped",
        },
    ),
    "no token of white space alone": (
        by_chunk(lambda chunk: not chunk["choices"] or not text_in(chunk).isspace()),
        {"spaces": "blanks or line ends of the text are lost"},
    ),
    "stripped tokens": (
        by_choice(lambda choice: choice["delta"].update(content=(choice["delta"].get("content") or "").strip())),
        {
            "spaces": "blanks or line ends of the text are lost",
            **dict.fromkeys(("text", "events", "choices", "choices-together"), ""),
        },
    ),
    "no token that equals the one before it": (without_repetition, {"spaces": "of two equal tokens one is left out"}),
    "str.splitlines": (
        lambda body: b"".join(line.encode() + b"\n\n" for line in body.decode().splitlines() if line),
        {"separators": "does not come out: only LF, CR and CRLF end a line"},
    ),
    "text above 64 KiB cut": (
        by_choice(cut_text),
        {"long-event": "a long text is cut: of 300,010 characters the first 65,542 come out"},
    ),
    "line separators as line ends": (
        lambda body: body.replace("\u2028".encode(), b"\\n").replace("\u2029".encode(), b"\\n"),
        {"separators": "comes out as a blank or a line end, or not at all"},
    ),
    "reasoning as text": (
        by_choice(reasoning_as_text),
        {"reasoning": "the reasoning comes out as text of the answer"},
    ),
    "a refusal as text": (
        by_choice(refusal_as_text),
        {"refusal": "the refusal comes out as text of the answer"},
    ),
    "usage as texts": (by_chunk(usage_as_texts), {"usage": "the usage is changed"}),
    "usage without its details": (by_chunk(without_details), {"usage": "the usage is changed"}),
    "stop for every finish_reason": (
        by_choice(lambda choice: choice.get("finish_reason") and choice.update(finish_reason="stop")),
        dict.fromkeys(("finish", "choices", "choices-together"), "finish_reason"),
    ),
    "rounded logprobs": (by_choice(rounded), {"logprobs": "the logprobs are changed"}),
    "no ids of tool calls": (by_choice(without_tool_ids), {"tools": "tool call 0 is changed: its id"}),
    "no first chunk": (
        lambda body: re.sub(rb"data: \{.*\n\n", b"", body, count=1),
        {"role": "the role is lost", "unknown-fields": "left out: x_groq"},
    ),
    "each chunk in a list": (
        by_block(lambda block: b"data: [" + block[6:-2] + b"]\n\n" if block.startswith(b"data: {") else block),
        {
            **dict.fromkeys(WRAPPED, "no event that comes out is a chunk"),
            **dict.fromkeys(("events", "grammar", "only-chunks"), ""),
        },
    ),
    "U+FEFF before each event": (
        by_block(lambda block: b"\xef\xbb\xbf" + block),
        {
            "done": "does not come in a line of data: the field's name is another one",
            **dict.fromkeys(("text", "events", "grammar", "long-event"), ""),
        },
    ),
    "no event above 64 KiB": (
        by_block(lambda block: block if len(block) < 1 << 16 else b""),
        {"long-event": "an event of 300,010 bytes does not come out: if shorter ones do, a buffer for lines has"},
    ),
    "`data: ` alone": (
        by_block(lambda block: b"" if block.startswith(b"data:{") else block),
        {"no-blank": "`data:` without a blank after it is not understood"},
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_fails_its_cases_alone_with_their_reasons(name: str) -> None:
    change, expected = CHANGES[name]
    found = reasons(judged(change))
    assert found.keys() == expected.keys(), found
    assert {case: found[case] for case, reason in expected.items() if not re.search(reason, found[case])} == {}
