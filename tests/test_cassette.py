"""Cassettes: what is saved is what is loaded, vcrpy agrees, and whatever is damaged says where."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
import requests
import vcr  # type: ignore[import-untyped]
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from orharness.cassette import (
    CLIENT_DISCONNECTED,
    Headers,
    Interaction,
    Persister,
    RecordedRequest,
    Serializer,
    Tape,
    header,
    load,
    redact,
    save,
    scrub,
    scrub_uri,
)
from orharness.errors import CassetteError, ScenarioError
from orharness.journal import Request
from orharness.sse import Event, decode
from orharness.stream import Chunk, Ending, Framing, Stream

URI = "https://llm.example/v1/chat/completions"
EVENT_STREAM: Headers = (("Content-Type", "text/event-stream"),)

# Each is a stream that some style of YAML cannot hold, or holds wrongly.
NASTY = [
    b"data: Gr\xc3\xbc\xc3\x9fe, \xe4\xb8\x96\xe7\x95\x8c\n\n",
    "data: \N{GRINNING FACE}\n\n".encode(),
    b"data: a\r\ndata: b\r\n\r\n",
    b"\rdata: a\r\r",
    b"data:\ta\n\n",
    b": \n\ndata: a \n\n",
    b"\xef\xbb\xbfdata: a\n\n",
    "data: a\N{NEXT LINE}b\N{LINE SEPARATOR}c\N{PARAGRAPH SEPARATOR}d\n\n".encode(),
    "data: a\N{NEXT LINE}b".encode(),
    "\N{LINE SEPARATOR}".encode(),
    b"data: \0\x1b\x7f\n\n",
    b"data: \xff\xfe\n\n",
    b"data: \xf0\x9f\x98",
    b"\n\n\ndata: a",
    b"   data: a\n  b\n\n\n\n",
    b"# a\n--- b\n...\n",
    b"---\n",
    b"a: b\n- c\n",
    b"\n",
    b" ",
    b"\xc2\xa0\n",
    "\ufffe\uffff\n".encode(),
    b'{"a": "\\ud83d\\ude00 \\U0001F600"}\n',
    b"null",
    b"2026-11-22",
    b"0x10",
    b"=",
    b"wait...",
    b"wait\n...\n",
]


def an_interaction(*pieces: bytes, delay: float = 0.25, **changes: Any) -> Interaction:
    """A recorded chat stream; ``pieces`` are its chunks."""
    request = RecordedRequest("POST", URI, (("Content-Type", "application/json"),), b'{"model": "m", "stream": true}')
    stream = Stream.of(*(pieces or (b"data: a\n\n", b"data: [DONE]\n\n")), delay=delay)
    return replace(Interaction(request, headers=EVENT_STREAM, stream=stream, head=0.5), **changes)


def written(path: Path, *changes: Callable[[Any], object]) -> Path:
    """A saved cassette, changed as a hand would change it."""
    save(path, [an_interaction()])
    data = yaml.safe_load(path.read_text("utf-8"))
    for change in changes:
        change(data)
    path.write_text(yaml.safe_dump(data), "utf-8")
    return path


def foreign(path: Path, headers: dict[str, Any] | None = None, **response: Any) -> Path:
    """A cassette with one interaction as vcrpy itself writes it."""
    request = {"method": "POST", "uri": URI, "body": "{}", "headers": {}}
    response = {"status": {"code": 200, "message": "OK"}, "headers": headers or {}, **response}
    path.write_text(
        yaml.safe_dump({"version": 1, "interactions": [{"request": request, "response": response}]}), "utf-8"
    )
    return path


# What is saved is what is loaded

SERIALIZERS = [pytest.param(Serializer(libyaml=True), id="libyaml"), pytest.param(Serializer(libyaml=False), id="pure")]
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = st.text("abcXYZ0-", min_size=1, max_size=5).map("X-".__add__)
headers_of = st.lists(st.tuples(names, texts), max_size=4).map(tuple)
seconds = st.integers(0, 10**10).map(lambda microseconds: microseconds / 10**6)
bodies = st.lists(st.sampled_from(NASTY) | st.binary(max_size=20) | texts.map(str.encode), max_size=5).map(b"".join)


@st.composite
def streams(draw: st.DrawFn, ending: Ending) -> Stream:
    body = draw(bodies)
    cuts = sorted(draw(st.sets(st.integers(0, len(body)), max_size=6)) | {0, len(body)})
    chunks = [Chunk(body[start:end], draw(seconds)) for start, end in pairwise(cuts)]
    announced = draw(st.none() | st.integers(0, 10**6))
    return Stream(tuple(chunks), ending, draw(st.sampled_from(Framing)), announced=announced)


@st.composite
def interactions(draw: st.DrawFn) -> Interaction:
    ending = draw(st.sampled_from([*Ending, CLIENT_DISCONNECTED]))
    return Interaction(
        RecordedRequest(draw(st.sampled_from(["POST", "GET"])), f"{URI}?a=1&b", draw(headers_of), draw(bodies)),
        draw(st.integers(100, 599)),
        draw(texts),
        draw(headers_of),
        draw(streams(Ending.ABORT if ending == CLIENT_DISCONNECTED else Ending(ending))),
        draw(seconds),
        str(ending),
        draw(st.none() | st.just("2026-11-22T06:00:00Z") | texts.filter(bool)),
        draw(st.booleans()),
        draw(st.none() | texts),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples of a property."""
    return tmp_path_factory.mktemp("cassettes")


