"""The contract's pure parts: how bodies are cut, how the fewest cuts are found, and which cases are chosen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orharness.contract import CASES, Profile, select
from orharness.contract.catalogue.case import Cancel
from orharness.contract.catalogue.chunkings import (
    AS_SENT,
    AT_RANDOM,
    EVERY_OFFSET,
    PER_BYTE,
    PER_EVENT,
    TENDER_PAIRS,
    WHOLE,
    tender,
)
from orharness.contract.judging.judge import judge_cancel
from orharness.contract.judging.shrink import smallest
from orharness.contract.running.replay import find
from orharness.errors import ScenarioError
from orharness.journal import Bill, Exchange, How, Outcome, Request
from orharness.stream import Stream

BODY = ": é\n\ndata: {}\r\n\r\ndata: [DONE]\n\n".encode()
STREAM = replace(Stream.of(BODY), end_marker=len(BODY))


def cuts(chunking: object, seed: int = 0, body: bytes = BODY) -> list[tuple[int, ...] | None]:
    return list(chunking.cuts(Stream.of(body), seed))  # type: ignore[attr-defined]


def test_the_ways_to_cut() -> None:
    assert cuts(AS_SENT) == [None]
    assert cuts(WHOLE) == [()]
    assert cuts(PER_BYTE) == [tuple(range(1, len(BODY)))]
    assert cuts(EVERY_OFFSET) == [(at,) for at in range(1, len(BODY))]
    [[first, second]] = [one or () for one in cuts(PER_EVENT)]
    assert (BODY[:first], BODY[first:second]) == (": é\n\n".encode(), b"data: {}\r\n\r\n")


def test_chunks_by_chance_are_the_same_for_the_same_seed() -> None:
    assert cuts(AT_RANDOM, 7) == cuts(AT_RANDOM, 7) != cuts(AT_RANDOM, 8)


def test_a_cut_hurts_inside_characters_line_ends_fields_comments_and_the_end_marker() -> None:
    found = [BODY[start:end] for start, end in tender(STREAM)]
    assert found == [": é".encode(), "é".encode(), b"\n\n", b"data:", b"\r\n", b"\r\n", b"data:", b"[DONE]", b"\n\n"]
    assert all(0 < at < len(BODY) for pair in cuts(TENDER_PAIRS) for at in pair or ())


@given(st.sets(st.integers(1, 60), min_size=1), st.sets(st.integers(1, 60), min_size=1, max_size=3))
def test_what_is_found_still_fails_and_can_do_without_nothing(given_cuts: set[int], needed: set[int]) -> None:
    every = sorted(given_cuts | needed)
    found = smallest(every, lambda some: needed <= set(some), budget=10_000)
    assert set(found) == needed


def test_cuts_that_do_not_matter_are_all_left_out() -> None:
    assert smallest((1, 2, 3), lambda _: True, budget=10) == ()


@given(st.integers(0, 20))
def test_no_more_is_asked_than_the_budget_allows(budget: int) -> None:
    asked: list[tuple[int, ...]] = []

    def fails(some: tuple[int, ...]) -> bool:
        asked.append(some)
        return {3, 50} <= set(some)

    found = smallest(range(1, 60), fails, budget)
    assert len(asked) <= budget
    assert {3, 50} <= set(found)


def test_a_whole_id_names_one_case_and_a_part_of_it_all_that_have_it() -> None:
    assert [case.id for case in select(only="framing/crlf")] == ["framing/crlf"]
    crlf = [case.id for case in CASES if "crlf" in case.id]
    assert [case.id for case in select(only="crlf")] == crlf
    assert len(crlf) > 1
    assert set(select(only="comments")) >= {case for case in CASES if case.family == "comments"}


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(ScenarioError, match="no case is named 'nothing'; the families are framing, boundaries"):
        select(only="nothing")
    with pytest.raises(ScenarioError, match="the claims are parsing, done, errors, cancellation, conduct; not speed"):
        select(claims=["speed"])
    with pytest.raises(ScenarioError, match=r"the claims are .*; not parsnig \(did you mean 'parsing'\?\)"):
        select(claims=["done", "parsnig"])
    with pytest.raises(ScenarioError, match="claims= names no claim: the claims are parsing"):
        select(claims=[])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("clean-edn", r"no case is named 'clean-edn' \(did you mean 'clean-end'\?\)"),
        ("done/clean-edn", r"no case is named 'done/clean-edn' \(did you mean 'done/clean-end'\?\)"),
        ("farming", r"no case is named 'farming' \(did you mean 'framing'\?\)"),
        ("nothing", "no case is named 'nothing'; the families are framing"),
        ("", "no case is named ''; the families are framing"),
    ],
)
def test_an_unknown_name_is_a_mistake_beside_a_known_one_too(name: str, said: str) -> None:
    for only in ([name], ["done/clean-end", name], [name, "framing"]):
        with pytest.raises(ScenarioError, match=said):
            select(only=only)


def test_a_name_that_leaves_no_case_is_a_mistake_beside_one_that_does() -> None:
    of_claim = r"no case of done is named 'inside-a-character'"
    with pytest.raises(ScenarioError, match=of_claim):
        select(claims=["done"], only=["done/clean-end", "inside-a-character"])
    whatwg = next(one for one in CASES if one.profile is Profile.WHATWG and len(select(only=one.id[:-1])) == 1)
    said = rf"no case of the profile gateway is named '{whatwg.id[:-1]}'; profile whatwg \(--profile whatwg\) has"
    with pytest.raises(ScenarioError, match=f"{said} {whatwg.id}$"):
        select(only=["done/clean-end", whatwg.id[:-1]], profile=Profile.GATEWAY)
    assert whatwg in select(only=["done/clean-end", whatwg.id], profile=Profile.GATEWAY)


def test_the_nearest_id_is_offered_where_one_case_is_wanted() -> None:
    with pytest.raises(ScenarioError, match=r"there is no case 'done/clean-edn' \(did you mean 'done/clean-end'\?\)"):
        find("done/clean-edn")
    with pytest.raises(ScenarioError, match="there is no case '': orharness check --list names each by its id"):
        find("")


def test_a_profile_holds_what_a_smaller_one_holds() -> None:
    small, large = select(profile=Profile.GATEWAY), select(profile=Profile.WHATWG)
    assert set(small) <= set(large) == set(CASES)


@pytest.mark.parametrize(("billed", "right"), [(300, True), (7, False)])
def test_a_provider_that_does_not_stop_bills_the_whole_answer(billed: int, right: bool) -> None:
    bill = Bill(3, billed, 5, 5, billed, cancelled=True, cost=0.1)
    left = Exchange(
        "1",
        "",
        Request("POST", "/"),
        outcome=Outcome.CANCELLED,
        how=How.FIN,
        left_after=0.1,
        bill=bill,
        provider="Groq",
    )
    evidence = judge_cancel(Cancel(stops=False), replace(left, tokens_total=300), None)
    assert (evidence is None) == right
    if evidence is not None:
        assert evidence.expected == "a cancel, and a bill of all 300 tokens"
        assert evidence.got.startswith("7 tokens billed; cancelled")
