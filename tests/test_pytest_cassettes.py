"""The marker ``sse_cassette`` as its users meet it: which file, what is played, and what each record mode records."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import benchmarks.offline.__main__ as offline
import orharness.cassette.files
import orharness.recording.process
import orharness.server.facade
from orharness.cassette import Interaction, RecordedRequest, load, save
from orharness.scenario import Reply
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from orharness.sse import Event
from orharness.stream import Stream
from tests.support.places import ROOT

# What an inner run imports is forgotten at its end, unless the outer run has it already.
_KEPT = (orharness.cassette.files, orharness.recording.process, orharness.server.facade)

ASK = """
import json, pathlib, urllib.request
import pytest
from orharness import *

def post(url, body, headers={}):
    sent = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})
    with urllib.request.urlopen(sent, timeout=20) as response:
        return response.read().decode()

def ask(server, prompt="hi", path="/v1/chat/completions", **headers):
    body = {"model": "m", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": prompt}]}
    return post(server.url_for(path), body, headers)
"""
ASYNCIO = "asyncio_mode = strict\nasyncio_default_fixture_loop_scope = function"  # or it warns in every run


@pytest.fixture
def user(pytester: pytest.Pytester) -> pytest.Pytester:
    """A user's project."""
    pytester.makepyfile(client=ASK)
    _ini(pytester)
    return pytester


def _ini(user: pytest.Pytester, *lines: str) -> None:
    user.makeini("\n".join(["[pytest]\nfilterwarnings = error\naddopts = --strict-markers", ASYNCIO, *lines]))


def _run(user: pytest.Pytester, code: str, *options: str, subprocess: bool = False, **counts: int) -> pytest.RunResult:
    user.makepyfile(test_it="from client import *\n" + textwrap.dedent(code))
    result = user.runpytest_subprocess(*options) if subprocess else user.runpytest_inprocess(*options)
    result.assert_outcomes(**counts)
    return result


def asked(prompt: str) -> bytes:
    """The body that ``ask`` sends."""
    return (
        b'{"model": "m", "max_tokens": 9, "stream": true, "messages": [{"role": "user", "content": "%s"}]}'
        % prompt.encode()
    )


def recorded(path: Path, *said: str, prompt: str = "hi", at: datetime | None = None, uri: str = "") -> None:
    """Write a cassette with an interaction for each text, to the same request."""
    request = RecordedRequest("POST", uri or "https://host/v1/chat/completions", (), asked(prompt))
    stamp = None if at is None else at.isoformat()
    interactions = [
        Interaction(request, stream=Stream.of(f"data: {one}\n\n".encode()), recorded_at=stamp) for one in said
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    save(path, interactions)


# --- which file, and what is played -----------------------------------------------------------------------------------


def test_a_name_is_a_file_in_the_folder_of_the_tests_cassettes(user: pytest.Pytester) -> None:
    recorded(user.path / "cassettes" / "test_it" / "shared.yaml", "by its name")
    recorded(user.path / "tapes" / "a.yaml", "by its path")
    _run(
        user,
        """
        @pytest.mark.sse_cassette("shared")
        def test_name(sse_server):
            assert "by its name" in ask(sse_server)

        @pytest.mark.sse_cassette("tapes/a.yaml")
        def test_path(sse_server):
            assert "by its path" in ask(sse_server)
        """,
        passed=2,
    )


def test_the_fixtures_say_where_cassettes_are(user: pytest.Pytester) -> None:
    recorded(user.path / "tapes" / "one_test_a.yaml", "from the fixtures")
    recorded(user.path / "tapes" / "mine.yaml", "from the marker")
    _run(
        user,
        """
        @pytest.fixture(scope="session")
        def sse_cassette_dir():
            return "tapes"

        @pytest.fixture
        def sse_cassette_name(request, sse_cassette_name):
            return f"one_{sse_cassette_name}"

        @pytest.mark.sse_cassette
        def test_a(sse_server):
            assert "from the fixtures" in ask(sse_server)

        @pytest.mark.sse_cassette("mine")
        def test_b(sse_server):
            assert "from the marker" in ask(sse_server)
        """,
        passed=2,
    )


@pytest.mark.parametrize("name", ["../shared/it", "cassettes/nowhere/../shared/it.yaml"])
def test_a_name_may_lead_up_out_of_a_folder_that_is_not_there(user: pytest.Pytester, name: str) -> None:
    recorded(user.path / "cassettes" / "shared" / "it.yaml", "the shared one")
    _run(
        user,
        f"""
        @pytest.mark.sse_cassette("{name}")
        def test_a(sse_server):
            assert "the shared one" in ask(sse_server)
        """,
        passed=1,
    )


def test_the_ini_file_says_where_all_cassettes_are(user: pytest.Pytester) -> None:
    _ini(user, "sse_cassette_dir = data/tapes", "sse_match_on = path")
    recorded(user.path / "data" / "tapes" / "test_it" / "test_a.yaml", "from the ini")
    _run(
        user,
        """
        @pytest.mark.sse_cassette
        def test_a(sse_server):
            assert "from the ini" in ask(sse_server, "another prompt")
        """,
        passed=1,
    )


def test_the_marker_goes_before_the_fixture_and_that_before_the_ini_file(user: pytest.Pytester) -> None:
    _ini(user, "sse_match_on = path", "sse_allow_playback_repeats = true")
    recorded(user.path / "cassettes" / "test_it" / "a.yaml", "text")
    _run(
        user,
        """
        @pytest.fixture(scope="module")
        def sse_config():
            return {"match_on": ["path", "body"], "through": [comments(": c", every=1)]}

        @pytest.mark.sse_cassette("a")
        def test_fixture(sse_server):
            assert ": c" in ask(sse_server) and ask(sse_server)
            with pytest.raises(Exception, match="404"):
                ask(sse_server, "another prompt")
            sse_server.reset()

        @pytest.mark.sse_cassette("a", match_on=["path"], through=[])
        def test_marker(sse_server):
            assert ask(sse_server, "another prompt") == "data: text\\n\\n"
        """,
        passed=2,
    )


def test_what_is_never_played_fails_with_the_command_and_repeats_must_be_allowed(user: pytest.Pytester) -> None:
    recorded(user.path / "cassettes" / "test_it" / "two.yaml", "first", "second")
    result = _run(
        user,
        """
        @pytest.mark.sse_cassette("two")
        def test_both_in_order(sse_server):
            assert ["first" in ask(sse_server), "second" in ask(sse_server)] == [True, True]

        @pytest.mark.sse_cassette("two", allow_playback_repeats=True)
        def test_the_last_repeats(sse_server):
            assert ["first" in ask(sse_server)] + ["second" in ask(sse_server) for _ in range(3)] == [True] * 4

        @pytest.mark.sse_cassette("two")
        def test_one_is_left(sse_server):
            ask(sse_server)
        """,
        passed=3,
        errors=1,
    )
    result.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of test_one_is_left*",
            "*never asked for: POST /chat/completions when the body is the recorded one*",
            "if the cassette is out of date, record it again: pytest test_it.py::test_one_is_left"
            " --sse-record-mode=rewrite --sse-upstream=https://*",
        ]
    )


