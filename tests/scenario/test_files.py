"""Scenario files at work: in a test by ``sse_server.scenario``, on a desk by ``orharness serve --scenario``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from orharness.checks import decided_within, unmet
from orharness.errors import ClientFailure, ScenarioError
from orharness.journal import Exchange, Outcome, Request
from orharness.journal.expectation import Expectation, Upstream
from orharness.scenario.document import read, write
from orharness.scenario.schema import schema
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from orharness.transforms import comments
from orharness.yamlfile import load_document
from tests.cli.test_commands import ASK, post, recorded, run, running, text_of
from tests.support.places import ROOT
from tests.support.raw import STREAM, Raw, eventually

LAST_CHUNK = b"0\r\n\r\n"


@pytest.fixture
def server(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread, pacing="instant") as server:
        yield server


def written(folder: Path, text: str) -> Path:
    file = folder / "scenario.yaml"
    file.write_text(f"orharness: 1\nroutes:\n{text}", "utf-8")
    return file


def asked(server: SseServer, **body: object) -> Raw:
    with Raw(server) as raw:
        raw.post(body={**STREAM, **body}, headers="Connection: close\r\n")
        raw.read_all()
    return raw


# --- in a test ----------------------------------------------------------------------------------------------------


def test_routes_conditions_and_replies_in_turn(server: SseServer, tmp_path: Path) -> None:
    recorded(tmp_path / "answer.yaml", "first", "second")
    weather, rest = server.scenario(
        written(
            tmp_path,
            """\
- when: {last_user: {contains: weather}}
  chat: {text: sunny, reasoning: "hm"}
- replies:
  - {status: 429, headers: {Retry-After: "1"}, json: {error: {message: slow down}}}
  - cassette: answer.yaml
""",
        )
    )
    assert "sunny" in asked(server, messages=[{"role": "user", "content": "the weather?"}]).body.decode()
    answers = [asked(server) for _ in range(4)]
    assert answers[0].head.startswith("HTTP/1.1 429 ")
    assert "Retry-After: 1" in answers[0].head
    assert [re.findall("first|second", one.body.decode())[:1] for one in answers[1:]] == [["first"], *[["second"]] * 2]
    assert (len(weather.calls), len(rest.calls)) == (1, 4)
    server.verify()


def test_a_route_that_is_never_asked_fails_a_strict_server(server: SseServer, tmp_path: Path) -> None:
    file = written(tmp_path, "- {path: /x, answer: hi, expect: {outcome: completed}}\n")
    server.scenario(file)
    with pytest.raises(ClientFailure, match=r"^a reply that was never asked for: POST /x$"):
        server.verify()
    server.reset()
    server.scenario(file, strict=False)
    with pytest.raises(ClientFailure, match=r"^POST /x: it expects something of its calls, and no request came$"):
        server.verify()


def test_a_file_that_is_wrong_mounts_nothing(server: SseServer, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"scenario\.yaml:4: routes\[1\]\.answr: a route has no key 'answr'"):
        server.scenario(written(tmp_path, "- answer: hi\n- answr: hi\n"))
    server.verify()


def test_the_transforms_of_the_server_apply(sse_thread: ServerThread, tmp_path: Path) -> None:
    with SseServer(sse_thread, through=[comments(": OURS")]) as server:
        server.scenario(written(tmp_path, "- answer: hi\n- {path: /plain, json: {}}\n"))
        assert asked(server).body.count(b": OURS") == 4
        with Raw(server) as raw:
            raw.post("/plain", headers="Connection: close\r\n")
            raw.read_all()
        assert raw.body == b"{}"


def test_what_is_expected_is_met(server: SseServer, tmp_path: Path) -> None:
    (route,) = server.scenario(
        written(
            tmp_path,
            """\
- chat: {tokens: 50}
  through: [{hold: 3}]
  expect: {outcome: cancelled, within: 20, upstream: stopped}
