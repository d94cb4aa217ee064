"""A hostile page in Chromium tries every verb in every way that a page has: none succeeds. What is played it reads."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from orharness.server.control.table import VERBS
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from tests.support.control import CHAT, HELD, Control, Stream

pytestmark = pytest.mark.slow
# Each way resolves with whether the page learnt something; whether the server did something is asked of the server.
ATTACK = """
async ({verbs, posted}) => {
  const json = {"content-type": "application/json"};
  const read = async (response) => response.ok && response.type !== "opaque" && (await response.text()).length > 0;
  const ways = {
    fetch: (method, url, body) => fetch(url, {method, body, headers: body ? json : {}}).then(read),
    simple: (method, url, body) =>
      fetch(url, {method: method === "GET" ? "GET" : "POST", body, mode: "no-cors"}).then(read),
    credentials: (method, url, body) => fetch(url, {method, body, credentials: "include"}).then(read),
    guess: (method, url, body) => fetch(url, {method, body, headers: {...json, authorization: "Bearer x"}}).then(read),
    beacon: async (method, url, body) => { navigator.sendBeacon(url, body ?? ""); return false; },
    form: async (method, url, body) => {
      const frame = document.body.appendChild(document.createElement("iframe"));
      frame.name = `f${Math.random()}`;
      const form = document.body.appendChild(document.createElement("form"));
      Object.assign(form, {action: url, enctype: "text/plain", target: frame.name});
      form.method = method === "GET" ? "get" : "post";
      const field = form.appendChild(document.createElement("input"));
      Object.assign(field, {name: body ?? "x", value: ""});
      form.submit();
      await new Promise((resolve) => { frame.onload = resolve; setTimeout(resolve, 500); });
      const text = frame.contentDocument?.body?.textContent ?? "";
      return text.includes('"') && !text.includes('"detail"');  // what refuses it may be read
    },
    picture: (method, url) => new Promise((resolve) => {
      const image = new Image();
      image.onload = () => resolve(true);
      image.onerror = () => resolve(false);
      image.src = url;
    }),
    source: (method, url) => new Promise((resolve) => {
      const source = new EventSource(url);
      source.onopen = () => { source.close(); resolve(true); };
      source.onerror = () => { source.close(); resolve(false); };
    }),
  };
  const succeeded = [];
  for (const [method, url, takesBody] of verbs) {
    await Promise.all(Object.entries(ways).map(async ([name, way]) => {
      const done = await way(method, url, takesBody ? posted : undefined).catch(() => false);
      if (done) succeeded.push(`${name} ${method} ${url}`);
    }));
  }
  return succeeded;
}
"""


class Page(BaseHTTPRequestHandler):
    """An empty page of another origin."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>hostile</title><body>")

    def log_message(self, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def open_server(sse_thread: ServerThread) -> Iterator[SseServer]:
    """As ``orharness serve`` has it: pages may read what is played."""
    with SseServer(sse_thread, cors=True) as server:
        yield server


@pytest.fixture
def page_elsewhere() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def state(control: Control, session: str) -> Any:
    """All that a verb could change."""
    sessions = control.ask("GET", "/sessions").document["sessions"]
    calls = control.ask("GET", f"/sessions/{session}/calls").document["calls"]
    seen = [(one["id"], one["outcome"], one["held_at"], one["open"]) for one in calls]  # a model goes on with its bill
    # A browser asks by itself for the icon of a page: that is a call of the default session.
    return [(one["id"], one["routes"], one["id"] == "default" or one["calls"]) for one in sessions], seen


@pytest.mark.parametrize("where", ["another origin", "the server's own name, rebound"])
def test_no_verb_obeys_a_page(open_server: SseServer, page_elsewhere: str, browser: Any, where: str) -> None:
    control = Control(open_server)
    session = control.open(HELD, pacing="recorded")
    stream = Stream(session["base_url"])
    assert control.wait(session["id"], "held")["met"]
    before = state(control, session["id"])
    rebound = where != "another origin"
    origin = f"http://evil.example:{open_server.port}" if rebound else open_server.origin
    names = {"session": session["id"], "route": "r1", "call": "000001"}
    verbs = [
        (
            one.method,
            f"{origin}{one.path.format(**names)}{'?for=call' if one.name == 'wait' else ''}",
            one.body is not None,
        )
        for one in VERBS
    ]
    page = browser.new_page()
    page.goto(f"{origin}/v1/models" if rebound else page_elsewhere)
    succeeded = page.evaluate(ATTACK, {"verbs": verbs, "posted": json.dumps(CHAT)})
    page.close()
    assert succeeded == []
    assert state(control, session["id"]) == before
    stream.close()


def test_a_page_of_any_origin_reads_what_is_played(open_server: SseServer, page_elsewhere: str, browser: Any) -> None:
    route = open_server.chat("hello")
    page = browser.new_page()
    page.goto(page_elsewhere)
    ask = """async (url) => {
      const headers = {authorization: "Bearer sk-x", "content-type": "application/json"};
      const response = await fetch(url, {method: "POST", headers, body: '{"messages": [], "stream": true}'});
      return [await response.text(), response.headers.get("x-generation-id") !== null];
    }"""
    text, exposed = page.evaluate(ask, f"{open_server.base_url}/chat/completions")
    page.close()
    assert text.endswith("data: [DONE]\n\n")
    assert "hello" in text
    assert exposed
    assert len(route.calls) == len(open_server.journal) == 1  # the preflight is none
    open_server.verify()


def test_the_ways_of_the_attack_work_where_nothing_is_in_their_way(
    open_server: SseServer, page_elsewhere: str, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the test above would pass for a broken attack."""
    monkeypatch.setattr(open_server._origin.control.gate, "check", lambda request, local: None)
    control = Control(open_server)
    session = control.open(CHAT)
    before = state(control, session["id"])
    page = browser.new_page()
    page.goto(page_elsewhere)
    reset = [("POST", f"{open_server.origin}/_orharness/sessions/{session['id']}/reset", False)]
    page.evaluate(ATTACK, {"verbs": reset, "posted": ""})
    page.goto(f"{open_server.origin}/v1/models")
    own = page.evaluate(ATTACK, {"verbs": [("GET", f"{open_server.origin}/_orharness", False)], "posted": ""})
    page.close()
    assert state(control, session["id"]) != before
    assert any(one.startswith("fetch") for one in own)