def test_a_client_may_be_async(user: pytest.Pytester) -> None:
    recorded(user.path / "cassettes" / "test_it" / "test_a.yaml", "async")
    _run(
        user,
        """
        import httpx

        @pytest.mark.asyncio
        @pytest.mark.sse_cassette
        async def test_a(sse_server):
            async with httpx.AsyncClient(trust_env=False) as client:
                body = {"model": "m", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
                assert "async" in (await client.post(sse_server.url_for("/v1/chat/completions"), json=body)).text
        """,
        passed=1,
    )


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "@pytest.fixture\ndef sse_config(): return {'matchon': 1}",
            "*sse_config takes through=, *not matchon=*'match_on'*",
        ),
        (
            "@pytest.fixture\ndef sse_config(): return {'record_mode': 'al'}",
            "*the record mode is one of none, once, *'al'*",
        ),
        ("@pytest.fixture\ndef sse_config(): return {'max_age': 'old'}", "*sse_max_age is a number and a unit*'old'*"),
        ("@pytest.fixture\ndef sse_config(): return {'match_on': ['host']}", "*match_on 'host' cannot hold*"),
        ("@pytest.fixture\ndef sse_config(): return 5", "*the fixture sse_config returns a mapping, not 5*"),
        ("@pytest.fixture\ndef sse_upstream(): return 5", "*sse_upstream is a text, a list of texts or a mapping*"),
        ("@pytest.fixture\ndef sse_upstream(): return ['a', 'b']", "*there is one already for all other requests*"),
    ],
)
def test_a_wrong_fixture_is_one_sentence(user: pytest.Pytester, code: str, said: str) -> None:
    recorded(user.path / "cassettes" / "test_it" / "test_a.yaml", "text")
    result = _run(user, f"{code}\n@pytest.mark.sse_cassette\ndef test_a(sse_server): ...", errors=1)
    result.stdout.fnmatch_lines([said])
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize("name", ["sse_delays", "sse_allow_playback_repeats", "sse_redact_personal"])
def test_a_wrong_setting_is_named(user: pytest.Pytester, name: str) -> None:
    _ini(user, f"{name} = maybe")
    recorded(user.path / "cassettes" / "test_it" / "test_a.yaml", "text")
    result = _run(user, "@pytest.mark.sse_cassette\ndef test_a(sse_server): ...", errors=1)
    result.stdout.fnmatch_lines([f"the ini setting {name} is true or false: *'maybe'*"])


