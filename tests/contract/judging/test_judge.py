"""How a cancel is judged where the provider does not stop."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orharness.contract.catalogue.case import Cancel
from orharness.contract.judging.judge import judge_cancel
from orharness.journal import Bill, Exchange, How, Outcome, Request


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
