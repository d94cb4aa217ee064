"""The reply of a case in one trial: where it is cut, and for how long it may be silent."""

from __future__ import annotations

from orharness.contract.catalogue.case import Case
from orharness.contract.catalogue.chunkings import Cuts
from orharness.journal import Request
from orharness.scenario import Reply
from orharness.stream import Stream


def plain_request(case: Case) -> Request:
    """Return a request for a streamed answer, as any client of the dialect may send it."""
    return case.dialect.example_request


def reply_cut(case: Case, cuts: Cuts) -> Reply:
    """Return the case's reply with its body cut at ``cuts`` and nowhere else; ``None``: as the case has it."""
    return cut(case.reply(), cuts)


def cut(reply: Reply, cuts: Cuts) -> Reply:
    """Return the reply with its body cut at ``cuts`` and nowhere else; ``None``: unchanged."""
    return reply if cuts is None else reply.with_cuts(cuts)


def representative(case: Case) -> Stream:
    """Return the stream that the case sends to a plain request."""
    return case.reply().answer(plain_request(case)).stream


def patience_for(case: Case, reply: Reply, patience: float) -> float:
    """Return the seconds without progress after which a client counts as stuck; the reply's own silences are added."""
    response = reply.answer(plain_request(case))
    return case.patience * patience + max((response.head, *(chunk.delay for chunk in response.stream.chunks)))
