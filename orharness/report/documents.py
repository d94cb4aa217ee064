"""A judgement as JSON, for programs, and as JUnit's XML, for CI servers."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import Any
from xml.etree import ElementTree

from orharness.report.groups import by_family
from orharness.report.words import in_words, stopped
from orharness.verdict import Evidence, Judgement, Result, Verdict

_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, which a client that decodes wrongly may yield
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_json(judgement: Judgement) -> str:
    """Return the judgement as one JSON document; unknown is null, and texts of fails are whole."""
    return half_characters_escaped(json.dumps(_document(judgement), ensure_ascii=False, indent=2)) + "\n"


def half_characters_escaped(text: str) -> str:
    """Return a JSON text with lone surrogates as escapes: UTF-8 cannot hold them."""
    return _SURROGATE.sub(lambda half: f"\\u{ord(half.group()):04x}", text)


def _document(judgement: Judgement) -> dict[str, Any]:
    return {
        "client": judgement.client,
        "profile": judgement.profile,
        "seed": judgement.seed,
        "made": None if judgement.made is None else asdict(judgement.made),
        "summary": {
            "passed": judgement.number(Result.PASS),
            "failed": sum(verdict.counts for verdict in judgement.verdicts),
            "failed_should": sum(one.result is Result.FAIL and not one.counts for one in judgement.verdicts),
            "not_applicable": judgement.number(Result.NOT_APPLICABLE),
            "failed_once": sum(one.once is not None for one in judgement.verdicts),
            "unjudged": judgement.unjudged,
        },
        "cases": [_case(verdict) for verdict in judgement.verdicts],
    }


def _case(verdict: Verdict) -> dict[str, Any]:
    expected, got = verdict.expected, verdict.got
    return {
        "id": verdict.case,
        "title": verdict.title,
        "family": verdict.family,
        "level": verdict.level.value,
        "verdict": verdict.result.value,
        "source": verdict.source,
        "boundaries_tried": verdict.boundaries_tried,
        "boundaries_proven": verdict.boundaries_proven,
        "expected": None if expected is None else {"text": expected.text, "error": expected.error},
        "got": None if got is None else {"text": got.text, "error": got.error},
        "evidence": None if verdict.evidence is None else _evidence(verdict.evidence),
        "note": verdict.note or None,
        "replay": verdict.replay or None,
        "known": verdict.known,
        "failed_once": None if verdict.once is None else asdict(verdict.once),
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "reason": evidence.reason,
        "expected": evidence.expected,
        "got": evidence.got,
        "bytes": evidence.excerpt or None,
        "cuts": list(evidence.cuts),
    }


def as_junit(judgement: Judgement) -> str:
    """Return the judgement as JUnit XML: a suite for each family, a test case for each case.

    A SHOULD that does not hold is shown as skipped, since every failure there fails the build. Characters that XML 1.0
    (section 2.2) does not allow become U+FFFD. Source: https://github.com/testmoapp/junitxml
    """
    root = ElementTree.Element("testsuites", name=_xml(f"orharness {judgement.command} {judgement.client}"))
    _count(root, list(judgement.verdicts))
    if judgement.made is not None:
        root.set("timestamp", judgement.made.date)
        root.set("time", f"{judgement.made.seconds:.3f}")
        properties = ElementTree.SubElement(root, "properties")
        for name in ("version", "platform"):
            ElementTree.SubElement(properties, "property", name=name, value=_xml(getattr(judgement.made, name)))
    for family, verdicts in by_family(judgement.verdicts).items():
        suite = ElementTree.SubElement(root, "testsuite", name=family)
        _count(suite, verdicts)
        for verdict in verdicts:
            _test_case(suite, judgement, verdict)
    if judgement.unjudged:
        _stopped(root, judgement)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n"


def _stopped(root: ElementTree.Element, judgement: Judgement) -> None:
    """Add an error, so that a run that was stopped is not taken for a whole one."""
    for element in (root, ElementTree.SubElement(root, "testsuite", name="stopped", failures="0", skipped="0")):
        element.set("tests", str(int(element.get("tests", "0")) + 1))
        element.set("errors", "1")
    case = ElementTree.SubElement(element, "testcase", classname=_xml(f"{judgement.client}.stopped"), name="stopped")
    ElementTree.SubElement(case, "error", message=stopped(judgement))


def _count(element: ElementTree.Element, verdicts: list[Verdict]) -> None:
    failed = sum(verdict.counts for verdict in verdicts)
    passed = sum(verdict.result is Result.PASS for verdict in verdicts)
    element.set("tests", str(len(verdicts)))
    element.set("failures", str(failed))
    element.set("errors", "0")
    element.set("skipped", str(len(verdicts) - failed - passed))


def _test_case(suite: ElementTree.Element, judgement: Judgement, verdict: Verdict) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", classname=_xml(f"{judgement.client}.{verdict.family}"), name=verdict.case
    )
    if verdict.counts and verdict.evidence is not None:
        failure = ElementTree.SubElement(case, "failure", type="fail", message=_xml(verdict.evidence.reason))
        failure.text = _xml(in_words(verdict))
    elif verdict.result is Result.FAIL:
        reason = verdict.evidence.reason if verdict.evidence else ""
        why = "a fail that the baseline knows" if verdict.known else "only a SHOULD, and it does not hold"
        ElementTree.SubElement(case, "skipped", message=_xml(f"{why}: {reason}"))
        ElementTree.SubElement(case, "system-out").text = _xml(in_words(verdict))
    elif verdict.result is Result.NOT_APPLICABLE:
        ElementTree.SubElement(case, "skipped", message=_xml(verdict.note))
    elif verdict.once is not None:
        ElementTree.SubElement(case, "system-out").text = _xml(in_words(verdict))


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
