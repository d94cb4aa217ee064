"""One exception for all failed verdicts of a test."""

from __future__ import annotations

from collections.abc import Sequence

from orharness.contract.catalogue.case import Case
from orharness.contract.judging.plainest import NOT_JUDGED
from orharness.contract.running.replay import with_serve
from orharness.errors import ClientFailure
from orharness.report.groups import by_reason
from orharness.report.words import in_words
from orharness.verdict import Verdict, count


def failure_of(
    verdicts: Sequence[Verdict], cases: Sequence[Case] | None = None, files: Sequence[str] = ()
) -> ClientFailure | None:
    """Return one failure that shows all failed verdicts; ``None`` where no MUST failed.

    ``cases``: those that were run, by default those of the default dialect; ``files``: where a user's own are.
    """
    failed = [with_serve(verdict, cases, files) for verdict in verdicts if verdict.counts]
    if not failed:
        return None
    texts = "\n\n".join(_explain_alike(alike) for alike in by_reason(failed))
    notes = [verdict.note for verdict in verdicts if verdict.note.startswith(NOT_JUDGED)]
    rest = f"\n\n{count(len(notes), 'other case')} not judged: {notes[0]}" if notes else ""
    return ClientFailure(f"the client fails {len(failed)} of {len(verdicts)} cases\n\n{texts}{rest}")


def _explain_alike(verdicts: list[Verdict]) -> str:
    """Return the text of the first verdict and the names of the others, which have the same reason."""
    text = in_words(verdicts[0])
    others = ", ".join(verdict.case for verdict in verdicts[1:])
    return f"{text}\n  and for the same reason: {others}" if others else text
