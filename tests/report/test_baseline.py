"""A baseline, SARIF, the badge, and what every report says of how it was made."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from orharness.errors import ScenarioError
from orharness.report import baseline
from orharness.report.formats import FORMATS, render
from orharness.report.words import headline
from orharness.verdict import Evidence, Judgement, Level, Made, Result, Verdict

MADE = Made("1.2.3", "2026-12-01T12:00:00+00:00", "Python 3.11 on Linux", 12.5)
GOOD = Verdict("done/a", "A.", Result.PASS)
BAD = Verdict("done/b", "B.", Result.FAIL, Evidence("'x'", "'y'", "why <b>"), source="https://example.org/rule")
LAX = Verdict("done/c", "C.", Result.FAIL, Evidence("'x'", "'y'", "may"), level=Level.SHOULD)
NOT = Verdict("done/d", "D.", Result.NOT_APPLICABLE, note="not here")
JUDGED = Judgement("mine:client", "gateway", 0, (GOOD, BAD, LAX, NOT), made=MADE)


def test_a_known_fail_does_not_count() -> None:
    compared = baseline.compare(JUDGED, {"done/b": "why"})
    assert compared.ok
    assert headline(compared.judgement) == (
        "1 of 3 cases holds; 1 fail that the baseline knows; 1 SHOULD case does not hold"
    )


def test_a_new_fail_counts() -> None:
    assert not baseline.compare(JUDGED, {}).ok


@pytest.mark.parametrize("stale", ["done/a", "done/gone"])
def test_a_stale_entry_fails(stale: str) -> None:
    compared = baseline.compare(JUDGED, {"done/b": "why", stale: "long ago"})
    assert (compared.ok, compared.stale) == (False, (stale,))


def test_an_entry_that_was_not_judged_is_not_stale() -> None:
    compared = baseline.compare(JUDGED, {"done/b": "why", "done/d": "x", "chat/e": "x"}, known=["chat/e"])
    assert compared.ok


def test_what_is_written_is_read_and_what_was_not_judged_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    baseline.write(file, JUDGED, {"done/a": "was", "done/d": "kept", "chat/e": "kept"})
    assert baseline.read(file) == {"done/b": "why <b>", "done/d": "kept", "chat/e": "kept"}
    assert baseline.compare(JUDGED, baseline.read(file), known=["chat/e"]).ok


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"baseline": 2, "fails": {}}', '{"baseline": 1, "fails": ["a"]}'])
def test_what_is_no_baseline_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "known.json"
    file.write_text(text)
    with pytest.raises(ScenarioError, match=re.escape(str(file))):
        baseline.read(file)
    with pytest.raises(ScenarioError, match="--update-baseline writes it"):
        baseline.read(tmp_path / "none.json")


@pytest.mark.parametrize("form", sorted(set(FORMATS) - {"badge"}))
def test_every_report_says_how_it_was_made(form: str) -> None:
    written = render(JUDGED, form)
    said = ("1.2.3", "2026-12-01T12:00:00+00:00")
    assert all(one in written for one in said)
    if form != "sarif":
        assert "Python 3.11 on Linux" in written
        assert "12.5" in written


def test_sarif_has_a_result_for_each_fail() -> None:
    judged = baseline.compare(JUDGED, {"done/b": "why"}).judgement
    log = json.loads(render(judged, "sarif"))
    [run] = log["runs"]
    assert log["version"] == "2.1.0"
    assert [(one["ruleId"], one["level"]) for one in run["results"]] == [("done/b", "error"), ("done/c", "warning")]
    assert [bool(one.get("suppressions")) for one in run["results"]] == [True, False]
    rules = run["tool"]["driver"]["rules"]
    assert [rules[one["ruleIndex"]]["id"] for one in run["results"]] == ["done/b", "done/c"]
    assert rules[0]["helpUri"] == "https://example.org/rule"
    assert "helpUri" not in rules[1]


@pytest.mark.parametrize(
    ("client", "uri"),
    [
        ("my client.py:stream", "my%20client.py"),
        ("apps.chat:stream", "src/apps/chat.py"),
        (f"{sys.executable} 'my client.py' --fast (mine 1)", "my%20client.py"),
        ("curl it's", "curl%20it%27s"),
        ("http://127.0.0.1:80/v1", "http%3A//127.0.0.1%3A80/v1"),
    ],
)
def test_each_result_of_sarif_is_at_a_file(
    client: str, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("my client.py", "src/apps/chat.py"):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).touch()
    [run] = json.loads(render(replace(JUDGED, client=client), "sarif"))["runs"]
    for result in run["results"]:
        [location] = result["locations"]
        assert location["physicalLocation"] == {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}}
        assert location["logicalLocations"] == [{"fullyQualifiedName": client, "kind": "module"}]


@pytest.mark.parametrize(
    ("verdicts", "said", "color"),
    [
        ((GOOD, NOT), "1 of 1", "#2da44e"),
        ((GOOD, BAD), "1 of 2", "#cf222e"),
        ((NOT,), "not judged", "#6e7781"),
    ],
)
def test_the_badge_counts_what_holds(verdicts: tuple[Verdict, ...], said: str, color: str) -> None:
    badge = render(replace(JUDGED, verdicts=verdicts), "badge")
    root = ElementTree.fromstring(badge)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.attrib["aria-label"] == f"SSE contract gateway: {said}"
    assert color in badge