@pytest.mark.parametrize("serializer", SERIALIZERS)
@given(recorded=st.lists(interactions(), max_size=3))
@settings(deadline=None)
def test_whatever_is_saved_is_loaded(folder: Path, serializer: Serializer, recorded: list[Interaction]) -> None:
    save(folder / "law.yaml", recorded, serializer=serializer)

    for reader in (Serializer(libyaml=True), Serializer(libyaml=False)):
        assert load(folder / "law.yaml", serializer=reader) == recorded


@given(recorded=st.lists(interactions(), max_size=3))
@settings(deadline=None)
def test_libyaml_and_pyyaml_write_the_same(folder: Path, recorded: list[Interaction]) -> None:
    save(folder / "fast.yaml", recorded, serializer=Serializer(libyaml=True))
    save(folder / "pure.yaml", recorded, serializer=Serializer(libyaml=False))

    assert (folder / "fast.yaml").read_bytes() == (folder / "pure.yaml").read_bytes()


@given(recorded=st.lists(interactions(), min_size=1, max_size=3))
@settings(deadline=None)
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
      interactions: 1
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


# Writing


def test_folders_are_made_and_nothing_else_is_left(tmp_path: Path) -> None:
    save(tmp_path / "a" / "b" / "c.yaml", [an_interaction()])

    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["c.yaml"]


def test_a_failed_save_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "a.yaml", [an_interaction()])

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CassetteError, match=r"a\.yaml: the file cannot be written: No space left on device"):
        save(tmp_path / "a.yaml", [])
    assert load(tmp_path / "a.yaml") == [an_interaction()]
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    save(tmp_path / "a.yaml", [an_interaction()])
    with (tmp_path / "a.yaml").open("rb") as opened_before:
        save(tmp_path / "a.yaml", [])
        assert b"data: a" in opened_before.read()


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    save(tmp_path / "real.yaml", [])
    (tmp_path / "link.yaml").symlink_to("real.yaml")
    save(tmp_path / "link.yaml", [an_interaction()])

    assert (tmp_path / "link.yaml").is_symlink()
    assert load(tmp_path / "real.yaml") == [an_interaction()]


def test_a_file_has_the_rights_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        save(tmp_path / "a.yaml", [])
    finally:
        os.umask(before)
    assert (tmp_path / "a.yaml").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("recorded", "complaint"),
    [
        (an_interaction(head=-1.0), "-1.0 seconds cannot have been recorded"),
        (an_interaction(head=float("inf")), "inf seconds cannot have been recorded"),
        (an_interaction(headers=(("A", "\udcff"),)), "a lone surrogate cannot be written"),
        (an_interaction(request=RecordedRequest("GET", "http://[")), "an address that cannot be replayed"),
    ],
)
def test_what_cannot_be_saved_says_so(tmp_path: Path, recorded: Interaction, complaint: str) -> None:
    with pytest.raises(CassetteError, match=complaint):
        save(tmp_path / "a.yaml", [recorded])
    with pytest.raises(CassetteError, match=complaint):
        Tape(tmp_path / "a.yaml").add(recorded)
    assert not (tmp_path / "a.yaml").exists()


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(CassetteError, match="the file cannot be written: Is a directory"):
        save(tmp_path, [])
    with pytest.raises(CassetteError, match="the file cannot be read: Is a directory"):
        load(tmp_path)


# Damage


def at(*keys: str | int) -> Callable[[Any], Any]:
    """Goes down to the last mapping or list before the last key."""

    def go(data: Any) -> Any:
        for key in keys:
            data = data[key]
        return data

    return go


def put(*keys_and_value: Any) -> Callable[[Any], object]:
    *keys, last, value = keys_and_value
    return lambda data: at(*keys)(data).__setitem__(last, value)


def drop(*keys: Any) -> Callable[[Any], object]:
    return lambda data: at(*keys[:-1])(data).__delitem__(keys[-1])


