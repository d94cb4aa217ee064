"""What a streaming client must do, as cases that are run over a real socket and judged by what the client yields.

A client is a function ``client(base_url) -> Iterator[str]`` (or ``AsyncIterator[str]``) that asks for a streamed answer
and yields the text as it comes; closing the iterator is the cancel. No test framework is needed.

The rooms: ``catalogue`` (cases, which are documents), ``driving`` (functions, commands and drivers; it knows neither
cases nor servers), ``judging`` (pure), ``running`` (trials, sweeps, the bench). Cases and dialect are arguments.
"""

from __future__ import annotations

from collections.abc import Iterable

from orharness.contract.catalogue import cases_of, families_of
from orharness.contract.catalogue.case import Case, Profile
from orharness.contract.catalogue.parse import parse
from orharness.contract.catalogue.selection import CLAIMS, chosen, claim_of
from orharness.contract.driving.subject import Client, Subject
from orharness.contract.running.failure import failure_of
from orharness.contract.running.run import run
from orharness.dialects import DIALECTS

CASES: tuple[Case, ...] = cases_of(DIALECTS.default)
"""The cases for a client of the default dialect."""
FAMILIES: tuple[str, ...] = families_of(CASES)


def select(
    claims: Iterable[str] = CLAIMS, only: str | Iterable[str] | None = None, profile: Profile = Profile.WHATWG
) -> list[Case]:
    """Return those of ``CASES`` that are of the claims and of the profile; ``only`` names some of them.

    Raises ``ScenarioError`` for what does not exist.
    """
    return chosen(CASES, claims, only, profile)


__all__ = [
    "CASES",
    "CLAIMS",
    "FAMILIES",
    "Case",
    "Client",
    "Profile",
    "Subject",
    "cases_of",
    "claim_of",
    "failure_of",
    "parse",
    "run",
    "select",
]
