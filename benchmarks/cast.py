"""Draw the demo as an animated picture: ``python -m benchmarks.cast [--to FILE]``.

``orharness demo`` runs in a terminal of its own, and each line is drawn at the moment at which it was printed. The wait
before the first line is cut, and lines that came at once follow each other quickly, so that they are seen to come. The
picture is one SVG: text, and CSS that shows and scrolls it. It repeats; where motion is not wanted, its end is shown.
Without ``--to`` it is written to ``docs/demo.svg``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.text import Text

PICTURE = Path(__file__).parents[1] / "docs" / "demo.svg"
COLUMNS, ROWS = 100, 36  # of the terminal
FIRST = 1.2  # seconds in which the command is read, before its first line
SOONEST = 0.045  # seconds between two lines, at least
END = 7.0  # seconds in which the last lines stay
PROMPT = "\x1b[32m$\x1b[0m \x1b[1morharness demo\x1b[0m"
_CELL, _LINE, _MARGIN, _BAR = 8.45, 19, 20, 34  # pixels
_FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_PLAIN, _DIM, _GROUND, _FRAME = "#d8dee9", "#8b98ad", "#161b24", "#232a36"
_COLOURS = ("#3b4252", "#ef7f88", "#9fd08a", "#ecc46a", "#7fb2f0", "#c79be0", "#74cfd4", "#d8dee9")


@dataclass(frozen=True)
class Printed:
    """A line of a terminal, and the moment at which it is there, in seconds."""

    at: float
    text: Text


# --- the run ----------------------------------------------------------------------------------------------------------


def record(command: Sequence[str]) -> list[Printed]:
    """Run a command in a terminal and return its lines as they came. Raises ``CalledProcessError`` if it fails."""
    import pty  # not on Windows

    ours, its = pty.openpty()
    env = {**os.environ, "COLUMNS": str(COLUMNS), "LINES": str(ROWS), "TERM": "xterm-256color", "PYTHONUTF8": "1"}
    env.pop("NO_COLOR", None)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=its, stderr=its, env=env)
    os.close(its)
    try:
        came = list(_pieces(ours))
    finally:
        os.close(ours)
    if process.wait():
        raise subprocess.CalledProcessError(process.returncode, command)
    return list(lines(came))


def _pieces(terminal: int) -> Iterator[tuple[float, bytes]]:
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:  # how Linux says that nobody writes to it any more
            return
        if not data:
            return
        yield time.monotonic(), data


def lines(came: Iterable[tuple[float, bytes]]) -> Iterator[Printed]:
    """Yield each whole line of what came, at the moment of its end; the last one also without an end."""
    waiting, now = b"", 0.0
    for now, data in came:
        *whole, waiting = (waiting + data).split(b"\n")
        for line in whole:
            yield Printed(now, Text.from_ansi(line.rstrip(b"\r").decode()))
    if waiting:
        yield Printed(now, Text.from_ansi(waiting.decode()))


def paced(printed: Sequence[Printed]) -> list[Printed]:
    """Return the lines after the command that printed them, from 0 on, none too soon after the one before."""
    found = [Printed(0.0, Text.from_ansi(PROMPT))]
    for one in printed:
        due = FIRST + one.at - printed[0].at
        found.append(Printed(max(due, found[-1].at + SOONEST), one.text))
    return found


# --- the picture ------------------------------------------------------------------------------------------------------


def draw(printed: Sequence[Printed]) -> str:
    """Return the SVG of lines that come at their moments; it needs no other file and no script."""
    width = round(COLUMNS * _CELL) + 2 * _MARGIN
    height = _BAR + ROWS * _LINE + _MARGIN
    whole = printed[-1].at + END
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        ' role="img" aria-label="orharness demo in a terminal">',
        f"<style>{_style(printed, whole)}</style>",
        f'<rect width="{width}" height="{height}" rx="9" fill="{_GROUND}"/>',
        f'<path d="M0 9a9 9 0 0 1 9-9h{width - 18}a9 9 0 0 1 9 9v{_BAR - 17}H0z" fill="{_FRAME}"/>',
        *(f'<circle cx="{x}" cy="13" r="6" fill="{_COLOURS[n]}"/>' for x, n in ((20, 1), (40, 3), (60, 2))),
        f'<svg x="{_MARGIN}" y="{_BAR}" width="{width - _MARGIN}" height="{ROWS * _LINE}"><g class="all">',
        *(_line(number, one.text) for number, one in enumerate(printed) if one.text.plain.strip()),
        "</g></svg></svg>",
    ]
    return "\n".join(parts) + "\n"


def _style(printed: Sequence[Printed], whole: float) -> str:
    """The fonts, the moment of each line, and how far the terminal has scrolled at each moment."""
    scrolled = max(0, len(printed) - ROWS)
    rules = [
        f"text{{font:14px {_FONT};fill:{_PLAIN};white-space:pre}}",
        f"text{{animation:{whole:.2f}s step-end infinite}}",
        f".all{{animation:scroll {whole:.2f}s step-end infinite;transform:translateY({-scrolled * _LINE}px)}}",
        f"@keyframes scroll{{{_scrolling(printed, whole)}}}",
    ]
    for number, one in enumerate(printed):
        if one.text.plain.strip() and one.at > 0:
            at = f"{100 * one.at / whole:.3f}"
            rules.append(f"#l{number}{{animation-name:k{number}}}")
            rules.append(f"@keyframes k{number}{{0%{{opacity:0}}{at}%{{opacity:1}}}}")
    rules.append("@media (prefers-reduced-motion:reduce){text,.all{animation:none!important}}")
    return "".join(rules)


def _scrolling(printed: Sequence[Printed], whole: float) -> str:
    steps = ["0%{transform:none}"]
    for number, one in enumerate(printed):
        if number >= ROWS:
            steps.append(f"{100 * one.at / whole:.3f}%{{transform:translateY({-(number - ROWS + 1) * _LINE}px)}}")
    return "".join(steps)


def _line(number: int, text: Text) -> str:
    """Return a line; each run of one style has a cell of its own, so that wide characters of a font move nothing."""
    spans = []
    cell = 0
    for segment in text.render(Console(width=COLUMNS, color_system="standard", force_terminal=True), end=""):
        words, style = segment.text, segment.style or Style()
        if words.strip():
            lead = len(words) - len(words.lstrip())
            x = (cell + lead) * _CELL
            spans.append(f'<tspan x="{x:g}"{_look(style)}>{escape(words.strip(), quote=False)}</tspan>')
        cell += cell_len(words)
    return f'<text id="l{number}" y="{number * _LINE + 15}">{"".join(spans)}</text>'


def _look(style: Style) -> str:
    number = None if style.color is None else style.color.number
    colour = _DIM if style.dim and number is None else None if number is None else _COLOURS[number % len(_COLOURS)]
    look = "" if colour is None else f' fill="{colour}"'
    return look + (' font-weight="bold"' if style.bold else "")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the demo, draw it, and say where the picture is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=PICTURE, metavar="FILE", help="where the picture is written")
    to: Path = parser.parse_args(arguments).to
    shown = paced(record([sys.executable, "-m", "orharness", "demo"]))
    to.write_text(draw(shown), "utf-8")
    print(f"{to}: {len(shown)} lines in {shown[-1].at:.1f} s")


if __name__ == "__main__":
    main()
