"""A judgement as SARIF 2.1.0, as code-scanning services read it: a rule a case, a result a fail.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
from typing import Any

from orharness.report.documents import half_characters_escaped
from orharness.report.words import in_words
from orharness.verdict import Judgement, Result, Verdict

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_sarif(judgement: Judgement) -> str:
    """Return the judgement as one SARIF log with one run.

    A MUST that fails is an ``error``, a SHOULD a ``warning``, a fail that a baseline knows is suppressed. What was
    judged has no source file: each result is at the client's name, as a logical location.
    """
    failed = [verdict for verdict in judgement.verdicts if verdict.result is Result.FAIL]
    made = judgement.made
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "orharness",
                "informationUri": "https://pypi.org/project/onerouter-harness/",
                **({} if made is None else {"version": made.version}),
                "rules": [_rule(verdict) for verdict in failed],
            }
        },
        "results": [_result(judgement, verdict, number) for number, verdict in enumerate(failed)],
        "columnKind": "unicodeCodePoints",
    }
    if made is not None:
        run["invocations"] = [{"executionSuccessful": True, "endTimeUtc": made.date}]
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return half_characters_escaped(json.dumps(log, ensure_ascii=False, indent=2)) + "\n"


def _rule(verdict: Verdict) -> dict[str, Any]:
    help_uri = {"helpUri": verdict.source} if verdict.source.startswith("http") else {}
    return {"id": verdict.case, "shortDescription": {"text": verdict.title}, **help_uri}


def _result(judgement: Judgement, verdict: Verdict, rule: int) -> dict[str, Any]:
    reason = verdict.evidence.reason if verdict.evidence is not None else verdict.title
    known = {"suppressions": [{"kind": "external", "justification": "in the baseline"}]} if verdict.known else {}
    return {
        "ruleId": verdict.case,
        "ruleIndex": rule,
        "level": "error" if verdict.fails_client else "warning",
        "message": {"text": f"{reason}\n\n{in_words(verdict)}"},
        "locations": [{"logicalLocations": [{"fullyQualifiedName": judgement.client, "kind": "module"}]}],
        "partialFingerprints": {"case/v1": f"{judgement.client}:{verdict.case}"},
        **known,
    }
