"""Whatever is saved is loaded, and reads as it was sent."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orharness.cassette import (
    CLIENT_DISCONNECTED,
    Headers,
    Interaction,
    RecordedRequest,
    Serializer,
    Tape,
    header,
    load,
    save,
)
from orharness.errors import CassetteError
from orharness.stream import Ending, Stream
from tests.support.cassette_samples import NASTY, SERIALIZERS, URI, an_interaction, interactions


@pytest.mark.slow
@pytest.mark.parametrize("serializer", SERIALIZERS)
@given(recorded=st.lists(interactions(), max_size=3))
def test_whatever_is_saved_is_loaded(folder: Path, serializer: Serializer, recorded: list[Interaction]) -> None:
    save(folder / "law.yaml", recorded, serializer=serializer)

    for reader in (Serializer(libyaml=True), Serializer(libyaml=False)):
        assert load(folder / "law.yaml", serializer=reader) == recorded


@pytest.mark.slow
@given(recorded=st.lists(interactions(), max_size=3))
def test_libyaml_and_pyyaml_write_the_same(folder: Path, recorded: list[Interaction]) -> None:
    save(folder / "fast.yaml", recorded, serializer=Serializer(libyaml=True))
    save(folder / "pure.yaml", recorded, serializer=Serializer(libyaml=False))

    assert (folder / "fast.yaml").read_bytes() == (folder / "pure.yaml").read_bytes()


@pytest.mark.slow
@given(recorded=st.lists(interactions(), min_size=1, max_size=3))
def test_a_tape_writes_the_same_as_save(folder: Path, recorded: list[Interaction]) -> None:
    tape = Tape(folder / "tape.yaml", "all")
    tape._entries = []
    for one in recorded:
        tape.add(one)
    save(folder / "saved.yaml", recorded)

    assert (folder / "tape.yaml").read_bytes() == (folder / "saved.yaml").read_bytes()


@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize("body", NASTY)
def test_nasty_bytes(tmp_path: Path, body: bytes, serializer: Serializer) -> None:
    recorded = an_interaction(body)
    recorded = replace(recorded, request=replace(recorded.request, body=body))
    save(tmp_path / "a.yaml", [recorded], serializer=serializer)

    assert load(tmp_path / "a.yaml", serializer=serializer) == [recorded]


LOAD_AND_SAVE = "import sys; from orharness.cassette import load, save; save(sys.argv[2], load(sys.argv[1]))"


@pytest.mark.slow
def test_a_process_with_an_ascii_locale_reads_and_writes_the_same(tmp_path: Path) -> None:
    save(tmp_path / "there.yaml", [an_interaction(body) for body in NASTY])
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}

    command = [sys.executable, "-X", "warn_default_encoding", "-W", "error::EncodingWarning", "-c", LOAD_AND_SAVE]
    files = [str(tmp_path / "there.yaml"), str(tmp_path / "back.yaml")]
    subprocess.run([*command, *files], env={**os.environ, **ascii_only}, check=True)

    assert (tmp_path / "back.yaml").read_bytes() == (tmp_path / "there.yaml").read_bytes()


def test_the_file_is_what_the_design_shows(tmp_path: Path) -> None:
    recorded = an_interaction(
        b": ONEROUTER PROCESSING\n\n",
        'data: {"id": "Grüße, 世界 \N{GRINNING FACE}"}\n\n'.encode(),
        delay=0.4120004,
        recorded_at="2026-11-22T06:00:00Z",
    )
    save(tmp_path / "a.yaml", [recorded])

    assert (
        (tmp_path / "a.yaml").read_bytes().decode()
        == """\
interactions:
- request:
    method: POST
    uri: https://llm.example/v1/chat/completions
    body: '{"model": "m", "stream": true}'
    headers:
      Content-Type:
      - application/json
  response:
    status:
      code: 200
      message: OK
    headers:
      Content-Type:
      - text/event-stream
    body:
      string: |+
        : ONEROUTER PROCESSING

        data: {"id": "Grüße, 世界 \N{GRINNING FACE}"}

    x-orharness:
      format: 1
      head: 0.5
      chunks: [[0.412, 24], [0.412, 38]]
      framing: chunked
      ending: eof
      recorded_at: '2026-11-22T06:00:00Z'
      sha256: a1f3838eeec2b433ca8b796f6d80581b408d532a8c49e8910a5b29eb90316515
      interactions: 1
      order: sha256-a7116f4f4429089ef53a088b52625f79225a657d056a6ad14c9775391bee6612
version: 1
"""
    )


def test_what_looks_like_the_end_of_a_document_stays(tmp_path: Path) -> None:
    recorded = an_interaction(b"a", note="to be continued...")
    save(tmp_path / "a.yaml", [recorded])

    assert load(tmp_path / "a.yaml") == [recorded]


@pytest.mark.parametrize("body", [b"data: a\n\n", "data: \N{GRINNING FACE} ü\n".encode(), b"  a\n\n\n b\n", b"a\nb"])
def test_a_literal_block_wherever_it_can_be(tmp_path: Path, body: bytes) -> None:
    save(tmp_path / "a.yaml", [an_interaction(body)])

    assert "      string: |" in (tmp_path / "a.yaml").read_text("utf-8")


@pytest.mark.parametrize("body", [b"a \nb\n", b"a\tb\n", b"a\r\n", b"a\nb ", "a\N{NEXT LINE}".encode(), b"\0\n"])
def test_a_quoted_text_elsewhere(tmp_path: Path, body: bytes) -> None:
    save(tmp_path / "a.yaml", [an_interaction(body)])

    assert '      string: "' in (tmp_path / "a.yaml").read_text("utf-8")


@pytest.mark.parametrize("ending", [*Ending, CLIENT_DISCONNECTED])
def test_endings(tmp_path: Path, ending: str) -> None:
    replays = Ending.ABORT if ending == CLIENT_DISCONNECTED else Ending(ending)
    save(tmp_path / "a.yaml", [an_interaction(ending_recorded=str(ending), stream=Stream.of(b"a", ending=replays))])

    (found,) = load(tmp_path / "a.yaml")
    assert found.ending_recorded == ending
    assert found.stream.ending is replays


def test_an_ending_that_the_stream_does_not_have_is_refused() -> None:
    with pytest.raises(CassetteError, match="ending 'reset' does not replay as 'eof'"):
        an_interaction(ending_recorded="reset")
    with pytest.raises(CassetteError, match="'gone' is not one of eof, abort, reset, hang, client_disconnected"):
        an_interaction(ending_recorded="gone")


def test_a_repeated_header_stays_repeated_in_a_response_and_is_joined_in_a_request(tmp_path: Path) -> None:
    repeated: Headers = (("A", "1"), ("B", "2"), ("a", "3"))
    recorded = replace(an_interaction(headers=repeated), request=RecordedRequest("GET", URI, repeated))
    save(tmp_path / "a.yaml", [recorded])

    (found,) = load(tmp_path / "a.yaml")
    assert found.headers == (("A", "1"), ("A", "3"), ("B", "2"))
    assert found.request.headers == (("A", "1, 3"), ("B", "2"))
    assert header(found.headers, "b") == "2"
    assert header(found.headers, "c") is None


@pytest.mark.parametrize(
    ("uri", "path"),
    [("https://a/v1/b?c=1#d", "/v1/b"), ("https://a", "/"), ("https://a?b=/c", "/"), ("/b%20c/", "/b%20c/")],
)
def test_the_path_of_a_request(uri: str, path: str) -> None:
    assert RecordedRequest("GET", uri).path == path