""",
        )
    )
    with Raw(server) as raw:
        raw.post()
        eventually(lambda: route.exchanges and route.call.exchange.held_at is not None)
    route.call.wait_ended(20)
    server.verify()


def test_what_is_expected_and_not_met_is_a_failure(server: SseServer, tmp_path: Path) -> None:
    server.scenario(written(tmp_path, "- {chat: hi, expect: {outcome: cancelled, upstream: stopped}}\n"))
    asked(server)
    server.calls[0].wait_ended(20)
    with pytest.raises(ClientFailure) as raised:
        server.verify()
    said = str(raised.value)
    assert said.startswith("POST /chat/completions expects otherwise: the outcome is completed\n")
    assert re.search(r"^  expected  cancelled \(outcome\)$", said, re.M)
    assert "nothing was stopped: the client had read the whole answer" in said


@pytest.mark.slow
def test_the_teardown_of_the_fixture_judges_what_is_expected(pytester: pytest.Pytester) -> None:
    written(pytester.path, "- {chat: hi, expect: {outcome: cancelled}}\n")
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    pytester.makepyfile(
        """
        import http.client, json, pathlib
        def test_it(sse_server):
            sse_server.scenario(pathlib.Path(__file__).with_name("scenario.yaml"))
            client = http.client.HTTPConnection("127.0.0.1", sse_server.port)
            client.request("POST", "/v1/chat/completions", json.dumps({"stream": True}))
            assert b"[DONE]" in client.getresponse().read()
            client.close()
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*POST /chat/completions expects otherwise: the outcome is completed*"])


def exchange(outcome: Outcome | None, ended: float | None, *written_at: float) -> Exchange:
    return Exchange(
        "000001", "now", Request("POST", "/x"), outcome=outcome, ended_after=ended, written_at=written_at, body=b"x"
    )


@pytest.mark.parametrize(
    ("seen", "seconds"),
    [
        (exchange(Outcome.CANCELLED, 1.25, 0.5, 1.0), 0.25),
        (exchange(Outcome.CANCELLED, 1.25, 0.5, 1.0, 1.5), 0.25),  # what is written after it left does not count
        (exchange(Outcome.CANCELLED, 1.25), 1.25),
        (exchange(Outcome.COMPLETED, 2.0, 1.0), 1.0),
        (exchange(None, None, 1.0), None),
        (exchange(Outcome.STILL_OPEN, 9.0, 1.0), None),
    ],
)
def test_within_counts_from_the_last_chunk(seen: Exchange, seconds: float | None) -> None:
    assert decided_within(seen) == seconds
    assert (unmet(Expectation(within=0.25), seen) == []) is (seconds == 0.25)


def test_nothing_is_expected_where_nothing_is_said() -> None:
    assert unmet(Expectation(), exchange(None, None)) == []
    assert len(unmet(Expectation(Outcome.COMPLETED, 0.1, Upstream.STOPPED), exchange(None, None))) == 3


# --- on a desk ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_serve_plays_a_scenario(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """\
- when: {model: a/b}
  answer: from a route
