"""Cassettes that vcrpy and pydantic-ai wrote."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path

import pytest
import vcr  # type: ignore[import-untyped]

from orharness.cassette import Serializer, load, save, seal
from orharness.errors import CassetteError
from orharness.sse import Event, decode
from tests.support.cassette_samples import OURS, SERIALIZERS, URI, drop, foreign, put, written

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


@pytest.mark.slow
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

    unsealed = drop(*OURS, "sha256")
    assert json.loads(load(written(tmp_path / "a.yaml", unsealed, both))[0].request.body)["model"] == "m"
    assert load(written(tmp_path / "a.yaml", unsealed, both, neither))[0].request.body == b'{"model":"other"}'
    assert load(written(tmp_path / "a.yaml", unsealed, neither))[0].request.body == b""


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
    path = written(tmp_path / "a.yaml", drop(*OURS, "chunks"))
    assert seal(path) == []
    (found,) = load(path)

    assert [chunk.data for chunk in found.stream.chunks] == [b"data: a\n\n", b"data: [DONE]\n\n"]
    assert found.head == 0.5
    assert not found.timed
