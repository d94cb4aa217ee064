"""``orharness run``: the command's environment, the verdict on what it did, exit codes, signals, and no orphan."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from orharness.cli.commands import run_command
from orharness.cli.run import Options, run_and_judge
from orharness.errors import ScenarioError
from tests.support.raw import eventually

ASK = """
import http.client, json, os, sys
from urllib.parse import urlsplit
at = urlsplit(os.environ["OPENAI_BASE_URL"])
def ask(path="/chat/completions", read=True, base=at, body={"messages": [], "stream": True}):
    connection = http.client.HTTPConnection(base.hostname, base.port, timeout=30)
    connection.request("POST", base.path + path, json.dumps(body))
    response = connection.getresponse()
    if read:
        response.read()
        connection.close()
    return connection, response
"""
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and process groups are POSIX's")


def python(code: str) -> list[str]:
    return [sys.executable, "-c", ASK + code]


def scenario(folder: Path, *routes: dict[str, object]) -> Path:
    file = folder / "scenario.json"
    file.write_text(json.dumps({"orharness": 1, "routes": routes}), "utf-8")
    return file


CHAT: dict[str, object] = {"chat": "hello"}


def test_a_command_that_does_what_the_scenario_says_is_good(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_and_judge(Options(python("ask(); print('mine')"), scenario(tmp_path, CHAT))) == 0
    assert capfd.readouterr() == ("mine\n", "")  # nothing of ours


@pytest.mark.parametrize("code", [0, 1, 3])
def test_its_own_code_is_passed_on(code: int) -> None:
    assert run_and_judge(Options(python(f"sys.exit({code})"))) == code


@pytest.mark.parametrize(
    ("code", "routes", "said"),
    [
        ("ask('/nowhere')", [], "a request that no route answers"),
        ("ask(body=[])", [], "a request that is refused"),
        ("", [CHAT], "a reply that was never asked for: POST /chat/completions"),
        ("ask()", [{**CHAT, "expect": {"outcome": "cancelled"}}], "POST /chat/completions expects otherwise"),
        (
            "c, r = ask(read=False); r.readline(); os._exit(0)",
            [{"chat": {"tokens": 500}, "provider": "Groq", "through": [{"hold": 3}], "pacing": "recorded"}],
            "are billed that were never sent",
        ),
        (
            "import time; c, r = ask(read=False); os.fork() or time.sleep(60)",
            [{**CHAT, "through": [{"hold": 1}]}],
            "still open",
        ),
    ],
    ids=["unmatched", "refused", "never asked", "unmet", "leak", "left open"],
)
@posix
def test_what_is_wrong_fails_it_whatever_its_own_code(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], code: str, routes: list[dict[str, object]], said: str
) -> None:
    assert run_and_judge(Options(python(code), scenario(tmp_path, *routes))) == 1
    told = capfd.readouterr().err
    assert said in told
    assert "what orharness saw:" in told
    assert "orharness run: 1 thing is wrong" in told


def test_a_session_that_the_command_opens_and_does_not_end_is_judged_too(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code = """
origin = urlsplit(os.environ["ORHARNESS_URL"])
connection = http.client.HTTPConnection(origin.hostname, origin.port, timeout=30)
body = json.dumps({"orharness": 1, "routes": [{"chat": "x"}]})
connection.request("POST", "/_orharness/sessions", body, {"Content-Type": "application/json"})
session = json.load(connection.getresponse())
ask("/elsewhere", base=urlsplit(session["base_url"]))
"""
    report = tmp_path / "report.xml"
    assert run_and_judge(Options(python(code), formats=["junit"], outputs=[report])) == 1
    told = capfd.readouterr().err
    assert re.search(r"a request that no route answers \(session x[0-9a-f]{12}\)", told)
    assert "2 things are wrong" in told
    names = {one.get("name") for one in ElementTree.parse(report).iter("testcase")}
    assert any(re.fullmatch(r"requests/x[0-9a-f]{12}-000001", str(name)) for name in names)


def test_each_sdk_finds_the_server(capfd: pytest.CaptureFixture[str]) -> None:
    code = "print(json.dumps({name: value for name, value in os.environ.items() if name.isupper()}))"
    assert run_and_judge(Options(python(code))) == 0
    env = json.loads(capfd.readouterr().out)
    origin = env["ORHARNESS_URL"]
    assert {env[name] for name in ("OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENROUTER_BASE_URL")} == {f"{origin}/v1"}
    assert {env[name] for name in ("ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL", "OLLAMA_HOST")} == {origin}
    assert {env[name] for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY")} == {"sk-orharness"}
    assert "127.0.0.1" in env["NO_PROXY"]
    assert env["ORHARNESS_TOKEN"]


def test_reports_have_a_case_for_the_command_and_each_route(tmp_path: Path) -> None:
    file = scenario(tmp_path, CHAT, {"path": "/v1/x", "json": {}})
    formats = ("junit", "json", "html", "text")
    options = Options(
        python("ask(); sys.exit(3)"), file, formats=formats, outputs=[tmp_path / form for form in formats]
    )
    assert run_and_judge(options) == 1
    suites = ElementTree.parse(tmp_path / "junit").getroot()
    cases = {one.get("name"): [failure.get("message") for failure in one] for one in suites.iter("testcase")}
    assert cases == {
        "command/exit": ["the command ended with exit code 3"],
        "routes/r1": [],
        "routes/r2": ["a reply that was never asked for: POST /v1/x"],
    }
    assert json.loads((tmp_path / "json").read_text("utf-8"))["summary"]["failed"] == 2
    assert "never asked for" in (tmp_path / "html").read_text("utf-8")
    assert "2 of 3 cases fail" in (tmp_path / "text").read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"formats": ["junit"]}, "--format and --output come in pairs"),
        ({"formats": ["xml"], "outputs": [Path("a.xml")]}, "a format is one of"),
        ({"formats": ["text"], "outputs": [Path("-")]}, "stdout, which is the command's own here"),
        ({"scenarios": Path("nowhere")}, "--scenarios nowhere is not a folder"),
        ({"scenario": Path("nowhere.yaml")}, "nowhere.yaml: the scenario cannot be read"),
    ],
)
def test_a_wrong_call_is_told(options: dict[str, object], said: str) -> None:
    with pytest.raises(ScenarioError, match=re.escape(said)):
        run_and_judge(Options(python(""), **options))  # type: ignore[arg-type]


def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(ScenarioError, match="no-such-program: there is no such program on PATH"):
        run_and_judge(Options(["no-such-program"]))


# -- as a process ----------------------------------------------------------------------------------------------------


def started(folder: Path, code: str) -> subprocess.Popen[bytes]:
    """``orharness run`` of a Python program that writes its process id to a file."""
    whole = f"import os, signal, subprocess, sys, time\nopen('pid', 'w').write(str(os.getpid()))\n{code}"
    command = [sys.executable, "-m", "orharness", "run", "--", sys.executable, "-c", whole]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def is_gone(pid: int) -> bool:
    """Ended; it may wait for whoever collects orphans here."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def pid_in(file: Path) -> int:
    eventually(lambda: file.exists() and file.read_text("utf-8"))
    return int(file.read_text("utf-8"))


