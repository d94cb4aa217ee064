"""The catalogue: what is sent, and what a client must make of it. One file a family."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from orharness.contract.case import Case, Profile
from orharness.contract.cases import boundaries, cancellation, chat, comments, done, errors, framing, transport
from orharness.errors import ScenarioError

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

    Raises ``ScenarioError`` for a claim that does not exist, or if no case is left.
    """
    wanted = set(claims)
    if unknown := wanted - set(CLAIMS):
        raise ScenarioError(f"the claims are {', '.join(CLAIMS)}; not {', '.join(sorted(unknown))}")
    asked = None if only is None else [only] if isinstance(only, str) else list(only)
    named = [case for case in CASES if claim_of(case.family) in wanted and (asked is None or _named(case, asked))]
    if not named:
        raise ScenarioError(_unknown(wanted, asked or []))
    chosen = [case for case in named if profile.includes(case.profile) or case.id in (asked or ())]
    if not chosen:
        raise ScenarioError(f"{', '.join(case.id for case in named)}: only in the profile {Profile.WHATWG}")
    return chosen


def _unknown(claims: set[str], asked: list[str]) -> str:
    if not asked:
        return "only= names no case: leave it out for all of them"
    near = [name for one in asked for name in difflib.get_close_matches(one, sorted(_NAMES), n=1)]
    hint = f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""
    of = "" if claims == set(CLAIMS) else f" of {', '.join(sorted(claims))}"
    return f"no case{of} is named {' or '.join(map(repr, asked))}{hint}; the families are {', '.join(FAMILIES)}"


_NAMES = frozenset([*FAMILIES, *(case.id for case in CASES)])


def _named(case: Case, asked: list[str]) -> bool:
    """A whole id or a family means just that, also where other ids contain its name."""
    return any(one in (case.id, case.family) or (one not in _NAMES and one in case.id) for one in asked)