OURS = ("interactions", 0, "response", "x-orharness")
IN = r"interactions\[0\]\."
DAMAGE = [
    (put("interactions", {}), "interactions: a list is expected here, not dict"),
    (put("interactions", None), "interactions: a list is expected here, not nothing"),
    (drop("interactions"), "interactions: this key is missing"),
    (drop("version"), "version: this key is missing: .* the end of this file is lost. .* add the line `version: 1`"),
    (put("version", None), "version: this key is missing"),
    (put("version", 2), "version: vcrpy's version 2 is not known here"),
    (put("interactions", 0, "text"), r"interactions\[0\]: a mapping is expected here, not str 'text'"),
    (drop("interactions", 0, "request"), IN + "request: this key is missing"),
    (drop("interactions", 0, "response"), IN + "response: this key is missing"),
    (put("interactions", 0, "request", "method", 7), IN + "request.method: text is expected here, not int 7"),
    (drop("interactions", 0, "request", "uri"), IN + "request.uri: this key is missing"),
    (put("interactions", 0, "request", "uri", "http://["), IN + "request.uri: this is not an address"),
    (put("interactions", 0, "request", "body", [1]), IN + "request.body: text or !!binary is expected here, not list"),
    (put("interactions", 0, "request", "headers", []), IN + "request.headers: a mapping is expected here, not list"),
    (
        put("interactions", 0, "response", "headers", "A", {}),
        IN + "response.headers.A: text is expected here, not dict",
    ),
    (drop("interactions", 0, "response", "status"), IN + "response.status: this key is missing"),
    (put("interactions", 0, "response", "status", 200), IN + "response.status: a mapping is expected here, not int"),
    (put("interactions", 0, "response", "status", "code", "200"), IN + "response.status.code: a whole number from 100"),
    (put("interactions", 0, "response", "status", "message", 1), IN + "response.status.message: text is expected"),
    (drop("interactions", 0, "response", "body"), IN + "response.body: this key is missing"),
    (
        put("interactions", 0, "response", "body", None),
        IN + r"response.body: a response has a body \(or a parsed_body\)",
    ),
    (put("interactions", 0, "response", "body", "a"), IN + "response.body: a mapping is expected here, not str"),
    (put("interactions", 0, "response", "body", {}), IN + "response.body.string: this key is missing"),
    (put("interactions", 0, "response", "body", "string", 1), IN + "response.body.string: text or !!binary"),
    (put("interactions", 0, "response", "x-orharness", []), IN + "response.x-orharness: a mapping is expected here"),
    (drop(*OURS, "format"), IN + "response.x-orharness.format: this key is missing"),
    (put(*OURS, "format", 2), IN + "response.x-orharness.format: this orharness reads format 1, not 2"),
    (put(*OURS, "head", -1), IN + "response.x-orharness.head: seconds from 0 up are expected here, not -1"),
    (put(*OURS, "head", True), IN + "response.x-orharness.head: seconds from 0 up are expected here, not True"),
    (put(*OURS, "chunks", {}), IN + "response.x-orharness.chunks: a list is expected here, not dict"),
    (put(*OURS, "chunks", 0, 9), IN + r"response.x-orharness.chunks\[0\]: a list is expected here, not int 9"),
    (put(*OURS, "chunks", 0, [9]), IN + r"response.x-orharness.chunks\[0\]: a chunk is \[seconds, bytes\], not \[9\]"),
    (put(*OURS, "chunks", 0, [0, 8, 1]), IN + r"response.x-orharness.chunks\[0\]: a chunk is \[seconds, bytes\], not"),
    (put(*OURS, "chunks", 0, 0, -0.1), IN + r"response.x-orharness.chunks\[0\]\[0\]: seconds from 0 up .* not -0.1"),
    (put(*OURS, "chunks", 0, 0, float("nan")), IN + r"response.x-orharness.chunks\[0\]\[0\]: seconds from 0 up"),
    (put(*OURS, "chunks", 0, 0, "0"), IN + r"response.x-orharness.chunks\[0\]\[0\]: seconds from 0 up .* not '0'"),
    (put(*OURS, "chunks", 0, 1, 0), IN + r"response.x-orharness.chunks\[0\]\[1\]: a whole number from 1 up .* not 0"),
    (put(*OURS, "chunks", 0, 1, 9.0), IN + r"response.x-orharness.chunks\[0\]\[1\]: a whole number from 1 up .* not 9"),
    (
        put(*OURS, "chunks", 0, 1, 10),
        IN + "response.x-orharness.chunks: the sizes add up to 24, but the body has 23 bytes: .* filter_sensitive_data",
    ),
    (put(*OURS, "chunks", []), IN + "response.x-orharness.chunks: the sizes add up to 0, but the body has 23 bytes"),
    (put(*OURS, "framing", "odd"), IN + "response.x-orharness.framing: 'odd' is not a valid Framing"),
    (put(*OURS, "ending", "odd"), IN + "response.x-orharness.ending: ending 'odd' is not one of eof"),
    (put(*OURS, "ending", 1), IN + "response.x-orharness.ending: text is expected here, not int 1"),
    (put(*OURS, "announced", -1), IN + "response.x-orharness.announced: a whole number from 0 up"),
    (put(*OURS, "recorded_at", 5), IN + "response.x-orharness.recorded_at: text is expected here, not int 5"),
    (put(*OURS, "timed", "no"), IN + "response.x-orharness.timed: true or false is expected here, not str 'no'"),
    (
        put(*OURS, "interactions", 2),
        IN + "response.x-orharness.interactions: 2 interactions were written, but the file holds 1. .* this key to 1",
    ),
    (put(*OURS, "interactions", 0), IN + "response.x-orharness.interactions: a whole number from 1 up"),
    (put(*OURS, "note", 1), IN + "response.x-orharness.note: text is expected here, not int 1"),
]


@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize(("damage", "complaint"), DAMAGE)
def test_damage_names_file_and_key(
    tmp_path: Path, damage: Callable[[Any], object], complaint: str, serializer: Serializer
) -> None:
    path = written(tmp_path / "damaged.yaml", damage)

    with pytest.raises(CassetteError, match=r"damaged\.yaml: " + complaint):
        load(path, serializer=serializer)


@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (b"# nothing\n", "a mapping is expected here, not nothing"),
        (b"a: [", "the file is not YAML"),
        (b"a: \x01", "the file is not YAML"),
        (b"!!python/object/apply:os.getcwd []", "the file is not YAML"),
        (b"[]", "a mapping is expected here, not list"),
        (b"version: 1\n", "interactions: this key is missing"),
        (
            b"- request: {}\n  response: {}\n",
            r"the file has a form from before vcrpy 1.0: run `python -m vcr.migration` on it",
        ),
        (b"just text", "a mapping is expected here, not str"),
        (b"interactions: \xff", "the file is not UTF-8"),
        ("interactions: Grüße".encode("utf-16"), "the file is not UTF-8"),
    ],
)
def test_a_file_that_is_no_cassette(tmp_path: Path, data: bytes, complaint: str, serializer: Serializer) -> None:
    (tmp_path / "odd.yaml").write_bytes(data)

    with pytest.raises(CassetteError, match=r"odd\.yaml: " + complaint):
        load(tmp_path / "odd.yaml", serializer=serializer)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CassetteError, match=r"gone\.yaml: there is no such cassette"):
        load(tmp_path / "gone.yaml")


