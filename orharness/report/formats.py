"""The forms in which a judgement can be written."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path

from orharness.errors import OrharnessError, ScenarioError
from orharness.files import write_whole
from orharness.report.documents import as_json, as_junit
from orharness.report.html import as_html
from orharness.report.judgement import show_judgement
from orharness.report.screen import Screen
from orharness.verdict import Judgement


def as_text(judgement: Judgement) -> str:
    """The judgement as it is shown where there is no terminal: plain, and nothing cut."""
    written = StringIO()
    show_judgement(Screen(written), judgement)
    return written.getvalue()


FORMATS: dict[str, Callable[[Judgement], str]] = {
    "text": as_text,
    "json": as_json,
    "junit": as_junit,
    "html": as_html,
}


def render(judgement: Judgement, form: str) -> str:
    """The judgement in that form. Raises ``ScenarioError`` for one that is not known."""
    if form not in FORMATS:
        raise ScenarioError(f"a format is one of {', '.join(FORMATS)}; not {form!r}")
    return FORMATS[form](judgement)


def write(judgement: Judgement, form: str, to: Path) -> None:
    """Writes the judgement to a file, in UTF-8, whole or not at all.

    Raises ``ScenarioError`` for an unknown form and ``OrharnessError`` where the file cannot be written.
    """
    text = render(judgement, form)
    try:
        write_whole(to, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise OrharnessError(f"{to}: the report cannot be written: {error.strerror or error}") from error
