"""The catalogue: what is sent, and what a client must make of it. One file a family."""

from __future__ import annotations

from collections.abc import Iterable

from orharness.contract.catalogue import boundaries, cancellation, chat, comments, done, errors, framing, transport
from orharness.contract.catalogue.case import Case, Profile
from orharness.errors import ScenarioError
from orharness.verdict import did_you_mean, with_parts

_FILES = (framing, boundaries, comments, done, chat, errors, cancellation, transport)
CASES: tuple[Case, ...] = tuple(case for file in _FILES for case in file.CASES)
PLAINEST = next(case for case in CASES if case.plain)
FAMILIES = tuple(dict.fromkeys(case.family for case in CASES))
PARSING, DONE, ERRORS, CANCELLATION = "parsing", "done", "errors", "cancellation"
CLAIMS = (PARSING, DONE, ERRORS, CANCELLATION)


def claim_of(family: str) -> str:
    """Which of the claims a family of cases belongs to: what is none of the others is parsing."""
    return family if family in CLAIMS else PARSING


def select(
    claims: Iterable[str] = CLAIMS, only: str | Iterable[str] | None = None, profile: Profile = Profile.WHATWG
) -> list[Case]:
    """The cases of these claims and of the profile. ``only``: ids, families, or parts of ids; a whole id counts in any.

    Raises ``ScenarioError`` for a claim that does not exist, and for each name in ``only`` that leaves no case.
    """
    wanted = set(claims)
    if unknown := wanted - set(CLAIMS):
        hint = did_you_mean(unknown, CLAIMS)
        raise ScenarioError(f"the claims are {', '.join(CLAIMS)}; not {', '.join(sorted(unknown))}{hint}")
    if not wanted:
        raise ScenarioError(f"claims= names no claim: the claims are {', '.join(CLAIMS)}")
    of_claims = [case for case in CASES if claim_of(case.family) in wanted]
    if only is None:
        return [case for case in of_claims if profile.includes(case.profile)]
    asked = [only] if isinstance(only, str) else list(only)
    _check_names(asked, of_claims, wanted)
    chosen = {case.id for one in asked for case in _left_by(one, of_claims, profile)}
    return [case for case in of_claims if case.id in chosen]


def _check_names(asked: list[str], cases: list[Case], claims: set[str]) -> None:
    """Raises ``ScenarioError`` if a name names none of the cases: beside a known name, too, it is a mistake."""
    if not asked:
        raise ScenarioError("only= names no case: leave it out for all of them")
    if unknown := [one for one in asked if not any(_names(one, case) for case in cases)]:
        of = "" if claims == set(CLAIMS) else f" of {', '.join(sorted(claims))}"
        hint = did_you_mean(unknown, with_parts(_NAMES))
        named = " or ".join(map(repr, unknown))
        raise ScenarioError(f"no case{of} is named {named}{hint}; the families are {', '.join(FAMILIES)}")


def _left_by(name: str, cases: list[Case], profile: Profile) -> list[Case]:
    """The cases that one name names and the profile holds. Raises ``ScenarioError`` if the profile holds none."""
    named = [case for case in cases if _names(name, case)]
    left = [case for case in named if profile.includes(case.profile) or case.id == name]
    if not left:
        raise ScenarioError(f"{', '.join(case.id for case in named)}: only in the profile {Profile.WHATWG}")
    return left


_NAMES = frozenset([*FAMILIES, *(case.id for case in CASES)])


def _names(name: str, case: Case) -> bool:
    """A whole id or a family means just that, also where other ids contain its name. No name at all names no case."""
    return name in (case.id, case.family) or (bool(name) and name not in _NAMES and name in case.id)