# --- age --------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_old_cassette_fails_with_the_command(user: pytest.Pytester) -> None:
    _ini(user, "sse_max_age = 30 days", "sse_upstream = https://host/v1")
    now = datetime.now(UTC)
    folder = user.path / "cassettes" / "test_it"
    recorded(folder / "test_old.yaml", "a", at=now - timedelta(days=31))
    recorded(folder / "test_young.yaml", "a", at=now - timedelta(days=29))
    recorded(folder / "test_unknown.yaml", "a")
    result = _run(
        user,
        """
        @pytest.mark.sse_cassette
        def test_old(sse_server): ask(sse_server)

        @pytest.mark.sse_cassette
        def test_young(sse_server): ask(sse_server)

        @pytest.mark.sse_cassette(max_age="60d")
        def test_unknown(sse_server): ask(sse_server)
        """,
        passed=1,
        errors=2,
    )
    old = "was recorded 31 days ago, and sse_max_age is 30 days"
    unknown = "interaction 0 does not say when it was recorded"
    again = "record it again: pytest test_it.py::test_{} --sse-record-mode=rewrite --sse-upstream=https://host/v1"
    result.stdout.fnmatch_lines(
        [
            f"*test_old.yaml {old}; {again.format('old')}",
            f"*test_unknown.yaml: {unknown}; {again.format('unknown')}",
        ]
    )
    _run(user, "@pytest.mark.sse_cassette\ndef test_old(sse_server): ask(sse_server)", "--sse-max-age=5w", passed=1)


# --- beside vcrpy -----------------------------------------------------------------------------------------------------

BESIDE_VCR = """
    @pytest.fixture
    def vcr_config():
        return {config}

    @pytest.mark.vcr
    @pytest.mark.sse_cassette
    def test_a(sse_server):
        assert "beside" in ask(sse_server)

    @pytest.mark.vcr
    def test_other(): ...
"""


def test_a_vcr_mark_that_catches_the_client_is_told(user: pytest.Pytester) -> None:
    recorded(user.path / "cassettes" / "test_it" / "test_a.yaml", "beside")
    result = _run(user, BESIDE_VCR.format(config="{}"), passed=1, failed=1)
    result.stdout.fnmatch_lines(['*vcrpy (@pytest.mark.vcr*catches*set "ignore_localhost": True in vcr_config*'])
    _run(user, BESIDE_VCR.format(config="{'ignore_localhost': True}"), passed=2)


