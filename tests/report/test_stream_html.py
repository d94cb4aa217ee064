"""A recorded stream as a page: its numbers, its chunks, and nothing that could run or leave."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from orharness.cassette import Interaction, RecordedRequest, save
from orharness.cli.show import show_source
from orharness.dialects import DIALECTS
from orharness.dialects.answer import Answer
from orharness.dialects.completion import Completion
from orharness.errors import ScenarioError
from orharness.gateways import ONEROUTER
from orharness.parts import Usage
from orharness.report.stream_html import rate_of, streams_as_html
from orharness.stream import Chunk, Ending, Stream

URL = "https://host/v1/chat/completions"
KEY = "sk-or-v1-0123456789abcdef0123456789abcdef"


def recorded(stream: Stream, *, uri: str = URL, ending: str | None = None, **more: object) -> Interaction:
    headers = (("Content-Type", "text/event-stream"),)
    ended = ending or stream.ending.value
    return Interaction(RecordedRequest("POST", uri), 200, "OK", headers, stream, 0.5, ended, **more)  # type: ignore[arg-type]


class Reader(HTMLParser):
    """Reads a page, and notes what it would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action", "data", "xlink:href")]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


def answer(*tokens: str, delay: float = 0.25, usage: Usage | None = None) -> Stream:
    """A chat answer, an event a chunk, each ``delay`` seconds after the one before."""
    dialect = DIALECTS["chat"]
    made = Completion(tokens, usage=usage)
    asked = dialect.asked(dialect.example_request, ONEROUTER)
    return dialect.stream(made, ONEROUTER, asked, delay)


def test_each_chunk_is_there_with_its_time_its_gap_and_what_is_in_it() -> None:
    stream = Stream((Chunk(b"data: a", 0.25), Chunk(b"b\n\n: c\n\n", 0.5)))
    page = streams_as_html("a.yaml", [recorded(stream, recorded_at="2026-01-01T00:00:00Z", note="a note")])
    text = " ".join(" ".join(read(page).text).split())

    assert "a.yaml" in text
    assert "POST https://host/v1/chat/completions 200 OK · text/event-stream · chunked · recorded 2026-01-01" in text
    assert "note: a note" in text
    assert "head after 0.500 s whole body after 0.750 s longest gap 0.500 s, before chunk 2" in text
    assert "1 0.250 +0.250 7 data: a│ " in text
    assert r"2 0.750 +0.500 8 │b\n\n ab : c" in text
    assert page.count('<rect class="bar') == 2


def test_what_is_not_timed_has_neither_times_nor_a_rate() -> None:
    page = streams_as_html("a.yaml", [recorded(answer("a", "b"), timed=False)])
    text = " ".join(read(page).text)
    assert "without boundaries and timing" in text
    assert not re.search(r"\d s\b", text)
    assert "a second" not in text


@pytest.mark.parametrize(
    ("stream", "counted", "first", "per_second"),
    [
        (answer(*"abcde", usage=None), False, 0.5, 4.0),
        (answer("a"), False, 0.5, None),
        (answer(*"abcde", delay=0.0), False, 0.0, None),
    ],
)
def test_the_rate_is_from_the_first_part_of_the_answer_to_the_last(
    stream: Stream, counted: bool, first: float, per_second: float | None
) -> None:
    rate = rate_of(stream, Answer())
    assert rate is not None
    assert (rate.counted, rate.first, rate.per_second) == (counted, first, per_second)


def test_tokens_are_counted_as_the_service_counted_them() -> None:
    stream = answer(*"abcde")
    rate = rate_of(stream, Answer(usage={"completion_tokens": 20}))
    assert rate is not None
    assert (rate.counted, rate.per_second) == (True, 16.0)  # 16 of them came in the second after the first event
    assert rate_of(Stream.of(b": nothing\n\n"), Answer()) is None


HOSTILE = "</pre><script>alert(1)</script><img src=http://evil/x onerror=alert(1)>\u202e\x1b[31m"


def test_nothing_in_a_recording_becomes_markup_or_reaches_the_network() -> None:
    body = b"event: <b>\ndata: " + HOSTILE.encode() + b"\n\n"
    one = recorded(Stream.of(body), uri=f"{URL}/<script>", note=HOSTILE, ending="eof")
    spoken = recorded(answer(HOSTILE, "<script>"))
    page = streams_as_html("<script>.yaml", [one, spoken])
    seen = read(page)

    assert not seen.tags & {"script", "img", "b", "iframe", "object", "link", "form"}
    assert not {name for name in seen.attributes if name.startswith("on") or name == "style"}
    assert seen.links == []
    assert "\x1b" not in page
    css = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in page


def test_no_key_is_on_the_page() -> None:
    request = RecordedRequest("POST", f"{URL}?api_key={KEY}", (("Authorization", f"Bearer {KEY}"),))
    stream = answer(KEY, " and ", KEY)
    page = streams_as_html("a.yaml", [Interaction(request, stream=stream, note=f"the key {KEY}")])
    assert KEY not in page
    assert "REDACTED" in page


def test_a_response_that_never_came_is_shown() -> None:
    one = Interaction(RecordedRequest("POST", URL), None, "", (), Stream(ending=Ending.RESET), 0.0, "reset")
    text = " ".join(read(streams_as_html("a.yaml", [one])).text)
    assert "no response" in text
    assert "the connection is reset" in text


@pytest.mark.slow
def test_of_a_very_long_stream_the_middle_is_left_out() -> None:
    page = streams_as_html("a.yaml", [recorded(Stream.of(*[b"data: x\n\n"] * 2500))])
    assert "… 500 chunks …" in page
    assert page.count("<tr>") == 2000 + 2


def test_the_command_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cassette, to = tmp_path / "a.yaml", tmp_path / "a.html"
    save(cassette, [recorded(answer("Grüße"))])
    show_source(str(cassette), form="html")
    assert "Grüße" in capsys.readouterr().out
    show_source(str(cassette), form="html", output=to)
    assert "Grüße" in to.read_text("utf-8")


def test_what_is_no_recording_has_no_page(tmp_path: Path) -> None:
    (tmp_path / "journal.json").write_text('{"format": 1, "exchanges": []}', "utf-8")
    with pytest.raises(ScenarioError, match="--format html shows the streams of a recording, not a journal"):
        show_source(str(tmp_path / "journal.json"), form="html")
    with pytest.raises(ScenarioError, match="a format is one of text, html; not 'pdf'"):
        show_source("a.yaml", form="pdf")
    with pytest.raises(ScenarioError, match="--output belongs to --format html"):
        show_source("a.yaml", output=tmp_path / "a")
