"""The script for k6 in ``benchmarks/load``: parsed and run by Node, in place of k6, on what a server here has sent."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from orharness.sse import Decoder, Event
from tests.support.places import ROOT

_SCRIPT = ROOT / "benchmarks" / "load" / "k6.js"
_NEEDS_NODE = pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js here")
_PRELUDE = """
import { readFileSync } from "node:fs";
const given = JSON.parse(readFileSync(process.env.GIVEN, "utf8"));
const __ENV = given.env;
const seen = {};
class Metric {
  constructor(name) { seen[name] = []; this.add = (value) => seen[name].push(value); }
}
const Trend = Metric, Counter = Metric;
const check = (value, checks) => Object.entries(checks).forEach(([name, holds]) => (seen[name] = holds(value)));
const http = { get: () => ({ json: () => given.journal }) };
const sse = {
  open(url, request, ready) {
    seen.asked = [url, request.method, JSON.parse(request.body).stream];
    let open = true, told;
    ready({ on: (name, act) => (told = act), close: () => (open = false) });
    for (const data of given.events) if (open) told({ data });
    return { status: 200 };
  },
};
console.log = (line) => (seen.said = line);
"""
_AFTER = "\nk6(); teardown(); process.stdout.write(JSON.stringify(seen));\n"


@_NEEDS_NODE
def test_the_script_for_k6_parses() -> None:
    checked = subprocess.run(
        ["node", "--input-type=module", "--check"], input=_SCRIPT.read_bytes(), capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stderr.decode()


@_NEEDS_NODE
@pytest.mark.parametrize("cancels", ["0", "1"])
def test_the_script_for_k6_counts_what_it_reads_and_the_bill(
    sse_thread: ServerThread, tmp_path: Path, cancels: str
) -> None:
    with SseServer(sse_thread, strict=False) as server:
        server.chat(tokens=30)
        body = json.dumps({"model": "m", "stream": True, "messages": []}).encode()
        asked = Request(f"{server.base_url}/chat/completions", body, {"Content-Type": "application/json"})
        with urlopen(asked) as answer:
            events = [one.data for one in Decoder().feed(answer.read()) if isinstance(one, Event)]
        with urlopen(server.url_for("/_orharness/journal")) as answer:
            journal = json.load(answer)
    given = {"events": events, "journal": journal, "env": {"CANCELS": cancels, "HOST": "http://gateway"}}
    (tmp_path / "given.json").write_text(json.dumps(given), "utf-8")
    source = re.sub(r"^import .*\n", "", _SCRIPT.read_text("utf-8"), flags=re.M)
    (tmp_path / "run.mjs").write_text(
        _PRELUDE + source.replace("export default function", "function k6") + _AFTER, "utf-8"
    )
    environment = {**os.environ, "GIVEN": str(tmp_path / "given.json")}
    done = subprocess.run(["node", tmp_path / "run.mjs"], env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    seen = json.loads(done.stdout)
    assert seen["asked"] == ["http://gateway/v1/chat/completions", "POST", True]
    assert seen["status 200"] is True
    assert len(seen["time_to_first_token"]) == 1
    assert (seen["answers_cut_short"], seen["answers_cancelled"]) == ([], [1] if cancels == "1" else [])
    assert seen["said"] == "1 answers: 30 tokens made, 30 read, 30 billed, 0 leaked"
