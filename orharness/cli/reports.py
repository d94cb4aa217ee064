"""Reports of a judgement: on the screen, and in the files that ``--format`` and ``--output`` name."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from orharness.cli.outputs import refuse_unwritable
from orharness.errors import OrharnessError, ScenarioError
from orharness.report.formats import FORMATS, render, write
from orharness.report.judgement import show_judgement
from orharness.report.screen import Screen
from orharness.verdict import Judgement

STDOUT = Path("-")


def check_reports(formats: Sequence[str], outputs: Sequence[Path]) -> None:
    """Raise ``ScenarioError`` for formats and outputs that are not pairs, or that are impossible."""
    if len(formats) != len(outputs):
        raise ScenarioError("--format and --output come in pairs: --format junit --output report.xml")
    for form in formats:
        if form not in FORMATS:
            raise ScenarioError(f"a format is one of {', '.join(FORMATS)}; not {form!r}")
    for output in outputs:
        if output != STDOUT:
            refuse_unwritable(output, "--output")


def report(judgement: Judgement, formats: Sequence[str], outputs: Sequence[Path]) -> None:
    """Show the judgement, and write each report; on the screen unless one of them goes to stdout.

    Raises ``OrharnessError`` for files that cannot be written, after the others are written.
    """
    if STDOUT not in outputs:
        show_judgement(Screen(), judgement)
    write_reports(judgement, formats, outputs)


def write_reports(judgement: Judgement, formats: Sequence[str], outputs: Sequence[Path]) -> None:
    """Write each report. Raises ``OrharnessError`` that names the files that cannot be written, after the others."""
    wrong: list[str] = []
    for form, output in zip(formats, outputs, strict=True):
        if output == STDOUT:
            sys.stdout.write(render(judgement, form))
            continue
        try:
            write(judgement, form, output)
        except OrharnessError as error:
            wrong.append(str(error))
    if wrong:
        raise OrharnessError("; ".join(wrong))
