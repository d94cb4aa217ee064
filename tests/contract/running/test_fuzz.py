"""Fuzzing: planted bugs are found by small streams, and a correct client is not accused."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from orharness.cli.check import CheckOptions
from orharness.cli.fuzz import FuzzOptions, fuzz_client
from orharness.contract import run
from orharness.contract.driving.functions import FunctionSubject
from orharness.contract.running.fuzz import _Search, fuzz
from orharness.contract.running.trials import Trials
from orharness.dialects import DIALECTS
from orharness.errors import ScenarioError
from orharness.server.facade import SseServer
from orharness.verdict import Result
from tests.support.correct_clients import Answer, correct
from tests.support.mutants import MUTANTS

CLIENTS = {one.name: one.client for one in MUTANTS}
ENOUGH = 20.0  # seconds in which a bug is found on a busy machine; mostly it takes one
CHAT = DIALECTS.default


def events_of(document: dict[str, Any]) -> int:
    reply = document["reply"]
    return len(reply["events"] if "events" in reply else reply["answer"]["text"])


def test_what_a_client_loses_is_shown_in_an_answer_that_ends_well_where_that_is_lost_as_well() -> None:
    broken = {"events": [{"raw": "data:${text:a}\n\n"}], "ending": "abort"}
    document = {"id": "fuzz/found", "title": "", "reply": broken, "expect": {"text": "a", "error": True}}
    with SseServer(strict=False) as server:
        lost, swallowed = (
            _Search(Trials(server, FunctionSubject(CLIENTS[name]), 1.0), CHAT, 1.0, 1).plainer(document)
            for name in ("NeedsTheSpace", "PassesOverErrorEvents")
        )
    assert lost["expect"] == {"text": "a"}
    assert lost["reply"]["events"] == [*broken["events"], {"finish": "stop"}, {"end": True}]
    assert swallowed is document


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("NeedsTheSpace", "it looks for `data: ` with a space"),
        ("ParsesComments", "a comment line"),
        ("StopsAtTheFinishReason", "it stops at the finish_reason|the error is swallowed"),
        ("SplitsLinesAsPythonDoes", "a line is ended at a character that ends none"),
        ("PassesOverErrorEvents", "the answer looks complete"),
    ],
)
def test_a_planted_bug_is_found_by_a_small_stream(name: str, reason: str) -> None:
    found = fuzz(FunctionSubject(CLIENTS[name]), CHAT, seconds=ENOUGH, seed=1)
    assert found.document is not None
    assert events_of(found.document) <= 4
    assert found.verdict is not None
    assert found.verdict.evidence is not None
    assert re.search(reason, found.verdict.evidence.reason)
    again = run(CLIENTS[name], [found.document])
    assert [one.result for one in again if one.case == "fuzz/found"] == [Result.FAIL]


@pytest.mark.slow
@pytest.mark.parametrize("dropped", [str.isdigit, lambda text: "<" in text], ids=["digits", "markup"])
def test_a_client_that_drops_some_texts_is_found(dropped: Callable[[str], bool]) -> None:
    class Drops(Answer):
        """No text of this kind is handed over."""

        def text(self, delta: dict[str, Any]) -> Iterator[str]:
            return (one for one in super().text(delta) if not dropped(one))

    found = fuzz(FunctionSubject(partial(correct, make_answer=Drops)), CHAT, seconds=6 * ENOUGH, seed=1)
    assert found.document is not None
    assert events_of(found.document) <= 4


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["chat"])
def test_a_correct_client_is_not_accused(dialect: str) -> None:
    found = fuzz(FunctionSubject(correct), DIALECTS.named(dialect), seconds=6 * ENOUGH, patience=10.0, most=20)
    assert (found.document, found.verdict) == (None, None)
    assert found.streams == 20


def test_a_client_that_fails_a_plain_answer_is_told_that() -> None:
    said = "the client fails a plain answer, so that no other would say more: the client never sent a request"
    with pytest.raises(ScenarioError, match=said):
        fuzz(FunctionSubject(lambda _: iter(["x"])), CHAT, seconds=1.0, patience=0.3)


def test_without_hypothesis_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(ScenarioError, match="needs Hypothesis: pip install hypothesis"):
        fuzz(FunctionSubject(correct), CHAT)


@pytest.mark.slow
def test_the_command_writes_the_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    client = tmp_path / "my client.py"
    client.write_text("from tests.support.mutants import MUTANTS\n")
    with client.open("a") as file:
        file.write("stream = next(one.client for one in MUTANTS if one.name == 'NeedsTheSpace')\n")
    to = tmp_path / "found.json"
    assert fuzz_client(FuzzOptions(CheckOptions(f"{client}:stream", dialect="chat"), ENOUGH, to)) == 1
    [document] = json.loads(to.read_text("utf-8"))
    assert document["id"] == "fuzz/found"
    said = capsys.readouterr().err
    assert "it looks for `data: ` with a space" in said
    again = f"orharness check '{client}:stream' --cases {to} --only fuzz/found --dialect chat plays it again"
    assert again in " ".join(said.split())


def test_a_wrong_time_is_told() -> None:
    with pytest.raises(ScenarioError, match="--seconds is a number of seconds above 0, not 0"):
        FuzzOptions(CheckOptions("x:y"), 0.0)


def test_where_nothing_can_be_written_is_told_before_the_search(tmp_path: Path) -> None:
    tmp_path.joinpath("file").touch()
    FuzzOptions(CheckOptions("x:y"), to=tmp_path / "new" / "found.json")
    for to, why in (
        (tmp_path, "is a folder: name a file"),
        (tmp_path / "file" / "found.json", r"file is not a folder"),
    ):
        with pytest.raises(ScenarioError, match=f"--to .*{why}"):
            FuzzOptions(CheckOptions("x:y"), to=to)


def test_a_folder_that_may_not_be_written_to_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)  # the user of the tests may write anywhere
    with pytest.raises(ScenarioError, match=r"--to .* cannot be written: you may not write to"):
        FuzzOptions(CheckOptions("x:y"), to=tmp_path / "new" / "found.json")
