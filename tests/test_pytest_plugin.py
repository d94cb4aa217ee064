"""The pytest plugin as its users meet it: whole runs of pytest on small test files."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable

# What an inner run imports is forgotten at its end, unless the outer run has it already: this saves seconds a test, and
# C extensions such as libyaml's do not bear being imported twice.
import hypothesis
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

import orharness.cassette.files
import orharness.contract.catalogue.default
import orharness.contract.running.run
import orharness.recording.process
import orharness.server.facade
from orharness.cassette import Interaction, RecordedRequest, save
from orharness.cassette.names import cassette_name
from orharness.scenario import Reply
from orharness.server.facade import SseServer
from orharness.stream import Stream

_KEPT = (
    hypothesis,
    trio,
    orharness.cassette.files,
    orharness.contract.catalogue.default,
    orharness.contract.running.run,
    orharness.recording.process,
    orharness.server.facade,
)

ASK = '''
import json, http.client, urllib.parse
import pytest
from orharness import *
from orharness.sse import Decoder, Event

class Answer:
    """A correct client over the standard library: an iterator of text that can be closed."""
    def __init__(self, base_url, api_key="", model="m", prompt="hi"):
        address = urllib.parse.urlsplit(base_url)
        self.connection = http.client.HTTPConnection(address.hostname, address.port, timeout=20)
        body = {"model": model, "messages": [{"role": "user", "content": prompt}], "stream": True}
        self.connection.request("POST", address.path + "/chat/completions", json.dumps(body))
        self.response = self.connection.getresponse()
        self.pieces = self.read()
    def read(self):
        decoder = Decoder()
        while data := self.response.read1(65536):
            for item in decoder.feed(data):
                if isinstance(item, Event):
                    if item.data == "[DONE]":
                        return self.close()
                    for choice in json.loads(item.data).get("choices", ()):
                        if text := choice["delta"].get("content"):
                            yield text
        self.close()
    def __iter__(self): return self
    def __next__(self): return next(self.pieces)
    def close(self):
        self.response.close()
        self.connection.close()

def ask(base_url, api_key="", **options):
    return "".join(Answer(base_url, api_key, **options))
'''


ASYNCIO = "asyncio_mode = strict\nasyncio_default_fixture_loop_scope = function"  # or it warns in every run


@pytest.fixture
def user(pytester: pytest.Pytester) -> pytest.Pytester:
    """A user's project: a module with a client."""
    pytester.makepyfile(client=ASK)
    pytester.makeini("[pytest]\nfilterwarnings = error\naddopts = --strict-markers\n" + ASYNCIO)
    return pytester


def _run(user: pytest.Pytester, code: str, *options: str, subprocess: bool = False, **counts: int) -> pytest.RunResult:
    user.makepyfile(test_it="from client import *\n" + textwrap.dedent(code))
    result = user.runpytest_subprocess(*options) if subprocess else user.runpytest_inprocess(*options)
    result.assert_outcomes(**counts)
    return result


def test_the_first_test_that_a_user_writes(user: pytest.Pytester) -> None:
    _run(
        user,
        """
        def test_parses_whatever_the_chunks(sse_server):
            reply = sse_server.chat("Grüße, 世界", through=[per_byte(), comments(": ONEROUTER PROCESSING", every=2)])
            assert ask(**sse_server.openai) == "Grüße, 世界"
            assert reply.call.finished

        def test_stop_button(sse_server):
            reply = sse_server.chat(tokens=500, through=[hold(after=3)])
            stream = Answer(**sse_server.openai)
            next(stream)
            with reply.expect_disconnect(within=5):
                stream.close()
            reply.call.assert_upstream_stopped()
        """,
        passed=2,
    )


def test_a_leaked_stream_fails_with_the_bytes_the_boundary_and_the_cause(user: pytest.Pytester) -> None:
    result = _run(
        user,
        """
        def test_stop_button(sse_server):
            reply = sse_server.chat(tokens=500, through=[hold(after=3)])
            stream = Answer(**sse_server.openai)
            next(stream)
            try:
                with reply.expect_disconnect(within=0.01):
                    pass
            finally:
                stream.close()
        """,
        failed=1,
    )
    result.stdout.fnmatch_lines(
        [
            "*the client did not leave within 0.01 s of the end of the block*",
            "*exchange*POST /v1/chat/completions*",
            "*seen*open*",
            "*since*the connection stayed open for the * s that were watched after the block;*",
            "*, and the model made *",
            "*written*of 503 chunks written*",
            "*bytes*│*",
            "*not sent*events*bytes; * tokens ($*) still to be made*",
            "*cause*it * without closing the stream*",
        ]
    )


