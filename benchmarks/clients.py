"""What real clients make of the contract: ``python -m benchmarks.clients [CLIENT…] [--write docs/clients.md]``.

One row a client, one column a family of cases: how many hold, of how many that could be judged. Clients whose packages
are not there are left out, and named; those with an environment of their own are judged there. What is judged are the
cases of the profile, and what a long answer costs; ``--cases`` judges some cases by their ids, in any profile.

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
_GREETING = 120.0  # seconds for a driver's hello: a framework of agents is imported first, on a machine that is busy
_COLUMNS = tuple(OWN if family == DIALECTS.default.name else family for family in FAMILIES)


def subject_of(client: Judged) -> AbstractContextManager[Client | Subject]:
    """The client as the contract takes it; a context manager, since a driver is to be ended."""
    return DriverSubject(client.driver, greeting=_GREETING) if client.function is None else nullcontext(client.load())


def judge(client: Judged, cases: Sequence[str]) -> list[Verdict]:
    """Every verdict on a client. ``cases``: their ids, in any profile.

    What an answer costs is measured behind the client's driver: in this process, the server's part would be in it.
    """
    growing = {case.id for case in cases_in(None, client.dialect) if case.grows}
    alone = [case for case in cases if case in growing]
    rest = [case for case in cases if case not in growing]
    driven = DriverSubject(client.driver, greeting=_GREETING)
    return _judged_by(subject_of(client), client, rest) + _judged_by(driven, client, alone)


def _judged_by(one: AbstractContextManager[Client | Subject], client: Judged, cases: Sequence[str]) -> list[Verdict]:
    if not cases:
        return []
    with one as subject:
        return run(subject, patience=_PATIENCE, dialect=client.dialect, only=cases)


def fails(verdicts: Iterable[Verdict]) -> list[str]:
    """The ids of the cases that fail, MUST and SHOULD."""
    return list(failed(verdicts))


def record_of(client: Judged, verdicts: Sequence[Verdict]) -> Record:
    """What is kept of a judgement."""
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    about = (client.name, client.versions, client.language, client.dialect, today)
    return Record(*about, held(verdicts), failed(verdicts))


def of_profile(client: Judged, profile: str = "gateway") -> list[str]:
    """The ids of the cases of a profile for the client's API."""
    return [case.id for case in chosen(profile=profile, dialect=client.dialect)]


def asked_of(client: Judged, profile: str, named: Sequence[str] = ()) -> list[str]:
    """The ids of the cases to judge: those that are named, or else those of the profile and what an answer costs."""
    if named:
        return [case.id for case in cases_in(None, client.dialect) if case.id in named]
    growing = [case.id for case in cases_in(None, client.dialect) if case.grows]
    return list(dict.fromkeys([*of_profile(client, profile), *growing]))


def unknown_to(record: Record | None, cases: Sequence[str]) -> list[str]:
    """Those of the cases of which a record says neither that they hold nor that they fail; all without a record."""
    return [case for case in cases if record is None or (case not in record.held and case not in record.fails)]


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
    parser.add_argument("--cases", nargs="+", default=[], metavar="ID", help="only these cases, in any profile")
    parser.add_argument("--store", action="store_true", help="keep what was found where the tests and the page look")
    parser.add_argument("--confirm", action="store_true", help="play what fails again, from a bare server")
    parser.add_argument("--write", type=Path, metavar="FILE", help="--store, --confirm, and write the page")
    parser.add_argument("--page", type=Path, metavar="FILE", help="only write the page of what is stored")
    options = parser.parse_args(arguments)
    known = [client.name for client in CLIENTS]
    if unknown := [name for name in options.client if name not in known]:
        parser.error(f"no such client: {', '.join(unknown)}{did_you_mean(unknown, known)}")
    every = {case.id for dialect in DIALECTS for case in cases_in(None, dialect)}
    if unknown := [name for name in options.cases if name not in every]:
        parser.error(f"no such case: {', '.join(unknown)}{did_you_mean(unknown, every)}")
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
    words += ["--cases", *options.cases] if options.cases else []
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
        before = Record.read(client.name) if options.new or options.cases else None
        cases = asked_of(client, options.profile, options.cases)
        record = record_of(client, judge(client, unknown_to(before, cases) if options.new else cases))
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