def test_line_ends_of_windows_and_a_bom_change_nothing(tmp_path: Path) -> None:
    save(tmp_path / "a.yaml", [an_interaction()])
    data = (tmp_path / "a.yaml").read_bytes().replace(b"\n", b"\r\n")
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbf" + data)

    assert load(tmp_path / "a.yaml") == [an_interaction()]


def test_a_date_is_text_as_it_stands_there(tmp_path: Path) -> None:
    save(tmp_path / "a.yaml", [an_interaction(headers=(("A", "2026-11-22"),), recorded_at="2026-11-22T06:00:00Z")])
    text = (tmp_path / "a.yaml").read_text("utf-8").replace("'", "")
    (tmp_path / "a.yaml").write_text(text.replace("body: {", "body: #{"), "utf-8")

    (found,) = load(tmp_path / "a.yaml")
    assert found.headers == (("A", "2026-11-22"),)
    assert found.recorded_at == "2026-11-22T06:00:00Z"


# Foreign cassettes

RECORDINGS = [  # read off the files by eye and with grep: file, number, status, blocks, events, comments, bytes
    ("anthropic-gzip-binary", 0, 200, 17, 17, 0, 3463),
    ("anthropic-messages", 0, 200, 21, 21, 0, 4451),
    ("azure-four-streams", 0, 200, 32, 32, 0, 13798),
    ("azure-four-streams", 1, 200, 23, 23, 0, 13430),
    ("azure-four-streams", 2, 200, 31, 31, 0, 18197),
    ("azure-four-streams", 3, 200, 28, 28, 0, 16292),
    ("crusoe-chat", 0, 200, 17, 17, 0, 4011),
    ("deepseek-reasoning-content", 0, 200, 212, 212, 0, 67651),
    ("gemini-crlf", 0, 200, 3, 3, 0, 1012),
    ("groq-named-error-event", 0, 200, 95, 95, 0, 28181),
    ("groq-named-error-event", 1, 200, 26, 26, 0, 8034),
    ("groq-named-error-event", 2, 200, 51, 51, 0, 15033),
    ("huggingface-router-cancelled", 0, 200, 1, 0, 0, 603),
    ("huggingface-router-cancelled", 1, 200, 5, 5, 0, 1263),
    ("openai-responses", 0, 200, 11, 11, 0, 4576),
    ("openai-responses", 1, 200, 15, 15, 0, 5398),
    ("openai-tool-calls", 0, 200, 9, 9, 0, 3222),
    ("openai-tool-calls", 1, 200, 12, 12, 0, 3825),
    ("openai-usage-empty-choices", 0, 200, 12, 12, 0, 3809),
    ("openrouter-30-comments", 0, 200, 56, 26, 30, 8147),
    ("openrouter-mid-stream-error", 0, 200, 22, 5, 17, 2342),
    ("openrouter-reasoning", 0, 200, 19, 15, 4, 6038),
    ("openrouter-reasoning-2", 0, 200, 31, 9, 22, 6852),
    ("openrouter-responses-empty-comment", 0, 200, 1, 0, 0, 9403),
    ("openrouter-responses-empty-comment", 1, 200, 13, 12, 1, 6882),
    ("openrouter-web-search", 0, 200, 20, 15, 5, 4504),
]


def test_every_recording_is_in_the_table(recordings: Path) -> None:
    found = [(path.stem, number) for path in sorted(recordings.glob("*.yaml")) for number in range(len(load(path)))]

    assert sorted(found) == [row[:2] for row in RECORDINGS]


@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize(("name", "number", "status", "blocks", "events", "comments", "size"), RECORDINGS)
def test_recordings_load(
    recordings: Path,
    name: str,
    number: int,
    status: int,
    blocks: int,
    events: int,
    comments: int,
    size: int,
    serializer: Serializer,
) -> None:
    found = load(recordings / f"{name}.yaml", serializer=serializer)[number]

    items = decode(found.stream.body)
    assert found.status == status
    assert len(found.stream.body) == size
    assert len(found.stream.chunks) == blocks
    assert len([item for item in items if isinstance(item, Event)]) == events
    assert len(items) - events == comments
    assert not found.timed
    assert found.stream.duration == 0
    assert (
        json.loads(found.request.body or b"{}")["model"]
        if found.request.method == "POST" and "gemini" not in name
        else 1
    )


def test_what_is_computed_or_of_one_connection_is_not_replayed(recordings: Path) -> None:
    dropped = {"content-length", "transfer-encoding", "content-encoding", "connection", "keep-alive"}
    for path in recordings.glob("*.yaml"):
        for found in load(path):
            assert dropped.isdisjoint(name.lower() for name, _ in found.headers)


def test_recordings_survive_a_save(recordings: Path, tmp_path: Path) -> None:
    for path in recordings.glob("*.yaml"):
        found = load(path)
        save(tmp_path / path.name, found)

        assert load(tmp_path / path.name) == found


def test_a_response_without_bytes_replays_its_parsed_body(recordings: Path) -> None:
    found = load(recordings / "huggingface-router-cancelled.yaml")[0]

    assert json.loads(found.stream.body)["id"] == "meta-llama/Llama-3.1-8B-Instruct"
    assert found.note == "the body is the JSON of parsed_body: the recording holds no bytes"


