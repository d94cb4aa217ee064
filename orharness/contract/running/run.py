"""The public face: one verdict for each case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext

from orharness.contract.catalogue import Cases, cases_in, selection
from orharness.contract.catalogue.case import Case, Profile
from orharness.contract.catalogue.chunkings import EVERY_OFFSET
from orharness.contract.catalogue.selection import CLAIMS
from orharness.contract.driving.functions import FunctionSubject
from orharness.contract.driving.subject import Client, Subject
from orharness.contract.judging.plainest import judge_all
from orharness.contract.running.bench import SHRINKING, Bench
from orharness.contract.running.handover import quick_handover
from orharness.contract.running.liveness import NO_OPTIONS, Liveness, LivenessOptions
from orharness.contract.running.rows import RowSubject
from orharness.dialects import Dialect
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from orharness.verdict import Verdict

PATIENCE = 1.0  # seconds that a client has for what it should do at once; a fail is confirmed with four times as many


def run(
    client: Client | Subject,
    cases: Cases | None = None,
    *,
    dialect: str | Dialect | None = None,
    claims: Iterable[str] = CLAIMS,
    only: str | Iterable[str] | None = None,
    at: Sequence[int] | None = None,
    profile: Profile | str = Profile.GATEWAY,
    seed: int = 0,
    thread: ServerThread | None = None,
    patience: float = PATIENCE,
    shrinking: int = SHRINKING,
    pace: LivenessOptions = NO_OPTIONS,
    on_verdict: Callable[[Verdict], None] = lambda _: None,
) -> list[Verdict]:
    """Return one verdict for each case of the claims and the profile; one more where a client fails a plain answer.

    ``cases``: cases or case documents, by default all that there are for the ``dialect``: a name or a value, by default
    the first one that is registered.
    ``only``: ids of cases, families, or parts of ids; a case that is named by its whole id is run in any profile.
    ``at``: the body offsets at which streams are cut, instead of the cases' own chunkings. ``seed``: of the chunks by
    chance. ``patience``: seconds for what a client should do at once. ``shrinking``: the trials, at most, in
    which the fewest cuts of a fail are looked for. ``pace``: of the cases of liveness, which only the claim of that
    name includes. ``on_verdict`` is called with each verdict as it comes.

    A fail is confirmed by a second, more patient run before it is reported. Of a client that fails a plain answer only
    that is reported: the other cases are not applicable. Raises ``ScenarioError`` for what does not exist, or if no
    case is left.
    """
    judged = chosen(claims, only, profile, cases, dialect)
    subject = client if isinstance(client, Subject) else FunctionSubject(client)
    verdicts = []
    with quick_handover(), SseServer(thread, strict=False) as server:
        if isinstance(subject, RowSubject) and at is None and any(EVERY_OFFSET in case.chunkings for case in judged):
            subject.prepare()
        bench = Bench(server, subject, seed, patience, shrinking)
        for verdict in judge_all([case for case in judged if not case.in_limits], at, bench.judge):
            verdicts.append(verdict)
            on_verdict(verdict)
    if lives := [case for case in judged if case.in_limits]:
        liveness = Liveness(lambda _: nullcontext(subject), pace, patience, named=False, thread=thread)
        verdicts += liveness.judge(lives, on_verdict)
    return verdicts


def chosen(
    claims: Iterable[str] = CLAIMS,
    only: str | Iterable[str] | None = None,
    profile: Profile | str = Profile.GATEWAY,
    cases: Cases | None = None,
    dialect: str | Dialect | None = None,
) -> list[Case]:
    """Return the cases that ``run`` runs with the same arguments. Raises ``ScenarioError`` as it does."""
    return selection.chosen(cases_in(cases, dialect), claims, only, Profile.of(profile))
