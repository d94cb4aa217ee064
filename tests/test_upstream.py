"""The simulated model: what it has made at a moment, and what is billed for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orharness.journal import Counted
from orharness.providers import Provider
from orharness.upstream import Generation, generation_document

STOPS, GOES_ON = Provider("A", stops_on_cancel=True), Provider("B", stops_on_cancel=False)
TEN = Generation("gen-1", "m", total=10, offsets=tuple(range(100, 1100, 100)), provider=STOPS, prompt=7, price=0.001)


def test_a_token_counts_when_its_event_is_whole() -> None:
    assert [TEN.tokens_at(offset) for offset in (0, 99, 100, 199, 200, 1000, 5000)] == [0, 0, 1, 1, 2, 10, 10]


def test_the_tokens_of_a_usage_are_spread_over_the_events() -> None:
    recorded = replace(TEN, total=25)
    assert [recorded.tokens_at(offset) for offset in (0, 100, 200, 500, 1000)] == [0, 2, 5, 12, 25]


def test_a_supported_provider_bills_what_was_made_until_the_client_left() -> None:
    made = TEN.bill(now=99.0, written=300, read=200, left_at=1.0, whole=False)
    assert (made.tokens_made, made.tokens_written, made.tokens_read, made.tokens_billed) == (3, 3, 2, 3)
    assert made.cancelled
    assert made.cost == pytest.approx((7 + 3) * 0.001)


def test_any_other_makes_the_rest_and_bills_it_all() -> None:
    made = replace(TEN, provider=GOES_ON).bill(now=1.0, written=300, read=300, left_at=1.0, whole=False)
    assert (made.tokens_made, made.tokens_billed) == (10, 10)
    assert made.cost == pytest.approx((7 + 10) * 0.001)


def test_it_makes_the_rest_at_its_own_pace() -> None:
    slow = replace(TEN, provider=GOES_ON, pace=0.5)
    made = [slow.bill(now=now, written=200, read=200, left_at=1.0, whole=False) for now in (1.0, 2.0, 3.9, 5.0, 60.0)]
    assert [one.tokens_made for one in made] == [2, 4, 7, 10, 10]
    assert {one.tokens_billed for one in made} == {10}  # nothing can stop it any more
    documents = [generation_document(slow, one, "now")["data"] for one in made]
    assert [one["in_progress"] for one in documents] == [True, True, True, False, False]


def test_without_a_pace_of_its_own_it_goes_on_at_that_of_the_stream() -> None:
    recorded = replace(TEN, provider=GOES_ON, seconds=20.0)  # 2 s a token
    made = [recorded.bill(now=now, written=300, read=300, left_at=5.0, whole=False) for now in (5.0, 9.0, 18.9, 19.0)]
    assert [one.tokens_made for one in made] == [3, 5, 9, 10]


def test_a_fast_model_runs_ahead_of_a_client_that_does_not_read() -> None:
    fast = replace(TEN, pace=0.1)
    made = fast.bill(now=60.0, written=100, read=100, left_at=0.55, whole=False)
    assert (made.tokens_made, made.tokens_billed) == (5, 5)


def test_a_request_without_stream_is_billed_whole_whatever_the_provider() -> None:
    whole = replace(TEN, streamed=False, offsets=())
    made = whole.bill(now=0.1, written=0, read=0, left_at=0.1, whole=False)
    assert (made.tokens_made, made.tokens_written, made.tokens_billed, made.cancelled) == (10, 0, 10, True)


def test_a_bill_and_its_document_say_where_events_stand_for_tokens() -> None:
    counted = replace(TEN, counted=Counted.EVENTS)
    bills = [one.bill(now=1.0, written=300, read=300, left_at=None, whole=False) for one in (TEN, counted)]
    assert [one.counted for one in bills] == ["tokens", "events"]
    documents = [generation_document(one, made, "now")["data"] for one, made in zip((TEN, counted), bills, strict=True)]
    assert "counted" not in documents[0]  # the gateway's own document has no such key
    assert documents[1]["counted"] == "events"


def test_what_cannot_be_seen_is_unknown() -> None:
    assert TEN.bill(now=1.0, written=300, read=None, left_at=None, whole=False).tokens_read is None


@given(
    now=st.floats(0, 100),
    later=st.floats(0, 100),
    written=st.integers(0, 1200),
    stops=st.booleans(),
    streamed=st.booleans(),
    pace=st.none() | st.floats(0, 5),
    seconds=st.floats(0, 50),
    left=st.booleans(),
)
def test_no_bill_shrinks_and_none_exceeds_the_answer(
    now: float, later: float, written: int, stops: bool, streamed: bool, pace: float | None, seconds: float, left: bool
) -> None:
    model = replace(TEN, provider=STOPS if stops else GOES_ON, streamed=streamed, pace=pace, seconds=seconds)
    left_at = now if left else None
    first = model.bill(now=now, written=written, read=written, left_at=left_at, whole=False)
    second = model.bill(now=now + later, written=written, read=written, left_at=left_at, whole=False)
    assert first.tokens_made <= second.tokens_made <= model.total
    assert first.tokens_billed <= second.tokens_billed <= model.total
    assert first.tokens_written <= first.tokens_made <= first.tokens_billed
    if left and stops and streamed:
        assert second == first  # it stopped at that moment
