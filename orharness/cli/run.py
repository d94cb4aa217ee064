"""``orharness run``: a command with a server beside it, and a verdict on what it did there."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orharness.cli.codes import FAILED
from orharness.cli.commands import command_of, exit_code, run_command
from orharness.cli.reports import STDOUT, check_reports, write_reports
from orharness.errors import ScenarioError
from orharness.loopback import API_KEY, client_environment, proxy_bypass
from orharness.report.contents import shown
from orharness.report.screen import Screen
from orharness.scenario.matching import DEFAULT, MatchOn
from orharness.server.control import ControlOptions
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from orharness.server.verifying import Finding, Verified
from orharness.verdict import Evidence, Judgement, Result, Verdict, count

_TITLES = {
    "routes": "a route is asked",
    "expectations": "what a route expects",
    "connections": "no answer is left open",
    "upstream": "a cancel stops the model",
}


@dataclass(frozen=True)
class Options:
    """What the command line says. Each of ``formats`` goes to the file at its place in ``outputs``."""

    command: Sequence[str]
    scenario: Path | None = None
    pacing: str = "lockstep"
    scenarios: Path | None = None
    cassette: Path | None = None
    intercept: Sequence[str] = ()
    formats: Sequence[str] = ()
    outputs: Sequence[Path] = ()

    def __post_init__(self) -> None:
        if self.intercept and self.cassette is None:
            raise ScenarioError("--intercept belongs to --record or --cassette")
        if self.scenarios is not None and not self.scenarios.is_dir():
            raise ScenarioError(f"--scenarios {self.scenarios} is not a folder")
        check_reports(self.formats, self.outputs)
        if STDOUT in self.outputs:
            raise ScenarioError("--output - is stdout, which is the command's own here: name a file")


def run_and_judge(options: Options) -> int:
    """Run the command, judge it, and return the exit code.

    That is 1 where something is wrong, else the command's own. A command that was ended by a signal which we passed on
    is not judged. Raises ``OrharnessError`` for what cannot be run.
    """
    command = command_of(options.command)
    control = ControlOptions(os.environ.get("ORHARNESS_TOKEN") or None, scenarios=options.scenarios)
    with SseServer(pacing=options.pacing, cors=True, control=control) as server:
        if options.scenario is not None:
            server.scenario(options.scenario)
        if options.cassette is not None:
            server.cassette(options.cassette, match_on=_matching(options.intercept))
        environment = {**os.environ, **proxy_bypass(), **environment_of(server)}
        verified: list[Verified] = []
        with _proxied(options, server) as proxied:
            code, passed_on = run_command(command, {**environment, **proxied}, lambda: verified.extend(server.judge()))
        if passed_on is not None:
            return exit_code(code, passed_on)
    judgement = _judgement(options.command, code, verified)
    findings = [one for each in verified for one in each.findings]
    write_reports(judgement, options.formats, options.outputs)
    _tell(Screen(sys.stderr), verified, findings)
    return FAILED if findings else exit_code(code)


def _matching(intercept: Sequence[str]) -> MatchOn | None:
    """What a request must have as recorded: with intercepted hosts, the host as well."""
    if not intercept:
        return None
    from orharness.cli.run_recorded import host_as_recorded

    return (*DEFAULT, host_as_recorded(intercept))


@contextmanager
def _proxied(options: Options, server: SseServer) -> Iterator[dict[str, str]]:
    """With a cassette: a proxy beside the server, so that nothing goes to the network; yields its variables."""
    if options.cassette is None:
        yield {}
        return
    from orharness.cli.run_recorded import ReplayDoor

    thread = ServerThread().start()
    try:
        with ReplayDoor(options.intercept).open(server.port, thread) as environment:
            yield environment
    finally:
        thread.stop()


def environment_of(server: SseServer) -> dict[str, str]:
    """Return the variables in which a command finds the server: those of the SDKs, and those of our own clients."""
    return {
        **client_environment(server.base_url, API_KEY),
        "ORHARNESS_URL": server.origin,
        "ORHARNESS_TOKEN": server.control_token,
    }


# --- the verdict --------------------------------------------------------------------------------------------------


def _judgement(command: Sequence[str], code: int, verified: Sequence[Verified]) -> Judgement:
    """One case for the command, one for each route, and one for each other thing that is wrong."""
    verdicts = [_of_the_command(code)]
    for each in verified:
        verdicts += _of_a_session(each)
    return Judgement(shlex.join(command), None, None, tuple(verdicts), "run")


def _of_the_command(code: int) -> Verdict:
    ended = f"exit code {exit_code(code)}"
    evidence = None if code == 0 else Evidence("exit code 0", ended, f"the command ended with {ended}")
    return Verdict("command/exit", "the command succeeds", Result.FAIL if code else Result.PASS, evidence)


def _of_a_session(each: Verified) -> Iterator[Verdict]:
    for identifier, name in each.routes.items():
        wrong = [one for one in each.findings if one.kind in ("routes", "expectations") and one.subject == identifier]
        evidence = _evidence("its calls as the scenario says", wrong) if wrong else None
        result = Result.FAIL if wrong else Result.PASS
        yield Verdict(f"routes/{_named(each, identifier)}", name, result, evidence)
    for one in each.findings:
        if one.kind not in ("routes", "expectations"):
            case = f"{one.kind}/{_named(each, one.subject)}"
            title = _TITLES.get(one.kind) or one.text.partition("\n")[0]
            yield Verdict(case, title, Result.FAIL, _evidence("none", [one]))


def _named(each: Verified, subject: str) -> str:
    return subject if each.session == "default" else f"{each.session}-{subject}"


def _evidence(expected: str, findings: Sequence[Finding]) -> Evidence:
    text = "\n".join(one.text for one in findings)
    first, _, rest = text.partition("\n")
    return Evidence(expected, rest or first, first)


def _tell(screen: Screen, verified: Sequence[Verified], findings: Sequence[Finding]) -> None:
    """Say on stderr what is wrong; nothing where all is well."""
    for one in findings:
        where = "" if one.session == "default" else f" (session {one.session})"
        for number, line in enumerate(one.text.splitlines()):
            screen.say(shown(f"{'✗ ' if not number else '  '}{line}{where if not number else ''}"), "red")
    if findings:
        screen.say("what orharness saw:", "bold")
        for line in (line for each in verified for line in each.account.splitlines()):
            screen.say(shown(line), "dim", indent=2)
        screen.say(
            f"orharness run: {count(len(findings), 'thing')} {'is' if len(findings) == 1 else 'are'} wrong", "bold"
        )
