"""Clients in processes of their own: drivers and commands that are right, and all the ways in which they are not."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orharness.contract import run
from orharness.contract import starters as starter_files
from orharness.contract.driving.commands import CommandSubject
from orharness.contract.driving.driver_process import DriverRun
from orharness.contract.driving.drivers import DriverSubject
from orharness.contract.driving.subject import ClientError, Trouble
from orharness.errors import ScenarioError
from orharness.verdict import Result, Verdict
from tests.support.places import ROOT
from tests.support.selections import WITHOUT_SWEEPS

STARTERS = Path(starter_files.__file__).parent
ONE = "done/clean-end"
TWO = ["done/clean-end", "done/event-after"]
OURS = ("orharness-driver", "orharness-command", "orharness-command-stdout", "orharness-stderr")
BRIEF = 0.3  # seconds of patience where there is something that does not come
ENOUGH = 60.0  # seconds for what comes
HELLO = """
import json, os, sys, time
def tell(**message):
    print(json.dumps(message), flush=True)
"""
GREETS = HELLO + 'tell(event="hello", name="n", version="1", capabilities=["cancel"])\n'
HEARS = GREETS + "for line in sys.stdin:\n    asked = json.loads(line)\n"


def python(path: Path) -> str:
    return shlex.join([sys.executable, "-X", "dev", "-W", "error", str(path)])


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """The command that runs this code."""

    def write(code: str) -> str:
        path = tmp_path / "client.py"
        path.write_text(code, encoding="utf-8")
        return python(path)

    return write


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Neither a process nor a thread of ours."""
    yield
    deadline = time.monotonic() + ENOUGH
    while (left := [one.name for one in threading.enumerate() if one.name in OURS]) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left == []


def judged(
    command: str, only: list[str] | str = ONE, *, patience: float = 5.0, greeting: float = ENOUGH, **limits: Any
) -> list[Verdict]:
    with DriverSubject(command, greeting=greeting, **limits) as subject:
        return run(subject, only=only, patience=patience)


def trouble_of(verdict: Verdict) -> tuple[str, str]:
    assert verdict.result is Result.FAIL
    assert verdict.evidence is not None
    return verdict.evidence.reason, verdict.evidence.got


def patched(code: str) -> str:
    """The starter driver with something else in the place of ``answer``, which calls ``real``."""
    return f"""
import asyncio, os, sys
sys.path.insert(0, {str(STARTERS)!r})
import driver
real = driver.answer
{code}
driver.answer = answer
asyncio.run(driver.main())
"""


# -- drivers that are right ----------------------------------------------------------------------------------------

PYTHON = python(STARTERS / "driver.py")