def test_parsed_body_gives_way_to_a_body(tmp_path: Path) -> None:
    (found,) = load(foreign(tmp_path / "a.yaml", body={"string": "bytes"}, parsed_body={"json": "Grüße"}))
    assert found.stream.body == b"bytes"
    assert found.note is None

    (found,) = load(foreign(tmp_path / "a.yaml", parsed_body={"json": "Grüße", "n": [1.5, None], "when": "2026-11-22"}))
    assert found.stream.body == '{"json":"Grüße","n":[1.5,null],"when":"2026-11-22"}'.encode()


def test_a_request_with_both_has_its_body(tmp_path: Path) -> None:
    both = put("interactions", 0, "request", "parsed_body", {"model": "other"})
    neither = drop("interactions", 0, "request", "body")

    assert json.loads(load(written(tmp_path / "a.yaml", both))[0].request.body)["model"] == "m"
    assert load(written(tmp_path / "a.yaml", both, neither))[0].request.body == b'{"model":"other"}'
    assert load(written(tmp_path / "a.yaml", neither))[0].request.body == b""


def test_what_is_shared_in_memory_is_written_out_each_time() -> None:
    shared = ["a", "b"]
    request = {"method": "GET", "uri": URI, "body": None, "headers": {"A": shared}}
    text = Serializer().serialize({"interactions": [{"request": request, "response": {"headers": {"A": shared}}}]})

    assert "&" not in text
    assert "*" not in text


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


STREAM = b"data: a\n\ndata: [DONE]\n\n" * 20


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(STREAM, mtime=0)),
        ("GZIP", gzip.compress(STREAM, mtime=0)),
        ("deflate", zlib.compress(STREAM)),
        ("deflate", deflated(STREAM)),
        ("gzip", STREAM),  # the recorder decoded it and kept the header
        ("br", STREAM),
        ("identity", STREAM),
        ("deflate, gzip", gzip.compress(zlib.compress(STREAM), mtime=0)),
    ],
)
def test_content_codings_are_decoded(tmp_path: Path, coding: str, packed: bytes) -> None:
    headers = {"content-type": ["text/event-stream"], "Content-Encoding": coding, "Content-Length": ["7"]}
    (found,) = load(foreign(tmp_path / "a.yaml", headers, body={"string": packed}))

    assert found.stream.body == STREAM
    assert len(found.stream.chunks) == 40
    assert found.headers == (("content-type", "text/event-stream"),)


def test_what_a_cancelled_client_got_of_a_gzip_stream_is_decoded(tmp_path: Path) -> None:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    began = packer.compress(b"data: a\n\n") + packer.flush(zlib.Z_SYNC_FLUSH)
    (found,) = load(foreign(tmp_path / "a.yaml", {"Content-Encoding": "gzip"}, body={"string": began}))

    assert found.stream.body == b"data: a\n\n"


def test_a_content_coding_that_nobody_knows(tmp_path: Path) -> None:
    path = foreign(tmp_path / "a.yaml", {"Content-Encoding": "br"}, body={"string": b"\xff\xfe"})

    with pytest.raises(CassetteError, match=r"response\.body: content-encoding br .* decode_compressed_response=True"):
        load(path)


@pytest.mark.parametrize(
    ("kind", "body", "pieces"),
    [
        ("text/event-stream", "data: a\n\n\ndata: b\n\n", ["data: a\n\n\n", "data: b\n\n"]),
        ("text/event-stream", "data: a\r\ndata: b\r\n\r\n", ["data: a\r\ndata: b\r\n\r\n"]),
        ("text/event-stream", "data: a\r\n\r\ndata: b\r\n\r\n", ["data: a\r\n\r\n", "data: b\r\n\r\n"]),
        ("text/event-stream", "data: a\r\rdata: b\r\n\ndata: c", ["data: a\r\r", "data: b\r\n\n", "data: c"]),
        ("text/event-stream", ": a\n\n: b\ndata: c\n\n", [": a\n\n", ": b\ndata: c\n\n"]),
        (None, "data: a\n\ndata: b\n\n", ["data: a\n\n", "data: b\n\n"]),
        ("text/plain", "data: a\n\ndata: b\n\n", ["data: a\n\ndata: b\n\n"]),
        ("application/json", "{\n\n}", ["{\n\n}"]),
        ("text/event-stream", "", []),
        ("text/event-stream", None, []),
    ],
)
def test_a_foreign_stream_is_one_chunk_an_event(
    tmp_path: Path, kind: str | None, body: str | None, pieces: list[str]
) -> None:
    (found,) = load(foreign(tmp_path / "a.yaml", {"content-type": kind} if kind else {}, body={"string": body}))

    assert [chunk.data.decode() for chunk in found.stream.chunks] == pieces


def test_odd_headers_of_a_foreign_cassette(tmp_path: Path) -> None:
    headers = {"Retry-After": 5, "A": [b"\xfc", "b"], "Content-Type": "text/plain"}
    (found,) = load(foreign(tmp_path / "a.yaml", headers, body={"string": "a"}))

    assert sorted(found.headers) == [("A", "b"), ("A", "ü"), ("Content-Type", "text/plain"), ("Retry-After", "5")]


