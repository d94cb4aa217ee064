"""What the pytest plugin does for ``--sse-report DIR``: what a failed test's ``sse_server`` saw, as one HTML file.

It imports nothing heavy: pytest loads it in every run of an environment where orharness is installed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orharness.pytest_cassettes import default_name

if TYPE_CHECKING:
    from orharness.server.facade import SseServer

_FOLDER = pytest.StashKey[Path]()
KEPT = pytest.StashKey[Path]()  # of a test: its file
PROPERTY = "sse_report"
_SECTION = "Captured stdout (sse_report)"  # so named, it is in the system-out of JUnit's XML where that has any


def add_options(parser: pytest.Parser, group: pytest.OptionGroup) -> None:
    """Add the option and its setting."""
    group.addoption(
        "--sse-report",
        metavar="DIR",
        help="keep what the sse_server of a failed test saw, streams and bytes and events, as one HTML file below DIR",
    )
    parser.addini("sse_report", "as --sse-report")


def configure(config: pytest.Config) -> None:
    """Resolve the folder now: a test may change the current one."""
    if given := config.getoption("--sse-report") or config.getini("sse_report"):
        config.stash[_FOLDER] = Path(str(given)).resolve()


def watch(config: pytest.Config, server: SseServer) -> None:
    """Have a server keep its exchange events, where they may be reported."""
    if _FOLDER in config.stash:
        server.keep_events()


def keep(item: pytest.Item, report: pytest.TestReport, server: SseServer) -> None:
    """Write the file of a test that has failed, and name it in the report. The first failure is the one to see."""
    if _FOLDER not in item.config.stash or KEPT in item.stash:
        return
    from orharness.files import write_whole

    path = _file_of(item)
    page = server.saved_page(item.nodeid, report.longreprtext)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, page.encode())
    except OSError as error:
        report.sections.append((_SECTION, f"{path}: the page cannot be written: {error.strerror or error}"))
        return
    item.stash[KEPT] = path
    for properties in (item.user_properties, report.user_properties):
        properties.append((PROPERTY, str(path)))
    said = f"what sse_server saw, to look at: {path}\n[[ATTACHMENT|{path}]]\n"
    report.sections.append((_SECTION, said))
    item.add_report_section("call", "stdout", said)  # JUnit's XML has what the report of the teardown has


def _file_of(item: pytest.Item) -> Path:
    module = item.nodeid.partition("::")[0]
    inside = Path(module).with_suffix("")
    parts = [one for one in inside.parts if one not in ("..", inside.anchor)]
    return item.config.stash[_FOLDER].joinpath(*parts, f"{default_name(item)}.html")
