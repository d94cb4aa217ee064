"""``orharness check``: run the contract against one client, with progress and a report at the end."""

from __future__ import annotations

import platform
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Protocol

from orharness.about import version
from orharness.cli.reports import check_reports, report
from orharness.contract import Case, Profile, Subject
from orharness.contract import starters as starter_files
from orharness.contract.catalogue import sets
from orharness.contract.catalogue.export import export
from orharness.contract.catalogue.files import with_own
from orharness.contract.catalogue.selection import EVERY_CLAIM
from orharness.contract.driving.drivers import DriverSubject
from orharness.contract.running.jobs import Share, opened, run_in_jobs
from orharness.contract.running.liveness import Liveness, LivenessOptions
from orharness.contract.running.replay import parse, with_commands
from orharness.contract.running.run import PATIENCE, chosen
from orharness.dialects import DIALECTS, Dialect
from orharness.errors import OrharnessError, ScenarioError
from orharness.files import write_whole
from orharness.report import baseline
from orharness.report.screen import Screen
from orharness.verdict import Judgement, Level, Made, Verdict, count, counted

STARTERS = {"python": "driver.py", "node": "driver.mjs", "go": "driver.go"}
_EACH = 30.0  # seconds between two lines of progress, off a terminal
_RUN = {"go": "go run"}  # how a starter is run, where the language's name alone is not the command


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
    files: Sequence[Path] = ()
    of_set: str | None = None
    quick: bool = False
    jobs: int = 1
    baseline: Path | None = None
    update_baseline: bool = False
    time_rate: float | None = None
    idle_limit: float | None = None
    strict: bool = False
    _read: dict[str, tuple[Case, ...]] = field(default_factory=dict, repr=False, compare=False)  # by dialect

    def __post_init__(self) -> None:
        if sum(one is not None for one in (self.client, self.command, self.driver)) != 1:
            raise ScenarioError("check takes one client: MODULE:NAME, FILE.py:NAME, --command CMD or --driver CMD")
        if self.patience is not None and not 0 < self.patience < float("inf"):
            raise ScenarioError(f"--patience is a number of seconds above 0, not {self.patience:g}")
        if self.dialect is not None:
            DIALECTS.named(self.dialect)
        if self.jobs < 1:
            raise ScenarioError(f"--jobs is a number of processes from 1 up, not {self.jobs}")
        if self.quick and self.of_set is not None:
            raise ScenarioError("--quick and --set each name a set of cases: take one of them")
        if self.update_baseline and self.baseline is None:
            raise ScenarioError("--update-baseline writes the file that --baseline FILE names")
        check_reports(self.formats, self.outputs)
        _ = self.pace

    @property
    def pace(self) -> LivenessOptions:
        """The options of the family liveness. Raises ``ScenarioError`` for a wrong number."""
        return LivenessOptions(self.time_rate, self.idle_limit)

    def cases(self, dialect: Dialect | None = None) -> tuple[Case, ...]:
        """Return all cases, those of the user's files included. Raises ``ScenarioError`` for a wrong file."""
        known = DIALECTS.named(dialect or self.dialect or DIALECTS.default)
        if known.name not in self._read:  # a folder of exported cases takes seconds
            self._read[known.name] = with_own(self.files, known)
        return self._read[known.name]

    def chosen(self, dialect: Dialect | None = None) -> list[Case]:
        """Return the cases to be run. Raises ``ScenarioError`` where none is left."""
        every = self.cases(dialect)
        cases = chosen(EVERY_CLAIM, self.only or None, self.profile, every, dialect or self.dialect)
        catalogue = {case.id for case in with_own((), self.dialect if dialect is None else dialect)}
        own = [case for case in every if case.id not in catalogue]
        return sets.within(cases, sets.QUICK if self.quick else self.of_set, own)

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
        dialect = ["--dialect", self.dialect] if self.dialect else []
        rate = [] if self.time_rate is None else ["--time-rate", f"{self.time_rate:g}"]
        limit = [] if self.idle_limit is None else ["--idle-limit", f"{self.idle_limit:g}"]
        return [*seed, *patience, *dialect, *rate, *limit]

    @contextmanager
    def subject(self) -> Iterator[Subject]:
        """The client, for as long as it is judged. Raises ``OrharnessError`` for a driver that does not say hello."""
        with opened(self.words) as subject:
            if isinstance(subject, DriverSubject) and subject.mute is not None:
                wrong = " ".join(f"{subject.mute}; {subject.mute.got}".split())
                hint = "a driver first says hello (orharness check --new-driver python writes one to begin with)"
                raise OrharnessError(f"--driver {self.driver}: nothing can be judged: {wrong}; {hint}")
            yield subject


