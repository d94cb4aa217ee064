"""The live page in Chromium: what it shows, what can be done from it, by keyboard too, and that axe-core is content."""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from orharness import hold, pace, per_byte
from orharness.server.control import ControlOptions
from orharness.server.facade import SseServer
from orharness.server.thread import ServerThread
from tests.support.control import Control
from tests.support.raw import eventually

pytestmark = pytest.mark.slow
PATIENCE = 30_000  # milliseconds
HOSTILE = "</script><img src=x onerror=\"document.title='owned'\"><b id=owned>"
SIZES = {"wide": (1400, 900), "narrow": (390, 844)}


@pytest.fixture
def serving(sse_thread: ServerThread) -> Iterator[SseServer]:
    with SseServer(sse_thread, pacing="recorded", strict=False, cors=True, control=ControlOptions(page=True)) as server:
        yield server


class Shown:
    """The page in a tab of its own. ``problems``: whatever it logged, and each request that goes elsewhere."""

    def __init__(self, browser: Any, server: SseServer, *, token: bool = True) -> None:
        self.server = server
        self.tab = browser.new_page(viewport={"width": 1400, "height": 900})
        self.tab.set_default_timeout(PATIENCE)
        self.problems: list[str] = []
        self.tab.on("console", lambda said: self.problems.append(f"{said.type}: {said.text}"))
        self.tab.on("pageerror", lambda error: self.problems.append(str(error)))
        self.tab.on("request", self._asked)
        self.tab.goto(f"{server.origin}/{f'#token={server.control_token}' if token else ''}")

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((f"{self.server.origin}/", "data:", "blob:")):
            self.problems.append(f"asks for {request.url}")

    def ask(self, document: object = None, path: str = "/v1/chat/completions") -> Client:
        """A client of the server's; the page must be told of it by the server."""
        return Client(self.server, document or {"model": "m", "messages": [], "stream": True}, path)

    def lane(self, state: str, number: int = 1) -> Any:
        """The lane in that state, once there is one."""
        found = self.tab.locator(f"#lanes > li[data-state={state}]")
        found.nth(number - 1).wait_for()
        return found.nth(number - 1)

    def open(self, state: str) -> None:
        self.lane(state).locator("button").click()
        self.tab.locator("#detail h2").wait_for()

    def until(self, script: str) -> None:
        """Wait for what a script says. Not by ``wait_for_function``: the page's policy allows no ``eval``."""
        eventually(lambda: self.tab.evaluate(script))

    def text(self, selector: str) -> str:
        return str(self.tab.locator(selector).first.inner_text())


