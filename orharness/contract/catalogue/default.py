"""The cases of the default dialect."""

from __future__ import annotations

from collections.abc import Iterable

from orharness.contract.catalogue import cases_of, families_of
from orharness.contract.catalogue.case import Case, Profile
from orharness.contract.catalogue.selection import CLAIMS, chosen
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
