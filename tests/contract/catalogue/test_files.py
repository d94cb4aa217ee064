"""Cases as files: the catalogue written out and read again, and cases of a user's own."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orharness.contract import CASES, run
from orharness.contract.catalogue import cases_in, lives_of
from orharness.contract.catalogue.case import Case
from orharness.contract.catalogue.export import as_document, export
from orharness.contract.catalogue.files import load, with_own
from orharness.contract.catalogue.parse import parse
from orharness.contract.running.replies import plain_request
from orharness.dialects import DIALECTS
from orharness.errors import Inexpressible, ScenarioError
from orharness.scenario import Reply
from orharness.stream import repartition
from orharness.verdict import Result
from tests.support.correct_clients import correct

CHAT = DIALECTS.default
NO_ID = "case 1 of the file: id is a text without blanks, FAMILY/NAME; not "
OWN = """
cases:
- id: mine/twice
  title: The same token twice.
  reply: {events: [{text: ab}, {text: ab}, {finish: stop}, {end: true}]}
  expect: {text: abab}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "dialect", [pytest.param(one, marks=[] if one == "chat" else [pytest.mark.slow]) for one in DIALECTS]
)
def test_a_case_that_was_written_out_is_the_same_case(dialect: str) -> None:
    for case in cases_in(None, dialect):
        with suppress(ScenarioError):  # a transform that this API's body has no place for
            if case.inapplicable is None:
                is_the_same_when_read_again(case)


def is_the_same_when_read_again(case: Case) -> None:
    document = json.loads(json.dumps(as_document(case)))
    again = parse(document, case.dialect)
    is_sent_the_same(case, case.reply(), again.reply())
    further: dict[str, Any] = {"again": again.again, "grows": again.grows}
    assert [(size, one.expected) for size, one in again.grows] == [(size, one.expected) for size, one in case.grows]
    if again.again is not None and case.again is not None:
        is_sent_the_same(case, case.again(), again.again())
    for name in ("beside", "then", "control"):
        further[name] = one = getattr(again, name)
        if one is not None:
            ours = getattr(case, name)
            is_sent_the_same(case, ours.reply(), one.reply())
            assert replace(ours, reply=one.reply) == one
    same = replace(case, reply=again.reply, document=again.document, wrong_request=again.wrong_request, **further)
    assert again == same


def is_sent_the_same(case: Case, ours: Reply, theirs: Reply) -> None:
    sent, read = (one.answer(plain_request(case)) for one in (ours, theirs))
    assert read.stream.frame is case.dialect.frame
    stream = repartition(sent.stream, {*sent.stream.boundaries, *sent.stream.gates})
    assert read.stream.chunks == stream.chunks
    assert (read.stream.ending, read.stream.framing) == (stream.ending, stream.framing)
    assert (read.stream.gates, read.stream.announced) == (stream.gates, stream.announced)
    assert (read.status, read.headers, read.head) == (sent.status, sent.headers, sent.head)


@pytest.mark.slow
def test_each_case_has_a_file_of_its_own(tmp_path: Path) -> None:
    number = export(CASES, tmp_path)
    files = sorted(tmp_path.rglob("*.json"))
    assert number == len(files) == len(CASES)
    assert {json.loads(file.read_text("utf-8"))["id"] for file in files} == {case.id for case in CASES}


def test_what_was_exported_is_read_as_a_folder(tmp_path: Path) -> None:
    export([case for case in CASES if case.family == "done"], tmp_path)
    read = load(tmp_path, CHAT)
    assert {case.id for case in read} == {case.id for case in CASES if case.family == "done"}


