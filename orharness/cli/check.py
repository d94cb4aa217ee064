"""``orharness check``: run the contract against one client, with progress and a report at the end."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Protocol

from orharness.cli.reports import check_reports, report
from orharness.contract import Profile, Subject, run
from orharness.contract import starters as starter_files
from orharness.contract.catalogue import cases_in
from orharness.contract.driving.commands import CommandSubject
from orharness.contract.driving.drivers import DriverSubject
from orharness.contract.running.replay import parse, with_commands
from orharness.contract.running.run import PATIENCE, chosen
from orharness.contract.running.worker import NamedFunction
from orharness.dialects import DIALECTS
from orharness.errors import OrharnessError, ScenarioError
from orharness.files import write_whole
from orharness.report.screen import Screen
from orharness.verdict import Judgement, Level, Verdict

STARTERS = {"python": "driver.py", "node": "driver.mjs"}


@dataclass(frozen=True)
class CheckOptions:
    """The options of the command line."""

    client: str | None = None
    command: str | None = None
    driver: str | None = None
    profile: str = Profile.GATEWAY
    only: Sequence[str] = ()
    at: str | None = None
    seed: int = 0
    formats: Sequence[str] = ()
    outputs: Sequence[Path] = ()
    patience: float | None = None
    dialect: str | None = None

    def __post_init__(self) -> None:
        if sum(one is not None for one in (self.client, self.command, self.driver)) != 1:
            raise ScenarioError("check takes one client: MODULE:NAME, FILE.py:NAME, --command CMD or --driver CMD")
        if self.patience is not None and not 0 < self.patience < float("inf"):
            raise ScenarioError(f"--patience is a number of seconds above 0, not {self.patience:g}")
        if self.dialect is not None:
            DIALECTS.named(self.dialect)
        check_reports(self.formats, self.outputs)

    @property
    def words(self) -> list[str]:
        """The words that name the client on a command line."""
        if self.command is not None:
            return ["--command", self.command]
        return ["--driver", self.driver] if self.driver is not None else [str(self.client)]

    @property
    def extra(self) -> list[str]:
        """The words that change how one case is run, except its cuts. A named case is run in any profile."""
        seed = ["--seed", str(self.seed)] if self.seed else []
        patience = [] if self.patience is None else ["--patience", f"{self.patience:g}"]
        return [*seed, *patience, *(["--dialect", self.dialect] if self.dialect else [])]

    def subject(self) -> AbstractContextManager[Subject]:
        """The client, for as long as it is judged."""
        if self.driver is not None:
            return DriverSubject(self.driver)
        return NamedFunction(str(self.client)) if self.command is None else nullcontext(CommandSubject(self.command))


def check_client(options: CheckOptions) -> int:
    """Judge a client and report; return the exit code: 0 if no MUST failed, 1 if one did, 128 plus a signal's number.

    Raises ``OrharnessError`` for what cannot be judged or written.
    """
    at = None if options.at is None else parse(options.at)
    if options.driver is None or options.dialect:  # otherwise the driver is to say first which cases there are
        chosen(only=options.only or None, profile=options.profile, dialect=options.dialect)
    verdicts: list[Verdict] = []
    name = " ".join(options.words[-1:])
    with ExitStack() as stack:
        stopped = stack.enter_context(_interrupted())
        subject = stack.enter_context(options.subject())
        if isinstance(subject, DriverSubject) and subject.name:
            name = f"{name} ({subject.name})"
        dialect = DIALECTS.named(options.dialect or _said_by(subject) or DIALECTS.default)
        cases = [case.id for case in chosen(only=options.only or None, profile=options.profile, dialect=dialect)]
        progress = stack.enter_context(_progress(cases))

        def told(verdict: Verdict) -> None:
            verdicts.append(with_commands(verdict, options.words, options.extra, cases_in(None, dialect)))
            progress.told(len(verdicts))

        run(
            subject,
            only=options.only or None,
            at=at,
            profile=options.profile,
            seed=options.seed,
            patience=PATIENCE if options.patience is None else options.patience,
            on_verdict=told,
            dialect=dialect,
        )
    judgement = Judgement(name, options.profile, options.seed, tuple(verdicts))
    report(judgement, options.formats, options.outputs)
    if stopped.number is not None:
        sys.stderr.write(f"orharness: stopped after {len(verdicts)} of {len(cases)} cases\n")
        return 128 + stopped.number
    return 0 if judgement.ok else 1


def _said_by(subject: Subject) -> str | None:
    """Return the dialect that a driver names in its hello."""
    return subject.dialect if isinstance(subject, DriverSubject) else None


def list_cases(only: Sequence[str], profile: str, dialect: str | None = None) -> None:
    """Print the cases that a check would run, each with its title. Raises ``ScenarioError`` if there are none."""
    cases = chosen(only=only or None, profile=profile, dialect=dialect)
    screen = Screen()
    width = max(len(case.id) for case in cases)
    for case in cases:
        should = "" if case.level is Level.MUST else "  (SHOULD)"
        screen.line(f"{case.id:<{width}}  {case.title}{should}")


class _Stopped(BaseException):
    """A signal came: report what was judged so far."""


class _Signal:
    number: int | None = None


@contextmanager
def _interrupted() -> Iterator[_Signal]:
    """Let SIGINT and SIGTERM end the block, and not what follows it; the second one ends the process."""
    found = _Signal()
    before: dict[int, object] = {}

    def stop(number: int, frame: FrameType | None) -> None:
        found.number = number
        _restore(before)
        raise _Stopped

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, stop)
    try:
        yield found
    except _Stopped:
        pass
    finally:
        _restore(before)


def _restore(handlers: dict[int, object]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)  # type: ignore[arg-type]  # as signal.signal itself returned it


class _Progress(Protocol):
    def told(self, number: int) -> None: ...


class _Silence:
    def told(self, number: int) -> None:
        """Show nothing: there is no terminal."""


class _Bar:
    """The case that is being judged, on stderr; gone at the end."""

    def __init__(self, cases: Sequence[str]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._cases = cases
        text = TextColumn(f"{{task.description:<{max(map(len, cases))}}}")
        self.bar = Progress(
            BarColumn(20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            text,
            console=Console(file=sys.stderr),
            transient=True,
        )
        self._task = self.bar.add_task(cases[0], total=len(cases))

    def told(self, number: int) -> None:
        """Show that ``number`` cases are judged, and the next one has begun."""
        self.bar.update(self._task, completed=number, description=self._cases[min(number, len(self._cases) - 1)])


@contextmanager
def _progress(cases: Sequence[str]) -> Iterator[_Progress]:
    if not sys.stderr.isatty():
        yield _Silence()
        return
    bar = _Bar(cases)
    with bar.bar:
        yield bar


def write_starter(language: str, to: Path | None) -> None:
    """Write the starter driver. Raises ``ScenarioError`` if the file exists or the language is unknown."""
    if language not in STARTERS:
        raise ScenarioError(f"there are starter drivers for {' and '.join(STARTERS)}, not for {language!r}")
    path = to or Path(STARTERS[language])
    if path.exists():
        raise ScenarioError(f"{path} is there already: --to FILE names another file")
    source = Path(starter_files.__file__).with_name(STARTERS[language]).read_bytes()
    try:
        write_whole(path, source)
    except OSError as error:
        raise OrharnessError(f"{path}: cannot be written: {error.strerror or error}") from error
    command = shlex.join([language, str(path)])
    screen = Screen()
    screen.line(f"{path}: a driver that works as it stands; put the call of your client where it says so, then:")
    screen.line(f"  orharness check --driver {shlex.quote(command)}", "bold")
