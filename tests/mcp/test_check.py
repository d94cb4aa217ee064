"""Servers that do what each revision asks for, and servers that do not, told apart by what their tool is seen to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from orharness.errors import ScenarioError, UpstreamError
from orharness.mcp import REVISIONS, FileWitness, McpTarget, RequestWitness, check
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from orharness.verdict import Result, Verdict
from tests.support.mcp_server import McpServer, mcp_server

STATELESS, WITH_SESSIONS = REVISIONS


def judged(server: McpServer, *revisions: str, **more: Any) -> list[Verdict]:
    options = {"within": 0.6, "leave_after": 0.3, **more}
    return check(McpTarget(server.url, "slow", {"a": 1}, revisions or REVISIONS, **options), [server])


def told(verdicts: list[Verdict]) -> list[tuple[str, str]]:
    return [(one.case.partition("/")[2], one.result.value) for one in verdicts]


def reasons(verdicts: list[Verdict]) -> list[str]:
    return [one.evidence.reason for one in verdicts if one.evidence]


@pytest.mark.slow
@pytest.mark.parametrize("as_json", [False, True], ids=["a stream", "a document"])
def test_a_call_that_is_left_is_cancelled(as_json: bool) -> None:
    with mcp_server(as_json=as_json) as server:
        assert told(judged(server, STATELESS)) == [("leaving", "pass")]
    methods = [body["method"] for _, _, body in server.asked]
    assert methods == ["server/discover", "tools/call", "tools/call"]
    _, headers, body = server.asked[1]
    assert (headers["MCP-Protocol-Version"], headers["Mcp-Method"], headers["Mcp-Name"]) == (
        STATELESS,
        "tools/call",
        "slow",
    )
    assert headers["Accept"] == "application/json, text/event-stream"
    meta = body["params"]["_meta"]
    assert meta["io.modelcontextprotocol/protocolVersion"] == STATELESS
    assert meta["io.modelcontextprotocol/clientInfo"]["name"] == "orharness"
    assert body["params"]["arguments"] == {"a": 1}


@pytest.mark.slow
def test_a_call_that_runs_on_is_told_with_its_seconds() -> None:
    with mcp_server(stops_when_left=False) as server:
        verdicts = judged(server, STATELESS)
    assert told(verdicts) == [("leaving", "fail")]
    (reason,) = reasons(verdicts)
    assert reason.startswith("slow worked on for 1.")
    assert reason.endswith("s after its client had left, to its end")


@pytest.mark.slow
def test_a_call_that_is_left_goes_on_and_its_stream_is_resumed() -> None:
    with mcp_server(stops_when_left=False, ids=True) as server:
        verdicts = judged(server, WITH_SESSIONS)
    assert told(verdicts) == [("leaving", "pass"), ("resume", "pass"), ("cancelled", "pass")]
    (_, headers, _) = next(one for one in server.asked if one[0] == "GET")
    assert headers["Last-Event-ID"].partition("/")[0] == "3"
    assert headers["MCP-Protocol-Version"] == WITH_SESSIONS
    assert "MCP-Protocol-Version" not in server.asked[0][1]
    assert [body["method"] for _, _, body in server.asked if body][:2] == ["initialize", "notifications/initialized"]


@pytest.mark.slow
def test_a_server_of_the_older_revision_that_cancels_what_is_left_and_not_what_is_cancelled() -> None:
    with mcp_server(stops_when_cancelled=False, ids=True, resumes=False) as server:
        verdicts = judged(server, WITH_SESSIONS)
    assert told(verdicts) == [("leaving", "fail"), ("resume", "fail"), ("cancelled", "fail")]
    left, resumed, cancelled = reasons(verdicts)
    assert "slow was cancelled by the leaving" in left
    assert "the response of slow does not come" in resumed
    assert "after notifications/cancelled (status 202), to its end" in cancelled


@pytest.mark.slow
def test_a_server_that_closes_connections_is_asked_again_and_what_it_mixes_is_told() -> None:
    with mcp_server(stops_when_left=False, ids=True, polls=True, replays_foreign=True) as server:
        verdicts = judged(server, WITH_SESSIONS)
    assert told(verdicts) == [("leaving", "pass"), ("resume", "fail"), ("cancelled", "pass")]
    assert reasons(verdicts) == ["it replays messages of another stream"]


@pytest.mark.slow
def test_a_tool_that_shows_nothing_is_judged_by_the_stream_that_is_resumed_alone() -> None:
    with mcp_server(stops_when_left=False, ids=True, says_nothing=True) as server:
        verdicts = judged(server)
    assert told(verdicts) == [
        ("leaving", "not_applicable"),
        ("leaving", "pass"),
        ("resume", "pass"),
        ("cancelled", "not_applicable"),
    ]
    assert all("nothing shows whether the tool works" in one.note for one in (verdicts[0], verdicts[3]))


# Before anybody leaves


def test_a_revision_that_is_not_spoken_is_not_judged() -> None:
    with mcp_server(revisions=()) as server:
        verdicts = judged(server)
    assert {one.result for one in verdicts} == {Result.NOT_APPLICABLE}
    assert [one.note for one in verdicts[:2]] == [
        "the server does not speak 2026-07-28: no such version (-32022)",
        "the server does not speak 2025-11-25: no such method (-32601)",
    ]


@pytest.mark.parametrize(
    ("manners", "more", "said"),
    [
        ({"seconds": 0.1, "fails": True}, {}, "slow fails although no client has left: it broke"),
        ({"seconds": 0.1}, {"leave_after": 3.0}, r"slow has answered after \d.\d s, before 3.0 s"),
    ],
)
def test_a_tool_that_cannot_be_left_is_an_error(manners: dict[str, Any], more: dict[str, Any], said: str) -> None:
    with mcp_server(**manners) as server, pytest.raises(ScenarioError, match=said):
        judged(server, STATELESS, **more)


def test_a_tool_that_is_over_too_soon_is_not_judged() -> None:
    with mcp_server(seconds=0.2) as server:
        (verdict,) = judged(server, STATELESS, leave_after=0.05)
    assert "have it take longer" in verdict.note


def test_a_tool_that_is_not_there_is_an_error() -> None:
    told = r"other fails although .*: Unknown tool \(-32602\)"
    with mcp_server() as server, pytest.raises(ScenarioError, match=told):
        check(McpTarget(server.url, "other"), [server])


def test_a_server_that_is_not_there_is_an_error() -> None:
    with mcp_server() as server:
        url = server.url
    with pytest.raises(UpstreamError, match="no connection"):
        check(McpTarget(url, "slow"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"revisions": ["2026-07-29"]}, r"not '2026-07-29' \(did you mean '2026-07-28'\?\)"),
        ({"within": 0.0}, "within is a number of seconds above 0, not 0"),
        ({"leave_after": -1.0}, "leave_after is a number of seconds above 0, not -1"),
    ],
)
def test_an_impossible_option_is_told(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        McpTarget("http://127.0.0.1/mcp", "slow", **options)


# Witnesses


def test_a_request_is_a_sign_and_an_answer_that_is_read_is_one_all_the_time(sse_thread: ServerThread) -> None:
    with SseServer(sse_thread, strict=False) as server, httpx.Client() as client:
        witness = RequestWitness(server)
        assert not witness.look()
        for ask in (client.get, client.post):
            assert ask(witness.url).status_code == 204
        server.calls[-1].wait_ended(20)
        assert (witness.look(), witness.look()) == (True, False)
        body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
        with client.stream("POST", f"{server.base_url}/chat/completions", json=body) as response:
            lines = response.iter_lines()  # kept: an iterator that is dropped closes the connection
            next(lines)
            assert [witness.look() for _ in range(3)] == [True] * 3
        server.calls[-1].wait_ended(20)
        witness.look()
        assert not witness.look()


def test_a_file_that_changes_is_a_sign(tmp_path: Path) -> None:
    file = tmp_path / "log"
    one, folder = FileWitness(file), FileWitness(tmp_path)
    assert (one.look(), folder.look()) == (False, False)
    file.write_text("a")
    assert (one.look(), folder.look()) == (True, True)
    assert (one.look(), folder.look()) == (False, False)
    file.write_text("ab")
    assert (one.look(), folder.look()) == (True, True)
    assert str(file) in one.signs
