"""The animated picture of the demo is one that ``python -m benchmarks.cast`` draws: text, each line at its moment."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.cast import FIRST, PICTURE, ROWS, SOONEST, Printed, draw, lines, paced
from tests.support.places import ROOT

HEADINGS = ["1  Replay", "2  Cancel", "3  The bill", "4  Judge"]
TEXT = "{http://www.w3.org/2000/svg}text"


def drawn(svg: str) -> list[str]:
    """Its lines, without what is between the runs of a style."""
    return ["".join(element.itertext()) for element in ElementTree.fromstring(svg).iter(TEXT)]


def shape(svg: str) -> set[str]:
    """Its lines without numbers and bars. How many there are of a kind depends on how long the run took."""
    return {re.sub(r"[\d.,+\-█▉▊▋▌▍▎▏▒»│ ]+", "", line) for line in drawn(svg)}


@pytest.mark.slow
def test_the_picture_in_the_repository_is_one_that_the_command_draws(tmp_path: Path) -> None:
    file = tmp_path / "drawn.svg"
    command = [sys.executable, "-W", "error", "-m", "benchmarks.cast", "--to", str(file)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120, stdout=subprocess.DEVNULL)
    made, kept = shape(file.read_text("utf-8")), shape(PICTURE.read_text("utf-8"))
    assert len(made & kept) >= 0.8 * len(made | kept), made ^ kept


def test_the_picture_has_all_parts_of_the_demo() -> None:
    found = [line for line in drawn(PICTURE.read_text("utf-8")) if re.match(r"\d  [A-Z]", line)]
    assert [line.partition(":")[0] for line in found] == HEADINGS


def test_the_picture_needs_nothing_but_itself_and_is_small() -> None:
    svg = PICTURE.read_text("utf-8")
    assert not re.search(r"<script|<image|href|url\(|@import", svg)
    assert len(svg) < 100_000
    assert "prefers-reduced-motion" in svg
    for page in ("README.md", "docs/index.md"):
        assert "demo.svg)" in (ROOT / page).read_text("utf-8")


def test_lines_are_put_together_of_what_comes() -> None:
    came = [(1.0, b"a\r\n\x1b[1mb"), (2.0, b"old\x1b[0m\r\nlast \xe4\xb8"), (3.0, b"\x96")]
    assert [(one.at, one.text.plain) for one in lines(came)] == [(1.0, "a"), (2.0, "bold"), (3.0, "last 世")]


def test_a_line_comes_at_its_moment_and_none_too_soon_after_another() -> None:
    shown = paced([Printed(at, next(lines([(0.0, b"x\n")])).text) for at in (5.0, 5.0, 6.0)])
    assert [one.at for one in shown] == pytest.approx([0.0, FIRST, FIRST + SOONEST, FIRST + 1.0])


def test_each_run_of_a_style_is_at_its_cell_and_the_terminal_scrolls() -> None:
    shown = paced(list(lines([(1.0, "世界 \x1b[31m<x>\x1b[0m\r\n".encode())])))
    assert '<tspan x="0">世界</tspan><tspan x="42.25" fill="#ef7f88">&lt;x&gt;</tspan>' in draw(shown)
    assert "translateY(-19px)" not in draw(shown)
    many = paced(list(lines([(1.0, b"x\n" * ROWS)])))  # and the command
    assert "translateY(-19px)" in draw(many)
    assert "translateY(-38px)" not in draw(many)