@pytest.mark.parametrize("name", ["own.yaml", "own.json", "own.py"])
def test_a_case_of_ones_own_is_judged_with_the_others(tmp_path: Path, name: str) -> None:
    documents: list[dict[str, Any]] = [
        {
            "id": "mine/twice",
            "title": "The same token twice.",
            "reply": {"events": [{"text": "ab"}, {"text": "ab"}, {"finish": "stop"}, {"end": True}]},
            "expect": {"text": "abab"},
        }
    ]
    texts = {"own.yaml": OWN, "own.json": json.dumps(documents), "own.py": f"CASES = {documents!r}"}
    (tmp_path / name).write_text(texts[name])
    cases = with_own([tmp_path / name])
    assert len(cases) == len(CASES) + len(lives_of(DIALECTS.default)) + 1
    [verdict] = run(correct, cases, only="mine/twice")
    assert verdict.result is Result.PASS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (OWN.replace("mine/twice", "done/twice"), "the id 'done/twice' is taken"),
        (OWN.replace("expect:", "expects:"), "mine/twice: expect is missing"),
        (OWN.replace("{text: ab}", "{tex: ab}"), "mine/twice: "),
        ("[1]", "case 1 of the file is not a mapping"),
        ("{", "own.yaml"),
    ],
)
def test_a_wrong_file_is_told_by_its_name(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(text)
    with pytest.raises(ScenarioError, match=said) as caught:
        with_own([file])
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [("1 / 0", "it raised ZeroDivisionError"), ("CASES = 3", "it has no list CASES"), (None, "no such")],
)
def test_so_is_a_wrong_python_file(tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "own.py"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ScenarioError, match=said):
        with_own([file])


def exported(tmp_path: Path, **edits: object) -> Path:
    case = next(one for one in CASES if one.id == "done/clean-end")
    document = {**json.loads(json.dumps(as_document(case))), **edits}
    (tmp_path / "exported.json").write_text(json.dumps(document))
    return tmp_path / "exported.json"


@pytest.mark.parametrize("edits", [{}, {"title": "As an older version worded it."}])
def test_an_exported_case_of_ours_is_run_once(tmp_path: Path, edits: dict[str, object]) -> None:
    ids = [case.id for case in with_own([exported(tmp_path, **edits)])]
    assert ids.count("done/clean-end") == 1
    assert ids == [case.id for case in with_own([])]


def test_an_exported_case_that_was_edited_needs_an_id_of_its_own(tmp_path: Path) -> None:
    said = r"exported\.json: the id 'done/clean-end' is taken by another case: give it an id of its own"
    exported(tmp_path, expect={"text": "x"})
    with pytest.raises(ScenarioError, match=said):
        with_own([tmp_path])  # of a folder, the file is named
    own = with_own([exported(tmp_path, expect={"text": "x"}, id="mine/end")])[-1]
    assert (own.id, own.expected.text) == ("mine/end", "x")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cases: []", "it has no case in it"),
        *(
            (
                OWN.replace("mine/twice", wrong),
                f"case 1 of the file: id is a text without blanks, FAMILY/NAME; not {said}",
            )
            for wrong, said in (("3", "3"), ("twice", "'twice'"), ("../x", "'../x'"), ("mine/a b", "'mine/a b'"))
        ),
        ("cases: [{title: x}]", "case 1 of the file: id is missing"),
        (f"{OWN}- {{title: x}}", "case 2 of the file: id is missing"),
        (f"{OWN}- x", "case 2 of the file is not a mapping with id, title, reply and expect, but 'x'"),
        (OWN.replace("reply:", "dialect: chta\n  reply:"), "mine/twice: there is no dialect 'chta'"),
        (
            OWN.replace("abab}", "abab, due: [ab]}"),
            "mine/twice: due in expect has 1 text, and the reply is held at 0 places",
        ),
    ],
)
def test_the_case_that_is_wrong_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(ScenarioError) as caught:
        with_own([tmp_path / "own.yaml"])
    assert str(caught.value).startswith(f"{tmp_path / 'own.yaml'}: {said}")


def test_a_file_that_is_not_there_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"none\.yaml: cannot be read: No such file or directory$"):
        with_own([tmp_path / "none.yaml"])