DEAF = "signal.signal(2, lambda *_: open('heard', 'w').write('1'))"
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.mark.slow
@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_passed_on_and_the_command_ends_in_order(tmp_path: Path, number: int) -> None:
    code = f"""
signal.signal({int(number)}, lambda *_: (print("in order", flush=True), sys.exit(5)))
open('ready', 'w').write('1')
time.sleep(60)
"""
    process = started(tmp_path, code)
    pid_in(tmp_path / "ready")
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (out.decode(), process.returncode) == ("in order\n", 128 + number)
    assert "wrong" not in err.decode()


@posix
def test_a_signal_that_comes_while_the_command_is_started_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    start: Any = subprocess.Popen

    def signalled(*arguments: Any, **options: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return start(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", signalled)
    ended: list[str] = []
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    code, passed_on = run_command(command, dict(os.environ), lambda: ended.append("judged"))
    assert (code, passed_on, ended) == (-signal.SIGTERM, signal.SIGTERM, [])


@pytest.mark.slow
@on_linux
def test_a_second_signal_ends_what_does_not_obey(tmp_path: Path) -> None:
    process = started(tmp_path, f"{DEAF}\nopen('ready', 'w').write('1')\nwhile True: time.sleep(1)")
    pid_in(tmp_path / "ready")
    pid = pid_in(tmp_path / "pid")
    process.send_signal(signal.SIGINT)
    eventually(lambda: (tmp_path / "heard").exists())
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    eventually(lambda: is_gone(pid))


@pytest.mark.slow
@on_linux
def test_what_the_command_leaves_running_ends_with_it(tmp_path: Path) -> None:
    code = """
quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], **quiet)
open('child', 'w').write(str(child.pid))
"""
    process = started(tmp_path, code)
    process.communicate(timeout=60)
    assert process.returncode == 0
    eventually(lambda: is_gone(pid_in(tmp_path / "child")))


@pytest.mark.slow
@on_linux
def test_nothing_outlives_a_run_that_is_killed(tmp_path: Path) -> None:
    process = started(tmp_path, "time.sleep(600)")
    pid = pid_in(tmp_path / "pid")
    process.kill()
    process.communicate(timeout=60)
    eventually(lambda: is_gone(pid))


@pytest.mark.slow
@posix
def test_options_after_the_command_are_its_own(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "orharness",
        "run",
        sys.executable,
        "-c",
        "import sys; print(sys.argv[1:])",
        "--format",
        "x",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("['--format', 'x']\n", 0)