def test_strict_an_unmatched_request_is_an_error_at_teardown(user: pytest.Pytester) -> None:
    result = _run(
        user,
        """
        def test_it(sse_server):
            sse_server.chat("x", when={"model": "other"})
            with pytest.raises(Exception):
                ask(**sse_server.openai).upper().index("x")
        """,
        passed=1,
        errors=1,
    )
    result.stdout.fnmatch_lines(
        [
            "*sse_server is strict*a request that no route answers*",
            "*request*POST /v1/chat/completions*",
            "*model: expected 'other', got 'm'*",
            "*a reply that was never asked for: POST /chat/completions when model='other'*",
        ]
    )


def test_strict_adds_nothing_to_a_test_that_failed(user: pytest.Pytester) -> None:
    result = _run(
        user,
        """
        def test_it(sse_server):
            sse_server.chat("never asked for")
            assert False, "the reason"
        """,
        failed=1,
    )
    result.stdout.no_fnmatch_line("*sse_server is strict*")
    result.stdout.fnmatch_lines(["*what sse_server saw*", "never asked for: POST /chat/completions"])


@pytest.mark.parametrize(("leaves", "skipped", "xfailed"), [("skip", 1, 0), ("xfail", 0, 1)])
def test_strict_adds_nothing_to_a_test_that_leaves_on_its_way(
    user: pytest.Pytester, leaves: str, skipped: int, xfailed: int
) -> None:
    _run(
        user,
        f"""
        def test_it(sse_server):
            sse_server.chat("never asked for")
            pytest.{leaves}("not here")
        """,
        skipped=skipped,
        xfailed=xfailed,
    )


def test_the_marker_takes_the_server_s_options(user: pytest.Pytester) -> None:
    _run(
        user,
        """
        @pytest.mark.sse_server(strict=False, gateway="openrouter", pacing="instant")
        def test_it(sse_server):
            reply = sse_server.chat("never asked for")
            other = sse_server.chat("x", when={"model": "m"})
            ask(**sse_server.openai)
            assert other.call.exchange.pacing == "instant"
        """,
        passed=1,
    )


def test_the_cassette_marker_takes_the_options_of_a_model(user: pytest.Pytester) -> None:
    request = RecordedRequest("POST", "https://host/v1/any", (), b"{}")
    save(user.path / "a.yaml", [Interaction(request, stream=Stream.of(b"data: 1\n\n", b"data: 2\n\n"))])
    _run(
        user,
        """
        from urllib.request import urlopen

        @pytest.mark.sse_cassette("a.yaml", provider="Groq", pace=0.0, price=0.5)
        def test_it(sse_server):
            with urlopen(sse_server.url_for("/v1/any"), b"{}") as response:
                assert response.read()
            [call] = sse_server.calls
            assert (call.exchange.provider, call.bill.cost, call.bill.counted) == ("Groq", 1.0, "events")
        """,
        passed=1,
    )


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ('sse_server("openrouter")', "*takes keywords only*"),
        ("sse_server(gatway='x')", "*SseServer knows no gatway= (did you mean gateway=?)*"),
        ("sse_server(gateway='openruter')", "*openrouter*"),
        ("sse_server(pacing='slow')", "*pacing is one of recorded, lockstep, instant*"),
        ("sse_server(leaks='fail')", "*leaks is one of report, error, ignore; not 'fail'*"),
        ("sse_cassette('a', 'b')", "*takes a name or path*"),
        ("sse_cassette(5)", "*takes a name or path*"),
        (
            "sse_cassette(provder='Groq')",
            "*takes a name or path, through=, pacing=, * and before_record_response=, not provder=*'provider'*",
        ),
    ],
)
def test_a_wrong_marker_is_one_sentence(user: pytest.Pytester, marker: str, said: str) -> None:
    result = _run(
        user,
        f"""
        @pytest.mark.{marker}
        def test_it(sse_server): ...
        """,
        errors=1,
    )
    result.stdout.fnmatch_lines([said])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_server_for_the_whole_module(user: pytest.Pytester) -> None:
    _run(
        user,
        """
        @pytest.fixture(scope="module")
        def app(make_sse_server):
            return make_sse_server(pacing="instant")

        @pytest.mark.parametrize("text", ["one", "two", "three"])
        def test_it(app, text):
            app.reset()
            app.chat(text)
            assert ask(**app.openai) == text
            app.verify()
        """,
        passed=3,
    )


