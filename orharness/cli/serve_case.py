"""``orharness serve --case``: the stream of a case of the contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from orharness.contract.catalogue.case import Case
from orharness.contract.catalogue.files import with_own
from orharness.contract.judging.judge import in_words
from orharness.contract.running.replay import find, parse
from orharness.contract.running.replies import cut, plain_request
from orharness.errors import ScenarioError
from orharness.scenario.body import Plain
from orharness.scenario.reply import Reply
from orharness.stream import Transform


def case_named(name: str, dialect: str | None, files: Sequence[Path] = ()) -> Case:
    """Return the case of that id, also of the user's own in ``files``. Raises ``ScenarioError`` for an unknown one."""
    return find(name, with_own(files, dialect))


def reply_of(case: Case, at: str | None, through: Sequence[Transform]) -> Reply:
    """Return the reply of a case, transformed and cut. Raises ``ScenarioError`` for offsets outside its stream."""
    made = case.reply()
    reply = replace(made, through=(*made.through, *through))
    if at is None:
        return reply
    cuts = parse(at)
    if isinstance(reply.body, Plain):
        raise ScenarioError(f"--at {at}: the answer of {case.id} is not a stream, so it cannot be cut")
    size = len(reply.answer(plain_request(case)).stream.body)
    if cuts and cuts[-1] >= size:
        inside = f"an offset is from 1 to {size - 1:,}"
        raise ScenarioError(f"--at {at}: the stream of {case.id} has {size:,} bytes: {inside}")
    return cut(reply, cuts)


def described(name: str, dialect: str | None, files: Sequence[Path] = ()) -> Iterator[str]:
    """Yield what the case is, and what a client must make of it."""
    case = case_named(name, dialect, files)
    yield f"plays {case.id}: {case.title}"
    yield f"a client must make of it: {in_words(case.expected)}"
