"""The catalogue: what is sent, and what a client must make of it.

A case is a document (``parse``). Those in ``documents`` are the same for every API, written over the dialect; a
dialect adds its own (``Dialect.cases``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from orharness.contract.catalogue.case import LIVENESS, Case
from orharness.contract.catalogue.parse import parse
from orharness.dialects import DIALECTS, Dialect
from orharness.parts import folded
from orharness.verdict import Level

Cases = Iterable[Case | Mapping[str, Any]]
"""Cases, or their documents."""


@cache
def cases_of(dialect: Dialect) -> tuple[Case, ...]:
    """Return every case for a client of the dialect: those that are the same for all, and the dialect's own."""
    from orharness.contract.catalogue import documents  # what is not asked for need not be read

    own = [one for one in dialect.cases() if not _is_of_liveness(one)]
    after = {_family(one): None for one in documents.AFTER}
    before = {_family(one): None for one in (*documents.BEFORE, *own) if _family(one) not in after}
    place = {family: number for number, family in enumerate((*before, *after))}
    written = sorted((*documents.BEFORE, *documents.AFTER, *own), key=lambda one: place[_family(one)])
    return tuple(parse(one, dialect) for one in written)


@cache
def lives_of(dialect: Dialect) -> tuple[Case, ...]:
    """Return every case of a dialect that is judged by the client's own clock: living streams, and dead ones."""
    from orharness.contract.catalogue.documents import liveness

    own = [one for one in dialect.cases() if _is_of_liveness(one)]
    return tuple(parse(one, dialect) for one in (*liveness.CASES, *own))


def _is_of_liveness(document: Mapping[str, Any]) -> bool:
    return _family(document) == LIVENESS


def cases_in(cases: Cases | None, dialect: str | Dialect | None = None) -> tuple[Case, ...]:
    """Return these cases, documents read for the dialect; ``None``: all that there are for it.

    ``dialect``: a name or a value, by default the first one that is registered.
    """
    known = DIALECTS.default if dialect is None else DIALECTS.named(dialect)
    if cases is None:
        return cases_of(known)
    return tuple(one if isinstance(one, Case) else parse(one, _named(one, known)) for one in cases)


def _named(document: Mapping[str, Any], default: Dialect) -> Dialect:
    """Return the dialect that a case document names, or the default."""
    return DIALECTS.named(document["dialect"]) if "dialect" in document else default


def families_of(cases: Iterable[Case]) -> tuple[str, ...]:
    """Return the families of the cases, in their order."""
    return tuple(dict.fromkeys(case.family for case in cases))


def plainest(cases: Sequence[Case]) -> Case | None:
    """Return the first plain case that can be sent: among these, else among all of their dialect."""
    known = (*cases, *(cases_of(cases[0].dialect) if cases else ()))
    return next((case for case in known if case.plain and case.inapplicable is None), None)


def plainest_of(kind: str, case: Case) -> Case | None:
    """Return the first case of the same dialect that is about a kind of parts (``parts``), and no other."""
    known = (*cases_of(case.dialect), case)
    return next((one for one in known if list(folded(one.expected.parts)) == [kind]), None)


def about(kind: str, case: Case) -> list[Case]:
    """Return the cases of the same dialect that are about a kind of parts and no other, the plainest one first.

    Those that a client need not pass (``SHOULD``) come only if the plainest is one of them.
    """
    known = [one for one in (*cases_of(case.dialect), case) if list(folded(one.expected.parts)) == [kind]]
    return [one for one in known if one is known[0] or one.level is Level.MUST]


def _family(document: Mapping[str, Any]) -> str:
    return str(document["id"]).partition("/")[0]
