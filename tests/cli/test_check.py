"""``orharness check``: a client found by its name, judged, reported, and each fail played again."""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orharness.cli import main
from orharness.contract import CASES
from orharness.contract import starters as starter_files
from orharness.contract.catalogue import cases_in, lives_of
from orharness.contract.driving.locate import locate
from orharness.contract.running import jobs
from orharness.contract.running.replay import cuts_of, find, parse, spell, with_commands
from orharness.contract.running.replies import representative
from orharness.contract.running.run import chosen
from orharness.dialects import DIALECTS
from orharness.errors import ScenarioError
from orharness.stream import repartition
from orharness.verdict import Evidence, Level, Result, Verdict

COMMAND = [sys.executable, "-X", "dev", "-W", "error", "-m", "orharness"]
ENOUGH = 120.0  # seconds, for a machine that is busy
# It reads the lines as they are, and decodes what each read returned by itself: wrong where a character is cut.
CLIENT = """
import http.client, json
from urllib.parse import urlsplit

def ask(base_url):
    address = urlsplit(base_url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    connection.request("POST", address.path + "/chat/completions", b'{"stream": true}')
    return connection, connection.getresponse()

def texts(base_url, pieces):
    connection, response = ask(base_url)
    try:
        begun = ""
        for text in pieces(response):
            begun += text
            *lines, begun = begun.split("\\n")
            for line in lines:
                if line == "data: [DONE]":
                    return
                if line.startswith("data: "):
                    yield from (one["delta"].get("content") or "" for one in json.loads(line[6:])["choices"])
    finally:
        response.close()
        connection.close()

def good(base_url):
    return texts(base_url, lambda response: (line.decode() for line in response))

def cutting(base_url):
    return texts(base_url, lambda response: (data.decode("utf-8", "replace") for data in iter(response.read1, b"")))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with a client in it; what is imported there is forgotten after each test."""
    (tmp_path / "client.py").write_text(CLIENT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    import orharness.cassette.files  # noqa: F401 - wrapt's C extension cannot be imported a second time

    monkeypatch.setattr(sys, "modules", sys.modules.copy())
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return tmp_path


def called(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> object:
    """The exit code of the command, called in this process."""
    monkeypatch.setattr(sys, "argv", ["orharness", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@pytest.fixture
def check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[object, str, str]]:
    """Exit code, stdout and stderr of ``orharness check …``."""

    def run(*arguments: str) -> tuple[object, str, str]:
        code = called("check", *arguments, monkeypatch=monkeypatch)
        written = capsys.readouterr()
        return code, written.out, written.err

    return run


# -- a client by its name ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["client.py:good", "./client.py:good", "client:good", "kept.inner:Kept.stream"])
def test_a_client_is_found_by_its_name(name: str, folder: Path) -> None:
    (folder / "kept").mkdir()
    (folder / "kept" / "inner.py").write_text("class Kept:\n    def stream(base_url): pass\n", encoding="utf-8")
    assert locate(name).__name__ in ("good", "stream")


def test_the_current_directory_comes_first_and_then_what_stands_beside_the_file(folder: Path) -> None:
    (folder / "json.py").write_text("def stream(base_url): return ['mine']", encoding="utf-8")
    (folder / "sub").mkdir()
    (folder / "sub" / "beside.py").write_text("text = 'beside'", encoding="utf-8")
    (folder / "sub" / "one.py").write_text(
        "import beside, client\ndef f(base_url): return beside.text", encoding="utf-8"
    )
    del sys.modules["json"]
    assert locate("json:stream")("") == ["mine"]
    assert locate("sub/one.py:f")("") == "beside"


WRONG_NAMES = {
    "": "a client is named MODULE:NAME or FILE.py:NAME, as in my_client.py:stream; not ''",
    "client.py": "a client is named MODULE:NAME or FILE.py:NAME, as in my_client.py:stream; not 'client.py'",
    ":good": "a client is named",
    "missing.py:good": "missing.py: there is no such file",
    "missing:good": "there is no module named 'missing' here or among what is installed",
    "missing.inner:good": "there is no module named 'missing' here",
    "client.inner:good": "there is no module named 'client.inner' here",
    "client.py:god": "there is no 'god' in client.py; what can be called there: ask, texts, good, cutting",
    "client:json": "client:json is module, not a function: a client is called with one argument, the base_url",
    "syntax.py:f": r"syntax.py cannot be imported: line 2 of .*syntax.py: SyntaxError: ",
    "raising.py:f": r"raising.py cannot be imported: line 3 of .*raising.py: ZeroDivisionError: division by zero",
    "raising:f": r"raising cannot be imported: line 3 of .*raising.py: ZeroDivisionError: division by zero",
    "needing.py:f": r"needing.py cannot be imported: line 1 of .*needing.py: ModuleNotFoundError: No module named 'no",
    "needing:f": r"needing cannot be imported: line 1 of .*needing.py: ModuleNotFoundError: No module named 'no",
    "leaving.py:f": r"leaving.py cannot be imported: line 1 of .*leaving.py: SystemExit: 3",
    "standard.py:f": r"standard.py cannot be imported: line 2 of .*standard.py: JSONDecodeError: ",
    "notes/text:f": "notes/text is not a Python file: for any other client there are --command and --driver",
}


@pytest.mark.parametrize("name", WRONG_NAMES)
def test_a_wrong_name_is_one_clear_sentence(name: str, folder: Path) -> None:
    files = {
        "syntax.py": "\ndef f(:",
        "raising.py": "def fail():\n    # here\n    return 1 / 0\nfail()",
        "needing.py": "import nope",
        "leaving.py": "raise SystemExit(3)",
        "standard.py": "import json\njson.loads('')",
        "notes/text": "no code",
    }
    (folder / "notes").mkdir()
    for path, text in files.items():
        (folder / path).write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError, match=f"^{WRONG_NAMES[name]}") as told:
        locate(name)
    assert "\n" not in str(told.value)


# -- the commands that play one fail again -------------------------------------------------------------------------


@given(st.sets(st.integers(1, 400), max_size=60))
def test_what_is_spelt_is_parsed(cuts: set[int]) -> None:
    assert parse(spell(sorted(cuts))) == tuple(sorted(cuts))


def test_offsets_in_a_row_are_a_range() -> None:
    assert spell([17, 18, 19, 23, 40, 41]) == "17-19,23,40-41"
    assert spell([]) == "whole"
    assert len(spell(range(1, 3_000))) == 6


@pytest.mark.parametrize("text", ["", "0", "-3", "5-3", "x", "1,,2", "1;2", "1.5", "1-", "1-99999999999"])
def test_offsets_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ScenarioError, match=r"^--at takes "):
        parse(text)


def failed(case: str, cuts: Sequence[int] = (), body: bytes = b"data: x\n\n") -> Verdict:
    return Verdict(case, "t", Result.FAIL, Evidence("e", "g", "r", "", body, tuple(cuts)))


@pytest.mark.parametrize(
    ("verdict", "at"),
    [
        (failed("boundaries/byte-by-byte", [3, 5]), " --at 3,5"),
        (failed("boundaries/byte-by-byte"), " --at whole"),
        (failed("boundaries/byte-by-byte", range(1, 9)), " --at 1-8"),
        (failed("cancellation/between-events", [3]), ""),  # its times and gates are the case
        (failed("done/clean-end", body=b""), ""),  # nothing was sent
        (failed("done/clean-end", representative(find("done/clean-end")).boundaries[:-1]), ""),  # as it is sent
    ],
)
def test_a_fail_has_its_commands(verdict: Verdict, at: str) -> None:
    told = with_commands(verdict, ["--command", "node 'my client.mjs'"], ["--seed", "7"])
    case = verdict.case
    assert shlex.split(told.replay)[:4] == ["orharness", "check", "--command", "node 'my client.mjs'"]
    assert told.replay.endswith(f" --only {case}{at} --seed 7")
    assert told.serve == f"orharness serve --case {case}{at}"


def test_what_did_not_fail_has_no_commands() -> None:
    verdict = replace(failed("done/clean-end"), result=Result.PASS)
    assert with_commands(verdict, ["client.py:good"]) is verdict
    assert cuts_of(replace(verdict, evidence=None)) == []


def reported(*arguments: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, JSON and stderr of the command in a process of its own."""
    done = subprocess.run(
        [*COMMAND, *arguments, "--format", "json", "--output", "-"],
        capture_output=True,
        encoding="utf-8",
        timeout=ENOUGH,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.mark.slow
def test_the_replay_of_a_fail_fails_in_the_same_way() -> None:
    code, document, errors = reported("check", "client.py:cutting", "--only", "boundaries/byte-by-byte", "--seed", "3")
    assert (code, errors) == (1, "")
    (case,) = document["cases"]
    program, *arguments = shlex.split(case["replay"])
    assert program == "orharness"
    assert arguments[:3] == ["check", "client.py:cutting", "--only"]
    again, repeated, _ = reported(*arguments)
    assert again == 1
    assert repeated["cases"][0]["evidence"] == case["evidence"]
    assert repeated["seed"] == 3


@pytest.mark.slow
def test_the_serve_command_of_a_fail_plays_the_same_stream_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    case = find("boundaries/inside-a-character")
    told = with_commands(failed(case.id, [7, 300]), ["client.py:cutting"])
    with subprocess.Popen(
        [*COMMAND, *shlex.split(told.serve)[1:]], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        base_url = server.stdout.readline().strip()
        expected = [chunk.data for chunk in repartition(representative(case), [7, 300]).chunks]
        try:
            assert [reads(base_url) for _ in range(3)] == [expected] * 3
        finally:
            server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=ENOUGH)
    assert server.returncode == 0
    assert f"plays {case.id}: {case.title}" in errors
    assert "'Grüße, 世界 🙂!'" in errors
    assert "pacing lockstep" in errors


def reads(base_url: str) -> list[bytes]:
    address = urlsplit(base_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=ENOUGH)
    try:
        connection.request("POST", f"{address.path}/chat/completions", b'{"stream": true}')
        with connection.getresponse() as response:
            return list(iter(response.read1, b""))
    finally:
        connection.close()


# -- the command ---------------------------------------------------------------------------------------------------


def test_a_client_that_is_right_is_zero(check: Callable[..., tuple[object, str, str]]) -> None:
    code, out, errors = check("client.py:good", "--only", "boundaries/one-event-a-chunk", "--only", "done/clean-end")
    assert (code, errors) == (0, "")
    assert out.startswith("client.py:good  profile gateway, seed 0\n")
    assert re.search(r"✓ boundaries +1 +- +-\n✓ done +1 +- +-\n\n✓ all 2 cases hold\n", out)


@pytest.mark.slow
def test_a_client_that_is_wrong_is_one_with_its_bytes_boundary_reason_and_command(
    check: Callable[..., tuple[object, str, str]],
) -> None:
    code, out, _ = check("client.py:cutting", "--only", "boundaries")
    assert code == 1
    assert "cases: bytes are decoded chunk by chunk: a character that a boundary cuts is lost" in out
    assert re.search(r"bytes +…\S.*\\x[0-9a-f]{2}│\\x[0-9a-f]{2}", out)
    assert re.search(r"replay +orharness check client\.py:cutting --only boundaries/\S+ --at \d+\n", out)
    assert re.search(r"serve +orharness serve --case boundaries/\S+ --at \d+\n", out)


@pytest.mark.slow
def test_the_client_may_be_a_command_or_a_driver(check: Callable[..., tuple[object, str, str]], folder: Path) -> None:
    (folder / "command.py").write_text(
        CLIENT + "\nimport os\nfor text in good(os.environ['OPENAI_BASE_URL']): print(end=text)\n", encoding="utf-8"
    )
    code, out, _ = check("--command", shlex.join([sys.executable, "command.py"]), "--only", "done/clean-end")
    assert (code, out.split()[0]) == (0, sys.executable)
    driver = shlex.join([sys.executable, str(Path(starter_files.__file__).with_name("driver.py"))])
    code, out, _ = check("--driver", driver, "--only", "done/clean-end", "--only", "cancellation/inside-a-read")
    assert code == 0
    assert out.startswith(f"{driver} (my client 0)  profile gateway")


LINES = """
import json, os, urllib.request

def good(base_url):
    asked = urllib.request.Request(
        f"{base_url.removesuffix('/v1')}/api/chat", b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}'
    )
    with urllib.request.urlopen(asked) as response:
        for line in response:
            said = json.loads(line)
            if "error" in said:
                raise RuntimeError(said["error"])
            yield said["message"]["content"]
            if said["done"]:
                return
    raise RuntimeError("the answer is not whole")

def careless(base_url):
    for text in good(base_url):
        yield text.replace("\x85", " ")
"""


@pytest.mark.slow
def test_a_client_is_judged_in_its_own_dialect_and_a_fail_s_commands_say_it(
    check: Callable[..., tuple[object, str, str]], folder: Path
) -> None:
    (folder / "lines.py").write_text(LINES, encoding="utf-8")
    asked = ["--dialect", "ollama", "--only", "ollama/next-line"]
    code, out, errors = check("lines.py:good", *asked, "--only", "errors/ollama-line", "--only", "done/clean-end")
    assert (code, errors) == (0, "")
    assert "all 3 cases hold" in out
    code, out, _ = check("lines.py:careless", *asked)
    assert code == 1
    assert re.search(r"replay +orharness check lines\.py:careless --only ollama/next-line .*--dialect ollama\n", out)
    assert re.search(r"serve +orharness serve --case ollama/next-line .*--dialect ollama\n", out)
    code, out, _ = check("--list", "--dialect", "ollama")
    listed = (*chosen(dialect="ollama"), *lives_of(DIALECTS.named("ollama")))
    assert [line.split()[0] for line in out.splitlines()] == [case.id for case in listed]
    assert check("--list", "--dialect", "olama")[2].count("did you mean 'ollama'?") == 1
    assert check("lines.py:good", "--dialect", "olama")[0] == 2


@pytest.mark.slow
def test_a_command_finds_the_server_where_each_sdk_looks(
    check: Callable[..., tuple[object, str, str]], folder: Path
) -> None:
    told = "\nfor text in good(os.environ['OLLAMA_HOST']): print(end=text)\n"
    (folder / "command.py").write_text(LINES + told, encoding="utf-8")
    command = shlex.join([sys.executable, "command.py"])
    assert check("--command", command, "--dialect", "ollama", "--only", "ollama/whole")[0] == 0


@pytest.mark.slow
def test_a_driver_may_say_its_dialect(check: Callable[..., tuple[object, str, str]], folder: Path) -> None:
    says = """
def tell(**message):
    print(json.dumps(message), flush=True)

import sys
tell(event="hello", name="n", dialect=sys.argv[1])
for line in sys.stdin:
    asked = json.loads(line)
    if asked.get("op") == "stream":
        for text in good(asked["base_url"]):
            tell(id=asked["id"], event="delta", text=text)
        tell(id=asked["id"], event="end")
"""
    (folder / "driver.py").write_text(LINES + says, encoding="utf-8")
    driver = shlex.join([sys.executable, "driver.py"])
    code, out, _ = check("--driver", f"{driver} ollama", "--only", "ollama/whole")
    assert (code, "✗" in out) == (0, False), out
    code, _, errors = check("--driver", f"{driver} olama", "--only", "done/clean-end")
    assert (code, "did you mean 'ollama'?" in errors) == (2, True)


@pytest.mark.slow
def test_the_serve_command_of_a_fail_in_another_dialect_plays_its_stream() -> None:
    case = find("ollama/next-line", cases_in(None, "ollama"))
    told = with_commands(failed(case.id, [7], b"{}\n"), ["x.py:y"], cases=cases_in(None, "ollama"))
    with subprocess.Popen([*COMMAND, *shlex.split(told.serve)[1:]], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        base_url = server.stdout.readline().strip()
        try:
            with urllib.request.urlopen(f"{base_url.removesuffix('/v1')}/api/chat", b'{"model": "m"}') as response:
                assert response.read() == representative(case).body
        finally:
            server.send_signal(signal.SIGTERM)


@pytest.fixture
def finds(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts verdicts in the place of a run."""

    def put(*verdicts: Verdict) -> None:
        def run(client: object, cases: object, *, on_verdict: Callable[[Verdict], None], **options: object) -> None:
            for verdict in verdicts:
                on_verdict(verdict)

        monkeypatch.setattr(jobs, "run", run)

    return put


@pytest.mark.slow
def test_the_cases_are_listed(check: Callable[..., tuple[object, str, str]]) -> None:
    code, out, err = check("--list")
    named = [line.split()[0] for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert named == [case.id for case in (*chosen(), *lives_of(DIALECTS.default))]
    assert check("--list", "--profile", "whatwg")[1].count("\n") == len(CASES) + len(lives_of(DIALECTS.default))
    code, out, err = check("--list", "--only", "done/twice")
    assert (out.split()[0], "SHOULD" in out) == ("done/twice", False)
    assert check("--list", "--only", "nothing/such")[0] == 2


def test_a_failed_should_is_shown_and_changes_no_exit_code(
    finds: Callable[..., None], check: Callable[..., tuple[object, str, str]]
) -> None:
    finds(replace(failed("done/clean-end"), level=Level.SHOULD))
    one = ["--only", "done/clean-end"]
    code, out, _ = check("client.py:good", *one)
    assert code == 0
    assert "done/clean-end (SHOULD)" in out
    finds(failed("done/clean-end"))
    assert check("client.py:good", *one)[0] == 1


def test_where_it_is_strict_a_failed_should_counts_and_still_says_what_it_is(
    finds: Callable[..., None], check: Callable[..., tuple[object, str, str]], folder: Path
) -> None:
    finds(replace(failed("done/clean-end"), level=Level.SHOULD))
    strict = ["--only", "done/clean-end", "--strict"]
    code, out, _ = check("client.py:good", *strict, "--format", "junit", "--output", "x.xml")
    assert code == 1
    assert "done/clean-end (SHOULD)" in out
    assert 'failures="1"' in (folder / "x.xml").read_text("utf-8")
    document = json.loads(check("client.py:good", *strict, "--format", "json", "--output", "-")[1])
    assert (document["summary"]["failed"], document["summary"]["failed_should"]) == (1, 0)
    assert document["cases"][0]["level"] == "SHOULD"
    known = [*strict, "--baseline", "known.json"]
    assert check("client.py:good", *known, "--update-baseline")[0] == 0
    code, out, _ = check("client.py:good", *known)
    assert code == 0
    assert "done/clean-end (SHOULD) (in the baseline)" in out


def test_reports_are_written_in_pairs_and_text_goes_to_the_terminal(
    finds: Callable[..., None], check: Callable[..., tuple[object, str, str]], folder: Path
) -> None:
    finds(failed("done/clean-end"))
    pairs = [("json", "a/j.json"), ("junit", "x.xml"), ("html", "h.html"), ("text", "t.txt")]
    one = ["--only", "done/clean-end"]
    code, out, _ = check("client.py:good", *one, *(word for f, o in pairs for word in ("--format", f, "--output", o)))
    assert code == 1
    assert (folder / "t.txt").read_text("utf-8") == out
    assert json.loads((folder / "a" / "j.json").read_text("utf-8"))["cases"][0]["replay"].startswith("orharness check ")
    assert (folder / "x.xml").read_text("utf-8").startswith("<?xml")
    assert "<html" in (folder / "h.html").read_text("utf-8")
    _, out, _ = check("client.py:good", *one, "--format", "json", "--output", "-")
    assert json.loads(out)["summary"]["failed"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "check takes one client: MODULE:NAME, FILE.py:NAME, --command CMD or --driver CMD"),
        (["client.py:good", "--driver", "x"], "check takes one client"),
        (["client.py:nope"], "there is no 'nope' in client.py"),
        (["client.py:good", "--format", "json"], "--format and --output come in pairs"),
        (
            ["client.py:good", "--format", "xml", "--output", "x"],
            "a format is one of text, json, junit, html, sarif, badge; not 'xml'",
        ),
        (["client.py:good", "--format", "json", "--output", "."], "--output . is a folder"),
        (["client.py:good", "--format", "json", "--output", "client.py/x"], "client.py is not a folder"),
        (["client.py:good", "--profile", "all"], "all"),
        (["client.py:good", "--only", "nothing-like-it"], "nothing-like-it"),
        (
            ["client.py:good", "--only", "done/clean-end", "--only", "done/clean-edn"],
            "(did you mean 'done/clean-end'?)",
        ),
        (["client.py:good", "--at", "x"], "--at takes byte offsets"),
        (["client.py:good", "--patience", "0"], "--patience is a number of seconds above 0, not 0"),
        (["--driver", "no-such-program"], "no-such-program: cannot be run"),
        (
            ["--driver", f"{sys.executable} -c 'raise SystemExit(3)'"],
            "nothing can be judged: the driver died: exit code 3; nothing on its stderr; a driver first says hello",
        ),
        (["--driver", f"{sys.executable} -c pass", "--jobs", "2"], "nothing can be judged: the driver died"),
        (["--driver", f"{sys.executable} -c 'print(1)'"], "nothing can be judged: the driver writes a line that is no"),
        (["--command", "'"], "is not a command line"),
        (["client.py:good", "--to", "x"], "--to belongs to --new-driver"),
        (["--new-driver", "rust"], "there are starter drivers for python, node and go, not for 'rust'"),
    ],
)
def test_a_wrong_call_is_one_sentence_and_two(
    arguments: list[str], said: str, check: Callable[..., tuple[object, str, str]]
) -> None:
    code, out, errors = check(*arguments)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"orharness: .+\n", errors)
    assert said in errors


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--case", "done/nope"], "there is no case 'done/nope'"),
        (["--case", "done/clean"], "do you mean done/clean-end?"),
        (["--case", "done/clean-end", "--text", "a"], "not two of them"),
        (["--at", "17"], "--at cuts the stream of a --case"),
        (["--case", "done/clean-end", "--at", "x"], "--at takes byte offsets"),
    ],
)
def test_a_case_that_cannot_be_served_is_one_sentence_and_two(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("serve", *arguments, monkeypatch=monkeypatch) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert said in written.err


@pytest.mark.parametrize(("language", "name"), [("python", "driver.py"), ("node", "driver.mjs"), ("go", "driver.go")])
def test_a_starter_is_written_once(
    language: str, name: str, check: Callable[..., tuple[object, str, str]], folder: Path
) -> None:
    code, out, _ = check("--new-driver", language)
    assert code == 0
    run = "go run" if language == "go" else language
    assert f"  orharness check --driver '{run} {name}'\n" in out
    shipped = Path(starter_files.__file__).with_name(name).read_bytes()
    assert (folder / name).read_bytes() == shipped
    (folder / name).write_text("mine", encoding="utf-8")
    code, _, errors = check("--new-driver", language)
    assert (code, errors) == (2, f"orharness: {name} is there already: --to FILE names another file\n")
    assert (folder / name).read_text("utf-8") == "mine"
    assert check("--new-driver", language, "--to", "other")[0] == 0
    assert (folder / "other").read_bytes() == shipped


# -- stopped, and watched ------------------------------------------------------------------------------------------

WAITS = """
import pathlib, time
asked = []
def waits(base_url):
    asked.append(1)
    if len(asked) > TRIALS:
        pathlib.Path("waits").touch()
        time.sleep(600)
    return good(base_url)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_what_was_judged_so_far(number: signal.Signals, folder: Path) -> None:
    first = find("done/clean-end")
    trials = sum(len(list(chunking.cuts(representative(first), 0))) for chunking in first.chunkings)
    (folder / "client.py").write_text(CLIENT + WAITS.replace("TRIALS", str(trials)), encoding="utf-8")
    arguments = ["check", "client.py:waits", "--only", first.id, "--only", "done/event-after", "--patience", "600"]
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_for(folder / "waits")
        process.send_signal(number)
        out, errors = process.communicate(timeout=ENOUGH)
    assert process.returncode == 128 + number
    assert re.search(r"✓ done +1 +- +-\n", out)
    assert "\n- stopped after 1 of 2 cases; of these: the one case holds\n" in out
    assert re.fullmatch(r"orharness: stopped after 1 of 2 cases\n", errors)


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + ENOUGH
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    pty = pytest.importorskip("pty", reason="there are no terminals of this kind on Windows")
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


@pytest.mark.slow
def test_a_bar_is_drawn_where_a_terminal_is_and_nowhere_else(terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    done = subprocess.run(
        [*COMMAND, "check", "client.py:good", "--only", "done/clean-end"],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        timeout=ENOUGH,
        check=False,
    )
    drawn = b""
    while select.select([ours], [], [], 0.0)[0]:
        drawn += os.read(ours, 65536)
    assert done.returncode == 0
    assert b"done/clean-end" in drawn
    assert re.search(rb"[01]/1", drawn)
    assert b"\x1b" not in done.stdout
