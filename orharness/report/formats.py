"""The formats of a report."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path

from orharness.errors import OrharnessError, ScenarioError
from orharness.files import write_whole
from orharness.report.badge import as_badge
from orharness.report.documents import as_json, as_junit
from orharness.report.html import as_html
from orharness.report.judgement import show_judgement
from orharness.report.sarif import as_sarif
from orharness.report.screen import Screen
from orharness.report.secrets import without_secrets
from orharness.verdict import Judgement


def as_text(judgement: Judgement) -> str:
    """Return the judgement as plain text, as shown without a terminal: nothing is cut."""
    written = StringIO()
    show_judgement(Screen(written), judgement)
    return written.getvalue()


FORMATS: dict[str, Callable[[Judgement], str]] = {
    "text": as_text,
    "json": as_json,
    "junit": as_junit,
    "html": as_html,
    "sarif": as_sarif,
    "badge": as_badge,
}


def render(judgement: Judgement, form: str) -> str:
    """Return the judgement in that format, without secrets. Raises ``ScenarioError`` for an unknown one."""
    if form not in FORMATS:
        raise ScenarioError(f"a format is one of {', '.join(FORMATS)}; not {form!r}")
    return FORMATS[form](without_secrets(judgement))


def write(judgement: Judgement, form: str, to: Path) -> None:
    """Write the judgement to a file, in UTF-8, whole or not at all.

    Raises ``ScenarioError`` for an unknown format and ``OrharnessError`` if the file cannot be written.
    """
    text = render(judgement, form)
    try:
        write_whole(to, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise OrharnessError(f"{to}: the report cannot be written: {error.strerror or error}") from error