# --- recording --------------------------------------------------------------------------------------------------------


@pytest.fixture
def service(make_sse_server: Callable[..., SseServer]) -> SseServer:
    """The service that is recorded."""
    return make_sse_server(strict=False)


def _texts(path: Path) -> list[str]:
    return [one.stream.body.decode() for one in load(path)]


TWO = """
    @pytest.mark.sse_cassette
    def test_a(sse_server):
        assert "one" in ask(sse_server, "1")
        assert "two" in ask(sse_server, "2")
"""


@pytest.mark.slow
def test_new_episodes_asks_only_for_what_is_not_recorded(user: pytest.Pytester, service: SseServer) -> None:
    path = user.path / "cassettes" / "test_it" / "test_a.yaml"
    recorded(path, "one", prompt="1")
    service.chat("two")
    upstream = f"--sse-upstream={service.base_url}"
    result = _run(user, TWO, "--sse-record-mode=new_episodes", upstream, passed=1)
    result.stdout.fnmatch_lines([f"orharness: recorded 1 in {path}"])
    assert [call.exchange.request.json["messages"][0]["content"] for call in service.calls] == ["2"]
    assert ["one" in text for text in _texts(path)] == [True, False]
    _run(user, TWO, passed=1)
    result = _run(user, TWO.replace('assert "one"', "#"), "--sse-record-mode=new_episodes", upstream, passed=1)
    result.stdout.fnmatch_lines(
        [f"orharness: {path}: 1 recorded before and not asked for now; *rewrite leaves them out"]
    )
    assert len(service.calls) == 1


@pytest.mark.slow
def test_all_replaces_what_is_of_the_same_endpoint_and_rewrite_everything(
    user: pytest.Pytester, service: SseServer
) -> None:
    path = user.mkdir("cassettes") / "test_it.yaml"
    other = Interaction(RecordedRequest("POST", "https://elsewhere/v1/responses"))
    save(path, [other, Interaction(RecordedRequest("POST", f"{service.base_url}/chat/completions", (), asked("0")))])
    service.post("/chat/completions").replies(*map(Reply.chat, ["one", "two"]))
    options = (f"--sse-upstream={service.base_url}", "--sse-record-mode=all")
    code = TWO.replace("sse_cassette", "sse_cassette('cassettes/test_it.yaml')")
    _run(user, code, *options, passed=1)
    assert [one.request == other.request for one in load(path)] == [True, False, False]
    service.reset()
    service.post("/chat/completions").replies(*map(Reply.chat, ["one", "two"]))
    _run(user, code, options[0], "--sse-record-mode=rewrite", passed=1)
    assert [one.request == other.request for one in load(path)] == [False, False]
    _run(user, code, passed=1)


SHARED = """
    @pytest.mark.sse_cassette("shared")
    def test_a(sse_server):
        ask(sse_server, "1")

    @pytest.mark.sse_cassette("shared")
    def test_b(sse_server):
        ask(sse_server, "2")
"""


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["rewrite", "all"])
def test_what_one_test_has_recorded_no_other_replaces_in_the_same_run(
    user: pytest.Pytester, service: SseServer, mode: str
) -> None:
    service.post("/chat/completions").replies(*map(Reply.chat, ["one", "two"]))
    result = _run(
        user,
        SHARED,
        f"--sse-record-mode={mode}",
        f"--sse-upstream={service.base_url}",
        passed=1 if mode == "rewrite" else 2,
        errors=1,
    )
    said = " ".join(str(result.stdout).split())
    assert f"--sse-record-mode={mode} would replace what test_it.py::test_a has recorded in" in said
    (kept,) = load(user.path / "cassettes" / "test_it" / "shared.yaml")
    assert b'"1"' in kept.request.body
    failed = user.path / "cassettes" / "test_it" / "shared.failed.yaml"
    assert failed.exists() == (mode == "all")  # it had asked the service by then
    service.reset()
    service.post("/chat/completions").replies(*map(Reply.chat, ["one", "two"]))
    _run(user, SHARED, f"--sse-record-mode={mode}", f"--sse-upstream={service.base_url}", "-k", "test_b", passed=1)