- replies: [{status: 503, json: {}}, {answer: in turn}]
""",
    )
    with running("serve", "--scenario", str(file), "--rechunk", "7", "--provider", "Groq") as server:
        assert text_of(post(server.base_url, {**ASK, "model": "a/b"})) == "from a route"
        assert post(server.base_url, ASK) == [b"{}"]
        reads = post(server.base_url, ASK)
        assert text_of(reads) == "in turn"
        assert b'"provider":"Groq"' in b"".join(reads)
        assert server.stop() == 0
    assert f"plays {file}:\n  POST any dialect when model='a/b'\n  POST any dialect\n" in server.stderr


@pytest.mark.slow
def test_serve_fails_where_what_is_expected_is_not_met(tmp_path: Path) -> None:
    file = written(tmp_path, "- {chat: hi, expect: {outcome: cancelled}}\n")
    with running("serve", "--scenario", str(file)) as server:
        post(server.base_url, ASK)
        assert server.stop() == 1
    assert "✗ POST /chat/completions expects otherwise: the outcome is completed" in server.stderr
    with running("serve", "--scenario", str(file)) as server:
        assert server.stop() == 1
    assert "✗ POST /chat/completions: it expects something of its calls, and no request came" in server.stderr


@pytest.mark.slow
def test_serve_holds_until_the_client_leaves(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "- {chat: {tokens: 50}, through: [{hold: 3}], expect: {outcome: cancelled, within: 60, upstream: stopped}}\n",
    )
    with running("serve", "--scenario", str(file)) as server:
        post(server.base_url, ASK, leave_after=2)
        eventually(lambda: "cancelled" in run("show", server.base_url).stdout)
        assert server.stop() == 0, server.stderr


@pytest.mark.slow
def test_check_says_that_a_file_is_good(tmp_path: Path) -> None:
    file = written(tmp_path, "- answer: hi\n- {path: /x, status: 204}\n")
    for arguments in (["--check", str(file)], ["--scenario", str(file), "--check"]):
        done = run("serve", *arguments)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{file} is valid: 2 routes\n", "")


@pytest.mark.slow
def test_check_says_all_that_is_wrong_by_line_and_key(tmp_path: Path) -> None:
    file = written(tmp_path, "- answer: hi\n  through: [coments]\n- {path: x, answer: hi}\n- answer: hi\n")
    done = run("serve", "--check", str(file))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"{file}:4: routes[0].through[0]: there is no transform 'coments' (did you mean comments?)",
        f"{file}:5: routes[1].path: a path begins with a slash, or is null for any dialect's, not 'x'",
    ]
    assert run("serve", "--scenario", str(file)).returncode == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--check"], "--check needs a scenario: orharness serve --check FILE"),
        (["--scenario", "a.yaml", "--text", "x"], "serve plays a --scenario, a --case, or cassettes, or answers with"),
        (["--scenario", "a.yaml"], "a.yaml: the scenario cannot be read: No such file or directory"),
        (["--plugin", "no_such_module"], "--plugin no_such_module cannot be imported: ModuleNotFoundError: No module"),
        (["--pace", "-1"], "pace is a number of seconds from 0 up, not -1"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_sentence(arguments: list[str], says: str) -> None:
    done = run("serve", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(f"orharness: {says}")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_plugin_brings_transforms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_transforms.py").write_text(
        "import orharness\n\n@orharness.boundary\ndef in_two(gap=0):\n"
        "    return lambda stream: orharness.repartition(stream, [len(stream.body) // 2 - gap])\n",
        "utf-8",
    )
    file = written(tmp_path, "- {answer: hi, through: [{in_two: 2}]}\n")
    monkeypatch.chdir(tmp_path)
    assert "there is no transform 'in_two'" in run("serve", "--check", str(file)).stderr
    assert run("serve", "--plugin", "my_transforms", "--check", str(file)).returncode == 0


@pytest.mark.slow
def test_serve_forwards(server: SseServer, tmp_path: Path) -> None:
    server.chat("from the service")
    file = written(tmp_path, f"- forward: {{to: {json.dumps(server.base_url)}}}\n")
    with running("serve", "--scenario", str(file)) as serving:
        assert text_of(post(serving.base_url, ASK)) == "from the service"
        assert serving.stop() == 0
    assert serving.stderr.endswith("1 exchange: 1 completed\n")


# --- the documentation --------------------------------------------------------------------------------------------

BLOCKS = [
    pytest.param(block, id=f"{page}-{number}")
    for page in ("README.md", "docs/scenarios.md")
    for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```$", (ROOT / page).read_text("utf-8"), re.M | re.S))
]
VALIDATOR = jsonschema.Draft202012Validator(schema(own=False))


@pytest.mark.parametrize("block", BLOCKS)
def test_a_documented_scenario_is_good(block: str, tmp_path: Path) -> None:
    recorded(tmp_path / "answer.yaml", "first", "second")
    value = load_document(block, "the page").value
    whole = value if isinstance(value, dict) else {"orharness": 1, "routes": value}
    scenario = read(whole, tmp_path)
    assert read(write(scenario), tmp_path) == scenario
    assert VALIDATOR.is_valid(whole)


def test_the_page_names_every_key() -> None:
    page = (ROOT / "docs" / "scenarios.md").read_text("utf-8")
    forms = [form for name in ("reply", "route") for form in schema(own=False)["$defs"][name]["anyOf"]]
    missing = {key for form in forms for key in form["properties"] if not re.search(rf"`{key}\b", page)}
    assert missing == set()
