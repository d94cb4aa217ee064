"""The cases of ``--quick`` are chosen by what they find, and find it: of mutants, reported bugs and real clients."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import bad_clients
from benchmarks.bad_clients import Measured, candidates
from benchmarks.judged.records import Fail, Record
from benchmarks.quick import (
    CAUGHT,
    MUTANTS,
    NUMBER,
    REAL,
    REPORTED,
    Fault,
    chosen,
    compared,
    every_fault,
    main,
    of_measured,
    of_records,
    short,
)
from orharness.contract.catalogue import sets


def fault(client: str, *cases: str, weight: float = 1.0) -> Fault:
    return Fault(MUTANTS, client, "its bug", frozenset(cases), weight)


def ids(text: str) -> list[str]:
    return text.split()


# -- the choice ------------------------------------------------------------------------------------------------------


def test_the_plain_case_is_first_and_then_what_finds_the_most() -> None:
    faults = [fault("a", "x", "z"), fault("b", "x"), fault("c", "y")]
    assert chosen(faults, {}, ids("p x y z"), "p", 3) == ids("p x y")


def test_of_two_that_find_as_much_the_shorter_is_taken() -> None:
    faults = [fault("a", "long", "short"), fault("b", "long", "short")]
    assert chosen(faults, {"long": 0.5, "short": 0.1}, ids("p long short"), "p", 2) == ids("p short")
    assert chosen(faults, {"long": 0.1, "short": 0.5}, ids("p long short"), "p", 2) == ids("p long")


def test_what_nobody_has_found_yet_comes_before_what_many_find_again() -> None:
    faults = [*(fault(f"many{number}", "x", "y") for number in range(9)), fault("one", "z")]
    assert chosen(faults, {}, ids("p x y z"), "p", 4) == ids("p x z y")


def test_what_fails_a_client_counts_more_than_what_is_only_shown() -> None:
    faults = [fault("a", "must"), fault("b", "should", weight=0.25), fault("c", "should", weight=0.25)]
    assert chosen(faults, {}, ids("p should must"), "p", 3) == ids("p must should")


def test_there_are_no_more_than_there_are_cases() -> None:
    assert chosen([], {}, ids("p x"), "p", 40) == ids("p x")


def test_what_takes_long_with_a_client_that_does_all_right_is_left_out() -> None:
    every = [case.id for case in candidates()]
    assert "comments/heartbeat" in every
    assert "comments/heartbeat" not in short(candidates(), {"comments/heartbeat": 1.5, "framing/lf": 0.05})
    found = short(candidates(), {"comments/heartbeat": 1.5, "framing/lf": 0.05})
    assert "framing/lf" in found
    assert not [case for case in found if case.startswith("liveness/")]


# -- what is to be found ---------------------------------------------------------------------------------------------


def test_a_mutant_has_its_bug_and_is_caught_by_what_must_hold() -> None:
    measured = Measured(mutants={"m": ["framing/lf", "delivery/side-by-side"]}, reported={"r": ["chat/no-delta"]})
    found = {(one.source, one.client, one.kind): one for one in of_measured(measured)}
    assert found[MUTANTS, "m", CAUGHT].cases == {"framing/lf"}  # the other one is a SHOULD
    assert found[MUTANTS, "m", "its bug"].cases == {"framing/lf", "delivery/side-by-side"}
    assert found[REPORTED, "r", "its bug"].weight < 1
    assert (REPORTED, "r", CAUGHT) not in found


def test_fails_with_the_same_note_are_one_kind_and_without_one_the_reason_is() -> None:
    fails = {
        "a/1": Fail("MUST", "it raised A"),
        "a/2": Fail("SHOULD", "it raised B"),
        "a/3": Fail("MUST", "it hangs"),
        "a/4": Fail("SHOULD", "it raised C"),
    }
    noted = {"c": {"a/1": "it reads no lines", "a/2": "it reads no lines (a SHOULD)", "a/3": "?"}}
    found = {one.kind: one for one in of_records([Record("c", "", "", "chat", "", fails=fails)], noted)}
    assert found["it reads no lines"].cases == {"a/1", "a/2"}
    assert found["it hangs"].cases == {"a/3"}
    assert found["it raised C"].weight < found["it hangs"].weight == found["it reads no lines"].weight
    assert found[CAUGHT].cases == {"a/1", "a/3"}


def test_the_table_tells_what_each_set_finds() -> None:
    faults = [
        Fault(REAL, "a", CAUGHT, frozenset({"x"})),
        Fault(REAL, "a", "k", frozenset({"x"})),
        Fault(REAL, "a", "l", frozenset({"y"})),
        fault("m", "z"),
    ]
    table = compared(faults, ["y"], ["x", "y"], ["x", "y", "z"])
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows[f"{REAL}: caught by a MUST"] == (0, 1, 1)
    assert rows[f"{REAL}: kinds of fail that are found"] == (1, 2, 2)
    assert rows[f"{MUTANTS}: kinds of fail that are found"] == (0, 0, 1)


def test_what_was_measured_is_kept(tmp_path: Path) -> None:
    measured = Measured({"framing/lf": 0.05}, {"m": ["framing/lf"]}, {"r": []})
    measured.write(tmp_path / "kept.json")
    assert Measured.read(tmp_path / "kept.json") == measured


def test_the_bug_of_a_file_is_what_its_fixed_client_does_not_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, list[str]] = {}

    def judged(client: str, cases: Sequence[str]) -> list[str]:
        asked[client] = list(cases)
        return ["x", "y"] if client.endswith(":bad") else ["y"]

    monkeypatch.setattr(bad_clients, "judged", judged)
    assert bad_clients.reported_by(Path("late.py"), ["x", "y", "z"]) == ["x"]
    assert asked == {"late.py:bad": ["x", "y", "z"], "late.py:fixed": ["x", "y"]}


@pytest.mark.slow
def test_the_command_tells_what_fails_a_client() -> None:
    client = "tests/support/mutants.py:takes_a_page_for_an_empty_answer"
    assert bad_clients.judged(client, ["done/clean-end", "errors/html-with-200"]) == ["errors/html-with-200"]


def test_the_command_compares_the_choice_with_another_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tmp_path / "before.txt"
    before.write_text("# none that is left\ntransport/slow-head\n", "utf-8")
    assert main(["--before", str(before)]) == 0
    told = capsys.readouterr().out
    assert "\nno longer: transport/slow-head\n" in told
    assert len(told.partition("quick. ")[0].split()) == NUMBER


# -- the set of today ------------------------------------------------------------------------------------------------


def test_the_set_finds_what_any_case_finds_of_the_bad_clients_and_nearly_all_of_the_real_ones() -> None:
    """If it does not: python -m benchmarks.quick --write."""
    quick, known = sets.ids_of(sets.QUICK), {case.id for case in candidates() if not case.in_limits}
    assert quick <= known
    caught: dict[str, list[bool]] = {}
    for one in every_fault():
        if one.kind == CAUGHT and one.cases & known:  # what only a case of liveness finds takes too long
            caught.setdefault(one.source, []).append(bool(one.cases & quick))
    for source, least in ((MUTANTS, 1.0), (REPORTED, 1.0), (REAL, 0.95)):
        assert sum(caught[source]) >= least * len(caught[source]), source
