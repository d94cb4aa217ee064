"""Whether a fail comes also from a server that shares no code with orharness: the second runner of the tests, in Node.

The failing cases are exported, and played to the same client behind a driver. What that runner cannot tell (it proves
no boundary, and passes over cases of very many cuts) stays unconfirmed, with its words. A plain answer is played each
time as well, and must hold: a client that fails everything there confirms nothing. So is a case that holds of each kind
of parts, for that runner judges a client by a kind only where it says that kind.

``python -m benchmarks.judged.confirm [CLIENT…]`` does so again for what is stored.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.client_process import ROOT
from benchmarks.judged.catalogue import CLIENTS
from benchmarks.judged.records import UNASKED, Fail, Record
from orharness.contract.catalogue import cases_in
from orharness.contract.catalogue.case import Case
from orharness.contract.catalogue.export import as_document
from orharness.parts import folded

RUNNER = ROOT / "tests" / "contract" / "running" / "runner.mjs"
_MINUTES = 1800  # seconds for the fails of one client
_SHRUNK, _WHOLE = True, False
_PASS = "pass"


def confirmed(record: Record, driver: Sequence[str]) -> Record:
    """Return the record with what the bare server says of each fail of which it was not asked yet, or in vain.

    ``driver``: the command of the client's driver. First the fewest cuts are played that showed the fail; what holds
    with those, because our server proved more than that one can, is played with all cuts of the case; and so is a case
    for which no request came in time, as may be on a busy machine.
    """
    fails = dict(record.fails)
    asked = [case for case, fail in fails.items() if fail.bare is None or (fail.why == UNASKED and not fail.confirmed)]
    control = [as_document(case) for case in _controls(record)]
    for shrunk in (_SHRUNK, _WHOLE):
        left = {case: fails[case] for case in asked if not fails[case].confirmed}
        documents = [_document(case, fail, record.dialect, shrunk=shrunk) for case, fail in left.items()]
        told = _played([*documents, *control], driver) if documents else {}
        if any(told.pop(document["id"], (_PASS,))[0] != _PASS for document in control):
            raise RuntimeError(f"{record.client} fails a plain answer on the bare server: its fails there say nothing")
        for case, (verdict, why) in told.items():
            if shrunk or verdict == "fail":
                fails[case] = replace(fails[case], bare=verdict, why=why)
    return replace(record, fails=fails)


def _controls(record: Record) -> list[Case]:
    """The first plain case that the client passed, and the first of each kind of parts of which it fails a case."""
    known = cases_in(None, record.dialect)
    plain = [case for case in known if case.plain and case.inapplicable is None and case.id not in record.fails]
    kinds = {kind for case in known if case.id in record.fails for kind in _kinds(case)}
    of_kinds = [[case for case in known if case.id in record.held and kind in _kinds(case)][:1] for kind in kinds]
    return list({case.id: case for case in chain(plain[:1], *of_kinds)}.values())


def _kinds(case: Case) -> set[str]:
    return {*folded(case.expected.parts), *case.expected.unsaid}


def _document(case: str, fail: Fail, dialect: str, *, shrunk: bool) -> dict[str, Any]:
    document = as_document(next(one for one in cases_in(None, dialect) if one.id == case))
    stream = document["reply"]["stream"]
    timed = document["gates"] or any(one.get("delay") for one in stream["chunks"])  # cutting anew drops the delays
    if shrunk and fail.cuts is not None and not timed:
        document["cuts"] = [list(fail.cuts)]
    return document


def _played(documents: Sequence[Mapping[str, Any]], driver: Sequence[str]) -> dict[str, tuple[str, str]]:
    node = shutil.which("node")
    if node is None:
        raise SystemExit("there is no node here, which the bare server needs")
    with TemporaryDirectory() as folder:
        for document in documents:
            path = Path(folder, f"{document['id']}.json")
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(document), "utf-8")
        done = subprocess.run(
            [node, str(RUNNER), folder, *driver],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
            timeout=_MINUTES,
            check=True,
        )
    told = [json.loads(line) for line in done.stdout.split("\n") if line]
    return {one["id"]: (one["verdict"], one["why"]) for one in told}


def main(names: Sequence[str]) -> None:
    """The command."""
    for client in CLIENTS:
        record = Record.read(client.name)
        if record is not None and (client.name in names or not names) and not client.missing:
            unasked = {case: replace(fail, bare=None, why="") for case, fail in record.fails.items()}
            again = confirmed(replace(record, fails=unasked), client.driver)
            again.write()
            print(
                f"{client.name}: {sum(one.confirmed for one in again.fails.values())} of {len(again.fails)}", flush=True
            )


if __name__ == "__main__":
    main(sys.argv[1:])