def test_a_folder_without_cases_is_no_set_of_cases(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(OWN)
    with pytest.raises(ScenarioError, match=r"there is no case in this folder: of a folder, the \*\.json files"):
        load(tmp_path, CHAT)


@pytest.mark.parametrize("code", [0, 3])
def test_a_file_of_cases_that_ends_the_process_is_a_mistake_and_no_verdict(tmp_path: Path, code: int) -> None:
    (tmp_path / "mine.py").write_text(f"raise SystemExit({code})\n")
    with pytest.raises(ScenarioError, match=rf"mine\.py: it raised SystemExit\({code}\) when it was imported"):
        load(tmp_path / "mine.py", CHAT)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("chunkings", [], "chunkings is a list of names; not []"),
        ("request", {"accept": 1}, "accept in request is a media type; not 1"),
        ("request", {"type": "xml"}, "type in request is json or named; not 'xml'"),
        ("control", {"reply": {}, "expect": {}}, "control needs cause"),
        (
            "also",
            [{"text": "a", "cancel": {}}],
            "cancel is in the expect of the case alone, not in also, beside, then or control",
        ),
        ("reply", {"events": {"text": "a"}}, "events is a list; not {'text': 'a'}"),
        ("reply", {"events": ["text"]}, "event 1 is a mapping, such as {text: Hello}; not 'text'"),
        (
            "reply",
            {"events": [{"text": "a"}, {"txt": "a"}]},
            "event 2 has no key txt (did you mean 'text'?); it takes base64, comment, cut, data, delay, end, event,"
            " fill, finish, id, named_as, optional, raw, retry, role, text, usage",
        ),
        (
            "reply",
            {"events": [{"delay": 1}]},
            "event 1 says nothing: it has none of text, finish, usage, end, data, event, id, comment, retry, raw or"
            " base64",
        ),
        (
            "reply",
            {"events": [{"text": "a", "comment": "b"}]},
            "event 1 has text and comment, which are events of their own",
        ),
        ("reply", {"events": [{"text": None}]}, "text in event 1 is a text; not None"),
        ("reply", {"events": [{"base64": "%%%"}]}, "base64 in event 1 is bytes in base64; not '%%%'"),
        (
            "reply",
            {"events": [{"text": "a", "delay": "1"}]},
            "delay in event 1 is a number of seconds, 0 or more; not '1'",
        ),
        ("reply", {"events": [{"end": False}]}, "end in event 1 is true; not False"),
        (
            "reply",
            {"events": [{"usage": 3}]},
            "usage in event 1 is a mapping of prompt_tokens, completion_tokens, reasoning_tokens, cost; not 3",
        ),
        (
            "reply",
            {"events": [{"text": "a"}], "json": {}},
            "a reply says what is sent in one of answer, events, blocks, many, stream, error, json, text, body; not in"
            " events and json",
        ),
        ("level", "must", "level is MUST or SHOULD; not 'must'"),
        ("chunkings", "per-byte", "chunkings is a list of names; not 'per-byte'"),
        ("runs", 0, "runs is a number from 1 up; not 0"),
        ("requests", -1, "requests is a number from 1 up, or any; not -1"),
        ("patience", "soon", "patience is a number greater than 0; not 'soon'"),
        ("reply", ["x"], "reply is a mapping; not ['x']"),
        (
            "expect",
            {"txt": "a"},
            "expect has no key txt; it takes cancel, due, error, parts, sent, text, unsaid (did you mean 'text'?)",
        ),
        ("expect", {"text": 3}, "text in expect is a text; not 3"),
        ("expect", {"error": "maybe"}, "error in expect is true, false or allowed; not 'maybe'"),
        ("expect", {"cancel": {"aftr": 2}}, "cancel has no key aftr; it takes after, inside_read, silent, stops"),
        ("expect", {"cancel": True}, "cancel in expect is a mapping of after, inside_read, silent, stops; not True"),
        ("expect", {"cancel": {"after": "soon"}}, "after in cancel is a number of pieces, 0 or more; not 'soon'"),
        ("pauses", 3, "pauses is a mapping of each, longest; not 3"),
        ("request", True, "request is a mapping of accept, complete, key, type; not True"),
        ("request", {"kez": True}, "request has no kez (did you mean 'key'?); it takes accept, complete, key, type"),
        ("also", [3], "also is a list of what may come instead, each as in expect; not [3]"),
        ("frame", "see", "frame is one of sse, ndjson, json-array; not 'see'"),
        (
            "chunkings",
            ["bytewise"],
            "there is no chunking 'bytewise'; a chunking is one of as-sent, whole, per-event, per-byte, two-bytes,"
            " middles, inside-crlf, inside-end, before-bom, at-random, every-offset, tender, tender-pairs",
        ),
        ("control", {"reply": {}}, "control needs expect"),
        ("then", {"reply": {}, "expect": {}}, "then is the answer after a cancel, and expect has no cancel"),
        ("mistaken", [{"type": "finish"}], "mistaken is a list of lists of parts; not [{'type': 'finish'}]"),
        ("expect", {"unsaid": "usage"}, "unsaid in expect is a list of kinds of parts; not 'usage'"),
        (
            "expect",
            {"unsaid": ["uses"]},
            "unsaid has kinds of parts, text, reasoning, refusal, tool_call, usage, finish; not 'uses'",
        ),
        ("expects", {}, "a case has no key expects (did you mean 'expect'?)"),
    ],
)
def test_a_wrong_value_of_a_case_is_one_sentence(tmp_path: Path, key: str, value: object, said: str) -> None:
    case = {
        "id": "mine/one",
        "title": "One.",
        "reply": {"events": [{"text": "a"}]},
        "expect": {"text": "a"},
        key: value,
    }
    file = tmp_path / "own.json"
    file.write_text(json.dumps([case]))
    with pytest.raises(ScenarioError) as caught:
        with_own([file])
    assert str(caught.value).startswith(f"{file}: {case['id']}: {said}")


