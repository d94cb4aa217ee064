"""The commands as a user runs them: in a process of their own, with pipes, signals and mistakes."""

from __future__ import annotations

import http.client
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from orharness.cassette import Interaction, RecordedRequest, load, save
from orharness.cli import main
from orharness.cli.demo import CHOSEN
from orharness.cli.resources import shipped
from orharness.contract import CASES, claim_of
from orharness.dialects import DIALECTS, MESSAGES, OLLAMA
from orharness.dialects.completion import MODEL, Completion
from orharness.errors import OrharnessError
from orharness.gateways import ONEROUTER
from orharness.sse import Comment, decode
from orharness.stream import Stream
from tests.support import chat_dialect as chat

COMMAND = [sys.executable, "-X", "dev", "-W", "error", "-m", "orharness"]
TEXT = "Grüße, 世界"
ASK = {"stream": True}
_PATIENCE = 30.0  # seconds, for a machine that is busy


def environment(**more: str) -> dict[str, str]:
    dropped = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "PYTHONDEVMODE", "PYTHONWARNINGS"}
    return {**{name: value for name, value in os.environ.items() if name not in dropped}, **more}


def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        encoding="utf-8",
        env=environment(**more),
        timeout=2 * _PATIENCE,
        check=False,
    )


class Running:
    """A command that runs until it is stopped; what it wrote stands there afterwards."""

    def __init__(self, *arguments: str, before: list[str] | None = None) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - read when the process has ended
        self._process = subprocess.Popen(
            [*(before or []), *COMMAND, *arguments],
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment(),
            bufsize=0,
        )
        assert self._process.stdout is not None
        self.line = self._process.stdout.readline().decode()
        self.base_url = self.line.strip()
        self.stderr = ""
        self.rest = b""

    @property
    def process_id(self) -> int:
        return self._process.pid

    def stderr_so_far(self) -> str:
        return os.pread(self._errors.fileno(), 2**20, 0).decode()

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self._process.poll() is None:
            self._process.send_signal(number)
        self.rest, _ = self._process.communicate(timeout=_PATIENCE)
        self._errors.seek(0)
        self.stderr = self._errors.read().decode()
        self._errors.close()
        assert "Traceback" not in self.stderr
        assert "Warning" not in self.stderr
        return self._process.returncode

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()
        self._errors.close()


@contextmanager
def running(*arguments: str, before: list[str] | None = None) -> Iterator[Running]:
    process = Running(*arguments, before=before)
    try:
        yield process
    finally:
        process.kill()


def post(
    base_url: str,
    body: object,
    *,
    leave_after: int | None = None,
    key: str = "sk-test",
    query: str = "",
    path: str = "/chat/completions",
) -> list[bytes]:
    """The reads of a streamed answer; ``leave_after`` of them, then the connection is closed."""
    address = urlsplit(base_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=_PATIENCE)
    try:
        headers = {"Authorization": f"Bearer {key}"}
        connection.request("POST", f"{address.path}{path}{query}", json.dumps(body), headers)
        with connection.getresponse() as response:
            found: list[bytes] = []
            while len(found) != leave_after and (data := response.read1()):
                found.append(data)
            return found
    finally:
        connection.close()


def text_of(reads: list[bytes]) -> str:
    return chat.fold(decode(b"".join(reads))).text


def recorded(path: Path, *texts: str) -> Path:
    save(
        path,
        [
            Interaction(
                RecordedRequest("POST", "https://host/v1/chat/completions", body=json.dumps({"model": text}).encode()),
                headers=(("Content-Type", "text/event-stream"),),
                stream=chat.stream(Completion.of(text), ONEROUTER, False, 0.01),
                head=0.01,
                recorded_at="2026-11-22T06:00:00Z",
            )
            for text in texts
        ],
    )
    return path


