"""Which cases are run: by claim, by profile and by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orharness.contract.catalogue import families_of
from orharness.contract.catalogue.case import LIVENESS, Case, Profile
from orharness.errors import ScenarioError
from orharness.verdict import did_you_mean, with_parts

PARSING, DONE, ERRORS, CANCELLATION, CONDUCT = "parsing", "done", "errors", "cancellation", "conduct"
CLAIMS = (PARSING, DONE, ERRORS, CANCELLATION, CONDUCT)
EVERY_CLAIM = (*CLAIMS, LIVENESS)  # also the one that takes a clock of the client's own


# What a client does besides reading: a client that returns its whole text reads it well.
_OF_CONDUCT = frozenset(("delivery", "request", "cost"))


def claim_of(family: str) -> str:
    """Return the claim that a family of cases belongs to: its own name, conduct, or parsing."""
    if family in _OF_CONDUCT:
        return CONDUCT
    return family if family in EVERY_CLAIM else PARSING


def chosen(
    cases: Sequence[Case],
    claims: Iterable[str] = CLAIMS,
    only: str | Iterable[str] | None = None,
    profile: Profile = Profile.WHATWG,
) -> list[Case]:
    """Return those of the claims and the profile.

    ``only``: ids, families, or parts of ids; a whole id counts in any profile. Raises ``ScenarioError`` for a claim
    that does not exist, and for each name in ``only`` that leaves no case.
    """
    wanted = set(claims)
    if unknown := wanted - set(EVERY_CLAIM):
        hint = did_you_mean(unknown, CLAIMS)
        raise ScenarioError(f"the claims are {', '.join(CLAIMS)}; not {', '.join(sorted(unknown))}{hint}")
    if not wanted:
        raise ScenarioError(f"claims= names no claim: the claims are {', '.join(CLAIMS)}")
    of_claims = [case for case in cases if claim_of(case.family) in wanted]
    if only is None:
        return [case for case in of_claims if profile.includes(case.profile)]
    return _Named(cases, of_claims, wanted).chosen([only] if isinstance(only, str) else list(only), profile)


class _Named:
    """Cases by their names: ids, families and parts of ids."""

    def __init__(self, every: Sequence[Case], cases: Sequence[Case], claims: set[str]) -> None:
        self._families = families_of(every)
        self._whole = frozenset([*self._families, *(case.id for case in every)])
        self._cases = cases
        self._claims = claims

    def chosen(self, names: list[str], profile: Profile) -> list[Case]:
        self._check(names)
        found = {case.id for one in names for case in self._left_by(one, profile)}
        return [case for case in self._cases if case.id in found]

    def _check(self, names: list[str]) -> None:
        """Raise ``ScenarioError`` if a name names none of the cases: beside a known name, too, it is a mistake."""
        if not names:
            raise ScenarioError("only= names no case: leave it out for all of them")
        if unknown := [one for one in names if not any(self._names(one, case) for case in self._cases)]:
            of = "" if self._claims >= set(CLAIMS) else f" of {', '.join(sorted(self._claims))}"
            hint = did_you_mean(unknown, with_parts(self._whole))
            named = " or ".join(map(repr, unknown))
            raise ScenarioError(f"no case{of} is named {named}{hint}; the families are {', '.join(self._families)}")

    def _left_by(self, name: str, profile: Profile) -> list[Case]:
        """Return the cases that a name names and the profile holds. Raises ``ScenarioError`` if it holds none."""
        named = [case for case in self._cases if self._names(name, case)]
        left = [case for case in named if profile.includes(case.profile) or case.id == name]
        if not left:
            others = ", ".join(case.id for case in named)
            cure = f"profile {Profile.WHATWG} (--profile {Profile.WHATWG}) has {others}"
            raise ScenarioError(f"no case of the profile {profile} is named {name!r}; {cure}")
        return left

    def _names(self, name: str, case: Case) -> bool:
        """Whether it names the case. A whole id or family means just that; no name at all names no case."""
        return name in (case.id, case.family) or (bool(name) and name not in self._whole and name in case.id)
