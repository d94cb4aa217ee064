"""A judgement without secrets: a report is attached to builds and sent by mail."""

from __future__ import annotations

from dataclasses import replace

from orharness.redaction import Span, hide, spans_in
from orharness.verdict import Evidence, Expected, Got, Judgement, Verdict


def without_secrets(judgement: Judgement) -> Judgement:
    """Return the judgement with a placeholder for whatever looks like a key in what was sent, read or called.

    In the bytes of a body each byte of it is a ``*``, so that offsets and sizes stay true.
    """
    verdicts = tuple(map(_verdict, judgement.verdicts))
    return replace(judgement, client=hide(judgement.client), verdicts=verdicts)


def _verdict(verdict: Verdict) -> Verdict:
    return replace(
        verdict,
        evidence=verdict.evidence and _evidence(verdict.evidence),
        expected=verdict.expected and _expected(verdict.expected),
        got=verdict.got and _got(verdict.got),
        note=hide(verdict.note),
        once=verdict.once and replace(verdict.once, reason=hide(verdict.once.reason)),
        replay=hide(verdict.replay),
        serve=hide(verdict.serve),
    )


def _evidence(evidence: Evidence) -> Evidence:
    return replace(
        evidence,
        expected=hide(evidence.expected),
        got=hide(evidence.got),
        reason=hide(evidence.reason),
        excerpt=hide(evidence.excerpt),
        body=_masked(evidence.body, spans_in(evidence.body)),
    )


def _expected(expected: Expected) -> Expected:
    return replace(expected, text=expected.text and hide(expected.text))


def _got(got: Got) -> Got:
    return replace(got, text=hide(got.text), error=got.error and hide(got.error))


def _masked(body: bytes, spans: list[Span]) -> bytes:
    masked = bytearray(body)
    for span in spans:
        masked[span.start : span.end] = b"*" * (span.end - span.start)
    return bytes(masked)