def wait_for(what: str, path: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not path.exists() or what not in path.read_text(encoding="utf-8"):
        assert time.monotonic() < deadline
        time.sleep(0.02)


# What every command has in common


def test_the_version_is_told() -> None:
    done = run("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"orharness \d+\.\d+\.\d+\n", done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["demo", "serve", "record", "show", "check"])
def test_the_help_of_each_command_has_an_example(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert called([command, "--help"], monkeypatch) == 0
    assert f"Example: orharness {command}" in capsys.readouterr().out
    assert called(["--help"], monkeypatch) == 0
    assert command in capsys.readouterr().out


def test_the_help_of_run_says_whole_what_is_to_be_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has to work from a clone, too, so it names the package and not the distribution's extra alone."""
    assert called(["run", "--help"], monkeypatch) == 0
    assert "pip install trustme (the extra intercept)" in re.sub(r"\s+", " ", capsys.readouterr().out)


@pytest.mark.slow
def test_help_and_reports_survive_an_ascii_locale(tmp_path: Path) -> None:
    cassette = recorded(tmp_path / "a.yaml", TEXT)
    for arguments in (["serve", "--help"], ["show", str(cassette)]):
        done = run(*arguments, PYTHONIOENCODING="ascii")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.isascii()
        assert r"\xfc" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serve", "missing.yaml"], "missing.yaml: there is no such cassette"),
        (["serve", "--rechunk", "0"], "rechunk(size) is a whole number from 1 up, not 0"),
        (["serve", "--delay", "-1"], "pace(delay)"),
        (["serve", "--gateway", "onerooter"], "did you mean 'onerouter'?"),
        (["serve", "--pacing", "soon"], "pacing is one of recorded, lockstep, instant; not 'soon'"),
        (["serve", "--comment-every", "2"], "--comment-every needs --comment"),
        (["serve", "--host", "192.0.2.1"], "cannot listen on 192.0.2.1"),
        (["serve", "--port", "70000"], "a port is a number from 0 to 65535, not 70000"),
        (["serve", "--model", "prefill=200"], "prefill is a time with its unit"),
        (["serve", "--model", "itl=2ms", "--delay", "1"], "and so does --delay"),
        (["serve", "--model", "itl=2ms", "--pacing", "instant"], "--model has no effect with --pacing instant"),
        (["serve", "a.yaml", "--model", "itl=2ms"], "--model belongs to --text and --scenario"),
        (["serve", "a.yaml", "--text", "a"], "not both"),
        (
            ["serve", "--case", "framing/crlf", "--at", "99999"],
            "the stream of framing/crlf has 338 bytes: ",
        ),
        (["serve", "--case", "errors/http-204", "--at", "3"], "--at 3: the answer of errors/http-204 is not a stream"),
        (
            ["record", "--upstream", "http://x/v1", "--to", "no.yaml", "--port", "70000"],
            "a port is a number from 0 to 65535",
        ),
        (
            ["record", "--upstream", "http://x/v1", "--to", "no.yaml", "--host", "192.0.2.1"],
            "cannot listen on 192.0.2.1",
        ),
        (["serve", "a.yaml", "--provider", "a"], "--provider belongs to --text"),
        (["serve", "a.yaml", "--dialect", "chat"], "--dialect belongs to --text"),
        (["serve", "--dialect", "mesages"], "there is no dialect 'mesages' (did you mean 'messages'?)"),
        (["record", "--upstream", "nowhere", "--to", "a.yaml"], "an upstream is a base URL"),
        (["record", "--upstream", "http://a", "--to", "a.yaml", "--allow-origin", "a"], "an origin is such as"),
        (["show", "missing.yaml"], "missing.yaml: there is no such cassette"),
        (["show", "http://127.0.0.1:9"], "is not the journal of a running orharness server: "),
    ],
)
def test_a_wrong_call_is_one_sentence_and_two(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert called(arguments, monkeypatch) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert re.fullmatch(r"orharness: .+\n", written.err)
    assert said in written.err


def called(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> object:
    """The exit code of the command, called in this process."""
    monkeypatch.setattr(sys, "argv", ["orharness", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_a_damaged_journal_is_one_sentence_and_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "journal.json"
    damaged.write_text('{"format": 1, "exchanges": [{"chunks_written": "x"}]}', encoding="utf-8")
    assert called(["show", str(damaged)], monkeypatch) == 2
    assert capsys.readouterr().err.startswith("orharness: this journal is damaged: exchange 1 cannot be read: ")


@pytest.mark.slow
def test_a_wrong_call_ends_its_process_so() -> None:
    done = run("serve", "--rechunk", "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "orharness: rechunk(size) is a whole number from 1 up, not 0\n"


@pytest.mark.parametrize(
    "arguments", [["serve", "--no-such"], ["record"], ["show"], ["nothing"], ["serve", "--port", "x"]]
)
def test_options_that_are_not_there_are_two_as_well(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(arguments, monkeypatch) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert "Traceback" not in written.err


# serve


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_says_one_line_and_ends_well_on_a_signal(number: signal.Signals) -> None:
    with running("serve") as server:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1\n", server.line)
        assert text_of(post(server.base_url, ASK)).startswith("Grüße")
        assert server.stop(number) == 0
        assert server.rest == b""
        assert re.search(r"^1  POST /v1/chat/completions → 200: completed", server.stderr, re.M)
        assert server.stderr.endswith("1 exchange: 1 completed\n")


@pytest.mark.slow
def test_serve_keeps_as_many_exchanges_as_it_is_told_and_says_what_it_dropped() -> None:
    with running("serve", "--journal", "2") as server:
        for _ in range(5):
            post(server.base_url, ASK)
        shown = run("show", server.base_url)
        assert "3 older exchanges not in the journal any more" in shown.stdout
        assert "2 exchanges: 2 completed" in shown.stdout
        server.stop()
    assert server.stderr.endswith("5 exchanges: 5 completed\n3 older exchanges not in the journal: --journal 2\n")
    wrong = run("serve", "--journal", "0")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == "orharness: --journal is how many exchanges are kept, from 1 up, not 0\n"


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="a POSIX shell")
@pytest.mark.parametrize(("host", "usable"), [("0.0.0.0", r"127\.0\.0\.1"), ("::", r"\[::1\]")])
def test_serve_on_every_address_says_one_that_can_be_used(host: str, usable: str) -> None:
    with running("serve", "--host", host) as server:
        assert re.fullmatch(rf"http://{usable}:\d+/v1\n", server.line)
        assert text_of(post(server.base_url, ASK)).startswith("Grüße")
        server.stop()
    port = urlsplit(server.base_url).port
    assert f"listens on every address of this machine, port {port}" in server.stderr


@pytest.mark.slow
def test_an_offset_counts_in_what_is_sent_with_its_comments() -> None:
    with running("serve", "--case", "framing/crlf", "--comment", ": " + "x" * 400, "--at", "330") as server:
        server.stop()
    assert server.base_url


@pytest.mark.slow
def test_record_listens_where_it_is_told(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with running("serve") as server:
        where = ["--host", "0.0.0.0", "--port", str(port)]
        with running("record", "--upstream", server.base_url, "--to", str(tmp_path / "a.yaml"), *where) as recorder:
            assert recorder.line == f"http://127.0.0.1:{port}/v1\n"
            assert text_of(post(recorder.base_url, ASK)).startswith("Grüße")
            recorder.stop()
        server.stop()
    assert f"listens on every address of this machine, port {port}" in recorder.stderr


@pytest.mark.slow
def test_serve_ends_on_sigint_also_where_the_shell_had_it_ignored() -> None:
    with running("serve", before=["/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh"]) as server:
        assert server.stop(signal.SIGINT) == 0


@pytest.mark.slow
def test_serve_answers_each_api_in_its_own_form() -> None:
    with running("serve", "--text", TEXT) as server:
        for dialect in DIALECTS.values():
            asked = dialect.example_request
            origin = server.base_url.removesuffix("/v1")
            body = b"".join(post(origin, asked.json, path=asked.path, query=f"?{asked.query}"))
            answer = dialect.fold(dialect.frame.decode(body))
            assert (answer.text, answer.complete, answer.problems) == (TEXT, True, ())
        server.stop()


@pytest.mark.slow
def test_serve_answers_one_api_alone_and_says_how_to_ask() -> None:
    with running("serve", "--dialect", "messages", "--text", TEXT) as server:
        assert MESSAGES.fold(decode(b"".join(post(server.base_url, MESSAGES.example(), path="/messages")))).text == TEXT
        assert b"error" in b"".join(post(server.base_url, ASK))
        server.stop()
        assert re.search(r"^answers every request for messages with", server.stderr, re.M)
        said = next(line for line in server.stderr.splitlines() if line.startswith("try:"))
    assert json.loads(shlex.split(said)[-1]) == MESSAGES.example()


@pytest.mark.slow
def test_serve_answers_each_path_of_an_api_and_says_how_to_ask_without_a_prefix_where_it_has_none() -> None:
    with running("serve", "--dialect", "ollama", "--text", TEXT) as server:
        origin = server.base_url.removesuffix("/v1")
        for path, asked in (("/api/chat", OLLAMA.example()), ("/api/generate", {"model": MODEL, "prompt": "hi"})):
            body = b"".join(post(origin, asked, path=path))
            assert OLLAMA.fold(OLLAMA.frame.decode(body)).text == TEXT
            assert (b'"response"' in body) is (path == "/api/generate")
        server.stop()
        said = next(line for line in server.stderr.splitlines() if line.startswith("try:"))
    assert f"{origin}/api/chat" in shlex.split(said)


@pytest.mark.slow
def test_what_is_open_at_the_end_is_told_and_keeps_nobody() -> None:
    with running("serve", "--delay", "5") as server:
        address = urlsplit(server.base_url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=_PATIENCE)
        connection.request("POST", "/v1/chat/completions", json.dumps(ASK))
        response = connection.getresponse()
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 4
        response.close()
        connection.close()
        assert re.search(r"^1  POST .*: still open, .*\n1 exchange: 1 still open\n$", server.stderr, re.M)


@pytest.mark.slow
def test_the_options_shape_the_answer() -> None:
    options = [
        "--text",
        TEXT,
        "--provider",
        "Groq",
        "--rechunk",
        "7",
        "--comment",
        ": PROCESSING",
        "--comment-every",
        "2",
    ]
    with running("serve", *options, "--delay", "0.001", "--gateway", "openrouter") as server:
        began = time.monotonic()
        reads = post(server.base_url, ASK)
        assert time.monotonic() - began > 0.001 * len(reads)
        server.stop()
    items = decode(b"".join(reads))
    answer = chat.fold(items)
    assert (answer.text, answer.provider) == (TEXT, "Groq")
    assert answer.usage is not None  # as OpenRouter always sends it
    assert items.count(Comment(" PROCESSING")) == sum(not isinstance(item, Comment) for item in items) // 2
    assert {len(read) for read in reads[:-1]} == {7}
    assert "rechunk(7), pace(0.001)" in server.stderr


@pytest.mark.slow
def test_an_equal_body_is_found_in_any_cassette_and_else_the_order_counts(tmp_path: Path) -> None:
    one, two = recorded(tmp_path / "1.yaml", "a", "b"), recorded(tmp_path / "2.yaml", "c", "d")
    with running("serve", str(one), str(two)) as server:
        answers = [text_of(post(server.base_url, {"model": model})) for model in ("d", "c", "x", "b")]
        server.stop()
    assert answers == ["d", "c", "a", "b"]
    assert "1.yaml: 2 answers to POST /chat/completions" in server.stderr
    assert "    body.model: expected 'a', got 'x'" in server.stderr


@pytest.mark.slow
def test_a_client_that_leaves_is_told_at_once(tmp_path: Path) -> None:
    with running("serve", "--delay", "0.05") as server:
        post(server.base_url, ASK, leave_after=2)
        time.sleep(0.5)
        journal = run("show", server.base_url).stdout
        server.stop()
    assert re.search(r"cancelled (FIN|RST)", journal)
    assert journal.endswith("1 exchange: 1 cancelled\n")
    assert "cancelled (the client closed the connection (FIN)" in server.stderr


# record


@pytest.mark.slow
def test_record_keeps_what_passes_and_what_was_cut_short(tmp_path: Path) -> None:
    cassette = tmp_path / "folder" / "a.yaml"
    key = "sk-abcdefghijklmnopqrstuvwxyz"
    with running("serve", "--delay", "0.02") as server:
        with running("record", "--upstream", server.base_url, "--to", str(cassette)) as recorder:
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1\n", recorder.line)
            whole = post(recorder.base_url, ASK, key=key, query="?key=AIzaSecret&a=1")
            post(recorder.base_url, ASK, leave_after=3, key=key)
            wait_for("client_disconnected", cassette)
            assert recorder.stop(signal.SIGINT) == 0
            assert recorder.rest == b""
        server.stop()
    first, second = load(cassette)
    assert (first.stream.body, first.ending_recorded) == (b"".join(whole), "eof")
    assert second.ending_recorded == "client_disconnected"
    assert key not in cassette.read_text(encoding="utf-8")
    assert "AIzaSecret" not in recorder.stderr
    assert "/chat/completions?a=1 → 200" in recorder.stderr
    assert recorder.stderr.endswith(f"2 answers recorded: orharness show {cassette}\n")
    assert len(re.findall(r"^\d  POST http://.* → 200: ", recorder.stderr, re.M)) == 2
    refused = run("record", "--upstream", server.base_url, "--to", str(cassette))
    assert refused.returncode == 2
    assert "this cassette exists; --overwrite replaces it" in refused.stderr


@pytest.mark.slow
@pytest.mark.parametrize("asks", [False, True])
def test_record_without_an_answer_says_so(tmp_path: Path, asks: bool) -> None:
    to = tmp_path / "a.yaml"
    with running("record", "--upstream", "http://127.0.0.1:9/v1", "--to", str(to)) as recorder:
        if asks:
            assert b"did not answer" in b"".join(post(recorder.base_url, ASK))
        assert recorder.stop() == 0
    said = f"0 answers and 1 request without one recorded: orharness show {to}\n"
    assert recorder.stderr.endswith(said if asks else "nothing was recorded: no request came\n")


# show


@pytest.mark.slow
def test_show_in_a_pipe_is_plain_and_whole(tmp_path: Path) -> None:
    cassette = recorded(tmp_path / "a.yaml", TEXT * 20)
    done = run("show", str(cassette))
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert len(re.findall(r"^ +\d\.\d{3}  \+", done.stdout, re.M)) == len(load(cassette)[0].stream.chunks)
    assert done.stdout.endswith(f"  text: {TEXT * 20}\n")
    assert run("show", str(cassette), "--all").stdout == done.stdout


@pytest.mark.slow
def test_show_takes_a_journal_from_a_file(tmp_path: Path) -> None:
    with running("serve") as server:
        post(server.base_url, ASK)
        address = urlsplit(server.base_url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=_PATIENCE)
        connection.request("GET", "/_orharness/journal")
        with connection.getresponse() as response:
            (tmp_path / "journal.json").write_bytes(response.read())
        connection.close()
        server.stop()
    done = run("show", str(tmp_path / "journal.json"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("1 exchange: 1 completed\n")


@pytest.mark.slow
def test_show_of_an_empty_cassette_is_an_error(tmp_path: Path) -> None:
    save(tmp_path / "a.yaml", [])
    done = run("show", str(tmp_path / "a.yaml"))
    assert done.returncode == 2
    assert "there is nothing in this cassette" in done.stderr


# demo


@pytest.mark.slow
def test_the_demo_shows_all_of_it_in_time_and_clean() -> None:
    done = run("demo")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr
    assert "\x1b" not in done.stdout
    for shown in (
        r"✓ \d+ chunks, .* 1 boundary inside a character: read exactly as sent, (\d+) of \1 boundaries proven",
        r"cuts . \\x",
        r"closes the connection +│\n(.* │  writes .*\n)* +\d\.\d{4} +│  sees the client leave \(FIN\) and stops",
        r"not sent: \d+ of \d+ chunks, [\d,]+ bytes, \d+ events",
        r"│  writes chunk 1: .*\n.* reads \"Gr\" ",
        r"3  The bill: the same stop button, two providers",
        r"Anthropic: stops with its client +│  Groq: goes on without it\n",
        r"the client leaves: seen in [\d.]+ ms +│  the client leaves: seen in [\d.]+ ms\n",
        r"\d+ █+ +│ +\d+ █+▒+\n",
        r"bill  \d\d tokens, \$0\.00[01]\d +│  200 tokens, \$0\.0030\n",
        r"test  ✓ assert_upstream_stopped holds +│  ✗ assert_upstream_stopped fails\n",
        r"parsing +✓ (\d) of \1 +✗ \d of \1",
        r"done +✓ (\d) of \1 +✗ \d of \1",
        r"cancellation +✓ 1 of 1 +✗ 0 of 1",
        r"expected +'Grüße, 世界 🙂!'\n +got +'Gr��ße",
        r"Try next.*\n\n   orharness serve .+\n$",
    ):
        assert re.search(shown, done.stdout), shown


def test_the_cases_of_the_demo_are_in_the_catalogue_and_name_one_each() -> None:
    for chosen in CHOSEN:
        assert [case.id for case in CASES if chosen in case.id] == [chosen]
    assert {claim_of(chosen.partition("/")[0]) for chosen in CHOSEN} == {"parsing", "done", "cancellation"}


@pytest.mark.slow
def test_the_demo_also_plays_long_streams_and_those_without_any_character_to_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    stream = Stream.of(*[b": wait\n\n"] * 3, chat.stream(Completion.of("a b c d " * 40), ONEROUTER).body, delay=1)
    save(path, [Interaction(RecordedRequest("POST", "http://host/v1/chat/completions"), 200, "OK", EVENTS, stream)])
    code = f"from pathlib import Path; from orharness.cli.demo import show_demo; show_demo(Path({str(path)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "times as fast, the first wait cut to 0.3 s. This" in done.stdout


EVENTS = (("Content-Type", "text/event-stream"),)


def test_a_recording_that_is_not_installed_is_named() -> None:
    assert shipped("non-ascii.yaml").is_file()
    with pytest.raises(OrharnessError, match=r"the recording nothing\.yaml is missing from this installation"):
        shipped("nothing.yaml")
