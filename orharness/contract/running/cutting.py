"""Whether boundaries alone are the cause of a fail: the same client with a stream cut elsewhere, or nowhere."""

from __future__ import annotations

from dataclasses import replace

from orharness.contract.catalogue import plainest
from orharness.contract.catalogue.case import Case
from orharness.contract.catalogue.chunkings import Cuts
from orharness.contract.judging.delivery import HELD_BACK
from orharness.contract.judging.judge import NOTHING_EARLY
from orharness.contract.judging.reasons import (
    CUT_CRLF,
    HELD_BY_A_PART,
    of_pieces,
    reason_of_cuts,
    seen_in,
    unseen_where_cut,
)
from orharness.contract.running.controls import Controls, Failed, told
from orharness.contract.running.delivering import handed_over
from orharness.contract.running.replies import representative
from orharness.contract.running.trials import Trials, Tried

_OF_A_HANG = 3  # trials


class Cutting:
    """Finds out what a client does with boundaries. What it makes of a plain answer is seen once."""

    def __init__(self, trials: Trials, controls: Controls) -> None:
        self._trials = trials
        self._controls = controls
        self._loses: bool | None = None
        self._splits: bool | None = None

    # -- what is known of the client -----------------------------------------------------------------------------------

    def loses(self, case: Case) -> bool:
        """Return whether the client reads a plain answer with one event a chunk, and not byte by byte."""
        if self._loses is None:
            plain = plainest([case])
            self._loses = plain is not None and self._loses_a_plain_one(plain)
        return self._loses

    def _loses_a_plain_one(self, plain: Case) -> bool:
        stream = representative(plain)
        body = stream.body
        ends = tuple(block.end for block in stream.frame.blocks(body) if block.end < len(body))
        # A CRLF is left whole: that a client cannot read one which is cut is a fault of its own.
        bytes_alone = tuple(at for at in range(1, len(body)) if not _is_inside_a_crlf(body, at))
        return self._reads(plain, ends) and not self._reads(plain, bytes_alone)

    def splits_reads(self, case: Case) -> bool:
        """Return whether the client reads a plain answer that comes all at once."""
        if self._splits is None:
            plain = plainest([case])
            self._splits = plain is not None and self._reads(plain, ())
        return self._splits

    def _reads(self, plain: Case, cuts: Cuts) -> bool:
        return self._trials.once(plain, cuts, self._trials.patience).evidence is None

    # -- the reasons of fails -----------------------------------------------------------------------------------------

    def of_cuts(self, failed: Failed) -> str:
        """Return the reason of a fail that is gone without its cuts."""
        return reason_of_cuts(
            failed.case,
            failed.heard,
            failed.stream.body,
            _cuts_of(failed),
            failed.between,
            loses=lambda: self.loses(failed.case),
            of_crlf=lambda: self._is_of_crlf(failed),
        )

    def of_own_reads(self, failed: Failed) -> str | None:
        """Return the reason of a fail of a stream that nothing cuts but the client's own reads; ``None``: they do not.

        It holds if each event is a chunk that is read before the next one is sent, and it loses a part of the same text
        in a plain answer, too, if that is sent at once.
        """
        case, text = failed.case, failed.case.expected.text
        if not failed.has_joined or len(failed.between) < 2 or text is None or case.expected.error:
            return None
        if not self.loses(case) or not self.splits_reads(case):
            return None
        if self._controls.said_plainly_holds(failed, text, ()) is not False:
            return None
        holds = self._controls.body_holds(failed, failed.stream.body, None, plainly=True)
        return of_pieces(case, failed.heard) if holds else None

    def of_a_hang(self, failed: Failed, *, whole: bool) -> Tried | None:
        """Return the fail of a client that still waits, and ends where no event is cut; ``None`` if it does not end.

        ``whole``: it has the whole text.
        """
        case, body, end, cuts = failed.case, failed.stream.body, failed.stream.end_marker, _cuts_of(failed)
        if set(cuts) <= set(failed.between):
            return None
        self._controls.left = _OF_A_HANG
        if not self._controls.body_holds(failed, body, None):
            return None
        if not whole or end is None:
            if self._is_of_crlf(failed):
                return told(failed, CUT_CRLF, next(at for at in cuts if _is_inside_a_crlf(body, at)))
            return told(failed, of_pieces(case, failed.heard), next(at for at in cuts if at not in failed.between))
        start = max((at for at in failed.between if at < end), default=0)
        inside = [at for at in cuts if start < at < end]
        others = tuple(at for at in cuts if at not in inside)
        if not inside or (others and not self._controls.body_holds(failed, body, others)):
            return told(failed, of_pieces(case, failed.heard))
        return told(failed, unseen_where_cut(case, of_crlf=self._is_of_crlf(failed)), inside[0])

    def of_delivery(self, case: Case, cuts: Cuts, tried: Tried) -> Tried:
        """Return the fail of a stream that was held at gates, with its cause if trials with the same gates show one."""
        evidence, heard = tried.evidence, tried.heard
        if evidence is None or heard is None:
            return tried
        stream = representative(case)
        between = tuple(block.end for block in stream.frame.blocks(stream.body))
        are_cut = cuts is not None and not set(cuts) <= set(between)
        if evidence.reason in (NOTHING_EARLY, HELD_BACK) and are_cut and self._hands_over(case, None):
            return replace(tried, evidence=replace(evidence, reason=HELD_BY_A_PART))
        if not evidence.likely or not heard.ended or seen_in(case, heard) is not None:
            return tried
        if case.cause is not None and case.reply().encoding is not None:
            if not self._hands_over(replace(case, reply=lambda: replace(case.reply(), encoding=None)), cuts):
                return tried
            return replace(tried, evidence=replace(evidence, reason=case.cause))
        if cuts is None or not are_cut or not self._hands_over(case, None):
            return tried
        failed = Failed(case, stream, tried, heard, cuts, between)
        return told(failed, self.of_cuts(failed))

    def _hands_over(self, case: Case, cuts: Cuts) -> bool:
        tried = handed_over(self._trials, case, cuts, self._trials.patience)
        return tried.evidence is None and not tried.note

    def _is_of_crlf(self, failed: Failed) -> bool:
        """Return whether it holds where each cut inside a CRLF is in front of it, and the others stay."""
        body, cuts = failed.stream.body, _cuts_of(failed)
        moved = sorted({at - 1 if _is_inside_a_crlf(body, at) else at for at in cuts} - {0})
        return moved != list(cuts) and self._controls.body_holds(failed, body, tuple(moved))


def _cuts_of(failed: Failed) -> tuple[int, ...]:
    """Return the fewest cuts with which it was seen to fail."""
    evidence = failed.tried.evidence
    return () if evidence is None else tuple(evidence.cuts)


def _is_inside_a_crlf(body: bytes, at: int) -> bool:
    return body[at - 1 : at + 1] == b"\r\n"