def test_a_missing_cassette_says_how_to_record_it(user: pytest.Pytester) -> None:
    result = _run(
        user,
        """
        @pytest.mark.sse_cassette
        def test_answer(sse_server): ...
        """,
        errors=1,
    )
    result.stdout.fnmatch_lines(["*cassettes*test_it*test_answer.yaml*", "*--sse-record-mode=once --sse-upstream=*"])


def test_recording_without_an_upstream_says_what_is_missing(user: pytest.Pytester) -> None:
    result = _run(
        user,
        """
        @pytest.mark.sse_cassette
        def test_answer(sse_server): ...
        """,
        "--sse-record-mode=once",
        errors=1,
    )
    said = " ".join(str(result.stdout).split())
    assert (
        "recording needs an upstream: --sse-upstream=URL (e.g. https://llm.onerouter.pro/v1), sse_upstream in" in said
    )


RECORDED = """
    @pytest.mark.sse_cassette
    @pytest.mark.parametrize("word", ["eins/zwei"])
    def test_answer(sse_server, word):
        assert ask(**sse_server.openai, prompt=word) == "Grüße, 世界"
"""


@pytest.mark.slow
def test_record_once_then_replay_without_a_network(
    user: pytest.Pytester, make_sse_server: Callable[..., SseServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-the-real-one")
    upstream = make_sse_server(strict=False)
    upstream.chat("Grüße, 世界")
    options = ("--sse-record-mode=once", f"--sse-upstream={upstream.base_url}")
    _run(user, RECORDED, *options, passed=1)
    (cassette,) = (user.path / "cassettes" / "test_it").iterdir()
    assert re.fullmatch(r"test_answer\[eins-zwei\]~[0-9a-f]{10}\.yaml", cassette.name)
    assert len(upstream.journal) == 1
    _run(user, RECORDED, *options, passed=1)  # it is there: replayed
    _run(user, RECORDED, passed=1)
    assert len(upstream.journal) == 1
    _run(user, RECORDED, "--sse-record-mode=all", options[1], passed=1)
    assert len(upstream.journal) == 2
    assert upstream.journal[0].request.header("Authorization") == "Bearer sk-the-real-one"
    assert "the-real-one" not in cassette.read_text("utf-8")


@pytest.mark.slow
def test_the_recording_of_a_failed_test_is_not_replayed(
    user: pytest.Pytester, make_sse_server: Callable[..., SseServer]
) -> None:
    upstream = make_sse_server(strict=False)
    upstream.post("/chat/completions").respond(401, json={"error": {"code": 401, "message": "no key"}})
    options = ("--sse-record-mode=once", f"--sse-upstream={upstream.base_url}")
    result = _run(user, RECORDED, *options, failed=1)
    folder = user.path / "cassettes" / "test_it"
    (kept,) = folder.iterdir()
    assert re.fullmatch(r"test_answer\[eins-zwei\]~[0-9a-f]{10}\.failed\.yaml", kept.name)
    result.stdout.fnmatch_lines(["orharness: the test did not pass: its recording is kept as *.failed.yaml"])
    upstream.reset()
    upstream.chat("Grüße, 世界")
    result = _run(user, RECORDED, *options, passed=1)
    result.stdout.fnmatch_lines(["orharness: recorded *test_answer*.yaml"])


@pytest.mark.slow
def test_the_recording_of_a_test_that_leaves_on_its_way_replaces_none(
    user: pytest.Pytester, make_sse_server: Callable[..., SseServer]
) -> None:
    upstream = make_sse_server(strict=False)
    upstream.post("/chat/completions").replies(Reply.chat("whole"), Reply.chat("a part"))
    code = """
        @pytest.mark.sse_cassette
        def test_answer(sse_server):
            if ask(**sse_server.openai) != "whole":
                pytest.skip("the service is not well")
    """
    options = ("--sse-record-mode=all", f"--sse-upstream={upstream.base_url}")
    _run(user, code, *options, passed=1)
    result = _run(user, code, *options, skipped=1)
    result.stdout.fnmatch_lines(["orharness: the test did not pass: its recording is kept as *.failed.yaml"])
    _run(user, code, passed=1)


# The module is imported once, so that a rerun sees what the attempt before it has left here.
SECOND_ATTEMPT = """
    attempts = []

    def is_second_attempt():
        attempts.append(1)
        return len(attempts) > 1
"""


def _rerun(user: pytest.Pytester, code: str, *options: str, **counts: int) -> pytest.RunResult:
    code = textwrap.dedent(SECOND_ATTEMPT) + textwrap.dedent(code)
    result = _run(user, code, "--reruns=1", *options, subprocess=False, **counts)
    assert result.parseoutcomes()["rerun"] == 1
    return result


def test_a_rerun_is_as_strict_as_a_first_run(user: pytest.Pytester) -> None:
    result = _rerun(
        user,
        """
        def test_it(sse_server):
            sse_server.chat("never asked for")
            assert is_second_attempt()
        """,
        passed=1,
        errors=1,
    )
    result.stdout.fnmatch_lines(["*sse_server is strict: *never asked for: POST /chat/completions*"])


def test_what_a_rerun_leaves_open_is_reported(user: pytest.Pytester) -> None:
    result = _rerun(
        user,
        textwrap.dedent(LEAVES_OPEN)
        + textwrap.dedent("""
        def test_leaks(sse_server):
            assert is_second_attempt()
            leaves_open(sse_server)
        """),
        passed=1,
    )
    result.stdout.fnmatch_lines([_SUMMARY, "  test_it.py::test_leaks: " + _LINE])


def test_a_rerun_does_not_show_what_the_attempt_before_it_saw(user: pytest.Pytester) -> None:
    result = _rerun(
        user,
        """
        @pytest.fixture
        def breaks_at_once():
            assert len(attempts) < 1

        def test_it(breaks_at_once, sse_server, sse_relay_client):
            sse_server.chat("x")
            url = sse_server.url_for("/v1/chat/completions")
            with sse_relay_client(url, json={"model": "m", "messages": [], "stream": True}) as browser:
                browser.read_all()
            assert is_second_attempt()
        """,
        errors=1,
    )
    result.stdout.no_fnmatch_line("*what sse_relay_client saw*")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["once", "all"])
def test_the_recording_of_a_rerun_that_passed_is_replayed(
    user: pytest.Pytester, make_sse_server: Callable[..., SseServer], mode: str
) -> None:
    upstream = make_sse_server(strict=False)
    upstream.post("/chat/completions").replies(Reply.chat("first"), Reply.chat("second"))
    code = """
        @pytest.mark.sse_cassette
        def test_answer(sse_server):
            assert ask(**sse_server.openai) == "second"
    """
    options = (f"--sse-record-mode={mode}", f"--sse-upstream={upstream.base_url}")
    result = _rerun(user, code, *options, passed=1)
    result.stdout.fnmatch_lines(
        ["orharness: the test did not pass: *.failed.yaml", "orharness: recorded *test_answer.yaml"]
    )
    folder = user.path / "cassettes" / "test_it"
    assert sorted(file.name for file in folder.iterdir()) == ["test_answer.failed.yaml", "test_answer.yaml"]
    _run(user, code, passed=1)


@pytest.mark.slow
def test_the_cassettes_of_two_classes_are_two(user: pytest.Pytester, make_sse_server: Callable[..., SseServer]) -> None:
    upstream = make_sse_server(strict=False)
    upstream.post("/chat/completions").replies(Reply.chat("one"), Reply.chat("two"))
    code = """
        class TestA:
            @pytest.mark.sse_cassette
            def test_it(self, sse_server):
                assert ask(**sse_server.openai) == "one"

        class TestB:
            @pytest.mark.sse_cassette
            def test_it(self, sse_server):
                assert ask(**sse_server.openai) == "two"
    """
    _run(user, code, "--sse-record-mode=once", f"--sse-upstream={upstream.base_url}", passed=2)
    _run(user, code, passed=2)


@pytest.mark.slow
def test_the_cassettes_of_different_parameters_are_different(
    user: pytest.Pytester, make_sse_server: Callable[..., SseServer]
) -> None:
    upstream = make_sse_server(strict=False)
    words = ["a/b", "a:b", "a-b", "a|b", "a b", "a::b", "a.b", "A-B", "a~b"]
    upstream.post("/chat/completions").replies(*(Reply.chat(word) for word in words))
    code = f"""
        @pytest.mark.sse_cassette
        @pytest.mark.parametrize("word", {words!r})
        def test_answer(sse_server, word):
            assert ask(**sse_server.openai) == word
    """
    _run(user, code, "--sse-record-mode=once", f"--sse-upstream={upstream.base_url}", passed=len(words))
    names = [file.name.lower() for file in (user.path / "cassettes" / "test_it").iterdir()]
    assert len(set(names)) == len(words)
    assert {"test_answer[a-b].yaml", "test_answer[a.b].yaml"} <= set(names)
    _run(user, code, passed=len(words))


@pytest.mark.slow
def test_the_cassettes_of_names_that_differ_in_case_are_different(
    user: pytest.Pytester, make_sse_server: Callable[..., SseServer]
) -> None:
    upstream = make_sse_server(strict=False)
    upstream.chat("x")
    code = """
        class TestAnswer:
            @pytest.mark.sse_cassette
            def test_it(self, sse_server): ask(**sse_server.openai)

            @pytest.mark.sse_cassette
            def test_IT(self, sse_server): ask(**sse_server.openai)

            @pytest.mark.sse_cassette
            def test_Alone(self, sse_server): ask(**sse_server.openai)

        class TestUsage:
            @pytest.mark.sse_cassette
            def test_it(self, sse_server): ask(**sse_server.openai)

        class Testusage:
            @pytest.mark.sse_cassette
            def test_it(self, sse_server): ask(**sse_server.openai)
    """
    _run(user, code, "--sse-record-mode=once", f"--sse-upstream={upstream.base_url}", passed=5)
    names = [file.name.lower() for file in (user.path / "cassettes" / "test_it").iterdir()]
    assert len(set(names)) == 5
    assert [name for name in names if "~" not in name] == ["testanswer.test_alone.yaml"]
    _run(user, code, passed=5)


@pytest.mark.parametrize(
    ("test", "name"),
    [
        ("test_answer", "test_answer"),
        ("TestAnswer::test_it", "TestAnswer.test_it"),
        ("TestA::TestB::test_it[a-1.5-b_c]", "TestA.TestB.test_it[a-1.5-b_c]"),
        ("test_answer[gpt-4o, {}]", r"test_answer\[gpt-4o,-\{\}\]~[0-9a-f]{10}"),
        ("test_answer[True]", r"test_answer\[True\]~[0-9a-f]{10}"),
        ("con::test", r"_con\.test~[0-9a-f]{10}"),
        ("test_" + "é" * 300, "test_é{57}~[0-9a-f]{10}"),
    ],
)
def test_a_simple_id_names_its_cassette_and_any_other_has_a_hash(test: str, name: str) -> None:
    if "~" in name:
        assert re.fullmatch(name, cassette_name(test))
    else:
        assert cassette_name(test) == name


_ODD = ["a", "A", "-", "/", ":", "::", "|", " ", ".", "~", "[", "]", "\\", "\0", "\n", "ä", "Ä", "ß", "\ud800"]
_PATHS = [
    "test_it",
    "test_IT",
    "test_it.a",
    "TestA::test_it",
    "Testa::test_it",
    "TestA.test_it",
    "con",
    "Nul::test",
    "test ü",
]
_parameters = st.text("aA", min_size=1, max_size=2) | st.lists(
    st.sampled_from(_ODD) | st.text(max_size=3), max_size=3
).map("".join)
_ids = st.builds("{}{}".format, st.sampled_from(_PATHS), st.just("") | st.builds("[{}]".format, _parameters))


def _names(ids: Iterable[str]) -> list[str]:
    """The name of each; those of which others differ only in the case of class or function are not unique."""
    paths = Counter(path.lower() for path in {one.partition("[")[0] for one in ids})
    return [cassette_name(one, unique=paths[one.partition("[")[0].lower()] == 1) for one in ids]


def _alike(one: str) -> set[str]:
    """The id, and two that are easily taken for it."""
    path, bracket, parameters = one.partition("[")
    return {one, path + bracket + parameters.swapcase(), re.sub(r"[^\w\[\]]", "-", one)}


@given(some=st.sets(_ids | st.text(min_size=1, max_size=3), min_size=1, max_size=3))
def test_different_ids_have_different_cassettes_also_where_case_does_not_count(some: set[str]) -> None:
    ids = set().union(*map(_alike, some))
    assert len({name.casefold() for name in _names(ids)}) == len(ids)


@given(test=_ids | st.text(min_size=1) | st.text("ü漢", min_size=200, max_size=400))
def test_no_file_system_refuses_the_name_of_a_cassette(test: str) -> None:
    name = f"{cassette_name(test)}.failed.yaml"
    assert not re.search(r'[\x00-\x1f\x7f<>:"/\\|?*\ud800-\udfff]', name)
    assert not re.match(r"(?i)(con|prn|aux|nul|com\d|lpt\d)\.", name)
    assert len(name.encode()) < 200


def test_a_cassette_that_nobody_would_play_is_an_error(user: pytest.Pytester) -> None:
    result = _run(
        user,
        """
        @pytest.mark.sse_cassette
        def test_it(): ...
        """,
        errors=1,
    )
    result.stdout.fnmatch_lines(["*sse_cassette is played by the fixture sse_server: take it as argument*"])


def test_a_failed_test_shows_what_the_server_saw(user: pytest.Pytester) -> None:
    result = _run(
        user,
        """
        def test_it(sse_server):
            sse_server.chat("x", when={"model": "gpt"})
            ask(**sse_server.openai)
            raise RuntimeError("something went wrong")
        """,
        failed=1,
    )
    result.stdout.fnmatch_lines(
        [
            "*RuntimeError: something went wrong*",
            "*what sse_server saw*",
            "POST /v1/chat/completions → 404: unmatched*",
            "*model: expected 'gpt', got 'm'*",
            "never asked for: POST /chat/completions when model='gpt'",
        ]
    )


@pytest.mark.long
@pytest.mark.slow
def test_the_three_claims_as_a_fixture(user: pytest.Pytester) -> None:
    result = _run(
        user,
        """
        def client(base_url):
            return iter(Answer(base_url))

        def latin(base_url):
            answer = Answer(base_url)
            try:
                for piece in answer:
                    yield piece.encode().decode("latin-1")
            finally:
                answer.close()

        def test_right(sse_contract):
            sse_contract.check_parsing(client)
            sse_contract.check_done(client)
            sse_contract.check_cancellation(client)

        def test_wrong(sse_contract):
            sse_contract.check_parsing(latin)
        """,
        passed=1,
        failed=1,
    )
    result.stdout.fnmatch_lines(
        [
            "*the client fails * of * cases*",
            "*framing/multi-byte*",
            "*expected*'Ünïcode*",
            "*got*Ã¯code*",
            "*reason*UTF-8 is read as Latin-1*",
        ]
    )


# --- what a test leaves open ------------------------------------------------------------------------------------------

# The clients are kept beyond their tests: else the garbage collector would close them first.
LEAVES_OPEN = """
    kept = []

    @pytest.fixture(scope="session", autouse=True)
    def closes_them_when_all_else_has_ended():
        yield
        for one in kept:
            one.close()

    def leaves_open(server):
        server.chat(tokens=50, through=[hold(after=3)])
        kept.append(Answer(**server.openai))
        next(kept[-1])
"""
_SUMMARY = "orharness: connections left open by their tests: * close the stream with `with`, `async with` or close()"
_LINE = "POST /v1/chat/completions → 200: still open, * of 53 chunks written (*)*"


def _left_open(
    user: pytest.Pytester, code: str, *options: str, subprocess: bool = False, **counts: int
) -> pytest.RunResult:
    code = textwrap.dedent(LEAVES_OPEN) + textwrap.dedent(code)
    return _run(user, code, *options, subprocess=subprocess, **counts)


def test_a_stream_left_open_is_told_with_its_test_at_the_end_of_the_run(user: pytest.Pytester) -> None:
    result = _left_open(
        user,
        """
        def test_before(sse_server):
            sse_server.chat("x")
            assert ask(**sse_server.openai) == "x"

        def test_leaks(sse_server):
            leaves_open(sse_server)

        def test_closes_at_the_last_moment(sse_server):
            leaves_open(sse_server)
            kept[-1].close()
        """,
        passed=3,
    )
    result.stdout.fnmatch_lines([_SUMMARY, f"  test_it.py::test_leaks: {_LINE}"], consecutive=True)
    assert result.stdout.str().count("still open") == 1


def test_a_run_that_leaves_nothing_open_says_nothing(user: pytest.Pytester) -> None:
    result = _run(user, SYNC_TEST, passed=1)
    result.stdout.no_fnmatch_line("*orharness:*")


SHARED = """
    @pytest.fixture(scope="session")
    def app(make_sse_server):
        return make_sse_server()

    def test_a(app):
        leaves_open(app)

    def test_b(app):
        app.chat("y", when={"model": "y"})
        assert ask(**app.openai, model="y") == "y"

    def test_c(app):
        app.reset()
        leaves_open(app)
"""


def test_on_a_server_that_tests_share_the_one_that_leaked_is_named(user: pytest.Pytester) -> None:
    result = _left_open(user, SHARED, passed=3)
    named = re.findall(r"^  test_it\.py::(test_\w): POST", result.stdout.str(), re.M)
    assert named == ["test_a", "test_c"]


@pytest.mark.slow
def test_the_summary_arrives_under_xdist(user: pytest.Pytester) -> None:
    result = _left_open(user, SHARED, "-n", "2", subprocess=True, passed=3)
    result.stdout.fnmatch_lines([_SUMMARY])
    named = re.findall(r"^  test_it\.py::(test_\w): POST", result.stdout.str(), re.M)
    assert sorted(named) == ["test_a", "test_c"]


def test_a_connection_kept_for_the_next_request_is_not_left_open(user: pytest.Pytester) -> None:
    result = _left_open(
        user,
        """
        def test_it(sse_server):
            sse_server.chat("x")
            kept.append(Answer(**sse_server.openai))
            assert kept[-1].response.read()
        """,
        passed=1,
    )
    result.stdout.no_fnmatch_line("*left open*")


def test_a_leak_can_be_an_error_of_its_test(user: pytest.Pytester) -> None:
    result = _left_open(
        user,
        """
        @pytest.mark.sse_server(leaks="error")
        def test_its_own(sse_server):
            leaves_open(sse_server)

        @pytest.fixture(scope="module")
        def app(make_sse_server):
            return make_sse_server(leaks="error")

        def test_shared(app):
            leaves_open(app)

        def test_after_it(app): ...
        """,
        passed=3,
        errors=2,
    )
    result.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of test_its_own*",
            "connections left open by this test: *close the stream with*",
            f"  {_LINE}",
            "*ERROR at teardown of test_shared*",
        ]
    )
    result.stdout.no_fnmatch_line("orharness: *")


