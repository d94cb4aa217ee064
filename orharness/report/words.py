"""Verdicts and judgements in words."""

from __future__ import annotations

from orharness.verdict import Judgement, Once, Result, Verdict, aligned, count


def headline(judgement: Judgement) -> str:
    """Return the whole judgement in one sentence."""
    if not judgement.unjudged:
        return _of_those_judged(judgement)
    return f"{stopped(judgement)}; of these: {_of_those_judged(judgement)}"


def stopped(judgement: Judgement) -> str:
    """Return after how many cases it was stopped, in words."""
    judged = len(judgement.verdicts)
    return f"stopped after {judged:,} of {judged + judgement.unjudged:,} cases"


def _of_those_judged(judgement: Judgement) -> str:
    if not judgement.verdicts:
        return "nothing was judged"
    failed = sum(verdict.counts for verdict in judgement.verdicts)
    known = sum(verdict.known for verdict in judgement.verdicts)
    lax = judgement.number(Result.FAIL) - failed - known
    judged = len(judgement.verdicts) - judgement.number(Result.NOT_APPLICABLE)
    held = judged - lax - known
    if not judged:
        return f"nothing was judged: {count(len(judgement.verdicts), 'case')} not applicable"
    if failed:
        said = f"{failed:,} of {judged:,} cases fail{'s' if failed == 1 else ''}"
    elif lax or known:
        said = f"{held:,} of {judged:,} cases hold{'s' if held == 1 else ''}"
    else:
        said = "the one case holds" if judged == 1 else f"all {judged:,} cases hold"
    if known:
        said += f"; {count(known, 'fail')} that the baseline knows"
    return f"{said}; {lax:,} SHOULD {'case does' if lax == 1 else 'cases do'} not hold" if lax else said


def in_words(verdict: Verdict) -> str:
    """Return a verdict in words, with its evidence and the command that runs this case alone."""
    evidence = verdict.evidence
    rows: list[tuple[str, str]] = []
    if evidence is not None:
        rows = [("expected", evidence.expected), ("got", evidence.got)]
        rows += [("bytes", evidence.excerpt)] if evidence.excerpt else []
        rows += [("reason", evidence.reason)]
    rows += [("note", verdict.note)] if verdict.note else []
    rows += [("once", once_in_words(verdict.once))] if verdict.once else []
    tried = verdict.boundaries_tried
    rows += [("chunks", f"{verdict.boundaries_proven} of {tried} boundaries proven")] if tried else []
    rows += [("replay", verdict.replay)] if verdict.replay else []
    rows += [("serve", verdict.serve)] if verdict.serve else []
    return f"{verdict.case}  {verdict.title}\n{aligned(rows)}"


def once_in_words(once: Once) -> str:
    """Return that a case failed in one of its trials, and not again."""
    return f"failed once in {count(once.trials, 'trial')}: {once.reason}"
