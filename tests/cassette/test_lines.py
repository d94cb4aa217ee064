"""NDJSON on tape: recorded, kept, replayed, shown and billed as the API that sends it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orharness.cassette import Interaction, RecordedRequest, load, save
from orharness.cassette.foreign import pieces
from orharness.dialects import OLLAMA, Asked
from orharness.dialects.completion import Completion
from orharness.frames import JSON_ARRAY, NDJSON, SSE, frame_of
from orharness.gateways import ONEROUTER
from orharness.journal import Request
from orharness.recording.exchange import EndWatch
from orharness.report.contents import contents, dialect_of
from orharness.scenario import Reply

HEADERS = (("Content-Type", "application/x-ndjson; charset=utf-8"),)
STREAM = OLLAMA.stream(Completion.of("Gr\u00fc\u00dfe, \u4e16\u754c"), ONEROUTER, Asked())


def interaction() -> Interaction:
    asked = RecordedRequest("POST", "http://host/api/chat", body=b'{"model": "m"}')
    plain = replace(STREAM, end_marker=None, tokens=())
    return Interaction(asked, headers=HEADERS, stream=plain, recorded_at="2026-11-26T04:10:54Z")


@pytest.mark.parametrize(
    ("content_type", "frame"),
    [
        ("application/x-ndjson", NDJSON),
        ("Application/X-NDJSON; charset=utf-8", NDJSON),
        ("text/event-stream", SSE),
        ("application/json", SSE),  # one document, most often
        ("", SSE),
        (None, SSE),
    ],
)
def test_a_content_type_has_a_frame(content_type: str | None, frame: object) -> None:
    assert frame_of(content_type) is frame
    assert frame_of("application/json", [JSON_ARRAY]) is JSON_ARRAY


def test_a_tape_of_lines_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    save(tmp_path / "lines.yaml", [interaction()])
    (loaded,) = load(tmp_path / "lines.yaml")
    assert loaded == interaction()
    assert loaded.stream.frame is NDJSON
    assert dialect_of(loaded.stream) is OLLAMA
    said = [part.text for content in contents(loaded.stream) for part in content.parts]
    assert said[:2] == ['"Gr\u00fc\u00dfe"', '","']
    assert said[-3:-1] == ["finish: stop", "usage 8 + 4 tokens"]


def test_a_replayed_tape_has_its_end_and_its_tokens() -> None:
    response = Reply.recorded(interaction()).answer(Request("POST", "/api/chat"))
    assert (response.stream.end_marker, response.stream.tokens) == (STREAM.end_marker, STREAM.tokens)
    assert response.generation is not None
    assert (response.generation.total, response.generation.counted) == (4, "tokens")


def test_a_foreign_tape_of_lines_is_played_line_by_line() -> None:
    assert list(pieces(HEADERS, STREAM.body)) == [chunk.data for chunk in STREAM.chunks]


def test_a_recorder_sees_the_end_of_an_answer_in_lines() -> None:
    watch = EndWatch(None, NDJSON)
    for chunk in STREAM.chunks:
        assert not watch.seen
        watch.add(chunk.data)
    assert watch.seen