@pytest.mark.slow
def test_rewrite_keeps_what_was_there_until_the_new_one_is_whole(user: pytest.Pytester, service: SseServer) -> None:
    path = user.path / "cassettes" / "test_it" / "test_a.yaml"
    recorded(path, "one", prompt="1")
    before = path.read_bytes()
    service.chat("not what is expected")
    code = f"""
        @pytest.mark.sse_cassette
        def test_a(sse_server):
            text = ask(sse_server, "1")
            assert pathlib.Path({str(path)!r}).read_bytes() == {before!r}
            assert "one" in text
    """
    result = _run(user, code, "--sse-record-mode=rewrite", f"--sse-upstream={service.base_url}", failed=1)
    result.stdout.fnmatch_lines(["orharness: the test did not pass: its recording is kept as *test_a.failed.yaml"])
    assert path.read_bytes() == before


@pytest.mark.slow
def test_a_server_elsewhere_plays_a_cassette(user: pytest.Pytester, sse_thread: ServerThread) -> None:
    recorded(user.path / "cassettes" / "test_it" / "test_a.yaml", "one", prompt="1")
    recorded(user.path / "cassettes" / "test_it" / "test_b.yaml", "one", prompt="1")
    code = """
        @pytest.mark.sse_cassette
        def test_a(sse_server):
            assert "one" in ask(sse_server, "1")

        @pytest.mark.sse_cassette
        def test_b(sse_server):
            pass
    """
    with SseServer(sse_thread) as elsewhere:
        result = _run(user, code, f"--sse-server={elsewhere.origin}", passed=2, errors=1)
    result.stdout.fnmatch_lines(["*never asked for*", "*record it again: pytest test_it.py::test_b *"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "passes"), [("once", True), ("new_episodes", True), ("all", True), ("rewrite", True), ("rewrite", False)]
)
def test_nothing_is_recorded_of_an_upstream_that_is_down(user: pytest.Pytester, mode: str, passes: bool) -> None:
    path = user.path / "cassettes" / "test_it" / "test_a.yaml"
    if mode != "once":
        recorded(path, "one", prompt="1")
    before = path.read_bytes() if path.exists() else None
    code = f"""
        @pytest.mark.sse_cassette
        def test_a(sse_server):
            try:
                ask(sse_server, "2")
            except Exception:
                assert {passes}
    """
    options = (f"--sse-record-mode={mode}", "--sse-upstream=http://127.0.0.1:9/v1")
    result = _run(user, code, *options, passed=int(passes), errors=int(passes), failed=int(not passes))
    why = "1 of 1 request got no response (http://127.0.0.1:9/v1 did not answer: *)"
    result.stdout.fnmatch_lines(
        [
            *([f"{path} was not recorded: {why}"] if passes else []),
            f"orharness: {why}: its recording is kept as *test_a.failed.yaml",
        ]
    )
    assert (path.read_bytes() if path.exists() else None) == before


