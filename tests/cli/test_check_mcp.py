"""``orharness check-mcp``: what a user reads, the exit codes, and what is wrong before anything is started."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from orharness.cli import main
from tests.support.mcp_server import mcp_server
from tests.support.places import ROOT


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """The exit code, stdout and stderr."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["orharness", "check-mcp", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    out, err = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, out, err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["http://127.0.0.1:1/mcp"], "name a tool that takes some seconds: --tool NAME"),
        (["--tool", "slow"], "name the server: its URL, or --command CMD that starts it"),
        (["http://127.0.0.1:{port}/mcp", "--tool", "slow"], "{port} in the address is the port of the server"),
        (["http://127.0.0.1/mcp", "--tool", "slow", "--command", "x"], "names no port"),
        (["http://127.0.0.1:1/mcp", "--tool", "slow", "--arguments", "{"], "--arguments is not JSON"),
        (["http://127.0.0.1:1/mcp", "--tool", "slow", "--arguments", "[1]"], "--arguments is a JSON object, not [1]"),
        (["http://127.0.0.1:1/mcp", "--tool", "slow", "--header", "x"], "--header takes 'Name: value', not 'x'"),
        (["http://127.0.0.1:1/mcp", "--tool", "slow", "--revision", "2025"], "a revision is one of 2026-07-28"),
        (["http://127.0.0.1:1/mcp", "--tool", "slow", "--within", "0"], "within is a number of seconds above 0"),
        (["nowhere", "--tool", "slow"], "'nowhere' is not the address of a server"),
        (["http://127.0.0.1:1/mcp", "--tool", "slow"], "http://127.0.0.1:1/mcp: no connection"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert said in " ".join(err.split())


def test_where_nothing_can_be_judged_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with mcp_server(seconds=0.2) as server:  # it knows no witness
        code, out, err = run(capsys, server.url, "--tool", "slow", "--revision", "2026-07-28")
    assert code == 2
    assert "nothing could be judged: nothing shows whether the tool works" in " ".join(err.split())
    assert "2026-07-28/leaving" in out


@pytest.mark.slow
@pytest.mark.parametrize("stops", [False, True])
def test_a_server_is_started_judged_and_ended(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stops: bool
) -> None:
    monkeypatch.setenv("STOPS", "1" if stops else "0")
    monkeypatch.chdir(ROOT)
    report = tmp_path / "report.json"
    wanted = ["--tool", "slow", "--revision", "2026-07-28", "--within", "0.6", "--leave-after", "0.3"]
    wanted += ["--format", "json", "--output", str(report), *(["--format", "json", "--output", "-"] if stops else [])]
    code, out, err = run(capsys, "--command", f"{sys.executable} -m tests.support.mcp_server", *wanted)
    assert code == (0 if stops else 1), (out, err)
    found = json.loads(report.read_text("utf-8"))
    (verdict,) = found["cases"]
    assert (verdict["id"], verdict["verdict"]) == ("2026-07-28/leaving", "pass" if stops else "fail")
    assert verdict["source"].endswith("/2026-07-28/basic/transports/streamable-http#cancellation")
    if stops:
        assert json.loads(out) == found
    else:
        assert "slow worked on for 1." in out
        assert "s after its client had left, to its end" in out
