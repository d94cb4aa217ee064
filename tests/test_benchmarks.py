"""The benchmarks run, and what they say about bytes and boundaries holds. How fast it was is nobody's business here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.tables import Table, percentile

ROOT = Path(__file__).parents[1]
CLIENTS = ["raw socket", "httpx", "requests", "aiohttp"]
PACINGS = ["recorded", "lockstep", "instant"]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """One quick run: what it printed, and what it wrote."""
    file = tmp_path_factory.mktemp("benchmarks") / "fidelity.json"
    command = [sys.executable, "-W", "error", "-m", "benchmarks.fidelity", "--quick", "--json", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout, json.loads(file.read_text(encoding="utf-8"))


def rows(measured: tuple[str, dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return next(table["rows"] for table in measured[1]["tables"] if table["name"] == name)


def test_it_prints_versions_and_every_table(measured: tuple[str, dict[str, Any]]) -> None:
    printed, written = measured
    assert written["about"]["versions"] in printed
    for title in ("1. Boundaries", "1b. Two claims", "2. Timing error", "3. From the client's close()"):
        assert title in printed
    assert written["wrong"] == []
    assert "Nothing wrong" in printed


def test_every_pacing_meets_every_client(measured: tuple[str, dict[str, Any]]) -> None:
    met = [(row["pacing"], row["client"]) for row in rows(measured, "1")]
    assert met == [(pacing, client) for pacing in PACINGS for client in CLIENTS]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere boundaries can only be assumed")
def test_lockstep_proves_every_boundary_and_every_client_saw_it(measured: tuple[str, dict[str, Any]]) -> None:
    for row in rows(measured, "1"):
        if row["pacing"] == "lockstep":
            assert row["asked"] == row["proven"] == row["seen"], row["client"]
    for row in rows(measured, "1b"):
        assert row["chunks"] == row["proven"] == row["reads"] == row["seen"], row["client"]


def test_one_and_a_hundred_streams_are_timed(measured: tuple[str, dict[str, Any]]) -> None:
    assert [row["streams"] for row in rows(measured, "2")] == [1, 100]


def test_every_close_was_noticed(measured: tuple[str, dict[str, Any]]) -> None:
    found = rows(measured, "3")
    assert len(found) == 3
    for row in found:
        assert sum(int(part.split()[0]) for part in row["seen as"].split(", ")) == row["closes"]


def test_a_percentile_is_one_of_the_values() -> None:
    assert [percentile([3.0, 1.0, 2.0, 4.0], part) for part in (0.0, 0.5, 0.51, 0.99, 1.0)] == [1.0, 2.0, 3.0, 4.0, 4.0]


def test_a_table_shows_units_of_every_size() -> None:
    table = Table("9", "A title", ("name", "many", "few"), ("a note",), [("one", 1234, 0.5), ("other", None, 43.21)])
    assert str(table).splitlines() == [
        "9. A title",
        "   a note",
        "",
        "name    many    few",
        "-----  -----  -----",
        "one    1,234  0.500",
        "other      -   43.2",
    ]
