"""A judgement as SARIF 2.1.0, as code-scanning services read it: a rule a case, a result a fail.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import quote

from orharness.report.documents import half_characters_escaped
from orharness.report.words import in_words
from orharness.verdict import Judgement, Result, Verdict

_MODULES = (".py", "/__init__.py")
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_sarif(judgement: Judgement) -> str:
    """Return the judgement as one SARIF log with one run.

    A MUST that fails is an ``error``, a SHOULD a ``warning``, a fail that a baseline knows is suppressed. Each result
    is at the file that the client's name or command names: GitHub refuses a whole log in which one result has none.
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
        run["invocations"] = [{"executionSuccessful": not judgement.unjudged, "endTimeUtc": made.date}]
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return half_characters_escaped(json.dumps(log, ensure_ascii=False, indent=2)) + "\n"


def _location(client: str) -> dict[str, Any]:
    """Return where the client is: the first line of its file, or where there is none of its name."""
    place = {"artifactLocation": {"uri": quote(_file(client))}, "region": {"startLine": 1}}
    return {"physicalLocation": place, "logicalLocations": [{"fullyQualifiedName": client, "kind": "module"}]}


def _file(client: str) -> str:
    """Return the file of ``FILE.py:NAME``, ``MODULE:NAME`` or of a command, from the current directory."""
    try:
        words = shlex.split(client)
    except ValueError:  # a quotation that does not end
        words = client.split()
    module = client.rpartition(":")[0]
    paths = [f"{folder}{module.replace('.', '/')}{end}" for folder in ("", "src/") for end in _MODULES]
    here = Path.cwd()
    found = (Path(one).absolute() for one in (module, *paths, *words) if Path(one).is_file())
    inside = next((one for one in found if one.is_relative_to(here)), None)  # not /usr/bin/node
    return client if inside is None else inside.relative_to(here).as_posix()


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
        "locations": [_location(judgement.client)],
        "partialFingerprints": {"case/v1": f"{judgement.client}:{verdict.case}"},
        **known,
    }
