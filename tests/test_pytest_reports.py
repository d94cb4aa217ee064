"""``--sse-report DIR``: a page for each test that failed, named where the report of the run is read."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from orharness.report.page import document_in
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread

ASKS = """
import http.client, pytest

def ask(server, text="hi"):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    path = server.base_url.partition(str(server.port))[2] + "/chat/completions"
    body = '{"messages": [], "model": "' + text + '", "stream": true}'
    connection.request("POST", path, body, {"Authorization": "Bearer sk-1"})
    connection.getresponse().read()
    connection.close()
"""
TESTS = """
def test_fails(sse_server):
    sse_server.chat("Grüße, </script>")
    ask(sse_server, "asked by the test")
    assert "what was wanted" == "what came"

def test_passes(sse_server):
    sse_server.chat("x")
    ask(sse_server)

def test_is_strict(sse_server):
    sse_server.chat("never asked for")

class TestOf:
    @pytest.mark.parametrize("name", ["a b"])
    def test_a_name(self, sse_server, name):
        assert not name

def test_without_a_server():
    assert False
"""


@pytest.fixture
def user(pytester: pytest.Pytester) -> pytest.Pytester:
    """A user's folder: nothing of this repository, the plugin loaded by its entry point."""
    pytester.makepyfile(**{"sub/test_it": ASKS + TESTS, "sub/test_other": ASKS + "def test_x(sse_server): assert 0"})
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")  # or pytest-asyncio warns
    return pytester


def pages(folder: Path) -> dict[str, str]:
    return {str(one.relative_to(folder)): one.read_text("utf-8") for one in sorted(folder.rglob("*.html"))}


def check(found: dict[str, str]) -> None:
    """Each of them begins with the failure, and shows what was seen."""
    names = [name.partition("~")[0].removesuffix(".html") for name in found]
    assert names == [
        "sub/test_it/TestOf.test_a_name[a-b]",
        "sub/test_it/test_fails",
        "sub/test_it/test_is_strict",
        "sub/test_other/test_x",
    ]
    document = document_in(found["sub/test_it/test_fails.html"])
    assert document["title"] == "sub/test_it.py::test_fails"
    assert "what was wanted" in document["said"]
    [lane] = document["lanes"]
    assert lane["outcome"] == "completed"
    assert "asked by the test" in lane["request"]["body"]
    assert "sk-1" not in found["sub/test_it/test_fails.html"]
    assert [one["event"] for one in document["events"]][:2] == ["request_read", "begun"]
    assert "never asked for" in document_in(found["sub/test_it/test_is_strict.html"])["said"]


def test_each_failed_test_has_a_page_and_junit_names_it(user: pytest.Pytester) -> None:
    result = user.runpytest_inprocess("--sse-report=out", "--junitxml=x.xml", "-o", "junit_logging=system-out")
    result.assert_outcomes(passed=2, failed=4, errors=1)
    found = pages(user.path / "out")
    check(found)
    cases = {one.get("name", ""): one for one in ElementTree.parse(user.path / "x.xml").iter("testcase")}
    for name, file in (("test_fails", "test_fails"), ("test_is_strict", "test_is_strict")):
        path = user.path / "out" / "sub" / "test_it" / f"{file}.html"
        named = [(one.get("name"), one.get("value")) for one in cases[name].iter("property")]
        assert named == [("sse_report", str(path))]
    attached = cases["test_fails"].findtext("system-out") or ""
    assert f"[[ATTACHMENT|{user.path / 'out' / 'sub' / 'test_it' / 'test_fails.html'}]]" in attached
    assert not list(cases["test_passes"].iter("property"))
    result.stdout.fnmatch_lines(["what sse_server saw, to look at: *test_fails.html"])


def test_the_setting_is_as_the_option_and_without_it_there_is_no_page(user: pytest.Pytester) -> None:
    result = user.runpytest_inprocess("sub/test_other.py", "-o", "sse_report=kept")
    result.assert_outcomes(failed=1)
    assert list(pages(user.path / "kept")) == ["sub/test_other/test_x.html"]
    user.runpytest_inprocess("sub/test_other.py")
    assert len(pages(user.path)) == 1


def test_a_page_that_cannot_be_written_is_told(user: pytest.Pytester) -> None:
    (user.path / "out").write_text("a file", "utf-8")
    result = user.runpytest_inprocess("sub/test_other.py", "--sse-report=out")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*test_x.html: the page cannot be written: *"])


@pytest.mark.slow
def test_a_server_that_runs_elsewhere_is_reported_too(user: pytest.Pytester, sse_thread: ServerThread) -> None:
    with SseServer(sse_thread) as server:
        result = user.runpytest_inprocess(f"--sse-server={server.origin}", "--sse-report=out")
    result.assert_outcomes(passed=2, failed=4, errors=1)
    check(pages(user.path / "out"))


def test_the_page_of_a_server_can_be_had_at_any_time(sse_server: SseServer) -> None:
    sse_server.keep_events()
    document = document_in(sse_server.saved_page("mine", "said"))
    assert (document["title"], document["said"], document["lanes"]) == ("mine", "said", [])
