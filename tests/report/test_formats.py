"""A judgement as JSON, JUnit XML and HTML: whole, escaped, and the bytes drawn as they were sent."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orharness.errors import OrharnessError, ScenarioError
from orharness.report.formats import FORMATS, render, write
from orharness.report.html import cells, windows
from orharness.report.words import headline
from orharness.verdict import Evidence, Expected, Got, Judgement, Level, Made, Once, Result, Verdict
from tests.support.planted import with_a_shape

BODY = 'data: {"content":"Grüße <b>"}\n\ndata: [DONE]\n\n'.encode()
CUT = BODY.index("ü".encode()) + 1
NASTY = "'<script>alert(1)</script> \x00\x1b ]]> & \"'"


def failed(case: str = "boundaries/a", level: Level = Level.MUST, reason: str = "`why` it is so") -> Verdict:
    evidence = Evidence("'Grüße'", NASTY, reason, "Gr\\xc3│\\xbc", BODY, (CUT,), CUT)
    return Verdict(
        case,
        "A <title> & more.",
        Result.FAIL,
        evidence,
        7,
        6,
        level=level,
        source="https://example.org/?a=1&b=2",
        expected=Expected("Grüße"),
        got=Got(NASTY, "ValueError('no')"),
        replay=f"orharness check 'a b.py:c' --only {case} --at {CUT}",
        serve=f"orharness serve --case {case}",
    )


PASSED = Verdict("done/b", "It holds.", Result.PASS, boundaries_tried=3, boundaries_proven=3, expected=Expected("x"))
NOT_APPLICABLE = Verdict("cancellation/c", "It cannot.", Result.NOT_APPLICABLE, note="it cannot be <cancelled>")
ALL = (failed(), failed("boundaries/z"), failed("chat/s", Level.SHOULD, "it only should"), PASSED, NOT_APPLICABLE)
JUDGED = Judgement("a b.py:c", "gateway", 3, ALL)


def test_json_is_what_was_promised() -> None:
    document = json.loads(render(JUDGED, "json"))
    assert {name: document[name] for name in ("client", "profile", "seed", "summary")} == {
        "client": "a b.py:c",
        "profile": "gateway",
        "seed": 3,
        "summary": {"passed": 1, "failed": 2, "failed_should": 1, "not_applicable": 1, "failed_once": 0, "unjudged": 0},
    }
    first, *_, last = document["cases"]
    assert first["id"] == "boundaries/a"
    assert first["family"] == "boundaries"
    assert (first["level"], first["verdict"]) == ("MUST", "fail")
    assert (first["boundaries_tried"], first["boundaries_proven"]) == (7, 6)
    assert first["expected"] == {"text": "Grüße", "error": False}
    assert first["got"] == {"text": NASTY, "error": "ValueError('no')"}
    assert first["evidence"]["reason"] == "`why` it is so"
    assert first["evidence"]["cuts"] == [CUT]
    assert first["replay"].startswith("orharness check 'a b.py:c' --only boundaries/a --at")
    assert (last["verdict"], last["evidence"], last["note"]) == ("not_applicable", None, "it cannot be <cancelled>")
    assert all(
        {"id", "title", "family", "level", "verdict", "expected", "got", "replay"} <= set(one)
        for one in document["cases"]
    )


def test_a_fail_that_did_not_come_again_is_in_each_report() -> None:
    seen = replace(PASSED, once=Once(3, "its text is '<b>'"))
    judged = replace(JUDGED, verdicts=(seen, NOT_APPLICABLE))
    document = json.loads(render(judged, "json"))
    assert (document["summary"]["failed"], document["summary"]["failed_once"]) == (0, 1)
    assert [one["failed_once"] for one in document["cases"]] == [{"trials": 3, "reason": "its text is '<b>'"}, None]
    assert "failed once in 3 trials: its text is &#x27;&lt;b&gt;&#x27;" in render(judged, "html")
    root = ElementTree.fromstring(render(judged, "junit"))
    assert root.get("failures") == "0"
    assert "failed once in 3 trials" in (root.findtext(".//system-out") or "")
    assert judged.ok


def test_junit_can_be_read_and_a_should_fails_no_build() -> None:
    root = ElementTree.fromstring(render(JUDGED, "junit"))
    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == ("5", "2", "2")
    assert [suite.get("name") for suite in root] == ["boundaries", "chat", "done", "cancellation"]
    by_name = {case.get("name"): case for case in root.iter("testcase")}
    failure = by_name["boundaries/a"].find("failure")
    assert failure is not None
    assert failure.get("message") == "`why` it is so"
    assert "replay    orharness check" in (failure.text or "")
    assert "\ufffd" in (failure.text or "")  # what XML has no place for
    assert by_name["chat/s"].find("failure") is None
    assert by_name["chat/s"].find("skipped") is not None
    assert list(by_name["done/b"]) == []


class _Page(HTMLParser):
    """The page as a browser takes it: its elements, what refers to elsewhere, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.ids += [found["id"] or ""] if "id" in found else []
        self.links += [found["href"] or ""] if "href" in found else []
        assert not {"src", "srcset", "onload", "onclick"} & set(found)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_needs_nothing_else_and_says_what_a_client_said_as_text() -> None:
    text = render(JUDGED, "html")
    page = _Page(text)
    assert not {"script", "img", "link", "iframe", "b2"} & set(page.tags)
    assert "alert(1)" in page.text
    assert "@import" not in text
    assert "url(" not in text
    assert len(set(page.ids)) == len(page.ids)
    inside = {link[1:] for link in page.links if link.startswith("#")}
    assert inside == set(page.ids)  # each tile leads to its case
    assert inside == {one.case.replace("/", "--") for one in ALL}
    assert headline(JUDGED) in page.text
    assert f"orharness check 'a b.py:c' --only boundaries/a --at {CUT}" in page.text


