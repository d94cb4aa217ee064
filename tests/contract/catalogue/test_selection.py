"""Which cases are chosen by a name, a claim and a profile, and what is said where there is none."""

from __future__ import annotations

import pytest

from orharness.contract import CASES, Profile, select
from orharness.contract.running.replay import find
from orharness.errors import ScenarioError


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
