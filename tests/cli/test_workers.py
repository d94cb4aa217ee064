"""``orharness serve --workers``: one port, several processes, one journal and one account."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from orharness.cassette import load
from orharness.cli.serve import Played, ServeOptions
from orharness.cli.workers import check_stateless
from orharness.errors import ScenarioError
from tests.cli.test_commands import ASK, Running, called, post, recorded, running
from tests.support.raw import eventually

linux = pytest.mark.skipif(sys.platform != "linux", reason="SO_REUSEPORT deals connections out on Linux only")
ASKED = 24


def workers_of(process: Running) -> list[int]:
    main = process.process_id
    return sorted(map(int, Path(f"/proc/{main}/task/{main}/children").read_text("ascii").split()))


def get(process: Running, path: str) -> tuple[int, Any]:
    try:
        with urlopen(f"{process.base_url.removesuffix('/v1')}{path}") as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def journal(process: Running) -> dict[str, Any]:
    status, document = get(process, "/_orharness/journal")
    assert status == 200
    found: dict[str, Any] = document
    return found


def asked_by_all(process: Running, number: int) -> int:
    """Ask, each time on a new connection, until every worker has answered; return how often."""
    times = 0
    while times < ASKED or min(one["exchanges"] for one in journal(process)["workers"]) == 0:
        post(process.base_url, ASK)
        times += 1
        assert times < 40 * number, "the connections are not dealt out"
    return times


def samples_at(url: str) -> dict[str, float]:
    with urlopen(url) as text:
        lines = [line.rsplit(" ", 1) for line in text.read().decode().splitlines() if line[0] != "#"]
    return {name: float(value) for name, value in lines}


@linux
@pytest.mark.slow
def test_several_processes_are_one_server() -> None:
    pytest.importorskip("prometheus_client", reason="there is no prometheus_client here")
    with running("serve", "--workers", "3", "--metrics", "0", "--text", "a b") as process:
        times = asked_by_all(process, 3)
        post(process.base_url, ASK, path="/nothing")
        eventually(lambda: all(one["outcome"] for one in journal(process)["exchanges"]))
        found = journal(process)
        assert [one["state"] for one in found["workers"]] == ["serves"] * 3
        assert sum(one["exchanges"] for one in found["workers"]) == len(found["exchanges"]) == times + 1
        assert (found["format"], found["dropped"]) == (1, 0)
        assert len({one["id"] for one in found["exchanges"]}) == times + 1
        outcomes = Counter(one["outcome"] for one in found["exchanges"])
        assert outcomes.pop("unmatched") == 1
        # A client that closes at once after the last byte may be seen to have left at the end.
        assert set(outcomes) <= {"completed", "left_at_end"}
        times_of_requests = [one["started_at"] for one in found["exchanges"]]
        assert times_of_requests == sorted(times_of_requests)

        status, problem = get(process, "/_orharness/sessions")
        assert (status, problem["title"]) == (501, "Several processes share this port")
        assert get(process, "/v1/generation?id=a")[0] == 501
        assert get(process, "/_orharness")[0] == 200
        answer = b"".join(
            post(process.base_url, {**ASK, "model": "m", "input": "x", "background": True}, path="/responses")
        )
        assert b"another of the server's workers" in answer

        told = process.stderr_so_far()
        metrics = re.search(r"http://127\.0\.0\.1:\d+/metrics", told)
        assert metrics, told
        assert "page:" not in told
        # What was read last is known a moment later.
        eventually(lambda: samples_at(metrics[0])["orharness_streams_open"] == 0)
        samples = samples_at(metrics[0])
        answered = [value for name, value in samples.items() if name.startswith("orharness_exchanges_total{")]
        assert sum(answered) == times + 3  # with those that were refused
        assert process.stop() == 0
    assert f"\n{times + 3} exchanges: " in process.stderr
    assert "has ended" not in process.stderr


@linux
@pytest.mark.slow
def test_a_worker_that_dies_is_reported_and_the_others_go_on() -> None:
    with running("serve", "--workers", "2", "--text", "a b") as process:
        asked_by_all(process, 2)
        first, second = workers_of(process)
        os.kill(first, signal.SIGKILL)
        eventually(
            lambda: "has ended by SIGKILL: its exchanges are lost; 1 of 2 workers serve" in process.stderr_so_far()
        )
        before = journal(process)
        assert sorted(one["state"] for one in before["workers"]) == ["has ended", "serves"]
        post(process.base_url, ASK)
        assert len(journal(process)["exchanges"]) == len(before["exchanges"]) + 1
        assert process.stop() == 1
    assert f"(process {first}) has ended" in process.stderr
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)


@linux
@pytest.mark.slow
def test_no_worker_outlives_its_parent_and_a_signal_to_all_of_them_is_no_loss() -> None:
    with running("serve", "--workers", "2") as process:
        workers = workers_of(process)
        process.kill()
        eventually(lambda: all(map(has_ended, workers)))
    with running("serve", "--workers", "2") as process:
        port = process.base_url.removesuffix("/v1").rpartition(":")[2]
        with running("serve", "--workers", "2", "--port", port) as second:  # of the same user, who could join in
            assert second.line == ""
            assert second.stop() == 2
        assert f"cannot listen on 127.0.0.1 port {port}" in second.stderr
        for one in workers_of(process):
            os.kill(one, signal.SIGTERM)
        assert (process.stop(), process.stderr) == (0, process.stderr)
    assert "are lost" not in process.stderr


def has_ended(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text("ascii").rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


@linux
@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        ("replies: [{answer: a}, {answer: b}]", "has 2 replies in turn"),
        ("answer: a\n  times: 2", "answers a number of requests (times)"),
        ("answer: a\n  expect: {outcome: completed}", "expects something of all its calls (expect)"),
        ("answer: a\n  pacing: lockstep", "is played in lockstep"),
        ("answer: a b c\n  through: [{hold: 1}]", "has a gate (hold)"),
    ],
)
def test_what_needs_one_process_is_refused(
    scenario: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text(f"orharness: 1\nroutes:\n- {scenario}\n", encoding="utf-8")
    assert called(["serve", "--workers", "2", "--scenario", str(file)], monkeypatch) == 2
    assert re.fullmatch(r"orharness: --workers: .+\n", told := capsys.readouterr().err)
    assert said in told


@linux
def test_cassettes_with_turns_and_lockstep_are_refused(tmp_path: Path) -> None:
    one, two = recorded(tmp_path / "one.yaml", "a"), recorded(tmp_path / "two.yaml", "a", "b")
    check_stateless(Played.by(ServeOptions([one], workers=2)))
    assert len(load(two)) == 2
    for options in (ServeOptions([two]), ServeOptions([], case="framing/crlf"), ServeOptions([], pacing="lockstep")):
        with pytest.raises(ScenarioError, match=r"--workers: .*(in turn|lockstep)"):
            check_stateless(Played.by(options))
    with pytest.raises(ScenarioError, match="--workers is how many processes serve, from 1 up, not 0"):
        ServeOptions([], workers=0)