def check_client(options: CheckOptions) -> int:
    """Judge a client and report.

    Returns the exit code: 0 if no MUST (with ``strict``, no case) failed, 1 if one did (with a baseline: a new one, or
    an entry that is stale), 128 and a signal's number. Raises ``OrharnessError`` for what cannot be judged or written.
    """
    at = None if options.at is None else parse(options.at)
    known = {} if options.baseline is None else _known(options)
    if options.driver is None or options.dialect:  # otherwise the driver is to say first which cases there are
        options.chosen()
    files = [str(one) for one in options.files]
    verdicts: list[Verdict] = []
    name, began = " ".join(options.words[-1:]), monotonic()
    patience = PATIENCE if options.patience is None else options.patience
    with ExitStack() as stack:
        stopped = stack.enter_context(_interrupted())
        subject = stack.enter_context(options.subject())
        if isinstance(subject, DriverSubject) and subject.name:
            name = f"{name} ({subject.name})"
        dialect = DIALECTS.named(options.dialect or _said_by(subject) or DIALECTS.default)
        every = options.cases(dialect)
        judged = options.chosen(dialect)
        lives = [case for case in judged if case.in_limits]
        cases = [case.id for case in (*(one for one in judged if not one.in_limits), *lives)]
        share = Share(
            options.words,
            cases[: len(cases) - len(lives)],
            files,
            dialect.name,
            str(options.profile),
            options.seed,
            patience,
            at,
        )
        progress = stack.enter_context(_progress(cases))

        def add(verdict: Verdict) -> None:
            [one] = counted([verdict], strict=options.strict)
            verdicts.append(with_commands(one, options.words, options.extra, every, files))
            progress.judged(len(verdicts))

        if not share.only:
            pass
        elif options.jobs > 1:
            ordered = {one.case: number for number, one in enumerate(run_in_jobs(share, options.jobs, add))}
            verdicts.sort(key=lambda one: ordered[one.case])
        else:
            share.judge(subject, add)
        if lives:
            Liveness(partial(opened, options.words), options.pace, patience).judge(lives, add)
    made, left = _made(monotonic() - began), len(cases) - len(verdicts) if stopped.number is not None else 0
    judgement = Judgement(name, options.profile, options.seed, tuple(verdicts), made=made, unjudged=left)
    compared = baseline.compare(judgement, known, [case.id for case in every])
    report(compared.judgement, options.formats, options.outputs)
    if stopped.number is not None:
        sys.stderr.write(f"orharness: stopped after {len(verdicts)} of {len(cases)} cases\n")
        return 128 + stopped.number
    if options.update_baseline and options.baseline is not None:
        gone = set(compared.stale) - {one.case for one in verdicts}
        baseline.write(options.baseline, judgement, {one: why for one, why in known.items() if one not in gone})
        return 0
    there = {case.id for case in every}
    _say_stale(options, [one for one in compared.stale if one in there], "no longer fail", "no longer fails")
    no_case = f"no case of {dialect.name} (one of your own needs its --cases)"
    _say_stale(options, [one for one in compared.stale if one not in there], f"name {no_case}", f"names {no_case}")
    return 0 if compared.ok else 1


def _say_stale(options: CheckOptions, stale: Sequence[str], many: str, one: str) -> None:
    if stale:
        entries = count(len(stale), "entry of", "entries of")
        what = many if len(stale) > 1 else one
        sys.stderr.write(f"orharness: {entries} {options.baseline} {what}: {', '.join(stale)}; --update-baseline\n")


def _said_by(subject: Subject) -> str | None:
    """Return the dialect that a driver names in its hello."""
    return subject.dialect if isinstance(subject, DriverSubject) else None


def _known(options: CheckOptions) -> dict[str, str]:
    """Return the fails of the baseline; none where it is to be written for the first time."""
    assert options.baseline is not None
    if options.update_baseline and not options.baseline.exists():
        return {}
    return baseline.read(options.baseline)


def _made(seconds: float) -> Made:
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return Made(version(), date, f"Python {platform.python_version()} on {platform.platform()}", seconds)


def export_cases(to: Path, options: CheckOptions) -> int:
    """Write the cases as files; return how many. Raises ``OrharnessError`` where one cannot be written."""
    return export(options.chosen(), to, options.seed)


def list_cases(
    only: Sequence[str],
    profile: str,
    files: Sequence[Path] = (),
    of_set: str | None = None,
    dialect: str | None = None,
) -> None:
    """Print the cases that a check would run, each with its title. Raises ``ScenarioError`` if there are none."""
    cases = CheckOptions("x:y", only=only, profile=profile, files=files, of_set=of_set, dialect=dialect).chosen()
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
    def judged(self, number: int) -> None: ...


class _Lines:
    """Off a terminal, such as in CI: a line each half minute, so that the run does not look dead."""

    def __init__(self, cases: Sequence[str]) -> None:
        self._number = len(cases)
        self._told = monotonic()

    def judged(self, number: int) -> None:
        """Print a line if the last one is old: ``number`` cases are judged."""
        if monotonic() > self._told + _EACH:
            self._told = monotonic()
            sys.stderr.write(f"orharness: {number} of {self._number} cases judged\n")


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

    def judged(self, number: int) -> None:
        """Show that ``number`` cases are judged, and the next one has begun."""
        self.bar.update(self._task, completed=number, description=self._cases[min(number, len(self._cases) - 1)])


@contextmanager
def _progress(cases: Sequence[str]) -> Iterator[_Progress]:
    if not sys.stderr.isatty():
        yield _Lines(cases)
        return
    bar = _Bar(cases)
    with bar.bar:
        yield bar


def write_starter(language: str, to: Path | None) -> None:
    """Write the starter driver. Raises ``ScenarioError`` if the file exists or the language is unknown."""
    if language not in STARTERS:
        *others, last = STARTERS
        raise ScenarioError(f"there are starter drivers for {', '.join(others)} and {last}, not for {language!r}")
    path = to or Path(STARTERS[language])
    if path.exists():
        raise ScenarioError(f"{path} is there already: --to FILE names another file")
    source = Path(starter_files.__file__).with_name(STARTERS[language]).read_bytes()
    try:
        write_whole(path, source)
    except OSError as error:
        raise OrharnessError(f"{path}: cannot be written: {error.strerror or error}") from error
    command = f"{_RUN.get(language, language)} {shlex.quote(str(path))}"
    screen = Screen()
    screen.line(f"{path}: a working driver; put the call of your client where it says so, then:")
    screen.line(f"  orharness check --driver {shlex.quote(command)}", "bold")