def test_what_vcrpy_wrote_as_json_loads(tmp_path: Path) -> None:
    with vcr.VCR(serializer="json").use_cassette(tmp_path / "a.json") as cassette:
        request = vcr.request.Request("GET", URI, b"", {})
        body = {"string": "data: \N{GRINNING FACE}\n\n".encode()}
        cassette.append(request, {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": body})

    (found,) = load(tmp_path / "a.json")
    assert found.stream.body == "data: \N{GRINNING FACE}\n\n".encode()


def test_a_stream_that_someone_cut_the_chunks_from_is_one_chunk_an_event(tmp_path: Path) -> None:
    (found,) = load(written(tmp_path / "a.yaml", drop(*OURS, "chunks")))

    assert [chunk.data for chunk in found.stream.chunks] == [b"data: a\n\n", b"data: [DONE]\n\n"]
    assert found.head == 0.5
    assert not found.timed


# A file that was cut

SHIPPED = sorted((Path(__file__).parents[1] / "cassettes").glob("*.yaml"))


def several(path: Path) -> Path:
    """A file of ours with several interactions, and every kind of text in it."""
    save(path, [an_interaction(*NASTY, recorded_at="2026-11-22T06:00:00Z"), an_interaction(), an_interaction(b"{}")])
    return path


def resaved(path: Path) -> Path:
    """The same after vcrpy has saved it with an interaction of its own."""
    with vcr.use_cassette(several(path), record_mode="new_episodes") as cassette:
        response = {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": b"of vcrpy"}}
        cassette.append(vcr.request.Request("GET", URI, b"", {}), response)
    assert len(load(path)) == 4
    return path


def taped(path: Path) -> Path:
    """What a recorder writes."""
    tape = Tape(path, "rewrite")
    for number in range(3):
        tape.add(an_interaction(b"data: %d\n\n" % number))
    return path


def shipped_as(name: str) -> Callable[[Path], Path]:
    (found,) = (path for path in SHIPPED if path.name == name)
    return lambda path: Path(shutil.copy(found, path))


MADE = [several, resaved, taped, *(shipped_as(path.name) for path in SHIPPED)]
every_made = pytest.mark.parametrize("make", MADE, ids=["several", "resaved", "taped", *(one.stem for one in SHIPPED)])


def check_cuts(path: Path, offsets: Iterable[int]) -> None:
    """Each cut that takes more than white space off the end is refused, with the file and what is wrong in it."""
    data, whole = path.read_bytes(), load(path)
    cut = path.with_name("cut.yaml")
    for offset in offsets:
        cut.write_bytes(data[:offset])
        if data[offset:].isspace():
            assert load(cut) == whole
            continue
        with pytest.raises(CassetteError, match=rf"^{re.escape(str(cut))}: {MISSING_END}"):
            load(cut)


# A cut between two keys names the key that is lost; any other leaves no YAML (with its line number) or no mapping.
MISSING_END = "(version: this key is missing|the file is (empty|not YAML|not UTF-8)|a mapping is expected here)"


@every_made
def test_a_file_cut_at_the_end_of_a_line_is_refused(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path / "whole.yaml")
    data = path.read_bytes()
    ends = [match.end() for match in re.finditer(b"\n", data)]

    check_cuts(path, [offset for end in ends for offset in (end - 1, end) if offset < len(data)])
    check_cuts(path, range(len(data) - 30, len(data)))


@pytest.mark.slow
@every_made
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path / "whole.yaml")

    check_cuts(path, range(path.stat().st_size))


@given(recorded=st.lists(interactions(), max_size=3), data=st.data())
def test_whatever_is_saved_is_not_loaded_when_cut(
    folder: Path, recorded: list[Interaction], data: st.DataObject
) -> None:
    save(folder / "whole.yaml", recorded)

    check_cuts(folder / "whole.yaml", [data.draw(st.integers(0, (folder / "whole.yaml").stat().st_size - 1))])


@pytest.mark.parametrize("gone", [1, 2])
def test_an_interaction_that_is_missing_before_the_end_is_refused(tmp_path: Path, gone: int) -> None:
    path = several(tmp_path / "a.yaml")
    data = yaml.safe_load(path.read_text("utf-8"))
    del data["interactions"][gone]
    path.write_text(yaml.safe_dump(data), "utf-8")

    said = r"a\.yaml: interactions\[0\]\.response\.x-orharness\.interactions: 3 interactions were written, .* holds 2\."
    with pytest.raises(CassetteError, match=said):
        load(path)
    with pytest.raises(CassetteError, match=said), ours().use_cassette(path):
        pass


def test_a_tape_writes_the_number_that_the_file_holds_now(tmp_path: Path) -> None:
    path = several(tmp_path / "a.yaml")
    Tape(path, "new_episodes").add(an_interaction(b"{}"))

    totals = [one["response"]["x-orharness"].get("interactions") for one in _interactions_in(path)]
    assert totals == [4, None, None, None]


def test_vcrpy_with_our_serializer_keeps_the_number_right(tmp_path: Path) -> None:
    path = several(tmp_path / "a.yaml")
    with ours().use_cassette(path, record_mode="none") as cassette:
        cassette.data.pop()
        cassette._save(force=True)

    assert [one["response"]["x-orharness"].get("interactions") for one in _interactions_in(path)] == [2, None]
    assert len(load(path)) == 2


def _interactions_in(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(path.read_text("utf-8"))["interactions"]
    return found


def test_a_file_of_an_earlier_version_loads(tmp_path: Path) -> None:
    """It has ``version`` as its first line, and no number of interactions."""
    path = several(tmp_path / "a.yaml")
    whole, text = load(path), path.read_bytes()
    text = b"version: 1\n" + text.removesuffix(b"version: 1\n").replace(b"      interactions: 3\n", b"")
    path.write_bytes(text)

    assert load(path) == whole


# Secrets

SECRETS = [
    ("Authorization", "Bearer secret"),
    ("proxy-authorization", "Basic secret"),
    ("Cookie", "a=secret"),
    ("Set-Cookie", "a=secret"),
    ("x-api-key", "secret"),
    ("API-KEY", "secret"),
    ("X-Goog-Api-Key", "secret"),
    ("Ocp-Apim-Subscription-Key", "secret"),
    ("X-Amz-Security-Token", "secret"),
    ("X-Auth-Key", "secret"),
    ("key", "secret"),
]
HARMLESS = [
    ("Content-Type", "a"),
    ("x-ratelimit-remaining-tokens", "5"),
    ("anthropic-version", "1"),
    ("Monkey", "1"),
    ("Idempotency-Key", "1"),
    ("X-Prompt-Cache-Key", "1"),
    ("Sec-WebSocket-Key", "1"),
    ("Surrogate-Key", "1"),
    ("Access-Control-Allow-Credentials", "true"),
]


def test_secrets_are_never_written(tmp_path: Path) -> None:
    headers = (*SECRETS, *HARMLESS)
    request = RecordedRequest("POST", "https://me:secret@llm.example/v1/x?key=secret&a=b&api_key=secret", headers)
    recorded = an_interaction(request=request, headers=headers)
    save(tmp_path / "saved.yaml", [recorded])
    Tape(tmp_path / "taped.yaml").add(recorded)

    for path in tmp_path.iterdir():
        assert b"secret" not in path.read_bytes()
        (found,) = load(path)
        assert found.headers == found.request.headers == tuple(HARMLESS)
        assert found.request.uri == "https://llm.example/v1/x?a=b"


def test_scrub() -> None:
    assert scrub([*SECRETS, *HARMLESS]) == tuple(HARMLESS)


@pytest.mark.parametrize("name", [name for name, _ in SECRETS] + ["x-goog-api-key", "openai-api-key", "X-Auth-Token"])
def test_the_journal_of_a_server_hides_what_a_cassette_does_not_keep(name: str) -> None:
    assert Request("GET", "/", ((name, "secret"), *HARMLESS)).to_json()["headers"] == {
        name: "[hidden]",
        **dict(HARMLESS),
    }


@pytest.mark.parametrize(
    ("uri", "clean"),
    [
        ("https://a/b?key=1", "https://a/b"),
        ("https://a/b?api%5Fkey=1&x=%20+&y", "https://a/b?x=%20+&y"),
        ("https://a/b?API-Key=1&access_token=2&monkey=3", "https://a/b?monkey=3"),
        ("https://user:word@a:80/b#c", "https://a:80/b#c"),
        ("https://a/b?x=%7e&&y=", "https://a/b?x=%7e&&y="),
        ("https://a/b?", "https://a/b?"),
    ],
)
def test_scrub_uri(uri: str, clean: str) -> None:
    assert scrub_uri(uri) == clean


def test_redact_moves_the_boundaries() -> None:
    request = RecordedRequest("POST", URI + "?user=sk-1", (("A", "sk-1"),), b'{"key": "sk-1"}')
    recorded = an_interaction(
        b"data: sk", b"-1 and sk-1\n\n", b"data: b\n\n", request=request, headers=(("B", "sk-1"),)
    )

    found = redact(recorded, ["sk-1", ""])

    assert found.stream.body == b"data: REDACTED and REDACTED\n\ndata: b\n\n"
    assert [chunk.data for chunk in found.stream.chunks] == [b"data: REDACTED", b" and REDACTED\n\n", b"data: b\n\n"]
    assert found.request == RecordedRequest(
        "POST", URI + "?user=REDACTED", (("A", "REDACTED"),), b'{"key": "REDACTED"}'
    )
    assert found.headers == (("B", "REDACTED"),)


# vcrpy


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A cassette of ours with bytes of every kind."""
    pieces = [
        "data: Grüße, 世界\n\n".encode()[:9],
        "data: Grüße, 世界\n\n".encode()[9:],
        b": \n\n",
        b"data: [DONE]\r\n\r\n",
    ]
    request = RecordedRequest("POST", URI, (("Content-Type", "application/json"),), b'{"model": "m"}')
    save(tmp_path / "shipped.yaml", [an_interaction(*pieces, request=request)])
    return tmp_path / "shipped.yaml"


def with_httpx() -> bytes:
    return httpx.post(URI, json={"model": "m"}).content


def with_requests() -> bytes:
    return requests.post(URI, json={"model": "m"}, timeout=5).content


@pytest.mark.parametrize("client", [with_httpx, with_requests])
def test_vcrpy_replays_it_byte_for_byte(shipped: Path, client: Callable[[], bytes]) -> None:
    with vcr.use_cassette(shipped, record_mode="none") as cassette:
        assert client() == load(shipped)[0].stream.body
        assert cassette.all_played


def resaved_when_dirty(path: Path) -> None:
    with vcr.use_cassette(path, record_mode="new_episodes") as cassette:
        cassette.dirty = True


def resaved_by_force(path: Path) -> None:
    with vcr.use_cassette(path, record_mode="none") as cassette:
        cassette._save(force=True)


@pytest.mark.parametrize("resave", [resaved_when_dirty, resaved_by_force])
def test_chunks_and_timing_survive_a_save_by_vcrpy(shipped: Path, resave: Callable[[Path], None]) -> None:
    before, text = load(shipped), shipped.read_bytes()
    resave(shipped)

    assert shipped.read_bytes() != text  # vcrpy has a style of its own
    assert load(shipped) == before


class Answer(BaseHTTPRequestHandler):
    """A server that vcrpy can record."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Set-Cookie", "a=secret")
        self.end_headers()
        self.wfile.write("data: Grüße, 世界 \N{GRINNING FACE}\n\n".encode())

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def a_server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/models?key=secret"
        finally:
            server.shutdown()
            thread.join()


def ours() -> Any:
    """A vcrpy user's VCR with our two protocols registered."""
    recorder = vcr.VCR(serializer="orharness", record_mode="once", match_on=["method", "path"])
    recorder.register_serializer("orharness", Serializer())
    recorder.register_persister(Persister)
    return recorder


def test_a_vcrpy_user_can_register_serializer_and_persister(tmp_path: Path) -> None:
    path = tmp_path / "new" / "recorded"
    with a_server() as uri, ours().use_cassette(path):
        first = requests.get(uri, headers={"Authorization": "Bearer secret"}, timeout=5).content
    with ours().use_cassette(path):
        again = requests.get(uri, timeout=5).content

    assert first == again == "data: Grüße, 世界 \N{GRINNING FACE}\n\n".encode()
    text = path.read_bytes().decode()
    assert "      string: |+\n        data: Grüße, 世界 \N{GRINNING FACE}\n" in text
    assert "secret" not in text
    assert load(path)[0].stream.body == first


def test_what_vcrpy_holds_in_memory_stays_bytes(tmp_path: Path) -> None:
    with ours().use_cassette(tmp_path / "a") as cassette:
        response = {
            "status": {"code": 200, "message": "OK"},
            "headers": {"Set-Cookie": ["a"]},
            "body": {"string": b"a"},
        }
        cassette.append(vcr.request.Request("GET", URI, b"b", {"Authorization": "c"}), response)
        cassette._save(force=True)

        assert cassette.responses[0]["body"] == {"string": b"a"}
        assert cassette.responses[0]["headers"] == {"Set-Cookie": ["a"]}
        assert cassette.requests[0].headers == {"Authorization": "c"}


def test_damage_is_no_empty_cassette_to_a_vcrpy_user_either(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"interactions: [\xff]")

    with pytest.raises(CassetteError, match="the file is not UTF-8"), ours().use_cassette(tmp_path / "a"):
        pass


def test_a_filter_of_vcrpy_that_changed_the_body_is_seen(shipped: Path) -> None:
    if int(vcr.__version__.partition(".")[0]) < 9:
        pytest.skip("filter_sensitive_data came with vcrpy 9")
    hiding = vcr.VCR(filter_sensitive_data={"<HIDDEN>": "世界"}, record_mode="new_episodes")
    with hiding.use_cassette(shipped) as cassette:
        cassette.dirty = True

    with pytest.raises(CassetteError, match=r"chunks: the sizes add up to 43, but the body has 45 bytes"):
        load(shipped)


# Tape


def test_a_tape_saves_each_interaction_at_once(tmp_path: Path) -> None:
    tape = Tape(tmp_path / "a.yaml")
    for number in range(3):
        tape.add(an_interaction(b"data: %d\n\n" % number))
        assert load(tmp_path / "a.yaml") == tape.interactions
        assert len(tape.interactions) == number + 1


def test_a_tape_keeps_the_order_of_the_requests(tmp_path: Path) -> None:
    save(tmp_path / "a.yaml", [an_interaction(b"old")])
    tape = Tape(tmp_path / "a.yaml", "new_episodes")
    for order in (2, 0, 1):
        tape.add(an_interaction(b"%d" % order), order)
    tape.add(an_interaction(b"3"))

    assert [one.stream.body for one in load(tmp_path / "a.yaml")] == [b"old", b"0", b"1", b"2", b"3"]


MODELS = an_interaction(b"{}", request=RecordedRequest("GET", "https://llm.example/v1/models"))


@pytest.mark.parametrize(
    ("mode", "there", "bodies_after"),
    [
        ("none", False, None),
        ("none", True, None),
        ("once", False, [b"new 1", b"new 2"]),
        ("once", True, None),
        ("new_episodes", False, [b"new 1", b"new 2"]),
        ("new_episodes", True, [b"old", b"{}", b"new 1", b"new 2"]),
        ("any", True, [b"old", b"{}", b"new 1", b"new 2"]),
        ("all", False, [b"new 1", b"new 2"]),
        ("all", True, [b"{}", b"new 1", b"new 2"]),
        ("rewrite", False, [b"new 1", b"new 2"]),
        ("rewrite", True, [b"new 1", b"new 2"]),
    ],
)
def test_record_modes(tmp_path: Path, mode: str, there: bool, bodies_after: list[bytes] | None) -> None:
    path = tmp_path / "a.yaml"
    if there:
        save(path, [an_interaction(b"old"), MODELS])
    tape = Tape(path, mode)

    assert tape.records == (bodies_after is not None)
    if bodies_after is None:
        with pytest.raises(CassetteError, match=rf"a\.yaml: record mode {mode} adds nothing"):
            tape.add(an_interaction())
        assert path.exists() == there
    else:
        tape.add(an_interaction(b"new 1"))
        tape.add(an_interaction(b"new 2"))
        assert [one.stream.body for one in load(path)] == bodies_after


def test_a_record_mode_that_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="record mode 'some' is not one of all, new_episodes, none, once, rewrite"):
        Tape(tmp_path / "a.yaml", "some")


def test_a_tape_does_not_record_over_a_damaged_file(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("", "utf-8")

    with pytest.raises(CassetteError, match="the file is empty"):
        Tape(tmp_path / "a.yaml", "all")