def test_html_draws_the_character_that_a_boundary_cuts_as_its_bytes() -> None:
    text = render(JUDGED, "html")
    first, second = re.findall(r'<span class="chunk">(.*?)</span>(?=<span|</div>)', text)[:2]
    assert first.endswith('<b class="part" title="C3">C3<i>C3</i></b>')
    assert second.startswith('<b class="part" title="BC">BC<i>BC</i></b>')
    assert '<b class="char many" title="C3 9F">ß<i>C3 9F</i></b>' in second


@given(st.binary(min_size=1, max_size=300), st.sets(st.integers(1, 299)), st.integers(0, 400))
def test_what_is_drawn_are_the_bytes_and_the_cuts(body: bytes, cuts: set[int], at: int) -> None:
    inside = tuple(sorted(cut for cut in cuts if cut < len(body)))
    drawn = windows(Evidence("", "", "", "", body, inside, at))
    assert all(one.end < other.start for one, other in pairwise(drawn))
    for window in drawn:
        chunks = [b"".join(cell.data for cell in chunk) for chunk in cells(window)]
        assert b"".join(chunks) == body[window.start : window.end]
        assert len(chunks) == 1 + sum(window.start < cut < window.end for cut in inside)
        for cell in (cell for chunk in cells(window) for cell in chunk):
            assert cell.data.decode("utf-8", "replace") != "\ufffd" or not cell.whole or cell.data == "\ufffd".encode()


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ((PASSED, NOT_APPLICABLE), "the one case holds"),
        ((failed(), PASSED), "1 of 2 cases fails"),
        ((failed(level=Level.SHOULD), PASSED), "1 of 2 cases holds; 1 SHOULD case does not hold"),
        ((NOT_APPLICABLE, NOT_APPLICABLE), "nothing was judged: 2 cases not applicable"),
    ],
)
def test_the_headline(verdicts: tuple[Verdict, ...], said: str) -> None:
    judged = Judgement("c", "gateway", 0, verdicts)
    assert headline(judged) == said
    assert judged.ok == ("fail" not in said)


def test_a_client_of_which_nothing_was_judged_has_no_tick() -> None:
    assert "\n- nothing was judged: 1 case not applicable\n" in render(
        Judgement("c", "gateway", 0, (NOT_APPLICABLE,)), "text"
    )


def test_a_run_that_was_stopped_is_not_taken_for_a_whole_one() -> None:
    judged = Judgement("c", "gateway", 0, (PASSED, PASSED), unjudged=3)
    assert "\n- stopped after 2 of 5 cases; of these: all 2 cases hold\n" in render(judged, "text")
    assert "stopped after 2 of 5 cases" in render(judged, "html")
    assert json.loads(render(judged, "json"))["summary"]["unjudged"] == 3
    root = ElementTree.fromstring(render(judged, "junit"))
    assert (root.get("tests"), root.get("errors"), root.get("failures")) == ("3", "1", "0")
    [error] = root.iter("error")
    assert error.get("message") == "stopped after 2 of 5 cases"
    assert "2 of 2, 3 not judged" in render(judged, "badge")
    assert render(judged, "badge").count("#2da44e") == 0
    made = Made("1", "2026-11-27", "Linux", 1.0)
    assert '"executionSuccessful": false' in render(replace(judged, made=made), "sarif")


@pytest.mark.parametrize("form", FORMATS)
def test_each_form_is_written_whole(form: str, tmp_path: Path) -> None:
    write(JUDGED, form, tmp_path / "new" / "report")
    assert (tmp_path / "new" / "report").read_text("utf-8") == render(JUDGED, form)


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="a format is one of text, json, junit, html, sarif, badge; not 'pdf'"):
        render(JUDGED, "pdf")
    with pytest.raises(OrharnessError, match="the report cannot be written"):
        write(JUDGED, "json", tmp_path)


def test_html_allows_no_network_and_no_script() -> None:
    page = render(JUDGED, "html")
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', page)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.S)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert page.index("Content-Security-Policy") < page.index("<style>")
    assert " style=" not in page  # the policy would block it


@pytest.mark.parametrize("form", FORMATS)
def test_no_report_holds_a_secret(form: str) -> None:
    """Whatever a client was called with, read and said: a report is attached to builds."""
    keys = [str(one) for one in with_a_shape()]
    body = "".join(f"data: {key}\n\n" for key in keys).encode()
    said = "; ".join(keys)
    evidence = Evidence(said, said, said, said, body, (5, 40), 40)
    verdict = replace(failed(), evidence=evidence, expected=Expected(said), got=Got(said, said), note=said, replay=said)
    page = render(replace(JUDGED, client=f"node a.mjs {keys[0]}", verdicts=(replace(verdict, serve=said),)), form)
    for one in with_a_shape():
        assert one.value not in page
    if form == "html":
        assert "cut at byte 5, 40" in page
        assert f"{len(body):,} bytes in 3 chunks" in page
