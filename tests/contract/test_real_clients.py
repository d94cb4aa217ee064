"""The contract on clients that nobody here wrote: what fails is what was looked at by hand, and nothing else.

They are many packages, pinned in ``.ci/clients.txt`` because a new version may judge otherwise; CI runs this file in an
environment of its own.
"""

from __future__ import annotations

import os

import pytest

from benchmarks.client_process import install_node_clients
from benchmarks.clients import UNEXPLAINED, fails, judge, stored
from benchmarks.judged.clients import CLIENTS, Judged
from orharness.contract.catalogue import cases_in
from orharness.report.words import in_words

REQUIRED = "ORHARNESS_REAL_CLIENTS"  # set where they have to be there


def _absent(client: Judged) -> str | None:
    if os.environ.get(REQUIRED) is None:
        return f"real clients are judged where {REQUIRED} is set: pip install -r .ci/clients.txt"
    if client.missing:
        pytest.fail(f"{', '.join(client.missing)} is not here: pip install -r .ci/clients.txt")
    return install_node_clients() if client.node else None


@pytest.mark.filterwarnings("ignore")  # what a foreign client leaves open is its own business
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_what_fails_is_what_was_looked_at(client: Judged) -> None:
    if (absent := _absent(client)) is not None:
        pytest.skip(absent)
    # Most of the time is spent on those that never end. Four times as long are they waited for before that is told.
    verdicts = judge(client, patience=0.5)
    expected = stored()[client.name]
    surprising = [in_words(one) for one in verdicts if one.case in set(fails(verdicts)) ^ set(expected)]
    assert surprising == []


def test_every_fail_has_its_note() -> None:
    for client in CLIENTS:
        known = {case.id for case in cases_in(None, client.dialect)}
        for case, note in stored()[client.name].items():
            assert case in known
            assert note != UNEXPLAINED
            assert len(note) > 20
