"""What real clients make of the contract: ``python -m benchmarks.clients [CLIENT…] [--write docs/clients.md]``.

One row a client, one column a family of cases: how many hold, of how many that could be judged. Clients whose packages
are not there are left out, and named; those with an environment of their own are judged there.

``--store`` keeps what was found: the counts and the fails of each client in ``benchmarks/judged/measured``, and in
``benchmarks/judged/verdicts.json`` which cases fail, each with a note, written by hand, on why it is the client's
fault; tests/contract/test_real_clients.py holds them to it. ``--confirm`` plays what fails again, from a server that
shares no code with orharness. ``--write`` does both, and writes the page of all that is stored; ``--page FILE`` writes
the page alone.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from time import monotonic
from typing import Any

from benchmarks.client_process import ROOT, install_node_clients
from benchmarks.judged.catalogue import CLIENTS, FRAMEWORKS, SDKS, Judged
from benchmarks.judged.confirm import confirmed
from benchmarks.judged.environments import python_of
from benchmarks.judged.page import page
from benchmarks.judged.programs import build
from benchmarks.judged.records import Record, failed, held, note_down
from benchmarks.tables import Table
from orharness.contract import FAMILIES, Client, Subject, run
from orharness.contract.catalogue import cases_in
from orharness.contract.driving.drivers import DriverSubject
from orharness.contract.running.run import chosen
from orharness.dialects import DIALECTS
from orharness.verdict import Verdict, did_you_mean

OWN = "own API"  # the column of the family that is about the JSON of the client's own dialect
# Most of the time is spent on those that never end. Four times as many seconds are they waited for before that is told.
_PATIENCE = 0.5
_COLUMNS = tuple(OWN if family == DIALECTS.default.name else family for family in FAMILIES)


def subject_of(client: Judged) -> AbstractContextManager[Client | Subject]:
    """The client as the contract takes it; a context manager, since a driver is to be ended."""
    return DriverSubject(client.driver) if client.function is None else nullcontext(client.load())


def judge(client: Judged, profile: str = "gateway", only: Sequence[str] | None = None) -> list[Verdict]:
    """Every verdict on a client, in the catalogue's order. ``only``: the ids of some cases, ``None`` for all."""
    if only is not None and not only:
        return []
    with subject_of(client) as subject:
        return run(subject, profile=profile, patience=_PATIENCE, dialect=client.dialect, only=only)


def fails(verdicts: Iterable[Verdict]) -> list[str]:
    """The ids of the cases that fail, MUST and SHOULD."""
    return list(failed(verdicts))


def record_of(client: Judged, verdicts: Sequence[Verdict]) -> Record:
    """What is kept of a judgement."""
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    about = (client.name, client.versions, client.language, client.dialect, today)
    return Record(*about, held(verdicts), failed(verdicts))


def unknown_to(record: Record | None, client: Judged, profile: str) -> list[str] | None:
    """The ids of the cases of which a record says neither that they hold nor that they fail; ``None`` without one."""
    if record is None:
        return None
    every = chosen(profile=profile, dialect=client.dialect)
    return [case.id for case in every if case.id not in record.held and case.id not in record.fails]


def row(record: Record, seconds: float) -> tuple[Any, ...]:
    """How many of each family hold."""
    cells = {family: f"{count} of {judged}" for family, (count, judged) in record.families.items()}
    cells[OWN] = cells.get(record.dialect, "-")
    return (record.client, *(cells.get(family, "-") for family in _COLUMNS), round(seconds, 1))


def runnable(clients: Iterable[Judged]) -> list[Judged]:
    """Those that can be run with this interpreter; what is left out is said on stderr."""
    found = []
    for client in clients:
        reason = f"no {', '.join(client.missing)} here" if client.missing else _unprepared(client)
        if reason is None:
            found.append(client)
        else:
            print(f"{client.name} is left out: {reason}", file=sys.stderr)
    return found


def _unprepared(client: Judged) -> str | None:
    """Install or compile what a client needs beside Python packages; return why that is not possible, if so."""
    if client.node is not None:
        return install_node_clients(client.folder)
    return build(client.program[0]) if client.program is not None else None


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clients", description=__doc__)
    parser.add_argument("client", nargs="*")
    parser.add_argument("--profile", default="gateway")
    parser.add_argument("--new", action="store_true", help="only the cases that have no stored verdict")
    parser.add_argument("--store", action="store_true", help="keep what was found where the tests and the page look")
    parser.add_argument("--confirm", action="store_true", help="play what fails again, from a bare server")
    parser.add_argument("--write", type=Path, metavar="FILE", help="--store, --confirm, and write the page")
    parser.add_argument("--page", type=Path, metavar="FILE", help="only write the page of what is stored")
    options = parser.parse_args(arguments)
    known = [client.name for client in CLIENTS]
    if unknown := [name for name in options.client if name not in known]:
        parser.error(f"no such client: {', '.join(unknown)}{did_you_mean(unknown, known)}")
    if options.page is None:
        asked = [client for client in CLIENTS if not options.client or client.name in options.client]
        elsewhere = [client for client in asked if client.missing and client.environment in (SDKS, FRAMEWORKS)]
        print(_judged([client for client in asked if client not in elsewhere], options))
        for environment, clients in groupby(elsewhere, lambda one: one.environment):
            _judged_in(environment, [client.name for client in clients], options)
    if options.page or options.write:
        (options.page or options.write).write_text(page(), "utf-8")


def _judged_in(environment: str, clients: Sequence[str], options: argparse.Namespace) -> None:
    """Judge them by this command in the environment that has their packages."""
    words = [str(python_of(environment)), "-m", "benchmarks.clients", *clients, "--profile", options.profile]
    words += ["--new"] if options.new else []
    words += ["--store"] if options.store or options.write else []
    words += ["--confirm"] if options.confirm or options.write else []
    subprocess.run(words, cwd=ROOT, check=True)


def _judged(clients: Sequence[Judged], options: argparse.Namespace) -> Table:
    """Judge those that are asked for, one after the other; each is kept as soon as it was judged."""
    table = Table(
        "clients",
        f"what real clients make of the contract, profile {options.profile}, {datetime.now(UTC):%Y-%m-%d}",
        ("client", *_COLUMNS, "seconds"),
        ("how many cases of a family hold, of how many could be judged",),
    )
    for client in runnable(clients):
        began = monotonic()
        before = Record.read(client.name) if options.new else None
        record = record_of(client, judge(client, options.profile, unknown_to(before, client, options.profile)))
        record = record.after(before, [case.id for case in cases_in(None, client.dialect)])
        seconds = monotonic() - began
        if store := options.store or options.write:
            record.write()
            note_down(client.name, list(record.fails))
        if options.confirm or options.write:
            record = confirmed(record, client.driver)
        if store:
            record.write()
        table.rows.append(row(record, seconds))
        print(f"{client.name} ({client.versions}): {', '.join(record.fails) or 'all hold'}", flush=True)
    return table


if __name__ == "__main__":
    main()
