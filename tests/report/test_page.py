"""The page as one file: its modules joined, its policy, and what a client sent as text and never as markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from orharness.report.page import MODULES, live_page, saved_page, script

HOSTILE = '</script><script>alert(1)</script><!-- <img src=x onerror="alert(2)"> \u2028 "'
DOCUMENT = {"title": HOSTILE, "said": HOSTILE, "account": "", "now": 0, "lanes": [], "streams": {}, "events": []}
SCRIPT = re.compile(r'<script type="module">(.*?)</script>', re.S)
STYLE = re.compile(r"<style>(.*?)</style>", re.S)


def digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_every_module_is_in_the_page_after_those_that_it_imports() -> None:
    folder = files("orharness.report.page")
    there = {one.name.removesuffix(".mjs") for one in folder.iterdir() if one.name.endswith(".mjs")}
    assert there == set(MODULES)
    for number, name in enumerate(MODULES):
        needed = re.findall(r'from "\./(\w+)\.mjs"', (folder / f"{name}.mjs").read_text("utf-8"))
        assert set(needed) <= set(MODULES[:number]), name
    assert not re.search(r"^(import|export) ", script(), re.M)


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js here")
def test_the_joined_script_is_one_that_parses(tmp_path: Path) -> None:
    """A name that two modules give to something at their top is an error of syntax there."""
    file = tmp_path / "page.mjs"
    file.write_text(script(), "utf-8")
    checked = subprocess.run(["node", "--check", file], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_the_policy_lets_in_this_script_and_these_styles_and_nothing_else() -> None:
    text, headers = live_page()
    policy = dict(headers)["Content-Security-Policy"]
    [run], [styled] = SCRIPT.findall(text), STYLE.findall(text)
    assert f"script-src {digest(run)};" in policy
    assert f"style-src {digest(styled)};" in policy
    assert "default-src 'none'; " in policy
    assert "connect-src 'self'" in policy
    assert "unsafe" not in policy
    saved = saved_page(DOCUMENT)
    [held] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', saved)
    assert "connect-src &#x27;none&#x27;" in held


@pytest.mark.parametrize("text", [live_page()[0], saved_page(DOCUMENT)], ids=["live", "saved"])
def test_nothing_is_loaded_from_elsewhere(text: str) -> None:
    assert set(re.findall(r"https?://[^\s'\"%)]*", text)) <= {"http://www.w3.org/2000/svg"}
    assert re.findall(r'<(?:script|img|iframe|link)[^>]* (?:src|href)="(?!data:)', text) == []
    assert "@import" not in text
    assert " style=" not in text  # which the policy forbids
    assert not re.search(r' on\w+="', re.sub(r"<script.*?</script>", "", text, flags=re.S))


def test_what_a_client_sent_is_data() -> None:
    text = saved_page(DOCUMENT)
    assert "<script>alert" not in text
    assert "<img" not in text
    [held] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    assert json.loads(held) == DOCUMENT


OLDER = """
import { Lane } from "MODULE";
const lane = new Lane("default", "000001", 0);
const event = (id, event, more) => lane.apply({ id, event, at: id / 10, body_written: 10, body_read: null, ...more });
event(1, "request_read", { request: { method: "POST", path: "/" }, started_at: 0 });
event(2, "held", { held: true });
const document = {
  request: lane.request, route: null, status: 200, outcome: null, how: null, open: true, bill: null, held_at: null,
  chunks: 3, stream_size: 30, bytes_written: 0, bytes_read: null, ended_after: null, braked: false,
};
lane.learn(document, 1);
const held = lane.state;
lane.learn({ ...document, held_at: 10 }, 2);
const still = lane.state;
event(3, "left", { how: "fin", outcome: "cancelled" });
lane.learn(document, 2);
const left = [lane.state, lane.open];
const later = new Lane("default", "000002", 0);
later.learn({ ...document, id: "000002", held_at: 10 }, 9);
console.log(JSON.stringify([held, still, left, later.state]));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js here")
def test_an_answer_that_is_older_than_the_events_takes_nothing_back(tmp_path: Path) -> None:
    module = Path(str(files("orharness.report.page"))) / "lane.mjs"
    file = tmp_path / "older.mjs"
    file.write_text(OLDER.replace("MODULE", module.as_uri()), "utf-8")
    done = subprocess.run(["node", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["held", "held", ["cancelled", False], "held"]
