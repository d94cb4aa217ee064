"""The keys of a written-out case that say what its reply says too: an edited one is obeyed, or it is refused.

``cuts`` is obeyed: it replaces the chunkings. ``gates`` and ``end_marker`` are for other runners, and follow from the
reply; one that says otherwise would be judged by something else than it says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

from orharness.contract.catalogue.case import Case
from orharness.contract.catalogue.chunkings import AS_SENT, WHOLE, Chunking, Cuts
from orharness.errors import ScenarioError
from orharness.stream import Stream
from orharness.verdict import count, shorten

Json = Mapping[str, Any]

FORMAT = 1  # of the files; a key that changes its meaning needs another number
MOST_CUTS = 4096  # ways to cut one stream that are written out
_OFFSETS = "body offsets (whole numbers)"
_SHOWN = 60  # characters of a wrong value


class _WrongValueError(ScenarioError):
    """A value that is wrong; what the reply itself raises names the case already."""


@dataclass(frozen=True)
class Resolved:
    """What the reply of a case comes to: the values of ``gates``, ``end_marker`` and ``cuts`` in a file."""

    gates: list[int]
    end_marker: int | None
    cuts: list[list[int] | None]


def resolve(case: Case, stream: Stream, seed: int = 0) -> Resolved:
    """Return what a case comes to that sends this stream. ``seed``: of the random chunks."""
    framed = stream if stream.frame in case.dialect.frames else replace(stream, frame=case.dialect.frame)
    end = stream.end_marker if stream.end_marker is not None else case.dialect.marked(framed).end_marker
    cuts = [None if one is None else list(one) for chunking in case.chunkings for one in chunking.cuts(stream, seed)]
    return Resolved(list(stream.gates), end, cuts[:MOST_CUTS])


def check_version(document: Json) -> None:
    """Raise ``ScenarioError`` for a document of another version of this form than ours."""
    given = document.get("case", FORMAT)
    if not (_is_offset(given) and given == FORMAT):
        raise ScenarioError(f"case is {FORMAT}, the version of this form; not {_brief(given)}")


def obeyed(case: Case, document: Json) -> Case:
    """Return the case with the ``cuts`` of its document as its chunkings, if those differ from what they give.

    Raises ``ScenarioError`` for a value that does not fit the reply, or that another part of the case contradicts.
    """
    try:
        return _obeyed(case, document)
    except _WrongValueError as error:
        raise ScenarioError(f"{case.id}: {error}") from None


def check_due(case: Case) -> None:
    """Raise ``ScenarioError`` for a case whose reply is not held once for each text that is due."""
    if not case.due or case.inapplicable is not None:
        return
    held = len(case.reply().answer(case.dialect.example_request).stream.gates)
    if held != len(case.due):
        what = (
            f"{count(len(case.due), 'text')}, and the reply is held at {count(held, 'place')} (by hold, in its through)"
        )
        raise ScenarioError(f"{case.id}: due in expect has {what}: one text is due at each")


def _obeyed(case: Case, document: Json) -> Case:
    _check_named(case, document)
    if not any(key in document for key in ("gates", "end_marker", "cuts")) or case.inapplicable is not None:
        return case
    stream = case.reply().answer(case.dialect.example_request).stream
    ours = resolve(case, stream)
    _check_gates(document.get("gates", ours.gates), ours)
    _check_end_marker(document.get("end_marker", ours.end_marker), ours)
    cuts = document.get("cuts", ours.cuts)
    _check_cuts(cuts, len(stream.body))
    if cuts == ours.cuts:
        return case
    if (about := _about(case)) is not None:
        raise _WrongValueError(f"cuts is {_brief(ours.cuts)} in a case about {about}; not {_brief(cuts)}")
    return replace(case, chunkings=_chunkings(cuts))


def _check_named(case: Case, document: Json) -> None:
    for key, ours in (("dialect", case.dialect.name), ("path", case.path)):
        if document.get(key, ours) != ours:
            raise _WrongValueError(f"{key} is {ours!r} here; not {_brief(document[key])}")


def _check_gates(given: Any, ours: Resolved) -> None:
    if not (isinstance(given, list | tuple) and all(map(_is_offset, given))):
        raise _WrongValueError(f"gates is a list of {_OFFSETS}; not {_brief(given)}")
    if list(given) != ours.gates:
        what = f"the reply is held at {_brief(ours.gates)} (by hold, in its through)"
        raise _WrongValueError(f"gates is {_brief(given)}, and {what}: change through, or leave gates out")


def _check_end_marker(given: Any, ours: Resolved) -> None:
    if not (given is None or _is_offset(given)):
        raise _WrongValueError(f"end_marker is a body offset, a whole number, or null; not {_brief(given)}")
    if given != ours.end_marker:
        what = "has no event that ends the answer" if ours.end_marker is None else f"ends at {ours.end_marker}"
        raise _WrongValueError(f"end_marker is {_brief(given)}, and the reply {what}: correct it, or leave it out")


def _check_cuts(given: Any, size: int) -> None:
    if not (isinstance(given, list | tuple) and given and all(map(_are_cuts, given))):
        what = f"each null or a list of {_OFFSETS} in ascending order"
        raise _WrongValueError(f"cuts is a list of one run or more, {what}; not {_brief(given)}")
    wrong = sorted({offset for one in given for offset in one or () if not 0 < offset < size})
    if wrong:
        raise _WrongValueError(f"the body is {size:,} bytes: cuts cannot have {_brief(wrong)}")


def _are_cuts(given: Any) -> bool:
    if given is None:
        return True
    ordered = isinstance(given, list | tuple) and all(map(_is_offset, given))
    return ordered and all(one < other for one, other in pairwise(given))


def _is_offset(given: Any) -> bool:
    return isinstance(given, int) and not isinstance(given, bool)


def _about(case: Case) -> str | None:
    """Return what a case is about that tries no boundaries; ``None`` for any other case."""
    if case.cancel is not None:
        return "leaving, which tries no boundaries"
    if case.beside is not None:
        return "two answers at once, which tries no boundaries"
    if case.grows or case.in_limits:
        return "cost, which tries no boundaries" if case.grows else "liveness, which tries no boundaries"
    return None


def _chunkings(cuts: Iterable[Iterable[int] | None]) -> tuple[Chunking, ...]:
    ways: tuple[Cuts, ...] = tuple(None if one is None else tuple(one) for one in cuts)
    if ways in ((None,), ((),)):  # those that a diagnosis knows by name
        return (AS_SENT,) if ways == (None,) else (WHOLE,)
    return (Chunking("the cuts of the case", partial(_given, ways), "where its `cuts` say"),)


def _given(ways: tuple[Cuts, ...], stream: Stream, seed: int) -> Iterable[Cuts]:
    return ways


def _brief(value: Any) -> str:
    text = "null" if value is None else repr(value).replace("None", "null")
    return shorten(text, _SHOWN)
