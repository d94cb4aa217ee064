"""The commands that play one failed case again: to the same client, and to any other."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace

from orharness.contract.catalogue import cases_in, lives_of
from orharness.contract.catalogue.case import Case
from orharness.contract.catalogue.chunkings import AS_SENT
from orharness.contract.running.replies import representative
from orharness.dialects import DIALECTS
from orharness.errors import ScenarioError
from orharness.verdict import Result, Verdict, did_you_mean

WHOLE = "whole"  # cut nowhere
_MOST = 1 << 24  # offsets that are taken from a command line


def with_commands(
    verdict: Verdict,
    client: Sequence[str],
    options: Sequence[str] = (),
    cases: Sequence[Case] | None = None,
    files: Sequence[str] = (),
) -> Verdict:
    """Return a failed verdict with its commands, any other as it is.

    ``client``: the words that name the client to ``orharness check``; ``options``: those that change what is run.
    ``cases``: those that were run, by default those of the default dialect. ``files``: where a user's own are.
    """
    if verdict.result is not Result.FAIL:
        return verdict
    own = _own(find(verdict.case, cases), files) if files else []
    check = ["orharness", "check", *client, "--only", verdict.case, *cuts_of(verdict, cases), *own, *options]
    return replace(with_serve(verdict, cases, files), replay=shlex.join(check))


def _is_ours(case: Case) -> bool:
    return case in (*cases_in(None, case.dialect), *lives_of(case.dialect))


def _own(case: Case, files: Sequence[str]) -> list[str]:
    """Return the options that name the files of a user's own cases, for one of those."""
    return [] if _is_ours(case) else [word for file in files for word in ("--cases", file)]


def with_serve(verdict: Verdict, cases: Sequence[Case] | None = None, files: Sequence[str] = ()) -> Verdict:
    """Return a failed verdict with the command that serves its stream, any other as it is. A test is its own replay.

    The command finds the cases of each dialect and of ``files``; of any other case a verdict has none.
    """
    case = next((one for one in cases_in(cases) if one.id == verdict.case), None)
    if verdict.result is not Result.FAIL or case is None:
        return verdict
    own = _own(case, files)
    if not own and not _is_ours(case):
        return verdict
    dialect = [] if case.dialect is DIALECTS.default else ["--dialect", case.dialect.name]
    words = ["orharness", "serve", "--case", verdict.case, *cuts_of(verdict, cases), *dialect, *own]
    return replace(verdict, serve=shlex.join(words))


def cuts_of(verdict: Verdict, cases: Sequence[Case] | None = None) -> list[str]:
    """Return ``--at`` and the cuts; nothing where the chunks are the case's own because of its times or gates."""
    evidence = verdict.evidence
    if evidence is None or not evidence.body:
        return []
    case = find(verdict.case, cases)
    stream = representative(case)
    as_sent = case.chunkings == (AS_SENT,) and evidence.cuts == stream.boundaries[:-1]
    if as_sent or case.cancel is not None or case.in_limits or stream.gates or stream.duration:
        return []
    return ["--at", spell(evidence.cuts)]


def find(identifier: str, cases: Sequence[Case] | None = None) -> Case:
    """Return the case of that id: among ``cases``, by default those of the default dialect.

    Raises ``ScenarioError`` if there is none.
    """
    known = cases_in(cases)
    for case in known:
        if case.id == identifier:
            return case
    ids = [case.id for case in known]
    near = [one for one in ids if identifier and identifier in one]
    hint = f"; do you mean {' or '.join(near)}?" if near else did_you_mean([identifier], ids)
    raise ScenarioError(f"there is no case {identifier!r}{hint or ': orharness check --list names each by its id'}")


def spell(cuts: Sequence[int]) -> str:
    """Return offsets as ``--at`` takes them, adjacent ones as a range: ``17,23,40-60``."""
    return ",".join(_ranges(sorted(cuts))) or WHOLE


def _ranges(cuts: Sequence[int]) -> Iterator[str]:
    start = 0
    for index in range(len(cuts)):
        if index + 1 == len(cuts) or cuts[index + 1] != cuts[index] + 1:
            yield str(cuts[index]) if start == index else f"{cuts[start]}-{cuts[index]}"
            start = index + 1


def parse(text: str) -> tuple[int, ...]:
    """Read what ``spell`` wrote. Raises ``ScenarioError`` for anything else."""
    if text.strip() == WHOLE:
        return ()
    try:
        pairs = [tuple(map(int, part.split("-", 1))) for part in text.split(",")]
    except ValueError:
        pairs = []
    if not pairs or any(pair[0] < 1 or pair[-1] < pair[0] for pair in pairs):
        raise ScenarioError(f"--at takes byte offsets from 1 up, as in 17 or 17,23,40-60, or {WHOLE}; not {text!r}")
    if sum(pair[-1] - pair[0] + 1 for pair in pairs) > _MOST:
        raise ScenarioError(f"--at takes at most {_MOST:,} offsets, and {text!r} names more")
    return tuple(sorted({offset for pair in pairs for offset in range(pair[0], pair[-1] + 1)}))
