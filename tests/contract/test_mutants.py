"""The contract catches each classic bug, in its family and for its reason."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from orharness.contract import CASES, FAMILIES
from orharness.server.thread import ServerThread
from tests.support.correct_clients import correct
from tests.support.mutants import MUTANTS, Mutant, catch
from tests.support.places import ROOT


@pytest.fixture(scope="module")
def thread() -> Iterator[ServerThread]:
    started = ServerThread().start()
    yield started
    started.stop()


@pytest.mark.slow
@pytest.mark.parametrize("one", MUTANTS, ids=[one.name for one in MUTANTS])
def test_each_mutant_is_caught(thread: ServerThread, one: Mutant) -> None:
    if one.family == "cost":  # the most memory that this process has had is that of all tests before
        family = _caught_in_a_process_of_its_own(one)
    else:
        verdict = catch(one, thread)
        assert verdict is not None, f"{one.where} does not catch it: {one.bug}"
        family = verdict.family
    assert family == one.family


def _caught_in_a_process_of_its_own(one: Mutant) -> str:
    code = f"""
from tests.support.mutants import MUTANTS, catch
[one] = [one for one in MUTANTS if one.name == {one.name!r}]
print(catch(one).family)
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


@pytest.mark.long
@pytest.mark.slow
def test_what_catches_a_mutant_passes_the_correct_client(thread: ServerThread) -> None:
    """Otherwise a catch would tell nothing."""
    for where in {one.where for one in MUTANTS}:
        unmutated = Mutant("correct", "No bug.", where, "", False, correct)
        assert catch(unmutated, thread) is None


def test_there_are_enough_of_them_in_every_family() -> None:
    assert len(MUTANTS) >= 40
    assert len({one.name for one in MUTANTS}) == len(MUTANTS)
    assert {one.family for one in MUTANTS} == set(FAMILIES)
    assert all(one.bug.endswith(".") for one in MUTANTS)
    assert {one.where for one in MUTANTS} <= {*FAMILIES, *(case.id for case in CASES)}
