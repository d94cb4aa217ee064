"""What real clients make of the contract: ``python -m benchmarks.clients [CLIENT…]``.

One row a client, one column a family of cases: how many hold, of how many that could be judged. Clients whose packages
are not there are left out, and named. ``--store`` writes which cases fail to ``benchmarks/judged/verdicts.json``, which
tests/contract/test_real_clients.py holds them to; each fail there has a note, written by hand, on why it is the
client's fault.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from benchmarks.client_process import install_node_clients
from benchmarks.judged.clients import CLIENTS, Judged
from benchmarks.tables import Table
from orharness.contract import FAMILIES, Client, Subject, run
from orharness.contract.driving.drivers import DriverSubject
from orharness.contract.running.run import PATIENCE
from orharness.dialects import DIALECTS
from orharness.report.groups import by_family
from orharness.verdict import Result, Verdict, did_you_mean

NODE = Path(__file__).parent / "node"
STORED = Path(__file__).parent / "judged" / "verdicts.json"
OWN = "own API"  # the column of the family that is about the JSON of the client's own dialect
_COLUMNS = tuple(OWN if family == DIALECTS.default.name else family for family in FAMILIES)
UNEXPLAINED = "?"  # a fail that nobody has looked at


def subject_of(client: Judged) -> AbstractContextManager[Client | Subject]:
    """The client as the contract takes it; a context manager, since a driver is to be ended."""
    if client.node is not None:
        return DriverSubject(f"node {NODE / 'judged.mjs'} {client.node}")
    assert client.function is not None
    return nullcontext(client.function)


def judge(client: Judged, profile: str = "gateway", patience: float = PATIENCE) -> list[Verdict]:
    """Every verdict on a client, in the catalogue's order. ``patience``: seconds, as ``run`` has them."""
    with subject_of(client) as subject:
        return run(subject, profile=profile, patience=patience, dialect=client.dialect)


def fails(verdicts: Iterable[Verdict]) -> list[str]:
    """The ids of the cases that fail, MUST and SHOULD."""
    return [verdict.case for verdict in verdicts if verdict.result is Result.FAIL]


def stored() -> dict[str, dict[str, str]]:
    """For each client the cases that fail, with the note on why that is its fault."""
    found: dict[str, dict[str, str]] = json.loads(STORED.read_text("utf-8")) if STORED.exists() else {}
    return found


def store(judged: dict[str, list[Verdict]]) -> None:
    """Writes what fails; notes that are there stay, new fails get a question mark."""
    known = stored()
    for name, verdicts in judged.items():
        notes = known.get(name, {})
        known[name] = {case: notes.get(case, UNEXPLAINED) for case in fails(verdicts)}
    STORED.write_text(json.dumps(known, ensure_ascii=False, indent=2) + "\n", "utf-8")


def row(client: Judged, verdicts: Sequence[Verdict], seconds: float) -> tuple[Any, ...]:
    """How many of each family hold."""
    held = {family: _held(of_family) for family, of_family in by_family(verdicts).items()}
    held[OWN] = held.get(client.dialect, "-")
    return (client.name, *(held.get(family, "-") for family in _COLUMNS), round(seconds, 1))


def _held(verdicts: Sequence[Verdict]) -> str:
    judged = [verdict for verdict in verdicts if verdict.result is not Result.NOT_APPLICABLE]
    held = sum(verdict.result is Result.PASS for verdict in judged)
    return f"{held} of {len(judged)}" if judged else "-"


def runnable(names: Sequence[str]) -> list[Judged]:
    """The clients that are asked for and can be run here; what is left out is said on stderr."""
    unknown = set(names) - {client.name for client in CLIENTS}
    if unknown:
        raise SystemExit(f"there is no client {', '.join(sorted(unknown))}: {', '.join(one.name for one in CLIENTS)}")
    asked = [client for client in CLIENTS if not names or client.name in names]
    no_node = install_node_clients() if any(client.node for client in asked) else None
    found = []
    for client in asked:
        reason = f"no {', '.join(client.missing)} here" if client.missing else no_node if client.node else None
        if reason is None:
            found.append(client)
        else:
            print(f"{client.name} is left out: {reason}", file=sys.stderr)
    return found


def versions(client: Judged) -> str:
    """The packages that were judged, with their versions."""
    if client.node is None:
        return client.versions
    pinned = json.loads((NODE / "package.json").read_text("utf-8"))["dependencies"]
    return ", ".join(f"{name} {pinned[name]}" for name in client.packages)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clients", description=__doc__)
    parser.add_argument("client", nargs="*")
    parser.add_argument("--profile", default="gateway")
    parser.add_argument("--markdown", action="store_true", help="as the documentation shows it")
    parser.add_argument("--store", action="store_true", help="write which cases fail where the tests look")
    chosen = parser.parse_args(arguments)
    known = [client.name for client in CLIENTS]
    if unknown := [name for name in chosen.client if name not in known]:
        parser.error(f"no such client: {', '.join(unknown)}{did_you_mean(unknown, known)}")
    table = Table(
        "clients",
        f"what real clients make of the contract, profile {chosen.profile}, {datetime.now(UTC):%Y-%m-%d}",
        ("client", *_COLUMNS, "seconds"),
        ("how many cases of a family hold, of how many could be judged",),
    )
    judged: dict[str, list[Verdict]] = {}
    for client in runnable(chosen.client):
        began = monotonic()
        judged[client.name] = judge(client, chosen.profile)
        table.rows.append(row(client, judged[client.name], monotonic() - began))
        print(f"{client.name} ({versions(client)}): {', '.join(fails(judged[client.name])) or 'all hold'}", flush=True)
    print()
    print(table.as_markdown() if chosen.markdown else table)
    if chosen.store:
        store(judged)


if __name__ == "__main__":
    main()
