"""``orharness fuzz``: random streams against one client, and the smallest one that fails as a case document."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from orharness.cli.check import CheckOptions
from orharness.cli.outputs import refuse_unwritable
from orharness.contract.driving.drivers import DriverSubject
from orharness.contract.running.fuzz import fuzz
from orharness.dialects import DIALECTS
from orharness.errors import OrharnessError, ScenarioError
from orharness.files import write_whole
from orharness.report.screen import Screen
from orharness.report.words import in_words


@dataclass(frozen=True)
class FuzzOptions:
    """The options of the command line. ``check``: those that name the client."""

    check: CheckOptions
    seconds: float = 60.0
    to: Path | None = None

    def __post_init__(self) -> None:
        if not 0 < self.seconds < float("inf"):
            raise ScenarioError(f"--seconds is a number of seconds above 0, not {self.seconds:g}")
        if self.to is not None:
            refuse_unwritable(self.to, "--to")


def fuzz_client(options: FuzzOptions) -> int:
    """Fuzz a client and report; return the exit code: 1 if a stream was found that it reads wrong.

    Raises ``OrharnessError`` for what cannot be judged or written.
    """
    check = options.check
    screen = Screen()
    with check.subject() as subject:
        said = subject.dialect if isinstance(subject, DriverSubject) else None
        dialect = DIALECTS.named(check.dialect or said or DIALECTS.default)
        patience = 1.0 if check.patience is None else check.patience
        found = fuzz(subject, dialect, seconds=options.seconds, seed=check.seed, patience=patience)
    if found.document is None or found.verdict is None:
        what = "" if found.document is None else "; one failed, and held when it was played again"
        screen.line(f"{found.streams:,} streams, and the client reads each of them right{what}")
        return 0
    text = json.dumps([found.document], ensure_ascii=False, indent=1) + "\n"
    if options.to is None:
        sys.stdout.write(text)
    else:
        try:
            write_whole(options.to, text.encode("utf-8", "surrogatepass"))
        except OSError as error:
            raise OrharnessError(f"{options.to}: cannot be written: {error.strerror or error}") from error
    report = Screen(sys.stderr)
    report.line(f"after {found.streams:,} streams one was found that the client reads wrong:")
    report.line(in_words(found.verdict))
    again = ["orharness", "check", *check.words, "--cases", str(options.to or "FILE"), "--only", "fuzz/found"]
    report.line(f"{shlex.join([*again, *check.extra])} plays it again")
    return 1
