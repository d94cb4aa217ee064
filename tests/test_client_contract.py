"""``ClientContract``: a user's test class, one item a case."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml  # noqa: F401 - pytester's runs must not load PyYAML anew: its parser in C keeps the classes of the first one

from orharness import ClientFailure, ScenarioError, SseContract
from tests.support.correct_clients import correct

CLIENT = """
    import json
    from http.client import HTTPConnection
    from urllib.parse import urlsplit
    import orharness

    def read(base_url, decode):
        at = urlsplit(base_url)
        connection = HTTPConnection(at.hostname, at.port, timeout=30)
        try:
            connection.request("POST", at.path + "/chat/completions", '{"model": "m", "messages": [], "stream": true}')
            response = connection.getresponse()
            for line in response:
                line = decode(line).rstrip("\\r\\n")
                if line == "data: [DONE]":
                    return
                if line.startswith("data:"):
                    for choice in json.loads(line[5:])["choices"]:
                        yield choice["delta"].get("content") or ""
        finally:
            response.close()
            connection.close()
"""


@pytest.fixture
def user(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    return pytester


LINES = """
    import json
    import urllib.request
    import orharness

    def lines(base_url):
        asked = b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}'
        with urllib.request.urlopen(base_url.removesuffix("/v1") + "/api/chat", asked) as response:
            for line in response:
                said = json.loads(line)
                yield said["message"]["content"]
                if said["done"]:
                    return
        raise RuntimeError("the answer is not whole")
"""


@pytest.mark.slow
def test_a_class_and_the_fixture_judge_a_client_of_another_api(user: pytest.Pytester) -> None:
    user.makepyfile(
        LINES
        + """
    class TestMine(orharness.ClientContract):
        dialect = "ollama"
        only = ["ollama/whole", "done/clean-end"]
        def stream(self, base_url):
            yield from lines(base_url)

    def test_done(sse_contract):
        sse_contract.check_done(lines, dialect="ollama")
"""
    )
    result = user.runpytest_subprocess("-q", "-p", "no:randomly")
    result.assert_outcomes(passed=3)


@pytest.mark.slow
def test_a_wrong_dialect_is_one_sentence(user: pytest.Pytester) -> None:
    user.makepyfile(LINES + "    class TestMine(orharness.ClientContract):\n        dialect = 'olama'\n")
    user.runpytest_subprocess("-q").stdout.fnmatch_lines(["*TestMine: there is no dialect 'olama' (did you mean *"])


@pytest.mark.slow
def test_each_case_is_an_item(user: pytest.Pytester) -> None:
    user.makepyfile(
        CLIENT
        + """
    class TestMine(orharness.ClientContract):
        only = ["done/clean-end", "done/inside-content", "cancellation/inside-a-read"]
        def stream(self, base_url):
            return read(base_url, bytes.decode)
"""
    )
    result = user.runpytest_inprocess("-v")
    result.assert_outcomes(passed=2, skipped=1)
    result.stdout.fnmatch_lines(["*TestMine::test_case?done/clean-end? PASSED*"])
    user.runpytest_inprocess("-k", "clean-end").assert_outcomes(passed=1, deselected=2)
    user.runpytest_inprocess("-n", "2").assert_outcomes(passed=2, skipped=1)


def test_a_case_that_fails_shows_its_evidence_alone(user: pytest.Pytester) -> None:
    user.makepyfile(
        CLIENT
        + """
    class TestMine(orharness.ClientContract):
        only = "boundaries/one-event-a-chunk"
        def stream(self, base_url):
            return read(base_url, lambda line: line.decode("latin-1"))
"""
    )
    result = user.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the client fails 1 of 1 cases*", "*reason    UTF-8 is read as Latin-1*"])
    result.stdout.no_fnmatch_line("*verdict = run(*")


@pytest.mark.parametrize(("strict", "outcome"), [(False, {"xfailed": 1}), (True, {"failed": 1})])
def test_a_should_that_does_not_hold_fails_where_the_class_is_strict(
    user: pytest.Pytester, strict: bool, outcome: dict[str, int]
) -> None:
    user.makepyfile(
        CLIENT
        + f"""
    class TestMine(orharness.ClientContract):
        only = "chat/keep-alive-as-data"
        strict = {strict}
        def stream(self, base_url):
            return read(base_url, bytes.decode)