@pytest.fixture(params=["python", "node", "go"])
def starter(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "python":
        return PYTHON
    found = shutil.which(request.param)
    if found is None:
        if os.environ.get("CI") and request.param == "node":
            pytest.fail("node is missing")
        pytest.skip(f"there is no {request.param} here")
    if request.param == "node":
        return shlex.join([found, str(STARTERS / "driver.mjs")])
    built = str(tmp_path / "driver")
    subprocess.run([found, "build", "-o", built, str(STARTERS / "driver.go")], check=True)
    return shlex.quote(built)


@pytest.mark.long
@pytest.mark.slow
def test_a_starter_passes_every_case_of_both_profiles(starter: str) -> None:
    with DriverSubject(starter) as subject:
        assert subject.name == "my client 0"
        verdicts = run(subject, only=WITHOUT_SWEEPS, patience=5.0)
    notes = ("the client says nothing of", "the client does not ask for gzip")
    unsaid = {one.case for one in verdicts if one.note.startswith(notes)}
    assert {"parts/finish", "parts/usage"} & unsaid == set()  # what its end says is judged, too
    wrong = [(one.case, one.evidence) for one in verdicts if one.result is not Result.PASS and one.case not in unsaid]
    assert wrong == []
    assert {"cancellation", "boundaries", "errors"} <= {one.family for one in verdicts}


@pytest.mark.parametrize("protocol", ["2", "0", "'1'", "None", "True"])
def test_a_driver_of_another_protocol_is_told_so(script: Callable[[str], str], protocol: str) -> None:
    code = (STARTERS / "driver.py").read_text("utf-8").replace("protocol=1", f"protocol={protocol}")
    (verdict,) = judged(script(code), [ONE])
    assert trouble_of(verdict)[0] == f"the driver speaks protocol {protocol}, and this version speaks 1"


def test_a_driver_that_cannot_cancel_is_not_judged_by_its_cancels(script: Callable[[str], str]) -> None:
    code = (STARTERS / "driver.py").read_text("utf-8").replace('"cancel", "parallel"', "")
    cancel, done = sorted(judged(script(code), ["cancellation/between-events", ONE]), key=lambda one: one.case)
    assert (cancel.result, cancel.note) == (Result.NOT_APPLICABLE, "the driver does not say that it can cancel")
    assert done.result is Result.PASS


def test_what_a_driver_tells_at_the_end_is_kept(script: Callable[[str], str]) -> None:
    ends = HEARS + (
        '    tell(id=asked["id"], event="delta", text="")\n'
        '    tell(id=asked["id"], event="delta", text="a\\ud83d")\n'
        '    tell(id=asked["id"], event="delta", text="\\ude42b")\n'
        '    tell(id=asked["id"], event="end", finish_reason="stop", usage={"total_tokens": 3})\n'
    )
    with DriverSubject(script(ends)) as subject:
        assert subject.name == "n 1"
        run = subject.start("http://127.0.0.1:1/v1")
        assert run.ended.wait(ENOUGH)
    assert run.pieces == ["a", "🙂b"]  # halves of a pair, as a client in JavaScript may cut them
    assert (run.error, run.finish_reason, run.usage) == (None, "stop", {"total_tokens": 3})


@pytest.mark.parametrize("last", ['event="end"', 'event="cancelled"', 'event="error", message="m"'])
def test_half_a_character_at_the_end_is_not_passed_over(last: str, script: Callable[[str], str]) -> None:
    ends = HEARS + (f'    tell(id=asked["id"], event="delta", text="a\\ud83d")\n    tell(id=asked["id"], {last})\n')
    with DriverSubject(script(ends)) as subject:
        run = subject.start("http://127.0.0.1:1/v1")
        assert run.ended.wait(ENOUGH)
    assert run.pieces == ["a", "\ufffd"]


def test_an_error_is_told_with_its_status(script: Callable[[str], str]) -> None:
    told = HEARS + '    tell(id=asked["id"], event="error", message="slow down", status=429)\n'
    with DriverSubject(script(told)) as subject:
        run = subject.start("http://127.0.0.1:1/v1")
        assert run.ended.wait(ENOUGH)
    assert isinstance(run.error, ClientError)
    assert repr(run.error) == "slow down (status 429)"


def test_what_a_driver_started_is_gone_with_it(script: Callable[[str], str], tmp_path: Path) -> None:
    # The child ignores what asks it to end, and holds the driver's stdout and stderr open.
    child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    code = f"""
import subprocess
child = subprocess.Popen([sys.executable, "-c", {child!r}])
open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
"""
    with DriverSubject(script(HELLO + code + GREETS)) as subject:
        assert subject.name == "n 1"
        pid = int((tmp_path / "pid").read_text())
        os.kill(pid, 0)
    assert_gone(pid)


def assert_gone(pid: int) -> None:
    """Ended; it may wait for whoever collects orphans here."""
    for _ in range(500):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if (
            f"{pid} Z"
            in subprocess.run(
                ["ps", "-o", "pid=,stat=", "-p", str(pid)], capture_output=True, text=True, check=False
            ).stdout.strip()
        ):
            return
        time.sleep(0.02)
    pytest.fail(f"process {pid} is still there")


# -- drivers that are not ------------------------------------------------------------------------------------------

ANSWERS = '    number = asked["id"]\n'
SPEAKS_WRONG = {
    "no JSON": ('    print("debug: asked", flush=True)\n', "a line that is not JSON", "debug: asked"),
    "not UTF-8": ('    os.write(1, b"\\xff\\xfe\\n")\n', "a line that is not JSON", "\ufffd"),
    "a depth that no parser takes": ('    print("[" * 200_000, flush=True)\n', "a line that is not JSON", "[[["),
    "no object": ("    print([1, 2], flush=True)\n", "a line that is not a JSON object", "[1, 2]"),
    "another's id": ('    tell(id=77, event="delta", text="a")\n', "'delta' of run 77, which nobody began", '"id": 77'),
    "no id": ('    tell(event="delta", text="a")\n', "'delta' of run None, which nobody began", '"delta"'),
    "a second hello": ('    tell(event="hello")\n', "'hello' of run None", '"hello"'),
    "an event that is none": ('    tell(id=number, event="detla")\n', "an event that is none: 'detla'", '"detla"'),
    "a delta without text": ('    tell(id=number, event="delta")\n', "'delta' with text None", '"delta"'),
    "a usage that is none": ('    tell(id=number, event="end", usage=[])\n', "'end' with usage []", '"end"'),
    "a status that is none": (
        '    tell(id=number, event="error", message="m", status=True)\n',
        "'error' with status True",
        '"error"',
    ),
    "more after the end": (
        '    line = json.dumps({"id": number, "event": "end"}) + "\\n"\n    os.write(1, (line + line).encode())\n',
        "'end' of run 1, which was over",
        '"end"',
    ),
}


@pytest.mark.parametrize("kind", SPEAKS_WRONG)
def test_a_driver_that_talks_rubbish_is_told_as_that(kind: str, script: Callable[[str], str]) -> None:
    code, reason, got = SPEAKS_WRONG[kind]
    (verdict,) = judged(script(HEARS + '    print("my own words", file=sys.stderr, flush=True)\n' + ANSWERS + code))
    told = trouble_of(verdict)
    assert reason in told[0]
    assert told[0].startswith("the driver ")
    assert got in told[1]
    assert "its stderr: my own words" in told[1]


def test_an_event_long_after_the_end_is_told_in_the_run_that_sees_it(script: Callable[[str], str]) -> None:
    code = """
    tell(id=asked["id"], event="end")
    time.sleep(0.2)
    tell(id=asked["id"], event="delta", text="late")
"""
    with DriverSubject(script(HEARS + code)) as subject:
        first = subject.start("http://127.0.0.1:1/v1")
        assert first.ended.wait(ENOUGH)
        assert first.error is None
        second = subject.start("http://127.0.0.1:1/v1")
        assert second.ended.wait(ENOUGH)
    assert isinstance(second.error, Trouble)
    assert "'delta' of run 1, which was over" in str(second.error)
    assert second.error.certain


DIES = {
    "at once": ("import sys; print('no such thing', file=sys.stderr); sys.exit(3)", "exit code 3"),
    "before its hello, without an error": ("pass", "exit code 0"),
    "in a run": (HEARS + "    print('no such thing', file=sys.stderr); sys.exit(4)", "exit code 4"),
    "by a signal": (HEARS + "    os.abort()", "signal SIGABRT"),
}


@pytest.mark.parametrize("kind", DIES)
def test_a_driver_that_dies_is_told_as_that(kind: str, script: Callable[[str], str]) -> None:
    code, how = DIES[kind]
    for verdict in judged(script(code), TWO):
        reason, got = trouble_of(verdict)
        assert reason == f"the driver died: {how}"
        assert ("no such thing" in got) == ("no such thing" in code)
        assert ("nothing on its stderr" in got) == (kind == "before its hello, without an error")


@pytest.mark.slow
def test_a_driver_that_died_is_started_again_for_the_next_case(script: Callable[[str], str], tmp_path: Path) -> None:
    code = patched(f"""
async def answer(**asked):
    if not os.path.exists({str(tmp_path / "died")!r}):
        open({str(tmp_path / "died")!r}, "w").close()
        os._exit(5)
    async for text in real(**asked):
        yield text
""")
    first, second = judged(script(code), TWO)
    assert trouble_of(first)[0] == "the driver died: exit code 5"
    assert second.result is Result.PASS


@pytest.mark.slow
def test_a_driver_that_closed_its_stdout_is_told_as_that(script: Callable[[str], str]) -> None:
    (verdict,) = judged(script(HEARS + "    sys.stdout.flush(); os.close(1); time.sleep(600)"))
    assert trouble_of(verdict)[0] == "the driver has closed its stdout"


@pytest.mark.slow
def test_a_driver_that_says_no_hello_is_killed_and_not_started_without_end(
    script: Callable[[str], str], tmp_path: Path
) -> None:
    starts = tmp_path / "starts"
    code = f"import time\nopen({str(starts)!r}, 'a').write('x')\ntime.sleep(600)"
    verdicts = judged(script(code), "chat", greeting=2.0)
    reasons = [trouble_of(verdict)[0] for verdict in verdicts]
    assert reasons[0].endswith("the driver says no hello within 2 s")
    assert reasons[-1].startswith(
        "the driver was not started again, for it failed every time: the last time, the driver"
    )
    assert reasons[-1].count("not started again") == 1
    assert 1 <= len(starts.read_text()) <= 4


def test_a_driver_that_spoils_every_run_is_given_up(script: Callable[[str], str], tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    code = HELLO + f"open({str(starts)!r}, 'a').write('x')\n" + HEARS + "    sys.exit(1)"
    verdicts = judged(script(code), [*TWO, "done/inside-content", "framing/crlf"], spoiled=2)
    reasons = [trouble_of(verdict)[0] for verdict in verdicts]
    assert reasons.count("the driver died: exit code 1") == 2
    assert len(starts.read_text()) == 2


FLOODS = {
    "in a run": HEARS + "    while True: os.write(1, b'{}' * 30_000)",
    "in a run, with lines": HEARS
    + '    line = json.dumps({"id": asked["id"], "event": "delta", "text": "x" * 60_000}).encode() + b"\\n"\n'
    + "    while True: os.write(1, line)",
    "before its hello": "import os\nwhile True: os.write(1, b'x' * 60_000)",
    "where nothing is asked": GREETS + "while True: os.write(1, b'\\n' * 60_000)",
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", FLOODS)
def test_a_driver_that_floods_is_told_as_that(kind: str, script: Callable[[str], str]) -> None:
    (verdict,) = judged(script(FLOODS[kind]))
    assert trouble_of(verdict)[0] == "the driver floods its stdout: more bytes than any answer has"


@pytest.mark.slow
def test_a_flood_on_stderr_is_read_and_only_its_end_kept(script: Callable[[str], str]) -> None:
    code = HEARS + "    sys.stderr.write('x' * 50_000_000 + '\\nlast words'); sys.exit(1)"
    _, got = trouble_of(judged(script(code))[0])
    assert got.endswith("last words")
    assert len(got) < 5_000


@pytest.mark.slow
def test_a_driver_that_hangs_is_told_as_that(script: Callable[[str], str]) -> None:
    (verdict,) = judged(script(HEARS + "    time.sleep(600)"), patience=BRIEF)
    assert trouble_of(verdict)[0] == "the driver hangs: it does not end the run when it was told to cancel"


@pytest.mark.slow
def test_a_driver_that_cannot_cancel_and_hangs_is_told_as_that(script: Callable[[str], str]) -> None:
    code = HEARS.replace('["cancel"]', "[]") + "    time.sleep(600)"
    (verdict,) = judged(script(code), patience=BRIEF)
    assert trouble_of(verdict)[0] == "the driver hangs: it does not end the run when its connection was closed"


@pytest.mark.slow
def test_a_driver_that_cancels_and_does_not_say_so_is_told_as_that(script: Callable[[str], str]) -> None:
    code = (STARTERS / "driver.py").read_text("utf-8").replace('tell(number, "cancelled")', "pass")
    (verdict,) = judged(script(code), "cancellation/between-events", patience=BRIEF)
    assert trouble_of(verdict)[0] == "the driver hangs: it does not end the run when it was told to cancel"


@pytest.mark.slow
def test_a_driver_that_leaks_its_connection_is_told_as_any_client(script: Callable[[str], str]) -> None:
    code = patched("""
kept = []
async def answer(**asked):
    kept.append(stream := real(**asked))
    while True:
        kept.append(read := asyncio.ensure_future(anext(stream)))
        yield await asyncio.shield(read)
""")
    (verdict,) = judged(script(code), "cancellation/between-events", patience=BRIEF)
    reason, _ = trouble_of(verdict)
    assert "closing the client does not close its connection" in reason


def test_a_driver_that_reads_nothing_does_not_hold_us(script: Callable[[str], str]) -> None:
    with DriverSubject(script(GREETS + "time.sleep(600)")) as subject:
        base_url = "http://127.0.0.1/" + "x" * 1_000_000
        run = subject.start(base_url)
        assert run.ended.wait(ENOUGH)
    assert isinstance(run.error, Trouble)
    assert str(run.error) == "the driver does not read its stdin"


# -- commands ------------------------------------------------------------------------------------------------------

WRITES = """
import json, os, sys, urllib.request
request = urllib.request.Request(
    os.environ["OPENAI_BASE_URL"] + "/chat/completions",
    b'{"model": "m", "stream": true}',
    {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]},
)
with urllib.request.urlopen(request) as answer:
    for line in answer:
        data = line.removeprefix(b"data:").strip()
        if data == b"[DONE]":
            break
        if data.startswith(b"{"):
            for choice in json.loads(data)["choices"]:
                sys.stdout.write(choice["delta"].get("content") or "")
"""
NOT_PLAIN = 'if "role" not in choice["delta"]: '  # the finish of a plain answer has one


@pytest.mark.slow
def test_a_command_is_judged_by_what_it_writes(script: Callable[[str], str]) -> None:
    verdicts = run(
        CommandSubject(script(WRITES)),
        only=["boundaries/inside-a-character", "done/connection-left-open", "cancellation"],
    )
    by_family = {one.family: one for one in verdicts}
    assert {one.case: one.evidence for one in verdicts if one.result is Result.FAIL} == {}
    assert by_family["boundaries"].result is by_family["done"].result is Result.PASS
    assert by_family["boundaries"].boundaries_proven or sys.platform != "linux"
    assert by_family["cancellation"].result is Result.NOT_APPLICABLE
    assert "--driver" in by_family["cancellation"].note


@pytest.mark.slow
def test_one_line_end_too_many_has_its_reason(script: Callable[[str], str]) -> None:
    (verdict,) = run(CommandSubject(script(WRITES + "print()")), only=ONE)
    assert "one line end too many after the text" in trouble_of(verdict)[0]


@pytest.mark.slow
def test_an_exit_code_is_an_error_with_the_words_before_it(script: Callable[[str], str]) -> None:
    code = WRITES + NOT_PLAIN + "print(file=sys.stderr); sys.stdout.flush(); raise RuntimeError('not that')"
    (verdict,) = run(CommandSubject(script(code)), only="done/usage-before")
    reason, got = trouble_of(verdict)
    assert reason == "it ended with an error when the text was whole: exit code 1: RuntimeError: not that"
    assert "'Hello world', and then exit code 1: RuntimeError: not that" in got
    assert "its stderr: Traceback" in got
    (swallowed,) = run(CommandSubject(script(code)), only="errors/fin-between-events")
    assert swallowed.result is Result.PASS  # an error was expected, and the text before it


@pytest.mark.slow
@pytest.mark.parametrize(
    ("raises", "reason"),
    [
        ("b'\\xff'.decode()", "it ended with an error when the text was whole: exit code 1: UnicodeDecodeError"),
        ("json.loads(': x')", "it ended with an error when the text was whole: exit code 1: json.decoder.JSON"),
        ("[][0]", "it ended with an error when the text was whole: exit code 1: IndexError"),
        ("raise TimeoutError('it timed out')", "it timed out"),
    ],
)
def test_an_error_is_told_and_no_cause_that_no_trial_shows(
    raises: str, reason: str, script: Callable[[str], str]
) -> None:
    (verdict,) = run(CommandSubject(script(WRITES + NOT_PLAIN + raises)), only="done/usage-before")
    assert reason in trouble_of(verdict)[0]


def test_a_command_that_floods_is_told_as_that(script: Callable[[str], str]) -> None:
    command = script(WRITES + "while True: sys.stdout.write('x' * 60_000)")
    (verdict,) = run(CommandSubject(command, longest=1_000_000), only=ONE)
    assert trouble_of(verdict)[0].startswith("the command floods its stdout")


@pytest.mark.slow
def test_a_command_that_waits_for_ever_is_ended_with_all_that_it_started(
    script: Callable[[str], str], tmp_path: Path
) -> None:
    code = f"""
import subprocess
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
child.wait()
"""
    (verdict,) = run(CommandSubject(script(WRITES + code)), only=ONE, patience=BRIEF)
    assert verdict.evidence is not None
    assert "still waits" in verdict.evidence.got
    assert_gone(int((tmp_path / "pid").read_text()))


def test_a_command_ends_though_what_it_left_behind_holds_its_stdout(
    script: Callable[[str], str], tmp_path: Path
) -> None:
    code = f"""
import subprocess
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
sys.stdout.flush()
os._exit(0)
"""
    (verdict,) = run(CommandSubject(script(WRITES + code)), only=ONE)
    assert verdict.result is Result.PASS
    assert_gone(int((tmp_path / "pid").read_text()))


@pytest.mark.slow
def test_a_command_that_never_asks_is_not_waited_for_without_end(script: Callable[[str], str]) -> None:
    subject = CommandSubject(script("import time; time.sleep(600)"), starting=BRIEF)
    (verdict,) = run(subject, only=ONE, patience=BRIEF)
    assert trouble_of(verdict)[0].startswith("the client sent no request to the base_url it was given within ")


def test_a_command_that_dies_before_it_asks_is_told_as_that(script: Callable[[str], str]) -> None:
    (verdict,) = run(CommandSubject(script("import no_such_package")), only=ONE)
    reason, got = trouble_of(verdict)
    assert reason == (
        "it ended before it sent a request: exit code 1: ModuleNotFoundError: No module named 'no_such_package'"
    )
    assert "its stderr: Traceback" in got


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("no-such-program --now", "no-such-program --now: cannot be run: no-such-program: No such file or directory"),
        ("node 'my.mjs", "is not a command line: No closing quotation"),
        (" ", "the command line is empty"),
    ],
)
def test_what_cannot_be_run_is_a_wrong_call(command: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        run(CommandSubject(command), only=ONE)
    with pytest.raises(ScenarioError, match=said), DriverSubject(command):
        pass


def test_a_session_that_nobody_drives_can_be_closed() -> None:
    run = DriverRun(1)
    run.close()
    assert not run.join(0)
    assert not run.can_cancel_inside_read


@pytest.mark.slow
def test_a_part_that_breaks_the_protocol_is_told_and_not_taken_for_silence(script: Callable[[str], str]) -> None:
    """Its arguments are an object, where the protocol asks for their JSON text."""
    code = f"""{HELLO}
import orharness, urllib.request
from tests.support.correct_clients import correct_parts
tell(event="hello", name="n", version="1")
for line in sys.stdin:
    asked = json.loads(line)
    if asked["op"] != "stream":
        break
    for part in correct_parts(asked["base_url"]):
        if isinstance(part, orharness.ToolCall):
            arguments = json.loads(part.arguments)
            tell(event="tool_call", id=asked["id"], name=part.name, arguments=arguments, call_id=part.id)
    tell(event="end", id=asked["id"])
"""
    with DriverSubject(script(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{code}")) as subject:
        [verdict] = run(subject, only=["parts/tool-call"], patience=ENOUGH / 4)
    assert verdict.result is Result.FAIL
    assert verdict.evidence is not None
    assert "tool_call" in verdict.evidence.reason
    assert "arguments" in verdict.evidence.reason
