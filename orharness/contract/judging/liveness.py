"""Verdicts on living and dead streams: pure functions of one run, whose times are those of the client's own clock."""

from __future__ import annotations

from dataclasses import dataclass, replace

from orharness.contract.catalogue.case import Case
from orharness.contract.judging.heard import Heard
from orharness.contract.judging.judge import MOST_REQUESTS
from orharness.contract.judging.reasons import is_timeout
from orharness.verdict import Evidence, count


@dataclass(frozen=True)
class Limit:
    """The longest silence that a client allows, in seconds of its own clock; ``declared`` by its user, or measured."""

    seconds: float
    declared: bool

    def __str__(self) -> str:
        return f"{spell(self.seconds)} of silence, {'as declared' if self.declared else 'as it was seen to do'}"


def spell(seconds: float) -> str:
    """Return seconds as a person reads them: ``1.5 s``, ``600 s``."""
    return f"{seconds:,.0f} s" if seconds >= 9.95 else f"{seconds:.1f} s"


def on_its_clock(heard: Heard, rate: float) -> Heard:
    """Return what was heard with its times on a clock that runs ``rate`` times faster."""
    return replace(heard, took=heard.took * rate, waited=heard.waited * rate, silence=heard.silence * rate)


def says_so(heard: Heard) -> bool:
    """Whether the error that a run showed is that of a time limit."""
    return heard.error is not None and is_timeout(heard.error)


def is_dead(case: Case) -> bool:
    """Whether the stream of a case falls silent for ever."""
    return case.expected.error is True


def reason(case: Case, heard: Heard, requests: int, limit: Limit | None) -> str | None:
    """Return why a run fails; ``None`` where the times of the stream do not say.

    A living stream is ended because of time only if the same stream without its silences holds, which is for a trial to
    show, or where the error says so (``says_so``). ``heard``: with its times on the client's clock. ``limit``: the
    silence that it allows, ``None`` if it allows any.
    """
    if requests > MOST_REQUESTS:
        return None
    if case.requests is not None and requests > case.requests:
        billed = f"{count(requests, 'request')}, each of them billed"
        doubled = case.expected.text and heard.text.count(case.expected.text) > 1
        return (
            f"{case.cause}: {billed}, and its text is {heard.text!r}"
            if doubled
            else f"it asks again after a silence, when text had come: {billed}"
        )
    if not heard.ended:
        return _waits(heard, limit) if is_dead(case) else "it still waits when everything was sent"
    if is_dead(case):
        silent = heard.error is None
        return "the stream falls silent for ever, and the client ends as if the answer were whole" if silent else None
    after = f"it gave up {spell(heard.took)} after its request"
    after = after if limit is None else f"{after}, and allows {limit}"
    return f"{case.cause or 'a stream that is alive is ended'}; {after}"


def _waits(heard: Heard, limit: Limit | None) -> str:
    if limit is not None and limit.declared:
        return f"it still waits after {spell(heard.waited)} of silence, and declares to allow {spell(limit.seconds)}"
    return f"it still waits after {spell(heard.waited)} of silence: it sets no limit on the silence of a stream"


def with_reason(evidence: Evidence, said: str, heard: Heard) -> Evidence:
    """Return the evidence with a reason that was seen, and when the run ended, by the client's clock."""
    ended = f"\n{spell(heard.took)} after its request" if heard.ended else ""
    return replace(evidence, reason=said, got=f"{evidence.got}{ended}", likely=False)