"""
    )
    result = user.runpytest_inprocess("-rx")
    result.assert_outcomes(**outcome)
    result.stdout.fnmatch_lines(["*reason*keep-alive*" if strict else "*only a SHOULD, and it does not hold*"])


def test_what_is_expected_to_fail_is_and_must(user: pytest.Pytester) -> None:
    user.makepyfile(
        CLIENT
        + """
    class TestMine(orharness.ClientContract):
        only = ["boundaries/one-event-a-chunk", "done/clean-end"]
        xfail = {"boundaries/one-event-a-chunk": "our gateway sends ASCII", "done/clean-end": "it holds all the same"}
        def stream(self, base_url):
            return read(base_url, lambda line: line.decode("latin-1"))
"""
    )
    result = user.runpytest_inprocess("-rx")
    result.assert_outcomes(xfailed=1, failed=1)
    result.stdout.fnmatch_lines(["*XPASS(strict)*it holds all the same*", "*our gateway sends ASCII*"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            'xfail = {"done/cleanend": "typo"}',
            "*TestMine.xfail: there is no case 'done/cleanend' (did you mean 'done/clean-end'*",
        ),
        ('only = "nothing"', "*TestMine: no case is named 'nothing'*"),
        ('only = ["done/clean-end", "nothing"]', "*TestMine: no case is named 'nothing'*"),
        (
            'xfail = {"done/clean-end": "known", "nothing": "typo", "done": "a family"}',
            "*TestMine.xfail: there is no case 'nothing' or 'done'*",
        ),
        ('profile = "all"', "*TestMine: profile is one of gateway, whatwg; not 'all'*"),
        ('patience = "1"', "*TestMine.patience is a number of seconds above 0, not '1'*"),
        ('seed = "x"', "*TestMine.seed is a whole number, not 'x'*"),
    ],
)
def test_a_mistake_is_one_sentence(user: pytest.Pytester, line: str, said: str) -> None:
    user.makepyfile(f"import orharness\nclass TestMine(orharness.ClientContract):\n    {line}\n")
    result = user.runpytest_inprocess()
    result.stdout.fnmatch_lines([said])
    assert result.ret != 0


def test_a_class_without_a_stream_is_told_so(user: pytest.Pytester) -> None:
    user.makepyfile("import orharness\nclass TestMine(orharness.ClientContract):\n    only = 'done/clean-end'\n")
    user.runpytest_inprocess().stdout.fnmatch_lines(["*TestMine: write `def stream(self, base_url)`*"])


def test_cases_of_ones_own_are_items(user: pytest.Pytester) -> None:
    user.makefile(
        ".yaml",
        own="""
- id: mine/twice
  title: The same token twice.
  reply: {events: [{text: ab}, {text: ab}, {finish: stop}, {end: true}]}
  expect: {text: abab}
- id: mine/wrong
  title: Nobody yields that.
  reply: {events: [{text: ab}, {finish: stop}, {end: true}]}
  expect: {text: cd}
""",
    )
    user.makepyfile(
        CLIENT
        + """
    class TestMine(orharness.ClientContract):
        cases = ["own.yaml"]
        only = ["mine"]
        def stream(self, base_url):
            return read(base_url, bytes.decode)
    """
    )
    result = user.runpytest_inprocess()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*serve  *orharness serve --case mine/wrong*"])


@pytest.mark.slow
def test_a_claim_names_the_cases_that_are_expected_to_fail(sse_contract: SseContract) -> None:
    def right(base_url: str) -> Iterator[str]:
        return correct(base_url)

    with pytest.raises(ScenarioError, match=r"check_done\(xfail=\) names done/gone, which was not run"):
        sse_contract.check_done(right, xfail={"done/gone": "why"})
    with pytest.raises(ClientFailure, match="expected to fail, and passed: done/twice"):
        sse_contract.check_done(right, xfail={"done/twice": "why"})