def test_leaks_of_a_whole_run_are_errors_or_nothing_where_a_test_does_not_say_otherwise(user: pytest.Pytester) -> None:
    code = """
        def test_one(sse_server):
            leaves_open(sse_server)

        @pytest.mark.sse_server(leaks="ignore")
        def test_other(sse_server):
            leaves_open(sse_server)
    """
    result = _left_open(user, code, "--sse-leaks=error", passed=2, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_one*"])
    result = _left_open(user, code, "--sse-leaks=ignore", passed=2)
    result.stdout.no_fnmatch_line("*left open*")


def test_a_test_that_failed_is_not_told_of_what_it_left_open_and_neither_is_the_next(user: pytest.Pytester) -> None:
    result = _left_open(
        user,
        """
        @pytest.fixture(scope="module")
        def app(make_sse_server):
            return make_sse_server(leaks="error")

        def test_one(app):
            leaves_open(app)
            assert False, "the reason"

        def test_other(app): ...
        """,
        failed=1,
        passed=1,
    )
    result.stdout.no_fnmatch_line("*left open*")


# --- beside other plugins ---------------------------------------------------------------------------------------------

SYNC_TEST = """
    def test_it(sse_server):
        sse_server.chat("Hi")
        assert ask(**sse_server.openai) == "Hi"
"""


def test_under_a_vcr_mark_that_ignores_localhost(user: pytest.Pytester) -> None:
    _run(
        user,
        """
        @pytest.fixture(scope="module")
        def vcr_config():
            return {"ignore_localhost": True}

        @pytest.mark.vcr
        def test_it(sse_server):
            sse_server.chat("Hi")
            assert ask(**sse_server.openai) == "Hi"
        """,
        passed=1,
    )


def test_under_block_network_it_says_what_to_set(user: pytest.Pytester) -> None:
    result = _run(user, SYNC_TEST, "--block-network", errors=1)
    result.stdout.fnmatch_lines(["*the network is blocked*--allowed-hosts=127.0.0.1,localhost,::1*"])


def test_under_block_network_with_that_set_it_works(user: pytest.Pytester) -> None:
    _run(user, SYNC_TEST, "--block-network", "--allowed-hosts=127.0.0.1,localhost,::1", passed=1)


ASYNC_BODY = """
    import socket
    async def test_it(sse_server):
        reply = sse_server.chat(tokens=500, through=[hold(after=3)])
        stream = Answer(**sse_server.openai)
        next(stream)
        async with reply.expect_disconnect(within=20):
            stream.close()
        assert await reply.call.wait_ended_async() == "cancelled"
        assert reply.call.outcome == "cancelled"
"""


def test_in_pytest_asyncio_strict(user: pytest.Pytester) -> None:
    code = textwrap.dedent(ASYNC_BODY).replace("async def test", "@pytest.mark.asyncio\nasync def test")
    _run(user, code, passed=1)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_in_anyio(user: pytest.Pytester, backend: str) -> None:
    code = textwrap.dedent(ASYNC_BODY).replace("async def test", "@pytest.mark.anyio\nasync def test")
    code = f'@pytest.fixture\ndef anyio_backend(): return "{backend}"\n' + code
    _run(user, code, passed=1)


@pytest.mark.slow
def test_under_xdist(user: pytest.Pytester) -> None:
    _run(
        user,
        """
        @pytest.mark.parametrize("number", range(20))
        def test_it(sse_server, number):
            sse_server.chat(f"Hi {number}")
            assert ask(**sse_server.openai) == f"Hi {number}"
        """,
        "-n",
        "2",
        subprocess=True,
        passed=20,
    )


@pytest.mark.slow
def test_without_the_plugin(user: pytest.Pytester) -> None:
    _run(user, "def test_it(): assert Ending.EOF == 'eof'", "-p", "no:orharness", subprocess=True, passed=1)


@pytest.mark.slow
def test_the_server_of_a_test_is_freed_with_it(user: pytest.Pytester) -> None:
    _run(
        user,
        """
        import gc, weakref
        BEFORE = []

        @pytest.mark.parametrize("number", range(3))
        def test_asks(sse_server, number):
            gc.collect()
            assert [server for server in BEFORE if server() is not None] == []
            BEFORE.append(weakref.ref(sse_server))
            sse_server.chat("hi")
            assert ask(**sse_server.openai) == "hi"
        """,
        passed=3,
    )


def test_an_exception_in_a_fixture_leaves_nothing_behind(user: pytest.Pytester) -> None:
    _run(
        user,
        """
        held = []

        @pytest.fixture
        def broken(sse_server):
            sse_server.chat("x", through=[hold(after=0)])
            held.append(Answer(**sse_server.openai))
            raise RuntimeError("in the fixture")

        def test_it(broken): ...

        def test_afterwards(sse_server):
            sse_server.chat("y")
            assert ask(**sse_server.openai) == "y"
            held.pop().close()
        """,
        errors=1,
        passed=1,
    )


def test_a_broken_scenario_is_not_blamed_on_the_client(user: pytest.Pytester) -> None:
    result = _run(
        user,
        """
        def test_it(sse_server):
            sse_server.chat("x", through=[rechunk(0)])
        """,
        failed=1,
    )
    result.stdout.fnmatch_lines(["*ScenarioError*size*"])


def test_options_markers_and_fixtures_start_with_sse(user: pytest.Pytester) -> None:
    shown = user.runpytest_inprocess("--help").stdout.str()
    group = shown.partition("orharness: streaming LLM clients:")[2].partition("\n\n")[0]
    options = [line.split()[0].partition("=")[0] for line in group.splitlines() if line.strip().startswith("--")]
    assert options == [
        *("--sse-record-mode", "--sse-upstream", "--sse-key-env", "--sse-max-age"),
        *("--sse-server", "--sse-leaks", "--sse-report"),
    ]
    fixtures = user.runpytest_inprocess("--fixtures", "-p", "no:cacheprovider").stdout.str()
    ours = fixtures.partition("fixtures defined from orharness.pytest_plugin")[2].partition("fixtures defined")[0]
    names = {line.split()[0] for line in ours.splitlines() if " -- " in line}
    assert {name for name in names if not name.startswith("sse")} == {"make_sse_server", "make_sse_process"}
    assert {"sse_server", "sse_contract", "sse_relay_client", "sse_process"} <= names


def test_an_app_in_this_process_finds_the_server_in_its_environment(user: pytest.Pytester) -> None:
    user.makepyfile(
        test_it="""
        import os, pytest

        @pytest.mark.sse_server(env=True, strict=False)
        def test_there(sse_server):
            assert os.environ["OPENAI_BASE_URL"] == sse_server.base_url
            assert os.environ["ANTHROPIC_BASE_URL"] == sse_server.origin
            assert os.environ["OPENAI_API_KEY"] == "sk-orharness"

        def test_gone(sse_server):
            assert os.environ.get("OPENAI_BASE_URL") == "https://mine"

        @pytest.mark.sse_server(env="yes")
        def test_wrong(sse_server):
            pass
        """
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_BASE_URL", "https://mine")
        ran = user.runpytest_inprocess()
    ran.assert_outcomes(passed=2, errors=1)
    ran.stdout.fnmatch_lines(["*env is True or False, not 'yes'"])
