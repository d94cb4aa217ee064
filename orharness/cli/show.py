"""``orharness show``: a cassette on a time line, or a journal as a table."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from orharness.conversion import interactions_in
from orharness.errors import CassetteError, OrharnessError, ScenarioError
from orharness.files import write_whole
from orharness.loopback import LOOPBACK
from orharness.report.screen import Screen
from orharness.report.text import show_journal
from orharness.report.timeline import show_interactions

_JOURNAL = "/_orharness/journal"
_TIMEOUT = 10.0  # seconds


FORMATS = ("text", "html")


def show_source(source: str, *, every: bool = False, form: str = "text", output: Path | None = None) -> None:
    """Show a cassette, a journal's file, or the journal of the server at an address (any path of it).

    ``form``: ``text``, or ``html`` for a page with the streams of a recording. ``output``: the file of the page, by
    default stdout. Raises ``OrharnessError`` for anything else.
    """
    if form not in FORMATS:
        raise ScenarioError(f"a format is one of {', '.join(FORMATS)}; not {form!r}")
    if form == "html":
        _write_page(source, output)
    elif output is not None:
        raise ScenarioError("--output belongs to --format html")
    else:
        _show(source, every=every)


def _write_page(source: str, output: Path | None) -> None:
    path = Path(source)
    if source.startswith(("http://", "https://")) or _journal_in(path) is not None:
        raise ScenarioError(f"{source}: --format html shows the streams of a recording, not a journal")
    from orharness.report.stream_html import streams_as_html

    made = streams_as_html(path.name, interactions_in(path))
    if output is None:
        sys.stdout.write(made)
        return
    try:
        write_whole(output, made.encode("utf-8", "surrogatepass"))
    except OSError as error:
        raise OrharnessError(f"{output}: the file cannot be written: {error.strerror}") from error


def _show(source: str, *, every: bool) -> None:
    screen = Screen()
    if source.startswith(("http://", "https://")):
        show_journal(screen, _fetched(source))
        return
    path = Path(source)
    journal = _journal_in(path)
    if journal is not None:
        show_journal(screen, journal)
        return
    interactions = interactions_in(path)
    if not interactions:
        raise CassetteError(f"{path}: there is nothing in this cassette")
    show_interactions(screen, interactions, every=every)


def _journal_in(path: Path) -> Mapping[str, Any] | None:
    """Return the file as a journal's document; ``None`` if it is anything else, or missing."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and "exchanges" in document else None


def _fetched(url: str) -> Mapping[str, Any]:
    parts = urlsplit(url)
    address = f"{parts.scheme}://{parts.netloc}{_JOURNAL}"
    # A proxy from the environment cannot reach this machine's loopback.
    opener = build_opener(ProxyHandler({})) if parts.hostname in LOOPBACK else build_opener()
    try:
        with opener.open(address, timeout=_TIMEOUT) as answer:
            document = json.load(answer)
    except (OSError, URLError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise OrharnessError(f"{address} is not the journal of a running orharness server: {reason}") from error
    if not isinstance(document, dict) or "exchanges" not in document:
        raise OrharnessError(f"{address} is not the journal of a running orharness server: it answers something else")
    return document