THREE = """
    @pytest.fixture(scope="session")
    def sse_upstream():
        return {upstream}

    @pytest.mark.sse_cassette(key_env={{"": "K1", "messages": "K2"}})
    def test_a(sse_server):
        assert sse_server.anthropic["base_url"] == sse_server.google["http_options"]["base_url"] == sse_server.origin
        assert "Cat" in ask(sse_server)
        assert "Dog" in ask(sse_server, path="/v1/messages")
        body = {{"contents": [{{"role": "user", "parts": [{{"text": "hi"}}]}}]}}
        assert "Fox" in post(sse_server.url_for("/v1beta/models/m:streamGenerateContent?alt=sse"), body)
"""


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["once", "new_episodes"])
def test_three_services_in_one_test(
    user: pytest.Pytester, make_sse_server: Callable[..., SseServer], monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("K1", "sk-of-the-first")
    monkeypatch.setenv("K2", "sk-ant-of-the-second")
    first, second, third = (make_sse_server(strict=False) for _ in range(3))
    first.chat("Cat")
    second.messages("Dog")
    third.gemini("Fox")
    code = THREE.format(upstream={"": first.base_url, "messages": second.origin, "gemini": third.origin})
    _run(user, code, f"--sse-record-mode={mode}", passed=1)
    assert [len(one.journal) for one in (first, second, third)] == [1, 1, 1]
    assert first.journal[0].request.header("Authorization") == "Bearer sk-of-the-first"
    assert second.journal[0].request.header("Authorization") == "Bearer sk-ant-of-the-second"
    assert third.journal[0].request.path == "/v1beta/models/m:streamGenerateContent"
    _run(user, code, passed=1)
    assert [len(one.journal) for one in (first, second, third)] == [1, 1, 1]


FORM = """
    @pytest.mark.sse_cassette
    def test_a(sse_server):
        from openai import OpenAI

        audio = ("a.wav", b"RIFF" + bytes(range(256)), "audio/wav")
        transcriptions = OpenAI(**sse_server.openai).audio.transcriptions
        asked = transcriptions.create(file=audio, model="gpt-4o-transcribe", stream=True)
        assert [one.delta for one in asked if one.type == "transcript.text.delta"] == ["Hi"]
"""


@pytest.mark.slow
def test_a_form_whose_boundary_is_drawn_anew_is_replayed(
    user: pytest.Pytester, make_sse_server: Callable[..., SseServer]
) -> None:
    service = make_sse_server(strict=False)
    delta = '{"type":"transcript.text.delta","delta":"Hi"}'
    service.post("/audio/transcriptions").stream(Event(data=delta), Event(data="[DONE]"))
    _run(user, FORM, "--sse-record-mode=once", f"--sse-upstream={service.base_url}", passed=1)
    [recorded] = [call.request for call in service.journal]
    assert recorded.body.startswith(b"--")
    _run(user, FORM, passed=1)


FILTERED = """
    def without_user(request):
        request.headers.pop("x-user", None)
        return request

    @pytest.fixture(scope="module")
    def sse_config():
        return {"before_record_request": without_user, "filter_post_data_parameters": ["max_tokens"],
                "keep_headers": ["x-kept"]}

    @pytest.mark.sse_cassette(redact_personal=True, filter_headers=[("x-other", "hidden")])
    def test_a(sse_server):
        headers = {"x-user": "acme", "x-kept": "kept", "x-other": "other"}
        assert "Hi" in ask(sse_server, "mail me at jane.doe@gmail.com", **headers)
"""


@pytest.mark.slow
def test_filters_of_a_suite_are_those_of_the_recorder_and_of_the_replay(
    user: pytest.Pytester, service: SseServer
) -> None:
    service.chat("Hi")
    _run(user, FILTERED, "--sse-record-mode=once", f"--sse-upstream={service.base_url}", passed=1)
    [found] = load(user.path / "cassettes" / "test_it" / "test_a.yaml")
    headers = {name.lower(): value for name, value in found.request.headers}
    assert ("x-user" in headers, headers["x-kept"], headers["x-other"]) == (False, "kept", "REDACTED")
    assert (b"max_tokens" in found.request.body, b"jane.doe" in found.request.body) == (False, False)
    _run(user, FILTERED, passed=1)


@pytest.mark.slow
def test_a_filter_that_cannot_be_handed_over_is_told(user: pytest.Pytester) -> None:
    code = """
        @pytest.mark.sse_cassette(before_record_request=lambda request: request)
        def test_a(sse_server): ...
    """
    options = ("--sse-record-mode=once", "--sse-upstream=http://127.0.0.1:9")
    result = _run(user, code, *options, errors=1)
    result.stdout.fnmatch_lines(["*before_record_request: *lambda* cannot be handed over to the recorder*"])


@pytest.mark.slow
def test_what_was_recorded_is_told_under_xdist_and_after_a_rerun(user: pytest.Pytester, service: SseServer) -> None:
    service.chat("Hi")
    code = """
        attempts = []

        @pytest.mark.sse_cassette
        @pytest.mark.parametrize("number", [1, 2])
        def test_a(sse_server, number):
            assert "Hi" in ask(sse_server, str(number))
            attempts.append(number)
            assert number == 1 or attempts.count(2) == 2
    """
    options = ("--sse-record-mode=once", f"--sse-upstream={service.base_url}", "-n", "2", "--reruns=1")
    result = _run(user, code, *options, subprocess=True, passed=2)
    folder = user.path / "cassettes" / "test_it"
    result.stdout.fnmatch_lines_random(
        [
            f"orharness: recorded {folder}/test_a[[]1].yaml",
            f"orharness: recorded {folder}/test_a[[]2].yaml",
            f"orharness: the test did not pass: its recording is kept as {folder}/test_a[[]2].failed.yaml",
        ]
    )
    assert len(service.calls) == 3


IN_THE_ENVIRONMENT = """
    import os

    @pytest.mark.sse_cassette(env=True)
    def test_a():
        body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        assert "Hi" in post(os.environ["OPENAI_BASE_URL"] + "/chat/completions", body)
        assert os.environ["OPENAI_API_KEY"] == "sk-orharness"

    def test_b():
        assert os.environ["OPENAI_API_KEY"] == "sk-the-real-one"
"""


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["once", "new_episodes"])
def test_a_client_that_looks_in_the_environment_needs_no_argument(
    user: pytest.Pytester, service: SseServer, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-the-real-one")
    service.chat("Hi")
    _run(user, IN_THE_ENVIRONMENT, f"--sse-record-mode={mode}", f"--sse-upstream={service.base_url}", passed=2)
    assert [one.request.header("Authorization") for one in service.journal] == ["Bearer sk-the-real-one"]
    _run(user, IN_THE_ENVIRONMENT, passed=2)


# --- suites that are kept in the repository ---------------------------------------------------------------------------

MOVED = ROOT / "examples" / "from_pytest_recording"


def _copied(user: pytest.Pytester, suite: str, cassettes: str) -> None:
    shutil.copy(MOVED / "assistant.py", user.path)
    for name in ("conftest.py", "test_assistant.py"):
        shutil.copy(MOVED / suite / name, user.path)
    shutil.copytree(MOVED / cassettes / "cassettes", user.path / "cassettes")


@pytest.mark.slow
@pytest.mark.parametrize(("suite", "cassettes"), [("before", "before"), ("after", "before"), ("after", "after")])
def test_a_suite_of_pytest_recording_before_and_after_it_was_moved(
    pytester: pytest.Pytester, suite: str, cassettes: str
) -> None:
    pytester.makeini(f"[pytest]\n{ASYNCIO}")
    _copied(pytester, suite, cassettes)
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=10)


@pytest.mark.slow
def test_thirty_tests_on_cassettes_of_a_real_model_say_the_same_again(tmp_path: Path) -> None:
    first, second = offline.run(1, tmp_path), offline.run(1, tmp_path)
    assert len(first) == 30
    assert [one for one in first.values() if not one.startswith("passed: ")] == []
    assert offline.difference(first, second) == []
    assert offline.difference(first, {**second, next(iter(second)): "failure"}) != []


def test_options(user: pytest.Pytester) -> None:
    shown = user.runpytest_inprocess("--help").stdout.str()
    settings = {line.split()[0] for line in shown.splitlines() if line.startswith("  sse_")}
    expected: set[Any] = {
        *("sse_record_mode", "sse_upstream", "sse_key_env", "sse_max_age", "sse_cassette_dir", "sse_match_on"),
        "sse_delays",
        *(
            "sse_allow_playback_repeats",
            "sse_keep_headers",
            "sse_redact_personal",
            "sse_server",
            "sse_leaks",
            "sse_report",
        ),
    }
    assert settings == expected