def written_out(identifier: str, dialect: str = "chat") -> dict[str, Any]:
    [case] = [one for one in cases_in(None, dialect) if one.id == identifier]
    document: dict[str, Any] = json.loads(json.dumps(as_document(case)))
    return {**document, "id": "mine/edited"}


def test_edited_cuts_are_played_in_the_place_of_the_chunkings(tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    file.write_text(json.dumps({**written_out("framing/lf"), "cuts": [[17], [30]]}))
    [verdict] = run(correct, with_own([file]), only="mine")
    assert (verdict.result, verdict.boundaries_tried) == (Result.PASS, 4)  # two chunks a run; its chunkings have five


@pytest.mark.parametrize(("cuts", "called"), [([None], "as sent"), ([[]], "all in one chunk")])
def test_edited_cuts_that_have_a_name_are_that_chunking(cuts: list[Any], called: str) -> None:
    [chunking] = parse({**written_out("framing/lf"), "cuts": cuts}, CHAT).chunkings
    assert chunking.name == called


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("case", 2, "case is 1, the version of this form; not 2"),
        ("case", True, "case is 1, the version of this form; not True"),
        ("path", "/other", "path is '/chat/completions' here; not '/other'"),
        ("gates", "x", "gates is a list of body offsets (whole numbers); not 'x'"),
        ("gates", [165], "gates is [165], and the reply is held at [] (by hold, in its through): change through, or"),
        ("end_marker", 3, "end_marker is 3, and the reply ends at 677: correct it, or leave it out"),
        ("end_marker", "x", "end_marker is a body offset, a whole number, or null; not 'x'"),
        ("cuts", [[1_000_000]], "the body is 677 bytes: cuts cannot have [1000000]"),
        ("cuts", [[-4]], "the body is 677 bytes: cuts cannot have [-4]"),
        ("cuts", [["a"]], "cuts is a list of one run or more, each null or a list of body offsets"),
        ("cuts", [[30, 17]], "cuts is a list of one run or more, each null or a list of body offsets"),
        ("cuts", [], "cuts is a list of one run or more, each null or a list of body offsets"),
    ],
)
def test_a_written_out_case_that_contradicts_its_reply_is_refused(key: str, value: object, said: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse({**written_out("framing/lf"), key: value}, CHAT)
    assert str(caught.value).startswith(f"mine/edited: {said}")


def test_a_case_that_tries_no_boundaries_takes_no_cuts() -> None:
    with pytest.raises(ScenarioError, match=r"cuts is \[null\] in a case about leaving, which tries no boundaries"):
        parse({**written_out("cancellation/between-events"), "cuts": [[17]]}, CHAT)


@pytest.mark.slow
@pytest.mark.parametrize("dialect", DIALECTS)
def test_whatever_is_written_out_is_taken_back_as_it_is(dialect: str) -> None:
    for case in (*cases_in(None, dialect), *lives_of(DIALECTS.named(dialect))):
        with suppress(Inexpressible):
            document = None if case.inapplicable else json.loads(json.dumps(as_document(case)))
            if document is not None:
                assert parse(document, case.dialect).chunkings == case.chunkings, case.id