class Client:
    """Asks, and reads until it is closed."""

    def __init__(self, server: SseServer, document: object, path: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self.connection.request("POST", path, json.dumps(document), {"Content-Type": "application/json"})
        self.response = self.connection.getresponse()
        self.body = b""
        self.thread = Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        with suppress(OSError, http.client.HTTPException, ValueError, AttributeError):
            while piece := self.response.read1(65536):
                self.body += piece

    def close(self) -> None:
        with suppress(OSError):
            if self.connection.sock is not None:
                self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.finish()

    def finish(self) -> None:
        """Read to the end."""
        self.thread.join()
        self.connection.close()


@pytest.fixture
def shown(browser: Any, serving: SseServer) -> Iterator[Shown]:
    made = Shown(browser, serving)
    made.tab.wait_for_selector("#connection[data-is=live]")
    yield made
    made.tab.close()
    assert made.problems == []


def test_a_stream_is_seen_while_it_goes_on_and_when_it_has_ended(shown: Shown) -> None:
    assert shown.text("#empty").startswith("No call yet.")
    route = shown.server.chat(tokens=50, through=[hold(3)], provider="Anthropic")
    client = shown.ask()
    lane = shown.lane("held")
    shown.until("document.querySelector('.more').textContent.includes('3 of')")
    eventually(lambda: "POST /v1/chat/completions" in lane.inner_text())
    eventually(shown.tab.locator("#empty").is_hidden)
    eventually(lambda: shown.text("#open") == "1")
    route.release()
    shown.until("document.querySelector('.tokens').textContent.startsWith('50')")
    eventually(lambda: shown.lane("completed").locator(".cost").inner_text().startswith("$0.00"))
    eventually(lambda: shown.text("#open") == "0")
    client.close()


def test_what_leaks_is_shown_with_its_price(shown: Shown) -> None:
    shown.server.chat(tokens=500, through=[hold(3)], provider="Groq", pace=0.001)
    client = shown.ask()
    shown.lane("held")
    client.close()
    eventually(lambda: "cancelled by the client" in shown.lane("cancelled").inner_text())
    shown.until("document.querySelector('#leaked').parentElement.classList.contains('leak')")
    shown.until("document.querySelector('.cost.leak')?.textContent === '$0.00747\u202fleaked'.replace('\u202f', ' ')")


def test_events_that_stand_for_tokens_are_named_in_the_whole_bill(shown: Shown) -> None:
    pieces = ("one", "two", "three", "[DONE]")
    shown.server.post("/v1/chat/completions").stream(*pieces, through=[hold(2)], provider="Groq")
    client = shown.ask()
    shown.lane("held")
    client.close()
    shown.open("cancelled")
    eventually(lambda: "3 events" in shown.text("#detail-body").replace("\u202f", " "))
    assert "token" not in shown.text("#detail-body")
    # What is billed is told at once, what the model has made grows until it is all of it.
    eventually(lambda: shown.text(".tokens").replace("\u202f", " ") == "3 events")


def test_a_call_is_shown_with_its_certainty_request_bytes_and_events(shown: Shown) -> None:
    shown.server.chat("Zürich", through=[per_byte(), hold(2)], pacing="lockstep")
    client = shown.ask({"model": "of the test", "messages": [], "stream": True})
    shown.open("held")
    shown.until("document.querySelector('#detail .sure.seen') !== null")
    shown.tab.click("#tab-request")
    eventually(lambda: '"model": "of the test"' in shown.text("#detail-body"))
    shown.tab.click("#tab-events")
    eventually(lambda: "head written" in shown.text("#detail-body"))
    shown.tab.click("#tab-bytes")
    shown.tab.locator(".chunk").first.wait_for()
    shown.tab.click("text=/^Show .*more chunks$/")
    eventually(lambda: shown.tab.locator(".chunk .byte").first.inner_text() == "C3")
    eventually(lambda: shown.text(".divider.sent").endswith("chunks written; the rest was not"))
    eventually(lambda: shown.tab.locator(".chunk.unsent").count() > 0)
    client.close()


def test_a_stream_is_held_released_and_cut_from_the_page(shown: Shown) -> None:
    shown.server.chat(tokens=4000, through=[pace(0.02)])
    client = shown.ask()
    shown.open("open")
    shown.tab.click("text=Hold")
    shown.lane("held")
    shown.tab.click("text=Release")
    shown.lane("open")
    shown.tab.click("text=Cut: RST")
    shown.lane("faulted")
    shown.until("document.querySelector('#detail-body').textContent.includes('cut by hand: reset')")
    shown.tab.locator("#detail .actions").wait_for(state="hidden")
    client.close()


def test_everything_can_be_done_by_keyboard(shown: Shown) -> None:
    shown.server.chat(tokens=4000, through=[pace(0.02)], when={"model": "slow"})
    shown.server.chat("x", when={"model": "m"})
    shown.ask().finish()
    client = shown.ask({"model": "slow", "messages": [], "stream": True})
    shown.lane("open")
    press = shown.tab.keyboard.press
    press("/")
    shown.tab.keyboard.type("streaming")
    shown.until("document.querySelectorAll('#lanes > li:not([hidden])').length === 1")
    press("Escape")
    shown.until("document.querySelectorAll('#lanes > li:not([hidden])').length === 2")
    shown.tab.evaluate("document.querySelector('#lanes button[tabindex=\"0\"]').focus()")
    press("Home")
    press("ArrowDown")
    press("ArrowUp")
    press("Enter")
    shown.tab.locator("#detail h2").wait_for()
    eventually(lambda: shown.tab.evaluate("document.activeElement.tagName") == "H2")
    press("h")
    shown.lane("held")
    shown.tab.focus("#tab-known")
    press("ArrowRight")
    eventually(lambda: shown.tab.get_attribute("#tab-request", "aria-selected") == "true")
    press("r")
    shown.lane("open")
    press("x")
    shown.lane("faulted")
    press("Escape")
    eventually(lambda: shown.tab.locator("#detail").is_hidden())
    eventually(lambda: shown.tab.evaluate("document.activeElement.className") == "lane")
    client.close()


def test_what_is_selected_stays_selected_while_a_stream_goes_on(shown: Shown) -> None:
    shown.server.chat(tokens=4000, through=[pace(0.02)])
    client = shown.ask()
    shown.open("open")
    shown.tab.click("#tab-request")
    shown.tab.locator("#detail-body pre").wait_for()
    shown.tab.evaluate("getSelection().selectAllChildren(document.querySelector('#detail-body pre'))")
    written = len(shown.server.journal[0].written_at)
    eventually(lambda: len(shown.server.journal[0].written_at) > written + 50)
    eventually(lambda: "messages" in shown.tab.evaluate("getSelection().toString()"))
    client.close()


def dropped(shown: Shown, name: str, text: str) -> None:
    drop = """([name, text]) => {
      const files = new DataTransfer();
      files.items.add(new File([text], name));
      for (const kind of ["dragover", "drop"]) {
        window.dispatchEvent(new DragEvent(kind, {dataTransfer: files, bubbles: true, cancelable: true}));
      }
    }"""
    shown.tab.evaluate(drop, [name, text])


def test_a_dropped_file_plays_and_a_wrong_one_is_told(shown: Shown) -> None:
    shown.server.answer("of the server")
    dropped(shown, "scenario.yaml", "orharness: 1\nroutes:\n- chat: from the file\n")
    shown.until("document.querySelector('#toast').textContent.startsWith('plays scenario.yaml (scenario)')")
    client = shown.ask()
    shown.lane("completed")
    eventually(lambda: b"[DONE]" in client.body)
    assert b"file" in client.body
    shown.tab.set_input_files("#file", {"name": "x.txt", "mimeType": "text/plain", "buffer": b"what?"})
    shown.until("document.querySelector('#toast.wrong')?.textContent.startsWith('x.txt: this is not a cassette')")
    shown.problems[:] = [one for one in shown.problems if "422" not in one]  # Chromium logs each refusal
    client.close()


def test_a_session_is_reset_after_a_question(shown: Shown) -> None:
    shown.server.chat("x")
    shown.ask().finish()
    shown.lane("completed")
    shown.tab.click("#reset")
    shown.tab.click("dialog >> text=Keep it")
    assert len(shown.server.journal) == 1
    shown.tab.click("#reset")
    shown.tab.click("dialog >> button.danger")
    shown.until("document.querySelectorAll('#lanes > li').length === 0")
    assert shown.server.journal == []


def test_without_the_token_nothing_is_shown_and_with_it_all(browser: Any, serving: SseServer) -> None:
    serving.chat("x")
    page = Shown(browser, serving, token=False)
    page.ask().finish()
    page.tab.locator("#token").wait_for()
    eventually(lambda: "a web page needs the token" in page.text("#why"))
    assert page.tab.locator("#lanes > li").count() == 0
    page.tab.fill("#token-field", serving.control_token)
    page.tab.click("text=Open")
    page.lane("completed")
    page.tab.close()


def test_what_a_client_sends_is_shown_and_never_run(shown: Shown) -> None:
    shown.server.chat(HOSTILE, through=[hold(3)])
    shown.ask(path=f"/v1/{HOSTILE.replace(' ', '%20')}").close()
    client = shown.ask({"model": HOSTILE, "messages": [{"role": "user", "content": HOSTILE}], "stream": True})
    for state in ("unmatched", "held"):
        shown.open(state)
        for tab in ("known", "request", "bytes", "events"):
            shown.tab.click(f"#tab-{tab}")
            shown.until("!document.querySelector('#detail-body').textContent.includes('Being asked')")
    eventually(lambda: "onerror" in shown.tab.content())
    assert shown.tab.locator("#owned").count() == 0
    assert shown.tab.title() == "orharness"
    client.close()


def test_a_server_that_goes_and_comes_back_is_seen(browser: Any, sse_thread: ServerThread) -> None:
    control = ControlOptions(token="of the test", page=True)
    with SseServer(sse_thread, strict=False, control=control) as server:
        page = Shown(browser, server)
        page.tab.wait_for_selector("#connection[data-is=live]")
    page.tab.wait_for_selector("#connection[data-is=lost]")
    with SseServer(sse_thread, strict=False, control=control, port=server.port) as again:
        again.chat("x")
        page.server = again
        page.tab.wait_for_selector("#connection[data-is=live]")
        page.ask().finish()
        page.lane("completed")
        page.tab.close()


def test_a_page_that_is_saved_needs_no_server(browser: Any, shown: Shown, tmp_path: Path) -> None:
    shown.server.chat(tokens=90, through=[hold(3)], provider="Groq")
    client = shown.ask()
    shown.lane("held")
    client.close()
    shown.lane("cancelled")
    with shown.tab.expect_download() as download:
        shown.tab.click("#save")
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    tab = browser.new_page(viewport={"width": 1400, "height": 900})
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(file.as_uri())
    tab.click("#lanes > li[data-state=cancelled] button")
    for name, said in (("known", "leaked"), ("request", "messages"), ("bytes", "3 chunks written"), ("events", "left")):
        tab.click(f"#tab-{name}")
        assert said in tab.locator("#detail-body").inner_text().replace("\u202f", " ")
    assert [one for one in asked if not one.startswith(("data:", "file:"))] == []
    eventually(lambda: tab.locator(".actions").is_hidden())
    assert content(tab)
    tab.close()


# -- for everybody ---------------------------------------------------------------------------------------------------


def content(tab: Any) -> bool:
    """Whether axe-core finds nothing serious; what it finds is shown."""
    axe = os.environ.get("ORHARNESS_AXE")
    if axe is None:
        pytest.skip("there is no Chromium here, or no axe-core beside it: ORHARNESS_AXE=…/axe.min.js")
    tab.evaluate(Path(axe).read_text("utf-8"))
    found = tab.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    serious = [
        (one["id"], node["html"][:200], node["failureSummary"][:300])
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
    assert serious == []
    return True


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing_serious(shown: Shown, size: str, scheme: str) -> None:
    width, height = SIZES[size]
    shown.tab.set_viewport_size({"width": width, "height": height})
    shown.tab.emulate_media(color_scheme=scheme)
    assert content(shown.tab)
    shown.server.chat("Grüße, 世界", through=[hold(2), per_byte()])
    shown.server.chat(tokens=90, through=[hold(3)], provider="Groq", when={"model": "leak"})
    clients = [shown.ask({"model": "leak", "messages": [], "stream": True}), shown.ask(), shown.ask(path="/v1/nothing")]
    shown.lane("held", 2)
    clients.pop(0).close()
    shown.lane("cancelled")
    assert content(shown.tab)
    assert shown.tab.evaluate("document.documentElement.scrollWidth <= innerWidth")  # nothing is cut off at the side
    shown.open("cancelled")
    for tab in ("known", "request", "bytes", "events"):
        shown.tab.click(f"#tab-{tab}")
        shown.until("!document.querySelector('#detail-body').textContent.includes('Being asked')")
        assert content(shown.tab)
    shown.tab.keyboard.press("Escape")
    shown.tab.click("#reset")
    assert content(shown.tab)
    for one in clients:
        one.close()


def test_a_reader_that_sees_nothing_is_told_of_ends(shown: Shown) -> None:
    shown.server.chat("x")
    shown.ask().finish()
    shown.until("document.querySelector('#said').textContent === 'call 1: completed'")
    assert shown.tab.get_attribute("#said", "aria-live") == "polite"


def test_the_texts_of_a_lane_are_its_name(shown: Shown) -> None:
    shown.server.chat("x")
    shown.ask().finish()
    shown.lane("completed")
    shown.until("document.querySelector('.tokens').textContent !== ''")
    button = shown.tab.get_by_role("button", name="POST /v1/chat/completions")
    eventually(lambda: button.count() == 1)
    eventually(lambda: button.get_attribute("aria-pressed") == "false")


def test_a_control_verb_of_another_program_is_seen_at_once(shown: Shown) -> None:
    shown.server.chat(tokens=4000, through=[pace(0.02)])
    client = shown.ask()
    shown.lane("open")
    Control(shown.server).ask("POST", "/sessions/default/calls/000001/hold")
    shown.lane("held")
    client.close()
