"""The README's picture is what ``python -m benchmarks.picture`` draws from a run, and shows two bills that differ."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.picture import PICTURE, Lane, draw
from orharness.journal import Bill
from tests.support.places import ROOT


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("}text")]


def without_numbers(svg: str) -> set[str]:
    """The texts, but for the labels of the axis: their number depends on how long the run took."""
    return {re.sub(r"\d[\d.]*", "N", text) for text in texts(svg) if not re.fullmatch(r"[\d.]+ s", text)}


def lane(provider: str, *, stops: bool, billed: int) -> Lane:
    bill = Bill(1, billed, 60, 60, billed, cancelled=stops, cost=billed * 15e-6)
    return Lane(provider, stops, 0.01, 0.25, 0.25 if stops else 0.81, bill)


@pytest.mark.slow
def test_the_picture_in_the_repository_is_one_that_the_command_draws(tmp_path: Path) -> None:
    file = tmp_path / "drawn.svg"
    command = [sys.executable, "-W", "error", "-m", "benchmarks.picture", "--to", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^Groq: .* 200 tokens billed, \$0\.0030$", done.stdout, re.M)
    assert without_numbers(file.read_text("utf-8")) == without_numbers(PICTURE.read_text("utf-8"))


def test_the_readme_shows_the_picture_and_says_what_is_in_it() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    (alternative,) = re.findall(r"!\[([^\]]+)\]\(docs/two-bills\.svg\)", readme)
    numbers = set(re.findall(r"\d[\d.]*\d", alternative))
    assert {"60", "200"} <= numbers
    assert numbers <= set(re.findall(r"\d[\d.]*\d", " ".join(texts(PICTURE.read_text("utf-8")))))


def test_what_was_made_after_the_stop_is_drawn_for_the_provider_that_goes_on_alone() -> None:
    two = draw([lane("A & B", stops=True, billed=60), lane("C", stops=False, billed=200)])
    assert {"A & B", "60 tokens billed", "200 tokens billed", "$0.0009", "$0.0030"} <= set(texts(two))
    assert [text for text in texts(two) if "nobody" in text] == ["140 tokens made for nobody"]
    one = draw([lane("A", stops=True, billed=60)])
    assert not [text for text in texts(one) if "nobody" in text]


@pytest.mark.parametrize("seconds", [0.81, 1.0, 2.34])
def test_the_axis_reaches_as_far_as_the_longest_bar(seconds: float) -> None:
    longest = Lane("C", False, 0.01, 0.25, seconds, lane("C", stops=False, billed=200).bill)
    svg = draw([longest])
    root = ElementTree.fromstring(svg)
    bars = {name: [e for e in root.iter() if e.get("class") == name] for name in ("track", "sent", "wasted")}
    ends = {name: float(e.attrib["x"]) + float(e.attrib["width"]) for name, (e,) in bars.items()}
    assert ends["sent"] == pytest.approx(float(bars["wasted"][0].attrib["x"]), abs=0.11)
    assert ends["wasted"] <= ends["track"] + 0.11
